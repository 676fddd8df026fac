//! What became of the files of a corpus, counted.

use crate::walk::Outcome;
use serde::Serialize;
use std::collections::BTreeMap;

/// Counts of outcomes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Files that were read.
    pub files: usize,
    /// Documents in them.
    pub documents: usize,
    /// Bytes of the documents' text.
    pub bytes: usize,
    /// Files by format.
    pub formats: BTreeMap<&'static str, usize>,
    /// Documents by kind.
    pub kinds: BTreeMap<String, usize>,
    /// Files by what readers remarked of them.
    pub remarks: BTreeMap<&'static str, usize>,
    /// Files and folders that were left out, by the reason.
    pub skipped: BTreeMap<&'static str, usize>,
    /// Sections, tables, links and notes.
    pub structure: BTreeMap<&'static str, usize>,
}

impl Tally {
    /// Counts an outcome.
    pub fn add(&mut self, outcome: &Outcome) {
        let reading = match &outcome.result {
            Ok(reading) => reading,
            Err(skip) => return *self.skipped.entry(skip.name()).or_default() += 1,
        };
        self.files += 1;
        *self.formats.entry(reading.format.name()).or_default() += 1;
        for remark in &reading.remarks {
            *self.remarks.entry(remark.name()).or_default() += 1;
        }
        for document in &reading.documents {
            self.documents += 1;
            self.bytes += document.text.len();
            *self.kinds.entry(document.kind.name().to_owned()).or_default() += 1;
            let structure = [
                ("sections", document.sections.len()),
                ("tables", document.tables.len()),
                ("links", document.links.len()),
                ("notes", document.notes.len()),
            ];
            for (what, count) in structure {
                *self.structure.entry(what).or_default() += count;
            }
        }
    }
}
