//! Which part of a document with a table goes into a context.

use super::facts::gather;
use crate::item::Column;
use longlab_documents::{Document, Span};

/// Bytes of text before a table that come with it.
const BEFORE: usize = 400;

/// The part of a document that shows a table: the whole document where it has at most so many bytes and rows of such columns; else the
/// table with a little of the text before it, and of its rows as many as fit. None where not even one fits.
pub fn window(document: &Document, table: usize, columns: &[Column], most: (usize, usize)) -> Option<Span> {
    let (bytes, rows) = most;
    let whole = Span { start: 0, end: document.text.len() };
    if whole.end <= bytes && gather(document, whole, columns).rows.len() <= rows {
        return Some(whole);
    }
    let table = &document.tables[table];
    let start = line_start(&document.text, table.span.start.saturating_sub(BEFORE));
    let last = |row: &Vec<longlab_documents::Cell>| row.iter().map(|cell| cell.span.end).max();
    let ends = table.rows.iter().take(rows).map(|row| last(row).map(|end| line_end(&document.text, end)));
    let fitting = ends.flatten().take_while(|end| *end <= start + bytes).max();
    fitting.map(|end| Span { start, end })
}

/// The first line that begins at or after a place.
fn line_start(text: &str, at: usize) -> usize {
    if at == 0 {
        return 0;
    }
    // From one byte before, so that a line that begins right here counts.
    let from = at - 1;
    text.as_bytes()[from..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |found| from + found + 1)
}

/// The end of the line of a place, without its line feed.
fn line_end(text: &str, at: usize) -> usize {
    text.as_bytes()[at..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |found| at + found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::schema::Schema;
    use crate::testing::document;

    #[test]
    fn a_short_document_is_shown_whole_and_a_long_one_in_part() {
        let rows: String = (0..50).map(|at| format!("name {}|{}\n", "x".repeat(at + 1), at * at)).collect();
        let text = format!("{}\nName|Size\n{rows}", "Words.\n".repeat(200));
        let document = document("long", &text);
        let schema = Schema::of(&document.tables[0], 2).unwrap();
        let columns: Vec<Column> = schema.columns.into_iter().flatten().collect();
        let whole = Span { start: 0, end: text.len() };
        assert_eq!(window(&document, 0, &columns, (1 << 20, 50)), Some(whole));
        let part = window(&document, 0, &columns, (1 << 20, 10)).unwrap();
        let shown = part.of(&text).unwrap();
        assert!(shown.starts_with("Words.") && shown.ends_with("|81"), "{shown}");
        assert_eq!(gather(&document, part, &columns).rows.len(), 10);
        assert_eq!(window(&document, 0, &columns, (300, 10)), None);
    }
}
