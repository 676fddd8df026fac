//! The whole way through the binary: a base built, experiments trained on it, and the same bytes whatever the number of
//! processes, the order of variants, or the moments of a kill.

#[path = "same_bytes/survival.rs"]
mod survival;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

const BASE: &str = r#"
[experiment]
name = "tiny_base"
title = "A base too small to be good"
kind = "base"
seeds = [0]
[[variant]]
name = "base"
"model.width" = 32
"model.layers" = 2
"model.heads" = 2
"model.kv_heads" = 1
"model.head_dim" = 16
"model.ffn" = 48
"data.min_tokens" = 64
"data.max_tokens" = 96
"warm.steps" = 3
"warm.tokens" = 800
"train.checkpoint_every" = 2
"train.group" = 2
"rollout.max_tokens" = 8
"eval.items" = 2
"eval.answers" = 1
"eval.long_items" = 0
"#;

const SETTINGS: &str = r#"
[base]
"model.base" = "base"
"data.samples" = 24
"data.min_tokens" = 64
"data.max_tokens" = 96
"rollout.max_tokens" = 12
"train.steps" = 5
"train.prompts" = 4
"train.group" = 4
"train.micro_prompts" = 2
"train.checkpoint_every" = 2
"eval.items" = 2
"eval.answers" = 2
"eval.max_response" = 12
"eval.long_items" = 1
"eval.long_min" = 128
"eval.long_max" = 160
"#;

const PLAIN: &str = "[[variant]]\nname = \"GRPO\"\n";
const GATED: &str = "[[variant]]\nname = \"AEPO\"\n\"aepo.low\" = \"0.9x\"\n\"aepo.high\" = \"1x\"\n";

fn spec(variants: &[&str]) -> String {
    let head = "[experiment]\nname = \"pair\"\ntitle = \"Two variants\"\nseeds = [0, 1]\n";
    format!("{head}{SETTINGS}{}", variants.concat())
}

fn longlab(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_longlab"));
    command.current_dir(dir).args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn done(output: Output) -> Output {
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{text}", String::from_utf8_lossy(&output.stdout));
    output
}

/// A folder with a tiny base policy.
fn workshop() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    fs::write(dir.path().join("base.toml"), BASE).expect("a spec");
    done(
        longlab(dir.path(), &["run", "base.toml", "--no-report", "--results", "made"])
            .output()
            .expect("longlab starts"),
    );
    let jobs = fs::read_dir(dir.path().join("made/jobs")).expect("jobs").flatten().collect::<Vec<_>>();
    assert_eq!(jobs.len(), 1);
    fs::rename(jobs[0].path().join("checkpoint"), dir.path().join("base")).expect("the base");
    assert!(jobs[0].path().join("probe.csv").exists());
    dir
}

const KEPT: [&str; 4] = ["metrics.csv", "outcomes.csv", "checkpoint/model.safetensors", "checkpoint/state.safetensors"];

/// What each job left behind that must not depend on how it was run.
fn made(results: &Path) -> Vec<(String, Vec<Vec<u8>>)> {
    let mut jobs: Vec<PathBuf> =
        fs::read_dir(results.join("jobs")).expect("jobs").flatten().map(|e| e.path()).collect();
    jobs.sort();
    let read = |job: &PathBuf| {
        let files =
            KEPT.map(|name| fs::read(job.join(name)).unwrap_or_else(|e| panic!("{}/{name}: {e}", job.display())));
        (job.file_name().unwrap_or_default().to_string_lossy().into_owned(), files.to_vec())
    };
    jobs.iter().map(read).collect()
}

#[test]
fn same_bytes_under_other_jobs_other_order_and_kills() {
    let dir = workshop();
    let at = dir.path();
    fs::write(at.join("pair.toml"), spec(&[PLAIN, GATED])).expect("a spec");
    fs::write(at.join("turned.toml"), spec(&[GATED, PLAIN])).expect("a spec");
    done(longlab(at, &["run", "pair.toml", "--jobs", "1", "--results", "one"]).output().expect("longlab starts"));
    let one = made(&at.join("one"));
    assert_eq!(one.len(), 4, "two variants under two seeds");
    assert!(one.windows(2).all(|pair| pair[0].1 != pair[1].1), "the jobs differ from one another");

    done(
        longlab(at, &["run", "turned.toml", "--jobs", "2", "--results", "two", "--no-report"])
            .output()
            .expect("longlab starts"),
    );
    assert!(made(&at.join("two")) == one, "two processes side by side, variants turned");

    for moment in [700, 1500, 2600] {
        let mut child = longlab(at, &["run", "pair.toml", "--jobs", "2", "--results", "killed", "--no-report"])
            .spawn()
            .expect("longlab starts");
        std::thread::sleep(Duration::from_millis(moment));
        child.kill().expect("SIGKILL");
        child.wait().expect("it is gone");
    }
    done(
        longlab(at, &["run", "pair.toml", "--jobs", "2", "--results", "killed", "--no-report"])
            .output()
            .expect("longlab starts"),
    );
    assert!(made(&at.join("killed")) == one, "killed three times");

    let page = fs::read_to_string(at.join("reports/pair/report.md")).expect("a report");
    assert!(page.contains("GRPO") && page.contains("AEPO"));
}

#[test]
fn a_job_that_gets_sigterm_keeps_its_work_and_ends_with_code_130() {
    let dir = workshop();
    let at = dir.path();
    // Long enough to be asked in the middle, and without a checkpoint of its own accord.
    let text = spec(&[PLAIN]).replace("\"train.steps\" = 5", "\"train.steps\" = 5000");
    let text = text.replace("\"train.checkpoint_every\" = 2", "\"train.checkpoint_every\" = 100000");
    fs::write(at.join("long.toml"), text).expect("a spec");
    done(longlab(at, &["export", "long.toml", "--to", "hyperqueue", "--out", "jobs.toml"]).output().expect("starts"));
    let job = fs::read_dir(at.join("results/jobs")).expect("jobs").flatten().next().expect("a job").path();
    let child = longlab(at, &["job", &job.to_string_lossy()]).spawn().expect("longlab starts");
    let rows = || fs::read_to_string(job.join("metrics.csv")).unwrap_or_default().lines().count();
    let start = std::time::Instant::now();
    while rows() < 3 {
        assert!(start.elapsed() < Duration::from_secs(120), "it made no step");
        std::thread::sleep(Duration::from_millis(20));
    }
    // SAFETY: kill takes numbers only.
    unsafe { libc::kill(child.id().try_into().expect("a process id"), libc::SIGTERM) };
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("stopped as asked"), "{said}");
    assert!(job.join("checkpoint/state.safetensors").exists() && job.join("provenance.json").exists());
}

#[test]
fn a_truncated_base_is_one_clear_error() {
    let dir = workshop();
    let weights = dir.path().join("base/model.safetensors");
    let bytes = fs::read(&weights).expect("weights");
    fs::write(&weights, &bytes[..bytes.len() / 3]).expect("truncate");
    fs::write(dir.path().join("pair.toml"), spec(&[PLAIN])).expect("a spec");
    let output = longlab(dir.path(), &["run", "pair.toml"]).output().expect("longlab starts");
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("model.safetensors"), "{text}");
    assert!(!dir.path().join("reports/pair").exists(), "no report of nothing");
}
