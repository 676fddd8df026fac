//! Terms beside the policy gradient: entropy bonus, KL to a reference, and weighted sums of losses.

use super::batch::{Batch, LOG_RATIO_BOUND, Token, bounded};
use super::policy::{Gradient, Laws, Needs, PolicyLoss};

/// coefficient * sum of share * H, H the entropy of pi_theta at a token. Its gradient is in the entropies.
///
/// With shares of [`super::Normalizer::GlobalBatch`] it is TRL's `entropy_coef` and verl's `entropy_coeff` with
/// `token-mean`. TRL averages over the tokens that count, whatever the loss: where tokens are masked, a share keeps
/// them in its denominator.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EntropyBonus {
    /// Weight of the mean entropy (nats).
    pub coefficient: f64,
}

impl PolicyLoss for EntropyBonus {
    fn name(&self) -> &'static str {
        "entropy_bonus"
    }

    fn objective(&self, batch: &Batch) -> f64 {
        self.coefficient * batch.sum(|token| token.share * token.entropy)
    }

    fn gradient(&self, batch: &Batch) -> Gradient {
        // Missing entropies show as NaN here as they do in J.
        let entropy = batch.map(|token| if token.entropy.is_nan() { f64::NAN } else { self.coefficient * token.share });
        Gradient { logp: batch.zeros(), entropy }
    }

    fn needs(&self) -> Needs {
        Needs { entropies: true, ..Needs::default() }
    }

    fn laws(&self) -> Laws {
        Laws::TERM
    }
}

/// Estimators of KL(pi_theta || pi_ref) from one sampled token, with d = log pi_theta - log pi_ref
/// (J. Schulman, "Approximating KL divergence", 2020).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum KlEstimator {
    /// d (verl's `kl`, `k1`).
    K1,
    /// d^2 / 2 (verl's `mse`, `k2`). The only one whose gradient is that of the KL in expectation.
    K2,
    /// exp(-d) + d - 1 (GRPO, TRL). The exponent is bounded by 20, which TRL's is not.
    #[default]
    K3,
    /// [`KlEstimator::K3`] held at 10 at most (verl's `low_var_kl`, which it also calls `k3`).
    LowVariance,
    /// |d| (verl's `abs`).
    Absolute,
}

impl KlEstimator {
    /// The estimate and its slope in log pi_theta.
    ///
    /// ```
    /// use longlab_kernels::loss::KlEstimator;
    /// assert_eq!(KlEstimator::K2.at(-1.0, -3.0), (2.0, 2.0));
    /// assert_eq!(KlEstimator::LowVariance.at(-9.0, -1.0), (10.0, 0.0)); // e^8 is past the bound
    /// ```
    pub fn at(self, logp: f64, reference: f64) -> (f64, f64) {
        let d = logp - reference;
        match self {
            KlEstimator::K1 => (d, 1.0),
            KlEstimator::K2 => (0.5 * d * d, d),
            KlEstimator::Absolute => (d.abs(), if d == 0.0 { 0.0 } else { d.signum() }),
            KlEstimator::K3 => k3(d),
            KlEstimator::LowVariance => match k3(d) {
                (value, _) if value > 10.0 => (10.0, 0.0),
                inside => inside,
            },
        }
    }
}

fn k3(d: f64) -> (f64, f64) {
    // `max` and `min` drop NaN; a missing reference must show.
    let c = if d.is_nan() { d } else { bounded(-d, -LOG_RATIO_BOUND, LOG_RATIO_BOUND) };
    let slope = if d.abs() > LOG_RATIO_BOUND { 0.0 } else { 1.0 - c.exp() };
    (c.exp() - c - 1.0, slope)
}

/// -coefficient * sum of share * KL estimate to a reference policy (the last term of Eq. 2; the paper runs without).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KlPenalty {
    /// Weight beta of the penalty.
    pub coefficient: f64,
    /// The estimator.
    pub estimator: KlEstimator,
    /// Keeps the estimator's value but takes the gradient of [`KlEstimator::K2`] (verl's `k1+`, `k3+`): the value is
    /// detached.
    pub straight_through: bool,
}

impl Default for KlPenalty {
    /// GRPO's (arXiv 2402.03300): K3 with coefficient 0.04.
    fn default() -> Self {
        KlPenalty { coefficient: 0.04, estimator: KlEstimator::K3, straight_through: false }
    }
}

impl KlPenalty {
    fn slope(&self, token: &Token) -> f64 {
        let estimator = if self.straight_through { KlEstimator::K2 } else { self.estimator };
        estimator.at(token.logp, token.reference).1
    }
}

impl PolicyLoss for KlPenalty {
    fn name(&self) -> &'static str {
        "kl_penalty"
    }

    fn objective(&self, batch: &Batch) -> f64 {
        -self.coefficient * batch.sum(|token| token.share * self.estimator.at(token.logp, token.reference).0)
    }

    fn gradient(&self, batch: &Batch) -> Gradient {
        Gradient::of_logp(batch.map(|token| -self.coefficient * token.share * self.slope(token)))
    }

    fn surrogate(&self, at: &Batch, x: &Batch) -> f64 {
        if !self.straight_through {
            return self.objective(x);
        }
        let second = KlPenalty { estimator: KlEstimator::K2, straight_through: false, ..*self };
        self.objective(at) + second.objective(x) - second.objective(at)
    }

    fn needs(&self) -> Needs {
        Needs { reference: true, ..Needs::default() }
    }

    fn laws(&self) -> Laws {
        Laws::TERM
    }
}

/// A weighted sum of losses.
///
/// ```
/// use longlab_kernels::loss::{EntropyBonus, KlPenalty, PolicyLoss, PpoClip, Sum};
/// let grpo = Sum::of(PpoClip::default()).plus(1.0, KlPenalty::default());
/// let explored = Sum::of(PpoClip::dapo()).plus(1.0, EntropyBonus { coefficient: 0.001 });
/// assert!(grpo.needs().reference && explored.needs().entropies);
/// ```
#[derive(Default)]
pub struct Sum {
    terms: Vec<(f64, Box<dyn PolicyLoss>)>,
}

impl Sum {
    /// One loss with weight 1.
    pub fn of(loss: impl PolicyLoss + 'static) -> Self {
        Sum::default().plus(1.0, loss)
    }

    /// The sum with one more term.
    pub fn plus(mut self, weight: f64, loss: impl PolicyLoss + 'static) -> Self {
        self.terms.push((weight, Box::new(loss)));
        self
    }

    fn total(&self, value: impl Fn(&dyn PolicyLoss) -> f64) -> f64 {
        self.terms.iter().map(|(weight, loss)| weight * value(loss.as_ref())).sum()
    }

    fn all(&self, law: impl Fn(Laws) -> bool) -> bool {
        self.terms.iter().all(|(_, loss)| law(loss.laws()))
    }
}

impl PolicyLoss for Sum {
    fn name(&self) -> &'static str {
        "sum"
    }

    fn objective(&self, batch: &Batch) -> f64 {
        self.total(|loss| loss.objective(batch))
    }

    fn gradient(&self, batch: &Batch) -> Gradient {
        let mut all = Gradient { logp: batch.zeros(), entropy: batch.zeros() };
        for (weight, loss) in &self.terms {
            let one = loss.gradient(batch);
            add(&mut all.logp, &one.logp, *weight);
            add(&mut all.entropy, &one.entropy, *weight);
        }
        all
    }

    fn surrogate(&self, at: &Batch, x: &Batch) -> f64 {
        self.total(|loss| loss.surrogate(at, x))
    }

    fn needs(&self) -> Needs {
        self.terms.iter().map(|(_, loss)| loss.needs()).fold(Needs::default(), |a, b| Needs {
            reference: a.reference || b.reference,
            entropies: a.entropies || b.entropies,
        })
    }

    /// A law holds if it holds for every term; REINFORCE's gradient at ratio 1 needs weights that sum to 1 as well.
    fn laws(&self) -> Laws {
        let weight: f64 = self.terms.iter().map(|(weight, _)| weight).sum();
        Laws {
            silent_without_advantage: self.all(|laws| laws.silent_without_advantage),
            scales_with_advantage: self.all(|laws| laws.scales_with_advantage),
            reinforce_at_ratio_one: self.all(|laws| laws.reinforce_at_ratio_one) && weight == 1.0,
            clips_at: None,
        }
    }
}

fn add(rows: &mut [Vec<f64>], other: &[Vec<f64>], weight: f64) {
    for (value, other) in rows.iter_mut().flatten().zip(other.iter().flatten()) {
        // A masked token stays at 0 whatever the weight, infinities among them.
        if *other != 0.0 {
            *value += weight * other;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimators_agree_near_the_reference() {
        for estimator in [KlEstimator::K2, KlEstimator::K3, KlEstimator::LowVariance] {
            let (value, slope) = estimator.at(-1.0, -1.001);
            assert!((value - 5e-7).abs() < 1e-9 && (slope - 1e-3).abs() < 1e-6, "{estimator:?} {value} {slope}");
        }
    }

    #[test]
    fn a_missing_column_shows_as_nan() {
        let (logp, shares) = (vec![vec![-1.0]], vec![vec![1.0]]);
        let batch = Batch::new(&logp, &logp, &[1.0], &[0], &shares).unwrap();
        for estimator in
            [KlEstimator::K1, KlEstimator::K2, KlEstimator::K3, KlEstimator::LowVariance, KlEstimator::Absolute]
        {
            let loss = KlPenalty { estimator, ..KlPenalty::default() };
            assert!(loss.objective(&batch).is_nan(), "{estimator:?}");
        }
        assert!(EntropyBonus { coefficient: 1.0 }.gradient(&batch).entropy[0][0].is_nan());
    }

    #[test]
    fn straight_through_has_the_value_of_one_and_the_slope_of_another() {
        let (logp, reference, shares) = (vec![vec![-1.0]], vec![vec![-2.0]], vec![vec![1.0]]);
        let batch = Batch::new(&logp, &logp, &[1.0], &[0], &shares).unwrap().with_reference(&reference).unwrap();
        let loss = KlPenalty { coefficient: 1.0, estimator: KlEstimator::K1, straight_through: true };
        assert_eq!((loss.objective(&batch), loss.gradient(&batch).logp[0][0]), (-1.0, -1.0));
        let loss = KlPenalty { estimator: KlEstimator::K3, ..loss };
        assert_eq!((loss.objective(&batch), loss.gradient(&batch).logp[0][0]), (-(-1.0f64).exp(), -1.0));
    }
}
