//! Losses of a whole rollout's ratio: GSPO and GMPO. The length of a rollout is its number of tokens that count.

use super::batch::{Batch, LOG_RATIO_BOUND, Token, bounded};
use super::policy::{Gradient, Laws, PolicyLoss};
use super::ratio::clipped;

/// Largest mean log-ratio of GSPO that counts (verl's bound; TRL has none).
pub(super) const MEAN_BOUND: f64 = 10.0;

/// How GSPO's sequence ratio is differentiated. The values of J are the same, and so are the gradients if the shares of
/// each rollout are equal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum GspoLevel {
    /// Through the mean log-ratio (the paper's objective, TRL's `importance_sampling_level="sequence"`).
    #[default]
    Sequence,
    /// Token by token: `s_it = sg[s_i] * pi_theta / sg[pi_theta]` (GSPO-token, verl's `gspo`). The sequence ratio is
    /// detached.
    Token,
}

/// GSPO (arXiv 2507.18071): the clipped surrogate of the sequence ratio s_i = exp(mean over t of log rho_it), the same
/// for each token of a rollout, summed with the tokens' shares. The paper's mean is
/// [`super::Normalizer::SequenceMean`].
///
/// LUSPO (arXiv 2602.05261, TRL's `luspo` at the level of sequences) is this loss with shares of
/// [`super::Normalizer::SequenceSum`] (constant 1). The mean log-ratio is held at 10 from above, as in verl; TRL has no
/// bound. A token of share 0 leaves the rollout's ratio: TRL keeps those that its entropy mask silences in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gspo {
    /// Lower clip distance of the sequence ratio.
    pub low: f64,
    /// Upper clip distance of the sequence ratio.
    pub high: f64,
    /// How the ratio is differentiated.
    pub level: GspoLevel,
}

impl Default for Gspo {
    /// 3e-4 below, 4e-4 above (the paper's experiments).
    fn default() -> Self {
        Gspo { low: 3e-4, high: 4e-4, level: GspoLevel::Sequence }
    }
}

impl Gspo {
    /// The token variant with the paper's bounds.
    pub fn token() -> Self {
        Gspo { level: GspoLevel::Token, ..Gspo::default() }
    }

    fn value(&self, mean: f64, advantage: f64) -> f64 {
        clipped(mean.min(MEAN_BOUND).exp(), advantage, self.low, self.high).0
    }

    fn slope(&self, mean: f64, advantage: f64) -> f64 {
        let ratio = mean.min(MEAN_BOUND).exp();
        if mean > MEAN_BOUND { 0.0 } else { clipped(ratio, advantage, self.low, self.high).1 * ratio }
    }
}

impl PolicyLoss for Gspo {
    fn name(&self) -> &'static str {
        match self.level {
            GspoLevel::Sequence => "gspo",
            GspoLevel::Token => "gspo_token",
        }
    }

    fn objective(&self, batch: &Batch) -> f64 {
        let means = each_rollout(batch, |rollout| mean(rollout, |token| token.logp - token.old));
        batch.sum(|token| token.share * self.value(means[token.rollout], token.advantage))
    }

    fn gradient(&self, batch: &Batch) -> Gradient {
        let means = each_rollout(batch, |rollout| mean(rollout, |token| token.logp - token.old));
        // The part of J that moves with each token's log-probability.
        let shares = each_rollout(batch, |rollout| mean(rollout, |token| token.share));
        Gradient::of_logp(batch.map(|token| {
            let share = match self.level {
                GspoLevel::Sequence => shares[token.rollout],
                GspoLevel::Token => token.share,
            };
            share * self.slope(means[token.rollout], token.advantage)
        }))
    }

    fn surrogate(&self, at: &Batch, x: &Batch) -> f64 {
        if self.level == GspoLevel::Sequence {
            return self.objective(x);
        }
        let means = each_rollout(at, |rollout| mean(rollout, |token| token.logp - token.old));
        let value = |(frozen, token): (Token, Token)| {
            token.share * self.value(means[token.rollout] + token.logp - frozen.logp, token.advantage)
        };
        at.tokens().zip(x.tokens()).map(value).sum()
    }

    fn laws(&self) -> Laws {
        let narrow = self.high < std::f64::consts::E - 1.0 && self.low < 1.0 - 1.0 / std::f64::consts::E;
        Laws { clips_at: narrow.then_some(1.0), ..Laws::default() }
    }
}

/// GMPO (arXiv 2507.20673): w_i * A_i * exp(mean over t of the clipped log rho_it), the geometric mean of a rollout's
/// token ratios, where w_i sums the rollout's shares. Clipped in the log, token by token, on the side that the
/// advantage asks for.
///
/// verl's `geo_mean` is this with [`super::Normalizer::SequenceMean`], whatever its aggregation mode, but divides by
/// all rollouts, those without a token too, and does not bound the log-ratio (which shows past 20, where A < 0). It
/// takes an advantage a token, clips each by its own sign and averages them. TRL's experimental trainer does not bound
/// either.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gmpo {
    /// Lower clip distance of the log-ratio, nats.
    pub low: f64,
    /// Upper clip distance of the log-ratio, nats.
    pub high: f64,
}

impl Default for Gmpo {
    /// 0.4 either way: ratios from e^-0.4 to e^0.4 (the paper's choice).
    fn default() -> Self {
        Gmpo { low: 0.4, high: 0.4 }
    }
}

impl Gmpo {
    /// The clipped log-ratio and its slope.
    fn clip(&self, token: &Token) -> (f64, f64) {
        let open = token.log_ratio();
        let past = if token.advantage > 0.0 { open > self.high } else { token.advantage < 0.0 && open < -self.low };
        if past { (bounded(open, -self.low, self.high), 0.0) } else { (open, token.log_slope()) }
    }

    fn ratios(&self, batch: &Batch) -> Vec<f64> {
        each_rollout(batch, |rollout| mean(rollout, |token| self.clip(token).0).min(LOG_RATIO_BOUND).exp())
    }
}

impl PolicyLoss for Gmpo {
    fn name(&self) -> &'static str {
        "gmpo"
    }

    fn objective(&self, batch: &Batch) -> f64 {
        let ratios = self.ratios(batch);
        batch.sum(|token| token.share * token.advantage * ratios[token.rollout])
    }

    fn gradient(&self, batch: &Batch) -> Gradient {
        let ratios = self.ratios(batch);
        let shares = each_rollout(batch, |rollout| mean(rollout, |token| token.share));
        Gradient::of_logp(
            batch.map(|token| shares[token.rollout] * token.advantage * ratios[token.rollout] * self.clip(token).1),
        )
    }

    fn laws(&self) -> Laws {
        Laws { clips_at: (self.low < 1.0 && self.high < 1.0).then_some(1.0), ..Laws::default() }
    }
}

/// A number for each rollout.
pub(super) fn each_rollout(batch: &Batch, each: impl Fn(&[Token]) -> f64) -> Vec<f64> {
    (0..batch.logp().len()).map(|i| each(&batch.rollout(i).collect::<Vec<_>>())).collect()
}

/// Mean over the tokens of a rollout; 0 if none counts.
pub(super) fn mean(rollout: &[Token], each: impl Fn(&Token) -> f64) -> f64 {
    if rollout.is_empty() { 0.0 } else { rollout.iter().map(each).sum::<f64>() / rollout.len() as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gspo_spreads_the_sequence_ratio() {
        let (logp, old) = (vec![vec![-1.0, -2.0]], vec![vec![-1.2, -1.9]]);
        let shares = vec![vec![0.5, 0.5]];
        let batch = Batch::new(&logp, &old, &[-2.0], &[0], &shares).unwrap();
        let ratio = 0.05f64.exp();
        assert!((Gspo::default().objective(&batch) + 2.0 * ratio).abs() < 1e-15);
        for loss in [Gspo::default(), Gspo::token()] {
            for slope in &loss.gradient(&batch).logp[0] {
                assert!((slope + ratio).abs() < 1e-15, "{slope}");
            }
        }
    }

    #[test]
    fn gmpo_clips_each_token_in_the_log() {
        let (logp, old) = (vec![vec![-1.0, -2.0]], vec![vec![-2.0, -1.9]]);
        let shares = vec![vec![0.5, 0.5]];
        let batch = Batch::new(&logp, &old, &[1.0], &[0], &shares).unwrap();
        // Log-ratios 1 (held at 0.4) and -0.1, mean 0.15.
        let ratio = 0.15f64.exp();
        assert!((Gmpo::default().objective(&batch) - ratio).abs() < 1e-15);
        let gradient = Gmpo::default().gradient(&batch).logp;
        assert!(gradient[0][0] == 0.0 && (gradient[0][1] - 0.5 * ratio).abs() < 1e-15);
    }
}
