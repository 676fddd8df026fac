//! Counterfactual replay: what other settings would have done on the very rollouts that a job drew.
//!
//! Advantages, gates and token weights of each step are computed anew. In the space of log-probabilities that takes
//! milliseconds: the gradient of the objective in the log-probabilities is the token weights themselves. In the space of
//! parameters the job is trained again on its stored rollouts (no sampling), and at each step both gradients are taken at
//! the job's own weights; the gradient norms of the job's `metrics.csv` must come out again, else the replay is refused.

use super::decide::{Decision, decide};
use super::gates::Memory;
use super::job::{self, Policy};
use super::learn;
use super::metrics::MetricsRow;
use super::record::Record;
use super::rollout::{Group, Rollout};
use super::train::Trainer;
use crate::lm::Response;
use crate::spec::settings::Settings;
use crate::task::{Graded, Status, template};
use anyhow::{Context, Result, ensure};
use serde::Serialize;
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
    ensure!(
        learn::is_plain(settings) && learn::is_plain(other),
        "a replay knows the loss `on_policy` with one update a batch and no entropy or KL term; the job or the changed keys ask for more"
    );
    match space {
        Space::LogProbs => in_log_probs(dir, settings, other, each),
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

fn load(dir: &Path, step: u64) -> Result<Record> {
    Record::load(&Record::path(&dir.join("rollouts"), step))
        .context("a replay needs the rollouts of the job; run the job again to have them")
}

fn in_log_probs(
    dir: &Path,
    settings: &Settings,
    other: &Settings,
    each: &mut dyn FnMut(&Row) -> Result<()>,
) -> Result<()> {
    let mut memories = (Memory::default(), Memory::default());
    for step in 1..=settings.train.steps {
        let record = load(dir, step)?;
        let was = decide(settings, &mut memories.0, &record.flat(settings));
        let would = decide(other, &mut memories.1, &record.flat(other));
        let products = dots(was.weights.iter().flatten().zip(would.weights.iter().flatten()));
        each(&row(step, &was, &would, products))?;
    }
    Ok(())
}

/// (a.b, a.a, b.b)
fn dots<'a>(pairs: impl Iterator<Item = (&'a f32, &'a f32)>) -> [f64; 3] {
    pairs.fold([0.0; 3], |[ab, aa, bb], (&a, &b)| {
        let (a, b) = (f64::from(a), f64::from(b));
        [ab + a * b, aa + a * a, bb + b * b]
    })
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
    let policy = Policy::load(Path::new(&settings.model.base))?;
    let pool = job::training_pool(settings);
    let mut trainer = Trainer::new(settings, seed, &policy, &pool);
    let mut memory = Memory::default();
    let norms = MetricsRow::gradient_norms(&dir.join("metrics.csv"))?;
    for step in 1..=settings.train.steps {
        let record = load(dir, step)?;
        let groups = groups(&record, &policy, &pool)?;
        let was = decide(settings, &mut trainer.memory, &record.flat(settings));
        let would = decide(other, &mut memory, &record.flat(other));
        trainer.accumulate(&groups, &would.weights);
        let gradient = take_gradient(&policy);
        trainer.accumulate(&groups, &was.weights);
        let own = gradient_of(&policy);
        let dot = |a: &Tensor, b: &Tensor| (a * b).sum(Kind::Double).double_value(&[]);
        let products = [dot(&own, &gradient), dot(&own, &own), dot(&gradient, &gradient)];
        let norm = trainer.apply();
        let there = norms.get(step as usize - 1).copied();
        ensure!(
            there == Some(norm),
            "step {step}: the gradient norm is {norm}, metrics.csv has {}; this is another machine, another base policy, or the \
             job's files were changed",
            there.map_or("none".to_string(), |norm| norm.to_string())
        );
        each(&row(step, &was, &would, products))?;
    }
    Ok(())
}

/// The groups of a step as they were after sampling. Statuses are not stored and not needed.
fn groups<'a>(record: &Record, policy: &Policy, pool: &'a [crate::data::Sample]) -> Result<Vec<Group<'a>>> {
    let size = record.rewards.len() / record.samples.len();
    let group = |(place, &id): (usize, &u64)| -> Result<Group<'a>> {
        let sample =
            pool.iter().find(|sample| sample.id == id).with_context(|| format!("no sample {id} in the pool"))?;
        let rollout = |i: usize| Rollout {
            response: Response {
                tokens: record.tokens[i].clone(),
                logprobs: record.logprobs[i].clone(),
                entropies: record.entropies[i].clone(),
                entropies_one: record.entropies_one[i].clone(),
                finished: record.finished[i],
            },
            graded: Graded { status: Status::Wrong, score: record.rewards[i] },
        };
        Ok(Group {
            sample,
            prompt: policy.tokenizer.encode(&template::prompt(sample))?,
            rollouts: (place * size..(place + 1) * size).map(rollout).collect(),
        })
    };
    record.samples.iter().enumerate().map(group).collect()
}

/// All gradients in a row; zeros where a parameter has none.
fn gradient_of(policy: &Policy) -> Tensor {
    let flat = policy.model.parameters().iter().map(|(_, parameter)| {
        let gradient = parameter.grad();
        if gradient.defined() { gradient.flatten(0, -1) } else { parameter.detach().zeros_like().flatten(0, -1) }
    });
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
