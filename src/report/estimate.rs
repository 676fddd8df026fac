//! The estimates of a report, in its own words over the kernels' statistics.

use super::error::ReportError;
use longlab_kernels::stats::{self, Difference, Estimate, Scores, StatsError};

/// Scores as seeds x suites x items (0..1).
pub type Grid = Vec<Vec<Vec<f64>>>;

/// Resamples of every bootstrap.
pub const RESAMPLES: u32 = 2000;
/// Seed of every bootstrap, so that a report can be rendered again to the same bytes.
const BOOTSTRAP_SEED: u64 = 1;

/// A mean with its 95% interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The mean.
    pub mean: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// A score of 0..1 in points.
    pub fn points(self) -> Self {
        Self { mean: 100.0 * self.mean, low: 100.0 * self.low, high: 100.0 * self.high }
    }
}

impl From<Estimate> for Interval {
    fn from(estimate: Estimate) -> Self {
        Self { mean: estimate.mean, low: estimate.low, high: estimate.high }
    }
}

/// A paired difference with its 95% interval and two-sided p-value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Paired {
    /// The difference.
    pub difference: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// p-value of no difference.
    pub p: f64,
}

impl Paired {
    /// As the statistics have it.
    pub fn difference(self, evaluation_only: bool) -> Difference {
        Difference { mean: self.difference, low: self.low, high: self.high, p: self.p, evaluation_only }
    }

    /// A difference of scores of 0..1 in points.
    pub fn points(self) -> Self {
        Self { difference: 100.0 * self.difference, low: 100.0 * self.low, high: 100.0 * self.high, p: self.p }
    }
}

impl From<Difference> for Paired {
    fn from(got: Difference) -> Self {
        Self { difference: got.mean, low: got.low, high: got.high, p: got.p }
    }
}

/// Mean over suites with the crossed bootstrap over seeds and items; `None` of no scores.
pub fn mean(grid: &Grid, of: &str) -> Result<Option<Interval>, ReportError> {
    if grid.is_empty() {
        return Ok(None);
    }
    let estimate =
        Scores::new(grid.clone()).and_then(|scores| stats::mean_interval(&scores, RESAMPLES, BOOTSTRAP_SEED));
    estimate.map(|estimate| Some(estimate.into())).map_err(|error| refused(of, &error))
}

/// Mean of `left - right`, paired by seed and item; `None` of no scores.
pub fn paired(left: &Grid, right: &Grid, of: &str) -> Result<Option<Paired>, ReportError> {
    if left.is_empty() || right.is_empty() {
        return Ok(None);
    }
    let scores = |grid: &Grid| Scores::new(grid.clone());
    let got = scores(left).and_then(|left| stats::paired_difference(&left, &scores(right)?, RESAMPLES, BOOTSTRAP_SEED));
    got.map(|got| Some(got.into())).map_err(|error| refused(of, &error))
}

/// Mean over seeds with Student's t. One seed has no spread: both ends are its value. `None` of no seeds.
pub fn over_seeds(values: &[f64]) -> Option<Interval> {
    let lone = values.first().map(|&mean| Interval { mean, low: mean, high: mean })?;
    Some(stats::student_interval(values).map_or(lone, Interval::from))
}

/// Mean of `left - right` over seeds with Student's t; `None` below two seeds.
pub fn paired_over_seeds(left: &[f64], right: &[f64]) -> Option<Paired> {
    stats::difference_of_means_paired(left, right).ok().map(Paired::from)
}

/// Holm's adjustment of several p-values, in their order.
pub fn holm(p: &[f64]) -> Vec<f64> {
    stats::holm(p)
}

pub(crate) fn refused(of: &str, error: &StatsError) -> ReportError {
    ReportError::Statistics { of: of.to_owned(), what: error.to_string() }
}
