//! `longlab data show|stats|verify|convert`

use super::{Exit, signals};
use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use longlab_synthesis::dataset::{self, Choice, Split};
use longlab_synthesis::verify::{Report, verify};
use longlab_synthesis::{Engine, SynthesisError};
use serde_json::json;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

/// Look into a dataset that `longlab synth` made: show, count, verify, convert
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  longlab data show out/dataset                       three items, the beginning of each passage
  longlab data show out/dataset --id 3f9a --whole     one item with its whole prompt
  longlab data stats out/dataset                      lengths and types beside the paper's Figure 3
  longlab data verify out/dataset                     every certificate executed again, without a model
  longlab data convert out/dataset rows.parquet       rows for verl or for `data.file` of an experiment

Exit codes: 0 done, 1 verification found a fault, 2 bad input, 130 stopped by Ctrl-C")]
pub(super) struct DataArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    Show(ShowArgs),
    Stats(StatsArgs),
    Verify(VerifyArgs),
    Convert(ConvertArgs),
}

/// Show items with question, answer, evidence, proof and passages
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  longlab data show out/dataset -n 20 --engine table > table.md
  longlab data show out/dataset --id 3f9a --whole
  longlab data show out/dataset --all --json | jq -r .question")]
struct ShowArgs {
    /// The dataset's folder
    #[arg(value_name = "DATASET")]
    folder: PathBuf,
    /// How many
    #[arg(short = 'n', long, value_name = "N", default_value_t = 3)]
    items: usize,
    /// All of them
    #[arg(long, conflicts_with = "items")]
    all: bool,
    /// The one whose id begins so
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Those of an engine
    #[arg(long, value_enum)]
    engine: Option<EngineName>,
    /// The whole prompt and every quote, not their beginnings alone
    #[arg(long)]
    whole: bool,
    /// Print each item as the line that the dataset has
    #[arg(long)]
    json: bool,
}

/// The engines, as a command line names them.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum EngineName {
    Graph,
    Table,
    Agents,
    Dialogue,
}

impl From<EngineName> for Engine {
    fn from(name: EngineName) -> Engine {
        match name {
            EngineName::Graph => Engine::Graph,
            EngineName::Table => Engine::Table,
            EngineName::Agents => Engine::Agents,
            EngineName::Dialogue => Engine::Dialogue,
        }
    }
}

/// Count lengths and types, beside the paper's Figure 3
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  longlab data stats out/dataset\n  longlab data stats out/dataset --json")]
struct StatsArgs {
    /// The dataset's folder
    #[arg(value_name = "DATASET")]
    folder: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Execute every certificate again, without a model
///
/// Hashes of files and documents, places and quotes, queries, paths, turns, the answer without each evidence, irrelevant passages, tokens, ids. What
/// each fault means stands in docs/synthesis.md.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  longlab data verify out/dataset --tokenizer tokenizer.json     counts tokens again too
  longlab data verify out/dataset --json > verified.json

Exit codes: 0 all is sound, 1 something is not, 2 bad input")]
struct VerifyArgs {
    /// The dataset's folder
    #[arg(value_name = "DATASET")]
    folder: PathBuf,
    /// The tokenizer.json that its tokens were counted with
    #[arg(long, value_name = "FILE")]
    tokenizer: Option<PathBuf>,
    /// How many faults are printed
    #[arg(long, value_name = "N", default_value_t = 20)]
    most: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Write rows for training: Parquet in the schema of verl's RL datasets, or the same rows as lines of JSON
///
/// Reads a dataset's folder, a file of its items, or rows in either form; rows go from Parquet to lines and back without loss. Certificates stay with the items. Both
/// kinds can be trained on: `data.file` of an experiment.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  longlab data convert out/dataset/train.jsonl train.parquet
  longlab data convert train.parquet train.rows.jsonl
  longlab data convert out/dataset all.jsonl --split test")]
struct ConvertArgs {
    /// A dataset's folder, a .jsonl or a .parquet file
    #[arg(value_name = "FROM")]
    from: PathBuf,
    /// The file to be written, .parquet or .jsonl; must not exist
    #[arg(value_name = "TO")]
    to: PathBuf,
    /// Only what is set aside for training or for testing
    #[arg(long, value_enum)]
    split: Option<SplitName>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The splits, as a command line names them.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum SplitName {
    Train,
    Test,
}

impl From<SplitName> for Split {
    fn from(name: SplitName) -> Split {
        match name {
            SplitName::Train => Split::Train,
            SplitName::Test => Split::Test,
        }
    }
}

pub(super) fn run(args: &DataArgs) -> Result<Exit> {
    let ended = match &args.action {
        Action::Show(args) => show(args),
        Action::Stats(args) => stats(args),
        Action::Verify(args) => verified(args),
        Action::Convert(args) => convert(args),
    };
    ended.or_else(|error| match error.downcast_ref::<SynthesisError>() {
        Some(cause) if cause.is_input() => {
            eprintln!("error: {error:#}");
            Ok(Exit::Usage)
        }
        _ => Err(error),
    })
}

fn show(args: &ShowArgs) -> Result<Exit> {
    let most = if args.all || args.id.is_some() { None } else { Some(args.items) };
    let choice = Choice { engine: args.engine.map(Engine::from), id: args.id.clone(), most };
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut written = Ok(());
    let shown = dataset::show(&args.folder, &choice, &mut |record| {
        let text = if args.json { line(record)? } else { dataset::page(record, args.whole)? };
        written = out.write_all(text.as_bytes());
        Ok(written.is_ok())
    })?;
    written.and_then(|()| out.flush())?;
    if shown == 0 {
        let what = if args.id.is_some() { "no item has such an id" } else { "no item is of that engine" };
        eprintln!("{}: {what}", args.folder.display());
        return Ok(Exit::Usage);
    }
    Ok(Exit::Done)
}

fn line(record: &dataset::Record) -> longlab_synthesis::Result<String> {
    let line = record.line().and_then(|line| serde_json::to_string(&line));
    line.map(|line| line + "\n").map_err(io::Error::other).map_err(SynthesisError::writing("standard output".as_ref()))
}

fn stats(args: &StatsArgs) -> Result<Exit> {
    let stats = dataset::stats(&args.folder)?;
    let text = if args.json { serde_json::to_string_pretty(&stats)? + "\n" } else { stats.markdown() };
    io::stdout().write_all(text.as_bytes())?;
    Ok(Exit::Done)
}

fn verified(args: &VerifyArgs) -> Result<Exit> {
    let report = verify(&args.folder, args.tokenizer.as_deref())?;
    let text = match args.json {
        true => {
            let told = json!({
                "sound": report.is_sound(), "items": report.items, "sound_items": report.sound, "documents": report.documents,
                "uncounted": report.uncounted, "faults": report.counts(), "findings": report.findings,
            });
            serde_json::to_string_pretty(&told)? + "\n"
        }
        false => page(&report, args.most),
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(if report.is_sound() { Exit::Done } else { Exit::Failed })
}

fn page(report: &Report, most: usize) -> String {
    let mut text = String::new();
    // Writing to a text does not fail.
    for finding in report.findings.iter().take(most) {
        let (fault, detail) = (&finding.found.fault, &finding.found.detail);
        let _ = writeln!(text, "{}:{}  {:.12}  {fault}  {detail}", finding.file, finding.line, finding.id);
    }
    if report.findings.len() > most {
        let _ = writeln!(text, "and {} more (--most, --json)", report.findings.len() - most);
    }
    for (fault, count) in report.counts() {
        let _ = writeln!(text, "{count:8}  {fault}");
    }
    let Report { items, sound, documents, uncounted, .. } = report;
    let _ = writeln!(text, "{sound} of {items} items sound, {documents} documents read");
    if *uncounted > 0 {
        let _ = writeln!(
            text,
            "tokens of {uncounted} items were not counted again; give their tokenizer.json with --tokenizer"
        );
    }
    text
}

/// Whether the user has asked to end.
static STOP: AtomicBool = AtomicBool::new(false);

fn convert(args: &ConvertArgs) -> Result<Exit> {
    signals::watch(|| {
        if STOP.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
    })?;
    let goes_on = || !STOP.load(Ordering::SeqCst);
    let rows = match dataset::convert(&args.from, args.split.map(Split::from), &args.to, &goes_on) {
        Err(SynthesisError::Stopped) => {
            eprintln!("stopped; nothing is written");
            return Ok(Exit::Interrupted);
        }
        rows => rows?,
    };
    match args.json {
        true => println!("{}", json!({ "file": args.to, "rows": rows })),
        false => println!("{rows} rows in {}", args.to.display()),
    }
    Ok(Exit::Done)
}
