//! The weight of each token in the objective.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

/// What the sum over tokens is divided by. Only rollouts that are not dropped count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Normalizer {
    /// All tokens of the group, then the mean over groups (Eq. 4 as printed).
    #[default]
    Group,
    /// All tokens of the micro batch, then the mean over micro batches (verl's `token-mean` with gradient
    /// accumulation).
    MicroBatch,
    /// All tokens of the batch (DAPO; verl's `token-mean` with the tokens of the global batch, TRL's `dapo` and
    /// `bnpo`).
    GlobalBatch,
    /// The tokens of the rollout, then the mean over rollouts that have any (Eq. 2, GRPO, GSPO; verl's
    /// `seq-mean-token-mean`, whose 1e-8 on the tokens is lost in f32; TRL's `grpo`, which divides by all rollouts).
    SequenceMean,
    /// A constant, such as the longest answer allowed, then the mean over rollouts that have tokens (Dr. GRPO; verl's
    /// `seq-mean-token-sum-norm`, and with constant 1 its `seq-mean-token-sum`; TRL's `dr_grpo` and, with constant 1,
    /// `luspo`, which divide by all rollouts). Its shares do not sum to 1.
    SequenceSum(NonZeroUsize),
    /// 1: the plain sum over tokens (verl's `token-sum`).
    TokenSum,
}

/// The rollouts of a batch, one entry each in every slice.
#[derive(Clone, Copy, Debug)]
pub struct Rollouts<'a> {
    /// Prompt of each rollout.
    pub groups: &'a [usize],
    /// Response tokens of each rollout.
    pub lengths: &'a [usize],
    /// Which tokens keep their gradient; a masked token stays in the denominator (Eq. 8).
    pub keep: &'a [Vec<bool>],
    /// Rollouts physically removed: their tokens leave the denominator too (the reference code of AEPO).
    pub dropped: &'a [bool],
    /// Micro batch of each rollout.
    pub micro: &'a [usize],
}

impl Rollouts<'_> {
    fn check(&self) {
        let n = self.lengths.len();
        assert_eq!(self.groups.len(), n, "one group index a rollout");
        assert_eq!(self.keep.len(), n, "one row of kept tokens a rollout");
        assert_eq!(self.dropped.len(), n, "one dropped flag a rollout");
        assert_eq!(self.micro.len(), n, "one micro-batch index a rollout");
        for (i, row) in self.keep.iter().enumerate() {
            assert_eq!(row.len(), self.lengths[i], "rollout {i}: one kept flag a token");
        }
    }

    /// The scope of each rollout's mean; none for a rollout that does not count.
    fn scope(&self, normalizer: Normalizer) -> Vec<Option<usize>> {
        let scope = |i: usize| match normalizer {
            Normalizer::Group => Some(self.groups[i]),
            Normalizer::MicroBatch => Some(self.micro[i]),
            Normalizer::GlobalBatch | Normalizer::TokenSum => Some(0),
            Normalizer::SequenceMean | Normalizer::SequenceSum(_) => (self.lengths[i] > 0).then_some(i),
        };
        (0..self.lengths.len()).map(|i| scope(i).filter(|_| !self.dropped[i])).collect()
    }
}

/// The share of each token: 1 / (tokens of its scope x scopes), 0 where masked or dropped. A scope whose rollouts are
/// all dropped does not count; one whose rollouts are only masked does.
///
/// ```
/// use longlab_kernels::loss::{Normalizer, Rollouts, token_shares};
/// use std::num::NonZeroUsize;
/// let keep = [vec![true], vec![true, true, false]];
/// let batch = Rollouts { groups: &[0, 0], lengths: &[1, 3], keep: &keep, dropped: &[false; 2], micro: &[0, 0] };
/// assert_eq!(token_shares(&batch, Normalizer::SequenceMean), [vec![0.5], vec![1.0 / 6.0, 1.0 / 6.0, 0.0]]);
/// let constant = NonZeroUsize::new(8).unwrap();
/// assert_eq!(token_shares(&batch, Normalizer::SequenceSum(constant)), [vec![0.0625], vec![0.0625, 0.0625, 0.0]]);
/// assert_eq!(token_shares(&batch, Normalizer::TokenSum), [vec![1.0], vec![1.0, 1.0, 0.0]]);
/// ```
///
/// # Panics
/// If the slices do not describe the same rollouts and tokens.
pub fn token_shares(rollouts: &Rollouts, normalizer: Normalizer) -> Vec<Vec<f64>> {
    rollouts.check();
    let scope = rollouts.scope(normalizer);
    let mut tokens: BTreeMap<usize, usize> = BTreeMap::new();
    let mut alive: BTreeSet<usize> = BTreeSet::new();
    for (i, key) in scope.iter().enumerate().filter_map(|(i, key)| key.map(|key| (i, key))) {
        *tokens.entry(key).or_default() += rollouts.lengths[i];
        alive.insert(key);
    }
    let share = |key: usize| match normalizer {
        Normalizer::TokenSum => 1.0,
        Normalizer::SequenceSum(constant) => 1.0 / (constant.get() as f64 * alive.len() as f64),
        _ => 1.0 / (tokens[&key] as f64 * alive.len() as f64),
    };
    let row = |(i, keep): (usize, &Vec<bool>)| -> Vec<f64> {
        let share = scope[i].map_or(0.0, share);
        keep.iter().map(|&kept| if kept { share } else { 0.0 }).collect()
    };
    rollouts.keep.iter().enumerate().map(row).collect()
}

/// The coefficient of grad log pi of each token, so that sum(weight * log pi) has the gradient of Eq. 4 (Eq. 8 with
/// masks).
///
/// On-policy the ratio is 1 in value, so the coefficient is the advantage times the token's share of the denominator.
///
/// ```
/// use longlab_kernels::loss::{Normalizer, token_weights};
/// let keep = [vec![true], vec![true, true, false]];
/// let whole = [false, false];
/// let weights = token_weights(&[1.0, -1.0], &[0, 0], &[1, 3], &keep, &whole, &[0, 0], Normalizer::Group);
/// assert_eq!(weights, [vec![0.25], vec![-0.25, -0.25, 0.0]]);
/// // Dropped instead of masked, the second rollout leaves the denominator.
/// let weights = token_weights(&[1.0, -1.0], &[0, 0], &[1, 3], &keep, &[false, true], &[0, 0], Normalizer::Group);
/// assert_eq!(weights, [vec![1.0], vec![0.0, 0.0, 0.0]]);
/// ```
///
/// # Panics
/// If the slices do not describe the same rollouts and tokens.
pub fn token_weights(
    advantages: &[f64],
    groups: &[usize],
    lengths: &[usize],
    keep: &[Vec<bool>],
    dropped: &[bool],
    micro: &[usize],
    normalizer: Normalizer,
) -> Vec<Vec<f32>> {
    assert_eq!(advantages.len(), lengths.len(), "one advantage a rollout");
    let shares = token_shares(&Rollouts { groups, lengths, keep, dropped, micro }, normalizer);
    // A masked token is exactly +0.0, whatever the sign of its advantage.
    let weight = |advantage: f64, share: f64| {
        if share == 0.0 { 0.0 } else { (advantage * share) as f32 }
    };
    let row = |(&advantage, row): (&f64, Vec<f64>)| row.into_iter().map(|share| weight(advantage, share)).collect();
    advantages.iter().zip(shares).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(dropped: [bool; 4], normalizer: Normalizer) -> Vec<Vec<f32>> {
        let lengths = [1, 3, 2, 2];
        let keep: Vec<Vec<bool>> = lengths.iter().map(|&n| vec![true; n]).collect();
        token_weights(&[1.0; 4], &[0, 0, 1, 1], &lengths, &keep, &dropped, &[0, 1, 1, 1], normalizer)
    }

    #[test]
    fn normalizers_divide_by_their_own_scope() {
        let first = |normalizer| weights([false; 4], normalizer).iter().map(|row| row[0]).collect::<Vec<f32>>();
        assert_eq!(first(Normalizer::Group), [0.125; 4]);
        assert_eq!(first(Normalizer::GlobalBatch), [0.125; 4]);
        let seventh = (1.0f64 / 14.0) as f32;
        assert_eq!(first(Normalizer::MicroBatch), [0.5, seventh, seventh, seventh]);
    }

    #[test]
    fn a_scope_without_rollouts_does_not_count() {
        let got = weights([true, true, false, false], Normalizer::Group);
        assert_eq!(got, [vec![0.0], vec![0.0; 3], vec![0.25; 2], vec![0.25; 2]]);
        assert!(weights([true; 4], Normalizer::Group).iter().flatten().all(|&w| w == 0.0));
    }
}
