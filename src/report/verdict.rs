//! Judging claims: the paired difference of two variants, its interval, and one plain word.

use super::analysis::{WINDOW, finished, grid, last_steps, measures};
use super::error::ReportError;
use super::estimate::{self, Grid, Paired};
use super::input::{Claim, Input, Row, SUITES, SeedRun};
use super::published::PublishedTable;

/// What the measured data say to a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// The whole interval lies on the claimed side of zero.
    Holds,
    /// The interval holds zero, or nothing was measured.
    NotResolved,
    /// The whole interval lies on the other side.
    Contradicted,
}

impl Word {
    /// The word of a 95% interval of `better - worse`.
    ///
    /// ```
    /// use longlab::report::Word;
    /// assert_eq!(Word::of(0.2, 3.1), Word::Holds);
    /// assert_eq!(Word::of(-0.1, 3.1), Word::NotResolved);
    /// assert_eq!(Word::of(-2.0, -0.1), Word::Contradicted);
    /// ```
    pub fn of(low: f64, high: f64) -> Self {
        match (low > 0.0, high < 0.0) {
            (true, _) => Word::Holds,
            (_, true) => Word::Contradicted,
            _ => Word::NotResolved,
        }
    }

    /// As written in reports.
    pub fn text(self) -> &'static str {
        match self {
            Word::Holds => "holds",
            Word::NotResolved => "not resolved",
            Word::Contradicted => "contradicted",
        }
    }
}

/// A claim with what was measured.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The claim.
    pub claim: Claim,
    /// `better - worse`; `None` if no seed finished in both variants.
    pub paired: Option<Paired>,
    /// The p-value adjusted by Holm's method over all claims of the experiment.
    pub holm: Option<f64>,
    /// Unit of the difference.
    pub unit: &'static str,
    /// Seeds that finished in both variants.
    pub seeds: usize,
    /// Difference of the two published rows in points, if the paper's table has both.
    pub published: Option<f64>,
    /// The word.
    pub word: Word,
}

/// Judges all claims of an experiment.
pub fn judge(input: &Input) -> Result<Vec<Verdict>, ReportError> {
    let published = input.paper.as_deref().map(PublishedTable::read).transpose()?;
    let judged: Result<Vec<_>, _> = input.claims.iter().map(|claim| one(input, claim, published.as_ref())).collect();
    let mut verdicts = judged?;
    let known: Vec<f64> = verdicts.iter().filter_map(|verdict| verdict.paired.map(|paired| paired.p)).collect();
    let mut adjusted = estimate::holm(&known).into_iter();
    for verdict in verdicts.iter_mut().filter(|verdict| verdict.paired.is_some()) {
        verdict.holm = adjusted.next();
    }
    Ok(verdicts)
}

pub(crate) fn one(input: &Input, claim: &Claim, published: Option<&PublishedTable>) -> Result<Verdict, ReportError> {
    let (better, worse) = (named(input, claim, &claim.better)?, named(input, claim, &claim.worse)?);
    let pairs = common(better, worse);
    let (left, right): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
    let of = format!("claim \"{}\"", claim.text);
    let (paired, unit) = match training_unit(&claim.measure) {
        Some(unit) => {
            let values = |runs: &[&SeedRun]| runs.iter().map(|run| last_steps(run, &claim.measure, WINDOW)).collect();
            let (left, right): (Option<Vec<f64>>, Option<Vec<f64>>) = (values(&left), values(&right));
            (left.zip(right).and_then(|(left, right)| estimate::paired_over_seeds(&left, &right)), unit)
        }
        None => {
            let measure = suite_of(claim)?;
            let (left, right) = (grid(better, &left, "main", measure)?, grid(worse, &right, "main", measure)?);
            same_items(claim, &left, &right)?;
            (estimate::paired(&left, &right, &of)?.map(Paired::points), "points")
        }
    };
    Ok(Verdict {
        claim: claim.clone(),
        word: paired.map_or(Word::NotResolved, |paired| Word::of(paired.low, paired.high)),
        paired,
        holm: None,
        unit,
        seeds: pairs.len(),
        published: published.and_then(|table| published_difference(table, claim, better, worse)),
    })
}

fn named<'a>(input: &'a Input, claim: &Claim, name: &str) -> Result<&'a Row, ReportError> {
    input.rows.iter().find(|row| row.variant == name).ok_or_else(|| {
        let names: Vec<&str> = input.rows.iter().map(|row| row.variant.as_str()).collect();
        let what = format!("no variant {name:?}; the variants are {}", names.join(", "));
        ReportError::Claim { claim: claim.text.clone(), what }
    })
}

/// Runs of both variants that finished under the same seed.
fn common<'a>(better: &'a Row, worse: &'a Row) -> Vec<(&'a SeedRun, &'a SeedRun)> {
    let other = |seed: u64| finished(worse).find(|run| run.seed == seed);
    finished(better).filter_map(|run| other(run.seed).map(|other| (run, other))).collect()
}

fn training_unit(measure: &str) -> Option<&'static str> {
    match measure {
        "reward" => Some("reward (0 to 1)"),
        "entropy" => Some("nats"),
        "response_tokens" => Some("tokens"),
        _ => None,
    }
}

/// The measure of a claim as `avg` or the name of a suite; the column name of the paper's table will do as well.
fn suite_of(claim: &Claim) -> Result<&'static str, ReportError> {
    let by_key = SUITES.iter().find(|(_, key)| *key == claim.measure).map(|(name, _)| *name);
    by_key.or_else(|| measures().find(|name| *name == claim.measure)).ok_or_else(|| {
        let names: Vec<&str> = measures().chain(["reward", "entropy", "response_tokens"]).collect();
        let what = format!("no measure {:?}; the measures are {}", claim.measure, names.join(", "));
        ReportError::Claim { claim: claim.text.clone(), what }
    })
}

fn same_items(claim: &Claim, left: &Grid, right: &Grid) -> Result<(), ReportError> {
    let shape = |grid: &Grid| grid.first().map(|seed| seed.iter().map(Vec::len).collect::<Vec<_>>());
    if shape(left) == shape(right) {
        return Ok(());
    }
    let what = format!(
        "{} and {} met different items ({:?} against {:?} a suite), so they cannot be paired; give both the same eval settings",
        claim.better,
        claim.worse,
        shape(left).unwrap_or_default(),
        shape(right).unwrap_or_default()
    );
    Err(ReportError::Claim { claim: claim.text.clone(), what })
}

fn published_difference(table: &PublishedTable, claim: &Claim, better: &Row, worse: &Row) -> Option<f64> {
    let measure = suite_of(claim).ok()?;
    let column = measures().position(|name| name == measure)?;
    Some(table.row(&better.paper_row)?.cells[column]? - table.row(&worse.paper_row)?.cells[column]?)
}
