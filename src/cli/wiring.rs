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
    crate::lab::work::run(spec, dir, observer)
}

/// Published tables and curves.
const PAPER: &str = "experiments/paper";

/// Writes the report of an experiment and returns the path of its page.
pub(super) fn write_report(experiment: &Experiment, layout: &Layout) -> anyhow::Result<PathBuf> {
    let out = layout.report(&experiment.name);
    let input = report::gather_or_reread(experiment, layout.results(), Path::new(PAPER), &out)?;
    report::render(&input, &out)?;
    Ok(out.join("report.html"))
}
