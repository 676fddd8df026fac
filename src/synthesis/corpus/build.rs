//! From a folder of files to a corpus: read, sieve, and drop what is there twice.

use super::files::{Listing, SourceFile, list};
use super::{DOCUMENTS, ENTRIES, Entry};
use crate::error::{Result, SynthesisError};
use crate::files::{WholeFile, write_json};
use crate::funnel::Counts;
use crate::observer::Watch;
use crate::spec::{CorpusSpec, FilterSpec};
use crate::stages::COUNTS;
use crate::tools::{Reading, Tools, Twins};
use longlab_documents::{Document, Hash};
use rayon::prelude::*;
use std::collections::HashSet;
use std::path::Path;

/// Files that are read at once: they bound the memory, and must not depend on the number of threads.
const WINDOW: usize = 64;

/// Version of the stage.
const VERSION: &str = "corpus 1";

/// Lists the files of the corpus and the identity of what [`build`] will make of them.
///
/// # Errors
/// Where the folder cannot be read.
pub fn key(spec: &CorpusSpec, tools: &Tools) -> Result<(Listing, Hash)> {
    let listing = list(spec)?;
    let mut said = format!("{VERSION}\n{}\n{:?}\n{:?}\n", tools.reader.version(), spec.filters, spec.duplicates);
    tools.sieves.iter().for_each(|sieve| said.push_str(&format!("{}\n", sieve.version())));
    said.push_str(&format!("{:?}\n", tools.twins.map(|twins| twins.version())));
    for SourceFile { source, kind, hash, .. } in &listing.files {
        said.push_str(&format!("{source:?} {kind:?} {}\n", hash.0));
    }
    Ok((listing, Hash::of(&said)))
}

/// Reads the files into `folder`.
///
/// # Errors
/// Where a file cannot be written, or nothing usable is in the corpus.
pub fn build(listing: &Listing, spec: &CorpusSpec, tools: &Tools, folder: &Path, watch: &mut Watch) -> Result<Counts> {
    let mut building = Building::new(spec, tools, folder)?;
    listing.passed.iter().for_each(|(_, reason)| building.counts.drop(*reason));
    for (done, window) in listing.files.chunks(WINDOW).enumerate() {
        watch.progress(done * WINDOW, listing.files.len())?;
        let read: Vec<Vec<Taken>> = window.par_iter().map(|file| take(file, spec, tools)).collect();
        read.into_iter().flatten().try_for_each(|taken| building.add(taken))?;
    }
    building.finish(spec, tools, folder, listing.files.len())
}

/// A document on its way in, or why it is not.
enum Taken {
    In(Box<Document>, Vec<u64>),
    Out(String),
}

fn take(file: &SourceFile, spec: &CorpusSpec, tools: &Tools) -> Vec<Taken> {
    let Reading { documents, refused } = tools.reader.read(&file.path, &file.source, file.kind);
    let one = |document: Document| {
        let refusal =
            basic(&spec.filters, &document).or_else(|| tools.sieves.iter().find_map(|sieve| sieve.refusal(&document)));
        match refusal {
            Some(reason) => Taken::Out(reason),
            None => {
                let signature = near(spec, tools).map_or(vec![], |twins| twins.signature(&document.text));
                Taken::In(Box::new(document), signature)
            }
        }
    };
    documents.into_iter().map(one).chain(refused.into_iter().map(Taken::Out)).collect()
}

/// Filters that need nothing but the document.
fn basic(filters: &FilterSpec, document: &Document) -> Option<String> {
    let bytes = document.text.len();
    let reason = match () {
        () if bytes < filters.fewest_bytes => "shorter than `fewest_bytes`",
        () if bytes > filters.most_bytes => "longer than `most_bytes`",
        () if !filters.kinds.is_empty() && !filters.kinds.contains(&document.kind) => "of a kind that is not kept",
        () if document.hash != Hash::of(&document.text) => "hash that is not of its text",
        () => return None,
    };
    Some(reason.into())
}

fn near<'a>(spec: &CorpusSpec, tools: &Tools<'a>) -> Option<&'a dyn Twins> {
    tools.twins.filter(|_| spec.duplicates.near > 0.0)
}

struct Building {
    documents: WholeFile,
    entries: Vec<Entry>,
    signatures: Vec<Vec<u64>>,
    seen: HashSet<Hash>,
    counts: Counts,
}

impl Building {
    fn new(spec: &CorpusSpec, tools: &Tools, folder: &Path) -> Result<Building> {
        if spec.duplicates.near > 0.0 && tools.twins.is_none() {
            return Err(SynthesisError::Missing { what: "near duplicates (`corpus.duplicates.near`)".into() });
        }
        Ok(Building {
            documents: WholeFile::create(&folder.join(DOCUMENTS))?,
            entries: vec![],
            signatures: vec![],
            seen: HashSet::new(),
            counts: Counts::default(),
        })
    }

    fn add(&mut self, taken: Taken) -> Result<()> {
        let (document, signature) = match taken {
            Taken::In(document, signature) => (document, signature),
            Taken::Out(reason) => {
                self.counts.drop(reason);
                return Ok(());
            }
        };
        if !self.seen.insert(document.hash.clone()) {
            self.counts.drop("the same text as an earlier document");
            return Ok(());
        }
        let offset = self.documents.written();
        let length = self.documents.line(&document)?;
        self.entries.push(Entry {
            offset,
            length,
            bytes: document.text.len(),
            tables: document.tables.len(),
            hash: document.hash,
            kind: document.kind,
            title: document.title,
            source: document.source,
        });
        self.signatures.push(signature);
        Ok(())
    }

    /// Leaves out twins and writes the entries. The lines of twins stay in the file of documents, where nothing points at them.
    fn finish(mut self, spec: &CorpusSpec, tools: &Tools, folder: &Path, files: usize) -> Result<Counts> {
        let twins = near(spec, tools).map(|twins| twins.twins(&self.signatures)).unwrap_or_default();
        self.documents.finish()?;
        let mut entries = WholeFile::create(&folder.join(ENTRIES))?;
        for (number, entry) in self.entries.iter().enumerate() {
            if matches!(twins.get(number), Some(Some(_))) {
                self.counts.drop("nearly the same as an earlier document");
                continue;
            }
            entries.line(entry)?;
            self.counts.keep();
            self.counts.remark(kind_name(entry));
        }
        entries.finish()?;
        if self.counts.kept > 0 {
            return Ok(self.counts);
        }
        let report = folder.join(COUNTS);
        write_json(&report, &self.counts)?;
        Err(SynthesisError::Empty { folder: spec.folder.clone(), files, refused: self.counts.dropped(), report })
    }
}

fn kind_name(entry: &Entry) -> String {
    format!("{:?}", entry.kind).to_lowercase()
}
