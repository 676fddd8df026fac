//! Statistics of the report: summaries, intervals, bootstraps, tests, power, and the verdict on a claim.
//!
//! | what is asked | function |
//! |---|---|
//! | a table cell with its interval | [`mean_interval`] |
//! | a claim between two variants on evaluation scores | [`paired_difference`] |
//! | a claim on a number a seed (reward, entropy, length) | [`difference_of_means_paired`] |
//! | a mean over seeds | [`student_interval`] |
//! | a share of items | [`wilson`] |
//! | several claims at once | [`holm`] |
//! | runs x tasks: IQM and others, stratified bootstrap (percentile, BCa) | [`stratified_interval`], [`paired_stratified_interval`] |
//! | how likely one variant is to beat the other | [`improvement_interval`] |
//! | a p without assumptions on the shape | [`sign_flip`], [`two_sample_permutation`] |
//! | right or wrong on the same items | [`mcnemar`] |
//! | items in clusters, one model | [`clustered_interval`], [`clustered_difference`] |
//! | how much of a difference is luck of training, choice of items, sampling | [`decompose`], [`nested_bootstrap`] |
//! | seeds and items a claim needs, the effect a design can find | [`seeds_needed`], [`items_needed`], [`minimum_detectable_effect`] |
//! | whether two numbers of the same responses rise together | [`spearman`] |
//! | reproduced, not resolved or contradicted | [`verdict()`], with the rule in [`verdict`](mod@verdict) |
//!
//! Whatever is drawn comes from addressed streams (purpose `Bootstrap`, `step` the resample), so a result is a function of its
//! inputs and its seed. All intervals are 95% intervals.

mod binary;
mod bootstrap;
mod clustered;
mod components;
mod interval;
mod nested;
mod normal;
mod permutation;
mod power;
mod rank;
mod resampled;
mod runs;
mod scores;
mod stratified;
mod student;
mod summary;
pub mod verdict;

pub use binary::{McNemar, mcnemar, mcnemar_of};
pub use bootstrap::{mean_interval, paired_difference};
pub use clustered::{Correction, clustered_difference, clustered_interval, clustered_standard_error, standard_error};
pub use components::{Answers, Components, Decomposition, decompose};
pub use interval::{difference_of_means_paired, holm, student_interval, wilson};
pub use nested::{Nested, Part, nested_bootstrap};
pub use normal::{normal_cdf, normal_quantile};
pub use permutation::{Permutation, sign_flip, two_sample_permutation};
pub use power::{
    Demand, Design, detectable, items_needed, minimum_detectable_effect, power, seeds_needed, two_sided_power,
};
pub use rank::spearman;
pub use resampled::{Bca, Interval, Method, Resampling, bca};
pub use runs::{Aggregate, Runs, iqm};
pub use scores::Scores;
pub use stratified::{
    improvement_interval, paired_stratified_interval, probability_of_improvement, stratified_interval,
    stratified_resamples,
};
pub use student::{student_cdf, student_quantile};
pub use summary::{mean, quantile, sample_std};
pub use verdict::{Claimed, Contradiction, Measured, Size, Unresolved, Verdict, verdict};

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
    /// Too few of something to estimate a spread from.
    #[error("{got} {what}; at least {needed} are needed")]
    Few {
        /// What there is too little of.
        what: &'static str,
        /// How many were given.
        got: usize,
        /// How many are needed.
        needed: usize,
    },
    /// A number that is NaN or infinite.
    #[error("{what} (at {place}) is {value}, which is not a finite number")]
    NotANumber {
        /// What it is.
        what: &'static str,
        /// Where it stands, counted from 0.
        place: usize,
        /// The number.
        value: f64,
    },
    /// A number that makes no sense in its place.
    #[error("{what} is {value}; it must be {range}")]
    OutOfRange {
        /// What it is.
        what: &'static str,
        /// The number.
        value: f64,
        /// What it may be.
        range: &'static str,
    },
    /// No BCa interval exists.
    #[error("no BCa interval: {what}; take the percentile interval")]
    NoBca {
        /// Why.
        what: String,
    },
    /// The bootstrap was asked for no resamples.
    #[error("0 resamples cannot give an interval; ask for 1000 or more")]
    NoResamples,
}
