//! The crossed bootstrap: seeds and items are both drawn anew, since another run would have other seeds and another suite
//! other items.
//!
//! Each resample draws seeds with replacement, once for all suites, and items with replacement, once for all seeds of a suite;
//! the interval is the 95% percentile interval. With S seeds the drawn seeds spread by only (S - 1) / S of their variance, so the
//! interval is too narrow when S is small and seeds differ much: with 5 seeds expect somewhat less than 95% coverage, with 2 far less.

use super::summary::quantile_sorted;
use super::{Difference, Estimate, Scores, StatsError};
use crate::stream::{Address, Purpose, Stream};

/// The average over suites with its 95% interval; for one suite call it on [`Scores::suite`].
///
/// With one seed only the items are drawn anew, and `evaluation_only` says so.
///
/// ```
/// use longlab_kernels::stats::{Scores, mean_interval};
/// let scores = Scores::new(vec![vec![vec![1.0, 0.0, 1.0, 1.0]], vec![vec![1.0, 0.0, 0.0, 1.0]]])?;
/// let estimate = mean_interval(&scores, 2000, 1)?;
/// assert_eq!(estimate.mean, 0.625);
/// assert!(estimate.low < 0.3 && estimate.high == 1.0 && !estimate.evaluation_only);
/// # Ok::<(), longlab_kernels::stats::StatsError>(())
/// ```
///
/// # Errors
/// [`StatsError::NoResamples`] for `reps` = 0.
pub fn mean_interval(scores: &Scores, reps: u32, seed: u64) -> Result<Estimate, StatsError> {
    let means = resampled(scores, reps, seed)?;
    let (low, high) = percentiles(&means);
    Ok(Estimate { mean: scores.mean(), low, high, evaluation_only: scores.seeds() == 1 })
}

/// The average over suites of `a` minus that of `b`, paired over seeds and items: both sides see the same draws.
///
/// p is two-sided: twice the smaller share of resampled differences on one side of 0 (0 itself counts on both), each share
/// as (count + 1) / (reps + 1), so it is never 0 and at most 1.
///
/// ```
/// use longlab_kernels::stats::{Scores, paired_difference};
/// let a = Scores::new(vec![vec![vec![0.9, 0.5, 0.7, 0.8]]; 3])?;
/// let b = Scores::new(vec![vec![vec![0.8, 0.4, 0.5, 0.7]]; 3])?;
/// let difference = paired_difference(&a, &b, 2000, 1)?;
/// assert!((difference.mean - 0.125).abs() < 1e-12 && difference.low > 0.09);
/// assert!(difference.p < 0.01);
/// # Ok::<(), longlab_kernels::stats::StatsError>(())
/// ```
///
/// # Errors
/// [`StatsError::Unpaired`] if the shapes differ, [`StatsError::NoResamples`] for `reps` = 0.
pub fn paired_difference(a: &Scores, b: &Scores, reps: u32, seed: u64) -> Result<Difference, StatsError> {
    // The statistic is linear, so the same draws for a and b are draws of the paired differences.
    let differences = a.minus(b)?;
    let means = resampled(&differences, reps, seed)?;
    let (low, high) = percentiles(&means);
    let p = two_sided(&means);
    Ok(Difference { mean: differences.mean(), low, high, p, evaluation_only: a.seeds() == 1 })
}

/// Means of the resamples, ascending.
fn resampled(scores: &Scores, reps: u32, seed: u64) -> Result<Vec<f64>, StatsError> {
    if reps == 0 {
        return Err(StatsError::NoResamples);
    }
    let mut means: Vec<f64> =
        (0..reps).map(|rep| resample(scores, Address::new(seed, Purpose::Bootstrap).step(rep))).collect();
    means.sort_by(f64::total_cmp);
    Ok(means)
}

/// One resample: the seeds from `rollout` 0, the items of each suite from streams of their own.
fn resample(scores: &Scores, address: Address) -> f64 {
    let seeds = times_drawn(scores.seeds(), &mut address.stream());
    let suite = |suite: usize| {
        let items = times_drawn(scores.items(suite), &mut address.sample(suite as u64).rollout(1).stream());
        let row = |seed: usize| -> f64 {
            let products = scores.row(seed, suite).iter().zip(&items).map(|(score, &times)| score * f64::from(times));
            products.sum()
        };
        let drawn = seeds.iter().enumerate().filter(|&(_, &times)| times > 0);
        let sum: f64 = drawn.map(|(seed, &times)| f64::from(times) * row(seed)).sum();
        sum / (scores.seeds() * scores.items(suite)) as f64
    };
    (0..scores.suites()).map(suite).sum::<f64>() / scores.suites() as f64
}

/// How often each of `n` is drawn in `n` draws with replacement.
fn times_drawn(n: usize, stream: &mut Stream) -> Vec<u32> {
    let mut times = vec![0; n];
    for _ in 0..n {
        times[stream.below(n)] += 1;
    }
    times
}

fn percentiles(sorted: &[f64]) -> (f64, f64) {
    let end = |q| quantile_sorted(sorted, q).expect("at least one resample was drawn");
    (end(0.025), end(0.975))
}

fn two_sided(sorted: &[f64]) -> f64 {
    // Sums of items that cancel can miss 0 by rounding; what is that near counts as 0.
    let near = 1e-12;
    let share = |count: usize| (count + 1) as f64 / (sorted.len() + 1) as f64;
    let below = share(sorted.iter().filter(|&&d| d <= near).count());
    let above = share(sorted.iter().filter(|&&d| d >= -near).count());
    (2.0 * below.min(above)).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noisy(seeds: usize, items: usize, seed_spread: f64, address: Address) -> Scores {
        let mut stream = address.stream();
        let offsets: Vec<f64> = (0..seeds).map(|_| seed_spread * stream.normal()).collect();
        let hardness: Vec<f64> = (0..items).map(|_| stream.normal()).collect();
        let row = |offset: &f64| vec![hardness.iter().map(|h| h + offset).collect()];
        Scores::new(offsets.iter().map(row).collect()).expect("a full table")
    }

    #[test]
    fn coverage_is_near_nominal_and_short_with_few_seeds() {
        let covered = |seeds: usize, spread: f64| {
            let hit = |trial: u64| {
                let address = Address::new(trial, Purpose::Test).rollout(seeds as u32);
                let got = mean_interval(&noisy(seeds, 40, spread, address), 160, trial).expect("resamples");
                got.low <= 0.0 && 0.0 <= got.high
            };
            (0..100).filter(|&trial| hit(trial)).count() as f64 / 100.0
        };
        let (items_alone, many, few) = (covered(5, 0.0), covered(20, 0.3), covered(2, 1.0));
        assert!((0.85..=1.0).contains(&items_alone), "{items_alone}");
        assert!((0.83..=1.0).contains(&many), "{many}");
        assert!(few < 0.8, "the module's warning about few seeds no longer holds: {few}");
    }

    #[test]
    fn pairing_takes_away_what_both_sides_share() {
        let a = noisy(5, 40, 1.0, Address::new(3, Purpose::Test));
        let shifted = a.minus(&noisy(5, 40, 0.0, Address::new(3, Purpose::Test).sample(1))).expect("the same shape");
        let same = paired_difference(&a, &a, 500, 1).expect("the same shape");
        assert_eq!((same.mean, same.low, same.high, same.p), (0.0, 0.0, 0.0, 1.0));
        let lone = mean_interval(&a, 500, 1).expect("resamples");
        let apart = paired_difference(&a, &shifted, 500, 1).expect("the same shape");
        assert!(apart.high - apart.low < lone.high - lone.low);
    }

    #[test]
    fn one_seed_says_so_and_shapes_must_match() {
        let one = noisy(1, 10, 0.0, Address::new(1, Purpose::Test));
        let two = noisy(2, 10, 0.0, Address::new(1, Purpose::Test));
        assert!(mean_interval(&one, 100, 1).expect("resamples").evaluation_only);
        assert!(paired_difference(&one, &one, 100, 1).expect("the same shape").evaluation_only);
        let error = paired_difference(&one, &two, 100, 1).expect_err("1 seed against 2");
        assert!(error.to_string().contains("1 seeds of 1 suites of [10] items"), "{error}");
        assert_eq!(mean_interval(&one, 0, 1), Err(StatsError::NoResamples));
    }
}
