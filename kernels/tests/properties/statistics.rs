//! Summaries, intervals and the bootstrap.

use longlab_kernels::stats::{
    Aggregate, Answers, Claimed, Components, Contradiction, Correction, Demand, Design, Difference, Measured, Method,
    Resampling, Runs, Scores, StatsError, Unresolved, Verdict, bca, clustered_difference, clustered_standard_error,
    decompose, difference_of_means_paired, holm, improvement_interval, iqm, mcnemar, mean, mean_interval,
    minimum_detectable_effect, nested_bootstrap, normal_cdf, normal_quantile, paired_difference,
    paired_stratified_interval, power, probability_of_improvement, quantile, sign_flip, stratified_interval,
    student_interval, two_sample_permutation, two_sided_power, verdict, wilson,
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

/// Two tables of runs x tasks of one shape, at least 2 runs.
fn two_runs() -> impl Strategy<Value = (Vec<Vec<f64>>, Vec<Vec<f64>>)> {
    (2usize..=6, 1usize..=4).prop_flat_map(|(runs, tasks)| {
        let table = || vec(vec(-1.0..=1.0f64, tasks), runs);
        (table(), table())
    })
}

fn runs(table: &[Vec<f64>]) -> Runs {
    Runs::new(table.to_vec()).expect("a full table")
}

const AGGREGATES: [Aggregate; 4] =
    [Aggregate::Mean, Aggregate::Median, Aggregate::Iqm, Aggregate::OptimalityGap { at: 0.2 }];

/// Seeds x items x answers, at least 2 x 2 x 1.
fn answers() -> impl Strategy<Value = Vec<Vec<Vec<f64>>>> {
    (2usize..=4, 2usize..=5, 1usize..=3).prop_flat_map(|(s, i, k)| vec(vec(vec(-1.0..=1.0f64, k), i), s))
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * (1.0 + a.abs())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn aggregates_do_not_see_the_order_of_runs((a, _) in two_runs(), turn in 0usize..6) {
        let mut turned = a.clone();
        turned.rotate_left(turn % a.len());
        for aggregate in AGGREGATES {
            prop_assert!(near(runs(&a).aggregate(aggregate), runs(&turned).aggregate(aggregate)));
        }
    }

    #[test]
    fn iqm_lies_within_and_follows_shifts(values in vec(-5.0..5.0f64, 1..20), by in -3.0..3.0f64) {
        let own = iqm(&values).expect("values");
        let (low, high) = (quantile(&values, 0.0).expect("values"), quantile(&values, 1.0).expect("values"));
        prop_assert!(low - 1e-12 <= own && own <= high + 1e-12);
        let shifted: Vec<f64> = values.iter().map(|x| x + by).collect();
        prop_assert!(near(iqm(&shifted).expect("values"), own + by));
    }

    #[test]
    fn stratified_intervals_are_ordered_or_say_why((a, _) in two_runs(), seed in 0u64..100) {
        for (aggregate, method) in AGGREGATES.into_iter().flat_map(|a| [(a, Method::Percentile), (a, Method::Bca)]) {
            let how = Resampling { method, reps: 60, seed };
            match stratified_interval(&runs(&a), aggregate, how) {
                Ok(got) => prop_assert!(got.low <= got.high && got == stratified_interval(&runs(&a), aggregate, how).expect("again")),
                Err(error) => {
                    let named = matches!(error, StatsError::NoBca { .. });
                    prop_assert!(named && method == Method::Bca);
                }
            }
        }
    }

    #[test]
    fn paired_intervals_mirror((a, b) in two_runs(), seed in 0u64..100) {
        for aggregate in AGGREGATES {
            let how = Resampling { method: Method::Percentile, reps: 81, seed };
            let one = paired_stratified_interval(&runs(&a), &runs(&b), aggregate, how).expect("pairs");
            let two = paired_stratified_interval(&runs(&b), &runs(&a), aggregate, how).expect("pairs");
            prop_assert!(near(one.point, -two.point) && near(one.low, -two.high) && near(one.high, -two.low));
        }
    }

    #[test]
    fn improvement_is_a_share_and_sums_to_one((a, b) in two_runs(), seed in 0u64..100) {
        let (x, y) = (runs(&a), runs(&b));
        let one = probability_of_improvement(&x, &y).expect("the same tasks");
        prop_assert!(near(one + probability_of_improvement(&y, &x).expect("the same tasks"), 1.0));
        let how = Resampling { method: Method::Percentile, reps: 60, seed };
        let got = improvement_interval(&x, &y, how).expect("the same tasks");
        prop_assert!(0.0 <= got.low && got.low <= got.high && got.high <= 1.0 && got.point == one);
    }

    #[test]
    fn permutations_mirror_and_are_shares(a in vec(-1.0..1.0f64, 1..22), b in vec(-1.0..1.0f64, 1..8)) {
        let flipped: Vec<f64> = a.iter().map(|d| -d).collect();
        let (one, two) = (sign_flip(&a, 99, 1).expect("draws"), sign_flip(&flipped, 99, 1).expect("draws"));
        prop_assert_eq!((one.p, one.greater, one.less), (two.p, two.less, two.greater));
        let split = two_sample_permutation(&a, &b, 99, 1).expect("draws");
        for got in [one, split] {
            prop_assert!([got.p, got.greater, got.less].iter().all(|p| 0.0 < *p && *p <= 1.0));
            // Every arrangement lies on one side or on both.
            prop_assert!(got.greater + got.less >= 1.0 - 1e-12);
        }
    }

    #[test]
    fn mcnemar_is_symmetric_and_falls_with_the_imbalance(b in 0u64..3000, c in 0u64..3000) {
        let got = mcnemar(b, c);
        let swapped = mcnemar(c, b);
        prop_assert_eq!((got.exact, got.mid_p), (swapped.exact, swapped.mid_p));
        prop_assert!(0.0 <= got.mid_p && got.mid_p <= got.exact && got.exact <= 1.0);
        let (less, more) = (b.min(c), b.max(c));
        prop_assume!(less > 0);
        prop_assert!(mcnemar(less - 1, more + 1).exact <= got.exact + 1e-12);
    }

    #[test]
    fn clustered_errors_see_neither_order_nor_names(
        pairs in vec((-1.0..1.0f64, 0usize..5), 3..25), turn in 0usize..25, names in 1usize..1000,
    ) {
        let error = |pairs: &[(f64, usize)], rename: usize| {
            let (values, clusters): (Vec<f64>, Vec<usize>) = pairs.iter().map(|&(v, c)| (v, (7 - c) * rename)).unzip();
            clustered_standard_error(&values, &clusters, Correction::Finite)
        };
        let mut turned = pairs.clone();
        turned.rotate_left(turn % pairs.len());
        match (error(&pairs, 1), error(&turned, names)) {
            (Ok(one), Ok(two)) => prop_assert!(one >= 0.0 && near(one, two)),
            (one, two) => {
                let few = matches!(one, Err(StatsError::Few { .. }));
                prop_assert!(few && one == two);
            }
        }
    }

    #[test]
    fn decompositions_do_not_see_the_order(scores in answers(), seed in 0usize..4, item in 0usize..5) {
        let own = decompose(&Answers::new(scores.clone()).expect("a full table")).expect("two or more");
        let mut turned = scores;
        let (seeds, items) = (turned.len(), turned[0].len());
        turned.rotate_left(seed % seeds);
        turned.iter_mut().for_each(|row| row.rotate_left(item % items));
        turned.iter_mut().flatten().for_each(|cell| cell.reverse());
        let other = decompose(&Answers::new(turned).expect("a full table")).expect("two or more");
        let all = |d: &longlab_kernels::stats::Decomposition| {
            let Components { seed, item, interaction, sampling } = d.components;
            [d.mean, seed, item, interaction, sampling.unwrap_or(0.0), d.variance]
        };
        prop_assert!(all(&own).iter().zip(all(&other)).all(|(a, b)| near(*a, b)), "{own:?} {other:?}");
        prop_assert!(all(&own)[1..].iter().all(|part| *part >= 0.0) && own.freedom >= 1.0);
    }

    #[test]
    fn swapping_variants_mirrors_the_nested_bootstrap(scores in answers(), seed in 0u64..100) {
        let a = Answers::new(scores.clone()).expect("a full table");
        let zero = Answers::new(scores.iter().map(|s| s.iter().map(|i| vec![0.0; i.len()]).collect()).collect());
        let zero = zero.expect("a full table");
        let (one, two) = (a.minus(&zero).expect("one shape"), zero.minus(&a).expect("one shape"));
        let (x, y) = (nested_bootstrap(&one, 61, seed).expect("draws"), nested_bootstrap(&two, 61, seed).expect("draws"));
        prop_assert!(near(x.low, -y.high) && near(x.high, -y.low) && x.low <= x.high);
        // Equal but for the order of the sum, which runs over sorted moves.
        prop_assert!(near(x.seed.variance, y.seed.variance));
        let (p, q) = (x.decomposition.interval(), y.decomposition.interval());
        prop_assert!(near(p.low, -q.high) && near(p.p, q.p) && (0.0..=1.0).contains(&p.p));
    }

    #[test]
    fn power_rises_with_effect_and_size(
        parts in (0.01..2.0f64, 0.0..2.0f64, 0.0..2.0f64, 0.0..2.0f64), seeds in 2usize..8, items in 2usize..80, effect in 0.0..3.0f64,
    ) {
        let components = Components { seed: parts.0, item: parts.1, interaction: parts.2, sampling: Some(parts.3) };
        let design = Design { seeds, items, answers: 2 };
        let own = power(effect, &components, design, 0.05).expect("in range");
        let larger = power(1.1 * effect, &components, design, 0.05).expect("in range");
        let stricter = power(effect, &components, design, 0.01).expect("in range");
        prop_assert!((0.05 - 1e-9..=1.0).contains(&own) && own <= larger + 1e-9 && stricter <= own + 1e-9);
        let found = minimum_detectable_effect(&components, design, Demand::default()).expect("in range");
        let twice = Design { seeds: 2 * seeds, items: 2 * items, answers: 2 };
        prop_assert!(minimum_detectable_effect(&components, twice, Demand::default()).expect("in range") < found);
        prop_assert!((power(found, &components, design, 0.05).expect("in range") - 0.8).abs() < 1e-6);
    }

    #[test]
    fn normal_quantile_inverts_the_distribution(p in 1e-12..1.0f64, q in 1e-12..1.0f64) {
        prop_assume!(p < 1.0 - 1e-9);
        prop_assert!((normal_cdf(normal_quantile(p)) - p).abs() < 1e-14);
        prop_assert!(p >= q || normal_quantile(p) <= normal_quantile(q));
    }

    #[test]
    fn verdicts_mirror_with_their_claims(
        ends in (-3.0..3.0f64, 0.0..3.0f64), holm in 0.0..=1.0f64, size in 0.1..3.0f64, mde in 0.0..4.0f64, one in any::<bool>(),
    ) {
        let measured = |low: f64, high: f64| {
            let difference = Difference { mean: 0.5 * (low + high), low, high, p: holm, evaluation_only: one };
            Measured { difference, holm, minimum_detectable: mde }
        };
        let (low, high) = (ends.0, ends.0 + ends.1);
        let (here, there) = (measured(low, high), measured(-high, -low));
        for (claim, mirrored) in [
            (Claimed::By(size), Claimed::By(-size)),
            (Claimed::Above, Claimed::Below),
            (Claimed::Same { within: size }, Claimed::Same { within: size }),
        ] {
            let got = verdict(claim, &here).expect("in range");
            prop_assert_eq!(got, verdict(mirrored, &there).expect("in range"));
            prop_assert_eq!(one, got == Verdict::NotResolved(Unresolved::OneSeed));
            // A larger p never makes a verdict on an effect firmer.
            let weaker = Measured { holm: 1.0, ..here };
            let then = verdict(claim, &weaker).expect("in range");
            let of_no_effect = matches!(claim, Claimed::Same { .. });
            prop_assert!(of_no_effect || !matches!(then, Verdict::Reproduced(_)));
            prop_assert!(then != Verdict::Contradicted(Contradiction::OtherWay));
        }
    }
}

#[test]
fn nothing_and_nonsense_give_typed_errors() {
    let bad = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
    for x in bad {
        assert!(matches!(Runs::new(vec![vec![x]]), Err(StatsError::NotFinite { .. })));
        assert!(matches!(Answers::new(vec![vec![vec![x]]]), Err(StatsError::NotANumber { .. })));
        assert!(matches!(sign_flip(&[x], 9, 1), Err(StatsError::NotANumber { .. })));
        assert!(matches!(two_sample_permutation(&[1.0], &[x], 9, 1), Err(StatsError::NotANumber { .. })));
        assert!(matches!(clustered_difference(&[1.0], &[x], &[0]), Err(StatsError::NotANumber { .. })));
        assert!(matches!(bca(x, &[1.0], &[]), Err(StatsError::NotANumber { .. })));
    }
    assert!(two_sided_power(f64::NAN, 3.0, 0.05).is_err() && two_sided_power(1.0, f64::NAN, 0.05).is_err());
    assert!(matches!(Runs::new(vec![]), Err(StatsError::Empty { .. })));
    assert!(matches!(Runs::new(vec![vec![]]), Err(StatsError::Empty { .. })));
    assert!(matches!(Runs::new(vec![vec![1.0], vec![1.0, 2.0]]), Err(StatsError::Ragged { .. })));
    assert!(matches!(sign_flip(&[], 9, 1), Err(StatsError::Few { .. })));
    assert!(matches!(two_sample_permutation(&[], &[1.0], 9, 1), Err(StatsError::Few { .. })));
    assert!(matches!(clustered_difference(&[1.0], &[1.0, 2.0], &[0]), Err(StatsError::Unpaired { .. })));
    let (one, two) = (runs(&[vec![1.0]]), runs(&[vec![1.0, 2.0]]));
    let how = Resampling { method: Method::Percentile, reps: 0, seed: 1 };
    assert_eq!(stratified_interval(&one, Aggregate::Mean, how), Err(StatsError::NoResamples));
    assert!(matches!(probability_of_improvement(&one, &two), Err(StatsError::Unpaired { .. })));
    assert!(matches!(paired_stratified_interval(&one, &two, Aggregate::Mean, how), Err(StatsError::Unpaired { .. })));
    let gap = Aggregate::OptimalityGap { at: f64::NAN };
    assert!(matches!(
        stratified_interval(&one, gap, Resampling { reps: 9, ..how }),
        Err(StatsError::OutOfRange { .. })
    ));
}
