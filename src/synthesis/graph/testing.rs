//! Small documents made by hand, for tests.

use super::triplet::Extraction;
use longlab_documents::{Cell, Document, Hash, Kind, Link, Note, Span, Table};

/// A document that grows by what it states.
pub(crate) struct Page(Document);

impl Page {
    pub(crate) fn text(title: &str) -> Page {
        Page::of(&format!("{}.md", title.to_lowercase().replace(' ', "_")), title, Kind::General)
    }

    pub(crate) fn code(source: &str) -> Page {
        Page::of(source, source, Kind::Code)
    }

    fn of(source: &str, title: &str, kind: Kind) -> Page {
        let (source, title, text) = (source.to_string(), title.to_string(), String::new());
        let (sections, tables, links, notes) = Default::default();
        Page(Document { source, kind, title, hash: Hash::of(&text), text, sections, tables, links, notes })
    }

    pub(crate) fn line(mut self, line: &str) -> Page {
        self.write(line);
        self.write("\n");
        self
    }

    pub(crate) fn note(mut self, subject: &str, relation: &str, object: &str, line: &str) -> Page {
        let span = self.write(line);
        self.0.notes.push(Note { subject: subject.into(), relation: relation.into(), object: object.into(), span });
        self
    }

    pub(crate) fn link(mut self, text: &str, target: &str) -> Page {
        let span = self.write(text);
        self.write("\n");
        self.0.links.push(Link { text: text.into(), target: target.into(), span });
        self
    }

    pub(crate) fn table<const N: usize>(mut self, head: &[&str; N], rows: &[[&str; N]]) -> Page {
        let start = self.0.text.len();
        let head = self.row(head);
        let rows = rows.iter().map(|row| self.row(row)).collect();
        let span = Span { start, end: self.0.text.len() };
        self.0.tables.push(Table { title: self.0.title.clone(), head, rows, span });
        self
    }

    fn row<const N: usize>(&mut self, row: &[&str; N]) -> Vec<Cell> {
        let mut cells = Vec::new();
        for (at, text) in row.iter().enumerate() {
            if at > 0 {
                self.write(" | ");
            }
            let span = self.write(text);
            cells.push(Cell { text: text.to_string(), span });
        }
        self.write("\n");
        cells
    }

    fn write(&mut self, text: &str) -> Span {
        let start = self.0.text.len();
        self.0.text.push_str(text);
        Span { start, end: self.0.text.len() }
    }

    pub(crate) fn document(mut self) -> Document {
        self.0.hash = Hash::of(&self.0.text);
        self.0
    }
}

/// The facts of an extraction, `head|relation|tail`.
pub(crate) fn fact_texts(found: &Extraction) -> Vec<&'static str> {
    let texts = found.triplets.iter().map(|t| format!("{}|{}|{}", t.head.text, t.relation.text, t.tail.text));
    texts.map(|text| &*text.leak()).collect()
}
