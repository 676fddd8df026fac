//! Statistics of the report: plain summaries, intervals, and the crossed bootstrap over seeds and items.
//!
//! | what is asked | function |
//! |---|---|
//! | a table cell with its interval | [`mean_interval`] |
//! | a claim between two variants on evaluation scores | [`paired_difference`] |
//! | a claim on a number a seed (reward, entropy, length) | [`difference_of_means_paired`] |
//! | a mean over seeds | [`student_interval`] |
//! | a share of items | [`wilson`] |
//! | several claims at once | [`holm`] |

mod bootstrap;
mod interval;
mod scores;
mod student;
mod summary;

pub use bootstrap::{mean_interval, paired_difference};
pub use interval::{difference_of_means_paired, holm, student_interval, wilson};
pub use scores::Scores;
pub use student::{student_cdf, student_quantile};
pub use summary::{mean, quantile, sample_std};

use thiserror::Error;

/// A mean with its 95% interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The mean itself, not that of the resamples.
    pub mean: f64,
    /// Lower end of the 95% interval.
    pub low: f64,
    /// Upper end of the 95% interval.
    pub high: f64,
    /// True with a single seed: the interval then covers the choice of items alone, not the luck of training.
    pub evaluation_only: bool,
}

/// A paired difference with its 95% interval and two-sided p.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// Mean of the first minus mean of the second.
    pub mean: f64,
    /// Lower end of the 95% interval.
    pub low: f64,
    /// Upper end of the 95% interval.
    pub high: f64,
    /// Two-sided p of no difference.
    pub p: f64,
    /// True with a single seed: interval and p then cover the choice of items alone, not the luck of training.
    pub evaluation_only: bool,
}

/// Scores or samples that no statistic can be made of.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum StatsError {
    /// No seed, no suite, or a suite without items.
    #[error("no scores: {what}; give at least one seed, one suite and one item a suite")]
    Empty {
        /// What is missing.
        what: String,
    },
    /// A seed differs in shape from the first.
    #[error("seed {seed} has {got} but seed 0 has {expected}; score the same suites and items under every seed")]
    Ragged {
        /// Position of the seed.
        seed: usize,
        /// Shape found.
        got: String,
        /// Shape of the first seed.
        expected: String,
    },
    /// A score is not a finite number.
    #[error("seed {seed}, suite {suite}, item {item}: score {score} is not a finite number")]
    NotFinite {
        /// Position of the seed.
        seed: usize,
        /// Position of the suite.
        suite: usize,
        /// Position of the item.
        item: usize,
        /// The score.
        score: f64,
    },
    /// Two sets of scores cannot be paired.
    #[error("cannot pair {left} with {right}; compare the same seeds, suites and items on both sides")]
    Unpaired {
        /// Shape of the first.
        left: String,
        /// Shape of the second.
        right: String,
    },
    /// Too few values for an interval.
    #[error("{got} values cannot give an interval over seeds; at least {needed} are needed, so run more seeds")]
    TooFew {
        /// Values given.
        got: usize,
        /// Values needed.
        needed: usize,
    },
    /// The bootstrap was asked for no resamples.
    #[error("0 resamples cannot give an interval; ask for 1000 or more")]
    NoResamples,
}
