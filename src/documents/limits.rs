//! How much a foreign file may ask for.

use serde::{Deserialize, Serialize};

/// Bounds on what is read. They hold for one file; a folder is read a few files at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Bytes of a file. Of longer texts, tables and JSON lines the beginning is read; other formats are refused.
    pub file_bytes: u64,
    /// Bytes of a document's text; longer ones are cut into several at paragraphs, lines, or in the line.
    pub document_bytes: usize,
    /// Bytes of a JSON file or a line of JSON, which are held whole as a tree.
    pub json_bytes: usize,
    /// Bytes of a source file that is parsed; longer ones are read as plain text.
    pub code_bytes: usize,
    /// Cells of all tables of a file; further rows are left out.
    pub cells: usize,
    /// Notes and links of a document each; further ones are left out.
    pub notes: usize,
    /// Entries of a zip archive.
    pub entries: usize,
    /// Bytes that all of an archive, or a compressed file, may inflate to.
    pub inflated_bytes: u64,
    /// How many times larger than its compressed form an entry may be, from 1 MiB on.
    pub ratio: u64,
    /// Pages of a PDF file; further ones are left out.
    pub pages: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            file_bytes: 32 << 20,
            document_bytes: 4 << 20,
            json_bytes: 16 << 20,
            code_bytes: 1 << 20,
            cells: 1_000_000,
            notes: 50_000,
            entries: 10_000,
            inflated_bytes: 128 << 20,
            ratio: 200,
            pages: 10_000,
        }
    }
}

impl Limits {
    /// Whether so many bytes out of so few are more than honest compression gives.
    pub(crate) fn is_bomb(&self, compressed: u64, inflated: u64) -> bool {
        inflated > 1 << 20 && inflated / compressed.max(1) > self.ratio
    }
}
