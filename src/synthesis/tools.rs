//! What the pipeline is handed from outside: readers, filters, search, models. Each is a narrow trait, so that this crate knows none of them.
//!
//! The `version` of a tool is part of the identity of what it made: it changes whenever the tool would answer otherwise.

use crate::corpus::Corpus;
use crate::error::Result;
use crate::funnel::Counts;
use crate::item::{Engine, Item};
use longlab_client::ChatModel;
use longlab_documents::{Document, Hash, Kind};
use std::path::Path;

/// What a file gave.
#[derive(Debug, Default)]
pub struct Reading {
    /// Its documents, in order.
    pub documents: Vec<Document>,
    /// Why parts of it, or the whole, could not be read: short, the same words for the same fault.
    pub refused: Vec<String>,
    /// What was cut or guessed: as short.
    pub remarks: Vec<String>,
}

/// Reads files into documents.
pub trait Reader: Sync {
    /// Name and version.
    fn version(&self) -> String;

    /// Reads a file. `source` is its path below the corpus folder; `kind` the kind that the specification gives it. Never fails: what cannot be
    /// read is refused with its reason.
    fn read(&self, path: &Path, source: &str, kind: Option<Kind>) -> Reading;
}

/// Refuses documents.
pub trait Sieve: Sync {
    /// Name, version and settings.
    fn version(&self) -> String;

    /// Why a document is refused: short, the same words for the same fault. None where it is kept.
    fn refusal(&self, document: &Document) -> Option<String>;
}

/// Makes an index of texts.
pub trait Search: Sync {
    /// Name, version and settings.
    fn version(&self) -> String;

    /// Indexes texts, numbered in order. Texts come one at a time, so that they need not all be in memory.
    ///
    /// # Errors
    /// The first error that a text came with.
    fn index(&self, texts: &mut dyn Iterator<Item = Result<String>>) -> Result<Box<dyn Index>>;
}

/// Texts that can be searched.
pub trait Index: Sync + Send {
    /// The numbers of the texts nearest to a query, nearest first, ties by number.
    fn near(&self, query: &str, most: usize) -> Vec<usize>;
}

/// Knows the texts of evaluation files.
pub trait Decontaminator: Sync {
    /// Name, version, settings and the hash of what it knows.
    fn version(&self) -> String;

    /// The evaluation file that a text has a stretch of.
    fn source(&self, text: &str) -> Option<String>;
}

/// Says whether a model's reply answers an item rightly.
pub trait Judge: Sync {
    /// Name and version.
    fn version(&self) -> String;

    /// Whether the reply is right.
    fn right(&self, item: &Item, reply: &str) -> bool;

    /// Whether a reply that should not be right gives the answer away, wherever it says it.
    fn is_told(&self, item: &Item, reply: &str) -> bool {
        self.right(item, reply)
    }
}

/// An engine: makes items out of a corpus.
pub trait Maker: Sync + Send {
    /// Which engine.
    fn engine(&self) -> Engine;

    /// Version and settings: everything beside the corpus and the seed that the items depend on.
    fn version(&self) -> String;

    /// Makes items and hands each on; their order does not depend on threads. What did not become one is counted with its reason. `put` fails where the
    /// caller wants to end. Gives the documents that may stand beside none of the items: those of which the engine does not know all that they say.
    ///
    /// # Errors
    /// The first error of the corpus or of `put`.
    fn make(
        &self,
        corpus: &Corpus,
        seed: u64,
        counts: &mut Counts,
        put: &mut dyn FnMut(Item) -> Result<()>,
    ) -> Result<Vec<Hash>>;
}

/// All tools of a run.
pub struct Tools<'a> {
    /// Reads files.
    pub reader: &'a dyn Reader,
    /// Refuse documents, beside the rules of the specification; each refusal counts under its own reason.
    pub sieves: Vec<&'a dyn Sieve>,
    /// Finds documents near in topic; none where `context.near` is 0.
    pub search: Option<&'a dyn Search>,
    /// Knows the evaluation files; none where there are none.
    pub decontaminator: Option<&'a dyn Decontaminator>,
    /// Engines beyond this crate's table and dialogue engines.
    pub makers: Vec<&'a dyn Maker>,
    /// Reads facts from prose for the graph engine (`engines.graph.extract`), and writes questions and queries for the table engine
    /// (`engines.table.written`); none where both are left out.
    pub prose: Option<&'a dyn ChatModel>,
    /// The model of the checks, and who says whether it is right.
    pub model: Option<(&'a dyn ChatModel, &'a dyn Judge)>,
    /// The model that judges answers that the rules call wrong (`checks.judge`); none: the model of the checks.
    pub answer_judge: Option<&'a dyn ChatModel>,
    /// The model that says which documents are good enough (`corpus.judge`); none: the model of the checks.
    pub document_judge: Option<&'a dyn ChatModel>,
}

impl<'a> Tools<'a> {
    /// A reader and nothing else.
    pub fn new(reader: &'a dyn Reader) -> Tools<'a> {
        Tools {
            reader,
            sieves: vec![],
            search: None,
            decontaminator: None,
            makers: vec![],
            prose: None,
            model: None,
            answer_judge: None,
            document_judge: None,
        }
    }
}
