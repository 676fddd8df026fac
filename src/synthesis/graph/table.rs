//! What tables state: the entry of a row in a column.

use super::name::{Name, is_value};
use super::triplet::{Extraction, Family, Relation};
use longlab_documents::{Cell, Document, Span, Table};
use std::collections::BTreeSet;

/// Longest stretch from the name of a row to an entry that is given as one piece of evidence, bytes.
const LONGEST_ROW: usize = 600;

/// Reads every table that has a column of names.
pub(super) fn read(document: &Document, found: &mut Extraction) {
    for table in &document.tables {
        match key_column(table) {
            Some(key) => read_table(document, table, key, found),
            None => found.refuse("a table whose rows have no names"),
        }
    }
}

fn read_table(document: &Document, table: &Table, key: usize, found: &mut Extraction) {
    let noun = row_noun(&table.head[key].text);
    let relations: Vec<Option<Relation>> = table.head.iter().map(|cell| column(&cell.text)).collect();
    for row in table.rows.iter().filter(|row| row.len() == table.head.len()) {
        for (at, cell) in row.iter().enumerate().filter(|(at, cell)| *at != key && !is_empty(&cell.text)) {
            let Some(relation) = relations[at].clone() else { continue };
            let tail = Name::thing(&cell.text, &column_noun(&relation.text));
            found.add(
                &document.text,
                Name::thing(&row[key].text, &noun),
                Some(relation),
                tail,
                evidence(&row[key], cell),
            );
        }
    }
}

/// From the name of the row to the entry where both are near, else the entry alone.
fn evidence(key: &Cell, cell: &Cell) -> Span {
    let (start, end) = (key.span.start.min(cell.span.start), key.span.end.max(cell.span.end));
    if end.saturating_sub(start) <= LONGEST_ROW { Span { start, end } } else { cell.span }
}

/// The first column that names its rows: names, all different, in a table of two rows and two columns or more.
fn key_column(table: &Table) -> Option<usize> {
    let wide = table.head.len() >= 2 && table.rows.len() >= 2;
    (0..table.head.len().min(8)).find(|&at| wide && names_rows(table, at))
}

fn names_rows(table: &Table, at: usize) -> bool {
    let rows = table.rows.iter().filter(|row| row.len() == table.head.len());
    let mut seen = BTreeSet::new();
    let mut named = 0;
    for text in rows.map(|row| row[at].text.as_str()) {
        let name = text.chars().filter(|c| c.is_alphabetic()).count() >= 3 && text.len() <= 80 && !is_value(text);
        if !seen.insert(text) && name {
            return false;
        }
        named += usize::from(name);
    }
    named >= 2 && named * 10 >= table.rows.len() * 9
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
    let numbered =
        text.to_lowercase().starts_with("unnamed") || text.len() < 6 && text.starts_with(['V', 'X']) && letters == 1;
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
    if plain && head.len() >= 3 { super::name::singular(&head.trim().to_lowercase()) } else { String::new() }
}

#[cfg(test)]
mod tests {
    use crate::graph::testing::{Page, fact_texts};

    #[test]
    fn rows_are_facts_about_their_names() {
        let head = ["", "City", "Founded", "Unnamed: 3"];
        let rows = [["1", "Leiden", "1200", "x"], ["2", "Delft", "n/a", "y"], ["3", "Gouda", "1272", "z"]];
        let page = Page::text("Cities").table(&head, &rows).document();
        let found = crate::graph::triplets(&page, &Default::default());
        assert_eq!(fact_texts(&found), ["Leiden|Founded|1200", "Gouda|Founded|1272"]);
        let triplet = &found.triplets[0];
        assert_eq!((triplet.head.noun.as_str(), triplet.span.of(&page.text)), ("city", Some("Leiden | 1200")));
    }

    #[test]
    fn tables_without_names_are_refused() {
        let pages = [
            Page::text("Numbers").table(&["a1", "b1"], &[["1", "2"], ["3", "4"]]).document(),
            Page::text("Twice").table(&["City", "Sum"], &[["Leiden", "2"], ["Leiden", "4"]]).document(),
        ];
        for page in pages {
            let found = crate::graph::triplets(&page, &Default::default());
            assert!(found.triplets.is_empty(), "{:?}", fact_texts(&found));
            assert_eq!(found.refused["a table whose rows have no names"], 1);
        }
    }
}
