//! Items are put to checks: their certificates are executed again; a model must fail without the documents, and must not fail always with them.

use super::replay::Setting;
use super::tries::{self, Ask, Role, Trying};
use super::{CHUNK, Candidate, ITEMS};
use crate::answers::{Answered, Answers};
use crate::corpus::Corpus;
use crate::error::{Result, SynthesisError};
use crate::extend::{bare, fill_texts};
use crate::files::{Lines, WholeFile};
use crate::funnel::Counts;
use crate::graph::Again;
use crate::item::Work;
use crate::observer::Watch;
use crate::prompt;
use crate::spec::{ChecksSpec, Unanswered};
use crate::tokens::Counter;
use crate::tools::Judge;
use crate::verify;
use longlab_client::{ChatFailure, ChatModel, ChatRequest};
use longlab_documents::Hash;
use rayon::prelude::*;
use std::path::Path;

/// Why an item is dropped that has no answer.
const UNANSWERED: &str = "the model gave no answer";

/// Who is asked, and who says what is right.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// Answers items.
    pub solver: &'a dyn ChatModel,
    /// The rules.
    pub rules: &'a dyn Judge,
    /// Judges answers that the rules call wrong.
    pub judge: &'a dyn ChatModel,
}

impl Asked<'_> {
    /// What the checks depend on beside the items.
    pub fn setting(&self, spec: &ChecksSpec, seed: u64) -> Setting {
        let judge = spec.judge.then(|| self.judge.name());
        // How many are asked at once changes nothing.
        let spec = ChecksSpec { parallel: 1, ..spec.clone() };
        Setting { seed, spec, solver: self.solver.name(), judge, rules: self.rules.version() }
    }
}

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
    /// Who is asked; none where no model is.
    pub asked: Option<Asked<'a>>,
    /// Where answers of the model are kept between runs.
    pub answers: &'a Path,
}

/// Models, and what is kept of their answers.
struct Models<'a> {
    asked: Asked<'a>,
    answers: Answers,
}

impl Ask for Models<'_> {
    fn ask(&self, role: Role, request: &ChatRequest) -> Result<std::result::Result<Answered, ChatFailure>> {
        let model = match role {
            Role::Solver => self.asked.solver,
            Role::Judge => self.asked.judge,
        };
        self.answers.ask(&model.name(), model, request)
    }
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
    let models = match with.asked.filter(|_| with.spec.asks()) {
        Some(asked) => Some(Models { asked, answers: Answers::open(with.answers)? }),
        None if with.spec.asks() => return Err(SynthesisError::Missing { what: "a model (`checks`)".into() }),
        None => None,
    };
    let pool = models.as_ref().map(|_| pool(with.spec.parallel)).transpose()?;
    let mut file = WholeFile::create(&folder.join(ITEMS))?;
    let mut lines = Lines::<Candidate>::open(&from.join(ITEMS))?;
    let (mut counts, mut done, mut unanswered) = (Counts::default(), 0, None);
    while let Some(chunk) = lines.chunk(CHUNK)? {
        watch.progress(done, 0)?;
        done += chunk.len();
        let all = || {
            let one = |candidate| one(candidate, with, models.as_ref());
            chunk.into_par_iter().map(one).collect::<Result<Vec<Outcome>>>()
        };
        let (kept, mut failed) = (counts.kept, 0);
        let outcomes = match &pool {
            Some(pool) => pool.install(all),
            None => all(),
        };
        for outcome in outcomes? {
            match outcome {
                Outcome::Kept(candidate) => {
                    counts.keep();
                    file.line(&candidate)?;
                }
                Outcome::Dropped(reason) => counts.drop(reason),
                Outcome::Unanswered(failure) => {
                    counts.drop(UNANSWERED);
                    (unanswered, failed) = (Some(failure), failed + 1);
                }
            }
        }
        // A server that is gone need not be asked about every item that is left.
        if with.spec.unanswered == Unanswered::Stop && failed > 0 && counts.kept == kept {
            break;
        }
    }
    match (unanswered, models) {
        (Some(failure), Some(models)) if with.spec.unanswered == Unanswered::Stop => {
            let count = counts.dropped.get(UNANSWERED).copied().unwrap_or(0);
            let reason = format!("{count} items or more have no answer: {failure}");
            Err(SynthesisError::Model { reason, kept: models.answers.len() })
        }
        _ => file.finish().map(|()| counts),
    }
}

/// Threads that wait for answers.
pub fn pool(threads: usize) -> Result<rayon::ThreadPool> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.map_err(|error| SynthesisError::Missing { what: format!("{threads} threads ({error})") })
}

fn one(mut candidate: Candidate, with: &Checking, models: Option<&Models>) -> Result<Outcome> {
    fill_texts(with.corpus, &mut candidate.item.passages)?;
    let faults = verify::check(&candidate.item, with.corpus, Some(with.counter), with.again)?;
    if let Some(found) = faults.first() {
        return Ok(Outcome::Dropped(format!("not proved: {}", found.fault)));
    }
    if let Some(models) = models {
        let trying = Trying { spec: with.spec, seed: with.seed, rules: models.asked.rules, ask: models };
        match tries::put(&candidate.item, &trying)? {
            tries::Outcome::Passed(tried, calls) => passed(&mut candidate, tried, calls, models.asked.solver.name()),
            tries::Outcome::Dropped(reason) => return Ok(Outcome::Dropped(reason.into())),
            tries::Outcome::Unanswered(failure) => return Ok(Outcome::Unanswered(failure)),
        }
    }
    bare(&mut candidate.item);
    Ok(Outcome::Kept(Box::new(candidate)))
}

/// Writes down what an item was put to: its calls before the pipeline's own steps, and a step of the pipeline.
fn passed(candidate: &mut Candidate, tried: Vec<tries::Tried>, calls: Vec<Work>, model: String) {
    let robust = tried.iter().find(|own| own.check == tries::Check::Robust);
    candidate.rate = robust.map(|own| (own.right, own.tries));
    candidate.tried = tried;
    let work = &mut candidate.item.certificate.work;
    let own = work.iter().position(|work| work.step == "make").unwrap_or(0);
    work.splice(own..own, calls);
    let id = candidate.item.id.clone();
    work.push(Work { step: "check".into(), model: Some(model), input: id.clone(), output: id });
}

/// What of the checks is part of a stage's key.
pub fn settings(spec: &ChecksSpec, seed: u64, asked: Option<Asked>) -> String {
    let setting = asked.map(|asked| asked.setting(spec, seed));
    format!("{setting:?} {}", Hash::of(&prompt::version()).0)
}
