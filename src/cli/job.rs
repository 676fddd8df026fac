//! `longlab job DIR`

use super::{Exit, exit, wiring};
use crate::lab::job::{self, Printed, Ran};
use crate::rl::progress::{Event, Observer};
use std::io::Write;
use std::path::PathBuf;

/// Run one job in its directory
///
/// This is the command that `longlab run` starts for each job; a scheduler or a person may start it just as well. It goes on
/// from the last checkpoint and does nothing when the job is finished.
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
}

pub(super) fn run(args: &JobArgs) -> anyhow::Result<Exit> {
    let spec = job::read(&args.dir)?;
    wiring::start(spec.settings.train.threads);
    if !args.events {
        let ran = job::execute(&args.dir, wiring::run_job, &mut Lines { stage: String::new(), total: 0 })?;
        let word = if ran == Ran::Now { "done" } else { "finished before; nothing done" };
        println!("{}: {word}", args.dir.display());
        return Ok(Exit::Done);
    }
    let mut printed = Printed(std::io::stdout());
    match job::execute(&args.dir, wiring::run_job, &mut printed) {
        Ok(_) => Ok(Exit::Done),
        Err(error) => {
            // Whoever reads the events also learns the error there, since a full disk keeps it from the log.
            let _ = printed.failure(exit::message(&error));
            Err(error)
        }
    }
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
