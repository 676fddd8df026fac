//! Items are put to checks: their certificates are executed again; a model must fail without the documents, and must not fail always with them.

use super::ask::Answers;
use super::{CHUNK, Candidate, ITEMS};
use crate::corpus::Corpus;
use crate::error::{Result, SynthesisError};
use crate::extend::{bare, fill_texts};
use crate::files::{Lines, WholeFile};
use crate::funnel::Counts;
use crate::graph::Again;
use crate::item::{Item, Work};
use crate::observer::Watch;
use crate::prompt;
use crate::spec::{ChecksSpec, Unanswered};
use crate::tokens::Counter;
use crate::tools::Judge;
use crate::verify;
use longlab_client::{ChatFailure, ChatModel, ChatRequest, Message};
use longlab_documents::Hash;
use rayon::prelude::*;
use std::path::Path;

/// What the stage works with.
pub struct Checking<'a> {
    /// The settings.
    pub spec: &'a ChecksSpec,
    /// Seed of the model's draws.
    pub seed: u64,
    /// The documents.
    pub corpus: &'a Corpus,
    /// Reads again what documents state.
    pub again: &'a Again,
    /// Counts tokens.
    pub counter: &'a Counter,
    /// The model and who judges it.
    pub model: Option<(&'a dyn ChatModel, &'a dyn Judge)>,
    /// Where answers of the model are kept between runs.
    pub answers: &'a Path,
}

/// What came of an item.
enum Outcome {
    Kept(Box<Candidate>),
    Dropped(String),
    Unanswered(ChatFailure),
}

/// Checks the items of `from` into `folder`.
///
/// # Errors
/// Of the files; [`SynthesisError::Model`] where the model left items without an answer and the specification says to stop then.
pub fn check(from: &Path, with: &Checking, folder: &Path, watch: &mut Watch) -> Result<Counts> {
    let asked = with.spec.grounding + with.spec.robustness > 0;
    let answers = match with.model.filter(|_| asked) {
        Some((model, judge)) => Some((Answers::open(with.answers, model)?, model, judge)),
        None if asked => return Err(SynthesisError::Missing { what: "a model (`checks`)".into() }),
        None => None,
    };
    let mut file = WholeFile::create(&folder.join(ITEMS))?;
    let mut lines = Lines::<Candidate>::open(&from.join(ITEMS))?;
    let (mut counts, mut done, mut unanswered) = (Counts::default(), 0, None);
    while let Some(chunk) = lines.chunk(CHUNK)? {
        watch.progress(done, 0)?;
        done += chunk.len();
        let one = |candidate| one(candidate, with, answers.as_ref());
        for outcome in chunk.into_par_iter().map(one).collect::<Result<Vec<Outcome>>>()? {
            match outcome {
                Outcome::Kept(candidate) => {
                    counts.keep();
                    file.line(&candidate)?;
                }
                Outcome::Dropped(reason) => counts.drop(reason),
                Outcome::Unanswered(failure) => {
                    counts.drop("the model gave no answer");
                    unanswered = Some(failure);
                }
            }
        }
    }
    match (unanswered, answers) {
        (Some(failure), Some((answers, ..))) if with.spec.unanswered == Unanswered::Stop => {
            let count = counts.dropped.get("the model gave no answer").copied().unwrap_or(0);
            Err(SynthesisError::Model {
                reason: format!("{count} items have no answer: {failure}"),
                kept: answers.len(),
            })
        }
        _ => file.finish().map(|()| counts),
    }
}

type Asked<'a> = (Answers<'a>, &'a dyn ChatModel, &'a dyn Judge);

fn one(mut candidate: Candidate, with: &Checking, asked: Option<&Asked>) -> Result<Outcome> {
    fill_texts(with.corpus, &mut candidate.item.passages)?;
    let faults = verify::check(&candidate.item, with.corpus, Some(with.counter), with.again)?;
    if let Some(found) = faults.first() {
        return Ok(Outcome::Dropped(format!("not proved: {}", found.fault)));
    }
    if let Some(asked) = asked {
        let tries = Tries { with, asked, item: &candidate.item };
        let (grounded, rate) = match tries.all()? {
            Ok(answered) => answered,
            Err(failure) => return Ok(Outcome::Unanswered(failure)),
        };
        if let Some(reason) = verdict(grounded, rate) {
            return Ok(Outcome::Dropped(reason.into()));
        }
        let (model, output) = (asked.1.name(), candidate.item.id.clone());
        candidate.rate = rate;
        candidate.item.certificate.work.push(Work {
            step: "check".into(),
            model: Some(model),
            input: output.clone(),
            output,
        });
    }
    bare(&mut candidate.item);
    Ok(Outcome::Kept(Box::new(candidate)))
}

fn verdict(grounded: bool, rate: Option<(usize, usize)>) -> Option<&'static str> {
    match (grounded, rate) {
        (false, _) => Some("answered without its documents (knowledge grounding)"),
        (true, Some((0, _))) => Some("never answered with its documents (contextual robustness)"),
        _ => None,
    }
}

/// Tries of a model at an item.
struct Tries<'a> {
    with: &'a Checking<'a>,
    asked: &'a Asked<'a>,
    item: &'a Item,
}

type Answered = std::result::Result<(bool, Option<(usize, usize)>), ChatFailure>;

impl Tries<'_> {
    /// Whether the model failed without the documents, and how often it was right with them.
    fn all(&self) -> Result<Answered> {
        let spec = self.with.spec;
        let mut emptied = self.item.clone();
        emptied.passages.clear();
        if let crate::item::Proof::Turn { requests, .. } = &mut emptied.certificate.proof {
            requests.clear();
        }
        let without = match self.right(prompt::messages(&emptied)?, spec.grounding, 0)? {
            Ok(right) => right,
            Err(failure) => return Ok(Err(failure)),
        };
        if without > 0 || spec.robustness == 0 {
            return Ok(Ok((without == 0, None)));
        }
        let right = self.right(prompt::messages(self.item)?, spec.robustness, 1)?;
        Ok(right.map(|right| (true, Some((right, spec.robustness)))))
    }

    fn right(
        &self,
        messages: Vec<Message>,
        tries: usize,
        kind: u64,
    ) -> Result<std::result::Result<usize, ChatFailure>> {
        let (answers, _, judge) = self.asked;
        let mut right = 0;
        for number in 0..tries as u64 {
            let mut request = ChatRequest::new(messages.clone(), self.with.spec.answer);
            request.temperature = Some(self.with.spec.temperature);
            request.seed = Some(self.with.seed.wrapping_mul(128).wrapping_add(2 * number + kind));
            match answers.ask(&request)? {
                Ok(reply) => right += usize::from(judge.right(self.item, &reply)),
                Err(failure) => return Ok(Err(failure)),
            }
        }
        Ok(Ok(right))
    }
}

/// What of the checks is part of a stage's key.
pub fn settings(spec: &ChecksSpec, model: Option<(&dyn ChatModel, &dyn Judge)>) -> String {
    let model = model.map(|(model, judge)| format!("{} {}", model.name(), judge.version()));
    format!("{spec:?} {model:?} {}", Hash::of(&prompt::version()).0)
}
