//! The tools that `longlab_documents` has: its readers, its search, and what it knows of evaluation files.

use crate::error::{Result, SynthesisError};
use crate::files::hash_file;
use crate::spec::Spec;
use crate::tools::{Decontaminator, Index, Reader, Reading, Search, Tools};
use longlab_documents::{Evaluation, Kind, Reader as DocumentReader, Weights};
use std::path::Path;

/// Texts that are indexed at once.
const BATCH: usize = 256;

/// The tools for a specification.
pub struct Standard {
    reader: Documents,
    search: Bm25,
    known: Option<Known>,
}

impl Standard {
    /// Makes the tools ready.
    ///
    /// # Errors
    /// Where an evaluation file cannot be read.
    pub fn new(spec: &Spec) -> Result<Standard> {
        let reader = DocumentReader { limits: spec.corpus.limits.clone(), kinds: vec![] };
        let known = if spec.decontamination.files.is_empty() { None } else { Some(Known::new(spec)?) };
        Ok(Standard { reader: Documents(reader), search: Bm25, known })
    }

    /// The tools, without further engines and without a model.
    pub fn tools(&self) -> Tools<'_> {
        let mut tools = Tools::new(&self.reader);
        tools.search = Some(&self.search);
        tools.decontaminator = self.known.as_ref().map(|known| known as &dyn Decontaminator);
        tools
    }
}

/// Readers of every format that is known.
struct Documents(DocumentReader);

impl Reader for Documents {
    fn version(&self) -> String {
        format!("documents {}", env!("CARGO_PKG_VERSION"))
    }

    fn read(&self, path: &Path, source: &str, kind: Option<Kind>) -> Reading {
        match self.0.read_file(path, source) {
            Ok(mut reading) => {
                if let Some(kind) = kind {
                    reading.documents.iter_mut().for_each(|document| document.kind = kind);
                }
                let remarks = reading.remarks.iter().map(|remark| format!("file {}", remark.name().replace('_', " ")));
                Reading { remarks: remarks.collect(), documents: reading.documents, refused: vec![] }
            }
            Err(error) => {
                let reason = format!("unread: {}", error.fault.name().replace('_', " "));
                Reading { refused: vec![reason], ..Reading::default() }
            }
        }
    }
}

/// BM25 with Lucene's weights.
struct Bm25;

struct Indexed(longlab_documents::Index);

impl Search for Bm25 {
    fn version(&self) -> String {
        format!("bm25 {:?} {}", Weights::default(), env!("CARGO_PKG_VERSION"))
    }

    fn index(&self, texts: &mut dyn Iterator<Item = Result<String>>) -> Result<Box<dyn Index>> {
        let mut index = longlab_documents::Index::new(Weights::default());
        loop {
            let batch = texts.take(BATCH).collect::<Result<Vec<String>>>()?;
            if batch.is_empty() {
                return Ok(Box::new(Indexed(index)));
            }
            index.extend(&batch);
        }
    }
}

impl Index for Indexed {
    fn near(&self, query: &str, most: usize) -> Vec<usize> {
        self.0.search(query, most).into_iter().map(|hit| hit.passage).collect()
    }
}

/// What evaluation files say.
struct Known {
    evaluation: Evaluation,
    version: String,
}

impl Known {
    fn new(spec: &Spec) -> Result<Known> {
        let words = spec.decontamination.words;
        let (mut evaluation, mut version) = (Evaluation::new(words), format!("{words}"));
        for path in &spec.decontamination.files {
            let unreadable = |error: longlab_documents::ReadError| SynthesisError::Unreadable {
                path: path.clone(),
                cause: std::io::Error::other(error.to_string()),
            };
            evaluation.add_file(path).map_err(unreadable)?;
            version.push_str(&format!(" {}", hash_file(path)?.0));
        }
        Ok(Known { evaluation, version })
    }
}

impl Decontaminator for Known {
    fn version(&self) -> String {
        self.version.clone()
    }

    fn source(&self, text: &str) -> Option<String> {
        self.evaluation.overlap(text).map(|overlap| overlap.evaluation)
    }
}
