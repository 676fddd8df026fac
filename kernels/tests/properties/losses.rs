//! Eq. 4, Eq. 8 and the clipped surrogate.

use crate::batches::{Batch, batch, close};
use longlab_kernels::loss::{
    Batch as Rows, Normalizer, OnPolicy, PolicyLoss, PpoClip, Rollouts, token_shares, token_weights,
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;

/// Normalisers that divide by as many tokens as there are.
fn mean() -> impl Strategy<Value = Normalizer> {
    use Normalizer::*;
    prop_oneof![Just(Group), Just(MicroBatch), Just(GlobalBatch), Just(SequenceMean)]
}

fn normalizer() -> impl Strategy<Value = Normalizer> {
    let constant = (1usize..20).prop_filter_map("a constant above 0", NonZeroUsize::new);
    prop_oneof![4 => mean(), 1 => constant.prop_map(Normalizer::SequenceSum), 1 => Just(Normalizer::TokenSum)]
}

fn weights(b: &Batch, normalizer: Normalizer) -> Vec<Vec<f32>> {
    token_weights(&b.advantages, &b.groups, &b.lengths, &b.keep, &b.dropped, &b.micro, normalizer)
}

fn shares(b: &Batch, normalizer: Normalizer) -> Vec<Vec<f64>> {
    let Batch { groups, lengths, keep, dropped, micro, .. } = b;
    token_shares(&Rollouts { groups, lengths, keep, dropped, micro }, normalizer)
}

/// The batch as a loss reads it.
fn rows<'a>(b: &'a Batch, logp: &'a [Vec<f64>], old: &'a [Vec<f64>], shares: &'a [Vec<f64>]) -> Rows<'a> {
    Rows::new(logp, old, &b.advantages, &b.groups, shares).expect("a drawn batch is sound")
}

/// Nothing masked, nothing dropped.
fn whole(b: Batch) -> Batch {
    let keep = b.lengths.iter().map(|&n| vec![true; n]).collect();
    Batch { keep, dropped: vec![false; b.dropped.len()], ..b }
}

fn losses() -> [Box<dyn PolicyLoss>; 3] {
    [Box::new(OnPolicy), Box::new(PpoClip::default()), Box::new(PpoClip { low: 0.1, ..PpoClip::dapo() })]
}

proptest! {
    #[test]
    fn masked_dropped_and_zero_advantage_tokens_weigh_exactly_nothing(b in batch(), normalizer in normalizer()) {
        for (i, row) in weights(&b, normalizer).iter().enumerate() {
            prop_assert_eq!(row.len(), b.lengths[i]);
            for (weight, keep) in row.iter().zip(&b.keep[i]) {
                let silent = !keep || b.dropped[i] || b.advantages[i] == 0.0;
                prop_assert_eq!(*weight == 0.0, silent);
                prop_assert!(silent || (*weight > 0.0) == (b.advantages[i] > 0.0));
            }
        }
    }

    #[test]
    fn shares_of_a_whole_batch_sum_to_one_and_to_one_group(b in batch(), normalizer in mean()) {
        let b = whole(b);
        prop_assert!(close(shares(&b, normalizer).iter().flatten().sum(), 1.0));
        let mut sums: BTreeMap<usize, f64> = BTreeMap::new();
        for (row, &group) in shares(&b, Normalizer::Group).iter().zip(&b.groups) {
            *sums.entry(group).or_default() += row.iter().sum::<f64>();
        }
        prop_assert!(sums.values().all(|&sum| close(sum, 1.0 / sums.len() as f64)), "{:?}", sums);
    }

    #[test]
    fn sequence_weights_are_eq_2_and_dr_grpo_written_out(b in batch(), constant in 1usize..20) {
        let b = whole(b);
        let n = b.lengths.len() as f64;
        let sum = shares(&b, Normalizer::SequenceSum(NonZeroUsize::new(constant).unwrap()));
        for (i, (mean, sum)) in shares(&b, Normalizer::SequenceMean).iter().zip(&sum).enumerate() {
            prop_assert!(mean.iter().all(|&share| close(share, 1.0 / n / b.lengths[i] as f64)));
            prop_assert!(sum.iter().all(|&share| close(share, 1.0 / n / constant as f64)));
        }
    }

    #[test]
    fn group_weights_are_eq_4_written_out(b in batch()) {
        let b = whole(b);
        let groups: BTreeMap<usize, usize> = b.groups.iter().zip(&b.lengths).fold(BTreeMap::new(), |mut sums, (&g, &n)| {
            *sums.entry(g).or_default() += n;
            sums
        });
        for (i, row) in weights(&b, Normalizer::Group).iter().enumerate() {
            let expected = b.advantages[i] / groups[&b.groups[i]] as f64 / groups.len() as f64;
            prop_assert!(row.iter().all(|&w| (f64::from(w) - expected).abs() <= 1e-6 * expected.abs()));
        }
    }

    #[test]
    fn masks_leave_the_denominator_alone(b in batch(), normalizer in normalizer()) {
        let open = Batch { keep: whole(b.clone()).keep, ..b.clone() };
        for ((masked, open), keep) in weights(&b, normalizer).iter().flatten().zip(weights(&open, normalizer).iter().flatten()).zip(b.keep.iter().flatten()) {
            prop_assert_eq!(*masked, if *keep { *open } else { 0.0 });
        }
    }

    #[test]
    fn dropping_is_the_same_as_never_having_sampled(b in batch(), normalizer in normalizer()) {
        let left: Vec<usize> = (0..b.dropped.len()).filter(|&i| !b.dropped[i]).collect();
        let rest = select(&b, &left);
        let all = weights(&b, normalizer);
        for (row, &i) in weights(&rest, normalizer).iter().zip(&left) {
            prop_assert_eq!(row, &all[i]);
        }
    }

    #[test]
    fn order_of_rollouts_does_not_matter((b, order) in batch().prop_flat_map(|b| {
        let order: Vec<usize> = (0..b.lengths.len()).collect();
        (Just(b), Just(order).prop_shuffle())
    }), normalizer in normalizer()) {
        let plain = weights(&b, normalizer);
        for (row, &i) in weights(&select(&b, &order), normalizer).iter().zip(&order) {
            prop_assert_eq!(row, &plain[i]);
        }
    }

    #[test]
    fn a_single_group_makes_group_and_global_alike(b in batch()) {
        let b = Batch { groups: vec![3; b.groups.len()], ..b };
        prop_assert_eq!(weights(&b, Normalizer::Group), weights(&b, Normalizer::GlobalBatch));
    }

    #[test]
    fn gradients_are_the_differences_of_the_objective(b in batch(), normalizer in normalizer()) {
        let shares = shares(&b, normalizer);
        for loss in losses() {
            let at = |logp: &[Vec<f64>]| loss.objective(&rows(&b, logp, &b.old, &shares));
            let gradient = loss.gradient(&rows(&b, &b.logp, &b.old, &shares)).logp;
            let step = 1e-6;
            for (i, t) in tokens(&b).filter(|&(i, t)| far_from_kinks((b.logp[i][t] - b.old[i][t]).exp())) {
                let moved = |by: f64| { let mut logp = b.logp.clone(); logp[i][t] += by; at(&logp) };
                let difference = (moved(step) - moved(-step)) / (2.0 * step);
                prop_assert!((difference - gradient[i][t]).abs() < 1e-7, "{} {} {}", loss.name(), difference, gradient[i][t]);
            }
        }
    }

    #[test]
    fn at_ratio_one_every_loss_has_the_on_policy_gradient(b in batch(), normalizer in normalizer()) {
        let shares = shares(&b, normalizer);
        let tokens = rows(&b, &b.logp, &b.logp, &shares);
        for loss in losses() {
            let gradient = loss.gradient(&tokens);
            prop_assert_eq!(&gradient, &OnPolicy.gradient(&tokens));
            for (weight, exact) in weights(&b, normalizer).iter().flatten().zip(gradient.logp.iter().flatten()) {
                prop_assert_eq!(*weight, *exact as f32);
            }
        }
    }

    #[test]
    fn the_clipped_objective_never_exceeds_the_surrogate(b in batch()) {
        let shares = shares(&b, Normalizer::Group);
        let tokens = rows(&b, &b.logp, &b.old, &shares);
        let clip = PpoClip::default();
        prop_assert!(clip.objective(&tokens) <= OnPolicy.objective(&tokens) + 1e-12);
    }
}

fn tokens(b: &Batch) -> impl Iterator<Item = (usize, usize)> + '_ {
    b.lengths.iter().enumerate().flat_map(|(i, &n)| (0..n).map(move |t| (i, t)))
}

/// No difference quotient across the corner of a clip.
fn far_from_kinks(ratio: f64) -> bool {
    [0.8, 0.9, 1.2, 1.28].iter().all(|kink| (ratio - kink).abs() > 1e-4)
}

fn select(b: &Batch, rows: &[usize]) -> Batch {
    fn pick<T: Clone>(values: &[T], rows: &[usize]) -> Vec<T> {
        rows.iter().map(|&i| values[i].clone()).collect()
    }
    Batch {
        advantages: pick(&b.advantages, rows),
        groups: pick(&b.groups, rows),
        micro: pick(&b.micro, rows),
        lengths: pick(&b.lengths, rows),
        keep: pick(&b.keep, rows),
        dropped: pick(&b.dropped, rows),
        entropies: pick(&b.entropies, rows),
        logp: pick(&b.logp, rows),
        old: pick(&b.old, rows),
    }
}
