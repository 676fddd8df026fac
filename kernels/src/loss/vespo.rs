//! VESPO: the ratio of a whole rollout, in a soft weight.

use super::batch::{Batch, LOG_RATIO_BOUND, Token};
use super::policy::{Gradient, PolicyLoss};

/// Least logarithm of a rollout's ratio that counts (ln 1e-8, as in TRL).
const LEAST_LOG: f64 = -18.420_680_743_952_367;

/// VESPO (arXiv 2602.10693): `share * sg[phi(w)] * A * log pi_theta` with w the product of a rollout's token ratios and
/// phi(w) = w^k exp(lambda (1 - w)), which is 1 at w = 1 and fades on both sides. One pair of k and lambda for A >= 0,
/// another for A < 0.
///
/// log w is the sum of the bounded log-ratios, held within ln 1e-8 and 20, as in TRL's `vespo`. The product runs over
/// the tokens that count; TRL's runs over the tokens that its entropy mask silences too, and over the sampler's ratios.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Vespo {
    /// Exponent and decay where A >= 0.
    pub positive: (f64, f64),
    /// Exponent and decay where A < 0.
    pub negative: (f64, f64),
}

impl Default for Vespo {
    /// k 2 and lambda 3 where A >= 0, k 3 and lambda 2 below (TRL's defaults).
    fn default() -> Self {
        Vespo { positive: (2.0, 3.0), negative: (3.0, 2.0) }
    }
}

impl Vespo {
    /// phi of a rollout from the logarithm of its ratio.
    ///
    /// ```
    /// use longlab_kernels::loss::Vespo;
    /// assert_eq!(Vespo::default().weight(0.0, 1.0), 1.0);
    /// assert!(Vespo::default().weight(1.0, 1.0) < 0.1 && Vespo::default().weight(-1.0, -1.0) < 0.2);
    /// ```
    pub fn weight(&self, log_ratio: f64, advantage: f64) -> f64 {
        let (k, lambda) = if advantage >= 0.0 { self.positive } else { self.negative };
        let log = log_ratio.clamp(LEAST_LOG, LOG_RATIO_BOUND);
        (lambda + k * log - lambda * log.exp()).exp()
    }

    /// phi of each rollout.
    fn weights(&self, batch: &Batch) -> Vec<f64> {
        let of = |(i, &advantage): (usize, &f64)| {
            self.weight(batch.rollout(i).map(|token| token.log_ratio()).sum(), advantage)
        };
        batch.advantages().iter().enumerate().map(of).collect()
    }
}

impl PolicyLoss for Vespo {
    fn name(&self) -> &'static str {
        "vespo"
    }

    fn objective(&self, batch: &Batch) -> f64 {
        self.surrogate(batch, batch)
    }

    fn gradient(&self, batch: &Batch) -> Gradient {
        let weights = self.weights(batch);
        Gradient::of_logp(batch.map(|token| token.share * weights[token.rollout] * token.advantage))
    }

    fn surrogate(&self, at: &Batch, x: &Batch) -> f64 {
        let weights = self.weights(at);
        let value = |token: &Token| token.share * weights[token.rollout] * token.advantage * token.logp;
        x.sum(value)
    }
}
