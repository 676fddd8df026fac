//! Losses of the plain ratio: REINFORCE, the on-policy objective and the clipped surrogate.

use super::batch::{Batch, bounded};
use super::policy::{Gradient, Laws, PolicyLoss};

/// Sum of share * A * log pi_theta: REINFORCE with the group's baseline (verl's `gpg`). Its gradient is the token
/// weight of [`super::token_weights`], on-policy or not.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reinforce;

impl PolicyLoss for Reinforce {
    fn name(&self) -> &'static str {
        "reinforce"
    }

    fn objective(&self, batch: &Batch) -> f64 {
        batch.sum(|token| token.share * token.advantage * token.logp)
    }

    fn gradient(&self, batch: &Batch) -> Gradient {
        Gradient::of_logp(batch.map(|token| token.share * token.advantage))
    }
}

/// Eq. 4: sum of share * A * rho, with no clip. On-policy (rho = 1) its gradient is the token weight itself.
///
/// Dr. GRPO (arXiv 2503.20783) on-policy is this loss with shares of [`super::Normalizer::SequenceSum`] and advantages
/// of [`crate::advantage::Options::dr_grpo`]. verl and TRL have no such loss; theirs agree with it inside the clip.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct OnPolicy;

impl PolicyLoss for OnPolicy {
    fn name(&self) -> &'static str {
        "on_policy"
    }

    fn objective(&self, batch: &Batch) -> f64 {
        batch.sum(|token| token.share * token.advantage * token.ratio())
    }

    fn gradient(&self, batch: &Batch) -> Gradient {
        Gradient::of_logp(batch.map(|token| token.share * token.advantage * token.slope()))
    }
}

/// The clipped surrogate of Eq. 2 without its KL term: min(rho A, clip(rho, 1 - low, 1 + high) A), and with `dual` = c
/// at least c A where A < 0 (dual clip, arXiv 1912.09729).
///
/// [`PpoClip::verl`] is verl's `vanilla`, which always clips twice, at 3. [`PpoClip::trl`] takes TRL's
/// `delta`. TRL does not bound the log-ratio (ours and verl's stops at 20).
///
/// ```
/// use longlab_kernels::loss::{Batch, PolicyLoss, PpoClip};
/// let clip = PpoClip { low: 0.2, high: 0.2, dual: None };
/// let (logp, old) = (vec![vec![-1.0 + 1.5f64.ln(), -1.0]], vec![vec![-1.0, -1.0]]);
/// let shares = vec![vec![0.5, 0.5]];
/// let batch = Batch::new(&logp, &old, &[2.0], &[0], &shares).unwrap();
/// assert!((clip.objective(&batch) - (0.5 * 2.0 * 1.2 + 0.5 * 2.0)).abs() < 1e-15);
/// assert_eq!(clip.gradient(&batch).logp, [[0.0, 1.0]]); // the first token is past the clip
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PpoClip {
    /// Lower clip distance (0.2 by custom).
    pub low: f64,
    /// Upper clip distance (0.2 by custom; DAPO raises it).
    pub high: f64,
    /// Largest ratio that counts where A < 0, above 1 + high; none for no second clip.
    pub dual: Option<f64>,
}

impl Default for PpoClip {
    /// 0.2 either way (arXiv 1707.06347), no second clip.
    fn default() -> Self {
        PpoClip { low: 0.2, high: 0.2, dual: None }
    }
}

impl PpoClip {
    /// Clip-higher of DAPO (arXiv 2503.14476): 0.2 below, 0.28 above. DAPO averages over the tokens of the batch:
    /// [`super::Normalizer::GlobalBatch`].
    pub fn dapo() -> Self {
        PpoClip { high: 0.28, ..PpoClip::default() }
    }

    /// Dr. GRPO (arXiv 2503.20783): the plain clip. What makes it Dr. GRPO is outside the loss: shares of
    /// [`super::Normalizer::SequenceSum`] with the longest answer as constant, advantages of
    /// [`crate::advantage::Options::dr_grpo`] (no division by the deviation).
    pub fn dr_grpo() -> Self {
        PpoClip::default()
    }

    /// verl's `vanilla` as configured by default: 0.2 either way and a second clip at 3.
    pub fn verl() -> Self {
        PpoClip { dual: Some(3.0), ..PpoClip::default() }
    }

    /// TRL's clip: `delta` caps the unclipped ratio for both signs of the advantage. Above 1 + high that is the second
    /// clip; below, positives stop at delta already and negatives at 1 + high.
    ///
    /// ```
    /// use longlab_kernels::loss::PpoClip;
    /// assert_eq!(PpoClip::trl(0.2, 0.28, Some(4.0)), PpoClip { low: 0.2, high: 0.28, dual: Some(4.0) });
    /// assert_eq!(PpoClip::trl(0.2, 0.5, Some(1.25)), PpoClip { low: 0.2, high: 0.25, dual: Some(1.5) });
    /// ```
    pub fn trl(low: f64, high: f64, delta: Option<f64>) -> Self {
        match delta {
            Some(delta) => PpoClip { low, high: high.min(delta - 1.0), dual: Some(delta.max(1.0 + high)) },
            None => PpoClip { low, high, dual: None },
        }
    }

    /// The token's value and slope as functions of its ratio: f and df/d rho.
    fn branch(&self, ratio: f64, advantage: f64) -> (f64, f64) {
        let (value, slope) = clipped(ratio, advantage, self.low, self.high);
        match self.dual {
            Some(most) if advantage < 0.0 && value < most * advantage => (most * advantage, 0.0),
            _ => (value, slope),
        }
    }
}

/// min(rho A, clip(rho, 1 - low, 1 + high) A) and its slope in rho; 0 past the clip.
pub(super) fn clipped(ratio: f64, advantage: f64, low: f64, high: f64) -> (f64, f64) {
    let (open, shut) = (ratio * advantage, bounded(ratio, 1.0 - low, 1.0 + high) * advantage);
    if shut < open { (shut, 0.0) } else { (open, advantage) }
}

impl PolicyLoss for PpoClip {
    fn name(&self) -> &'static str {
        "ppo_clip"
    }

    fn objective(&self, batch: &Batch) -> f64 {
        batch.sum(|token| token.share * self.branch(token.ratio(), token.advantage).0)
    }

    fn gradient(&self, batch: &Batch) -> Gradient {
        Gradient::of_logp(
            batch.map(|token| token.share * self.branch(token.ratio(), token.advantage).1 * token.slope()),
        )
    }

    fn laws(&self) -> Laws {
        let e = std::f64::consts::E;
        let narrow = self.high < e - 1.0 && self.low < 1.0 - 1.0 / e && self.dual.is_none_or(|most| most > e);
        Laws { clips_at: narrow.then_some(1.0), ..Laws::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_clip_bounds_negatives_alone() {
        let clip = PpoClip::verl();
        assert_eq!(clip.branch(10.0, -1.0), (-3.0, 0.0));
        assert_eq!(clip.branch(2.0, -1.0), (-2.0, -1.0));
        assert_eq!(clip.branch(10.0, 1.0), (1.2, 0.0));
        assert_eq!(PpoClip::dapo().branch(1.25, 1.0), (1.25, 1.0));
    }

    #[test]
    fn nonsense_bounds_do_not_panic() {
        for low in [f64::NAN, -3.0, f64::INFINITY] {
            PpoClip { low, high: -5.0, dual: Some(f64::NAN) }.branch(1.0, -1.0);
        }
    }
}
