//! `[difficulty]`, `[retrospective]`: bins of difficulty, and hard items of an earlier stage.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// `[difficulty]`: bins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DifficultySpec {
    /// Number of bins of each engine's own measure; with robustness tries, of pass@k's share of wrong answers.
    pub bins: usize,
    /// What bins have in common.
    pub bins_of: BinsOf,
    /// Whether only so many items of each bin are kept as the smallest has that has any (section 4.2: the same number from each bin).
    pub balanced: bool,
    /// At most so many items of each bin; none: all. The paper's quota is not published.
    pub quota: Option<usize>,
    /// Share of right answers beyond which an item is dropped as too easy; 1: none is.
    pub easiest: f64,
}

impl Default for DifficultySpec {
    fn default() -> Self {
        DifficultySpec { bins: 3, bins_of: BinsOf::Counts, balanced: false, quota: None, easiest: 1.0 }
    }
}

/// What the bins of an engine have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BinsOf {
    /// Equal numbers of items, as far as equal measures allow.
    Counts,
    /// Equal widths of the measure: of pass@k between 0 and 1 (the paper's uniform bins), of another between the least and the greatest.
    Widths,
}

/// `[retrospective]`: hard items of an earlier stage come again, as in QwenLong-L1 (arXiv 2505.17667). Difficulty is one over the mean reward; items are drawn
/// without repetition, by difficulty to the power of `power`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetrospectiveSpec {
    /// The folder of the earlier dataset.
    pub dataset: PathBuf,
    /// Rewards of its items at this stage's limits: lines of JSON with `id` and `rewards`, a list of numbers in 0..1. Left out, the rates of its checks.
    #[serde(default)]
    pub rewards: Option<PathBuf>,
    /// How many are drawn, as a share of this stage's items.
    #[serde(default = "share")]
    pub share: f64,
    /// How sharply difficulty weighs; 0 draws evenly.
    #[serde(default = "power")]
    pub power: f64,
    /// Whether items without any reward, whose difficulty has no bound, may be drawn: they weigh as if they had half of one right try.
    #[serde(default)]
    pub unsolved: bool,
}

fn share() -> f64 {
    0.25
}

fn power() -> f64 {
    1.0
}
