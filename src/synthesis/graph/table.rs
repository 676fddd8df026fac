//! What tables state: the entry of a row in a column.

use super::name::{Name, is_value};
use super::network::number_of;
use super::triplet::{Extraction, Family, Relation};
use crate::spec::ReadSpec;
use longlab_documents::{Cell, Document, Span, Table};
use std::collections::BTreeSet;

/// Reads every table. Rows that nothing names are read too: what they say counts where something must be the only one.
pub(super) fn read(document: &Document, spec: &ReadSpec, found: &mut Extraction) {
    for (number, table) in document.tables.iter().enumerate() {
        let key = key_column(table);
        if key.is_none() {
            found.refuse("a table whose rows have no names");
        }
        read_table(document, (number, table), key, spec, found);
    }
}

fn read_table(
    document: &Document,
    (number, table): (usize, &Table),
    key: Option<usize>,
    spec: &ReadSpec,
    found: &mut Extraction,
) {
    let noun = key.map_or(String::new(), |key| row_noun(&table.head[key].text));
    let file = document.source.rsplit('/').next().unwrap_or_default();
    let caption = is_caption(table);
    let relations: Vec<Option<Relation>> =
        table.head.iter().map(|cell| column(&cell.text).filter(|_| !caption)).collect();
    for (at, row) in table.rows.iter().enumerate().filter(|(_, row)| row.len() == table.head.len()) {
        let named = key.map(|key| &row[key]).filter(|cell| !is_empty(&cell.text));
        // Said in certificates, never in questions.
        let nameless = || Name {
            text: format!("row {} of table {} of {file}", at + 1, number + 1),
            key: format!("row:{:016x}", number_of(&format!("{}#{number}.{at}", document.source))),
            noun: "entry".into(),
        };
        let head = named.and_then(|cell| Name::thing(&cell.text, &noun)).unwrap_or_else(nameless);
        for (at, cell) in row.iter().enumerate().filter(|(at, cell)| Some(*at) != key && !is_empty(&cell.text)) {
            let Some(relation) = relations[at].clone() else { continue };
            let tail = Name::thing(&cell.text, &column_noun(&relation.text));
            let span = evidence(named.unwrap_or(&row[0]), named.map_or(&row[row.len() - 1], |_| cell), spec.row, cell);
            found.add(&document.text, Some(head.clone()), Some(relation), tail, span);
        }
    }
}

/// Whether what was read as a table's headline is a caption over all of its columns, which stands for none of them.
fn is_caption(table: &Table) -> bool {
    table.head.len() >= 2 && table.head.windows(2).all(|pair| pair[0].text.trim() == pair[1].text.trim())
}

/// From one cell of a row to another where both are near, else the entry alone.
fn evidence(key: &Cell, other: &Cell, longest: usize, cell: &Cell) -> Span {
    let (start, end) = (key.span.start.min(other.span.start), key.span.end.max(other.span.end));
    if end.saturating_sub(start) <= longest { Span { start, end } } else { cell.span }
}

/// The column that names the rows of a table of two rows and two columns or more: the first whose names are all different, else the first that has
/// names at all. Rows of the same name are then one entity, of which what they say differently is ambiguous.
fn key_column(table: &Table) -> Option<usize> {
    let wide = table.head.len() >= 2 && table.rows.len() >= 2;
    let columns = || (0..table.head.len().min(8)).filter(|_| wide);
    let shares: Vec<(f64, bool)> = columns().map(|at| names(table, at)).collect();
    let different = columns().find(|&at| shares[at].1 && shares[at].0 >= 0.9);
    different.or(columns().find(|&at| shares[at].0 >= 0.5))
}

/// The share of rows that a column names, and whether all names differ.
fn names(table: &Table, at: usize) -> (f64, bool) {
    let rows = table.rows.iter().filter(|row| row.len() == table.head.len());
    let (mut seen, mut named, mut differ) = (BTreeSet::new(), 0, true);
    for text in rows.map(|row| row[at].text.as_str()) {
        if text.chars().filter(|c| c.is_alphabetic()).count() >= 3 && text.len() <= 80 && !is_value(text) {
            named += 1;
            differ &= seen.insert(text);
        }
    }
    (named as f64 / table.rows.len() as f64, differ)
}

fn is_empty(text: &str) -> bool {
    matches!(
        text.trim().to_lowercase().as_str(),
        "" | "-" | "–" | "—" | "." | "?" | "na" | "n/a" | "nan" | "none" | "null"
    )
}

/// A column as a relation; none where its name says nothing.
fn column(text: &str) -> Option<Relation> {
    let text = text.trim();
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let lower = text.to_lowercase();
    // Names that readers and programs give to columns that have none.
    let counted = ["unnamed", "column", "field", "var"].iter().find_map(|word| lower.strip_prefix(word));
    let numbered = counted.is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || " :_.".contains(c)))
        || text.len() < 6 && text.starts_with(['V', 'X']) && letters == 1;
    if letters < 2 || numbered { None } else { Relation::new(Family::Attribute, text) }
}

/// What a row of a table is, by the head of the column that names the rows.
fn row_noun(head: &str) -> String {
    let noun = column_noun(head);
    if matches!(noun.as_str(), "" | "name" | "title" | "id" | "key" | "label") { "entry".into() } else { noun }
}

/// The head of a column as a noun: lower case, where it is one to three plain words.
fn column_noun(head: &str) -> String {
    let plain = head.chars().all(|c| c.is_alphabetic() || c == ' ') && head.split_whitespace().count() <= 3;
    if plain && head.len() >= 3 { crate::name::singular(&head.trim().to_lowercase()) } else { String::new() }
}

#[cfg(test)]
mod tests {
    use crate::graph::testing::{Page, fact_texts};

    #[test]
    fn rows_are_facts_about_their_names() {
        let head = ["", "City", "Founded", "Unnamed: 3", "column 5"];
        let rows =
            [["1", "Leiden", "1200", "x", "5"], ["2", "Delft", "n/a", "y", "5"], ["3", "Gouda", "1272", "z", "5"]];
        let page = Page::text("Cities").table(&head, &rows).document();
        let found = crate::graph::triplets(&page, &Default::default());
        assert_eq!(fact_texts(&found), ["Leiden|Founded|1200", "Gouda|Founded|1272"]);
        let triplet = &found.triplets[0];
        assert_eq!((triplet.head.noun.as_str(), triplet.span.of(&page.text)), ("city", Some("Leiden | 1200")));
    }

    #[test]
    fn rows_without_names_and_of_the_same_name_still_count() {
        let numbers = Page::text("Numbers").table(&["alpha", "beta"], &[["1", "2"], ["3", "4"]]).document();
        let found = crate::graph::triplets(&numbers, &Default::default());
        assert_eq!(
            fact_texts(&found),
            [
                "row 1 of table 1 of numbers.md|alpha|1",
                "row 1 of table 1 of numbers.md|beta|2",
                "row 2 of table 1 of numbers.md|alpha|3",
                "row 2 of table 1 of numbers.md|beta|4"
            ]
        );
        assert_eq!(found.refused["a table whose rows have no names"], 1);
        assert_ne!(found.triplets[0].head.key, found.triplets[2].head.key);
        let twice = Page::text("Twice").table(&["City", "Sum"], &[["Leiden", "2"], ["Leiden", "4"]]).document();
        assert_eq!(fact_texts(&crate::graph::triplets(&twice, &Default::default())), ["Leiden|Sum|2", "Leiden|Sum|4"]);
    }

    #[test]
    fn a_caption_over_all_columns_names_none() {
        let rows = [["", "Places", "Tax"], ["Stirling", "200.5", "776"], ["Falkirk", "100.5", "700"]];
        let page = Page::text("Councils").table(&["Table", "Table", "Table"], &rows).document();
        assert_eq!(fact_texts(&crate::graph::triplets(&page, &Default::default())), Vec::<String>::new());
    }

    #[test]
    fn a_column_of_different_names_goes_before_one_of_repeated_ones() {
        let rows = [["North", "Leiden", "1"], ["North", "Delft", "2"], ["South", "Gouda", "3"]];
        let page = Page::text("Cities").table(&["Part", "City", "Sum"], &rows).document();
        assert_eq!(
            fact_texts(&crate::graph::triplets(&page, &Default::default()))[..2],
            ["Leiden|Part|North", "Leiden|Sum|1"]
        );
    }
}
