//! Tries of a model at an item: what it is shown for each check, and what its answers come to. Played by a model, or again from the answers that were kept.

use crate::answers::Answered;
use crate::error::{Result, SynthesisError};
use crate::item::{Form, Item, Passage, Proof, Work};
use crate::prompt;
use crate::score::said;
use crate::spec::{ChecksSpec, Without};
use crate::tools::Judge;
use longlab_client::{Case, ChatFailure, ChatRequest, Message, Template, Verdict};
use longlab_documents::Hash;
use longlab_kernels::stream::{Address, Purpose};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// Seed of the judge of answers, that of the released code; its temperature is 0.
const JUDGE_SEED: u64 = 42;

/// What an item is put to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// The question alone must not be enough.
    Blind,
    /// Without the documents there must be no right answer.
    Ground,
    /// Few of the documents must not be enough.
    Scarce,
    /// With the documents of the evidence alone there must be a right answer.
    Alone,
    /// With all documents there must be a right answer.
    Robust,
}

impl Check {
    /// All checks, in the order in which they are asked: the cheapest prompts first.
    pub const ALL: [Check; 5] = [Check::Blind, Check::Ground, Check::Scarce, Check::Alone, Check::Robust];

    /// The name used in files: the step of its calls.
    pub fn name(self) -> &'static str {
        match self {
            Check::Blind => "blind",
            Check::Ground => "ground",
            Check::Scarce => "scarce",
            Check::Alone => "alone",
            Check::Robust => "robust",
        }
    }

    /// Why an item is dropped that does not pass.
    pub fn reason(self) -> &'static str {
        match self {
            Check::Blind => "answered from its question alone (blind knowledge screening)",
            Check::Ground => "answered without its documents (knowledge grounding)",
            Check::Scarce => "answered with few of its documents (scarce knowledge validation)",
            Check::Alone => "never answered with the documents of its evidence alone",
            Check::Robust => "never answered with its documents (contextual robustness)",
        }
    }

    /// Whether a right answer speaks against the item.
    fn must_fail(self) -> bool {
        matches!(self, Check::Blind | Check::Ground | Check::Scarce)
    }

    fn tries(self, spec: &ChecksSpec) -> usize {
        match self {
            Check::Blind => spec.blind,
            Check::Ground => spec.grounding,
            Check::Scarce => spec.scarce,
            Check::Alone => spec.alone,
            Check::Robust => spec.robustness,
        }
    }
}

/// What the tries of a check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// The check.
    pub check: Check,
    /// Right answers.
    pub right: usize,
    /// Answers that were asked for.
    pub tries: usize,
}

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Answers items.
    Solver,
    /// Judges answers.
    Judge,
}

/// Who answers: models, or what is kept of their answers.
pub trait Ask: Sync {
    /// The answer to a request, or why there is none.
    ///
    /// # Errors
    /// Where what is kept cannot be read or written.
    fn ask(&self, role: Role, request: &ChatRequest) -> Result<std::result::Result<Answered, ChatFailure>>;
}

/// What tries depend on beside the item.
pub struct Trying<'a> {
    /// The settings.
    pub spec: &'a ChecksSpec,
    /// Seed of the draws.
    pub seed: u64,
    /// The rules.
    pub rules: &'a dyn Judge,
    /// Who answers.
    pub ask: &'a dyn Ask,
}

/// What came of an item's tries.
#[derive(Debug)]
pub enum Outcome {
    /// It passes: its tries, and the calls of models in order.
    Passed(Vec<Tried>, Vec<Work>),
    /// It is dropped.
    Dropped(&'static str),
    /// There was no answer.
    Unanswered(ChatFailure),
}

/// Why tries ended before their end.
enum Ended {
    Dropped(&'static str),
    Unanswered(ChatFailure),
    Error(SynthesisError),
}

impl From<SynthesisError> for Ended {
    fn from(error: SynthesisError) -> Ended {
        Ended::Error(error)
    }
}

/// Puts an item, its passages with their texts, to the checks of a specification.
///
/// # Errors
/// Where a prompt does not render, or of [`Ask`].
pub fn put(item: &Item, with: &Trying) -> Result<Outcome> {
    let mut course = Course { with, item, tried: vec![], calls: vec![] };
    match Check::ALL.into_iter().try_for_each(|check| course.put(check)) {
        Ok(()) => Ok(Outcome::Passed(course.tried, course.calls)),
        Err(Ended::Dropped(reason)) => Ok(Outcome::Dropped(reason)),
        Err(Ended::Unanswered(failure)) => Ok(Outcome::Unanswered(failure)),
        Err(Ended::Error(error)) => Err(error),
    }
}

struct Course<'a> {
    with: &'a Trying<'a>,
    item: &'a Item,
    tried: Vec<Tried>,
    calls: Vec<Work>,
}

impl Course<'_> {
    fn put(&mut self, check: Check) -> std::result::Result<(), Ended> {
        let tries = check.tries(self.with.spec);
        if tries == 0 || check == Check::Scarce && !has_fewer(self.item) {
            return Ok(());
        }
        let mut tried = Tried { check, right: 0, tries: 0 };
        for number in 0..tries {
            let messages = self.messages(check, number)?;
            let mut request = ChatRequest::new(messages, self.with.spec.answer);
            request.temperature = Some(self.with.spec.temperature);
            // Servers take seeds of 32 bits, some of 31.
            request.seed = Some(self.address(check, number).stream().bits() >> 33);
            let answered = self.ask(Role::Solver, check.name(), &request)?;
            tried.tries += 1;
            tried.right += usize::from(self.is_right(check, &answered)?);
            // Difficulty is measured by all tries of robustness; the others have their verdict.
            if tried.right > 0 && check != Check::Robust {
                break;
            }
        }
        self.tried.push(tried);
        if check.must_fail() == (tried.right > 0) { Err(Ended::Dropped(check.reason())) } else { Ok(()) }
    }

    fn address(&self, check: Check, number: usize) -> Address {
        let id = self.item.id.0.get(..16).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or(0);
        Address::new(self.with.seed, Purpose::Probe).sample(id).rollout(check as u32).position(number as u32)
    }

    fn ask(&mut self, role: Role, step: &str, request: &ChatRequest) -> std::result::Result<Answered, Ended> {
        match self.with.ask.ask(role, request)? {
            Ok(answered) => {
                let (input, output) = (answered.asked.clone(), Hash::of(&answered.reply));
                self.calls.push(Work { step: step.into(), model: Some(answered.model.clone()), input, output });
                Ok(answered)
            }
            // Asking again does not help.
            Err(ChatFailure::Refused { .. }) => Err(Ended::Dropped("a model refuses its prompt")),
            Err(ChatFailure::Stopped) => Err(Ended::Error(SynthesisError::Stopped)),
            Err(failure) => Err(Ended::Unanswered(failure)),
        }
    }

    /// The rules first; where they say no to an answer that was given, the judge.
    fn is_right(&mut self, check: Check, answered: &Answered) -> std::result::Result<bool, Ended> {
        let (rules, reply) = (self.with.rules, answered.reply.as_str());
        let by_rule = if check.must_fail() { rules.is_told(self.item, reply) } else { rules.right(self.item, reply) };
        let open = matches!(self.item.form, Form::MultiHop | Form::Reading | Form::Numeric);
        let Some(predicted) = said(reply).filter(|_| !by_rule && open && self.with.spec.judge) else {
            return Ok(by_rule);
        };
        let (question, gold) = (self.item.question.clone(), self.item.answer.text.clone());
        let case = Case { question, predicted: predicted.into(), gold };
        let mut request = ChatRequest::new(Template::default().filled(&case), self.with.spec.answer);
        (request.temperature, request.seed) = (Some(0.0), Some(JUDGE_SEED));
        match Verdict::of(&self.ask(Role::Judge, "judge", &request)?.reply) {
            Verdict::Yes => Ok(true),
            Verdict::No => Ok(false),
            // No verdict is no wrong answer; and asked again, the judge would be the same.
            Verdict::Failed => Err(Ended::Dropped("the judge of answers gave no verdict")),
        }
    }

    fn messages(&self, check: Check, number: usize) -> Result<Vec<Message>> {
        let evidence = documents(self.item);
        let shown = match check {
            Check::Blind => return Ok(vec![Message::user(self.item.question.as_str())]),
            Check::Robust => return prompt::messages(self.item),
            Check::Ground => match self.with.spec.without {
                Without::All => only(self.item, |_, _| false),
                Without::Evidence => only(self.item, |at, passage| !is_evidence(self.item, &evidence, at, passage)),
            },
            Check::Alone => only(self.item, |at, passage| is_evidence(self.item, &evidence, at, passage)),
            Check::Scarce => {
                let few = (evidence.len() as f64 * self.with.spec.few) as usize;
                let few = few.clamp(1, evidence.len().max(2) - 1);
                let mut evidence = evidence;
                self.address(check, number).step(1).stream().shuffle(&mut evidence);
                evidence.truncate(few);
                only(self.item, |_, passage| evidence.contains(&passage.document))
            }
        };
        prompt::messages(&shown)
    }
}

/// The documents that an item's evidence is from, each once.
fn documents(item: &Item) -> Vec<Hash> {
    let all: Vec<&Hash> = match &item.certificate.proof {
        Proof::Sql { sources, .. } => sources.iter().collect(),
        _ => item.certificate.evidence.iter().map(|evidence| &evidence.document).collect(),
    };
    let mut seen = HashSet::new();
    all.into_iter().filter(|document| seen.insert(*document)).cloned().collect()
}

/// Whether there is less than all of the documents to be shown, and the answer is more than one of them.
fn has_fewer(item: &Item) -> bool {
    !matches!(item.certificate.proof, Proof::Turn { .. }) && documents(item).len() > 1
}

/// Whether a passage belongs to the evidence; of a conversation all that answer the repeated request.
fn is_evidence(item: &Item, documents: &[Hash], at: usize, passage: &Passage) -> bool {
    match &item.certificate.proof {
        Proof::Turn { request, requests, .. } => requests.get(at) == Some(request),
        _ => documents.contains(&passage.document),
    }
}

/// The item with some of its passages, and the requests that belong to them.
fn only(item: &Item, keep: impl Fn(usize, &Passage) -> bool) -> Item {
    let kept: Vec<bool> = item.passages.iter().enumerate().map(|(at, passage)| keep(at, passage)).collect();
    let mut certificate = item.certificate.clone();
    if let Proof::Turn { requests, .. } = &mut certificate.proof {
        let mut kept = kept.iter();
        requests.retain(|_| kept.next().copied().unwrap_or(false));
    }
    let passages = item.passages.iter().zip(&kept).filter(|(_, kept)| **kept).map(|(passage, _)| passage.clone());
    Item { passages: passages.collect(), certificate, ..item.clone() }
}
