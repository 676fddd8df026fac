//! `longlab merge` from the outside: what it writes is a policy again, and bad input is one clear error with nothing left behind.

use longlab::lm::{Config, Decoder};
use longlab::rl::job::Policy;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

const BASE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/experiments/micro/base");

/// A policy beside the shipped base: its shape and tokenizer with other weights.
fn stranger(dir: &Path, seed: u64) -> PathBuf {
    let (base, folder) = (Path::new(BASE), dir.join(format!("model{seed}")));
    let config = Config::load(&base.join("config.json")).expect("a shape");
    Decoder::init(config, seed).expect("a model").save(&folder).expect("a folder");
    fs::copy(base.join("tokenizer.json"), folder.join("tokenizer.json")).expect("a tokenizer");
    folder
}

fn merge(args: &[&str], out: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_longlab"));
    command.arg("merge").args(args).arg("--out").arg(out).output().expect("longlab runs")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

#[test]
fn a_merged_policy_is_a_policy() {
    let dir = TempDir::new().expect("a folder");
    let (a, b) = (stranger(dir.path(), 1), stranger(dir.path(), 2));
    let first = dir.path().join("first");
    let args = ["--method", "sce", "--base", BASE, "--model", text(&a), "--model", text(&b), "--select", "0.3"];
    let done = merge(&[&args[..], &["--threads", "1"]].concat(), &first);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Policy::load(&first).expect("a policy that can be trained and evaluated");
    let recipe: serde_json::Value =
        serde_json::from_slice(&fs::read(first.join("merge.json")).expect("merge.json")).expect("JSON");
    assert!(recipe.to_string().contains("sce"), "{recipe}");
    // Shards and threads change no number.
    let second = dir.path().join("second");
    assert!(merge(&[&args[..], &["--shard-size", "1MB"]].concat(), &second).status.success());
    let again = dir.path().join("again");
    assert!(merge(&["--method", "linear", "--model", text(&second)], &again).status.success());
    let weights = |dir: &Path| fs::read(dir.join("model.safetensors")).expect("weights");
    assert!(weights(&first) == weights(&again), "other numbers from shards and threads");
    assert!(weights(&first) != weights(Path::new(BASE)), "nothing was merged");
}

#[test]
fn bad_input_is_one_error_and_leaves_nothing() {
    let dir = TempDir::new().expect("a folder");
    let mut config = Config::load(&Path::new(BASE).join("config.json")).expect("a shape");
    config.num_hidden_layers = 2;
    let small = dir.path().join("small");
    Decoder::init(config, 1).expect("a model").save(&small).expect("a folder");
    let taken = dir.path().join("taken");
    fs::create_dir(&taken).expect("a folder");
    let out = dir.path().join("out");
    let cases: [(&[&str], &Path, &str); 5] = [
        (&["--method", "linear", "--model", BASE, "--model", text(&small)], &out, "differ in their tensors"),
        (&["--method", "linear", "--model", text(&taken)], &out, "holds no model"),
        (&["--method", "sce", "--model", BASE], &out, "base"),
        (&["--method", "soup", "--model", BASE], &out, "soup"),
        (&["--method", "linear", "--model", BASE], &taken, "exists"),
    ];
    for (args, out, said) in cases {
        let done = merge(args, out);
        let error = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(2), "{args:?}: {error}");
        assert!(error.contains(said), "{args:?}: {error}");
    }
    let mut left: Vec<_> =
        fs::read_dir(dir.path()).expect("a folder").map(|entry| entry.expect("an entry").file_name()).collect();
    left.sort();
    assert_eq!(left, ["small", "taken"]);
}
