//! Two variants beside each other, for the command line: the paired difference of a claim without a claim.

use super::analysis::measures;
use super::error::ReportError;
use super::estimate::Paired;
use super::input::{Claim, Input};
use super::verdict;

/// A paired difference of two variants.
#[derive(Clone, Debug)]
pub struct Compared {
    /// The variant that is taken from.
    pub a: String,
    /// The variant that is taken away.
    pub b: String,
    /// What was compared.
    pub measure: String,
    /// Unit of the difference.
    pub unit: &'static str,
    /// `A - B`; none where no seed finished in both, or where they do not compare.
    pub difference: Option<Paired>,
    /// Whether the two measure it in different ways.
    pub incomparable: bool,
    /// Seeds that finished in both.
    pub seeds: usize,
}

/// `avg` and the six suites.
pub fn suite_measures() -> impl Iterator<Item = &'static str> {
    measures()
}

/// Compares pairs of variants in some measures (those of claims).
///
/// # Errors
/// A variant or measure that does not exist, or items that differ between the two.
pub fn compare(input: &Input, pairs: &[(&str, &str)], measures: &[&str]) -> Result<Vec<Compared>, ReportError> {
    let all = pairs.iter().flat_map(|pair| measures.iter().map(move |measure| (pair, measure)));
    all.map(|((a, b), measure)| {
        let claim = Claim {
            text: format!("{a} against {b}"),
            better: (*a).to_string(),
            worse: (*b).to_string(),
            measure: (*measure).to_string(),
            at: None,
        };
        let verdict = verdict::one(input, &claim, None)?;
        Ok(Compared {
            a: claim.better,
            b: claim.worse,
            measure: claim.measure,
            unit: verdict.unit,
            difference: verdict.paired,
            incomparable: verdict.incomparable,
            seeds: verdict.seeds,
        })
    })
    .collect()
}
