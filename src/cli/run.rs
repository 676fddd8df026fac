//! `longlab run SPEC`

use super::{Exit, chosen::Chosen, report, table, wiring};
use crate::lab::experiment::{self, Options, Plan};
use crate::lab::pool::{Launcher, Summary};
use crate::lab::schedule::State;
use crate::lab::view::{self, Progress};
use crate::lab::{Layout, machine};
use crate::spec;
use std::ffi::OsString;
use std::io::Write;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Run an experiment and write its report
///
/// Trains and evaluates every variant under every seed. What is finished is not done again; after a crash or Ctrl-C the same
/// command goes on.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  longlab run experiments/quickstart.toml
  longlab run experiments/table5.toml --jobs 2 --no-report
  longlab run experiments/table5.toml --progress plain 2> run.log")]
pub(super) struct RunArgs {
    #[command(flatten)]
    chosen: Chosen,
    /// Jobs side by side [default: what cores and memory carry]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Do not write the report
    #[arg(long)]
    no_report: bool,
    /// How progress is shown
    #[arg(long, value_enum, default_value = "auto")]
    progress: Progress,
    /// Run each job by this command (words apart by spaces) instead of `longlab job`
    #[arg(long, hide = true, value_delimiter = ' ')]
    job_command: Vec<OsString>,
}

/// Signals so far. The handler belongs to the process, so its counter does too.
static INTERRUPTS: AtomicU32 = AtomicU32::new(0);
/// Whether there are jobs that a signal should stop in order; else it ends the process at once.
static RUNNING: AtomicBool = AtomicBool::new(false);

pub(super) fn run(args: &RunArgs, layout: &Layout) -> anyhow::Result<Exit> {
    let experiment = args.chosen.load()?;
    let plan = Plan::new(&experiment, layout)?;
    let options = Options {
        slots: args.jobs.map(NonZeroUsize::get),
        launcher: launcher(&args.job_command)?,
        provenance: &|| Ok(machine::provenance()),
        interrupts: &INTERRUPTS,
    };
    watch_signals()?;
    RUNNING.store(true, Ordering::SeqCst);
    let summary = experiment::run(&plan, layout, &options, view::for_stderr(args.progress).as_mut())?;
    RUNNING.store(false, Ordering::SeqCst);
    std::io::stdout().write_all(words(&plan, &summary).as_bytes())?;
    match exit(&summary) {
        Exit::Done if !args.no_report => report::renew(&experiment, &plan, layout, wiring::write_report),
        exit => Ok(exit),
    }
}

fn launcher(words: &[OsString]) -> std::io::Result<Launcher> {
    match words {
        [] => Launcher::this_program(),
        [program, args @ ..] => Ok(Launcher { program: program.into(), args: args.to_vec() }),
    }
}

/// Counts Ctrl-C, SIGTERM and SIGHUP. Under `nohup` a hang-up is ignored, and stays so.
fn watch_signals() -> Result<(), ctrlc::Error> {
    // SAFETY: signal takes a number and a constant, and no other thread sets handlers.
    let hang_up = unsafe { libc::signal(libc::SIGHUP, libc::SIG_DFL) };
    ctrlc::set_handler(|| {
        INTERRUPTS.fetch_add(1, Ordering::SeqCst);
        if !RUNNING.load(Ordering::SeqCst) {
            std::process::exit(130);
        }
    })?;
    if hang_up == libc::SIG_IGN {
        // SAFETY: as above.
        unsafe { libc::signal(libc::SIGHUP, libc::SIG_IGN) };
    }
    Ok(())
}

fn exit(summary: &Summary) -> Exit {
    match (summary.interrupted, summary.failures.is_empty()) {
        (true, _) => Exit::Interrupted,
        (false, false) => Exit::Failed,
        (false, true) => Exit::Done,
    }
}

/// The end of a run in words: the table of jobs, the count, the failures, how to go on.
fn words(plan: &Plan, summary: &Summary) -> String {
    let mut text = String::new();
    if summary.states.iter().any(|state| *state != State::Cached) {
        text += &table::render(&["variant", "seed", "job", "status", "time"], &rows(plan, summary), &[1, 4]);
        text += "\n";
    }
    text += &counts(&summary.states);
    text += "\n";
    for (position, failure) in &summary.failures {
        let task = &plan.tasks[*position];
        text += &format!("\nfailed: {} (job {})\n  {}\n", task.label, task.id, failure.reason);
        failure.tail.iter().for_each(|line| text += &format!("  | {line}\n"));
        text += &format!("  log: {}\n", failure.log.display());
    }
    match exit(summary) {
        Exit::Interrupted => text += "stopped; the same command goes on from here\n",
        Exit::Failed => {
            text += "\nthe same command tries the failed jobs again; `longlab report` renders what is done\n"
        }
        _ => {}
    }
    text
}

fn rows(plan: &Plan, summary: &Summary) -> Vec<Vec<String>> {
    let row = |job: &spec::Job| {
        let position = plan.position(job);
        let time = summary.seconds.get(&position).map_or(String::new(), |seconds| view::clock(*seconds));
        let status = view::word(summary.states[position]).to_string();
        vec![job.variant.clone(), job.seed.to_string(), job.id.clone(), status, time]
    };
    plan.jobs.iter().map(row).collect()
}

fn counts(states: &[State]) -> String {
    let part = |state: State| {
        let count = states.iter().filter(|one| **one == state).count();
        (count > 0).then(|| format!("{count} {}", view::word(state)))
    };
    let parts = [State::Done, State::Cached, State::Failed, State::Stopped].into_iter().filter_map(part);
    let plural = if states.len() == 1 { "" } else { "s" };
    format!("{} job{plural}: {}", states.len(), parts.collect::<Vec<_>>().join(", "))
}
