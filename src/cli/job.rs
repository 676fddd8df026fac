//! `longlab job DIR`

use super::{Exit, exit, signals, wiring};
use crate::lab::job::{self, Printed, Ran};
use crate::rl::progress::{Event, Observer, Stopped};
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Run one job in its directory
///
/// This is the command that `longlab run` starts for each job; a scheduler or a person may start it just as well. It goes on
/// from the last checkpoint and does nothing when the job is finished. At SIGTERM or Ctrl-C it ends the step at hand, writes a checkpoint
/// and ends with code 130; a second one, a moment later, ends it at once.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  longlab job results/jobs/0123456789abcdef
  longlab job results/jobs/0123456789abcdef --events | jq .")]
pub(super) struct JobArgs {
    /// The job directory
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Print each event as a line of JSON
    #[arg(long)]
    events: bool,
    /// Wait so long for another process that works in the directory to end, or to count as dead
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    wait: u64,
}

/// Whether a signal asked this process to end.
static ASKED: AtomicBool = AtomicBool::new(false);
/// A process and its group may be told the same thing twice.
const SAME: Duration = Duration::from_secs(1);

fn end_when_asked() -> Result<(), ctrlc::Error> {
    let mut first: Option<Instant> = None;
    signals::watch(move || {
        ASKED.store(true, Ordering::SeqCst);
        if first.get_or_insert_with(Instant::now).elapsed() > SAME {
            std::process::exit(130);
        }
    })
}

/// An observer that knows of signals.
struct Asked<'a>(&'a mut dyn Observer);

impl Observer for Asked<'_> {
    fn on(&mut self, event: &Event) -> anyhow::Result<()> {
        self.0.on(event)
    }

    fn stopping(&self) -> bool {
        ASKED.load(Ordering::SeqCst)
    }
}

pub(super) fn run(args: &JobArgs) -> anyhow::Result<Exit> {
    let spec = job::read(&args.dir)?;
    wiring::start(spec.settings.train.threads);
    end_when_asked()?;
    let ended = if args.events { with_events(args) } else { with_lines(args) };
    ended.or_else(|error| match error.is::<Stopped>() {
        true => {
            eprintln!("{error}");
            Ok(Exit::Interrupted)
        }
        false => Err(error),
    })
}

fn with_lines(args: &JobArgs) -> anyhow::Result<Exit> {
    let mut lines = Lines { stage: String::new(), total: 0 };
    let ran = execute(args, &mut lines)?;
    let word = if ran == Ran::Now { "done" } else { "finished before; nothing done" };
    println!("{}: {word}", args.dir.display());
    Ok(Exit::Done)
}

fn with_events(args: &JobArgs) -> anyhow::Result<Exit> {
    let mut printed = Printed(std::io::stdout());
    execute(args, &mut printed).map(|_| Exit::Done).inspect_err(|error| {
        // Whoever reads the events also learns the error there, since a full disk keeps it from the log. A stop is no error.
        if !error.is::<Stopped>() {
            let _ = printed.failure(exit::message(error));
        }
    })
}

fn execute(args: &JobArgs, observer: &mut dyn Observer) -> anyhow::Result<Ran> {
    job::execute(&args.dir, wiring::run_job, Duration::from_secs(args.wait), &mut Asked(observer))
}

/// Tells a person about a tenth of all steps.
struct Lines {
    stage: String,
    total: u64,
}

impl Observer for Lines {
    fn on(&mut self, event: &Event) -> anyhow::Result<()> {
        let mut out = std::io::stderr();
        match event {
            Event::Stage { name, done, total } => {
                (self.stage, self.total) = (name.clone(), *total);
                writeln!(out, "{name}: {done}/{total}")?;
            }
            Event::Step { done, reward, entropy, loss } if done % (self.total / 10).max(1) == 0 => {
                let number =
                    |name, value: &Option<f64>| value.map_or(String::new(), |value| format!("  {name} {value:.3}"));
                let numbers = [number("reward", reward), number("entropy", entropy), number("loss", loss)].concat();
                writeln!(out, "{}: {done}/{}{numbers}", self.stage, self.total)?;
            }
            Event::Step { .. } => {}
        }
        Ok(())
    }
}
