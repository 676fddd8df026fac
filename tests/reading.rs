//! The commands that read results and change nothing (`status`, `watch`, `compare`, `log`) and the one that removes what nothing refers to (`gc`).

#[path = "reading/watch.rs"]
mod watch;

use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const SPEC: &str = "[experiment]\nname = \"toy\"\nseeds = [0, 1]\n[base]\n\"train.steps\" = 4\n\
[[variant]]\nname = \"GRPO\"\n[[variant]]\nname = \"slower\"\n\"train.rate\" = 1e-5\n";

fn longlab(dir: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_longlab"))
        .args(args)
        .arg("--results")
        .arg(dir.join("results"))
        .arg("--reports")
        .arg(dir.join("reports"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("longlab starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// A spec and the ids of its jobs: GRPO 0, GRPO 1, slower 0, slower 1.
fn toy() -> (TempDir, String, Vec<String>) {
    let dir = tempfile::tempdir().expect("a folder");
    let spec = dir.path().join("toy.toml");
    fs::write(&spec, SPEC).expect("written");
    let spec = spec.to_str().expect("text").to_string();
    let (_, plan, error) = longlab(dir.path(), &["plan", &spec, "--json"]);
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap_or_else(|_| panic!("{error}"));
    let ids = plan["jobs"].as_array().expect("jobs").iter().map(|job| job["id"].as_str().expect("an id").to_string());
    let ids = ids.collect();
    (dir, spec, ids)
}

/// A finished job whose answers score 1 to the given number of ten items of each suite.
fn finish(dir: &Path, id: &str, right: usize, reward: f64) {
    let job = dir.join("results/jobs").join(id);
    fs::create_dir_all(&job).expect("a folder");
    fs::write(job.join("done.json"), format!("{{\"id\": \"{id}\", \"seconds\": 30.0}}")).expect("written");
    fs::write(job.join("log.txt"), "one\ntwo\n").expect("written");
    let header = "step,reward,reward_multiple_choice,reward_multi_hop,reward_reading,reward_dialogue,reward_numeric,entropy,\
                  response_tokens,grad_norm,loss,positive,zero,negative,masked,latch,truncated";
    let row = |step: usize| format!("\n{step},{reward},,,,,,0.25,20,1,0,0.5,0,0.5,0,0,0");
    let rows: String = (1..=4).map(row).collect();
    fs::write(job.join("metrics.csv"), format!("{header}{rows}\n")).expect("written");
    let mut outcomes = String::from("split,suite,item,task,answer,status,score,tokens\n");
    for suite in ["DocMath", "LBV2", "Frames", "MRCR", "CorpusQA", "LBV1-QA"] {
        for item in 0..10 {
            let (status, score) = if item < right { ("right", 1) } else { ("wrong", 0) };
            outcomes += &format!("main,{suite},{item},numeric,0,{status},{score},20\n");
        }
    }
    fs::write(job.join("outcomes.csv"), outcomes).expect("written");
}

fn list(dir: &Path, ids: &[String], done: usize) {
    fs::create_dir_all(dir.join("results/toy")).expect("a folder");
    let names = [("GRPO", 0), ("GRPO", 1), ("slower", 0), ("slower", 1)];
    let rows =
        names.iter().zip(ids).enumerate().map(|(n, ((name, seed), id))| {
            format!("{name},{seed},{id},{}\n", if n < done { "done" } else { "pending" })
        });
    fs::write(dir.join("results/toy/jobs.csv"), format!("variant,seed,id,status\n{}", rows.collect::<String>()))
        .expect("written");
}

#[test]
fn status_tells_where_each_job_stands() {
    let (dir, spec, ids) = toy();
    finish(dir.path(), &ids[0], 5, 0.5);
    let stopped = dir.path().join("results/jobs").join(&ids[1]);
    fs::create_dir_all(&stopped).expect("a folder");
    fs::write(stopped.join("metrics.csv"), "step,reward,entropy,latch\n1,0.125,0.3,1\n2,0.").expect("written");
    let (code, out, error) = longlab(dir.path(), &["status", &spec]);
    assert_eq!(code, Some(0), "{error}");
    assert!(out.contains("4 jobs: 1 done, 1 stopped, 2 waiting"), "{out}");
    let line = out.lines().find(|line| line.contains(&ids[1])).expect("a line");
    assert!(
        line.contains("stopped") && line.contains("1/4") && line.contains("0.125") && line.contains("on"),
        "{line}"
    );
    let (_, out, _) = longlab(dir.path(), &["status", &spec, "--json"]);
    let json: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    let stages: Vec<&str> = json["jobs"].as_array().expect("jobs").iter().filter_map(|j| j["stage"].as_str()).collect();
    assert_eq!(stages, ["done", "stopped", "waiting", "waiting"]);
}

#[test]
fn compare_pairs_seeds_and_items() {
    let (dir, spec, ids) = toy();
    for (id, right) in ids.iter().zip([7, 6, 5, 5]) {
        finish(dir.path(), id, right, right as f64 / 10.0);
    }
    list(dir.path(), &ids, 4);
    let (code, out, error) = longlab(dir.path(), &["compare", &spec, "--json"]);
    assert_eq!(code, Some(0), "{error}");
    let json: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(json.as_array().map(Vec::len), Some(7), "avg and six suites");
    assert!((json[0]["difference"].as_f64().expect("a number") + 15.0).abs() < 1e-9, "slower less GRPO: {out}");
    let args = ["compare", &spec, "--variant", "GRPO", "--variant", "slower", "--measure", "reward"];
    let (_, out, _) = longlab(dir.path(), &args);
    assert!(out.contains("+0.1500") && out.contains("reward (0 to 1)"), "{out}");
    let (code, _, error) = longlab(dir.path(), &["compare", &spec, "--variant", "GRPO"]);
    assert!(code == Some(1) && error.contains("give --variant twice"), "{error}");
    let (code, _, error) = longlab(dir.path(), &["compare", &spec, "--variant", "GRPO", "--variant", "fast"]);
    assert!(code != Some(0) && error.contains("no variant \"fast\""), "{error}");
}

#[test]
fn log_prints_the_end_of_a_log() {
    let (dir, _, ids) = toy();
    finish(dir.path(), &ids[0], 5, 0.5);
    assert_eq!(longlab(dir.path(), &["log", &ids[0]]).1, "one\ntwo\n");
    assert_eq!(longlab(dir.path(), &["log", &ids[0], "--lines", "1", "--follow"]).1, "two\n");
    let (code, _, error) = longlab(dir.path(), &["log", "0badcafe"]);
    assert!(code != Some(0) && error.contains("log.txt") && error.contains("longlab run"), "{error}");
}

#[test]
fn gc_removes_what_nothing_refers_to_after_showing_it() {
    let (dir, spec, ids) = toy();
    for id in [&ids[0], &ids[3], &"0badcafe".to_string()] {
        finish(dir.path(), id, 5, 0.5);
    }
    list(dir.path(), &ids[..1], 1);
    let jobs = dir.path().join("results/jobs");
    let specs = dir.path().to_str().expect("text");
    let (code, out, error) = longlab(dir.path(), &["gc", "--specs", "none"]);
    assert_eq!(code, Some(0), "{error}");
    assert!(out.contains("0badcafe") && out.contains(&ids[3]) && !out.contains(&ids[0]), "{out}");
    assert!(jobs.join("0badcafe").exists(), "shown, not removed");
    let (_, out, _) = longlab(dir.path(), &["gc", "--specs", specs, "--delete"]);
    assert!(out.contains("0badcafe") && !out.contains(&ids[3]), "the spec refers to it: {out}");
    assert!(!jobs.join("0badcafe").exists() && jobs.join(&ids[0]).exists() && jobs.join(&ids[3]).exists());
    let (_, out, _) = longlab(dir.path(), &["gc", "--specs", specs, "--delete"]);
    assert!(out.contains("nothing to remove"), "{out}");

    // A spec that cannot be read may name any job: nothing goes.
    fs::write(&spec, SPEC.replace("seeds = [0, 1]", "seeds = []")).expect("written");
    let (code, _, error) = longlab(dir.path(), &["gc", "--specs", specs, "--delete"]);
    assert!(code == Some(1) && error.contains("toy.toml") && error.contains("nothing was removed"), "{error}");
    assert!(jobs.join(&ids[3]).exists());
}
