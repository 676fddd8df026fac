//! Summaries, intervals and the bootstrap.

use longlab_kernels::stats::{
    Scores, difference_of_means_paired, holm, mean, mean_interval, paired_difference, quantile, student_interval,
    wilson,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// Two sets of scores of one shape: 1 to 4 seeds, 1 to 3 suites of their own sizes.
fn two_scores() -> impl Strategy<Value = (Scores, Scores)> {
    (1usize..=4, vec(1usize..=8, 1..=3)).prop_flat_map(|(seeds, sizes)| {
        let table = |sizes: &[usize]| vec(sizes.iter().map(|&n| vec(0.0..=1.0f64, n)).collect::<Vec<_>>(), seeds);
        (table(&sizes), table(&sizes)).prop_map(|(a, b)| (scores(a), scores(b)))
    })
}

fn scores(table: Vec<Vec<Vec<f64>>>) -> Scores {
    Scores::new(table).expect("a full table")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_bootstrap_is_a_function_of_its_seed((a, b) in two_scores(), seed in 0u64..1000) {
        prop_assert_eq!(mean_interval(&a, 50, seed), mean_interval(&a, 50, seed));
        prop_assert_eq!(paired_difference(&a, &b, 50, seed), paired_difference(&a, &b, 50, seed));
    }

    #[test]
    fn intervals_are_ordered_and_within_the_scores((a, _) in two_scores(), seed in 0u64..1000) {
        let got = mean_interval(&a, 50, seed).expect("resamples");
        prop_assert!((-1e-12..=1.0 + 1e-12).contains(&got.low) && got.low <= got.high && got.high <= 1.0 + 1e-12);
        prop_assert_eq!(got.evaluation_only, a.seeds() == 1);
        prop_assert_eq!(got.mean, a.mean());
    }

    #[test]
    fn swapping_the_sides_mirrors_the_difference((a, b) in two_scores(), seed in 0u64..1000) {
        let one = paired_difference(&a, &b, 81, seed).expect("the same shape");
        let two = paired_difference(&b, &a, 81, seed).expect("the same shape");
        for (x, y) in [(one.mean, two.mean), (one.low, two.high), (one.high, two.low)] {
            prop_assert!((x + y).abs() < 1e-12, "{} {}", x, y);
        }
        prop_assert_eq!(one.p, two.p);
        prop_assert!(0.0 < one.p && one.p <= 1.0);
        prop_assert!((one.mean - (a.mean() - b.mean())).abs() < 1e-12);
    }

    #[test]
    fn a_constant_gap_is_found_exactly((a, _) in two_scores(), gap in 0.01..0.5f64) {
        let table = |by: f64| {
            let suite = |s: usize| vec![0.25 + by; a.items(s)];
            scores(vec![(0..a.suites()).map(suite).collect(); a.seeds()])
        };
        let got = paired_difference(&table(gap), &table(0.0), 199, 1).expect("the same shape");
        prop_assert!((got.low - gap).abs() < 1e-12 && (got.high - gap).abs() < 1e-12);
        prop_assert_eq!(got.p, 0.01);
    }

    #[test]
    fn quantiles_rise_and_stay_inside(values in vec(-5.0..5.0f64, 1..30), one in 0.0..=1.0f64, two in 0.0..=1.0f64) {
        let at = |q| quantile(&values, q).expect("values");
        prop_assert!(at(one.min(two)) <= at(one.max(two)) + 1e-12);
        prop_assert!(at(0.0) <= at(one) && at(one) <= at(1.0));
    }

    #[test]
    fn wilson_contains_the_share(successes in 0u64..200, more in 0u64..200) {
        prop_assume!(successes + more > 0);
        let share = successes as f64 / (successes + more) as f64;
        let (low, high) = wilson(successes, successes + more);
        prop_assert!(0.0 <= low && low <= share && share <= high && high <= 1.0);
    }

    #[test]
    fn student_p_and_interval_tell_the_same_story(a in vec(-1.0..1.0f64, 2..8), shift in -1.0..1.0f64) {
        let b = vec![shift; a.len()];
        let got = difference_of_means_paired(&a, &b).expect("pairs");
        let alone = student_interval(&a).expect("two or more");
        prop_assert!((got.low - (alone.low - shift)).abs() < 1e-9 && (0.0..=1.0).contains(&got.p));
        prop_assert!((got.mean - (mean(&a).expect("values") - shift)).abs() < 1e-12);
        prop_assume!((got.p - 0.05).abs() > 1e-6);
        prop_assert_eq!(got.p < 0.05, got.low > 0.0 || got.high < 0.0);
    }

    #[test]
    fn holm_only_raises_and_keeps_the_order(p in vec(0.0..=1.0f64, 0..10)) {
        let adjusted = holm(&p);
        for i in 0..p.len() {
            prop_assert!(p[i] <= adjusted[i] && adjusted[i] <= 1.0);
            prop_assert!((0..p.len()).all(|j| p[i] > p[j] || adjusted[i] <= adjusted[j]));
        }
    }
}
