//! A document while it is being read: text grows at the end, and what is known of it points into it.

use crate::document::{Cell, Document, Hash, Kind, Link, Note, Section, Span, Table};
use std::ops::Range;

/// A document without name, kind and hash.
#[derive(Default)]
pub(crate) struct Draft {
    /// The text so far.
    pub text: String,
    /// The title that the text gives itself.
    pub title: Option<String>,
    /// The place inside the file, where it holds several documents.
    pub place: Option<String>,
    /// Headlines as they stand, without what is below them.
    pub headlines: Vec<Headline>,
    /// Sections whose ends are known.
    pub sections: Vec<Section>,
    pub tables: Vec<Table>,
    pub links: Vec<Link>,
    pub notes: Vec<Note>,
}

pub(crate) struct Headline {
    title: String,
    level: u8,
    start: usize,
}

impl Draft {
    /// A draft of a text that stands already.
    pub fn of(text: impl Into<String>) -> Self {
        Draft { text: text.into(), ..Draft::default() }
    }

    /// Adds a headline; its section lasts to the next one of its level or above.
    pub fn headline(&mut self, title: &str, level: u8, start: usize) {
        if !title.is_empty() {
            self.headlines.push(Headline { title: title.to_owned(), level, start });
        }
    }

    /// The title of the last headline.
    pub fn last_headline(&self) -> Option<&str> {
        self.headlines.last().map(|headline| headline.title.as_str())
    }

    /// The first headline and where it stands.
    pub fn first_headline(&self) -> Option<(&str, usize)> {
        self.headlines.first().map(|headline| (headline.title.as_str(), headline.start))
    }

    /// The title of the last headline before a place; headlines are added in order.
    pub fn headline_before(&self, at: usize) -> Option<String> {
        let before = self.headlines.partition_point(|headline| headline.start < at);
        before.checked_sub(1).map(|last| self.headlines[last].title.clone())
    }

    /// A cell of what stands in a range, white space around it left out.
    pub fn cell(&self, range: Range<usize>) -> Cell {
        let range = trimmed(&self.text, range);
        Cell { text: self.text[range.clone()].to_owned(), span: range.into() }
    }

    /// Adds a link whose text stands in a range; none where nothing stands there.
    pub fn link(&mut self, range: Range<usize>, target: &str) {
        let cell = self.cell(range);
        if !cell.text.is_empty() && !target.is_empty() {
            self.links.push(Link { text: cell.text, target: target.to_owned(), span: cell.span });
        }
    }

    /// Adds a note whose object stands in `object`, said in `span`.
    pub fn note(&mut self, subject: &str, relation: &str, object: Range<usize>, span: Range<usize>) {
        let object = self.cell(object).text;
        if !subject.is_empty() && !object.is_empty() {
            let (subject, relation) = (subject.to_owned(), relation.to_owned());
            self.notes.push(Note { subject, relation, object, span: span.into() });
        }
    }

    /// Adds another draft below this one, with everything that points into it.
    pub fn absorb(&mut self, other: Draft) {
        if !self.text.is_empty() {
            let breaks = 2 - self.text.bytes().rev().take_while(|&byte| byte == b'\n').count().min(2);
            self.text.push_str(&"\n\n"[..breaks]);
        }
        let by = self.text.len();
        self.text.push_str(&other.text);
        self.headlines.extend(other.headlines.into_iter().map(|h| Headline { start: h.start + by, ..h }));
        self.sections.extend(other.sections.into_iter().map(|s| Section { span: moved(s.span, by), ..s }));
        self.tables.extend(other.tables.into_iter().map(|table| moved_table(table, by)));
        self.links.extend(other.links.into_iter().map(|l| Link { span: moved(l.span, by), ..l }));
        self.notes.extend(other.notes.into_iter().map(|n| Note { span: moved(n.span, by), ..n }));
    }

    /// Takes over the notes of a draft of a part of this text that begins at `by`.
    pub fn adopt_notes(&mut self, notes: Vec<Note>, by: usize) {
        self.notes.extend(notes.into_iter().map(|note| Note { span: moved(note.span, by), ..note }));
    }

    /// Turns headlines into sections, in the order of the text.
    pub fn close(&mut self) {
        let end = self.text.len();
        let mut open: Vec<usize> = Vec::new();
        for headline in std::mem::take(&mut self.headlines) {
            while let Some(&last) = open.last()
                && self.sections[last].level >= headline.level
            {
                self.sections[last].span.end = headline.start;
                open.pop();
            }
            open.push(self.sections.len());
            let span = Span { start: headline.start, end };
            self.sections.push(Section { title: headline.title, level: headline.level, span });
        }
        self.sections.sort_by_key(|section| (section.span.start, section.level));
    }

    /// The document that the draft has become.
    pub fn finish(mut self, source: &str, kind: Kind) -> Document {
        self.close();
        let source = match &self.place {
            Some(place) => format!("{source}#{place}"),
            None => source.to_owned(),
        };
        let title =
            self.title.filter(|title| !title.trim().is_empty()).unwrap_or_else(|| file_name(&source).to_owned());
        let hash = Hash::of(&self.text);
        let Draft { text, sections, tables, links, notes, .. } = Draft { title: None, ..self };
        Document { source, kind, title, text, hash, sections, tables, links, notes }
    }
}

/// The last part of a path.
pub(crate) fn file_name(source: &str) -> &str {
    source.rsplit('/').next().unwrap_or(source)
}

/// A range without the white space at its ends.
pub(crate) fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let inside = &text[range.clone()];
    let start = range.start + inside.len() - inside.trim_start().len();
    start..start + inside.trim().len()
}

/// The largest border of a character that is not above `at`.
pub(crate) fn border(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

fn moved(span: Span, by: usize) -> Span {
    Span { start: span.start + by, end: span.end + by }
}

fn moved_table(mut table: Table, by: usize) -> Table {
    for cell in table.head.iter_mut().chain(table.rows.iter_mut().flatten()) {
        cell.span = moved(cell.span, by);
    }
    table.span = moved(table.span, by);
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_end_at_their_level_or_above() {
        let mut draft = Draft::of("A\nb\nC\nd\nE\n");
        for (title, level, start) in [("A", 1, 0), ("b", 2, 2), ("C", 2, 4), ("d", 3, 6), ("E", 1, 8)] {
            draft.headline(title, level, start);
        }
        let document = draft.finish("x/name.txt", Kind::General);
        let spans: Vec<(&str, &str)> =
            document.sections.iter().map(|s| (s.title.as_str(), s.span.of(&document.text).unwrap())).collect();
        assert_eq!(spans, [("A", "A\nb\nC\nd\n"), ("b", "b\n"), ("C", "C\nd\n"), ("d", "d\n"), ("E", "E\n")]);
        assert_eq!(document.title, "name.txt");
    }

    #[test]
    fn what_is_absorbed_points_to_its_new_place() {
        let mut inner = Draft::of("link and note");
        inner.link(0..5, "target");
        inner.note("it", "is", 9..13, 5..13);
        let mut outer = Draft::of("before");
        outer.absorb(inner);
        assert_eq!(outer.text, "before\n\nlink and note");
        assert_eq!(outer.links[0].span.of(&outer.text), Some("link"));
        assert_eq!(outer.notes[0].span.of(&outer.text), Some("and note"));
    }
}
