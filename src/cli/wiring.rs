//! Where the rooms meet: what a job process does and what a report is made of.

use crate::lab::Layout;
use crate::lab::job::JobSpec;
use crate::report;
use crate::rl::progress::Observer;
use crate::spec::Experiment;
use std::path::{Path, PathBuf};

/// Prepares the process of a job for its threads.
pub(super) fn start(threads: usize) {
    crate::runtime::start(threads);
}

/// The work of a job: the [`Runner`](crate::lab::job::Runner) of `longlab job`.
pub(super) fn run_job(spec: &JobSpec, dir: &Path, observer: &mut dyn Observer) -> anyhow::Result<serde_json::Value> {
    let provenance = crate::lab::layout::provenance_json(dir);
    if !provenance.exists() {
        crate::lab::job::keep_provenance(dir, spec, &crate::lab::machine::provenance())?;
    }
    crate::lab::work::run(spec, dir, observer)
}

/// Published tables and curves.
const PAPER: &str = "experiments/paper";

/// What has been measured of an experiment so far.
pub(super) fn measured(experiment: &Experiment, layout: &Layout) -> anyhow::Result<report::Input> {
    let out = layout.report(&experiment.name);
    Ok(report::gather_or_reread(experiment, layout.results(), Path::new(PAPER), &out)?)
}

/// [`measured`], or the bare plan of an experiment that was never run.
pub(super) fn measured_or_planned(experiment: &Experiment, layout: &Layout) -> anyhow::Result<report::Input> {
    let kept = layout.report(&experiment.name).join("data").join("report.json");
    match layout.jobs_csv(&experiment.name).exists() || kept.exists() {
        true => measured(experiment, layout),
        false => Ok(report::planned(experiment, Path::new(PAPER))?),
    }
}

/// Writes the report of an experiment and the gallery beside it, and returns the path of the report's page.
pub(super) fn write_report(experiment: &Experiment, layout: &Layout) -> anyhow::Result<PathBuf> {
    let out = layout.report(&experiment.name);
    report::render_beside(&measured(experiment, layout)?, &out, &layout.jobs_link(&experiment.name))?;
    // Another report that cannot be read is no reason to fail this one.
    if let Err(error) = report::gallery(layout.reports()) {
        eprintln!("the gallery is not renewed: {error}");
    }
    Ok(out.join("report.html"))
}
