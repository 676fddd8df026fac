//! `longlab verify JOB`

use super::{Exit, replay::find, wiring};
use crate::lab::{Layout, job, layout, seal};
use crate::rl::progress::Event;
use crate::rl::verify::{Checked, verify};
use crate::spec;
use anyhow::{Context, Result, ensure};
use longlab_kernels::stream::{Address, Purpose};
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Check a finished job: its files against their seal, its steps against their receipts
///
/// The digests of all files are compared with those that were sealed when the job ended. Then every update is made again from the
/// stored rollouts, and some steps with their sampling too; samples, tokens, rewards, advantages, gate, loss, gradients and weights
/// of each step must come out as its receipt says, bit for bit. That holds on the same kind of processor with the same threads.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  longlab verify 0123456789abcdef                  files, all updates, three steps with sampling
  longlab verify 0123456789abcdef --all            every step with sampling
  longlab verify 0123456789abcdef --files          the files alone, in a moment
  longlab verify 0123456789abcdef --resume-check   train it again, killed in the middle and resumed

Exit codes: 0 all agrees, 1 something differs")]
pub(super) struct VerifyArgs {
    /// The job: its directory or its id
    #[arg(value_name = "JOB")]
    job: PathBuf,
    /// How many steps are sampled anew, drawn at random
    #[arg(long, value_name = "N", default_value_t = 3)]
    steps: usize,
    /// Sample every step anew
    #[arg(long, conflicts_with = "steps")]
    all: bool,
    /// Seed of the choice of steps
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Check the files alone
    #[arg(long, conflicts_with_all = ["all", "steps", "resume_check"])]
    files: bool,
    /// Train the job once more in a temporary folder, kill it in the middle, resume it, and compare the files
    #[arg(long, conflicts_with_all = ["all", "steps"])]
    resume_check: bool,
    /// Print each finding and step as a line of JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &VerifyArgs, layout: &Layout) -> Result<Exit> {
    let dir = find(&args.job, layout);
    let spec = job::read(&dir)?;
    let mut sound = files(&dir, args.json)?;
    if args.resume_check {
        sound &= resume_check(&dir, &spec, args)?;
    } else if spec.kind == spec::Kind::Base {
        eprintln!("a job of kind base has no receipts; its files alone were checked");
    } else if !args.files {
        sound &= steps(&dir, &spec, args)?;
    }
    Ok(if sound { Exit::Done } else { Exit::Failed })
}

fn files(dir: &Path, json: bool) -> Result<bool> {
    let findings = seal::check(dir)?;
    for finding in &findings {
        if json { println!("{}", json!({"file": finding.to_string()})) } else { println!("differs  {finding}") }
    }
    if findings.is_empty() && !json {
        println!("agrees   {} files with the seal of the job", seal::sealed_files(dir));
    }
    Ok(findings.is_empty())
}

fn steps(dir: &Path, spec: &job::JobSpec, args: &VerifyArgs) -> Result<bool> {
    wiring::start(spec.settings.train.threads);
    let total = spec.settings.train.steps;
    let mut stream = Address::new(args.seed, Purpose::Verify).stream();
    let wanted = if args.all { total as usize } else { args.steps.min(total as usize) };
    let sampled: BTreeSet<u64> =
        stream.choose_distinct(total as usize, wanted).into_iter().map(|step| step as u64 + 1).collect();
    let mut differs = None;
    verify(dir, &spec.settings, spec.seed, &sampled, &mut |checked| {
        if args.json {
            let Checked { step, sampled, differs } = checked;
            println!("{}", json!({"step": step, "sampled": sampled, "differs": differs}));
        }
        if checked.differs.is_some() {
            differs = Some(checked.clone());
        }
        Ok(())
    })?;
    if args.json {
        return Ok(differs.is_none());
    }
    match &differs {
        Some(Checked { step: 0, differs, .. }) => {
            let what = if *differs == Some("samples") { "settings or seed are" } else { "the base policy is" };
            println!("differs  {what} not what the job began with");
        }
        Some(Checked { step, sampled, differs }) => {
            let how = if *sampled { "sampled and learned again" } else { "learned again from its stored rollouts" };
            println!("differs  step {step}, {how}: the {} come out otherwise", differs.unwrap_or_default());
        }
        None => {
            let list = sampled.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
            println!("agrees   {total} steps learned again from the stored rollouts; sampled anew: {list}");
        }
    }
    Ok(differs.is_none())
}

/// Files that a resumed job must have byte for byte.
const SAME: [&str; 5] =
    ["metrics.csv", "outcomes.csv", "receipt.jsonl", "checkpoint/state.safetensors", "checkpoint/model.safetensors"];

/// Proves that N steps are k steps, a kill, and N - k more.
fn resume_check(dir: &Path, spec: &job::JobSpec, args: &VerifyArgs) -> Result<bool> {
    let total = spec.settings.train.steps;
    ensure!(spec.kind == spec::Kind::Rl && total > 1, "a job of {total} steps cannot be stopped in the middle");
    let kill = 1 + Address::new(args.seed, Purpose::Verify).stream().below(total as usize - 1) as u64;
    let folder = tempfile::tempdir().context("making a temporary folder")?;
    job::prepare(folder.path(), spec, Some(&json!({})))?;
    start(folder.path(), Some(kill))?;
    start(folder.path(), None)?;
    let mut sound = true;
    for name in SAME {
        let read =
            |dir: &Path| fs::read(dir.join(name)).with_context(|| format!("reading {}", dir.join(name).display()));
        let same = read(dir)? == read(folder.path())?;
        sound &= same;
        let word = if same { "agrees " } else { "differs" };
        if args.json {
            println!("{}", json!({"file": name, "killed_after": kill, "same": same}));
        } else {
            println!("{word}  {name} of a run killed after step {kill} and resumed");
        }
    }
    Ok(sound)
}

/// Runs the job of a folder in a process of its own, to its end or until it is killed after a step.
fn start(dir: &Path, kill_after: Option<u64>) -> Result<()> {
    let program = std::env::current_exe().context("finding the longlab binary")?;
    let mut child = Command::new(program)
        .arg("job")
        .arg(dir)
        .arg("--events")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("starting the job")?;
    let lines = BufReader::new(child.stdout.take().context("the output of the job")?).lines();
    for line in lines.map_while(std::result::Result::ok) {
        let step = match serde_json::from_str(&line) {
            Ok(job::Line::Event(Event::Step { done, .. })) => Some(done),
            _ => None,
        };
        if step.is_some() && step == kill_after {
            child.kill().context("killing the job")?;
            break;
        }
    }
    let status = child.wait().context("waiting for the job")?;
    ensure!(
        kill_after.is_some() || status.success(),
        "the resumed job failed: {status}; run it by hand: longlab job {}",
        dir.display()
    );
    ensure!(kill_after.is_none() || !layout::done_json(dir).exists(), "the job had ended before it was killed");
    Ok(())
}
