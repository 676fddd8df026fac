//! Questions that are there twice, and what evaluation files have, are left out.

use super::{Candidate, ITEMS};
use crate::error::Result;
use crate::files::{Lines, WholeFile};
use crate::funnel::Counts;
use crate::item::{Item, Proof};
use crate::name::words;
use crate::observer::Watch;
use crate::tools::Decontaminator;
use longlab_documents::Hash;
use std::collections::HashSet;
use std::path::Path;

/// Items between two looks at the observer.
const STRIDE: usize = 64;

/// Leaves out what is there twice or known, from the items of `from` into `folder`.
///
/// # Errors
/// Of the files, or [`SynthesisError::Stopped`](crate::SynthesisError::Stopped).
pub fn pick(from: &Path, known: Option<&dyn Decontaminator>, folder: &Path, watch: &mut Watch) -> Result<Counts> {
    let mut file = WholeFile::create(&folder.join(ITEMS))?;
    let mut counts = Counts::default();
    let (mut questions, mut answers) = (HashSet::new(), HashSet::new());
    for (at, candidate) in Lines::<Candidate>::open(&from.join(ITEMS))?.enumerate() {
        let candidate = candidate?;
        if at % STRIDE == 0 {
            watch.progress(at, 0)?;
        }
        let item = &candidate.item;
        if let Some(source) = known.and_then(|known| contaminated(item, known)) {
            counts.drop(format!("has a stretch of {source}"));
        } else if !questions.insert(asked(item)) {
            counts.drop("the same question over the same evidence");
        } else if !answers.insert(answered(item)) {
            counts.drop("the same answer from the same evidence");
        } else {
            counts.keep();
            file.line(&candidate)?;
        }
    }
    file.finish()?;
    Ok(counts)
}

fn contaminated(item: &Item, known: &dyn Decontaminator) -> Option<String> {
    let quotes = item.certificate.evidence.iter().map(|evidence| evidence.quote.as_str());
    let mut texts = [item.question.as_str(), item.answer.text.as_str()].into_iter().chain(quotes);
    texts.find_map(|text| known.source(text))
}

/// A question with the documents of its evidence: the same words over other documents are another question. The prefix of a conversation is no part of it.
pub(super) fn asked(item: &Item) -> Hash {
    let question = match &item.certificate.proof {
        Proof::Turn { prefix, .. } => item.question.replace(prefix.as_str(), ""),
        Proof::Sql { sources, .. } => {
            let mut sources: Vec<&str> = sources.iter().map(|source| source.0.as_str()).collect();
            sources.sort_unstable();
            return Hash::of(&format!("{} {}", normal(&item.question), sources.join(" ")));
        }
        _ => item.question.clone(),
    };
    Hash::of(&format!("{} {}", normal(&question), places(item)))
}

/// What is answered from which places, by which query or operation.
fn answered(item: &Item) -> Hash {
    let (how, answer) = match &item.certificate.proof {
        Proof::Path { operation, .. } => (operation.clone(), item.answer.text.clone()),
        Proof::Sql { query, parameters, sources, .. } => {
            (format!("{query} {parameters:?} {sources:?}"), item.answer.text.clone())
        }
        Proof::Turn { turn, of, prefix, .. } => {
            (format!("{turn} {of}"), item.answer.text.replacen(prefix.as_str(), "", 1))
        }
        // Without a quote the answer alone says nothing of where it is from.
        Proof::Models(_) if item.certificate.evidence.is_empty() => (item.question.clone(), item.answer.text.clone()),
        Proof::Models(_) => (String::new(), item.answer.text.clone()),
    };
    Hash::of(&format!("{} {how} {} {}", item.engine.name(), normal(&answer), places(item)))
}

fn places(item: &Item) -> String {
    let place = |evidence: &crate::item::Evidence| {
        format!("{} {} {}", evidence.document.0, evidence.span.start, evidence.span.end)
    };
    let mut places: Vec<String> = item.certificate.evidence.iter().map(place).collect();
    places.sort();
    places.join(" ")
}

fn normal(text: &str) -> String {
    words(text).collect::<Vec<_>>().join(" ")
}
