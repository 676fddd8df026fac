//! A training step. By default strictly on-policy: one update a batch, no KL term, constant rate (paper sections 2 and 4).

use super::decide::{Decision, Flat, decide};
use super::gates::Memory;
use super::job::Policy;
use super::judging::{Asking, Judging};
use super::learn::{self, Learner};
use super::metrics::{MetricsRow, TimingRow};
use super::optimizer::{self, AdamW, clip_gradients};
use super::play::{GameRow, Line, Past, Played};
use super::receipt::{self, Made};
use super::record::Record;
use super::rollout::{Drawing, Group, roll_out, sampling};
use crate::data::{Sample, sampler::Sampler};
use crate::lm::{Decoder, Tokenizer};
use crate::spec::settings::Settings;
use crate::task::{Status, TaskType};
use anyhow::{Context, Result};
use longlab_kernels::stream::{Address, Purpose};
use std::path::Path;
use std::time::Instant;

/// Everything that a training step reads and changes.
pub struct Trainer<'a> {
    /// Resolved settings.
    pub settings: &'a Settings,
    /// Seed of the job.
    pub seed: u64,
    /// Policy.
    pub model: &'a Decoder,
    /// Its tokenizer.
    pub tokenizer: &'a Tokenizer,
    /// Training pool.
    pub pool: &'a [Sample],
    /// Draws batches.
    pub sampler: Sampler,
    /// Optimizer state.
    pub optimizer: AdamW,
    /// What AEPO and an adaptive bonus remember.
    pub memory: Memory,
    /// The base policy, where the loss has a KL term.
    pub reference: Option<Policy>,
    /// The judge of answers that the rule calls wrong, where there is one.
    pub judging: Option<Judging>,
    /// What was posed before, in self-play.
    pub past: Option<Past>,
}

/// What a step leaves behind.
pub struct Step {
    /// What it measured.
    pub row: MetricsRow,
    /// How long it took.
    pub timing: TimingRow,
    /// Its rollouts.
    pub record: Record,
    /// What was decided about them.
    pub decision: Decision,
    /// Digests of gradients and weights.
    pub made: Made,
    /// The questions of self-play; none without it.
    pub played: Option<(Vec<Line>, GameRow)>,
}

impl<'a> Trainer<'a> {
    /// A trainer at its first step.
    pub fn new(settings: &'a Settings, seed: u64, policy: &'a Policy, pool: &'a [Sample]) -> Trainer<'a> {
        Trainer {
            settings,
            seed,
            model: &policy.model,
            tokenizer: &policy.tokenizer,
            pool,
            sampler: Sampler::new(settings.sampler.kind, seed, settings.train.prompts, pool),
            optimizer: AdamW::new(policy.model.parameters(), &settings.train),
            memory: Memory::default(),
            reference: None,
            judging: None,
            past: None,
        }
    }

    /// The trainer with the reference policy that a KL term of any of these settings needs: the base policy.
    ///
    /// # Errors
    /// A base policy that cannot be read.
    pub fn with_reference_for(mut self, settings: &[&Settings]) -> Result<Trainer<'a>> {
        if settings.iter().any(|settings| settings.loss.kl > 0.0) {
            self.reference = Some(Policy::reference(Path::new(&self.settings.model.base), self.settings)?);
        }
        Ok(self)
    }

    /// The trainer with the judge that its settings ask for; replies are kept in `dir`.
    ///
    /// # Errors
    /// A judge that is not there.
    pub fn with_judge(mut self, dir: &Path, asking: Asking) -> Result<Trainer<'a>> {
        self.judging = Judging::open(&self.settings.reward, dir, asking)?;
        Ok(self)
    }

    /// One step: sample, roll out, score, advantage, gate, loss, update. Steps count from 1.
    pub fn step(&mut self, step: u64) -> Result<Step> {
        let clock = Instant::now();
        let (mut groups, played) = match &self.past {
            None => (self.roll_out(step)?, None),
            Some(past) => {
                let Played { groups, lines, row } = self.play(past, step)?;
                (groups, Some((lines, row)))
            }
        };
        if let Some(judging) = &self.judging {
            judging.judge(&mut groups, self.tokenizer, &format!("{step:06}"))?;
        }
        // Micro-batches hold prompts of like length; the order is a function of the batch alone.
        groups.sort_by_key(|group| (group.prompt.len(), group.role, group.sample.id));
        let rollout_seconds = clock.elapsed().as_secs_f64();
        let record = if played.is_some() { Record::of_play(&groups) } else { Record::of(&groups) };
        if let (Some(past), Some((lines, _))) = (&mut self.past, &played) {
            past.take(lines);
        }
        let flat = record.flat(self.settings);
        let decision = decide(self.settings, &mut self.memory, &flat);
        let clock = Instant::now();
        let (grad_norm, made) = self.learn(step, &groups, &flat, &decision)?;
        let timing = TimingRow {
            step,
            rollout_seconds,
            rollout_tokens: flat.lengths.iter().sum(),
            update_seconds: clock.elapsed().as_secs_f64(),
            update_tokens: flat.lengths.iter().sum::<usize>() + groups.iter().map(|g| g.prompt.len()).sum::<usize>(),
        };
        let row = measure(step, &groups, &flat, &decision, grad_norm);
        Ok(Step { row, timing, record, decision, made, played })
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

    /// All updates of a batch; gives the mean gradient norm before clipping.
    pub fn learn(&mut self, step: u64, groups: &[Group], flat: &Flat, decision: &Decision) -> Result<(f64, Made)> {
        let updates = learn::updates(self.settings, groups.len());
        let (mut norm, mut gradient) = (0.0, receipt::Tensors::default());
        for update in 0..updates {
            self.learner().accumulate(step, update, groups, flat, decision)?;
            norm += self.clip();
            self.model.parameters().iter().for_each(|(_, parameter)| gradient.add(&optimizer::gradient(parameter)));
            self.update();
        }
        let made = Made { gradient: gradient.finish(), weights: receipt::weights(self.model.parameters()) };
        Ok((norm / updates as f64, made))
    }

    /// What takes gradients for this trainer.
    pub fn learner(&self) -> Learner<'_> {
        let Trainer { settings, seed, model, tokenizer, .. } = self;
        Learner { settings, seed: *seed, model, tokenizer, reference: self.reference.as_ref() }
    }

    /// Clips the gradients; gives their norm before.
    pub fn clip(&self) -> f64 {
        clip_gradients(self.model.parameters(), self.settings.train.clip_norm)
    }

    /// Updates the parameters from the gradients, which are cleared.
    pub fn update(&mut self) {
        self.optimizer.step(self.model.parameters(), self.settings.train.rate);
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0usize), |(sum, count), v| (sum + v, count + 1));
    (count > 0).then(|| sum / count as f64)
}

fn measure(step: u64, groups: &[Group], flat: &Flat, decision: &Decision, grad_norm: f64) -> MetricsRow {
    let Decision { advantages, entropy, on, kept, .. } = decision;
    let all = || groups.iter().flat_map(|group| &group.rollouts);
    let of = |task: TaskType| {
        mean((0..flat.rewards.len()).filter(|&i| flat.tasks[i] == task.index()).map(|i| flat.rewards[i]))
    };
    let share = |sign: fn(f64) -> bool| mean(advantages.iter().map(|&a| f64::from(u8::from(sign(a))))).unwrap_or(0.0);
    let tokens: usize = flat.lengths.iter().sum();
    // Rewards of questions and votes are of another kind.
    let answered = (0..flat.rewards.len()).filter(|&i| flat.tasks[i] < TaskType::ALL.len());
    MetricsRow {
        step,
        reward: mean(answered.map(|i| flat.rewards[i])).unwrap_or(0.0),
        rewards: TaskType::ALL.map(of),
        entropy: *entropy,
        response_tokens: tokens as f64 / flat.lengths.len() as f64,
        grad_norm,
        loss: decision.loss(),
        positive: share(|a| a > 0.0),
        zero: share(|a| a == 0.0),
        negative: share(|a| a < 0.0),
        masked: kept.masked(),
        latch: *on,
        truncated: mean(all().map(|r| f64::from(u8::from(r.graded.status == Status::Truncated)))).unwrap_or(0.0),
    }
}
