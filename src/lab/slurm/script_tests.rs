//! The script of an array, run by bash with a fake job and a fake `scontrol`.

use super::*;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

/// A folder with a job directory, and what the script calls: `longlab`, and a `scontrol` that notes its words.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new(job: &str) -> Bench {
        let bench = Bench { folder: tempfile::tempdir().unwrap() };
        fs::create_dir_all(bench.path("it's a job/checkpoint")).unwrap();
        fs::write(bench.path("list"), format!("/no/such\n{}\n", bench.path("it's a job").display())).unwrap();
        bench.program("longlab", &format!("dir=$2; cd '{}'\n{job}", bench.folder.path().display()));
        // As Slurm does, it ends the script that asked.
        bench.program("scontrol", "echo \"$@\" >> \"${0%/*}/scontrol.said\"; kill -KILL $PPID");
        bench
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn program(&self, name: &str, body: &str) {
        fs::write(self.path(name), format!("#!/bin/bash\n{body}\n")).unwrap();
        fs::set_permissions(self.path(name), PermissionsExt::from_mode(0o755)).unwrap();
    }

    fn run(&self) -> Output {
        let command = [self.path("longlab").to_string_lossy().into_owned(), "job".to_string()];
        let list = self.path("list");
        let text = array(&Start {
            command: &command,
            list: &list,
            threads: 3,
            minutes: 1,
            retries: 2,
            notice: 30,
            patience: 9,
        });
        fs::write(self.path("script.sh"), text).unwrap();
        Command::new("/bin/bash")
            .arg(self.path("script.sh"))
            .env("PATH", format!("{}:/usr/bin:/bin", self.folder.path().display()))
            .envs([("SLURM_ARRAY_JOB_ID", "12"), ("SLURM_ARRAY_TASK_ID", "1"), ("SLURMD_NODENAME", "n1")])
            .output()
            .unwrap()
    }

    fn said(&self) -> String {
        fs::read_to_string(self.path("scontrol.said")).unwrap_or_default()
    }

    fn tries(&self) -> usize {
        fs::read_to_string(self.path("tries")).unwrap_or_default().lines().count()
    }
}

#[test]
fn a_job_that_ends_well_is_started_once_with_its_threads() {
    let bench = Bench::new(r#"echo "$1 $3 $4 $OMP_NUM_THREADS" >> tries; echo words >&2; touch "$dir/done.json""#);
    let output = bench.run();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(fs::read_to_string(bench.path("tries")).unwrap(), "job --wait 9 3\n");
    assert_eq!(fs::read_to_string(bench.path("it's a job/log.txt")).unwrap(), "words\n");
}

#[test]
fn a_job_that_dies_is_tried_again_and_one_with_an_error_is_not() {
    let dies = Bench::new("echo x >> tries; kill -KILL $$");
    assert_eq!(dies.run().status.code(), Some(137));
    assert_eq!(dies.tries(), 3, "two retries");
    let fails = Bench::new("echo x >> tries; exit 2");
    assert_eq!(fails.run().status.code(), Some(2));
    assert_eq!((fails.tries(), fails.said()), (1, String::new()));
}

/// A job that does `first`, works until it is asked to end (ten seconds at the longest), and ends in order with `work`.
fn waiting(first: &str, work: &str) -> Bench {
    Bench::new(&format!(
        "trap '{work}; exit 130' TERM; echo x >> tries; {first}; for i in {{1..500}}; do sleep 0.02; done; exit 7"
    ))
}

/// A job that asks the script, as Slurm would.
fn asked(signal: &str, work: &str) -> Bench {
    waiting(&format!("kill -{signal} $PPID"), work)
}

#[test]
fn at_the_end_of_the_time_a_job_is_asked_to_end_and_goes_back_into_the_queue() {
    let bench = asked("USR1", r#"echo saved > "$dir/checkpoint/state.safetensors""#);
    let output = bench.run();
    assert_eq!((bench.said().as_str(), bench.tries()), ("requeue 12_1\n", 1), "{output:?}");
    assert!(bench.path("it's a job/checkpoint/state.safetensors").exists());
}

#[test]
fn a_go_that_brought_nothing_is_not_repeated_for_ever() {
    let bench = asked("USR1", "true");
    let output = bench.run();
    assert_eq!((output.status.code(), bench.said().as_str()), (Some(124), ""), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("--minutes"), "{output:?}");
}

#[test]
fn a_cancelled_job_is_asked_to_end_and_stays_out_of_the_queue() {
    let bench = asked("TERM", r#"echo saved > "$dir/checkpoint/state.safetensors""#);
    let output = bench.run();
    assert_eq!((output.status.code(), bench.said().as_str(), bench.tries()), (Some(130), "", 1), "{output:?}");
}

/// The script calls `date` just before it starts the job: the signal comes when there is no process yet to hand it on to.
#[test]
fn a_job_cancelled_while_it_starts_is_asked_to_end() {
    let bench = waiting("true", r#"echo saved > "$dir/checkpoint/state.safetensors""#);
    bench.program("date", "[ -e \"${0%/*}/told\" ] || kill -TERM $PPID; touch \"${0%/*}/told\"");
    let output = bench.run();
    // 143 where the signal was faster than the trap of the job.
    assert!(matches!(output.status.code(), Some(130 | 143)), "{output:?}");
    assert_eq!(bench.said(), "", "{output:?}");
}

#[test]
fn a_task_without_a_directory_is_named() {
    let bench = Bench::new("exit 0");
    fs::write(bench.path("list"), "/no/such\n").unwrap();
    assert_eq!(bench.run().status.code(), Some(2));
}
