//! A document: its text, and what its reader knows about it. All places in a text are byte offsets.

use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The five kinds of documents of QwenLong-L1.5 (section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Source code.
    Code,
    /// Papers and textbooks.
    Academic,
    /// Reports, manuals, statements, publications.
    Professional,
    /// General knowledge and literature.
    General,
    /// Conversations.
    Dialogue,
}

impl Kind {
    /// Its name, as it is serialised.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Code => "code",
            Kind::Academic => "academic",
            Kind::Professional => "professional",
            Kind::General => "general",
            Kind::Dialogue => "dialogue",
        }
    }
}

/// BLAKE3 of a document's text, in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hash(pub String);

impl Hash {
    /// The hash of a text.
    pub fn of(text: &str) -> Hash {
        Hash(blake3::hash(text.as_bytes()).to_hex().to_string())
    }
}

/// A stretch of a document's text, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// The text of it; none where it does not lie on the borders of characters inside `text`.
    pub fn of<'a>(&self, text: &'a str) -> Option<&'a str> {
        text.get(Range::from(*self))
    }
}

impl From<Span> for Range<usize> {
    fn from(span: Span) -> Self {
        span.start..span.end
    }
}

impl From<Range<usize>> for Span {
    fn from(range: Range<usize>) -> Self {
        Span { start: range.start, end: range.end }
    }
}

/// A headline with what stands below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    /// Its title.
    pub title: String,
    /// 1 for the outermost.
    pub level: u8,
    /// Title and body, up to the next headline of this level or above.
    pub span: Span,
}

/// A cell of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// Its text, trimmed.
    pub text: String,
    /// Where it stands in the document.
    pub span: Span,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Its caption, or the headline above it.
    pub title: String,
    /// Names of the columns.
    pub head: Vec<Cell>,
    /// Rows, each as long as `head`.
    pub rows: Vec<Vec<Cell>>,
    /// The whole table.
    pub span: Span,
}

/// A link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Its text.
    pub text: String,
    /// Where it leads, as it is written.
    pub target: String,
    /// Where its text stands.
    pub span: Span,
}

/// What a structured source says outright: a definition of a list, a property of an infobox, a symbol that code defines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// What it is about.
    pub subject: String,
    /// `defines`, `calls`, `imports`, `inherits`, `is`, or the name of a property.
    pub relation: String,
    /// What is said.
    pub object: String,
    /// Where it is said.
    pub span: Span,
}

/// A document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Where it came from: a path below the corpus folder, with `#` and the place inside where a file holds several.
    pub source: String,
    /// Its kind.
    pub kind: Kind,
    /// Its title, or the name of its file.
    pub title: String,
    /// Its text, UTF-8, lines ended by `\n`.
    pub text: String,
    /// Hash of `text`.
    pub hash: Hash,
    /// Headlines.
    pub sections: Vec<Section>,
    /// Tables.
    pub tables: Vec<Table>,
    /// Links.
    pub links: Vec<Link>,
    /// What the source says outright.
    pub notes: Vec<Note>,
}
