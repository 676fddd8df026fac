//! `longlab run SPEC`

use super::slurm::{self, Ran, SlurmArgs};
use super::{Exit, chosen::Chosen, needs::NeedsArgs, report, signals, table, wiring};
use crate::lab::experiment::{self, Options, Plan};
use crate::lab::export::Needs;
use crate::lab::pool::{Launcher, Rules, Summary};
use crate::lab::schedule::{Load, State};
use crate::lab::view::{self, Progress, View};
use crate::lab::{Layout, capacity, machine};
use crate::spec::{self, Experiment};
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
  longlab run experiments/table5.toml --progress plain 2> run.log
  longlab run experiments/table5.toml --executor slurm --partition cpu --jobs 40 --minutes 60
  longlab run experiments/table5.toml --executor slurm --slurm-args '--account=lab --qos=long' --detach")]
pub(super) struct RunArgs {
    #[command(flatten)]
    pub(super) chosen: Chosen,
    /// Jobs side by side [default: what cores and memory carry]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Threads of all local jobs together; a job that has more runs alone [default: the cores, unless --jobs is given]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_threads: Option<u64>,
    /// Memory of all local jobs together, MiB [default: what is free, unless --jobs is given]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..))]
    max_memory: Option<u64>,
    #[command(flatten)]
    needs: NeedsArgs,
    /// Where the jobs run
    #[arg(long, value_enum, default_value = "local")]
    executor: Executor,
    #[command(flatten)]
    slurm: SlurmArgs,
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

/// Where jobs run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Executor {
    /// In processes on this machine
    Local,
    /// In Slurm, as an array of jobs; what is in its queue already is not submitted again
    Slurm,
}

/// Signals so far. The handler belongs to the process, so its counter does too.
static INTERRUPTS: AtomicU32 = AtomicU32::new(0);
/// Whether there are jobs that a signal should stop in order; else it ends the process at once.
static RUNNING: AtomicBool = AtomicBool::new(false);

pub(super) fn run(args: &RunArgs, layout: &Layout) -> anyhow::Result<Exit> {
    let experiment = args.chosen.load()?;
    let plan = Plan::new(&experiment, layout)?;
    watch_signals()?;
    RUNNING.store(true, Ordering::SeqCst);
    let mut view = view::for_stderr(args.progress);
    let summary = match args.executor {
        Executor::Local => locally(args, &experiment, &plan, layout, view.as_mut())?,
        Executor::Slurm => match in_slurm(args, &experiment, &plan, layout, view.as_mut())? {
            Ran::Watched(summary) => summary,
            Ran::Left => {
                println!("the same command without --detach watches; `longlab status` looks; `longlab cancel` ends");
                return Ok(Exit::Done);
            }
        },
    };
    RUNNING.store(false, Ordering::SeqCst);
    std::io::stdout().write_all(words(args.executor, &plan, &summary).as_bytes())?;
    match exit(&summary) {
        Exit::Done if !args.no_report => report::renew(&experiment, &plan, layout, wiring::write_report),
        exit => Ok(exit),
    }
}

fn locally(
    args: &RunArgs,
    experiment: &Experiment,
    plan: &Plan,
    layout: &Layout,
    view: &mut dyn View,
) -> anyhow::Result<Summary> {
    slurm::refuse_if_submitted(plan, layout)?;
    let needs = args.needs.over(&experiment.resources);
    let options = Options {
        rules: rules(args, &needs, capacity::machine()),
        launcher: launcher(&args.job_command)?,
        provenance: &|| Ok(machine::provenance()),
        interrupts: &INTERRUPTS,
    };
    experiment::run(plan, layout, &options, view)
}

/// So many jobs as were asked for; where nothing was, what the machine carries.
fn rules(args: &RunArgs, needs: &Needs, machine: Load) -> Rules {
    let free = if args.jobs.is_some() { Load::ENDLESS } else { machine };
    Rules {
        slots: args.jobs.map_or(usize::MAX, NonZeroUsize::get),
        budget: Load {
            threads: args.max_threads.unwrap_or(free.threads),
            memory: args.max_memory.unwrap_or(free.memory),
        },
        memory: needs.memory,
        retries: needs.retries,
    }
}

fn in_slurm(
    args: &RunArgs,
    experiment: &Experiment,
    plan: &Plan,
    layout: &Layout,
    view: &mut dyn View,
) -> anyhow::Result<Ran> {
    let setting = slurm::Setting {
        chosen: &args.chosen,
        layout,
        needs: args.needs.over(&experiment.resources),
        jobs: args.jobs,
        report: !args.no_report,
        launcher: launcher(&args.job_command)?,
        interrupts: &INTERRUPTS,
    };
    slurm::run(plan, &args.slurm, setting, view)
}

fn launcher(words: &[OsString]) -> std::io::Result<Launcher> {
    match words {
        [] => Launcher::this_program(),
        [program, args @ ..] => Ok(Launcher { program: program.into(), args: args.to_vec() }),
    }
}

/// Counts signals.
fn watch_signals() -> Result<(), ctrlc::Error> {
    signals::watch(|| {
        INTERRUPTS.fetch_add(1, Ordering::SeqCst);
        if !RUNNING.load(Ordering::SeqCst) {
            std::process::exit(130);
        }
    })
}

fn exit(summary: &Summary) -> Exit {
    // In Slurm somebody else may have cancelled a job.
    let ended = |state: &State| matches!(state, State::Done | State::Cached);
    match (summary.interrupted, summary.states.iter().all(ended)) {
        (true, _) => Exit::Interrupted,
        (false, false) => Exit::Failed,
        (false, true) => Exit::Done,
    }
}

/// The end of a run in words: the table of jobs, the count, the failures, how to go on.
fn words(executor: Executor, plan: &Plan, summary: &Summary) -> String {
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
        Exit::Interrupted if executor == Executor::Slurm => {
            text += "no longer watched; the jobs go on in Slurm. The same command watches again, `longlab cancel` ends them\n"
        }
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
    let parts = [State::Done, State::Cached, State::Failed, State::Stopped, State::Running, State::Queued]
        .into_iter()
        .filter_map(part);
    let plural = if states.len() == 1 { "" } else { "s" };
    format!("{} job{plural}: {}", states.len(), parts.collect::<Vec<_>>().join(", "))
}
