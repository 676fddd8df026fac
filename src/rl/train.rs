//! Strictly on-policy reinforcement learning: one update a batch, no KL term, constant rate (paper sections 2 and 4).

use super::batch::{Part, Row, forward};
use super::gates::{self, Memory};
use super::metrics::{MetricsRow, TimingRow};
use super::optimizer::{AdamW, clip_gradients};
use super::rollout::{Drawing, Group, roll_out, sampling};
use crate::data::{Sample, sampler::Sampler};
use crate::lm::{Qwen3, Tokenizer};
use crate::spec::settings::{AdvantageScale, EntropyTemperature, Normalizer, Settings};
use crate::task::{Status, TaskType, template};
use anyhow::{Context, Result};
use longlab_kernels::advantage::{Options, Scale, advantages};
use longlab_kernels::gate::batch_entropy;
use longlab_kernels::loss;
use longlab_kernels::stream::{Address, Purpose};
use std::time::Instant;

/// Everything that a training step reads and changes.
pub struct Trainer<'a> {
    /// Resolved settings.
    pub settings: &'a Settings,
    /// Seed of the job.
    pub seed: u64,
    /// Policy.
    pub model: &'a Qwen3,
    /// Its tokenizer.
    pub tokenizer: &'a Tokenizer,
    /// Training pool.
    pub pool: &'a [Sample],
    /// Draws batches.
    pub sampler: Sampler,
    /// Optimizer state.
    pub optimizer: AdamW,
    /// AEPO's memory.
    pub memory: Memory,
}

/// The batch as flat vectors, one entry a rollout.
struct Flat {
    rewards: Vec<f64>,
    groups: Vec<usize>,
    tasks: Vec<usize>,
    lengths: Vec<usize>,
    entropies: Vec<Vec<f32>>,
    micro: Vec<usize>,
}

impl<'a> Trainer<'a> {
    /// One step: sample, roll out, score, advantage, gate, loss, update. Steps count from 1.
    pub fn step(&mut self, step: u64) -> Result<(MetricsRow, TimingRow)> {
        let clock = Instant::now();
        let mut groups = self.roll_out(step)?;
        // Micro-batches hold prompts of like length; the order is a function of the batch alone.
        groups.sort_by_key(|group| (group.prompt.len(), group.sample.id));
        let rollout_seconds = clock.elapsed().as_secs_f64();
        let flat = self.flatten(&groups);
        let advantages = advantages(&flat.rewards, &flat.groups, &flat.tasks, &self.advantage_options());
        let entropy = batch_entropy(&flat.entropies, gates::measure(self.settings.entropy.measure));
        let on = self.memory.step(&self.settings.aepo, entropy);
        let kept =
            gates::apply(&self.settings.gate, &self.settings.aepo, on, &advantages, &flat.rewards, &flat.entropies);
        let weights = loss::token_weights(
            &advantages,
            &flat.groups,
            &flat.lengths,
            &kept.tokens,
            &kept.dropped,
            &flat.micro,
            self.normalizer(),
        );
        let clock = Instant::now();
        let grad_norm = self.update(&groups, &weights);
        let timing = TimingRow {
            step,
            rollout_seconds,
            rollout_tokens: flat.lengths.iter().sum(),
            update_seconds: clock.elapsed().as_secs_f64(),
            update_tokens: flat.lengths.iter().sum::<usize>() + groups.iter().map(|g| g.prompt.len()).sum::<usize>(),
        };
        let objective: f64 = weights.iter().flatten().map(|&w| f64::from(w)).sum();
        let row = measure(step, &groups, &flat, &advantages, &kept.tokens, entropy, on, grad_norm, -objective);
        Ok((row, timing))
    }

    fn roll_out(&self, step: u64) -> Result<Vec<Group<'a>>> {
        let rollout = &self.settings.rollout;
        let drawing = Drawing {
            sampling: sampling(self.tokenizer, rollout.temperature, rollout.top_p, rollout.max_tokens)?,
            rows: self.settings.train.group,
            side_by_side: self.settings.train.prompts,
        };
        let batch: Vec<&'a Sample> = self.sampler.batch(step).into_iter().map(|i| &self.pool[i]).collect();
        let address = Address::new(self.seed, Purpose::Rollout).step(u32::try_from(step).context("too many steps")?);
        roll_out(self.model, self.tokenizer, &batch, &drawing, address)
    }

    fn flatten(&self, groups: &[Group]) -> Flat {
        let all = || groups.iter().enumerate().flat_map(|(g, group)| group.rollouts.iter().map(move |r| (g, group, r)));
        let entropies = all().map(|(_, _, r)| match self.settings.entropy.temperature {
            EntropyTemperature::Sampling => r.response.entropies.clone(),
            EntropyTemperature::One => r.response.entropies_one.clone(),
        });
        Flat {
            rewards: all().map(|(_, _, r)| r.graded.score).collect(),
            groups: all().map(|(g, _, _)| g).collect(),
            tasks: all().map(|(_, group, _)| group.sample.task.index()).collect(),
            lengths: all().map(|(_, _, r)| r.response.tokens.len()).collect(),
            entropies: entropies.collect(),
            micro: all().map(|(g, _, _)| g / self.settings.train.micro_prompts).collect(),
        }
    }

    fn advantage_options(&self) -> Options {
        let advantage = &self.settings.advantage;
        let scale = match advantage.scale {
            AdvantageScale::Group => Scale::Group,
            AdvantageScale::Batch => Scale::Batch,
            AdvantageScale::TaskBatch => Scale::TaskBatch,
            AdvantageScale::None => Scale::None,
        };
        Options { scale, epsilon: advantage.epsilon, ddof: advantage.ddof, ..Options::default() }
    }

    fn normalizer(&self) -> loss::Normalizer {
        match self.settings.loss.normalizer {
            Normalizer::Group => loss::Normalizer::Group,
            Normalizer::MicroBatch => loss::Normalizer::MicroBatch,
            Normalizer::GlobalBatch => loss::Normalizer::GlobalBatch,
        }
    }

    /// Ascends the gradient of the weighted log-probabilities; gives the gradient norm before clipping.
    fn update(&mut self, groups: &[Group], weights: &[Vec<f32>]) -> f64 {
        let pad = self.tokenizer.id(template::PAD).unwrap_or_default();
        let rows = self.settings.train.group;
        let chunk = self.settings.train.micro_prompts;
        for (groups, weights) in groups.chunks(chunk).zip(weights.chunks(chunk * rows)) {
            // A group of equal rewards has nothing to teach.
            let live = groups.iter().zip(weights.chunks(rows)).filter(|(_, w)| w.iter().flatten().any(|&w| w != 0.0));
            let parts: Vec<Part> = live.map(|(group, weights)| part(group, weights)).collect();
            if parts.is_empty() {
                continue;
            }
            let pass = forward(self.model, &parts, pad, self.settings.rollout.temperature, false);
            (-pass.objective).backward();
        }
        let norm = clip_gradients(self.model.parameters(), self.settings.train.clip_norm);
        self.optimizer.step(self.model.parameters(), self.settings.train.rate);
        norm
    }
}

fn part<'a>(group: &'a Group, weights: &[Vec<f32>]) -> Part<'a> {
    let (last, prefix) = group.prompt.split_last().expect("a prompt ends with <think>");
    let rows = group.rollouts.iter().zip(weights);
    Part { prefix, rows: rows.map(|(r, w)| Row::response(*last, &r.response.tokens, w)).collect() }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0usize), |(sum, count), v| (sum + v, count + 1));
    (count > 0).then(|| sum / count as f64)
}

#[expect(clippy::too_many_arguments, reason = "a row of the metrics table takes one value from each part of the step")]
fn measure(
    step: u64,
    groups: &[Group],
    flat: &Flat,
    advantages: &[f64],
    kept: &[Vec<bool>],
    entropy: f64,
    on: bool,
    grad_norm: f64,
    loss: f64,
) -> MetricsRow {
    let all = || groups.iter().flat_map(|group| &group.rollouts);
    let of = |task: TaskType| {
        mean((0..flat.rewards.len()).filter(|&i| flat.tasks[i] == task.index()).map(|i| flat.rewards[i]))
    };
    let share = |sign: fn(f64) -> bool| mean(advantages.iter().map(|&a| f64::from(u8::from(sign(a))))).unwrap_or(0.0);
    let tokens: usize = flat.lengths.iter().sum();
    let masked = kept.iter().flatten().filter(|kept| !**kept).count();
    MetricsRow {
        step,
        reward: mean(flat.rewards.iter().copied()).unwrap_or(0.0),
        rewards: TaskType::ALL.map(of),
        entropy,
        response_tokens: tokens as f64 / flat.lengths.len() as f64,
        grad_norm,
        loss,
        positive: share(|a| a > 0.0),
        zero: share(|a| a == 0.0),
        negative: share(|a| a < 0.0),
        masked: masked as f64 / tokens.max(1) as f64,
        latch: on,
        truncated: mean(all().map(|r| f64::from(u8::from(r.graded.status == Status::Truncated)))).unwrap_or(0.0),
    }
}
