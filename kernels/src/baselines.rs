//! Other ways from rewards to advantages than the group's moments of [`crate::advantage`]: those that need lengths,
//! tokens, or the best of a group.
//!
//! | estimator | here | source |
//! |---|---|---|
//! | REINFORCE++ | [`returns`], then [`Whitening`] over the tokens of the batch | arXiv 2501.03262 |
//! | REINFORCE++-baseline | the difference from the group's mean at each token, then [`Whitening`] | arXiv 2501.03262 |
//! | OPO | [`opo`] | arXiv 2505.23585 |
//! | GPG | [`gpg`] | arXiv 2504.02546 |
//! | Pass@k | [`pass_at_k`] | arXiv 2503.19595 |
//!
//! Each is as verl 0.9.1 has it, whose lone rollouts keep their reward ([`crate::advantage::Single::Reward`]).

use crate::advantage::{Options, Scale, Single, advantages};
use std::collections::BTreeMap;

/// The discounted return at each of a rollout's tokens, its reward paid on the last one: reward * gamma^(tokens left).
///
/// ```
/// assert_eq!(longlab_kernels::baselines::returns(8.0, 3, 0.5), [2.0, 4.0, 8.0]);
/// ```
pub fn returns(reward: f64, tokens: usize, gamma: f64) -> Vec<f64> {
    let mut all = vec![reward; tokens];
    for t in (1..tokens).rev() {
        all[t - 1] = all[t] * gamma;
    }
    all
}

/// Values about their mean over their deviation, the root of the unbiased variance + `epsilon`. Over tokens, so that
/// long rollouts weigh more.
///
/// ```
/// use longlab_kernels::baselines::Whitening;
/// let white = Whitening { epsilon: 0.0, ..Whitening::default() }.of(&[1.0, 3.0]);
/// assert!((white[1] - 0.5f64.sqrt()).abs() < 1e-15 && white[0] == -white[1]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Whitening {
    /// Whether the mean is taken off for good; if not, it is added again after the division.
    pub shift_mean: bool,
    /// Added to the variance (1e-8 in verl).
    pub epsilon: f64,
    /// Added to the count in means (1e-8 in verl, 0 here: values alike to 1e-6 would see it).
    pub count: f64,
}

impl Default for Whitening {
    /// Mean off, 1e-8 on the variance, plain counts.
    fn default() -> Self {
        Whitening { shift_mean: true, epsilon: 1e-8, count: 0.0 }
    }
}

impl Whitening {
    /// verl's `masked_whiten`.
    pub fn verl() -> Self {
        Whitening { count: 1e-8, ..Whitening::default() }
    }

    /// The whitened values. Fewer than two are their own mean.
    pub fn of(&self, values: &[f64]) -> Vec<f64> {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / (n.max(1.0) + self.count);
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let variance = squares / (n + self.count) * n / (n - 1.0);
        let again = if self.shift_mean { 0.0 } else { mean };
        let white = |value: &f64| match *value - mean {
            _ if values.len() < 2 => again,
            0.0 => again,
            difference => difference / (variance + self.epsilon).sqrt() + again,
        };
        values.iter().map(white).collect()
    }
}

/// OPO: the reward minus the group's mean reward weighted by length; a lone rollout keeps its reward.
///
/// ```
/// use longlab_kernels::baselines::opo;
/// assert_eq!(opo(&[1.0, 0.0, 0.5], &[0, 0, 1], &[3, 1, 2]), [0.25, -0.75, 0.5]);
/// ```
///
/// # Panics
/// If the slices differ in length.
pub fn opo(rewards: &[f64], groups: &[usize], lengths: &[usize]) -> Vec<f64> {
    assert_eq!(rewards.len(), lengths.len(), "one length a rollout");
    let members = members(rewards, groups);
    let baseline = |rollouts: &[usize]| {
        let tokens: f64 = rollouts.iter().map(|&i| lengths[i] as f64).sum();
        let paid: f64 = rollouts.iter().map(|&i| lengths[i] as f64 * rewards[i]).sum();
        if rollouts.len() < 2 || tokens == 0.0 { 0.0 } else { paid / tokens }
    };
    let baselines: BTreeMap<usize, f64> =
        members.iter().map(|(&group, rollouts)| (group, baseline(rollouts))).collect();
    rewards.iter().zip(groups).map(|(reward, group)| reward - baselines[group]).collect()
}

/// GPG: the difference from the group's mean times rollouts / rollouts whose reward is not 0, undivided; a lone rollout
/// keeps its reward.
///
/// ```
/// assert_eq!(longlab_kernels::baselines::gpg(&[1.0, 0.0], &[0, 0]), [1.0, -1.0]);
/// ```
///
/// # Panics
/// If the slices differ in length.
pub fn gpg(rewards: &[f64], groups: &[usize]) -> Vec<f64> {
    let paid = rewards.iter().filter(|&&reward| reward != 0.0).count().max(1);
    let alpha = rewards.len() as f64 / paid as f64;
    let options = Options { scale: Scale::None, single: Single::Reward, ..Options::default() };
    let plain = advantages(rewards, groups, &vec![0; rewards.len()], &options);
    plain.into_iter().map(|advantage| alpha * advantage).collect()
}

/// Pass@k: the best rollout of a group (the first of several) gets its lead over the second best, the others 0. Over
/// the group's unbiased deviation + epsilon if one is given. A lone rollout gets 0 (verl raises).
///
/// ```
/// use longlab_kernels::baselines::pass_at_k;
/// assert_eq!(pass_at_k(&[0.25, 1.0, 0.5], &[0; 3], None), [0.0, 0.5, 0.0]);
/// ```
///
/// # Panics
/// If the slices differ in length.
pub fn pass_at_k(rewards: &[f64], groups: &[usize], epsilon: Option<f64>) -> Vec<f64> {
    let mut advantages = vec![0.0; rewards.len()];
    for rollouts in members(rewards, groups).values().filter(|rollouts| rollouts.len() > 1) {
        let mut order = rollouts.clone();
        order.sort_by(|&a, &b| rewards[b].total_cmp(&rewards[a]));
        let n = rollouts.len() as f64;
        let mean = rollouts.iter().map(|&i| rewards[i]).sum::<f64>() / n;
        let squares: f64 = rollouts.iter().map(|&i| (rewards[i] - mean).powi(2)).sum();
        let divisor = epsilon.map_or(1.0, |epsilon| (squares / (n - 1.0)).sqrt() + epsilon);
        let lead = rewards[order[0]] - rewards[order[1]];
        advantages[order[0]] = if lead == 0.0 { 0.0 } else { lead / divisor };
    }
    advantages
}

fn members(rewards: &[f64], groups: &[usize]) -> BTreeMap<usize, Vec<usize>> {
    assert_eq!(rewards.len(), groups.len(), "one group index a rollout");
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    groups.iter().enumerate().for_each(|(i, &group)| members.entry(group).or_default().push(i));
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_to_compare_with_stays_finite() {
        let (white, kept) = (Whitening::default(), Whitening { shift_mean: false, epsilon: 0.0, count: 0.0 });
        assert_eq!(white.of(&[]), [0.0; 0]);
        assert_eq!((white.of(&[2.0]), kept.of(&[2.0])), (vec![0.0], vec![2.0]));
        assert_eq!((white.of(&[2.0; 3]), kept.of(&[2.0; 3])), (vec![0.0; 3], vec![2.0; 3]));
        assert_eq!(pass_at_k(&[1.0, 1.0, 1.0], &[0, 0, 1], Some(0.0)), [0.0; 3]);
        assert_eq!(opo(&[1.0, 1.0], &[0, 0], &[0, 0]), [1.0, 1.0]);
        assert!(returns(1.0, 0, 0.9).is_empty());
    }
}
