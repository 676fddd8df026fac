//! Counterfactual replay: what other settings would have done on the very rollouts that a job drew.
//!
//! Advantages, gates and token weights of each step are computed anew. In the space of log-probabilities that takes
//! milliseconds: the kernels crate gives the gradient of the objective in the log-probabilities and entropies of the sampled
//! tokens, at the policy that sampled them. In the space of parameters the job is trained again on its stored rollouts (no
//! sampling), and before each update both gradients are taken at the job's own weights; the gradient norms of the job's
//! `metrics.csv` must come out again, else the replay is refused.

use super::decide::{Decision, Flat, decide};
use super::gates::Memory;
use super::job::{self, Places, Policy};
use super::learn::{self, Learner, Numbers};
use super::metrics::MetricsRow;
use super::optimizer::gradient;
use super::play::Role;
use super::record::Record;
use super::rollout::{Group, Rollout};
use super::train::Trainer;
use crate::data::Sample;
use crate::lm::Response;
use crate::spec::settings::Settings;
use crate::task::{Graded, Status, TaskType, World};
use anyhow::{Context, Result, ensure};
use serde::Serialize;
use std::borrow::Cow;
use std::path::Path;
use tch::{Kind, Tensor};

/// What one step would have been.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Step, from 1.
    pub step: u64,
    /// Entropy of the batch under the job's settings, nats.
    pub entropy: f64,
    /// Whether AEPO took negative gradient away: in the job, under the other settings.
    pub latch: (bool, bool),
    /// Share of response tokens without gradient by a gate: in the job, under the other settings.
    pub masked: (f64, f64),
    /// Cosine of the two gradients; none where one of them is zero.
    pub cosine: Option<f64>,
    /// Norm of the other gradient over that of the job; none where the job's is zero.
    pub norm_ratio: Option<f64>,
}

/// Where the gradients are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// In the log-probabilities of the sampled tokens.
    LogProbs,
    /// In the parameters, by training along the job's own path.
    Parameters,
}

/// Replays the job in `dir` (its settings and seed are given) under `other` settings; `each` sees every row as it is made.
///
/// # Errors
/// Rollouts that are missing or damaged; settings that would have drawn other rollouts; a path that does not come out again.
pub fn replay(
    dir: &Path,
    settings: &Settings,
    seed: u64,
    other: &Settings,
    space: Space,
    each: &mut dyn FnMut(&Row) -> Result<()>,
) -> Result<()> {
    same_rollouts(settings, other)?;
    match space {
        Space::LogProbs => in_log_probs(dir, settings, seed, other, each),
        Space::Parameters => in_parameters(dir, settings, seed, other, each),
    }
}

/// Keys of these groups decide what is learned from rollouts, not which rollouts are drawn.
const FREE: [&str; 5] = ["advantage.", "loss.", "entropy.", "gate.", "aepo."];

fn same_rollouts(settings: &Settings, other: &Settings) -> Result<()> {
    let differ = crate::spec::KEYS.iter().filter(|key| key.get(settings) != key.get(other));
    for key in differ {
        ensure!(
            FREE.iter().any(|group| key.path.starts_with(group)),
            "`{}` changes which rollouts are drawn, so they cannot be replayed; a replay can change keys of {}",
            key.path,
            FREE.map(|group| group.trim_end_matches('.')).join(", ")
        );
    }
    Ok(())
}

/// The stored rollouts of a step.
pub(super) fn load(places: &Places, step: u64) -> Result<Record> {
    Record::load(&Record::path(&places.rollouts, step))
        .context("the stored rollouts of the job are needed; run the job again to have them")
}

fn in_log_probs(
    dir: &Path,
    settings: &Settings,
    seed: u64,
    other: &Settings,
    each: &mut dyn FnMut(&Row) -> Result<()>,
) -> Result<()> {
    ensure!(
        settings.loss.kl == 0.0 && other.loss.kl == 0.0,
        "a KL term needs the reference policy; give --parameters to compare gradients in the parameters"
    );
    let places = Places::inside(dir);
    let mut memories = (Memory::default(), Memory::default());
    for step in 1..=settings.train.steps {
        let record = load(&places, step)?;
        let gradient = |settings: &Settings, memory: &mut Memory| -> Result<(Decision, Vec<f64>)> {
            let flat = record.flat(settings);
            let decision = decide(settings, memory, &flat);
            let gradient = of_tokens(settings, seed, step, &record, &flat, &decision)?;
            Ok((decision, gradient))
        };
        let (was, own) = gradient(settings, &mut memories.0)?;
        let (would, theirs) = gradient(other, &mut memories.1)?;
        each(&row(step, &was, &would, dots(own.iter().zip(&theirs))))?;
    }
    Ok(())
}

/// The gradient in the log-probabilities of all tokens of a step, then in their entropies, updates one after the other.
fn of_tokens(
    settings: &Settings,
    seed: u64,
    step: u64,
    record: &Record,
    flat: &Flat,
    decision: &Decision,
) -> Result<Vec<f64>> {
    let mut gradient = Vec::new();
    for update in 0..learn::updates(settings, record.samples.len()) {
        for portion in learn::portions(settings, seed, step, update, flat, decision)? {
            let pick = |all: &[Vec<f32>]| {
                let row = |&i: &usize| all[i].iter().map(|&value| f64::from(value)).collect();
                portion.rollouts.iter().map(row).collect::<Vec<Vec<f64>>>()
            };
            let numbers = Numbers {
                logp: pick(&record.logprobs),
                old: None,
                entropies: Some(pick(&record.entropies)),
                reference: None,
            };
            let found = learn::gradient(settings, decision, &portion, &numbers)?;
            gradient.extend(found.logp.iter().chain(&found.entropy).flatten());
        }
    }
    Ok(gradient)
}

/// (a.b, a.a, b.b)
fn dots<'a>(pairs: impl Iterator<Item = (&'a f64, &'a f64)>) -> [f64; 3] {
    pairs.fold([0.0; 3], |[ab, aa, bb], (&a, &b)| [ab + a * b, aa + a * a, bb + b * b])
}

fn row(step: u64, was: &Decision, would: &Decision, [ab, aa, bb]: [f64; 3]) -> Row {
    Row {
        step,
        entropy: was.entropy,
        latch: (was.on, would.on),
        masked: (was.kept.masked(), would.kept.masked()),
        cosine: (aa > 0.0 && bb > 0.0).then(|| ab / (aa.sqrt() * bb.sqrt())),
        norm_ratio: (aa > 0.0).then(|| (bb / aa).sqrt()),
    }
}

fn in_parameters(
    dir: &Path,
    settings: &Settings,
    seed: u64,
    other: &Settings,
    each: &mut dyn FnMut(&Row) -> Result<()>,
) -> Result<()> {
    let policy = Policy::begin(Path::new(&settings.model.base), settings, seed)?;
    let pool = job::training_pool(settings, &policy.tokenizer)?;
    let mut trainer = Trainer::new(settings, seed, &policy, &pool).with_reference_for(&[settings, other])?;
    let (places, mut memory) = (Places::inside(dir), Memory::default());
    let norms = MetricsRow::gradient_norms(&places.metrics)?;
    for step in 1..=settings.train.steps {
        let record = load(&places, step)?;
        let groups = groups(&record, &policy, &pool)?;
        let (flat, flat_other) = (record.flat(settings), record.flat(other));
        let was = decide(settings, &mut trainer.memory, &flat);
        let would = decide(other, &mut memory, &flat_other);
        let updates = learn::updates(settings, groups.len());
        let (mut products, mut norm) = ([0.0; 3], 0.0);
        for update in 0..updates {
            let learner = |settings| Learner { settings, ..trainer.learner() };
            learner(other).accumulate(step, update, &groups, &flat_other, &would)?;
            let theirs = take_gradient(&policy);
            learner(settings).accumulate(step, update, &groups, &flat, &was)?;
            let own = gradient_of(&policy);
            let dot = |a: &Tensor, b: &Tensor| (a * b).sum(Kind::Double).double_value(&[]);
            for (sum, product) in products.iter_mut().zip([dot(&own, &theirs), dot(&own, &own), dot(&theirs, &theirs)])
            {
                *sum += product;
            }
            norm += trainer.clip();
            trainer.update();
        }
        came_out_again(&norms, step, norm / updates as f64)?;
        each(&row(step, &was, &would, products))?;
    }
    Ok(())
}

fn came_out_again(norms: &[f64], step: u64, norm: f64) -> Result<()> {
    let there = norms.get(step as usize - 1).copied();
    ensure!(
        there == Some(norm),
        "step {step}: the gradient norm is {norm}, metrics.csv has {}; this is another machine, another base policy, or the \
         job's files were changed",
        there.map_or("none".to_string(), |norm| norm.to_string())
    );
    Ok(())
}

/// The groups of a step as they were after sampling. Statuses are not stored and not needed.
pub(super) fn groups<'a>(record: &Record, policy: &Policy, pool: &'a [Sample]) -> Result<Vec<Group<'a>>> {
    let mut first = 0;
    let group = |((place, &id), size): ((usize, &u64), usize)| -> Result<Group<'a>> {
        let own = first..first + size;
        first += size;
        let rollout = |i: usize| Rollout {
            response: Response {
                tokens: record.tokens[i].clone(),
                logprobs: record.logprobs[i].clone(),
                entropies: record.entropies[i].clone(),
                entropies_one: record.entropies_one[i].clone(),
                finished: record.finished[i],
                ..Response::default() // slopes are stored as means and not needed
            },
            graded: Graded { status: Status::Wrong, score: record.rewards[i] },
        };
        let rollouts = own.map(rollout).collect();
        if let Some(seats) = &record.seats {
            let (role, prompt) = (seats.role(place), seats.prompts[place].clone());
            return Ok(Group { sample: Cow::Owned(nothing(id)), role, prompt, rollouts });
        }
        let sample =
            pool.iter().find(|sample| sample.id == id).with_context(|| format!("no sample {id} in the pool"))?;
        let prompt = policy.tokenizer.encode(&sample.prompt())?;
        Ok(Group { sample: Cow::Borrowed(sample), role: Role::Responder, prompt, rollouts })
    };
    record.samples.iter().enumerate().zip(record.sizes()).map(group).collect()
}

/// What stands for the sample of a prompt that is in no pool: the prompt itself was stored.
fn nothing(id: u64) -> Sample {
    let none = String::new;
    let (task, world) = (TaskType::Reading, World::Micro);
    Sample { id, task, world, text: none(), question: none(), gold: none(), evidence: vec![], asked: None }
}

/// All gradients in a row; zeros where a parameter has none.
fn gradient_of(policy: &Policy) -> Tensor {
    let flat = policy.model.parameters().iter().map(|(_, parameter)| gradient(parameter).flatten(0, -1));
    Tensor::cat(&flat.collect::<Vec<_>>(), 0)
}

fn take_gradient(policy: &Policy) -> Tensor {
    let gradient = gradient_of(policy).copy();
    for (_, parameter) in policy.model.parameters() {
        let mut gradient = parameter.grad();
        if gradient.defined() {
            let _ = gradient.zero_();
        }
    }
    gradient
}
