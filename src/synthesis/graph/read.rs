//! Documents as the graph engine reads them.

use longlab_documents::Document;
use std::ops::Deref;
use std::sync::Arc;

/// A document that someone else may hold as well.
pub enum Page<'a> {
    /// Of a list.
    Of(&'a Document),
    /// Read from disk.
    Read(Arc<Document>),
}

impl Deref for Page<'_> {
    type Target = Document;

    fn deref(&self) -> &Document {
        match self {
            Page::Of(document) => document,
            Page::Read(document) => document,
        }
    }
}

/// Documents that can be read by number, as often as needed and from many threads.
pub trait Corpus: Sync {
    /// How many there are.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Document number `at`; none where it cannot be read.
    fn document(&self, at: usize) -> Option<Page<'_>>;

    /// The same, where it will not be needed again soon.
    fn once(&self, at: usize) -> Option<Page<'_>> {
        self.document(at)
    }

    /// About how many bytes a document takes.
    fn bytes(&self, _at: usize) -> usize {
        0
    }
}

impl Corpus for Vec<Document> {
    fn len(&self) -> usize {
        Vec::len(self)
    }

    fn document(&self, at: usize) -> Option<Page<'_>> {
        self.get(at).map(Page::Of)
    }
}

impl Corpus for crate::corpus::Corpus {
    fn len(&self) -> usize {
        self.entries().len()
    }

    fn document(&self, at: usize) -> Option<Page<'_>> {
        self.document(at).ok().map(Page::Read)
    }

    fn bytes(&self, at: usize) -> usize {
        self.entries().get(at).map_or(0, |entry| entry.length)
    }

    fn once(&self, at: usize) -> Option<Page<'_>> {
        self.read(at).ok().map(|document| Page::Read(Arc::new(document)))
    }
}
