//! The schema of a table: names, kinds and units of its columns, and which of them names its rows.

use super::cell::{bare, date, is_empty, quantity, year};
use crate::item::{Column, ColumnKind};
use crate::name::{same, stem, words};
use longlab_documents::{Span, Table};
use std::collections::HashSet;

/// Longest text of a cell that counts as a value, characters.
const LONGEST: usize = 80;

/// Columns beyond these are not looked at.
const MOST_COLUMNS: usize = 64;

/// Words in headlines of numbers that name and do not count.
const NAMING: [&str; 30] = [
    "id", "ids", "index", "no", "nr", "number", "code", "zip", "phone", "line", "version", "rank", "port", "isbn",
    "key", "entity", "group", "groups", "cluster", "firm", "person", "subject", "quarter", "month", "week", "day",
    "hour", "time", "county", "state",
];

/// Ends of such words: `dcode`, `countyid`.
const NAMING_ENDS: [&str; 3] = ["code", "fips", "id"];

/// Words that end so and count all the same.
const COUNTING: [&str; 8] = ["paid", "unpaid", "bid", "acid", "solid", "fluid", "liquid", "humid"];

/// Headlines over numbers of different things: properties and their values, measures of each variable. Sums and means of these mean nothing.
const UNLIKE: [&str; 17] = [
    "value", "values", "min", "max", "minimum", "maximum", "mean", "average", "median", "sd", "std", "stdev",
    "variance", "q1", "q3", "coef", "estimate",
];

/// Words in headlines of years.
const YEARS: [&str; 14] = [
    "year",
    "years",
    "date",
    "founded",
    "released",
    "release",
    "built",
    "established",
    "born",
    "died",
    "since",
    "published",
    "introduced",
    "opened",
];

/// The columns of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// One a column of the table; none where nothing can be asked of it.
    pub columns: Vec<Option<Column>>,
    /// The column that names the rows: texts, each once.
    pub key: Option<usize>,
}

impl Schema {
    /// The schema of a table.
    ///
    /// # Errors
    /// Why nothing can be asked of the table.
    pub fn of(table: &Table, fewest_rows: usize) -> Result<Schema, &'static str> {
        shaped(table, fewest_rows)?;
        let mut columns: Vec<Option<Column>> = (0..table.head.len()).map(|at| column(table, at)).collect();
        leave_out_doubles(&mut columns);
        let key = (0..columns.len()).find(|at| columns[*at].is_some() && names_rows(table, *at, &columns));
        let asked = columns.iter().flatten().any(|column| column.kind != ColumnKind::Text);
        let schema = Schema { columns, key };
        if asked { Ok(schema) } else { Err("neither numbers nor dates") }
    }
}

/// Whether a table has the shape of one.
fn shaped(table: &Table, fewest_rows: usize) -> Result<(), &'static str> {
    if table.rows.len() < fewest_rows {
        return Err("fewer rows than `fewest_rows`");
    }
    if table.head.len() < 2 || table.head.len() > MOST_COLUMNS {
        return Err("a single column, or more than 64");
    }
    if table.rows.iter().any(|row| row.len() != table.head.len()) {
        return Err("rows of different lengths");
    }
    Ok(())
}

/// Whether every headline of a table stands in the text: readers may name columns that have none.
pub fn head_stands(table: &Table, text: &str) -> bool {
    table.head.iter().all(|cell| cell.span.of(text).is_some_and(|stands| same(stands, &cell.text)))
}

/// Two columns of one name cannot be told apart.
fn leave_out_doubles(columns: &mut [Option<Column>]) {
    let mut seen = HashSet::new();
    let doubled: HashSet<String> =
        columns.iter().flatten().map(|column| column.name.clone()).filter(|name| !seen.insert(name.clone())).collect();
    let double = |column: &Column| doubled.contains(&column.name);
    columns.iter_mut().for_each(|column| *column = column.take().filter(|column| !double(column)));
}

fn names_rows(table: &Table, at: usize, columns: &[Option<Column>]) -> bool {
    let text = columns[at].as_ref().is_some_and(|column| column.kind == ColumnKind::Text);
    let mut seen = HashSet::new();
    let named = |text: &str| !is_empty(text) && text.chars().any(char::is_alphabetic);
    text && table.rows.iter().all(|row| named(&row[at].text) && seen.insert(words(&row[at].text).collect::<Vec<_>>()))
}

fn column(table: &Table, at: usize) -> Option<Column> {
    let (label, unit) = headline(&table.head[at].text)?;
    let cells: Vec<&str> = table.rows.iter().map(|row| row[at].text.as_str()).filter(|text| !is_empty(text)).collect();
    let full = cells.len() >= 2 && 2 * cells.len() > table.rows.len();
    if !full || cells.iter().any(|text| text.chars().count() > LONGEST || text.contains('\n')) {
        return None;
    }
    let name = words(&label).collect::<Vec<_>>().join("_");
    let (kind, unit) = kind(&cells, &label, unit)?;
    Some(Column { name, label, kind, unit })
}

/// The kind of a column, and its unit. None for a column that only counts its rows.
fn kind(cells: &[&str], label: &str, unit: Option<String>) -> Option<(ColumnKind, Option<String>)> {
    let said = |list: &[&str]| words(label).any(|word| list.contains(&word.as_str()));
    if said(&YEARS) && cells.iter().all(|text| year(text).is_some()) {
        return Some((ColumnKind::Year, None));
    }
    if cells.iter().all(|text| date(text).is_some()) {
        return Some((ColumnKind::Date, None));
    }
    let Some(numbers) = cells.iter().map(|text| quantity(text)).collect::<Option<Vec<_>>>() else {
        return Some((ColumnKind::Text, None));
    };
    let names = |word: &str| NAMING_ENDS.iter().any(|end| word.ends_with(end)) && !COUNTING.contains(&word);
    let coded = words(label).any(|word| names(&word)) || UNLIKE.contains(&label.to_lowercase().as_str());
    if coded || said(&NAMING) || said(&YEARS) || numbers.windows(2).all(|pair| pair[1].value == pair[0].value + 1.0) {
        return None;
    }
    let own = numbers[0].unit.clone();
    let alike = numbers.iter().all(|number| number.unit == own);
    match (alike, own, unit) {
        (false, _, _) => Some((ColumnKind::Text, None)),
        (true, None, unit) => Some((ColumnKind::Number, unit)),
        (true, Some(own), None) => Some((ColumnKind::Number, Some(own))),
        (true, Some(own), Some(unit)) => (own == unit).then_some((ColumnKind::Number, Some(own))),
    }
}

/// Whether a headline is what readers call a column that has none.
fn is_number_of_column(label: &str) -> bool {
    label.strip_prefix("column ").is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A headline's words and its unit: `Mass (kg)`, `Height [m]`, `Price in USD`. None where there are no words.
pub(super) fn headline(text: &str) -> Option<(String, Option<String>)> {
    let text = bare(text).split_whitespace().collect::<Vec<_>>().join(" ");
    let text = text.trim_end_matches(['*', '†', '‡', ':']).trim().to_string();
    let bracketed = [('(', ')'), ('[', ']')].into_iter().find_map(|(open, close)| {
        let inside = text.strip_suffix(close)?;
        let (label, unit) = inside.rsplit_once(open)?;
        Some((label.trim().to_string(), unit.trim().to_string()))
    });
    let (label, unit) = match bracketed {
        // A number in brackets is a footnote.
        Some((label, unit)) if unit.chars().all(|c| c.is_ascii_digit()) => (label, None),
        Some((label, unit)) => (label, Some(unit)),
        None => (text, None),
    };
    let fit = words(&label).next().is_some() && label.chars().count() <= LONGEST && !is_number_of_column(&label);
    fit.then_some((label, unit.filter(|unit| !unit.is_empty() && unit.chars().count() <= 24)))
}

/// How a table stands to a list of columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It has all of them; the places of each.
    Same(Vec<usize>),
    /// It has columns of all their names, but others in kind or unit, or of names that differ in number alone, `packages` for `package`: a reader could
    /// not say whether it is meant.
    Alike,
    /// It lacks one.
    Other,
}

/// How a table stands to columns. Of a long table only the columns asked for are read.
pub fn standing(table: &Table, columns: &[Column]) -> Standing {
    let heads: Vec<Option<String>> = table
        .head
        .iter()
        .map(|cell| headline(&cell.text).map(|(label, _)| words(&label).collect::<Vec<_>>().join("_")))
        .collect();
    let named = |column: &Column| heads.iter().any(|head| head.as_deref() == Some(column.name.as_str()));
    let like = |column: &Column| heads.iter().flatten().any(|head| stem(head) == stem(&column.name));
    if columns.is_empty() || !columns.iter().all(like) {
        return Standing::Other;
    }
    if !columns.iter().all(named) {
        return Standing::Alike;
    }
    if shaped(table, 1).is_err() {
        return Standing::Alike;
    }
    let same = |column: &Column| {
        let called = |at: &usize| heads[*at].as_deref() == Some(column.name.as_str());
        let mut own = (0..heads.len()).filter(called).filter_map(|at| Some((at, self::column(table, at)?)));
        match (own.next(), own.next()) {
            // Two columns of one name cannot be told apart.
            (Some((place, own)), None) => (own.kind == column.kind && own.unit == column.unit).then_some(place),
            _ => None,
        }
    };
    let Some(places) = columns.iter().map(same).collect::<Option<Vec<usize>>>() else { return Standing::Alike };
    let texts = columns.iter().all(|column| column.kind == ColumnKind::Text);
    if texts && Schema::of(table, 1).is_err() { Standing::Alike } else { Standing::Same(places) }
}

/// Whether two stretches have a byte in common.
pub fn overlap(one: Span, other: Span) -> bool {
    one.start < other.end && other.start < one.end
}

/// Whether a stretch lies in another.
pub fn inside(inner: Span, outer: Span) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::table;

    fn kinds(lines: &str) -> Vec<Option<(String, ColumnKind, Option<String>)>> {
        let schema = Schema::of(&table(lines), 2).unwrap();
        schema.columns.into_iter().map(|column| column.map(|own| (own.name, own.kind, own.unit))).collect()
    }

    #[test]
    fn columns_have_kinds_and_units() {
        let found =
            kinds("Name|Mass (kg)|Price|Founded|Due\nA|1|$2|1990|May 2020\nB|1,000|$3|1980|n/a\nC|5|$9|1970|Jun 2020");
        let wanted = [
            ("name", ColumnKind::Text, None),
            ("mass", ColumnKind::Number, Some("kg")),
            ("price", ColumnKind::Number, Some("$")),
            ("founded", ColumnKind::Year, None),
            ("due", ColumnKind::Date, None),
        ];
        let wanted = wanted.map(|(name, kind, unit)| Some((name.to_string(), kind, unit.map(String::from))));
        assert_eq!(found, wanted);
    }

    #[test]
    fn counters_identifiers_and_doubles_are_left_out() {
        let found = kinds("#|Nr.|Id|Size|Size|Mass\nA|1|7|1|2|3\nB|2|9|5|6|7.5");
        let names: Vec<Option<String>> = found.into_iter().map(|column| column.map(|own| own.0)).collect();
        assert_eq!(names, [None, None, None, None, None, Some("mass".into())]);
    }

    #[test]
    fn codes_and_columns_without_a_headline_are_not_asked_about() {
        let found = kinds("column 1|dcode|State FIPS|countyid|Paid\n5|1010|48|48171|3\n8|3010|1|1005|5");
        let names: Vec<Option<String>> = found.into_iter().map(|column| column.map(|own| own.0)).collect();
        assert_eq!(names, [None, None, None, None, Some("paid".into())]);
    }

    #[test]
    fn numbers_of_different_things_are_not_asked_about() {
        let found = kinds("Variable|Min|Mean|Mean mass\nAsh|1|2|3\nHue|7|9|5");
        let names: Vec<Option<String>> = found.into_iter().map(|column| column.map(|own| own.0)).collect();
        assert_eq!(names, [Some("variable".into()), None, None, Some("mean_mass".into())]);
    }

    #[test]
    fn mixed_units_are_texts() {
        assert_eq!(kinds("Name|Size|Mass\nA|1 kB|3\nB|1 MB|5")[1].as_ref().unwrap().1, ColumnKind::Text);
    }

    #[test]
    fn the_key_names_every_row_once() {
        let schema = Schema::of(&table("Kind|Name|Mass\nx|A|1\nx|B|5"), 2).unwrap();
        assert_eq!(schema.key, Some(1));
        assert_eq!(Schema::of(&table("Kind|Mass\nx|1\nx|5"), 2).unwrap().key, None);
    }

    #[test]
    fn tables_without_numbers_are_refused() {
        assert_eq!(Schema::of(&table("a|b\nx|y\nz|w"), 2), Err("neither numbers nor dates"));
    }

    #[test]
    fn a_table_of_another_unit_is_alike_and_not_the_same() {
        let columns: Vec<Column> =
            Schema::of(&table("Name|Mass (kg)\nA|1\nB|5"), 2).unwrap().columns.into_iter().flatten().collect();
        assert_eq!(standing(&table("Mass (kg)|Name\n2|C\n9|D"), &columns), Standing::Same(vec![1, 0]));
        assert_eq!(standing(&table("Name|Mass (g)\nA|1\nB|5"), &columns), Standing::Alike);
        assert_eq!(standing(&table("Name|Height\nA|1\nB|5"), &columns), Standing::Other);
        assert_eq!(standing(&table("Names|Mass (kg)\nA|1\nB|5"), &columns), Standing::Alike);
        assert_eq!(standing(&table("Name|Mass (kg)|Mass\nA|1|2\nB|5|9"), &columns), Standing::Alike);
        assert_eq!(standing(&table("Name|Mass (kg)|Mass\nA|1|\nB|5|"), &columns), Standing::Same(vec![0, 1]));
        // A table of texts alone is none that is asked about.
        let names: Vec<Column> = columns.into_iter().filter(|column| column.name == "name").collect();
        assert_eq!(standing(&table("Name|Kind\nA|x\nB|y"), &names), Standing::Alike);
        assert_eq!(standing(&table("Name|Size\nA|1\nB|9"), &names), Standing::Same(vec![0]));
    }
}
