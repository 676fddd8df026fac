//! The corpus as stages read it: documents on disk, one a line, and a small entry of each in memory.

mod build;
mod files;
mod judge;

pub use build::{build, key};
pub use files::SourceFile;
pub use judge::{DECISIONS, Decision, Judging, Prompt};

use crate::error::{Result, SynthesisError};
use crate::files::Lines;
use longlab_documents::{Document, Hash, Kind, Table};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Name of the file of documents in a corpus folder.
pub const DOCUMENTS: &str = "documents.jsonl";
/// Name of the file of entries.
pub const ENTRIES: &str = "entries.jsonl";

/// Bytes of documents that are kept in memory because they were read lately, of whole ones and of plain ones each.
const CACHE: usize = 192 << 20;

/// Bytes that a cell of a table takes beside its text.
const CELL: usize = 64;

/// What is known of a document without reading it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Where its line begins in the file of documents.
    pub offset: u64,
    /// Bytes of its line.
    pub length: usize,
    /// Hash of its text.
    pub hash: Hash,
    /// Its kind.
    pub kind: Kind,
    /// Its title.
    pub title: String,
    /// Where it came from.
    pub source: String,
    /// Bytes of its text.
    pub bytes: usize,
    /// How many tables it has.
    pub tables: usize,
}

/// Documents on disk. Numbers of documents are places in the list of entries.
pub struct Corpus {
    /// Files of documents, each with the number of its first document and its bytes.
    files: Vec<(usize, PathBuf, File, u64)>,
    entries: Vec<Entry>,
    numbers: HashMap<Hash, usize>,
    lately: Mutex<Lately>,
    plain: Mutex<Lately>,
}

/// What of a document passages are made of.
#[derive(Deserialize)]
struct Plain {
    source: String,
    kind: Kind,
    title: String,
    text: String,
    hash: Hash,
    tables: Vec<Table>,
}

/// Documents read lately; all are let go when they are too many, which changes nothing but the time.
#[derive(Default)]
struct Lately {
    documents: HashMap<usize, Arc<Document>>,
    bytes: usize,
}

impl Lately {
    fn get(&self, number: usize) -> Option<Arc<Document>> {
        self.documents.get(&number).cloned()
    }

    fn put(&mut self, number: usize, document: &Arc<Document>, bytes: usize) {
        if self.bytes > CACHE {
            *self = Lately::default();
        }
        self.bytes += bytes;
        self.documents.insert(number, document.clone());
    }
}

impl Corpus {
    /// Opens a folder that [`build`] has filled.
    ///
    /// # Errors
    /// Where a file is missing or torn.
    pub fn open(folder: &Path) -> Result<Corpus> {
        let path = folder.join(DOCUMENTS);
        let file = File::open(&path).map_err(SynthesisError::reading(&path))?;
        let bytes = file.metadata().map_err(SynthesisError::reading(&path))?.len();
        let entries = Lines::<Entry>::open(&folder.join(ENTRIES))?.collect::<Result<Vec<Entry>>>()?;
        let numbers = entries.iter().enumerate().map(|(number, entry)| (entry.hash.clone(), number)).collect();
        Ok(Corpus {
            files: vec![(0, path, file, bytes)],
            entries,
            numbers,
            lately: Mutex::default(),
            plain: Mutex::default(),
        })
    }

    /// This corpus with the documents of another behind its own. A document of both is the first's.
    pub fn joined(mut self, other: Corpus) -> Corpus {
        let before = self.entries.len();
        for (number, entry) in other.entries.iter().enumerate() {
            self.numbers.entry(entry.hash.clone()).or_insert(before + number);
        }
        self.files
            .extend(other.files.into_iter().map(|(first, path, file, bytes)| (before + first, path, file, bytes)));
        self.entries.extend(other.entries);
        self
    }

    /// What is known of the documents.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The number of the document of a hash.
    pub fn number(&self, hash: &Hash) -> Option<usize> {
        self.numbers.get(hash).copied()
    }

    /// A document by its number, which must be one of the entries'.
    ///
    /// # Errors
    /// Where the file cannot be read or was changed.
    pub fn document(&self, number: usize) -> Result<Arc<Document>> {
        if let Some(document) = locked(&self.lately).get(number) {
            return Ok(document);
        }
        let document = Arc::new(self.read(number)?);
        locked(&self.lately).put(number, &document, self.entries[number].length);
        Ok(document)
    }

    /// A document by its number, without its sections, links and notes: what irrelevant passages are cut from and checked with. Much of a corpus is drawn for
    /// them, and these are the most of it.
    ///
    /// # Errors
    /// As [`Corpus::document`].
    pub fn plain(&self, number: usize) -> Result<Arc<Document>> {
        if let Some(document) = locked(&self.plain).get(number) {
            return Ok(document);
        }
        let Plain { source, kind, title, text, hash, tables } = self.parsed(number)?;
        let cells = tables.iter().flat_map(|table| table.rows.iter().flatten()).map(|cell| CELL + cell.text.len());
        let bytes = text.len() + cells.sum::<usize>();
        let (sections, links, notes) = Default::default();
        let document = Arc::new(Document { source, kind, title, text, hash, sections, tables, links, notes });
        locked(&self.plain).put(number, &document, bytes);
        Ok(document)
    }

    /// The document of a hash; none where there is no such.
    ///
    /// # Errors
    /// As [`Corpus::document`].
    pub fn find(&self, hash: &Hash) -> Result<Option<Arc<Document>>> {
        self.number(hash).map(|number| self.document(number)).transpose()
    }

    /// All documents, one after the other, without keeping them.
    pub fn documents(&self) -> impl Iterator<Item = Result<Document>> + '_ {
        (0..self.entries.len()).map(|number| self.read(number))
    }

    /// A document from the file.
    ///
    /// # Errors
    /// As [`Corpus::document`].
    pub fn read(&self, number: usize) -> Result<Document> {
        self.parsed(number)
    }

    fn parsed<T: DeserializeOwned>(&self, number: usize) -> Result<T> {
        let Entry { offset, length, .. } = self.entries[number];
        let own = self.files.partition_point(|(first, ..)| *first <= number) - 1;
        let (first, path, file, bytes) = &self.files[own];
        let torn = |reason: String| SynthesisError::Torn { path: path.clone(), line: number - first + 1, reason };
        // No memory for a length that only the list of entries says.
        let end = offset.checked_add(length as u64);
        if end.is_none_or(|end| end > *bytes) {
            return Err(torn(format!("{ENTRIES} says {length} bytes at {offset}, the file has {bytes}")));
        }
        let mut line = vec![0; length];
        file.read_exact_at(&mut line, offset).map_err(SynthesisError::reading(path))?;
        serde_json::from_slice(&line).map_err(|error| torn(error.to_string()))
    }
}

fn locked(lately: &Mutex<Lately>) -> MutexGuard<'_, Lately> {
    // What another thread left behind in a panic is a cache all the same.
    lately.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_that_lies_about_its_length_asks_for_no_memory() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(DOCUMENTS), "{}\n").unwrap();
        for (offset, length) in [(0, usize::MAX), (0, 1 << 50), (u64::MAX, 2), (2, 2)] {
            let entry = Entry {
                offset,
                length,
                hash: Hash::of(""),
                kind: Kind::General,
                title: String::new(),
                source: String::new(),
                bytes: 0,
                tables: 0,
            };
            std::fs::write(folder.path().join(ENTRIES), serde_json::to_string(&entry).unwrap()).unwrap();
            let error = Corpus::open(folder.path()).unwrap().read(0).unwrap_err();
            assert!(matches!(error, SynthesisError::Torn { line: 1, .. }), "{error}");
        }
    }
}
