//! `longlab replay JOB --with KEY=VALUE`

use super::{Exit, table, wiring};
use crate::lab::{Layout, job};
use crate::rl::replay::{Row, Space, replay};
use crate::spec::{self, KEYS, Settings};
use anyhow::{Context, Result, ensure};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Show what other settings would have done on the rollouts of a finished job
///
/// Advantages, gates and gradients of every step are computed again from the stored rollouts, once as the job had them and once
/// with the given keys, and compared step by step. Nothing is sampled and nothing is changed.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  longlab replay 0123456789abcdef --with advantage.scale=batch
  longlab replay results/jobs/0123456789abcdef --with aepo.low=0.9x --with aepo.high=1x
  longlab replay 0123456789abcdef --with gate.level=token --parameters --json | jq .")]
pub(super) struct ReplayArgs {
    /// The job: its directory or its id
    #[arg(value_name = "JOB")]
    job: PathBuf,
    /// A setting to be changed; may be given several times
    #[arg(long, value_name = "KEY=VALUE", required = true)]
    with: Vec<String>,
    /// Compare gradients in the parameters (trains the job again on its rollouts) and not in the log-probabilities
    #[arg(long)]
    parameters: bool,
    /// Print each step as a line of JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &ReplayArgs, layout: &Layout) -> Result<Exit> {
    let dir = find(&args.job, layout);
    let spec = job::read(&dir)?;
    ensure!(spec.kind == spec::Kind::Rl, "{} is a job of kind base, which draws no rollouts", dir.display());
    let other = changed(&spec.settings, &args.with)?;
    wiring::start(spec.settings.train.threads);
    let space = if args.parameters { Space::Parameters } else { Space::LogProbs };
    let mut rows = Vec::new();
    replay(&dir, &spec.settings, spec.seed, &other, space, &mut |row| {
        if args.json {
            println!("{}", serde_json::to_string(row)?);
        }
        rows.push(*row);
        Ok(())
    })?;
    if !args.json {
        print!("{}", page(&rows, space));
    }
    Ok(Exit::Done)
}

pub(super) fn find(job: &Path, layout: &Layout) -> PathBuf {
    if job.is_dir() { job.to_owned() } else { layout.job(&job.to_string_lossy()) }
}

/// The settings with some keys changed, checked as an experiment file would be.
fn changed(settings: &Settings, with: &[String]) -> Result<Settings> {
    let mut text = String::from("[experiment]\nname = \"replay\"\nseeds = [0]\n[base]\n");
    for key in KEYS {
        writeln!(text, "\"{}\" = {}", key.path, key.get(settings))?;
    }
    text.push_str("[[variant]]\nname = \"other\"\n");
    for pair in with {
        let (key, value) = pair.split_once('=').with_context(|| format!("--with {pair}: write KEY=VALUE"))?;
        let plain = value.trim().parse::<f64>().is_ok() || ["true", "false"].contains(&value.trim());
        let value = if plain { value.trim().to_string() } else { toml::Value::String(value.trim().into()).to_string() };
        writeln!(text, "{} = {value}", toml::Value::String(key.trim().into()))?;
    }
    let mut experiment = spec::parse(&text, Path::new("--with"))?;
    Ok(experiment.variants.remove(0).settings)
}

fn page(rows: &[Row], space: Space) -> String {
    let number = |value: Option<f64>| value.map_or("-".to_string(), |value| format!("{value:.4}"));
    let onoff = |on: bool| if on { "on" } else { "off" }.to_string();
    let cells = rows.iter().map(|row| {
        vec![
            row.step.to_string(),
            format!("{:.4}", row.entropy),
            onoff(row.latch.0),
            onoff(row.latch.1),
            format!("{:.3}", row.masked.0),
            format!("{:.3}", row.masked.1),
            number(row.cosine),
            number(row.norm_ratio),
        ]
    });
    let head = ["step", "entropy", "latch", "latch'", "masked", "masked'", "cosine", "norm'/norm"];
    let table = table::render(&head, &cells.collect::<Vec<_>>(), &[0, 1, 4, 5, 6, 7]);
    let mean = |pick: fn(&Row) -> Option<f64>| {
        let values: Vec<f64> = rows.iter().filter_map(pick).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    let of = match space {
        Space::LogProbs => "log-probabilities of the sampled tokens",
        Space::Parameters => "parameters",
    };
    format!(
        "{table}\n' under the changed settings. Gradients in the {of}; entropy in nats; masked: share of response tokens without gradient.\n\
         {} steps: mean cosine {}, mean norm ratio {}\n",
        rows.len(),
        number(mean(|row| row.cosine)),
        number(mean(|row| row.norm_ratio))
    )
}
