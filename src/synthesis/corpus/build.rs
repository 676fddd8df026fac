//! From a folder of files to a corpus: read, sieve, and drop what is there twice.

use super::files::{Listing, SourceFile, list};
use super::{DOCUMENTS, ENTRIES, Entry};
use crate::error::{Result, SynthesisError};
use crate::files::{WholeFile, write_json};
use crate::funnel::Counts;
use crate::observer::Watch;
use crate::spec::CorpusSpec;
use crate::stages::COUNTS;
use crate::tools::{Reading, Tools};
use longlab_documents::{Document, Duplicates, Fingerprint, Hash, Nearness};
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
    let CorpusSpec { kinds, limits, filters, duplicates, .. } = spec;
    let mut said = format!("{VERSION}\n{}\n{kinds:?} {limits:?} {filters:?} {duplicates:?}\n", tools.reader.version());
    tools.sieves.iter().for_each(|sieve| said.push_str(&format!("{}\n", sieve.version())));
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
    let nearness = nearness(spec);
    let mut building = Building::new(&nearness, folder)?;
    listing.passed.iter().for_each(|(_, reason)| building.counts.drop(*reason));
    for (done, window) in listing.files.chunks(WINDOW).enumerate() {
        watch.progress(done * WINDOW, listing.files.len())?;
        let read: Vec<Vec<Taken>> = window.par_iter().map(|file| take(file, spec, tools, &nearness)).collect();
        read.into_iter().flatten().try_for_each(|taken| building.add(taken))?;
    }
    building.finish(spec, folder, listing.files.len())
}

/// A threshold that nothing reaches finds equal documents alone.
fn nearness(spec: &CorpusSpec) -> Nearness {
    let near = spec.duplicates.near;
    Nearness { threshold: if near > 0.0 { near } else { f64::INFINITY }, ..Nearness::default() }
}

/// A document on its way in, why it is not, or what is worth knowing of a file.
enum Taken {
    In(Box<Document>, Fingerprint),
    Out(String),
    Remark(String),
}

fn take(file: &SourceFile, spec: &CorpusSpec, tools: &Tools, nearness: &Nearness) -> Vec<Taken> {
    let Reading { documents, refused, remarks } = tools.reader.read(&file.path, &file.source, file.kind);
    let one = |document: Document| match refusal(spec, tools, &document) {
        Some(reason) => Taken::Out(reason),
        None => {
            let print = nearness.fingerprint(&document.text);
            Taken::In(Box::new(document), print)
        }
    };
    let remarks = remarks.into_iter().map(Taken::Remark);
    documents.into_iter().map(one).chain(refused.into_iter().map(Taken::Out)).chain(remarks).collect()
}

fn refusal(spec: &CorpusSpec, tools: &Tools, document: &Document) -> Option<String> {
    if !spec.kinds.is_empty() && !spec.kinds.contains(&document.kind) {
        return Some("of a kind that is not kept".into());
    }
    if document.hash != Hash::of(&document.text) {
        return Some("a hash that is not of its text".into());
    }
    let rule = spec.filters.reason(document).map(|reason| reason.rule().replace('_', " "));
    rule.or_else(|| tools.sieves.iter().find_map(|sieve| sieve.refusal(document)))
}

struct Building {
    documents: WholeFile,
    entries: WholeFile,
    duplicates: Duplicates,
    seen: HashSet<Hash>,
    counts: Counts,
}

impl Building {
    fn new(nearness: &Nearness, folder: &Path) -> Result<Building> {
        let unfit = |error: longlab_documents::NearnessError| SynthesisError::Missing { what: error.to_string() };
        Ok(Building {
            documents: WholeFile::create(&folder.join(DOCUMENTS))?,
            entries: WholeFile::create(&folder.join(ENTRIES))?,
            duplicates: Duplicates::new(nearness.clone()).map_err(unfit)?,
            seen: HashSet::new(),
            counts: Counts::default(),
        })
    }

    fn add(&mut self, taken: Taken) -> Result<()> {
        let (document, print) = match taken {
            Taken::In(document, print) => (document, print),
            Taken::Out(reason) => {
                self.counts.drop(reason);
                return Ok(());
            }
            Taken::Remark(what) => {
                self.counts.remark(what);
                return Ok(());
            }
        };
        // Texts of equal words may differ in their marks alone; texts without words are told apart by their hash.
        if !self.seen.insert(document.hash.clone()) {
            self.counts.drop("the same text as an earlier document");
            return Ok(());
        }
        if let Some(duplicate) = self.duplicates.add(print) {
            let same = duplicate.similarity >= 1.0;
            self.counts.drop(if same {
                "the same words as an earlier document"
            } else {
                "nearly the same as an earlier document"
            });
            return Ok(());
        }
        self.counts.keep();
        self.counts.remark(document.kind.name());
        let offset = self.documents.written();
        let length = self.documents.line(&document)?;
        let (bytes, tables) = (document.text.len(), document.tables.len());
        let Document { source, kind, title, hash, .. } = *document;
        self.entries.line(&Entry { offset, length, bytes, tables, hash, kind, title, source })?;
        Ok(())
    }

    fn finish(self, spec: &CorpusSpec, folder: &Path, files: usize) -> Result<Counts> {
        self.documents.finish()?;
        self.entries.finish()?;
        if self.counts.kept > 0 {
            return Ok(self.counts);
        }
        let report = folder.join(COUNTS);
        write_json(&report, &self.counts)?;
        Err(SynthesisError::Empty { folder: spec.folder.clone(), files, refused: self.counts.dropped(), report })
    }
}
