//! The KL penalty weighed by the importance ratio, so that off-policy tokens estimate the policy's own KL.

use super::batch::{Batch, Token};
use super::policy::{Gradient, Laws, Needs, PolicyLoss};
use super::sequence::{MEAN_BOUND, each_rollout, mean};
use super::term::KlEstimator;

/// Whose ratio is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum RatioLevel {
    /// That of each token.
    #[default]
    Token,
    /// The geometric mean of the rollout's (GSPO's), held at e^10.
    Sequence,
}

/// -coefficient * sum of share * rho * k3, [`KlEstimator::K3`] times the importance ratio, both differentiated
/// (DeepSeek-V3.2, arXiv 2512.02556; TRL's `use_bias_correction_kl`, on by default in 1.16). TRL bounds neither factor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UnbiasedKl {
    /// Weight beta of the penalty.
    pub coefficient: f64,
    /// Whose ratio weighs a token's estimate.
    pub level: RatioLevel,
}

impl UnbiasedKl {
    /// log of the ratio that weighs each rollout's tokens; none where each token has its own.
    fn means(&self, batch: &Batch) -> Option<Vec<f64>> {
        let of = |rollout: &[Token]| mean(rollout, |token| token.logp - token.old);
        (self.level == RatioLevel::Sequence).then(|| each_rollout(batch, of))
    }
}

impl PolicyLoss for UnbiasedKl {
    fn name(&self) -> &'static str {
        "unbiased_kl"
    }

    fn objective(&self, batch: &Batch) -> f64 {
        let means = self.means(batch);
        let ratio = |token: &Token| match &means {
            Some(means) => means[token.rollout].min(MEAN_BOUND).exp(),
            None => token.ratio(),
        };
        -self.coefficient * batch.sum(|token| token.share * ratio(token) * estimate(token).0)
    }

    fn gradient(&self, batch: &Batch) -> Gradient {
        let Some(means) = self.means(batch) else {
            let slope = |token: &Token| token.slope() * estimate(token).0 + token.ratio() * estimate(token).1;
            return Gradient::of_logp(batch.map(|token| -self.coefficient * token.share * slope(token)));
        };
        // What each token's log-probability moves through the rollout's mean.
        let through = each_rollout(batch, |rollout| mean(rollout, |token| token.share * estimate(token).0));
        Gradient::of_logp(batch.map(|token| {
            let log = means[token.rollout];
            let shared = if log > MEAN_BOUND { 0.0 } else { through[token.rollout] };
            -self.coefficient * log.min(MEAN_BOUND).exp() * (token.share * estimate(token).1 + shared)
        }))
    }

    fn needs(&self) -> Needs {
        Needs { reference: true, ..Needs::default() }
    }

    fn laws(&self) -> Laws {
        Laws::TERM
    }
}

fn estimate(token: &Token) -> (f64, f64) {
    KlEstimator::K3.at(token.logp, token.reference)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_levels_agree_on_one_token() {
        let (logp, old, reference, shares) = (vec![vec![-1.0]], vec![vec![-1.5]], vec![vec![-2.0]], vec![vec![0.5]]);
        let batch = Batch::new(&logp, &old, &[0.0], &[0], &shares).unwrap().with_reference(&reference).unwrap();
        let loss = |level| UnbiasedKl { coefficient: 2.0, level };
        let (token, sequence) = (loss(RatioLevel::Token), loss(RatioLevel::Sequence));
        let k3 = (-1.0f64).exp();
        assert!((token.objective(&batch) + 0.5f64.exp() * k3).abs() < 1e-15);
        assert_eq!(token.objective(&batch), sequence.objective(&batch));
        // rho (k3 + k3') = rho (e^-1 + 1 - e^-1)
        for loss in [token, sequence] {
            assert!((loss.gradient(&batch).logp[0][0] + 0.5f64.exp()).abs() < 1e-15);
        }
    }
}
