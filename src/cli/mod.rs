//! The command line: one file a subcommand, thin.

mod ask;
mod audit;
mod chat;
mod chosen;
mod compare;
mod data;
mod diff;
mod doctor;
mod exit;
mod export;
mod fetch;
mod gallery;
mod gc;
mod job;
mod keys;
mod log;
mod merge;
mod model;
mod needs;
mod plan;
mod player;
mod replay;
mod report;
mod run;
mod serve;
mod signals;
mod slurm;
mod spell;
mod status;
mod synth;
mod table;
mod verify;
mod watch;
mod wiring;

use crate::lab::Layout;
use clap::{Args, Parser, Subcommand};
pub use exit::Exit;
use std::path::PathBuf;
use std::process::ExitCode;

/// A research lab for long-context reinforcement learning.
///
/// An experiment is a TOML file: variants, seeds, claims. longlab trains every variant under every seed, evaluates them, and
/// reports what was measured beside what was published.
#[derive(Debug, Parser)]
#[command(name = "longlab", version, after_help = EXAMPLES, max_term_width = 120)]
struct Cli {
    #[command(flatten)]
    folders: Folders,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  longlab run experiments/quickstart.toml            train, evaluate, report; goes on where it was stopped
  longlab run experiments/table5.toml --jobs 2       two jobs side by side
  longlab run experiments/table5.toml --executor slurm   the same on a Slurm cluster
  longlab spell experiments/spell.toml               self-play: questions, answers and verdicts of one policy
  longlab plan experiments/table5.toml               what would run, and for how long
  longlab plan experiments/table5.toml --resolved    every setting of every variant
  longlab report experiments/table5.toml             the report again, without running anything
  longlab status experiments/table5.toml             where its jobs stand
  longlab watch experiments/table5.toml              the same, live, with curves
  longlab compare experiments/table5.toml            differences between variants, with intervals
  longlab keys train                                 the settings whose names begin with `train`
  longlab verify 0123456789abcdef                    files and steps of a finished job, checked against its receipts
  longlab merge recipe.toml --out merged             merge models that lie in Hugging Face folders
  longlab ask --doc notes.txt \"Who signed it?\"     a question about documents, answered by a model on this machine
  longlab chat                                       a dialogue with it
  longlab serve --model smol                         the same for clients of OpenAI's API
  longlab model smol                                 what a checkpoint is and what it needs
  longlab synth set.toml                             a training set out of a folder of documents
  longlab data verify out/dataset                    every certificate of it executed again
  longlab audit table.csv --items math=500,qa=200    what a published table can and cannot mean

Exit codes: 0 done, 1 jobs failed, 2 bad input, 130 stopped by Ctrl-C";

#[derive(Args, Clone, Debug)]
struct Folders {
    /// Folder of job directories and job lists
    #[arg(long, global = true, value_name = "DIR", default_value = "results")]
    results: PathBuf,
    /// Folder of rendered reports
    #[arg(long, global = true, value_name = "DIR", default_value = "reports")]
    reports: PathBuf,
}

impl Folders {
    fn layout(&self) -> Layout {
        Layout::new(&self.results, &self.reports)
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::RunArgs),
    Spell(spell::SpellArgs),
    Plan(plan::PlanArgs),
    Job(job::JobArgs),
    Report(report::ReportArgs),
    Replay(replay::ReplayArgs),
    Gallery(gallery::GalleryArgs),
    Status(status::StatusArgs),
    Watch(watch::WatchArgs),
    Compare(compare::CompareArgs),
    Log(log::LogArgs),
    Export(export::ExportArgs),
    Cancel(slurm::CancelArgs),
    Gc(gc::GcArgs),
    Verify(verify::VerifyArgs),
    Diff(diff::DiffArgs),
    /// Show what this machine has and what each scale needs
    #[command(after_help = "Examples:\n  longlab doctor\n  longlab doctor --json")]
    Doctor {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    Keys(keys::KeysArgs),
    Merge(merge::MergeArgs),
    Fetch(fetch::FetchArgs),
    Model(model::ModelArgs),
    Ask(ask::AskArgs),
    Chat(chat::ChatArgs),
    Serve(serve::ServeArgs),
    Synth(synth::SynthArgs),
    Data(data::DataArgs),
    Audit(audit::AuditArgs),
}

/// Runs the command line of this process and returns its exit code.
pub fn main() -> ExitCode {
    let Cli { folders, command } = Cli::parse();
    let layout = folders.layout();
    let ended = match command {
        Command::Run(args) => run::run(&args, &layout),
        Command::Spell(args) => spell::run(&args, &layout),
        Command::Plan(args) => plan::run(&args, &layout),
        Command::Job(args) => job::run(&args),
        Command::Report(args) => report::run(&args, &layout),
        Command::Replay(args) => replay::run(&args, &layout),
        Command::Gallery(args) => gallery::run(&args, &layout),
        Command::Status(args) => status::run(&args, &layout),
        Command::Watch(args) => watch::run(&args, &layout),
        Command::Compare(args) => compare::run(&args, &layout),
        Command::Export(args) => export::run(&args, &layout),
        Command::Cancel(args) => slurm::cancel(&args, &layout),
        Command::Log(args) => log::run(&args, &layout),
        Command::Gc(args) => gc::run(&args, &layout),
        Command::Verify(args) => verify::run(&args, &layout),
        Command::Diff(args) => diff::run(&args, &layout),
        Command::Doctor { json } => doctor::run(json).map(|()| Exit::Done),
        Command::Keys(args) => keys::run(&args),
        Command::Merge(args) => merge::run(&args),
        Command::Fetch(args) => fetch::run(&args),
        Command::Model(args) => model::run(&args),
        Command::Ask(args) => ask::run(&args),
        Command::Chat(args) => chat::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Synth(args) => synth::run(&args),
        Command::Data(args) => data::run(&args),
        Command::Audit(args) => audit::run(&args),
    };
    ended.unwrap_or_else(|error| exit::explain(&error)).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
