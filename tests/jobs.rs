//! The command line from outside, with shell scripts for jobs; the pool by itself in `jobs/pool.rs`.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

#[path = "jobs/pool.rs"]
mod pool;

use std::fs;
use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The start of every fake job: `$dir` is its directory, `$id` its id, `finish` writes its result.
const PRELUDE: &str = r#"
dir=$1; id=${dir##*/}; root=${dir%/jobs/*}
finish() { printf '{"id":"%s","eval_seconds":2}' "$id" > "$dir/done.json"; }
"#;

fn script(folder: &Path, body: &str) -> PathBuf {
    let path = folder.join("fake-job.sh");
    fs::write(&path, format!("{PRELUDE}{body}")).unwrap();
    path
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(20), "never came: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits for a process; its exit code and the processor seconds it took, which other tests on the machine do not lengthen.
fn wait_timed(child: Child) -> (Option<i32>, f64) {
    let (mut status, pid) = (0, child.id().try_into().unwrap());
    // SAFETY: both pointers lead to values of this frame; the child is waited for here alone.
    let usage = unsafe {
        let mut usage = std::mem::zeroed();
        assert_eq!(libc::wait4(pid, &mut status, 0, &mut usage), pid);
        usage
    };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 * 1e-6;
    (ExitStatus::from_raw(status).code(), seconds(usage.ru_utime) + seconds(usage.ru_stime))
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().lines().map(str::to_string).collect()
}

fn is_alive(process: &str) -> bool {
    // A zombie waits only for its parent to look.
    fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// A folder with an experiment of four jobs, and the binary run in it.
struct Lab {
    folder: TempDir,
}

const SPEC: &str = r#"
[experiment]
name = "toy"
title = "A toy"
scale = "micro"
seeds = [0, 1]
[base]
"train.steps" = 10
[[variant]]
name = "GRPO"
[[variant]]
name = "AEPO"
"aepo.high" = "2x"
"#;

impl Lab {
    fn new() -> Lab {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("toy.toml"), SPEC).unwrap();
        // The base policy is part of a job's identity and read for it; no fake job looks inside.
        let base = folder.path().join("experiments/micro/base");
        fs::create_dir_all(&base).unwrap();
        for name in ["config.json", "model.safetensors", "tokenizer.json"] {
            fs::write(base.join(name), name).unwrap();
        }
        Lab { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_longlab"));
        command.args(args).current_dir(self.folder.path());
        command
    }

    fn longlab(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// `longlab run toy.toml --no-report` with a fake job.
    fn run_command(&self, body: &str, more: &[&str]) -> Command {
        let job = format!("/bin/sh {}", script(self.folder.path(), body).display());
        let mut command = self.command(&["run", "toy.toml", "--no-report", "--job-command", &job]);
        command.args(more);
        command
    }

    fn run(&self, body: &str, more: &[&str]) -> Output {
        self.run_command(body, more).output().unwrap()
    }

    /// (variant, seed, status) of each row of jobs.csv, and the ids.
    fn jobs(&self) -> (Vec<String>, Vec<String>) {
        let rows = lines(&self.path("results/toy/jobs.csv"));
        assert_eq!(rows[0], "variant,seed,id,status");
        let cells: Vec<Vec<&str>> = rows[1..].iter().map(|row| row.split(',').collect()).collect();
        let words = cells.iter().map(|row| format!("{} {} {}", row[0], row[1], row[3])).collect();
        (words, cells.iter().map(|row| row[2].to_string()).collect())
    }
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_run_keeps_the_job_list_and_a_finished_one_is_quick() {
    let lab = Lab::new();
    // Each job ends only when the list says of all jobs before it that they are done.
    let body = r#"
        before=$(ls "$root"/jobs/*/done.json 2>/dev/null | wc -l)
        until [ $(grep -c ',done$' "$root/toy/jobs.csv") -eq $before ]; do sleep 0.02; done
        grep -c ',pending$' "$root/toy/jobs.csv" >> "$root/pending"
        finish"#;
    let output = lab.run(body, &["--jobs", "1"]);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).contains("4 jobs: 4 done"), "{}", stdout(&output));
    assert!(stderr(&output).contains("start   GRPO seed 0"), "plain lines off a terminal: {}", stderr(&output));
    let (words, ids) = lab.jobs();
    assert_eq!(words, ["GRPO 0 done", "GRPO 1 done", "AEPO 0 done", "AEPO 1 done"]);
    for name in ["job.json", "provenance.json", "log.txt", "done.json"] {
        assert!(lab.path("results/jobs").join(&ids[2]).join(name).exists(), "{name}");
    }
    assert_eq!(lines(&lab.path("results/pending")), ["4", "3", "2", "1"]);

    let mut again = lab.run_command("exit 1", &[]).stdout(Stdio::piped()).spawn().unwrap();
    let mut text = String::new();
    again.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    let (code, seconds) = wait_timed(again);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("4 jobs: 4 cached"), "{text}");
    assert!(seconds < 2.0, "{seconds} s");
}

#[test]
fn failures_end_in_a_summary_and_code_1_and_the_same_command_goes_on() {
    let lab = Lab::new();
    let body = r#"if grep -q '^  "seed": 1,' "$dir/job.json"; then echo "no such base" >&2; exit 1; fi; finish"#;
    let output = lab.run(body, &["--jobs", "2", "--progress", "plain"]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    let (words, ids) = lab.jobs();
    assert_eq!(words, ["GRPO 0 done", "GRPO 1 failed", "AEPO 0 done", "AEPO 1 failed"]);
    assert!(text.contains("4 jobs: 2 done, 2 failed"), "{text}");
    assert!(text.contains("no such base") && text.contains(&format!("results/jobs/{}/log.txt", ids[1])), "{text}");

    let again = lab.run("finish", &[]);
    assert_eq!(again.status.code(), Some(0), "{}", stdout(&again));
    assert!(stdout(&again).contains("2 done, 2 cached"), "{}", stdout(&again));
    assert_eq!(lab.jobs().0, ["GRPO 0 done", "GRPO 1 done", "AEPO 0 done", "AEPO 1 done"]);
}

/// Starts a run of jobs that wait, and returns it with the process ids of the two jobs that are up.
fn start_waiting(lab: &Lab) -> (Child, Vec<String>) {
    let body = r#"echo $$ >> "$root/up"; exec sleep 60"#;
    let child = lab.run_command(body, &["--jobs", "2"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("two jobs", || lines(&lab.path("results/up")).len() == 2);
    (child, lines(&lab.path("results/up")))
}

#[test]
fn jobs_die_with_a_killed_parent_and_the_same_command_goes_on() {
    let lab = Lab::new();
    let (mut parent, jobs) = start_waiting(&lab);
    assert!(jobs.iter().all(|job| is_alive(job)));
    parent.kill().unwrap();
    parent.wait().unwrap();
    wait_until("the end of the jobs", || jobs.iter().all(|job| !is_alive(job)));
    assert_eq!(lab.jobs().0, ["GRPO 0 pending", "GRPO 1 pending", "AEPO 0 pending", "AEPO 1 pending"]);
    let again = lab.run("finish", &[]);
    assert!(stdout(&again).contains("4 jobs: 4 done"), "{}{}", stdout(&again), stderr(&again));
}

#[test]
fn ctrl_c_and_sigterm_stop_the_jobs_with_code_130() {
    for signal in [libc::SIGINT, libc::SIGTERM] {
        let lab = Lab::new();
        let (mut run, jobs) = start_waiting(&lab);
        // SAFETY: kill takes numbers only.
        unsafe { libc::kill(run.id().try_into().unwrap(), signal) };
        let mut text = String::new();
        run.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(run.wait().unwrap().code(), Some(130), "{text}");
        assert!(text.contains("the same command goes on"), "{text}");
        assert!(text.contains("4 jobs: 4 stopped"), "{text}");
        assert!(jobs.iter().all(|job| !is_alive(job)));
    }
}

#[test]
fn a_second_run_of_the_same_experiment_is_refused() {
    let lab = Lab::new();
    let (mut run, _) = start_waiting(&lab);
    let second = lab.run("finish", &[]);
    assert_eq!(second.status.code(), Some(1));
    assert!(stderr(&second).contains(&format!("in use by process {}", run.id())), "{}", stderr(&second));
    run.kill().unwrap();
    run.wait().unwrap();
}

#[test]
fn a_hang_up_that_was_to_be_ignored_stays_ignored() {
    let lab = Lab::new();
    let body = r#"touch "$dir/up"; while [ ! -e "$root/go" ]; do sleep 0.02; done; finish"#;
    let mut command = lab.run_command(body, &["--jobs", "4"]);
    // As `nohup` does.
    let ignore = || match unsafe { libc::signal(libc::SIGHUP, libc::SIG_IGN) } {
        libc::SIG_ERR => Err(std::io::Error::last_os_error()),
        _ => Ok(()),
    };
    // SAFETY: signal is async-signal-safe.
    let mut run = unsafe { command.pre_exec(ignore) }.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let up = || {
        fs::read_dir(lab.path("results/jobs"))
            .into_iter()
            .flatten()
            .flatten()
            .filter(|e| e.path().join("up").exists())
            .count()
    };
    wait_until("four jobs", || up() == 4);
    // SAFETY: kill takes numbers only.
    unsafe { libc::kill(run.id().try_into().unwrap(), libc::SIGHUP) };
    std::thread::sleep(Duration::from_millis(200));
    fs::write(lab.path("results/go"), "").unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(0));
}

#[test]
fn the_plan_knows_what_is_cached_and_how_long_the_rest_takes() {
    let lab = Lab::new();
    let unknown = stdout(&lab.longlab(&["plan", "toy.toml"]));
    assert!(unknown.contains("unknown") && unknown.contains("4 jobs, 0 cached"), "{unknown}");
    let body = r#"
        grep -q '^  "seed": 1,' "$dir/job.json" && exit 1
        printf 'step,rollout_seconds,rollout_tokens,update_seconds,update_tokens\n1,4,9,1.8,9\n' > "$dir/timing.csv"
        finish"#;
    lab.run(body, &[]);
    let plan: serde_json::Value = serde_json::from_slice(&lab.longlab(&["plan", "toy.toml", "--json"]).stdout).unwrap();
    let minutes: Vec<f64> =
        plan["jobs"].as_array().unwrap().iter().map(|job| job["minutes"].as_f64().unwrap()).collect();
    assert_eq!(minutes, [0.0, 1.0, 0.0, 1.0], "10 steps of 5.8 s and 2 s of evaluation");
    assert_eq!((plan["minutes"].as_f64(), plan["jobs"][0]["cached"].as_bool()), (Some(2.0), Some(true)));
    let table = stdout(&lab.longlab(&["plan", "toy.toml"]));
    assert!(table.contains("4 jobs, 2 cached; 2.0 minutes"), "{table}");
}

#[test]
fn the_resolved_plan_shows_every_setting() {
    let lab = Lab::new();
    let text = stdout(&lab.longlab(&["plan", "toy.toml", "--resolved"]));
    assert!(text.contains("AEPO") && text.contains("weight_decay"), "{text}");
}

#[test]
fn folders_that_cannot_be_used_are_one_clear_line_and_nothing_is_made() {
    let lab = Lab::new();
    fs::write(lab.path("taken"), "").unwrap();
    for results in ["taken", "taken/below", "/proc/longlab"] {
        let output = lab.run("finish", &["--results", results]);
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{results}: {text}");
        assert!(text.starts_with("error: ") && text.contains(results) && text.contains("--results"), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    }
    assert!(!lab.path("results").exists());
}

#[test]
fn a_full_disk_is_said_and_leaves_nothing_half_written() {
    let lab = Lab::new();
    let experiment = lab.path("results/toy");
    fs::create_dir_all(&experiment).unwrap();
    // Writing through this temporary name meets a disk that is full.
    std::os::unix::fs::symlink("/dev/full", experiment.join("jobs.csv.tmp")).unwrap();
    let output = lab.run("finish", &[]);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("the disk is full: cannot write results/toy/jobs.csv"), "{text}");
    let left: Vec<_> = fs::read_dir(&experiment).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["lock"]);
}

#[test]
fn a_job_directory_without_a_job_is_refused() {
    let lab = Lab::new();
    let missing = lab.longlab(&["job", "nowhere"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(stderr(&missing).contains("cannot read nowhere/job.json"), "{}", stderr(&missing));
    fs::create_dir(lab.path("broken")).unwrap();
    fs::write(lab.path("broken/job.json"), r#"{"id": "ab", "kind": "rl", "#).unwrap();
    let broken = lab.longlab(&["job", "broken"]);
    assert_eq!(broken.status.code(), Some(2));
    assert!(stderr(&broken).contains("broken/job.json does not describe a job"), "{}", stderr(&broken));
    assert!(!lab.path("broken/done.json").exists());
}

#[test]
fn help_holds_examples_and_unknown_words_are_usage_errors() {
    let lab = Lab::new();
    for command in ["run", "plan", "job", "report", "keys", "doctor"] {
        let output = lab.longlab(&[command, "--help"]);
        assert!(output.status.success() && stdout(&output).contains("Examples:"), "{command}");
    }
    assert_eq!(lab.longlab(&["rum"]).status.code(), Some(2));
    assert_eq!(lab.longlab(&["run", "toy.toml", "--jobs", "0"]).status.code(), Some(2));
    assert_eq!(lab.longlab(&["run", "no.toml"]).status.code(), Some(2));
    let keys = stdout(&lab.longlab(&["keys", "train.st"]));
    assert!(keys.starts_with("train.steps = "), "{keys}");
    assert_eq!(lab.longlab(&["keys", "trian.steps"]).status.code(), Some(2));
}
