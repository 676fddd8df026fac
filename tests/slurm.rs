//! The Slurm executor from outside, with shell scripts for Slurm's commands. A real Slurm: `tests/slurm/run.sh`.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

use longlab as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const SPEC: &str = r#"
[experiment]
name = "toy"
seeds = [0, 1]
[resources]
memory = 700
minutes = 90
[[variant]]
name = "GRPO"
[[variant]]
name = "AEPO"
"aepo.high" = "2x"
"#;

/// A queue that is a folder with a file a job; `cluster` stands for that folder.
const SBATCH: &str = r#"
cd cluster
printf '%s\n' "$*" >> sbatch.said
if [ -e refuses ]; then echo "sbatch: error: invalid partition specified: moon" >&2; exit 1; fi
id=$(( $(cat count 2>/dev/null || echo 10) + 1 )); echo $id > count
for word in "$@"; do case $word in --job-name=*) name=${word#*=};; --array=*) array=${word#*=};; esac; done
if [ -n "$array" ]; then tasks="\"array_job_id\":$id,\"array_task_id\":null,\"array_task_string\":\"$array\""
else tasks='"array_job_id":0,"array_task_id":null'; fi
printf '{"job_id":%s,%s,"name":"%s","job_state":"PENDING","state_reason":"Resources","nodes":""}' "$id" "$tasks" "$name" > queue/$id
if [ -e kills ]; then rm kills; kill -KILL $PPID; exit 1; fi
while [ -e slow ]; do sleep 0.02; done
echo $id
"#;
const SQUEUE: &str = r#"
cd cluster
[ -e deaf ] && { echo "slurm_load_jobs error: Unable to contact slurm controller" >&2; exit 1; }
comma=; printf '{"jobs":['
for job in queue/*; do [ -e "$job" ] && { printf '%s' "$comma"; cat "$job"; comma=,; }; done
printf ']}'
"#;
const SCANCEL: &str = r#"cd cluster; echo "$*" >> scancel.said; for id in "$@"; do rm queue/$id || exit 1; done"#;
const SACCT: &str = r#"echo "Slurm accounting storage is disabled" >&2; exit 1"#;
const SCONTROL: &str = r#"cd cluster; printf 'MaxArraySize            = %s\n' "$(cat size 2>/dev/null || echo 1001)""#;

/// A folder with an experiment of four jobs, and a cluster of scripts.
struct Lab {
    folder: TempDir,
}

impl Lab {
    fn new() -> Lab {
        let lab = Lab { folder: tempfile::tempdir().unwrap() };
        fs::write(lab.path("toy.toml"), SPEC).unwrap();
        let base = lab.path("experiments/micro/base");
        fs::create_dir_all(&base).unwrap();
        for name in ["config.json", "model.safetensors", "tokenizer.json"] {
            fs::write(base.join(name), name).unwrap();
        }
        fs::create_dir_all(lab.path("cluster/queue")).unwrap();
        let commands =
            [("sbatch", SBATCH), ("squeue", SQUEUE), ("scancel", SCANCEL), ("sacct", SACCT), ("scontrol", SCONTROL)];
        fs::create_dir(lab.path("bin")).unwrap();
        for (name, body) in commands {
            let path = lab.path("bin").join(name);
            fs::write(&path, format!("#!/bin/sh\ncd '{}'\n{body}", lab.folder.path().display())).unwrap();
            fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        }
        lab
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_longlab"));
        command.args(args).current_dir(self.folder.path());
        command.env("PATH", format!("{}:/usr/bin:/bin", self.path("bin").display()));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn longlab(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// `longlab run toy.toml --executor slurm` with looks in quick succession.
    fn slurm(&self, more: &[&str]) -> Command {
        let mut command = self.command(&["run", "toy.toml", "--executor", "slurm", "--every", "0.02", "--no-report"]);
        command.args(more);
        command
    }

    fn submit(&self, more: &[&str]) -> Output {
        self.slurm(&[&["--detach"], more].concat()).output().unwrap()
    }

    /// The words of each call of a command.
    fn said(&self, command: &str) -> Vec<String> {
        lines(&self.path(&format!("cluster/{command}.said")))
    }

    /// The job directories of the newest list.
    fn listed(&self) -> Vec<PathBuf> {
        let folder = fs::read_dir(self.path("results/toy/slurm")).unwrap().map(|entry| entry.unwrap().path());
        let mut lists: Vec<PathBuf> = folder.filter(|path| path.extension().is_some_and(|end| end == "txt")).collect();
        lists.sort_by_key(|path| fs::metadata(path).unwrap().modified().unwrap());
        lines(lists.last().unwrap()).into_iter().map(PathBuf::from).collect()
    }

    /// Puts a task of an array into a state of its own.
    fn task(&self, array: u64, task: usize, state: &str) {
        let text = format!(
            r#"{{"job_id":{array}{task},"array_job_id":{array},"array_task_id":{task},"name":"t","job_state":"{state}","state_reason":"NonZeroExitCode","nodes":"n1"}}"#
        );
        fs::write(self.path(&format!("cluster/queue/{array}_{task}")), text).unwrap();
    }

    /// Takes what waits of an array out of the queue.
    fn none_waits(&self, array: u64) {
        fs::remove_file(self.path(&format!("cluster/queue/{array}"))).unwrap();
    }
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().lines().map(str::to_string).collect()
}

fn finish(dir: &Path) {
    let id = dir.file_name().unwrap().to_str().unwrap();
    fs::write(dir.join("done.json"), format!("{{\"id\":\"{id}\"}}")).unwrap();
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(60), "never came: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn interrupt(child: &Child) {
    // SAFETY: kill takes numbers only.
    unsafe { libc::kill(child.id().try_into().unwrap(), libc::SIGINT) };
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn one_array_holds_the_open_jobs_with_what_they_need() {
    let lab = Lab::new();
    let more =
        ["--jobs", "3", "--partition", "cpu", "--gpus", "1", "--memory", "900", "--slurm-args", "--account=a --qos=b"];
    let output = lab.submit(&more);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let said = lab.said("sbatch");
    assert_eq!(said.len(), 1, "{said:?}");
    for word in [
        "--parsable",
        "--array=0-3%3",
        "--requeue",
        "--cpus-per-task=1",
        "--mem=900M",
        "--time=90",
        "--signal=B:USR1@300",
        "--gres=gpu:1",
        "--partition=cpu",
        "--account=a --qos=b",
    ] {
        assert!(said[0].contains(word), "{word}: {}", said[0]);
    }
    let dirs = lab.listed();
    assert_eq!(dirs.len(), 4);
    assert!(dirs.iter().all(|dir| dir.is_absolute() && dir.join("job.json").exists()), "{dirs:?}");
    assert!(!dirs[0].join("provenance.json").exists(), "the machine of the job is not known yet");
    let script = fs::read_to_string(said[0].rsplit(' ').next().unwrap()).unwrap();
    assert!(script.contains("longlab' 'job' \"$dir\" --wait 180"), "{script}");
    assert_eq!(lines(&lab.path("results/toy/jobs.csv")).len(), 5);
}

#[test]
fn the_report_is_a_job_after_all_others() {
    let lab = Lab::new();
    let output = lab.longlab(&["run", "toy.toml", "--executor", "slurm", "--detach"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let said = lab.said("sbatch");
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[1].contains("--dependency=afterany:11") && !said[1].contains("--array"), "{said:?}");
    let script = fs::read_to_string(said[1].rsplit(' ').next().unwrap()).unwrap();
    let spec = lab.path("toy.toml");
    assert!(script.contains(&format!("longlab' 'report' '{}' '--results'", spec.display())), "{script}");
}

#[test]
fn what_is_in_the_queue_is_not_submitted_again() {
    let lab = Lab::new();
    lab.submit(&[]);
    let again = lab.submit(&[]);
    assert!(text(&again).contains("4 jobs are in Slurm's queue already"), "{}", text(&again));
    assert_eq!(lab.said("sbatch").len(), 1);
    // Two end, one well and one not: only the one without a result is submitted again.
    finish(&lab.listed()[0]);
    lab.none_waits(11);
    lab.task(11, 0, "COMPLETED");
    lab.task(11, 1, "FAILED");
    lab.task(11, 2, "RUNNING");
    lab.task(11, 3, "PENDING");
    let failed = lab.listed()[1].clone();
    let third = lab.submit(&[]);
    assert!(text(&third).contains("submitted 1 jobs") && text(&third).contains("2 jobs are in"), "{}", text(&third));
    assert_eq!(lab.listed(), [failed]);
}

#[test]
fn a_submission_whose_process_was_killed_is_found_again() {
    let lab = Lab::new();
    fs::write(lab.path("cluster/kills"), "").unwrap();
    let killed = lab.submit(&[]);
    assert_eq!((killed.status.code(), lab.said("sbatch").len()), (None, 1), "killed before it learnt the id");
    let again = lab.submit(&[]);
    assert!(text(&again).contains("4 jobs are in Slurm's queue already"), "{}", text(&again));
    assert!(text(&again).contains("Slurm jobs 11"), "{}", text(&again));
    assert_eq!(lab.said("sbatch").len(), 1);
}

#[test]
fn jobs_are_watched_to_their_end() {
    let lab = Lab::new();
    let run = lab.slurm(&[]).spawn().unwrap();
    wait_until("the submission", || lab.path("cluster/queue/11").exists());
    (0..4).for_each(|task| lab.task(11, task, "RUNNING"));
    lab.none_waits(11);
    // One goes back into the queue, as after the death of its node.
    lab.task(11, 2, "PENDING");
    std::thread::sleep(Duration::from_millis(200));
    for (task, dir) in lab.listed().iter().enumerate() {
        finish(dir);
        lab.task(11, task, "COMPLETED");
    }
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(text(&output).contains("4 jobs: 4 done"), "{}", text(&output));
    assert!(text(&output).contains("start   GRPO seed 0"), "{}", text(&output));
    let done = lines(&lab.path("results/toy/jobs.csv")).iter().filter(|line| line.ends_with(",done")).count();
    assert_eq!(done, 4);
}

#[test]
fn a_job_that_ends_while_it_is_submitted_is_done_and_not_cached() {
    let lab = Lab::new();
    fs::write(lab.path("cluster/slow"), "").unwrap();
    let run = lab.slurm(&[]).spawn().unwrap();
    wait_until("the submission", || lab.path("cluster/queue/11").exists());
    lab.listed().iter().for_each(|dir| finish(dir));
    lab.none_waits(11);
    fs::remove_file(lab.path("cluster/slow")).unwrap();
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(text(&output).contains("4 jobs: 4 done"), "{}", text(&output));
}

#[test]
fn a_failure_is_told_with_slurms_word_and_the_end_of_the_log() {
    let lab = Lab::new();
    let run = lab.slurm(&[]).spawn().unwrap();
    wait_until("the submission", || lab.path("cluster/queue/11").exists());
    let dirs = lab.listed();
    fs::write(dirs[1].join("log.txt"), "error: no such base\n").unwrap();
    finish(&dirs[0]);
    lab.task(11, 1, "FAILED");
    finish(&dirs[2]);
    lab.task(11, 3, "CANCELLED");
    lab.none_waits(11);
    let output = run.wait_with_output().unwrap();
    let said = text(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("4 jobs: 2 done, 1 failed, 1 stopped"), "{said}");
    assert!(
        said.contains("Slurm says FAILED (NonZeroExitCode) on n1; its script wrote results/toy/slurm/11_1.out"),
        "{said}"
    );
    assert!(said.contains("| error: no such base"), "{said}");
}

#[test]
fn a_job_that_left_the_queue_without_a_result_has_failed() {
    let lab = Lab::new();
    let run = lab.slurm(&[]).spawn().unwrap();
    wait_until("the submission", || lab.path("cluster/queue/11").exists());
    lab.listed()[1..].iter().for_each(|dir| finish(dir));
    lab.none_waits(11);
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("it left the queue without a result"), "{}", text(&output));
}

#[test]
fn ctrl_c_ends_the_watching_and_no_job() {
    let lab = Lab::new();
    let run = lab.slurm(&[]).spawn().unwrap();
    wait_until("the job list", || lab.path("results/toy/jobs.csv").exists());
    interrupt(&run);
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", text(&output));
    assert!(text(&output).contains("`longlab cancel` ends them"), "{}", text(&output));
    assert!(lab.said("scancel").is_empty());
    assert!(text(&lab.submit(&[])).contains("in Slurm's queue already"));
}

#[test]
fn a_local_run_beside_slurm_is_refused_until_it_is_cancelled() {
    let lab = Lab::new();
    lab.longlab(&["run", "toy.toml", "--executor", "slurm", "--detach"]);
    let locally = ["run", "toy.toml", "--no-report", "--job-command", "/bin/false"];
    let refused = lab.longlab(&locally);
    assert!(text(&refused).contains("Slurm works on this experiment (jobs 11, 12)"), "{}", text(&refused));
    fs::write(lab.path("cluster/deaf"), "").unwrap();
    let unknown = lab.longlab(&locally);
    assert!(text(&unknown).contains("it cannot be said whether they still run"), "{}", text(&unknown));
    fs::remove_file(lab.path("cluster/deaf")).unwrap();

    let cancelled = lab.longlab(&["cancel", "toy.toml"]);
    assert!(text(&cancelled).contains("cancelled the Slurm jobs 11, 12"), "{}", text(&cancelled));
    assert_eq!(lab.said("scancel"), ["11 12"]);
    assert!(text(&lab.longlab(&["cancel", "toy.toml"])).contains("nothing in Slurm's queue"));
    let failed = text(&lab.longlab(&locally));
    assert!(failed.contains("4 jobs: 4 failed"), "the local run begins: {failed}");
}

#[test]
fn status_shows_what_the_queue_says() {
    let lab = Lab::new();
    lab.submit(&[]);
    lab.task(11, 0, "RUNNING");
    let waiting = lab.path("cluster/queue/11");
    fs::write(&waiting, fs::read_to_string(&waiting).unwrap().replace("0-3", "1-3")).unwrap();
    let table = text(&lab.longlab(&["status", "toy.toml"]));
    assert!(table.contains("11_0 running n1") && table.contains("11_3 pending Resources"), "{table}");
    let json: serde_json::Value =
        serde_json::from_slice(&lab.longlab(&["status", "toy.toml", "--json"]).stdout).unwrap();
    assert_eq!(
        (json["jobs"][3]["slurm"]["job"].as_str(), json["jobs"][3]["slurm"]["state"].as_str()),
        (Some("11_3"), Some("PENDING"))
    );
    fs::write(lab.path("cluster/deaf"), "").unwrap();
    let deaf = lab.longlab(&["status", "toy.toml"]);
    assert_eq!(deaf.status.code(), Some(0));
    assert!(
        text(&deaf).contains("Slurm's states are not known") && text(&deaf).contains("4 jobs: 4 waiting"),
        "{}",
        text(&deaf)
    );
}

#[test]
fn what_slurm_refuses_is_said_and_may_be_tried_again() {
    let lab = Lab::new();
    fs::write(lab.path("cluster/refuses"), "").unwrap();
    let refused = lab.submit(&["--partition", "moon"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        text(&refused).contains("sbatch refused: sbatch: error: invalid partition specified: moon"),
        "{}",
        text(&refused)
    );
    fs::remove_file(lab.path("cluster/refuses")).unwrap();
    assert!(text(&lab.submit(&[])).contains("submitted 4 jobs"));
    let nowhere = Lab::new();
    fs::remove_file(nowhere.path("bin/squeue")).unwrap();
    let missing = nowhere.slurm(&[]).env("PATH", nowhere.path("bin")).output().unwrap();
    assert!(
        text(&missing).contains("cannot start squeue") && text(&missing).contains("--executor local"),
        "{}",
        text(&missing)
    );
    assert!(!nowhere.path("results/toy/slurm").exists(), "no scripts are made where there is no Slurm");
}

#[test]
fn a_large_experiment_is_several_arrays_one_after_the_other_where_they_are_throttled() {
    let lab = Lab::new();
    fs::write(lab.path("cluster/size"), "4").unwrap();
    lab.submit(&["--jobs", "2"]);
    let said = lab.said("sbatch");
    assert!(said[0].contains("--array=0-2%2") && said[1].contains("--array=0-0%2"), "{said:?}");
    assert!(!said[0].contains("--dependency") && said[1].contains("--dependency=afterany:11"), "{said:?}");
    assert!(text(&lab.submit(&[])).contains("4 jobs are in Slurm's queue already"));
}
