//! Where a paired difference varies, and how small an effect the design could have found.

use super::error::ReportError;
use super::estimate::{Grid, refused};
use longlab_kernels::stats::{Answers, Decomposition, Demand, StatsError, decompose, detectable, sample_std};

/// Standard errors of a paired difference by their source, in its unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// From the luck of training: the part of the standard error that more seeds alone make smaller.
    pub seeds: f64,
    /// From items and sampled answers; none where no items are involved.
    pub items: Option<f64>,
    /// The smallest effect found with 80% power at level 0.05.
    pub detectable: f64,
}

impl Spread {
    /// Of scores (0 to 1), in points. Suites weigh the same and are fixed: only items within them vary.
    ///
    /// # Errors
    /// Scores that are not finite.
    pub fn of_scores(left: &Grid, right: &Grid, of: &str) -> Result<Option<Spread>, ReportError> {
        // Two variants that never parted have no variance, and say nothing about what could be found.
        let found = decomposition(left, right, of)?.filter(|found| found.variance > 0.0);
        found.map(|found| Spread::of(&found).map_err(|error| refused(of, &error))).transpose()
    }

    fn of(found: &Decomposition) -> Result<Spread, StatsError> {
        let parts = found.parts;
        let items = parts.item + parts.interaction + parts.sampling.unwrap_or(0.0);
        Ok(Spread {
            seeds: 100.0 * parts.seed.sqrt(),
            items: Some(100.0 * items.sqrt()),
            detectable: 100.0 * detectable(found.variance.sqrt(), found.freedom, Demand::default())?,
        })
    }

    /// Of a number a seed; `None` below two seeds.
    pub fn over_seeds(left: &[f64], right: &[f64]) -> Option<Spread> {
        let differences: Vec<f64> = left.iter().zip(right).map(|(left, right)| left - right).collect();
        let seeds = differences.len();
        let error = sample_std(&differences).filter(|deviation| *deviation > 0.0)? / (seeds as f64).sqrt();
        let detectable = detectable(error, seeds as f64 - 1.0, Demand::default()).ok()?;
        Some(Spread { seeds: error, items: None, detectable })
    }
}

/// Where a paired difference of scores (0 to 1) varies; none below two seeds or two items.
///
/// # Errors
/// Scores that are not finite.
pub fn decomposition(left: &Grid, right: &Grid, of: &str) -> Result<Option<Decomposition>, ReportError> {
    let answers = differences(left, right).map(Answers::new).transpose().map_err(|error| refused(of, &error))?;
    match answers.as_ref().map(decompose) {
        None | Some(Err(StatsError::Few { .. })) => Ok(None),
        Some(Err(error)) => Err(refused(of, &error)),
        Some(Ok(found)) => Ok(Some(found)),
    }
}

/// seeds x all items x 1, whose plain mean is the mean over suites and whose items vary within their suites alone.
fn differences(left: &Grid, right: &Grid) -> Option<Vec<Vec<Vec<f64>>>> {
    let suites = left.first()?.len();
    let items: usize = left.first()?.iter().map(Vec::len).sum();
    let difference = |s: usize, suite: usize, i: usize| left[s][suite][i] - right[s][suite][i];
    let mean = |suite: usize| {
        let count = left[0][suite].len();
        let sum: f64 = (0..left.len()).flat_map(|s| (0..count).map(move |i| difference(s, suite, i))).sum();
        sum / (count * left.len()) as f64
    };
    let means: Vec<f64> = (0..suites).map(mean).collect();
    let overall = means.iter().sum::<f64>() / suites as f64;
    let row = |s: usize| {
        let of_suite = |suite: usize| {
            let (count, means) = (left[s][suite].len(), &means);
            // An item of a small suite stands for more of the average.
            let weight = items as f64 / (suites * count) as f64;
            (0..count).map(move |i| vec![overall + weight * (difference(s, suite, i) - means[suite])])
        };
        (0..suites).flat_map(of_suite).collect()
    };
    Some((0..left.len()).map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_add_up_to_what_a_seed_by_seed_comparison_sees() {
        // Two suites of unlike size; the second differs by a constant, which is no variance of items.
        let left: Grid = (0..4).map(|s| vec![vec![0.5 + 0.1 * f64::from(s); 3], vec![0.9; 2]]).collect();
        let right: Grid = (0..4).map(|_| vec![vec![0.5; 3], vec![0.2; 2]]).collect();
        let spread = Spread::of_scores(&left, &right, "a test").expect("scores").expect("four seeds");
        // Seeds differ by 0.05 on the average of two suites.
        let by_seed: Vec<f64> = (0..4).map(|s| 5.0 * f64::from(s)).collect();
        let plain = Spread::over_seeds(&by_seed, &[0.0; 4]).expect("four seeds");
        assert!(spread.items.is_some_and(|items| items < plain.seeds), "{spread:?}");
        assert!((spread.seeds / plain.seeds - 1.0).abs() < 0.2, "{spread:?} {plain:?}");
    }

    #[test]
    fn one_seed_has_no_spread() {
        let grid: Grid = vec![vec![vec![0.5, 0.25]]];
        assert_eq!(Spread::of_scores(&grid, &grid, "a test").expect("scores"), None);
        assert_eq!(Spread::of_scores(&vec![], &vec![], "a test").expect("no scores"), None);
        assert_eq!(Spread::over_seeds(&[1.0], &[2.0]), None);
        // Nor have two variants that never parted.
        let twice: Grid = vec![grid[0].clone(), grid[0].clone()];
        assert_eq!(Spread::of_scores(&twice, &twice, "a test").expect("scores"), None);
        assert_eq!(Spread::over_seeds(&[1.0, 2.0], &[1.0, 2.0]), None);
    }
}
