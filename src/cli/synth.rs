//! `longlab synth SPEC`

mod progress;

use super::{Exit, player, signals, table};
use anyhow::{Context, Result};
use longlab_client::ClientSettings;
use longlab_synthesis::funnel::{Counts, PUBLISHED, Step};
use longlab_synthesis::score::ByRule;
use longlab_synthesis::spec::ModelSpec;
use longlab_synthesis::tools::Judge;
use longlab_synthesis::{Options, STAGES, Spec, Standard, Summary, SynthesisError, run as make};
use progress::{Told, stages_in};
use serde_json::json;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

/// Make a training set out of a folder of documents
///
/// Reads the documents, makes questions of them with the engines of the specification, puts irrelevant documents around their evidence,
/// checks every certificate, and writes items, rows for training, a card and a funnel. What is finished is not made again: after Ctrl-C or a
/// crash the same command goes on, to the same bytes. Keys and files: docs/synthesis.md.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  longlab synth set.toml                            the dataset lies in the specification's `output.folder`
  longlab synth set.toml --threads 8 --json > made.json
  longlab synth set.toml --model smol               checks and agents ask a model on this machine
  longlab synth set.toml --url http://127.0.0.1:8000/v1 --model qwen --key-variable QWEN_KEY
  longlab data stats out/dataset                    what is in it
  longlab data verify out/dataset                   every certificate executed again

A specification may name the model itself: `model = \"smol\"`, or a table [model] with `url`, `model` and `key_variable`.

Exit codes: 0 made, 1 a server, the disk or a stage failed, 2 bad input, 130 stopped by Ctrl-C")]
pub(super) struct SynthArgs {
    /// The specification, a TOML file
    #[arg(value_name = "SPEC")]
    spec: PathBuf,
    /// Threads; they change no byte of what is made [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Make stages again that are finished
    #[arg(long)]
    again: bool,
    /// The model that checks and agents ask, in place of the specification's: a folder, a GGUF file, a known model or org/name; with --url the
    /// server's name for it
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
    /// An OpenAI-compatible server that has the model
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The environment variable that holds the server's key
    #[arg(long, value_name = "NAME", requires = "url")]
    key_variable: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Show no progress
    #[arg(long)]
    quiet: bool,
}

/// Whether the run is to end.
static STOP: AtomicBool = AtomicBool::new(false);

pub(super) fn run(args: &SynthArgs) -> Result<Exit> {
    signals::watch(|| {
        if STOP.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
        eprintln!("ends after what is being worked on; a second signal does not wait");
    })?;
    match made(args) {
        Ok(Some(summary)) => {
            let text = if args.json { json(&summary)? } else { page(&summary) };
            std::io::stdout().write_all(text.as_bytes())?;
            Ok(Exit::Done)
        }
        Ok(None) => {
            eprintln!("stopped; the same command goes on from here");
            Ok(Exit::Interrupted)
        }
        Err(error) => match error.downcast_ref::<SynthesisError>() {
            Some(cause) if cause.is_input() => {
                eprintln!("error: {error:#}");
                Ok(Exit::Usage)
            }
            _ => Err(error),
        },
    }
}

/// What was made; none where the user stopped it.
fn made(args: &SynthArgs) -> Result<Option<Summary>> {
    let spec = Spec::read(&args.spec).map_err(SynthesisError::from).with_context(|| args.spec.display().to_string())?;
    let threads = args.threads.map(usize::from);
    let open = |model: &ModelSpec| player::open(model, threads.unwrap_or_else(player::cores));
    let model = model(args, &spec).as_ref().map(open).transpose()?;
    let judge = spec.judge.as_ref().map(open).transpose()?;
    let standard = Standard::new(&spec)?;
    let mut tools = standard.tools();
    tools.model = model.as_deref().map(|model| (model, &ByRule as &dyn Judge));
    tools.prose = model.as_deref();
    (tools.answer_judge, tools.document_judge) = (judge.as_deref(), judge.as_deref());
    let finished = stages_in(&spec.output.folder.join(STAGES));
    if finished > 0 && !args.again && !args.quiet {
        eprintln!("{finished} stages are finished in {}; what fits is not made again", spec.output.folder.display());
    }
    let mut told = Told::new(args.quiet, &STOP);
    match make(&spec, &Options { threads, again: args.again }, &tools, &mut told) {
        Ok(summary) => Ok(Some(summary)),
        Err(SynthesisError::Stopped) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The model of the command line, else that of the specification.
fn model(args: &SynthArgs, spec: &Spec) -> Option<ModelSpec> {
    let SynthArgs { model, url, key_variable, .. } = args;
    match (url, model) {
        (Some(url), _) => Some(ModelSpec::Server(Box::new(ClientSettings {
            model: model.clone(),
            key_variable: key_variable.clone(),
            ..ClientSettings::of(url)
        }))),
        (None, Some(name)) => Some(ModelSpec::Local(name.clone())),
        (None, None) => spec.model.clone(),
    }
}

fn json(summary: &Summary) -> Result<String> {
    let Summary { folder, items, funnel, hash } = summary;
    let told =
        json!({ "folder": folder, "items": items, "hash": hash.0, "report": report(summary), "funnel": funnel.steps });
    Ok(serde_json::to_string_pretty(&told)? + "\n")
}

fn report(summary: &Summary) -> PathBuf {
    summary.folder.join("funnel.md")
}

/// The funnel as a table, and where everything lies.
fn page(summary: &Summary) -> String {
    let row = |Step { stage, unit, counts }: &Step| {
        vec![stage.clone(), unit.clone(), counts.taken.to_string(), counts.kept.to_string(), reasons(counts)]
    };
    let rows: Vec<Vec<String>> = summary.funnel.steps.iter().map(row).collect();
    let mut text = table::render(&["stage", "counts", "taken", "kept", "dropped, most often"], &rows, &[2, 3]);
    let published: Vec<String> = PUBLISHED.iter().map(|(what, count)| format!("{count} {what}")).collect();
    // Writing to a text does not fail.
    let _ = write!(
        text,
        "\npublished for QwenLong-L1.5: {}\n\n{} items in {}\nall reasons, lengths and types: {}\n",
        published.join(", "),
        summary.items,
        summary.folder.display(),
        report(summary).display()
    );
    text
}

/// The most frequent reasons, and how many others there are.
fn reasons(counts: &Counts) -> String {
    const SHOWN: usize = 2;
    let mut reasons: Vec<(&String, &usize)> = counts.dropped.iter().collect();
    reasons.sort_by(|one, other| other.1.cmp(one.1).then(one.0.cmp(other.0)));
    let mut shown: Vec<String> =
        reasons.iter().take(SHOWN).map(|(reason, count)| format!("{count} {reason}")).collect();
    let rest: usize = reasons.iter().skip(SHOWN).map(|(_, count)| **count).sum();
    if rest > 0 {
        shown.push(format!("{rest} for {} other reasons", reasons.len() - SHOWN));
    }
    shown.join("; ")
}
