//! `longlab run SPEC --executor slurm`, and `longlab cancel SPEC`.

use super::{Exit, chosen::Chosen};
use crate::lab::experiment::{self, Plan};
use crate::lab::export::Needs;
use crate::lab::lock::Lock;
use crate::lab::pool::{Launcher, Summary};
use crate::lab::slurm::{self, Order, Watch, command, submit};
use crate::lab::view::View;
use crate::lab::{Layout, files};
use anyhow::{Context, Result, bail};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

/// Flags of the Slurm executor.
#[derive(clap::Args, Debug)]
pub(super) struct SlurmArgs {
    /// With --executor slurm: the partition [default: the cluster's]
    #[arg(long, value_name = "NAME")]
    partition: Option<String>,
    /// With --executor slurm: further words for sbatch, apart by spaces, for the jobs and for the report's job
    #[arg(long, value_name = "WORDS", allow_hyphen_values = true)]
    slurm_args: Option<String>,
    /// With --executor slurm: submit and leave; the same command without it watches
    #[arg(long)]
    detach: bool,
    /// With --executor slurm: seconds between looks at the queue
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0, value_parser = seconds)]
    every: f64,
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| format!("`{text}` is no number"))?;
    if (0.01..=3600.0).contains(&seconds) { Ok(seconds) } else { Err("it lies between 0.01 and 3600".to_string()) }
}

/// How a run in Slurm ended for the one who watched.
pub(super) enum Ran {
    /// It was submitted and left.
    Left,
    /// It was watched to its end, or until the user stopped watching.
    Watched(Summary),
}

/// What [`run`] needs beside its own flags.
pub(super) struct Setting<'a> {
    pub(super) chosen: &'a Chosen,
    pub(super) layout: &'a Layout,
    pub(super) needs: Needs,
    pub(super) jobs: Option<NonZeroUsize>,
    pub(super) report: bool,
    pub(super) launcher: Launcher,
    pub(super) interrupts: &'a AtomicU32,
}

/// Submits what is open and not yet in the queue, and watches all of it.
pub(super) fn run(plan: &Plan, args: &SlurmArgs, setting: Setting, view: &mut dyn View) -> Result<Ran> {
    let layout = setting.layout;
    files::make_folder(&layout.jobs())?;
    files::make_folder(&layout.experiment(&plan.name))?;
    let _lock = Lock::take(&layout.experiment(&plan.name))?;
    let queue = command::squeue()?;
    // What ends from here on was not there before: it is done and not cached.
    let cached = plan.finished();
    experiment::prepare_open(plan, None)?;
    let submitted = submit::adopt_or_submit(plan, layout, &order(args, &setting)?, &queue)?;
    let ids: Vec<String> = submitted.record.arrays.iter().filter_map(|array| Some(array.job?.to_string())).collect();
    if submitted.new > 0 {
        eprintln!("submitted {} jobs to Slurm", submitted.new);
    }
    if submitted.adopted > 0 {
        eprintln!("{} jobs are in Slurm's queue already", submitted.adopted);
    }
    if !ids.is_empty() {
        eprintln!("Slurm jobs {}; scripts and their output: {}", ids.join(", "), layout.slurm(&plan.name).display());
    }
    let mut changed = |states: &[_]| Ok(experiment::write_jobs_csv(plan, layout, states)?);
    if args.detach {
        changed(&experiment::states_on_disk(plan))?;
        return Ok(Ran::Left);
    }
    let every = Duration::from_secs_f64(args.every);
    let watch =
        Watch { plan, layout, cached: &cached, record: &submitted.record, every, interrupts: setting.interrupts };
    Ok(Ran::Watched(slurm::watch(&watch, view, &mut changed)?))
}

fn order(args: &SlurmArgs, setting: &Setting) -> Result<Order> {
    let Setting { chosen, layout, launcher, .. } = setting;
    let path = |path: &Path| Ok::<_, std::io::Error>(std::path::absolute(path)?.to_string_lossy().into_owned());
    let words = launcher.args.iter().map(|word| word.to_string_lossy().into_owned());
    let mut report = vec![path(&std::env::current_exe()?)?, "report".to_string(), path(&chosen.spec)?];
    report.extend(chosen.scale.into_iter().flat_map(|scale| ["--scale".to_string(), scale.name().to_string()]));
    report.extend(["--results".to_string(), path(layout.results())?]);
    report.extend(["--reports".to_string(), path(layout.reports())?]);
    Ok(Order {
        needs: setting.needs.clone(),
        partition: args.partition.clone(),
        side_by_side: setting.jobs.map(NonZeroUsize::get),
        more: args.slurm_args.iter().flat_map(|words| words.split_whitespace()).map(str::to_owned).collect(),
        job: std::iter::once(launcher.program.to_string_lossy().into_owned()).chain(words).collect(),
        report: setting.report.then_some(report),
    })
}

/// Refuses to run locally what Slurm works on.
pub(super) fn refuse_if_submitted(plan: &Plan, layout: &Layout) -> Result<()> {
    let Some((record, queue)) = submit::in_queue(layout, &plan.name)
        .context("jobs of this experiment were submitted to Slurm, and it cannot be said whether they still run")?
    else {
        return Ok(());
    };
    let live = record.live(&queue);
    if live.is_empty() {
        return Ok(());
    }
    bail!(
        "Slurm works on this experiment (jobs {}): watch it with --executor slurm, or end it with `longlab cancel`",
        words(&live)
    );
}

fn words(jobs: &[u64]) -> String {
    jobs.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
}

/// Cancel what an experiment has in Slurm's queue
///
/// Running jobs are asked to end and write a checkpoint; `longlab run` goes on from there. Nothing is deleted.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  longlab cancel experiments/table5.toml")]
pub(super) struct CancelArgs {
    #[command(flatten)]
    chosen: Chosen,
}

pub(super) fn cancel(args: &CancelArgs, layout: &Layout) -> Result<Exit> {
    let experiment = args.chosen.load()?;
    let found = submit::in_queue(layout, &experiment.name)?;
    let live = found.map(|(record, queue)| record.live(&queue)).unwrap_or_default();
    if live.is_empty() {
        println!("{} has nothing in Slurm's queue", experiment.name);
        return Ok(Exit::Done);
    }
    command::scancel(&live)?;
    println!("cancelled the Slurm jobs {}; `longlab run` goes on from the last checkpoints", words(&live));
    Ok(Exit::Done)
}
