//! Rivals of AEPO: other ways to hold the entropy of the policy, so that an ablation can ask whether AEPO is needed.
//!
//! | rival | here | source |
//! |---|---|---|
//! | fixed bonus | [`crate::loss::EntropyBonus`] | Williams and Peng 1991 |
//! | bonus with a target | [`AdaptiveBonus`] | Skywork-OR1, arXiv 2505.22312; TRL's `use_adaptive_entropy` |
//! | no negatives, ever | [`drop_negatives`] or [`mask_negatives`] | AEPO (Eq. 11) masking from the first step |
//! | high-entropy tokens only | [`top_entropy`] | arXiv 2506.01939; TRL's `top_entropy_quantile` |
//! | few covariant tokens silenced or held back | [`crate::loss::ClipCov`], [`crate::loss::KlCov`] | arXiv 2505.22617 |

use crate::stats::quantile;

/// A bonus whose coefficient grows while entropy is at or below a target and shrinks above it: the rule, without its
/// state.
///
/// ```
/// use longlab_kernels::entropy_control::{AdaptiveBonus, BonusState};
/// let rule = AdaptiveBonus { target: 0.2, step: 0.25, ..AdaptiveBonus::default() };
/// let start = BonusState { coefficient: 0.5, entropy: None };
/// assert_eq!(rule.applied(start), 0.0); // nothing measured yet
/// let low = rule.next(start, 0.1);
/// assert_eq!((low.coefficient, rule.applied(low)), (0.75, 0.75));
/// let high = rule.next(low, 0.3);
/// assert_eq!((high.coefficient, rule.applied(high)), (0.5, 0.0)); // above the target no bonus is applied
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdaptiveBonus {
    /// Entropy aimed at, nats (mean over tokens in TRL).
    pub target: f64,
    /// What the coefficient moves by at each step.
    pub step: f64,
    /// Least coefficient.
    pub least: f64,
    /// Largest coefficient.
    pub most: f64,
}

impl Default for AdaptiveBonus {
    /// Target 0.2, step 0.005, coefficient from 0 to 1 (TRL's defaults).
    fn default() -> Self {
        AdaptiveBonus { target: 0.2, step: 0.005, least: 0.0, most: 1.0 }
    }
}

/// What an adaptive bonus keeps between steps.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct BonusState {
    /// The coefficient.
    pub coefficient: f64,
    /// Entropy of the last step in nats; none before the first.
    pub entropy: Option<f64>,
}

impl AdaptiveBonus {
    /// The coefficient of a step: the state's, or 0 if the last entropy was above the target or none was measured. TRL
    /// judges so, by the step before; Skywork-OR1 judges by the entropy of the step itself.
    pub fn applied(&self, state: BonusState) -> f64 {
        if state.entropy.is_some_and(|entropy| entropy <= self.target) { state.coefficient } else { 0.0 }
    }

    /// The state after a step of this batch entropy (nats). An entropy that is NaN counts as above the target.
    pub fn next(&self, state: BonusState, entropy: f64) -> BonusState {
        let coefficient = if entropy <= self.target {
            (state.coefficient + self.step).min(self.most)
        } else {
            (state.coefficient - self.step).max(self.least)
        };
        BonusState { coefficient, entropy: Some(entropy) }
    }
}

/// Which rollouts leave the batch: those with a negative advantage.
///
/// Dropped or masked, no negative has a gradient; the two differ in the denominator. Dropped rollouts leave it, so that
/// the step of the positives grows (the reference code of AEPO, which drops zero advantages and rewards of 0 too);
/// masked ones stay in it ([`mask_negatives`], Eq. 8). Only [`crate::loss::Normalizer::TokenSum`] has no denominator to
/// differ in.
///
/// ```
/// use longlab_kernels::entropy_control::drop_negatives;
/// assert_eq!(drop_negatives(&[1.0, 0.0, -1.0]), [false, false, true]);
/// ```
pub fn drop_negatives(advantages: &[f64]) -> Vec<bool> {
    advantages.iter().map(|&advantage| advantage < 0.0).collect()
}

/// Which tokens keep their gradient: those of rollouts without a negative advantage. `lengths` are tokens a rollout;
/// a rollout without a length has none.
///
/// ```
/// use longlab_kernels::entropy_control::mask_negatives;
/// assert_eq!(mask_negatives(&[1.0, -1.0], &[1, 2]), [vec![true], vec![false, false]]);
/// ```
pub fn mask_negatives(advantages: &[f64], lengths: &[usize]) -> Vec<Vec<bool>> {
    drop_negatives(advantages).into_iter().zip(lengths).map(|(negative, &length)| vec![!negative; length]).collect()
}

/// Which tokens keep their gradient: the share of the batch's tokens with the highest entropy (0.2 in arXiv
/// 2506.01939), positives and negatives alike. The threshold is the (1 - share) quantile of all tokens, and a token on
/// it stays. A share of 1 or more keeps everything.
///
/// verl has no such mask; TRL takes its quantile in f32 over all processes and holds entropies of more digits against
/// it. In TRL the masked tokens stay in the denominator, as they do here under [`crate::loss::token_shares`].
///
/// ```
/// use longlab_kernels::entropy_control::top_entropy;
/// let keep = top_entropy(&[vec![0.1, 2.0, 0.3], vec![1.0, 0.2]], 0.4);
/// assert_eq!(keep, [vec![false, true, false], vec![true, false]]);
/// ```
pub fn top_entropy(entropies: &[Vec<f32>], share: f64) -> Vec<Vec<bool>> {
    let all: Vec<f64> = entropies.iter().flatten().map(|&entropy| f64::from(entropy)).collect();
    let threshold = if share >= 1.0 { None } else { quantile(&all, 1.0 - share) };
    let kept = |&entropy: &f32| threshold.is_none_or(|threshold| f64::from(entropy) >= threshold);
    entropies.iter().map(|row| row.iter().map(kept).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coefficient_stays_within_its_bounds() {
        let rule = AdaptiveBonus { step: 0.7, ..AdaptiveBonus::default() };
        let state = rule.next(rule.next(BonusState::default(), 0.0), 0.0);
        assert_eq!(state.coefficient, 1.0);
        let state = rule.next(rule.next(state, 1.0), f64::NAN);
        assert_eq!((state.coefficient, rule.applied(state)), (0.0, 0.0));
    }

    #[test]
    fn ties_on_the_threshold_stay() {
        assert_eq!(top_entropy(&[vec![1.0; 4]], 0.1), [[true; 4]]);
        assert_eq!(top_entropy(&[vec![0.0, 1.0]], 2.0), [[true; 2]]);
        assert!(top_entropy(&[], 0.2).is_empty());
    }

    #[test]
    fn positives_only_is_one_mask_whichever_way_it_is_said() {
        let advantages = [1.0, -0.5, 0.0, -2.0];
        let masked = mask_negatives(&advantages, &[1, 1, 1, 1]);
        let dropped = drop_negatives(&advantages);
        assert!(masked.iter().zip(dropped).all(|(row, dropped)| row[0] != dropped));
    }
}
