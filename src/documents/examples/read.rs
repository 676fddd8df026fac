//! Reads a folder and prints what readers, filters and duplicates make of it.
//!
//! `cargo run -p longlab-documents --release --example read -- FOLDER [--list] [--gopher]`; `--list` names everything that was left out, and
//! each document that a filter refuses with what it measured; `--gopher` holds every kind to Gopher's thresholds of repetition.

use longlab_documents::{
    Corpus, Document, Duplicates, Filter, Nearness, NearnessError, Reader, Reason, Repetition, Tally, Walk,
};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(folder) = arguments.iter().find(|argument| !argument.starts_with("--")) else {
        eprintln!("which folder? read FOLDER [--list] [--gopher]");
        return ExitCode::from(2);
    };
    let is_set = |option: &str| arguments.iter().any(|argument| argument == option);
    let repetition = is_set("--gopher").then(Repetition::default);
    match count(Path::new(folder), Filter { repetition, ..Filter::default() }, is_set("--list")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// What stays of the documents and why others go.
struct Sieve {
    filter: Filter,
    nearness: Nearness,
    duplicates: Duplicates,
    gone: BTreeMap<String, usize>,
    kept: BTreeMap<&'static str, (usize, usize)>,
    list: bool,
}

impl Sieve {
    fn new(filter: Filter, list: bool) -> Result<Self, NearnessError> {
        let nearness = Nearness::default();
        let duplicates = Duplicates::new(nearness.clone())?;
        Ok(Sieve { filter, nearness, duplicates, gone: BTreeMap::new(), kept: BTreeMap::new(), list })
    }

    fn take(&mut self, documents: &[Document]) {
        let judged = |document: &Document| match self.filter.reason(document) {
            Some(reason) => Err(reason),
            None => Ok(self.nearness.fingerprint(&document.text)),
        };
        let judged: Vec<_> = documents.par_iter().map(judged).collect();
        for (document, verdict) in documents.iter().zip(judged) {
            let reason = match verdict {
                Err(reason) => {
                    if self.list {
                        println!("{} ({}): {reason:?}", document.source, document.kind.name());
                        if let Reason::Repetition { .. } = reason {
                            println!("  measured: {:?}", Filter::repetition_of(document));
                        }
                    }
                    Some(reason.rule())
                }
                Ok(print) => {
                    let found = self.duplicates.add(print);
                    found.map(|found| if found.similarity == 1.0 { "same" } else { "near" }.to_owned())
                }
            };
            match reason {
                Some(reason) => {
                    *self.gone.entry(format!("{}: {reason}", document.kind.name())).or_default() += 1;
                }
                None => {
                    let kept = self.kept.entry(document.kind.name()).or_default();
                    *kept = (kept.0 + 1, kept.1 + document.text.len());
                }
            }
        }
    }
}

fn count(folder: &Path, filter: Filter, list: bool) -> Result<(), Box<dyn std::error::Error>> {
    let begun = Instant::now();
    let (mut tally, mut sieve, mut unsound) = (Tally::default(), Sieve::new(filter, list)?, 0);
    let mut waiting = Vec::new();
    for outcome in Corpus::open(folder, Walk::default(), Reader::default())? {
        tally.add(&outcome);
        match outcome.result {
            Ok(reading) => waiting.extend(reading.documents),
            Err(skip) if list => println!("{}: {skip}", outcome.source),
            Err(_) => {}
        }
        if waiting.len() >= 256 {
            unsound += sift(&mut sieve, &mut waiting);
        }
    }
    unsound += sift(&mut sieve, &mut waiting);
    println!("{}", serde_json::to_string_pretty(&tally)?);
    println!("left out by filters and as duplicates: {}", serde_json::to_string(&sieve.gone)?);
    println!("kept, documents and bytes by kind: {}", serde_json::to_string(&sieve.kept)?);
    println!("unsound documents: {unsound}; {:.1} s", begun.elapsed().as_secs_f64());
    Ok(())
}

/// Sifts the documents that wait; gives how many of them are unsound.
fn sift(sieve: &mut Sieve, waiting: &mut Vec<Document>) -> usize {
    let documents = std::mem::take(waiting);
    sieve.take(&documents);
    documents.par_iter().filter(|document| document.check().inspect_err(|error| eprintln!("{error}")).is_err()).count()
}
