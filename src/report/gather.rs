//! From an experiment and its result folders to the input of a report.

use super::csvfile::CsvFile;
use super::error::ReportError;
use super::input::{Claim, Figure, Input, Metrics, Row, SeedRun, Status};
use super::{jobdir, scatter, store};
use crate::spec::settings::Entropy;
use crate::spec::{Experiment, Scatter};
use std::collections::BTreeMap;
use std::path::Path;

const MEND: &str = "run the experiment first (./lab run SPEC)";

/// Reads everything that the report of an experiment stands on: `<results>/<name>/jobs.csv`, the folders of its jobs under
/// `<results>/jobs/`, and the published files under `paper` (`experiments/paper`).
///
/// Jobs that failed or are not finished are in the input as such, without numbers.
pub fn gather(experiment: &Experiment, results: &Path, paper: &Path) -> Result<Input, ReportError> {
    let jobs = read_jobs(&results.join(&experiment.name).join("jobs.csv"))?;
    assemble(experiment, &jobs, results, paper)
}

/// The input of an experiment before any of its jobs is run.
pub fn planned(experiment: &Experiment, paper: &Path) -> Result<Input, ReportError> {
    assemble(experiment, &BTreeMap::new(), Path::new(""), paper)
}

fn assemble(experiment: &Experiment, jobs: &Jobs, results: &Path, paper: &Path) -> Result<Input, ReportError> {
    let mut rows = Vec::new();
    for variant in &experiment.variants {
        let runs = experiment.seeds.iter().map(|&seed| match jobs.get(&(variant.name.clone(), seed)) {
            Some((id, status)) => read_run(&results.join("jobs"), seed, id, *status, experiment.scatter),
            None => Ok(unfinished(seed, "not planned yet", Status::Pending)),
        });
        rows.push(Row {
            variant: variant.name.clone(),
            paper_row: variant.paper_row.clone(),
            entropy: entropy_of(&variant.settings.entropy),
            seeds: runs.collect::<Result<_, _>>()?,
        });
    }
    Ok(Input {
        name: experiment.name.clone(),
        title: experiment.title.clone(),
        scale: experiment.scale.name().to_owned(),
        paper: experiment.paper.as_ref().map(|name| paper.join(format!("{name}.csv"))),
        rows,
        claims: experiment.claims.iter().map(claim).collect(),
        scatter: experiment.scatter,
        figures: experiment
            .figures
            .iter()
            .map(|figure| Figure {
                title: figure.title.clone(),
                file: paper.join("figures").join(&figure.file),
                unit: figure.unit.clone(),
            })
            .collect(),
    })
}

/// How a variant measures entropy; `None` for the usual way.
fn entropy_of(entropy: &Entropy) -> Option<String> {
    let Entropy { measure, temperature } = *entropy;
    (*entropy != Entropy::default()).then(|| format!("{measure} at temperature {temperature}"))
}

/// [`gather`], or, when the results are gone, the input that an earlier report in `report` (`reports/<name>`) kept.
pub fn gather_or_reread(
    experiment: &Experiment,
    results: &Path,
    paper: &Path,
    report: &Path,
) -> Result<Input, ReportError> {
    let kept = report.join("data");
    let listed = results.join(&experiment.name).join("jobs.csv").exists();
    if !listed && kept.join("report.json").exists() { store::read(&kept) } else { gather(experiment, results, paper) }
}

fn claim(claim: &crate::spec::Claim) -> Claim {
    Claim {
        text: claim.text.clone(),
        better: claim.better.clone(),
        worse: claim.worse.clone(),
        measure: claim.measure.clone(),
        at: claim.at.clone(),
    }
}

type Jobs = BTreeMap<(String, u64), (String, Status)>;

/// Variant and seed to job id and status, as the lab wrote them.
fn read_jobs(path: &Path) -> Result<Jobs, ReportError> {
    let file = CsvFile::read(path, MEND)?;
    let [variant, seed, id, status] = ["variant", "seed", "id", "status"].map(|name| file.column(name));
    let (variant, seed, id, status) = (variant?, seed?, id?, status?);
    let mut jobs = Jobs::new();
    for record in file.records() {
        let read = [Status::Done, Status::Failed, Status::Pending]
            .into_iter()
            .find(|known| known.name() == record.text(status))
            .ok_or_else(|| {
                record.wrong(format!("status {:?} is none of done, failed, pending", record.text(status)))
            })?;
        jobs.insert((record.text(variant).to_owned(), record.parse(seed)?), (record.text(id).to_owned(), read));
    }
    Ok(jobs)
}

/// A job is done when its `done.json` says so, whatever the list says: the list may be older.
fn read_run(
    jobs: &Path,
    seed: u64,
    id: &str,
    listed: Status,
    scatter: Option<Scatter>,
) -> Result<SeedRun, ReportError> {
    let folder = jobs.join(id);
    let Some(done) = jobdir::done(&folder)? else {
        let status = if listed == Status::Failed { Status::Failed } else { Status::Pending };
        return Ok(unfinished(seed, id, status));
    };
    let outcomes = folder.join("outcomes.csv");
    Ok(SeedRun {
        seed,
        job: id.to_owned(),
        status: Status::Done,
        metrics: jobdir::metrics(&folder.join("metrics.csv"))?,
        items: jobdir::outcomes(&outcomes)?,
        responses: scatter.map_or(Ok(Vec::new()), |which| scatter::responses(&folder, which))?,
        done: Some(done),
        provenance: jobdir::provenance(&folder.join("provenance.json"))?,
    })
}

fn unfinished(seed: u64, id: &str, status: Status) -> SeedRun {
    SeedRun {
        seed,
        job: id.to_owned(),
        status,
        metrics: Metrics::default(),
        items: Vec::new(),
        responses: Vec::new(),
        done: None,
        provenance: BTreeMap::new(),
    }
}
