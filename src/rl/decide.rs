//! The decisions of a step: from graded rollouts to the weight of each token, without the model. Training makes them, and a
//! replay makes them again under other settings.

use super::gates::{self, Kept, Memory};
use crate::spec::settings::{AdvantageScale, Normalizer, Settings};
use longlab_kernels::advantage::{Options, Scale, advantages};
use longlab_kernels::gate::batch_entropy;
use longlab_kernels::loss::{self, token_weights};

/// A batch as flat vectors, one entry a rollout.
#[derive(Clone, Debug, PartialEq)]
pub struct Flat {
    /// Score of each rollout, 0..1.
    pub rewards: Vec<f64>,
    /// Prompt of each rollout, as its place in the batch.
    pub groups: Vec<usize>,
    /// Task type of each rollout, as in [`crate::task::TaskType::index`].
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
    /// Coefficient of the log-probability of each token.
    pub weights: Vec<Vec<f32>>,
}

/// Decides a step; `memory` is what AEPO remembers of the steps before.
pub fn decide(settings: &Settings, memory: &mut Memory, flat: &Flat) -> Decision {
    let advantages = advantages(&flat.rewards, &flat.groups, &flat.tasks, &advantage_options(settings));
    let entropy = batch_entropy(&flat.entropies, gates::measure(settings.entropy.measure));
    let on = memory.step(&settings.aepo, entropy);
    let kept = gates::apply(&settings.gate, &settings.aepo, on, &advantages, &flat.rewards, &flat.entropies);
    let weights = token_weights(
        &advantages,
        &flat.groups,
        &flat.lengths,
        &kept.tokens,
        &kept.dropped,
        &flat.micro,
        normalizer(settings),
    );
    Decision { advantages, entropy, on, kept, weights }
}

fn advantage_options(settings: &Settings) -> Options {
    let advantage = &settings.advantage;
    let scale = match advantage.scale {
        AdvantageScale::Group => Scale::Group,
        AdvantageScale::Batch => Scale::Batch,
        AdvantageScale::TaskBatch => Scale::TaskBatch,
        AdvantageScale::None => Scale::None,
    };
    Options { scale, epsilon: advantage.epsilon, ddof: advantage.ddof, ..Options::default() }
}

fn normalizer(settings: &Settings) -> loss::Normalizer {
    match settings.loss.normalizer {
        Normalizer::Group => loss::Normalizer::Group,
        Normalizer::MicroBatch => loss::Normalizer::MicroBatch,
        Normalizer::GlobalBatch => loss::Normalizer::GlobalBatch,
    }
}
