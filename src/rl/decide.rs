//! The decisions of a step: from graded rollouts to the weight of each token, without the model. Training makes them, and a
//! replay makes them again under other settings.

use super::gates::{self, Kept, Memory};
use super::learn;
use crate::spec::settings::{Advantage, Normalizer, Settings};
use longlab_kernels::advantage::{Options, advantages};
use longlab_kernels::entropy_control::top_entropy;
use longlab_kernels::gate::batch_entropy;
use longlab_kernels::loss::{self, Rollouts, token_shares, token_weights};
use std::num::NonZeroUsize;

/// A batch as flat vectors, one entry a rollout.
#[derive(Clone, Debug, PartialEq)]
pub struct Flat {
    /// Score of each rollout, 0..1.
    pub rewards: Vec<f64>,
    /// Prompt of each rollout, as its place in the batch.
    pub groups: Vec<usize>,
    /// Rollouts that are compared with each other have the same number here: those of a prompt; in self-play all questions of the batch.
    pub peers: Vec<usize>,
    /// Task type of each rollout, as in [`crate::task::TaskType::index`]; questions and votes of self-play come after those.
    pub tasks: Vec<usize>,
    /// Response tokens of each rollout.
    pub lengths: Vec<usize>,
    /// Entropy of each token, nats, at the temperature that the settings ask for.
    pub entropies: Vec<Vec<f32>>,
    /// Micro-batch of each rollout.
    pub micro: Vec<usize>,
}

/// What is decided about a batch before the model learns from it.
pub struct Decision {
    /// One advantage a rollout (Eq. 3 or Eq. 7).
    pub advantages: Vec<f64>,
    /// Entropy of the batch, nats (Eq. 11).
    pub entropy: f64,
    /// Whether AEPO takes negative gradient away in this step.
    pub on: bool,
    /// Which tokens keep their gradient.
    pub kept: Kept,
    /// Coefficient of the log-probability of each token in the plain case: one update, no terms.
    pub weights: Vec<Vec<f32>>,
    /// Coefficient of the entropy bonus in this step.
    pub bonus: f64,
}

impl Decision {
    /// Negative objective at ratio 1: the sum of all token weights, negated.
    pub fn loss(&self) -> f64 {
        -self.weights.iter().flatten().map(|&weight| f64::from(weight)).sum::<f64>()
    }

    /// The share of each token of the batch `flat` when only these rollouts are learned from (an update of several).
    pub fn shares_of(&self, settings: &Settings, flat: &Flat, rollouts: &[usize]) -> Vec<Vec<f64>> {
        let pick = |all: &[usize]| rollouts.iter().map(|&i| all[i]).collect::<Vec<usize>>();
        let keep: Vec<Vec<bool>> = rollouts.iter().map(|&i| self.kept.tokens[i].clone()).collect();
        let dropped: Vec<bool> = rollouts.iter().map(|&i| self.kept.dropped[i]).collect();
        let (groups, lengths) = (pick(&flat.groups), pick(&flat.lengths));
        // Forward passes are cut anew out of each part.
        let micro: Vec<usize> = match settings.train.updates {
            1 => pick(&flat.micro),
            _ => ranks(&groups).into_iter().map(|rank| rank / settings.train.micro_prompts).collect(),
        };
        let rollouts = Rollouts { groups: &groups, lengths: &lengths, keep: &keep, dropped: &dropped, micro: &micro };
        token_shares(&rollouts, normalizer(settings))
    }
}

/// The rank of each rollout's prompt among those that are there; rollouts of a prompt stand side by side.
fn ranks(groups: &[usize]) -> Vec<usize> {
    let mut rank = 0;
    let next = |i: usize| {
        rank += usize::from(i > 0 && groups[i] != groups[i - 1]);
        rank
    };
    (0..groups.len()).map(next).collect()
}

/// Decides a step; `memory` is what AEPO remembers of the steps before.
pub fn decide(settings: &Settings, memory: &mut Memory, flat: &Flat) -> Decision {
    let advantages = advantages(&flat.rewards, &flat.peers, &flat.tasks, &advantage_options(settings));
    let entropy = batch_entropy(&flat.entropies, settings.entropy.measure.into());
    let on = memory.step(&settings.aepo, entropy);
    let bonus = bonus(settings, memory, entropy);
    let mut kept = gates::apply(&settings.gate, &settings.aepo, on, &advantages, &flat.rewards, &flat.entropies);
    if settings.loss.top_entropy < 1.0 {
        let top = top_entropy(&flat.entropies, settings.loss.top_entropy);
        for (kept, top) in kept.tokens.iter_mut().flatten().zip(top.into_iter().flatten()) {
            *kept &= top;
        }
    }
    let weights = token_weights(
        &advantages,
        &flat.groups,
        &flat.lengths,
        &kept.tokens,
        &kept.dropped,
        &flat.micro,
        normalizer(settings),
    );
    Decision { advantages, entropy, on, kept, weights, bonus }
}

/// The coefficient of the entropy bonus: fixed, or led towards its target by the entropies of the steps before.
fn bonus(settings: &Settings, memory: &mut Memory, entropy: f64) -> f64 {
    let Some(rule) = learn::adaptive(&settings.loss) else { return settings.loss.entropy };
    if memory.bonus.entropy.is_none() {
        memory.bonus.coefficient = settings.loss.entropy;
    }
    let applied = rule.applied(memory.bonus);
    memory.bonus = rule.next(memory.bonus, entropy);
    applied
}

fn advantage_options(settings: &Settings) -> Options {
    let Advantage { scale, epsilon, ddof, centre, single } = settings.advantage;
    Options { scale: scale.into(), epsilon, ddof, centre: centre.into(), single: single.into() }
}

fn normalizer(settings: &Settings) -> loss::Normalizer {
    match settings.loss.normalizer {
        Normalizer::Group => loss::Normalizer::Group,
        Normalizer::MicroBatch => loss::Normalizer::MicroBatch,
        Normalizer::GlobalBatch => loss::Normalizer::GlobalBatch,
        Normalizer::SequenceMean => loss::Normalizer::SequenceMean,
        Normalizer::SequenceSum => {
            let longest = NonZeroUsize::new(settings.rollout.max_tokens).unwrap_or(NonZeroUsize::MIN);
            loss::Normalizer::SequenceSum(longest)
        }
        Normalizer::TokenSum => loss::Normalizer::TokenSum,
    }
}
