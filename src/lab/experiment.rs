//! A whole experiment: its jobs on disk, their run in the pool, `jobs.csv`.

use super::job::{self, JobSpec};
use super::lock::Lock;
use super::pool::{self, Launcher, Rules, Summary, Task};
use super::schedule::State;
use super::view::View;
use super::{LabError, Layout, files, layout};
use crate::spec::{Experiment, Job};
use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::AtomicU32;

/// The jobs of an experiment and, once each, the tasks they come to.
#[derive(Debug)]
pub struct Plan {
    /// Name of the experiment.
    pub name: String,
    /// All jobs, variant by variant.
    pub jobs: Vec<Job>,
    /// One task for each id, in the order of its first job.
    pub tasks: Vec<Task>,
    positions: BTreeMap<String, usize>,
}

impl Plan {
    /// The plan of an experiment.
    pub fn new(experiment: &Experiment, layout: &Layout) -> anyhow::Result<Plan> {
        let jobs = experiment.jobs()?;
        check_name(&experiment.name)?;
        let (mut tasks, mut positions) = (Vec::new(), BTreeMap::new());
        for job in &jobs {
            positions.entry(job.id.clone()).or_insert_with(|| {
                tasks.push(task(job, layout));
                tasks.len() - 1
            });
        }
        Ok(Plan { name: experiment.name.clone(), jobs, tasks, positions })
    }

    /// Position in [`Plan::tasks`] of a job.
    pub fn position(&self, job: &Job) -> usize {
        self.positions[&job.id]
    }

    /// Whether each task is finished on disk.
    pub fn finished(&self) -> Vec<bool> {
        self.tasks.iter().map(|task| job::is_finished(&task.dir, &task.id)).collect()
    }

    /// The tasks that are not finished on disk.
    pub fn open(&self) -> Vec<&Task> {
        self.tasks.iter().zip(self.finished()).filter(|(_, finished)| !finished).map(|(task, _)| task).collect()
    }
}

fn task(job: &Job, layout: &Layout) -> Task {
    Task {
        id: job.id.clone(),
        label: format!("{} seed {}", job.variant, job.seed),
        dir: layout.job(&job.id),
        threads: job.settings.train.threads,
    }
}

/// `results/<name>` must be a folder of its own beside `results/jobs`, also where upper case is lower case.
fn check_name(name: &str) -> Result<(), LabError> {
    if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\']) || name.eq_ignore_ascii_case("jobs") {
        return Err(LabError::BadName { name: name.to_string() });
    }
    Ok(())
}

/// How an experiment is run.
pub struct Options<'a> {
    /// How many jobs there may be side by side, and how often they are started.
    pub rules: Rules,
    /// The command of a job.
    pub launcher: Launcher,
    /// Makes the provenance of new jobs; called only when there is work.
    pub provenance: &'a dyn Fn() -> anyhow::Result<serde_json::Value>,
    /// Signals received so far.
    pub interrupts: &'a AtomicU32,
}

/// Runs what is not finished of a plan and keeps `jobs.csv`.
pub fn run(plan: &Plan, layout: &Layout, options: &Options, view: &mut dyn View) -> anyhow::Result<Summary> {
    files::make_folder(&layout.jobs())?;
    files::make_folder(&layout.experiment(&plan.name))?;
    let _lock = Lock::take(&layout.experiment(&plan.name))?;
    prepare(plan, options)?;
    let mut changed = |states: &[State]| write_jobs_csv(plan, layout, states);
    Ok(pool::run(&plan.tasks, &options.rules, &options.launcher, options.interrupts, view, &mut changed)?)
}

fn prepare(plan: &Plan, options: &Options) -> anyhow::Result<()> {
    if plan.finished().iter().all(|&done| done) {
        return Ok(());
    }
    Ok(prepare_open(plan, Some(&(options.provenance)()?))?)
}

/// Makes the directories of all unfinished jobs and the job list, for processes that something else than the pool will start, on machines
/// that are not known yet.
pub fn prepare_all(plan: &Plan, layout: &Layout) -> Result<(), LabError> {
    files::make_folder(&layout.jobs())?;
    files::make_folder(&layout.experiment(&plan.name))?;
    let _lock = Lock::take(&layout.experiment(&plan.name))?;
    prepare_open(plan, None)?;
    write_jobs_csv(plan, layout, &states_on_disk(plan))
}

/// Finished jobs as cached, all others as queued.
pub fn states_on_disk(plan: &Plan) -> Vec<State> {
    plan.finished().into_iter().map(|done| if done { State::Cached } else { State::Queued }).collect()
}

/// Makes the directories of all unfinished jobs. Without a provenance the process of a job writes that of its own machine.
pub fn prepare_open(plan: &Plan, provenance: Option<&serde_json::Value>) -> Result<(), LabError> {
    let finished = plan.finished();
    for job in &plan.jobs {
        let position = plan.position(job);
        if !finished[position] {
            job::prepare(&plan.tasks[position].dir, &JobSpec::from(job), provenance)?;
        }
    }
    Ok(())
}

/// Writes `jobs.csv`, unless it says the same already.
pub fn write_jobs_csv(plan: &Plan, layout: &Layout, states: &[State]) -> Result<(), LabError> {
    let path = layout.jobs_csv(&plan.name);
    let text = jobs_csv(plan, states).map_err(|error| LabError::writing(&path, std::io::Error::other(error)))?;
    if fs::read(&path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    files::write_whole(&path, &text)
}

fn jobs_csv(plan: &Plan, states: &[State]) -> anyhow::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["variant", "seed", "id", "status"])?;
    for job in &plan.jobs {
        let status = status(states[plan.position(job)]);
        writer.write_record([&job.variant, &job.seed.to_string(), &job.id, status])?;
    }
    Ok(writer.into_inner()?)
}

/// The word of `jobs.csv` for a state.
pub fn status(state: State) -> &'static str {
    match state {
        State::Cached | State::Done => "done",
        State::Failed => "failed",
        State::Queued | State::Running | State::Stopped => "pending",
    }
}

/// Goes up when the same results make another report: reports of older versions are rendered again.
const REPORT_VERSION: u32 = 3;

/// A hash of what a report is made from: the spec file and those it builds on, the job list, and what each job left behind.
pub fn stamp(experiment: &Experiment, plan: &Plan, layout: &Layout) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(env!("CARGO_PKG_VERSION").as_bytes());
    hasher.update(&REPORT_VERSION.to_le_bytes());
    let files = experiment.sources.iter().cloned().chain([layout.jobs_csv(&plan.name)]);
    for path in files.chain(plan.tasks.iter().map(|task| layout::done_json(&task.dir))) {
        // A file that is not there counts as such.
        let bytes = fs::read(path).ok();
        hasher.update(blake3::hash(bytes.as_deref().unwrap_or(b"absent")).as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_leave_the_folder_are_refused() {
        for name in ["jobs", "Jobs", "", "a/b", "..", ".hidden"] {
            assert!(check_name(name).is_err(), "{name}");
        }
        check_name("table 5+ short_2").unwrap();
    }
}
