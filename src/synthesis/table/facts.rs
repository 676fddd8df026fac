//! Rows gathered from the tables of passages, every cell with its place.

use super::cell;
use super::headline::stands_unread;
use super::schema::{Standing, head_stands, inside, overlap, standing};
use crate::item::{Column, Row};
use crate::name::same;
use longlab_documents::{Document, Span, Table};

/// What a stretch of a document says in tables of some columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gathered {
    /// The rows, in the order of the text. Their source is 0.
    pub rows: Vec<Row>,
    /// Whether a table is there of which a reader could not say whether it is meant: of other units, without its headline, or one that was not read as a
    /// table.
    pub unclear: bool,
}

/// Gathers the rows of all tables in `span` that have the columns. Rows that lie in it only in part are left out.
pub fn gather(document: &Document, span: Span, columns: &[Column]) -> Gathered {
    let mut gathered = Gathered { rows: vec![], unclear: stands_unread(document, span, columns) };
    for table in document.tables.iter().filter(|table| overlap(table.span, span)) {
        let places = match standing(table, columns) {
            Standing::Same(places) if is_headed(table, document, span) => places,
            Standing::Other => continue,
            Standing::Same(_) | Standing::Alike => {
                gathered.unclear = true;
                continue;
            }
        };
        for cells in &table.rows {
            let cells = || places.iter().map(|place| &cells[*place]);
            if !cells().all(|cell| inside(cell.span, span)) {
                continue;
            }
            let value = |(cell, column): (&longlab_documents::Cell, &Column)| {
                let stands = cell.span.of(&document.text).is_some_and(|text| same(text, &cell.text));
                stands.then(|| cell::value(&cell.text, column.kind, column.unit.as_deref())).flatten()
            };
            match cells().zip(columns).map(value).collect::<Option<Vec<_>>>() {
                Some(values) => {
                    gathered.rows.push(Row { source: 0, values, spans: cells().map(|cell| cell.span).collect() });
                }
                None => gathered.unclear = true,
            }
        }
    }
    gathered
}

/// Whether a table's headline stands in the stretch.
fn is_headed(table: &Table, document: &Document, span: Span) -> bool {
    head_stands(table, &document.text) && table.head.iter().all(|cell| inside(cell.span, span))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::schema::Schema;
    use crate::testing::document;

    #[test]
    fn rows_come_with_their_places() {
        let document = document("planets", "Intro.\n\nName|Mass (kg)\nA|1\nB|5\n");
        let columns: Vec<Column> = Schema::of(&document.tables[0], 2).unwrap().columns.into_iter().flatten().collect();
        let whole = Span { start: 0, end: document.text.len() };
        let gathered = gather(&document, whole, &columns);
        assert_eq!((gathered.rows.len(), gathered.unclear), (2, false));
        assert_eq!(gathered.rows[1].spans[1].of(&document.text), Some("5"));
        let cut = Span { start: 0, end: document.text.find("B|").unwrap() };
        assert_eq!(gather(&document, cut, &columns).rows.len(), 1);
        let headless = Span { start: document.text.find("A|").unwrap(), end: document.text.len() };
        assert!(gather(&document, headless, &columns).unclear);
    }

    #[test]
    fn a_table_that_was_not_read_is_unclear() {
        let mut document = document("planets", "Name|Mass (kg)\nA|1\nB|5\n\nMore:\n  Name    Mass\n  C       7\n");
        let columns: Vec<Column> = Schema::of(&document.tables[0], 2).unwrap().columns.into_iter().flatten().collect();
        document.tables.truncate(1);
        let (whole, table) = (Span { start: 0, end: document.text.len() }, document.tables[0].span);
        assert!(gather(&document, whole, &columns).unclear && !gather(&document, table, &columns).unclear);
    }

    #[test]
    fn a_cell_that_does_not_stand_in_the_text_is_unclear() {
        let mut document = document("planets", "Name|Mass (kg)\nA|1\nB|5\n");
        let columns: Vec<Column> = Schema::of(&document.tables[0], 2).unwrap().columns.into_iter().flatten().collect();
        document.tables[0].rows[1][1].text = "7".into();
        let whole = Span { start: 0, end: document.text.len() };
        let gathered = gather(&document, whole, &columns);
        assert_eq!((gathered.rows.len(), gathered.unclear), (1, true));
    }
}
