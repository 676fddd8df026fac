//! What must hold of every document, whoever made it.

use crate::document::{Cell, Document, Hash, Span, Table};

/// What does not hold of a document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{document}: {what} {number} {reason}; read the document again")]
pub struct Unsound {
    /// The document's source.
    pub document: String,
    /// `section`, `table`, `link`, `note` or `text`.
    pub what: &'static str,
    /// Which of them, from 0.
    pub number: usize,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl Document {
    /// Checks that the hash is the text's, every span lies on characters of the text and holds the words it is said to hold: a
    /// section its title, a cell and a link exactly their text, a note its object; and that tables are rectangular and hold
    /// their cells.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn check(&self) -> Result<(), Unsound> {
        let unsound = |what, number, reason| Unsound { document: self.source.clone(), what, number, reason };
        let text = self.text.as_str();
        if self.hash != Hash::of(text) {
            return Err(unsound("text", 0, "has another hash"));
        }
        if text.contains('\r') {
            return Err(unsound("text", 0, "has lines that do not end in a line feed alone"));
        }
        for (number, section) in self.sections.iter().enumerate() {
            holds(text, section.span, &section.title).map_err(|reason| unsound("section", number, reason))?;
        }
        for (number, table) in self.tables.iter().enumerate() {
            table_stands(text, table).map_err(|reason| unsound("table", number, reason))?;
        }
        for (number, link) in self.links.iter().enumerate() {
            is(text, link.span, &link.text).map_err(|reason| unsound("link", number, reason))?;
        }
        for (number, note) in self.notes.iter().enumerate() {
            holds(text, note.span, &note.object).map_err(|reason| unsound("note", number, reason))?;
        }
        Ok(())
    }
}

fn holds(text: &str, span: Span, words: &str) -> Result<(), &'static str> {
    let inside = span.of(text).ok_or("points outside the text or into a character")?;
    if words.is_empty() {
        return Err("says nothing");
    }
    if inside.contains(words) { Ok(()) } else { Err("does not stand where it points") }
}

fn is(text: &str, span: Span, words: &str) -> Result<(), &'static str> {
    let inside = span.of(text).ok_or("points outside the text or into a character")?;
    if inside == words { Ok(()) } else { Err("does not stand where it points") }
}

fn table_stands(text: &str, table: &Table) -> Result<(), &'static str> {
    table.span.of(text).ok_or("points outside the text or into a character")?;
    let inside = |cell: &Cell| {
        is(text, cell.span, &cell.text)?;
        let within = table.span.start <= cell.span.start && cell.span.end <= table.span.end;
        if within { Ok(()) } else { Err("has a cell outside of it") }
    };
    table.head.iter().try_for_each(inside)?;
    for row in &table.rows {
        if row.len() != table.head.len() {
            return Err("has rows of several lengths");
        }
        row.iter().try_for_each(inside)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Kind, Link};
    use crate::draft::Draft;

    #[test]
    fn a_link_that_points_elsewhere_is_found() {
        let mut draft = Draft::of("äb c");
        draft.link(4..5, "c");
        let mut document = draft.finish("a.txt", Kind::General);
        assert_eq!(document.check(), Ok(()));
        document.links.push(Link { text: "x".into(), target: "y".into(), span: Span { start: 1, end: 2 } });
        let unsound = document.check().unwrap_err();
        assert_eq!((unsound.what, unsound.number), ("link", 1));
        document.links.pop();
        document.text.push('x');
        assert_eq!(document.check().unwrap_err().what, "text");
    }
}
