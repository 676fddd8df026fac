//! Judging claims: the paired difference of two variants, its interval, what the design could have found, and the verdict by the
//! rule of [`longlab_kernels::stats::verdict`].

use super::analysis::{WINDOW, finished, grid, last_steps, measures};
use super::error::ReportError;
use super::estimate::{self, Grid, Paired};
use super::input::{Claim, Input, Row, SUITES, SeedRun};
use super::published::PublishedTable;
use super::spread::Spread;
use longlab_kernels::stats::{self, Claimed, Measured, StatsError, Verdict as Ruling};

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
    /// Where the difference varies and what could have been found; `None` below two seeds.
    pub spread: Option<Spread>,
    /// What the measurement says to the claim; `None` if nothing was measured.
    pub ruling: Option<Ruling>,
    /// Whether the two variants measure it in different ways, so that no difference can be taken.
    pub incomparable: bool,
}

impl Verdict {
    /// `reproduced`, `not resolved` or `contradicted`.
    pub fn word(&self) -> &'static str {
        self.ruling.map_or("not resolved", Ruling::word)
    }

    /// The reason in a few words.
    pub fn reason(&self) -> &'static str {
        match self.paired {
            _ if self.incomparable => "the two measure it in different ways",
            Some(paired) if paired.low == 0.0 && paired.high == 0.0 => "the variants never parted in this",
            _ => self.ruling.map_or("nothing measured", Ruling::reason),
        }
    }
}

/// Scales at which a published size is in the unit of what is measured: the paper's own. At others a claim is one of a sign.
const COMPARABLE: [&str; 2] = ["4b", "30b"];

/// The published table of an experiment, if it has one.
pub(crate) fn published(input: &Input) -> Result<Option<PublishedTable>, ReportError> {
    input.paper.as_deref().map(PublishedTable::read).transpose()
}

/// Judges all claims of an experiment.
pub fn judge(input: &Input) -> Result<Vec<Verdict>, ReportError> {
    let published = published(input)?;
    let judged: Result<Vec<_>, _> = input.claims.iter().map(|claim| one(input, claim, published.as_ref())).collect();
    let mut verdicts = judged?;
    let known: Vec<f64> = verdicts.iter().filter_map(|verdict| verdict.paired.map(|paired| paired.p)).collect();
    let mut adjusted = estimate::holm(&known).into_iter();
    let comparable = COMPARABLE.contains(&input.scale.as_str());
    for verdict in verdicts.iter_mut().filter(|verdict| verdict.paired.is_some()) {
        verdict.holm = adjusted.next();
        verdict.ruling = rule(verdict, comparable)?;
    }
    Ok(verdicts)
}

fn rule(verdict: &Verdict, comparable: bool) -> Result<Option<Ruling>, ReportError> {
    let (Some(paired), Some(holm)) = (verdict.paired, verdict.holm) else { return Ok(None) };
    let claimed = match verdict.published.filter(|size| comparable && *size > 0.0) {
        Some(size) => Claimed::By(size),
        None => Claimed::Above,
    };
    let measured = Measured {
        difference: paired.difference(verdict.seeds < 2),
        holm,
        minimum_detectable: verdict.spread.map_or(f64::INFINITY, |spread| spread.detectable),
    };
    let refused = |error: StatsError| estimate::refused(&format!("claim \"{}\"", verdict.claim.text), &error);
    stats::verdict(claimed, &measured).map(Some).map_err(refused)
}

/// The difference of a claim, without its verdict: that depends on the other claims.
pub(crate) fn one(input: &Input, claim: &Claim, published: Option<&PublishedTable>) -> Result<Verdict, ReportError> {
    let (better, worse) = (named(input, claim, &claim.better)?, named(input, claim, &claim.worse)?);
    let pairs = common(better, worse);
    let (left, right): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
    let of = format!("claim \"{}\"", claim.text);
    let incomparable = claim.measure == "entropy" && better.entropy != worse.entropy;
    let (paired, spread, unit) = match training_unit(&claim.measure) {
        Some(unit) if incomparable => (None, None, unit),
        Some(unit) => {
            let values = |runs: &[&SeedRun]| runs.iter().map(|run| last_steps(run, &claim.measure, WINDOW)).collect();
            let (left, right): (Option<Vec<f64>>, Option<Vec<f64>>) = (values(&left), values(&right));
            let both = left.zip(right);
            let spread = both.as_ref().and_then(|(left, right)| Spread::over_seeds(left, right));
            (both.and_then(|(left, right)| estimate::paired_over_seeds(&left, &right)), spread, unit)
        }
        None => {
            let measure = suite_of(claim)?;
            let (left, right) = (grid(better, &left, "main", measure)?, grid(worse, &right, "main", measure)?);
            same_items(claim, &left, &right)?;
            let spread = Spread::of_scores(&left, &right, &of)?;
            (estimate::paired(&left, &right, &of)?.map(Paired::points), spread, "points")
        }
    };
    Ok(Verdict {
        claim: claim.clone(),
        paired,
        spread,
        holm: None,
        ruling: None,
        incomparable,
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
pub(crate) fn common<'a>(better: &'a Row, worse: &'a Row) -> Vec<(&'a SeedRun, &'a SeedRun)> {
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
