//! From a folder of documents to a trained policy, by the commands alone.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

use longlab_kernels::stream::{Address, Purpose};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;

const NOUNS: [&str; 30] = [
    "river", "stone", "lantern", "harbour", "winter", "meadow", "copper", "letter", "garden", "mountain", "window",
    "sailor", "market", "bridge", "silver", "forest", "candle", "village", "thunder", "orchard", "mirror", "carpet",
    "engine", "feather", "island", "kettle", "ladder", "museum", "needle", "ocean",
];

/// A folder with documents and specifications, in which the command runs.
struct Lab(TempDir);

impl Lab {
    /// Eight tables and eight long texts.
    fn new() -> Lab {
        let lab = Lab(tempfile::tempdir().unwrap());
        for number in 0..8u64 {
            lab.write(&format!("documents/report {number}.csv"), &report(number));
            lab.write(&format!("documents/The Book of {}.txt", NOUNS[number as usize]), &book(number));
        }
        lab.write("set.toml", SET);
        lab
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_longlab"));
        command.args(args).current_dir(self.0.path()).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        let Output { status, stdout, stderr } = self.command(args).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { code: status.code(), out: text(stdout), err: text(stderr) }
    }

    /// The output of a command that must end well.
    fn done(&self, args: &[&str]) -> Ran {
        let ran = self.run(args);
        assert_eq!(ran.code, Some(0), "{args:?}\n{}{}", ran.out, ran.err);
        ran
    }
}

struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ran {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}\n{}", self.out))
    }
}

const SET: &str = r#"
name = "tiny"
seed = 5
[corpus]
folder = "documents"
filters = { fewest_words = 5, least_english = 0.0, repetition = { lines = 1.0, paragraphs = 1.0, line_letters = 1.0, paragraph_letters = 1.0, top_runs = [1.0, 1.0, 1.0], repeated_runs = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0] } }
duplicates = { near = 0.95 }
[engines.table]
items = 16
documents = [2, 3]
[engines.dialogue]
items = 12
needles = [2]
words = [12, 30]
[context]
length = { law = "uniform", low = 400, high = 900 }
passage = 200
[output]
folder = "out"
test = 0.4
"#;

fn report(number: u64) -> String {
    let mut stream = Address::new(3, Purpose::Test).sample(number).stream();
    let mut text = String::from("Name,Mass (kg),Price,Founded\n");
    for row in 0..6 {
        let (mass, price, year) = (stream.range(1..=900), stream.range(1..=400), stream.range(1900..=1990));
        text.push_str(&format!("Unit {number}-{row} {},{mass}.{row},{price},{year}\n", NOUNS[row * 3]));
    }
    text
}

fn book(number: u64) -> String {
    let mut stream = Address::new(3, Purpose::Test).sample(100 + number).stream();
    let mut line = || {
        let words: Vec<&str> = (0..stream.range(7..=14)).map(|_| *stream.pick(&NOUNS)).collect();
        format!("The {} {}.\n", words.join(" "), stream.below(100_000))
    };
    (0..150).map(|_| line()).collect()
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let mut files: Vec<_> =
        entries.map(|e| (e.file_name().to_string_lossy().into_owned(), fs::read(e.path()).unwrap())).collect();
    files.sort();
    files
}

#[test]
fn a_dataset_is_made_found_shown_counted_verified_and_spoiled() {
    let lab = Lab::new();
    let made = lab.done(&["synth", "set.toml", "--threads", "1", "--json"]).json();
    let items = made["items"].as_u64().unwrap();
    assert!(items >= 12, "{made}");
    assert_eq!(
        (made["folder"].as_str(), made["report"].as_str()),
        (Some("out/dataset"), Some("out/dataset/funnel.md"))
    );
    let stages: Vec<&str> = made["funnel"].as_array().unwrap().iter().map(|s| s["stage"].as_str().unwrap()).collect();
    assert!(
        stages.starts_with(&["corpus", "table", "dialogue"]) && stages.ends_with(&["difficulty", "pick"]),
        "{stages:?}"
    );
    let before = files(&lab.path("out/dataset"));
    let again = lab.done(&["synth", "set.toml", "--threads", "2"]);
    assert!(again.err.contains("stages are finished in") && again.err.contains("found finished"), "{}", again.err);
    assert!(
        again.out.contains(&format!("{items} items in out/dataset")) && again.out.contains("14,174"),
        "{}",
        again.out
    );
    assert!(files(&lab.path("out/dataset")) == before);

    let page = lab.done(&["data", "show", "out/dataset", "-n", "2", "--engine", "dialogue", "--whole"]).out;
    assert_eq!((page.matches("**Answer.**").count(), page.matches("### assistant").count() > 3), (2, true));
    let line = lab.done(&["data", "show", "out/dataset", "-n", "1", "--json"]).json();
    let id = line["id"].as_str().unwrap();
    assert!(lab.done(&["data", "show", "out/dataset", "--id", &id[..12]]).out.contains(id));
    assert_eq!(lab.run(&["data", "show", "out/dataset", "--id", "zz"]).code, Some(2));

    let stats = lab.done(&["data", "stats", "out/dataset"]).out;
    assert!(stats.contains("published (Figure 3)") && stats.contains("| form | dialogue |"), "{stats}");
    assert_eq!(lab.done(&["data", "stats", "out/dataset", "--json"]).json()["items"], items);

    let sound = lab.done(&["data", "verify", "out/dataset", "--json"]).json();
    assert_eq!((sound["sound"].as_bool(), sound["sound_items"].as_u64()), (Some(true), Some(items)));
    let train = fs::read_to_string(lab.path("out/dataset/train.jsonl")).unwrap();
    let mut first: Value = serde_json::from_str(train.lines().next().unwrap()).unwrap();
    first["answer"]["text"] = "something else".into();
    let rest: Vec<&str> = train.lines().skip(1).collect();
    fs::remove_file(lab.path("out/dataset/train.jsonl")).unwrap();
    lab.write("out/dataset/train.jsonl", &format!("{first}\n{}\n", rest.join("\n")));
    let spoiled = lab.run(&["data", "verify", "out/dataset"]);
    assert_eq!(spoiled.code, Some(1));
    assert!(spoiled.out.contains("wrong id") && spoiled.out.contains("file altered"), "{}", spoiled.out);
}

#[test]
fn rows_are_converted_and_what_cannot_be_is_said() {
    let lab = Lab::new();
    lab.done(&["synth", "set.toml", "--quiet"]);
    let rows = lab.done(&["data", "convert", "out/dataset", "rows.parquet", "--json"]).json()["rows"].as_u64().unwrap();
    assert_eq!(lab.done(&["data", "convert", "rows.parquet", "rows.jsonl", "--json"]).json()["rows"], rows);
    let lines = fs::read_to_string(lab.path("rows.jsonl")).unwrap();
    let row: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!((lines.lines().count() as u64, row["reward_model"]["style"].as_str()), (rows, Some("rule")));
    for (args, told) in [
        (["convert", "rows.parquet", "rows.jsonl"], "there already"),
        (["convert", "documents", "a.jsonl"], "train.jsonl"),
        (["convert", "rows.parquet", "a.csv"], ".parquet or .jsonl"),
        (["convert", "nowhere.parquet", "a.jsonl"], "nowhere.parquet"),
    ] {
        let ran = lab.run(&[&["data"], &args[..]].concat());
        assert_eq!(ran.code, Some(2), "{args:?}: {}", ran.err);
        assert!(ran.err.contains(told), "{args:?}: {}", ran.err);
    }
}

#[test]
fn bad_specifications_are_input_errors() {
    let lab = Lab::new();
    let refused = |spec: &str, told: &str| {
        lab.write("bad.toml", spec);
        let ran = lab.run(&["synth", "bad.toml", "--quiet"]);
        assert_eq!(ran.code, Some(2), "{}", ran.err);
        assert!(ran.err.contains(told), "{}", ran.err);
    };
    refused(&SET.replace("items = 16", "itmes = 16"), "itmes");
    refused(&SET.replace("test = 0.4", "test = 4.0"), "output.test");
    refused(&SET.replace("\"documents\"", "\"nowhere\""), "nowhere");
    refused(&SET.replace("seed = 5", "model = 5"), "`url` of a server");
    assert_eq!(lab.run(&["synth", "absent.toml"]).code, Some(2));
    assert!(!lab.path("out/dataset").exists());
}

/// A signal ends a run; the next one goes on to the bytes of a run that nobody stopped.
#[test]
fn a_run_that_was_stopped_goes_on_to_the_same_bytes() {
    let lab = Lab::new();
    lab.write("whole.toml", &SET.replace("folder = \"out\"", "folder = \"whole\""));
    lab.done(&["synth", "whole.toml", "--quiet"]);
    let mut stopped = 0;
    for delay in [0, 20, 60, 150] {
        let child = lab.command(&["synth", "set.toml", "--threads", "1"]).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(100 + delay));
        // SAFETY: sends a signal to a process that this test started and has not waited for.
        unsafe { libc::kill(child.id() as i32, libc::SIGINT) };
        let Output { status, stderr, .. } = child.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&stderr).into_owned();
        match status.code() {
            Some(130) => assert!(told.contains("the same command goes on"), "{told}"),
            // It may have ended before the signal, or before it listened to one.
            code => assert!(code == Some(0) || code.is_none(), "{code:?} {told}"),
        }
        stopped += usize::from(status.code() == Some(130));
    }
    lab.done(&["synth", "set.toml", "--quiet"]);
    let (whole, own) = (files(&lab.path("whole/dataset")), files(&lab.path("out/dataset")));
    assert!(whole == own, "after {stopped} stops");
}

const EXPERIMENT: &str = r#"
[experiment]
name = "tiny"
seeds = [0]

[base]
"model.base" = "base"
"data.file" = "out/dataset"
"data.samples" = 8
"data.min_tokens" = 32
"data.max_tokens" = 4000
"rollout.max_tokens" = 6
"train.steps" = 2
"train.prompts" = 2
"train.group" = 2
"train.micro_prompts" = 1
"eval.items" = 2
"eval.answers" = 1
"eval.max_response" = 4
"eval.min_tokens" = 32
"eval.max_tokens" = 4000
"eval.long_items" = 0

[[variant]]
name = "GRPO"
"#;

#[test]
fn a_policy_is_trained_on_a_dataset_and_evaluated_on_its_test_split_by_type() {
    let lab = Lab::new();
    lab.done(&["synth", "set.toml", "--quiet"]);
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/micro/base");
    std::os::unix::fs::symlink(base, lab.path("base")).unwrap();
    lab.write("tiny.toml", EXPERIMENT);
    let plan = |file: &str| lab.done(&["plan", file, "--json"]).out;
    let (first, second) = (plan("tiny.toml"), plan("tiny.toml"));
    assert_eq!(first, second);
    lab.done(&["run", "tiny.toml", "--progress", "quiet", "--jobs", "1"]);
    let jobs: Vec<PathBuf> = fs::read_dir(lab.path("results/jobs")).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(jobs.len(), 1);
    let outcomes = fs::read_to_string(jobs[0].join("outcomes.csv")).unwrap();
    let tasks: Vec<&str> = outcomes.lines().skip(1).map(|line| line.split(',').nth(3).unwrap()).collect();
    assert!(tasks.contains(&"dialogue") && tasks.iter().all(|task| !task.is_empty()) && tasks.len() >= 3, "{outcomes}");
    assert!(outcomes.contains("main,MRCR,") && !outcomes.contains("LBV2"), "{outcomes}");
    let metrics = fs::read_to_string(jobs[0].join("metrics.csv")).unwrap();
    assert!(metrics.lines().count() == 3 && metrics.contains("reward_dialogue"), "{metrics}");
    let report = fs::read_to_string(lab.path("reports/tiny/report.md")).unwrap();
    assert!(report.contains("dialogue") && report.contains("MRCR"), "{report}");
    lab.done(&["verify", jobs[0].to_str().unwrap(), "--steps", "1"]);

    // Another content is another job; another place of the same content is not.
    let id = |file: &str| {
        let said = plan(file);
        let name = jobs[0].file_name().unwrap().to_str().unwrap();
        said.contains(name)
    };
    fs::rename(lab.path("out/dataset"), lab.path("moved")).unwrap();
    lab.write("moved.toml", &EXPERIMENT.replace("out/dataset", "moved"));
    assert!(id("moved.toml"));
    let train = fs::read_to_string(lab.path("moved/train.jsonl")).unwrap();
    fs::remove_file(lab.path("moved/train.jsonl")).unwrap();
    lab.write("moved/train.jsonl", &train.lines().skip(1).map(|line| format!("{line}\n")).collect::<String>());
    assert!(!id("moved.toml"));
}

#[test]
fn what_cannot_be_trained_on_is_named_with_the_mend() {
    let lab = Lab::new();
    lab.done(&["synth", "set.toml", "--quiet"]);
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/micro/base");
    std::os::unix::fs::symlink(base, lab.path("base")).unwrap();
    let told = |text: String| {
        lab.write("bad.toml", &text);
        let ran = lab.run(&["run", "bad.toml", "--progress", "quiet", "--jobs", "1"]);
        assert_ne!(ran.code, Some(0));
        ran.out + &ran.err
    };
    let absent = told(EXPERIMENT.replace("out/dataset", "nowhere"));
    assert!(absent.contains("there is no dataset in `nowhere`") && absent.contains("longlab synth"), "{absent}");
    let short = told(EXPERIMENT.replace("\"data.max_tokens\" = 4000", "\"data.max_tokens\" = 40"));
    assert!(short.contains("none of the") && short.contains("data.max_tokens"), "{short}");
    let outside = told(EXPERIMENT.replace("out/dataset", "../elsewhere"));
    assert!(outside.contains("lies outside the project"), "{outside}");
}
