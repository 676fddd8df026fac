//! CISPO and SAPO: no token is silenced, its weight is bounded or fades.

use super::batch::{Batch, Token, bounded};
use super::policy::{Gradient, PolicyLoss};

/// CISPO (MiniMax-M1, arXiv 2506.13585): `share * sg[clip(rho, 1 - low, 1 + high)] * A * log pi_theta`. The clipped
/// ratio is detached, so that a token past the clip keeps its gradient with a bounded weight.
///
/// verl's `cispo` has the same two distances; TRL's has no lower one and gives the largest ratio itself
/// (`low: 1.0, high: epsilon_high - 1.0`; its default of 0.2 cuts every weight at 0.2).
///
/// At the level of sequences (TRL's `importance_sampling_level`, for [`Sapo`] too): give as log pi_old each token's log
/// pi_theta minus its rollout's mean log-ratio.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cispo {
    /// Lower clip distance; 1 for none, as in the paper.
    pub low: f64,
    /// Upper clip distance.
    pub high: f64,
}

impl Default for Cispo {
    /// No lower bound, and weights up to 5: MiniMax-M1 does not print its value, 5 is ScaleRL's (arXiv 2510.13786).
    fn default() -> Self {
        Cispo { low: 1.0, high: 4.0 }
    }
}

impl Cispo {
    /// The factor that is constant in the gradient.
    fn weight(&self, token: &Token) -> f64 {
        token.share * bounded(token.ratio(), 1.0 - self.low, 1.0 + self.high) * token.advantage
    }
}

impl PolicyLoss for Cispo {
    fn name(&self) -> &'static str {
        "cispo"
    }

    fn objective(&self, batch: &Batch) -> f64 {
        self.surrogate(batch, batch)
    }

    fn gradient(&self, batch: &Batch) -> Gradient {
        Gradient::of_logp(batch.map(|token| self.weight(token)))
    }

    fn surrogate(&self, at: &Batch, x: &Batch) -> f64 {
        at.tokens().zip(x.tokens()).map(|(frozen, token)| self.weight(&frozen) * token.logp).sum()
    }
}

/// SAPO (arXiv 2511.20347): share * A * (4 / tau) sigmoid(tau (rho - 1)), with one temperature tau for A > 0 and
/// another for A <= 0. A soft gate in place of the clip; nothing is detached, and at rho = 1 its slope is 1.
///
/// verl's `sapo` and TRL's agree, but verl always averages it as [`super::Normalizer::SequenceMean`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sapo {
    /// Temperature of tokens with a positive advantage.
    pub positive: f64,
    /// Temperature of the others; higher fades faster.
    pub negative: f64,
}

impl Default for Sapo {
    /// 1 and 1.05, the paper's.
    fn default() -> Self {
        Sapo { positive: 1.0, negative: 1.05 }
    }
}

impl Sapo {
    /// The temperature of a token and the sigmoid of its gate.
    fn gate(&self, token: &Token) -> (f64, f64) {
        let tau = if token.advantage > 0.0 { self.positive } else { self.negative };
        (tau, 1.0 / (1.0 + (-tau * (token.ratio() - 1.0)).exp()))
    }
}

impl PolicyLoss for Sapo {
    fn name(&self) -> &'static str {
        "sapo"
    }

    fn objective(&self, batch: &Batch) -> f64 {
        batch.sum(|token| {
            let (tau, sigmoid) = self.gate(token);
            token.share * token.advantage * sigmoid * (4.0 / tau)
        })
    }

    fn gradient(&self, batch: &Batch) -> Gradient {
        Gradient::of_logp(batch.map(|token| {
            let (_, sigmoid) = self.gate(token);
            token.share * token.advantage * 4.0 * sigmoid * (1.0 - sigmoid) * token.slope()
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch<'a>(logp: &'a [Vec<f64>], old: &'a [Vec<f64>], shares: &'a [Vec<f64>]) -> Batch<'a> {
        Batch::new(logp, old, &[2.0], &[0], shares).unwrap()
    }

    #[test]
    fn cispo_weighs_a_clipped_token_by_the_bound() {
        let (logp, old, shares) = (vec![vec![-1.0]], vec![vec![-3.0]], vec![vec![1.0]]);
        let b = batch(&logp, &old, &shares);
        // rho = e^2 = 7.39 is held at 5.
        assert_eq!(Cispo::default().gradient(&b).logp, [[10.0]]);
        assert_eq!(Cispo::default().objective(&b), -10.0);
    }

    #[test]
    fn sapo_fades_smoothly() {
        let (logp, old, shares) = (vec![vec![-1.0, -1.0]], vec![vec![-1.0, -3.0]], vec![vec![0.5, 0.5]]);
        let b = batch(&logp, &old, &shares);
        let gradient = Sapo::default().gradient(&b).logp;
        assert_eq!(gradient[0][0], 1.0);
        assert!(gradient[0][1] > 0.0 && gradient[0][1] < 0.1, "{gradient:?}");
    }
}
