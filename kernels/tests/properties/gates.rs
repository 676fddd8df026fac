//! Eq. 8, Eq. 9 and Eq. 11.

use crate::batches::{batch, close};
use longlab_kernels::gate::{AepoMode, EntropyMeasure, Latch, Level, Side, Threshold, batch_entropy, clip_negatives};
use proptest::collection::vec;
use proptest::prelude::*;

fn level() -> impl Strategy<Value = Level> {
    prop_oneof![Just(Level::Token), Just(Level::Sequence)]
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::High), Just(Side::Low)]
}

fn threshold() -> impl Strategy<Value = Threshold> {
    prop_oneof![(0.0..=1.0f64).prop_map(Threshold::Quantile), (0.0..3.0f64).prop_map(Threshold::Absolute)]
}

fn masked(keep: &[Vec<bool>]) -> usize {
    keep.iter().flatten().filter(|&&k| !k).count()
}

proptest! {
    #[test]
    fn only_negatives_are_clipped(b in batch(), level in level(), side in side(), threshold in threshold()) {
        let keep = clip_negatives(&b.advantages, &b.entropies, level, side, threshold);
        for (i, row) in keep.iter().enumerate() {
            prop_assert_eq!(row.len(), b.lengths[i]);
            prop_assert!(b.advantages[i] < 0.0 || row.iter().all(|&k| k));
        }
    }

    #[test]
    fn sequence_level_is_all_or_nothing(b in batch(), side in side(), threshold in threshold()) {
        let keep = clip_negatives(&b.advantages, &b.entropies, Level::Sequence, side, threshold);
        prop_assert!(keep.iter().all(|row| row.iter().all(|&k| k == row[0])));
    }

    #[test]
    fn level_none_keeps_everything(b in batch(), side in side(), threshold in threshold()) {
        prop_assert_eq!(masked(&clip_negatives(&b.advantages, &b.entropies, Level::None, side, threshold)), 0);
    }

    #[test]
    fn a_laxer_threshold_keeps_what_a_stricter_one_kept(
        b in batch(), level in level(), side in side(), one in 0.0..=1.0f64, two in 0.0..=1.0f64, absolute in any::<bool>(),
    ) {
        let threshold = |x: f64| if absolute { Threshold::Absolute(3.0 * x) } else { Threshold::Quantile(x) };
        let (low, high) = (one.min(two), one.max(two));
        // Clipping above tau grows laxer as tau rises, clipping below it as tau falls.
        let (strict, lax) = if side == Side::High { (low, high) } else { (high, low) };
        let keep = |x| clip_negatives(&b.advantages, &b.entropies, level, side, threshold(x));
        for (strict, lax) in keep(strict).iter().flatten().zip(keep(lax).iter().flatten()) {
            prop_assert!(!strict || *lax);
        }
    }

    #[test]
    fn a_quantile_clips_at_most_its_share_of_tokens(b in batch(), q in 0.0..=1.0f64) {
        let negative: usize = b.lengths.iter().zip(&b.advantages).filter(|(_, a)| **a < 0.0).map(|(n, _)| n).sum();
        let high = clip_negatives(&b.advantages, &b.entropies, Level::Token, Side::High, Threshold::Quantile(q));
        let low = clip_negatives(&b.advantages, &b.entropies, Level::Token, Side::Low, Threshold::Quantile(q));
        prop_assert!(masked(&high) as f64 <= (1.0 - q) * negative as f64 + 1.0);
        prop_assert!(masked(&low) as f64 <= q * negative as f64 + 1.0);
    }

    #[test]
    fn the_two_sides_never_clip_the_same_token(b in batch(), level in level(), threshold in threshold()) {
        let side = |side| clip_negatives(&b.advantages, &b.entropies, level, side, threshold);
        for (high, low) in side(Side::High).iter().flatten().zip(side(Side::Low).iter().flatten()) {
            prop_assert!(*high || *low);
        }
    }

    #[test]
    fn latch_never_switches_inside_its_band(path in vec(0.0..1.0f64, 1..40), low in 0.1..0.5f64, gap in 0.0..0.5f64) {
        let high = low + gap;
        let mut latch = Latch::default();
        for entropy in path {
            let before = latch.on;
            let after = latch.step(entropy, low, high);
            prop_assert_eq!(after, latch.on);
            if low <= entropy && entropy <= high {
                prop_assert_eq!(before, after, "{} in {}..{}", entropy, low, high);
            }
        }
    }

    #[test]
    fn latch_is_what_the_last_entropy_outside_the_band_made_it(path in vec(0.0..1.0f64, 0..40), low in 0.1..0.5f64, gap in 0.0..0.5f64) {
        let high = low + gap;
        let mut latch = Latch::default();
        for &entropy in &path {
            AepoMode::Latch.step(&mut latch, entropy, low, high);
        }
        let last = path.iter().rev().find(|&&h| h < low || h > high);
        prop_assert_eq!(latch.on, last.is_some_and(|&h| h > high));
    }

    #[test]
    fn band_has_no_memory(path in vec(0.0..1.0f64, 1..10), low in 0.1..0.5f64, gap in 0.0..0.5f64) {
        let mut latch = Latch::default();
        for &entropy in &path {
            prop_assert_eq!(AepoMode::Band.step(&mut latch, entropy, low, low + gap), low < entropy && entropy < low + gap);
            prop_assert!(!latch.on);
        }
    }

    #[test]
    fn measures_agree_on_equal_lengths_and_lie_within_the_extremes(b in batch(), length in 1usize..6) {
        let cut: Vec<Vec<f32>> = b.entropies.iter().map(|row| (0..length).map(|t| row[t % row.len()]).collect()).collect();
        let (sequence, token) = (EntropyMeasure::SequenceMean, EntropyMeasure::TokenMean);
        prop_assert!(close(batch_entropy(&cut, sequence), batch_entropy(&cut, token)));
        let extremes = b.entropies.iter().flatten().fold((f64::MAX, 0.0f64), |(low, high), &h| (low.min(h.into()), high.max(h.into())));
        for measure in [sequence, token] {
            let entropy = batch_entropy(&b.entropies, measure);
            prop_assert!(extremes.0 - 1e-9 <= entropy && entropy <= extremes.1 + 1e-9);
        }
    }
}
