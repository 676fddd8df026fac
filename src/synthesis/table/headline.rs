//! Headlines of tables that no reader has read: drawn with bars and blanks, or printed in a PDF. Whoever reads the text takes them for tables all the same.

use super::schema::{headline, overlap};
use crate::item::Column;
use crate::name::{stem, words};
use longlab_documents::{Document, Span};

/// Most words of a line that is taken for a headline because it says the names of two columns or more.
const LONGEST: usize = 16;

/// Bytes of a statement of SQL that are looked at.
const STATEMENT: usize = 600;

/// Whether a stretch of a document says, outside of the tables that were read, a line that may be the headline of a table with these columns: one that has
/// all their names as cells between bars, tabs or wide gaps, or a short one that says the names of at least two; a statement of SQL that makes, fills or
/// reads a table of them; or rows of a table that is drawn. Names may differ in number, `packages` for `package`.
pub fn stands_unread(document: &Document, span: Span, columns: &[Column]) -> bool {
    let Some(text) = span.of(&document.text) else { return false };
    let labels: Vec<Vec<String>> = columns.iter().map(|column| stems(&column.label)).collect();
    let Some(first) =
        labels.first().and_then(|label| label.first()).filter(|_| labels.iter().all(|label| !label.is_empty()))
    else {
        return false;
    };
    let lower = text.to_ascii_lowercase();
    if stands_in_sql(&lower, &labels) || is_drawn(document, span, text) {
        return true;
    }
    // `country` in `countries`.
    let begin = first.strip_suffix('y').filter(|begin| !begin.is_empty()).unwrap_or(first);
    let mut from = 0;
    while let Some(at) = lower[from..].find(begin).map(|at| from + at) {
        let start = lower[..at].rfind('\n').map_or(0, |feed| feed + 1);
        let end = lower[at..].find('\n').map_or(lower.len(), |feed| at + feed);
        let line = Span { start: span.start + start, end: span.start + end };
        let read = || document.tables.iter().any(|table| overlap(table.span, line));
        if is_headline(&text[start..end], &labels) && !read() {
            return true;
        }
        from = end;
    }
    false
}

/// Whether two lines in a row with three bars or more stand outside of the tables that were read: a part of a table that is drawn, whose headline may lie
/// before the stretch.
fn is_drawn(document: &Document, span: Span, text: &str) -> bool {
    let mut before = false;
    let mut start = 0;
    text.split_inclusive('\n').any(|line| {
        let place = Span { start: span.start + start, end: span.start + start + line.len() };
        start += line.len();
        let barred = line.chars().filter(|c| "|│┃".contains(*c)).count() >= 3;
        let drawn = barred && !document.tables.iter().any(|table| overlap(table.span, place));
        std::mem::replace(&mut before, drawn) && drawn
    })
}

/// The words of a label, in whatever number each.
fn stems(text: &str) -> Vec<String> {
    words(text).map(|word| stem(&word)).collect()
}

/// Whether a text in small letters has a statement of SQL that says all labels.
fn stands_in_sql(lower: &str, labels: &[Vec<String>]) -> bool {
    let statements = [("create table ", "table"), ("insert into ", "into"), ("select ", "from")];
    statements.iter().any(|(opening, then)| {
        lower.match_indices(opening).any(|(at, _)| {
            let rest = &lower[at..crate::extend::cut::border(lower, lower.len().min(at + STATEMENT))];
            let statement = &rest[..rest.find(';').unwrap_or(rest.len())];
            let said = stems(statement);
            said.iter().any(|word| word == then)
                && labels.iter().all(|label| said.windows(label.len()).any(|own| own == label))
        })
    })
}

fn is_headline(line: &str, labels: &[Vec<String>]) -> bool {
    let cells: Vec<Vec<String>> = cells(line).collect();
    let celled = cells.len() >= 2 && labels.iter().all(|label| cells.contains(label));
    let all: Vec<String> = words(line).take(LONGEST + 1).map(|word| stem(&word)).collect();
    let says = |label: &Vec<String>| all.windows(label.len()).any(|stretch| stretch == label.as_slice());
    celled || labels.len() >= 2 && all.len() <= LONGEST && labels.iter().all(says)
}

/// The words of what stands between bars, tabs and gaps of two blanks or more, without units.
fn cells(line: &str) -> impl Iterator<Item = Vec<String>> + '_ {
    let bars = line.split(['|', '\t', '│', '┃']);
    let gaps = bars.flat_map(|part| part.split("  "));
    gaps.filter_map(headline).map(|(label, _)| stems(&label))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::ColumnKind;
    use crate::testing::document;

    fn columns(labels: &[&str]) -> Vec<Column> {
        let column = |label: &&str| {
            let (name, label) = (label.to_lowercase(), label.to_string());
            Column { name, label, kind: ColumnKind::Text, unit: None }
        };
        labels.iter().map(column).collect()
    }

    fn stands(text: &str, labels: &[&str]) -> bool {
        let mut document = document("drawn", text);
        document.tables.clear();
        stands_unread(&document, Span { start: 0, end: text.len() }, &columns(labels))
    }

    #[test]
    fn tables_that_are_drawn_or_printed_are_seen() {
        let drawn = "Words.\n  +-----+\n  |  package  |popcon|size |keyword|\n  +-----+\n";
        assert!(stands(drawn, &["package", "size"]) && stands(drawn, &["Size"]) && stands(drawn, &["popcon"]));
        assert!(stands("Table 9.1\npackage popcon size description\nmc V:50 1482 files\n", &["size", "package"]));
        assert!(stands("Year    Sales\n1990    12\n", &["year"]));
        assert!(stands("a\tb\n", &["a", "b"]) && stands("Name   Mass (kg)   Price\n", &["Mass"]));
    }

    #[test]
    fn names_in_the_plural_and_statements_of_sql_are_seen() {
        assert!(stands("packages | popcon | sizes\nmc | V:50 | 1482\n", &["package", "size"]));
        assert!(stands("sizes | package\n", &["size"]) && stands("size | package\n", &["sizes"]));
        assert!(stands("CREATE TABLE movie(title,\n  year, score);\n", &["year"]));
        assert!(stands("for row in run(\"SELECT year, title FROM movie ORDER BY year\"):", &["Year"]));
        assert!(stands("Countries | Size\nChad | 3\n", &["country"]) && stands("S | y\n", &["s", "y"]));
        assert!(stands("SELECT year, title\nFROM movie;", &["year"]));
        assert!(stands("insert into movie (title, year) values ('Life', 1979)", &["year", "title"]));
        assert!(!stands("Select a year and go on.\n", &["year"]));
        assert!(!stands("SELECT name FROM movie; -- of a year\n", &["year"]));
    }

    #[test]
    fn rows_of_a_drawn_table_are_seen_without_its_headline() {
        assert!(stands("| | | |shell|\n|posh |V:0, |190|a shell|\n|     |I:0  |   |       |\n", &["popcon"]));
        assert!(!stands("cat a | sort | uniq | wc\nWords.\n", &["popcon"]));
    }

    #[test]
    fn other_lines_are_no_headlines() {
        assert!(!stands("In which year was it?\n", &["year"]));
        assert!(!stands("| package size | popcon |\n", &["size"]));
        assert!(!stands("package\nsize\n", &["package", "size"]));
        let long = "The size of what is in a package that one has made by oneself from its source is never the same as it was.\n";
        assert!(!stands(long, &["package", "size"]));
        assert!(!stands("", &["package"]) && !stands("package", &[]));
    }

    #[test]
    fn a_table_that_was_read_is_none() {
        let text = "package|popcon|size\na|1|2\n";
        let document = document("read", text);
        assert!(!stands_unread(&document, Span { start: 0, end: text.len() }, &columns(&["size", "package"])));
    }
}
