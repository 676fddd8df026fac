//! Certificates executed again, without a model: documents, places, quotes, queries, paths, turns, necessity, irrelevant passages, tokens, ids.

mod dataset;
mod fault;
mod path;
mod proof;
mod written;

pub use dataset::{Finding, Report, verify};
pub use fault::{Fault, Found};

use crate::corpus::Corpus;
use crate::error::Result;
use crate::extend::absence::Absence;
use crate::graph::Again;
use crate::item::{Certificate, Item, Proof};
use crate::prompt;
use crate::tokens::Counter;
use fault::Faults;

/// Faults of an item. Documents are taken to be those of their hashes; [`verify()`] checks that before.
/// `again` reads what they state.
///
/// # Errors
/// Where the corpus cannot be read.
pub fn check(item: &Item, corpus: &Corpus, counter: Option<&Counter>, again: &Again) -> Result<Vec<Found>> {
    let mut faults = Faults::default();
    faults.demand(item.id == item.hash(), Fault::WrongId, || format!("it says {}", item.hash().0));
    let models = matches!(item.certificate.proof, Proof::Models(_));
    let said = !item.answer.text.is_empty() && (models || !item.certificate.evidence.is_empty());
    faults.demand(said, Fault::Empty, || "no answer or no evidence".into());
    check_passages(item, corpus, &mut faults)?;
    check_evidence(item, corpus, &mut faults)?;
    // What rests on places is only looked at where the places hold.
    if faults.0.is_empty() {
        proof::check(item, corpus, again, &mut faults)?;
        check_absence(item, corpus, &mut faults)?;
    }
    check_tokens(item, counter, &mut faults)?;
    check_lineage(item, &mut faults);
    Ok(faults.0)
}

fn check_passages(item: &Item, corpus: &Corpus, faults: &mut Faults) -> Result<()> {
    for (at, passage) in item.passages.iter().enumerate() {
        let Some(document) = corpus.find(&passage.document)? else {
            faults.demand(false, Fault::UnknownDocument, || format!("passage {at}: {}", passage.document.0));
            continue;
        };
        let stands = passage.span.of(&document.text) == Some(&passage.text) && !passage.text.is_empty();
        faults.demand(stands, Fault::PassageAltered, || format!("passage {at}"));
    }
    Ok(())
}

fn check_evidence(item: &Item, corpus: &Corpus, faults: &mut Faults) -> Result<()> {
    for (at, evidence) in item.certificate.evidence.iter().enumerate() {
        let Some(document) = corpus.find(&evidence.document)? else {
            faults.demand(false, Fault::UnknownDocument, || format!("evidence {at}: {}", evidence.document.0));
            continue;
        };
        let stands = evidence.span.of(&document.text) == Some(&evidence.quote) && !evidence.quote.is_empty();
        faults.demand(stands, Fault::QuoteAltered, || format!("evidence {at}: {:?}", evidence.quote));
        let shown = item.passages.iter().any(|passage| {
            let inside = passage.span.start <= evidence.span.start && evidence.span.end <= passage.span.end;
            passage.document == evidence.document && inside
        });
        faults.demand(shown, Fault::EvidenceOutside, || format!("evidence {at}: {:?}", evidence.quote));
    }
    Ok(())
}

fn check_absence(item: &Item, corpus: &Corpus, faults: &mut Faults) -> Result<()> {
    let absence = Absence::of(item);
    for (at, passage) in item.passages.iter().enumerate() {
        if absence.is_evidence(at, passage) {
            continue;
        }
        let Some(document) = corpus.find(&passage.document)? else { continue };
        let told = absence.told(&document, passage);
        faults.demand(told.is_none(), Fault::DistractorTells, || format!("passage {at}: {told:?}"));
    }
    Ok(())
}

fn check_tokens(item: &Item, counter: Option<&Counter>, faults: &mut Faults) -> Result<()> {
    let Certificate { tokens, tokenizer, .. } = &item.certificate;
    let estimated = Counter::Estimated;
    let counter = match (tokenizer, counter) {
        (None, _) => &estimated,
        (Some(_), None) => return Ok(()),
        (Some(hash), Some(counter)) => {
            let same = counter.hash() == Some(hash);
            faults.demand(same, Fault::TokenizerDiffers, || format!("counted by {}", hash.0));
            if !same {
                return Ok(());
            }
            counter
        }
    };
    let counted = counter.count(&prompt::text(&prompt::messages(item)?));
    faults.demand(counted == *tokens, Fault::TokensDiffer, || format!("{tokens} said, {counted} counted"));
    Ok(())
}

fn check_lineage(item: &Item, faults: &mut Faults) {
    // Calls of models that an engine made come before what the pipeline did, which hangs together.
    let work = &item.certificate.work;
    let work = &work[work.iter().position(|own| own.step == "make").unwrap_or(0)..];
    let chained = work.windows(2).all(|pair| pair[0].output == pair[1].input);
    let leads_here = work.last().is_some_and(|last| last.output == item.id);
    faults.demand(chained && leads_here, Fault::LineageBroken, || format!("{} steps", work.len()));
}
