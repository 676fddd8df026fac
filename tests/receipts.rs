//! Receipts: a job checks out against them, planted changes are found and named, and two jobs part where they should.

mod common;

use longlab::lab::job::{JobSpec, execute, prepare};
use longlab::lab::work;
use longlab::rl::progress::Silent;
use longlab::rl::receipt::{self, Receipt};
use longlab::rl::record::Record;
use longlab::spec::Kind;
use longlab::spec::settings::Settings;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;
use tempfile::TempDir;

fn settings() -> Settings {
    let mut settings = common::short_job();
    (settings.train.steps, settings.train.checkpoint_every) = (4, 2);
    (settings.eval.items, settings.eval.long_items, settings.eval.answers) = (2, 0, 1);
    settings
}

fn run(settings: Settings, seed: u64) -> TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    let spec = JobSpec { id: "0badcafe".into(), kind: Kind::Rl, seed, settings };
    prepare(dir.path(), &spec, Some(&serde_json::json!({"libtorch": "2.13.0"}))).expect("prepared");
    execute(dir.path(), work::run, std::time::Duration::ZERO, &mut Silent).expect("it runs");
    dir
}

static JOB: LazyLock<TempDir> = LazyLock::new(|| run(settings(), 5));

/// A copy of the finished job, to be spoilt.
fn copy() -> TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    for folder in ["", "checkpoint", "rollouts", "tb"] {
        fs::create_dir_all(dir.path().join(folder)).expect("a folder");
        for entry in fs::read_dir(JOB.path().join(folder)).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_file() {
                let name = path.file_name().expect("a name");
                fs::copy(&path, dir.path().join(folder).join(name)).expect("copied");
            }
        }
    }
    dir
}

fn longlab(args: &[&str], dirs: &[&Path]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_longlab")).arg(args[0]).args(dirs).args(&args[1..]).output();
    let output = output.expect("longlab starts");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).expect("text"))
}

fn verify(dir: &Path, args: &[&str]) -> (Option<i32>, String) {
    longlab(&[&["verify"], args].concat(), &[dir])
}

fn receipts(dir: &Path) -> Vec<Receipt> {
    receipt::read(&dir.join("receipt.jsonl")).expect("receipts")
}

#[test]
fn a_finished_job_checks_out() {
    let (code, text) = verify(JOB.path(), &["--all"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("4 steps learned again") && text.contains("sampled anew: 1, 2, 3, 4"), "{text}");
    let (code, text) = verify(JOB.path(), &["--steps", "1", "--json"]);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(text.lines().filter(|line| line.contains("\"sampled\":true")).count(), 1, "{text}");
    assert_eq!(receipts(JOB.path()).len(), 5);
}

#[test]
fn a_killed_and_resumed_run_is_the_same_run() {
    let (code, text) = verify(JOB.path(), &["--resume-check", "--seed", "1"]);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(text.matches("agrees ").count(), 6, "{text}");
}

/// Replaces the first `from` of a file by `to`.
fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).expect("a text");
    assert!(text.contains(from), "{} has no {from}", path.display());
    fs::write(path, text.replacen(from, to, 1)).expect("written");
}

fn flip(path: &Path, from_end: usize) {
    let mut bytes = fs::read(path).expect("a file");
    let place = bytes.len() - from_end;
    bytes[place] ^= 1;
    fs::write(path, bytes).expect("written");
}

#[test]
fn ten_planted_changes_of_files_are_found_and_named() {
    type Plant = fn(&Path);
    let plants: [(&str, Plant); 10] = [
        ("checkpoint/state.safetensors", |dir| flip(&dir.join("checkpoint/state.safetensors"), 1000)),
        ("checkpoint/model.safetensors", |dir| flip(&dir.join("checkpoint/model.safetensors"), 8)),
        ("metrics.csv", |dir| edit(&dir.join("metrics.csv"), "\n2,", "\n3,")),
        ("outcomes.csv", |dir| edit(&dir.join("outcomes.csv"), ",0,", ",1,")),
        ("rollouts/000002.safetensors", |dir| reward(dir, 2)),
        ("job.json", |dir| edit(&dir.join("job.json"), "\"seed\": 5", "\"seed\": 6")),
        ("provenance.json", |dir| edit(&dir.join("provenance.json"), "2.13.0", "2.12.0")),
        ("receipt.jsonl", |dir| edit(&dir.join("receipt.jsonl"), "\"step\":3", "\"step\":4")),
        ("done.json", |dir| edit(&dir.join("done.json"), "\"steps\": 4", "\"steps\": 40")),
        ("timing.csv", |dir| fs::remove_file(dir.join("timing.csv")).expect("it was there")),
    ];
    for (name, plant) in plants {
        let dir = copy();
        plant(dir.path());
        let (code, text) = verify(dir.path(), &["--files"]);
        assert!(code == Some(1) && text.contains(&format!("differs  {name}")), "{name}: {code:?} {text}");
        assert_eq!(text.matches("differs").count(), 1, "{name} alone: {text}");
    }
}

/// Another reward for one rollout of a step.
fn reward(dir: &Path, step: u64) {
    let path = Record::path(&dir.join("rollouts"), step);
    let mut record = Record::load(&path).expect("a record");
    record.rewards[1] = 1.0 - record.rewards[1];
    record.save(&path).expect("written");
}

#[test]
fn a_step_that_is_not_what_its_receipt_says_is_named() {
    let dir = copy();
    reward(dir.path(), 2);
    let (code, text) = verify(dir.path(), &["--steps", "0"]);
    assert!(code == Some(1) && text.contains("step 2, learned again") && text.contains("the rewards"), "{text}");

    // Sampled anew, a step needs no stored rollouts, and draws what it drew.
    let (_, text) = verify(dir.path(), &["--all"]);
    assert!(text.contains("agrees   4 steps"), "{text}");

    // Another seed is another beginning.
    let dir = copy();
    edit(&dir.path().join("job.json"), "\"seed\": 5", "\"seed\": 6");
    let (code, text) = verify(dir.path(), &["--all"]);
    assert!(code == Some(1) && text.contains("settings or seed"), "{text}");

    // A receipt that is written anew with a chain that holds still does not agree with the work.
    let dir = copy();
    let path = dir.path().join("receipt.jsonl");
    edit(&path, &receipts(dir.path())[2].gradient, &"0".repeat(32));
    let (code, text) = verify(dir.path(), &[]);
    assert!(code == Some(1) && text.contains("the chain does not hold at step 2"), "{text}");
}

#[test]
fn jobs_part_where_they_differ_first() {
    let mut other = settings();
    other.advantage.epsilon = 0.5;
    let (shorter, reseeded) = (run(other, 5), run(settings(), 6));
    let diff = |other: &Path| longlab(&["diff"], &[JOB.path(), other]);
    let (code, text) = diff(shorter.path());
    assert!(code == Some(1) && text.contains("advantage.epsilon"), "{text}");
    assert!(text.contains("at step 1 the advantages differ first"), "{text}");
    let (code, text) = diff(reseeded.path());
    assert!(
        code == Some(1) && text.contains("seeds differ: 5 and 6") && text.contains("the samples differ first"),
        "{text}"
    );
    let (code, text) = diff(copy().path());
    assert!(code == Some(0) && text.contains("agree in all of 4 steps"), "{text}");
}
