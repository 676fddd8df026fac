//! `summary.json`: what a report says, in short, for the gallery and for scripts. A function of the report's input alone.

use super::analysis::{Analysis, finished};
use super::error::ReportError;
use super::input::{Input, Status};
use super::plots::Plot;
use super::summary;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Name of the file within the folder of a report.
pub const FILE: &str = "summary.json";

const MEND: &str = "render the report again (longlab report SPEC), or remove its folder";

/// A report in short.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Card {
    /// What was reported on.
    pub kind: CardKind,
    /// Name of the folder.
    pub name: String,
    /// Title of the report.
    pub title: String,
    /// One paragraph.
    pub summary: String,
    /// Main plot, relative to the folder.
    pub plot: Option<PlotLink>,
    /// Facts of the size and the cost, as name and number, in reading order.
    pub facts: Vec<(String, f64)>,
    /// Seconds of each finished job by its id: experiments share jobs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub jobs: BTreeMap<String, f64>,
    /// Variants of an experiment.
    pub variants: Vec<VariantCard>,
    /// Claims with their verdicts.
    pub claims: Vec<ClaimCard>,
    /// Files to link to, relative to the folder.
    pub files: Vec<String>,
}

/// What a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CardKind {
    /// Jobs of an experiment file.
    #[default]
    Experiment,
    /// Published tables.
    Audit,
}

/// A plot beside a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlotLink {
    /// File name.
    pub file: String,
    /// What it shows.
    pub caption: String,
}

/// A variant with its average over the suites of the main split, in points (0..100).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VariantCard {
    /// Its name.
    pub name: String,
    /// Seeds that finished.
    pub seeds_done: usize,
    /// Seeds in the experiment file.
    pub seeds: usize,
    /// Mean.
    pub avg: Option<f64>,
    /// Lower end of the 95% interval.
    pub low: Option<f64>,
    /// Upper end of the 95% interval.
    pub high: Option<f64>,
}

/// A claim and what was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClaimCard {
    /// The claim.
    pub text: String,
    /// Its measure.
    pub measure: String,
    /// `reproduced`, `contradicted` or `not resolved`.
    pub verdict: String,
    /// Why.
    pub reason: String,
    /// Measured difference in `unit`.
    pub difference: Option<f64>,
    /// Lower end of its 95% interval.
    pub low: Option<f64>,
    /// Upper end of its 95% interval.
    pub high: Option<f64>,
    /// p-value by Holm's method.
    pub p: Option<f64>,
    /// Unit of the difference.
    pub unit: String,
    /// Published difference in points.
    pub published: Option<f64>,
}

impl Card {
    /// Number of a fact.
    pub fn fact(&self, name: &str) -> Option<f64> {
        self.facts.iter().find(|(own, _)| own == name).map(|(_, number)| *number)
    }

    /// Whether an older version wrote it, which did not name its jobs: what several experiments share could not be told.
    pub(super) fn is_older(&self) -> bool {
        self.kind == CardKind::Experiment
            && self.jobs.is_empty()
            && self.fact("jobs done").is_some_and(|done| done > 0.0)
    }

    /// The card as the bytes of its file.
    pub fn bytes(&self) -> Vec<u8> {
        let mut json = serde_json::to_vec_pretty(self).expect("the card has string keys only");
        json.push(b'\n');
        json
    }

    /// Reads the card of a report folder; none if the folder has no such file.
    pub fn read(folder: &Path) -> Result<Option<Card>, ReportError> {
        let path = folder.join(FILE);
        if !path.exists() {
            return Ok(None);
        }
        let text = std::fs::read_to_string(&path).map_err(|source| ReportError::read(&path, source, MEND))?;
        let wrong =
            |error: serde_json::Error| ReportError::malformed(&path, error.line() as u64, error.to_string(), MEND);
        serde_json::from_str(&text).map(Some).map_err(wrong)
    }
}

/// Files of a report that a reader is led to.
const FILES: [&str; 4] = ["report.html", "report.md", "table.csv", "table.tex"];
/// Plots by how much of the result they show.
const MAIN: [&str; 3] = ["scatter", "scores", "curves"];

/// The card of an experiment.
pub(crate) fn of(input: &Input, analysis: &Analysis, plots: &[Plot]) -> Card {
    let main = MAIN.iter().find_map(|name| plots.iter().find(|plot| plot.name == *name));
    Card {
        kind: CardKind::Experiment,
        name: input.name.clone(),
        title: input.title.clone(),
        summary: summary::paragraph(input, analysis),
        plot: main.map(|plot| PlotLink { file: format!("{}.svg", plot.name), caption: plot.caption.clone() }),
        facts: facts(input, analysis),
        jobs: jobs(input),
        variants: variants(analysis),
        claims: claims(analysis),
        files: FILES.map(str::to_owned).into(),
    }
}

fn facts(input: &Input, analysis: &Analysis) -> Vec<(String, f64)> {
    let runs = || input.rows.iter().flat_map(|row| &row.seeds);
    let seeds: BTreeSet<u64> = runs().map(|run| run.seed).collect();
    // A job may stand in several rows; it was run and paid once.
    let of = |status: Status| runs().filter(|run| run.status == status).map(|run| &run.job).collect::<BTreeSet<_>>();
    let minutes = (jobs(input).values().sum::<f64>() / 6.0).round() / 10.0;
    let answers: u64 = analysis.main.iter().chain(&analysis.long).map(|row| row.answers).sum();
    let counts = [
        ("variants", input.rows.len() as f64),
        ("seeds", seeds.len() as f64),
        ("jobs done", of(Status::Done).len() as f64),
        ("jobs failed", of(Status::Failed).len() as f64),
        ("jobs pending", of(Status::Pending).len() as f64),
        ("minutes", minutes),
        ("answers", answers as f64),
    ];
    counts.map(|(name, number)| (name.to_owned(), number)).into()
}

fn jobs(input: &Input) -> BTreeMap<String, f64> {
    let paid = input.rows.iter().flat_map(finished).filter_map(|run| Some((run.job.clone(), run.done?.seconds)));
    paid.map(|(job, seconds)| (job, (10.0 * seconds).round() / 10.0)).collect()
}

/// Numbers of a card have the digits of the report's tables.
fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

fn variants(analysis: &Analysis) -> Vec<VariantCard> {
    let one = |row: &super::analysis::ScoreRow| VariantCard {
        name: row.variant.clone(),
        seeds_done: row.done,
        seeds: row.seeds,
        avg: row.cells[0].map(|cell| rounded(cell.mean)),
        low: row.cells[0].map(|cell| rounded(cell.low)),
        high: row.cells[0].map(|cell| rounded(cell.high)),
    };
    analysis.main.iter().map(one).collect()
}

fn claims(analysis: &Analysis) -> Vec<ClaimCard> {
    let one = |verdict: &super::verdict::Verdict| ClaimCard {
        text: verdict.claim.text.clone(),
        measure: verdict.claim.measure.clone(),
        verdict: verdict.word().into(),
        reason: verdict.reason().into(),
        difference: verdict.paired.map(|paired| rounded(paired.difference)),
        low: verdict.paired.map(|paired| rounded(paired.low)),
        high: verdict.paired.map(|paired| rounded(paired.high)),
        p: verdict.holm.map(rounded),
        unit: verdict.unit.into(),
        published: verdict.published.map(rounded),
    };
    analysis.verdicts.iter().map(one).collect()
}
