//! A dataset verified: its files, its documents, and every item.

use super::check;
use super::fault::{Fault, Found};
use crate::agents::replay::{AGENTS, Replay as Played};
use crate::corpus::{Corpus, DOCUMENTS};
use crate::dataset::{MANIFEST, Manifest, Record};
use crate::error::Result;
use crate::files::{hash_file, read_json};
use crate::graph::Again;
use crate::item::{Item, Proof};
use crate::stages::CHUNK;
use crate::stages::replay::{CHECKS, Replay};
use crate::tokens::Counter;
use longlab_documents::Hash;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};
use std::path::Path;

/// A fault at its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The file.
    pub file: String,
    /// The line, from 1; 0 for the whole file.
    pub line: usize,
    /// Id of the item; empty where there is none.
    pub id: String,
    /// What is wrong.
    #[serde(flatten)]
    pub found: Found,
}

/// What verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Lines read.
    pub items: usize,
    /// Items without a fault.
    pub sound: usize,
    /// Documents read.
    pub documents: usize,
    /// Items whose tokens were not counted, since their tokenizer was not given.
    pub uncounted: usize,
    /// All faults, in the order of the files.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether all is as it should be.
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    /// Faults by name.
    pub fn counts(&self) -> BTreeMap<Fault, usize> {
        let mut counts = BTreeMap::new();
        self.findings.iter().for_each(|finding| *counts.entry(finding.found.fault).or_default() += 1);
        counts
    }

    fn add(&mut self, file: &str, line: usize, id: &str, fault: Fault, detail: String) {
        let found = Found { fault, detail };
        self.findings.push(Finding { file: file.into(), line, id: id.into(), found });
    }
}

/// Verifies the dataset of a folder: everything is executed again, without a model. `tokenizer` is the `tokenizer.json` that tokens were counted with; without
/// it they are not counted again, which the report says.
///
/// # Errors
/// Where a file is missing or cannot be read; whatever is wrong inside files is in the report.
pub fn verify(folder: &Path, tokenizer: Option<&Path>) -> Result<Report> {
    let mut report = Report::default();
    // Texts are counted whole here, so that what was counted in parts is seen to be the same.
    let counter = tokenizer.map(|path| Counter::open(Some(path)).map(Counter::uncut)).transpose()?;
    let manifest: Manifest = read_json(&folder.join(MANIFEST))?;
    verify_files(folder, &manifest, &mut report);
    let again = Again::new(manifest.reading.unwrap_or_default());
    let corpus = Corpus::open(folder)?;
    verify_documents(&corpus, &mut report);
    let checks = Replay::open(folder)?;
    let with = With { corpus: &corpus, counter: counter.as_ref(), again, replay: Played::open(folder)? };
    let mut ids = HashSet::new();
    let mut chunk: Vec<(String, usize, Record)> = vec![];
    crate::dataset::each(folder, &mut |(file, line), record| {
        report.items += 1;
        match record {
            Ok(record) => {
                let id = record.item.id.clone();
                if !ids.insert(id.clone()) {
                    report.add(file, line, &id.0, Fault::DoubleId, String::new());
                }
                chunk.push((file.into(), line, record));
            }
            Err(error) => report.add(file, line, "", Fault::Unreadable, error.to_string()),
        }
        if chunk.len() == CHUNK {
            let chunk = std::mem::take(&mut chunk);
            verify_checks(checks.as_ref(), &chunk, &mut report)?;
            verify_items(&with, chunk, &mut report)?;
        }
        Ok(true)
    })?;
    verify_checks(checks.as_ref(), &chunk, &mut report)?;
    verify_items(&with, chunk, &mut report)?;
    let of_item = |finding: &&Finding| finding.line > 0 && finding.file != DOCUMENTS;
    let faulty: HashSet<(&str, usize)> =
        report.findings.iter().filter(of_item).map(|finding| (finding.file.as_str(), finding.line)).collect();
    report.sound = report.items - faulty.len();
    Ok(report)
}

fn verify_files(folder: &Path, manifest: &Manifest, report: &mut Report) {
    let hashed =
        |(name, hash): (&String, &Hash)| (name.clone(), hash_file(&folder.join(name)).ok() == Some(hash.clone()));
    let files: Vec<(String, bool)> = manifest.files.par_iter().map(hashed).collect();
    for (name, _) in files.iter().filter(|(_, same)| !same) {
        report.add(name, 0, "", Fault::FileAltered, "missing, or not the bytes that were written".into());
    }
}

/// Every document's text must have its hash.
fn verify_documents(corpus: &Corpus, report: &mut Report) {
    let one = |number: usize| match corpus.read(number) {
        Err(error) => Some(error.to_string()),
        Ok(document) => {
            let sound = document.hash == Hash::of(&document.text) && document.hash == corpus.entries()[number].hash;
            (!sound).then(|| document.source.clone())
        }
    };
    let altered: Vec<Option<String>> = (0..corpus.entries().len()).into_par_iter().map(one).collect();
    report.documents = altered.len();
    for (number, detail) in altered.into_iter().enumerate() {
        if let Some(detail) = detail {
            report.add(DOCUMENTS, number + 1, "", Fault::DocumentAltered, detail);
        }
    }
}

/// Checks by a model are played again from its answers.
fn verify_checks(checks: Option<&Replay>, chunk: &[(String, usize, Record)], report: &mut Report) -> Result<()> {
    let again = |(file, line, record): &(String, usize, Record)| -> Result<(String, usize, Hash, Vec<Found>)> {
        let Record { item, placed } = record;
        let found = match checks {
            Some(checks) => checks.check(item, &placed.tried)?,
            None if placed.tried.is_empty() => vec![],
            None => vec![Found { fault: Fault::ChecksDiffer, detail: format!("{CHECKS} is not there") }],
        };
        Ok((file.clone(), *line, item.id.clone(), found))
    };
    for (file, line, id, found) in chunk.par_iter().map(again).collect::<Result<Vec<_>>>()? {
        found.into_iter().for_each(|found| report.add(&file, line, &id.0, found.fault, found.detail));
    }
    Ok(())
}

/// What items are verified with.
struct With<'a> {
    corpus: &'a Corpus,
    counter: Option<&'a Counter>,
    again: Again,
    replay: Option<Played>,
}

impl With<'_> {
    fn check(&self, item: &Item) -> Result<Vec<Found>> {
        let mut found = check(item, self.corpus, self.counter, &self.again)?;
        match (&item.certificate.proof, &self.replay) {
            (Proof::Models(_), Some(replay)) => found.extend(replay.check(item, self.corpus)?),
            (Proof::Models(_), None) => {
                found.push(Found { fault: Fault::LineageBroken, detail: format!("{AGENTS} is not there") });
            }
            _ => {}
        }
        Ok(found)
    }
}

fn verify_items(with: &With, chunk: Vec<(String, usize, Record)>, report: &mut Report) -> Result<()> {
    let found: Vec<Vec<Found>> =
        chunk.par_iter().map(|(_, _, record)| with.check(&record.item)).collect::<Result<_>>()?;
    for ((file, line, record), faults) in chunk.iter().zip(found) {
        report.uncounted += usize::from(record.item.certificate.tokenizer.is_some() && with.counter.is_none());
        for found in faults {
            report.add(file, *line, &record.item.id.0, found.fault, found.detail);
        }
    }
    Ok(())
}
