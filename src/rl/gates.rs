//! The gates of one step: negative-gradient clipping (Eq. 8-9) and the AEPO latch (Eq. 11).

use crate::spec::settings::{Aepo, Gate, GateLevel, Removal, Threshold};
use longlab_kernels::entropy_control::{BonusState, drop_negatives, mask_negatives};
use longlab_kernels::gate as kernel;
use serde::{Deserialize, Serialize};

/// What AEPO remembers between steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// Whether negatives are being removed.
    pub on: bool,
    /// Batch entropy of the first step (the "entropy at step 0"), nats.
    pub first: Option<f64>,
    /// Batch entropy of the last step, nats.
    pub last: Option<f64>,
    /// What an adaptive entropy bonus remembers.
    pub bonus: BonusState,
}

impl Memory {
    /// Takes this step's batch entropy and says whether negatives are removed in this step.
    pub fn step(&mut self, aepo: &Aepo, entropy: f64) -> bool {
        let first = *self.first.get_or_insert(entropy);
        let seen = if aepo.lag == 0 { Some(entropy) } else { self.last };
        self.last = Some(entropy);
        let Some(seen) = seen else { return false };
        let mode = kernel::AepoMode::from(aepo.mode);
        let mut latch = kernel::Latch { on: self.on };
        let on = mode.step(&mut latch, seen, aepo.low.nats(first), aepo.high.nats(first));
        self.on = on;
        on
    }
}

/// Which tokens keep their gradient, and which rollouts leave the batch altogether.
pub struct Kept {
    /// Per rollout and token.
    pub tokens: Vec<Vec<bool>>,
    /// Rollouts physically removed (`aepo.removal = "drop"`).
    pub dropped: Vec<bool>,
}

impl Kept {
    /// Share of the tokens that lost their gradient; 0 without tokens.
    pub fn masked(&self) -> f64 {
        let tokens = self.tokens.iter().map(Vec::len).sum::<usize>();
        self.tokens.iter().flatten().filter(|kept| !**kept).count() as f64 / tokens.max(1) as f64
    }
}

/// Applies both gates to a batch.
pub fn apply(gate: &Gate, aepo: &Aepo, on: bool, advantages: &[f64], rewards: &[f64], entropies: &[Vec<f32>]) -> Kept {
    let level = match gate.level {
        GateLevel::None | GateLevel::All => kernel::Level::None,
        GateLevel::Token => kernel::Level::Token,
        GateLevel::Sequence => kernel::Level::Sequence,
    };
    let threshold = match gate.threshold {
        Threshold::Quantile(q) => kernel::Threshold::Quantile(q),
        Threshold::Nats(nats) => kernel::Threshold::Absolute(nats),
    };
    let mut tokens = kernel::clip_negatives(advantages, entropies, level, gate.side.into(), threshold);
    let mut dropped = vec![false; advantages.len()];
    if gate.level == GateLevel::All {
        let lengths: Vec<usize> = entropies.iter().map(Vec::len).collect();
        tokens = mask_negatives(advantages, &lengths);
        if gate.removal == Removal::Drop {
            dropped = drop_negatives(advantages);
        }
    }
    if on {
        for i in 0..advantages.len() {
            if advantages[i] < 0.0 {
                tokens[i].fill(false);
            }
            dropped[i] |= aepo.removal == Removal::Drop && (advantages[i] <= 0.0 || rewards[i] <= 0.0);
        }
    }
    Kept { tokens, dropped }
}
