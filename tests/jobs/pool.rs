//! The pool from outside, with shell scripts for jobs.

use super::{is_alive, lines, script, wait_until};
use longlab::lab::pool::{self, Launcher, Rules, Summary, Task};
use longlab::lab::schedule::{Load, State};
use longlab::lab::view::Quiet;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tempfile::TempDir;

/// A results folder with `count` prepared job directories named `job0`, `job1`, ...
struct Bench {
    folder: TempDir,
    tasks: Vec<Task>,
    interrupts: AtomicU32,
}

impl Bench {
    fn new(count: usize) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let task = |number: usize| {
            let id = format!("job{number}");
            let dir = folder.path().join("jobs").join(&id);
            fs::create_dir_all(&dir).unwrap();
            Task { label: id.clone(), id, dir, threads: 3 }
        };
        let tasks = (0..count).map(task).collect();
        Bench { folder, tasks, interrupts: AtomicU32::new(0) }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, slots: usize, body: &str) -> Summary {
        self.run_by(&Rules::slots(slots), body)
    }

    fn run_by(&self, rules: &Rules, body: &str) -> Summary {
        let args = vec![script(self.folder.path(), body).into()];
        let launcher = Launcher { program: "/bin/sh".into(), args };
        pool::run(&self.tasks, rules, &launcher, &self.interrupts, &mut Quiet, &mut |_| Ok::<(), ()>(())).unwrap()
    }
}

#[test]
fn one_slot_runs_the_jobs_in_order_and_a_second_run_does_nothing() {
    let bench = Bench::new(3);
    let body = r#"echo "$id $2 $OMP_NUM_THREADS $GOMP_SPINCOUNT" >> "$root/order"; finish"#;
    assert_eq!(bench.run(1, body).states, [State::Done; 3]);
    let order = ["job0 --events 3 0", "job1 --events 3 0", "job2 --events 3 0"];
    assert_eq!(lines(&bench.path("order")), order);
    assert_eq!(bench.run(1, body).states, [State::Cached; 3]);
    assert_eq!(lines(&bench.path("order")), order);
}

#[test]
fn a_failed_job_leaves_the_others_alone_and_a_rerun_tries_it_again() {
    let bench = Bench::new(4);
    let body = r#"
        case $id in
        job1) echo "old line" >&2; echo "the base is missing" >&2; exit 3;;
        job2) echo '{"failed":"error: the disk is full"}'; exit 1;;
        esac
        finish"#;
    let summary = bench.run(2, body);
    assert_eq!(summary.states, [State::Done, State::Failed, State::Failed, State::Done]);
    assert_eq!(summary.failures.keys().copied().collect::<Vec<_>>(), [1, 2]);
    assert_eq!(summary.failures[&1].reason, "exit code 3");
    assert_eq!(summary.failures[&1].tail, ["old line", "the base is missing"]);
    assert_eq!(summary.failures[&1].log, bench.path("jobs/job1/log.txt"));
    assert_eq!(summary.failures[&2].reason, "error: the disk is full");

    let again = bench.run(2, "case $id in job1) echo new line >&2; exit 4;; esac; finish");
    assert_eq!(again.states, [State::Cached, State::Failed, State::Done, State::Cached]);
    assert_eq!(again.failures[&1].tail, ["new line"], "the tail is of this run alone");
    assert_eq!(lines(&bench.path("jobs/job1/log.txt")).len(), 3, "the log keeps the earlier runs");
}

#[test]
fn an_end_without_a_result_is_a_failure() {
    let bench = Bench::new(3);
    let body = r#"
        case $id in
        job0) exit 0;;
        job1) printf '{"id":"another"}' > "$dir/done.json";;
        job2) kill -9 $$;;
        esac"#;
    let summary = bench.run(3, body);
    assert_eq!(summary.states, [State::Failed; 3]);
    assert_eq!(summary.failures[&0].reason, "ended without a result (no done.json)");
    assert!(summary.failures[&2].reason.starts_with("killed by signal 9"), "{:?}", summary.failures[&2]);
}

#[test]
fn a_job_that_dies_is_started_again_with_what_it_did_and_one_with_an_error_is_not() {
    let bench = Bench::new(3);
    // The first dies twice and goes on where it was; the second says an error; the third dies for ever.
    let body = r#"
        echo "$id" >> "$root/starts"
        echo step >> "$dir/steps"
        case $id in
        job0) [ $(wc -l < "$dir/steps") -gt 2 ] || kill -9 $$; finish;;
        job1) exit 3;;
        job2) kill -9 $$;;
        esac"#;
    let summary = bench.run_by(&Rules { retries: 2, ..Rules::slots(1) }, body);
    assert_eq!(summary.states, [State::Done, State::Failed, State::Failed]);
    assert_eq!(lines(&bench.path("starts")), ["job0", "job0", "job0", "job1", "job2", "job2", "job2"]);
    assert_eq!(summary.failures[&1].reason, "exit code 3");
    assert!(summary.failures[&2].reason.ends_with("as in each of 3 tries"), "{:?}", summary.failures[&2]);
}

#[test]
fn what_runs_side_by_side_keeps_to_the_budget() {
    let bench = Bench::new(4);
    // Each job has three threads: of seven, two jobs fit.
    let body = r#"
        touch "$root/running-$id"
        ls "$root" | grep -c '^running' >> "$root/counts"
        sleep 0.2
        rm "$root/running-$id"
        finish"#;
    let budget = Load { threads: 7, memory: u64::MAX };
    assert_eq!(bench.run_by(&Rules { budget, ..Rules::slots(9) }, body).states, [State::Done; 4]);
    let counts: Vec<u32> = lines(&bench.path("counts")).iter().map(|count| count.parse().unwrap()).collect();
    assert!(counts.len() == 4 && counts.iter().all(|&count| count <= 2), "{counts:?}");
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let bench = Bench::new(2);
    let launcher = Launcher { program: "/no/such/longlab".into(), args: Vec::new() };
    let mut unchanged = |_: &[State]| Ok::<(), ()>(());
    let summary =
        pool::run(&bench.tasks, &Rules::slots(1), &launcher, &bench.interrupts, &mut Quiet, &mut unchanged).unwrap();
    assert_eq!(summary.states, [State::Failed; 2]);
    assert!(summary.failures[&1].reason.contains("/no/such/longlab"), "{:?}", summary.failures);
}

#[test]
fn as_many_jobs_as_slots_run_side_by_side() {
    let bench = Bench::new(6);
    // Each job waits for two others beside it: with fewer than three slots none would end, with more the count would show.
    let body = r#"
        touch "$root/running-$id"
        while [ $(ls "$root" | grep -c '^started\|^running') -lt 3 ]; do sleep 0.02; done
        ls "$root" | grep -c '^running' >> "$root/counts"
        sleep 0.1
        mv "$root/running-$id" "$root/started-$id"
        finish"#;
    assert_eq!(bench.run(3, body).states, [State::Done; 6]);
    let counts: Vec<u32> = lines(&bench.path("counts")).iter().map(|count| count.parse().unwrap()).collect();
    assert_eq!((counts.len(), counts.iter().max()), (6, Some(&3)), "{counts:?}");
}

#[test]
fn an_interrupt_asks_the_jobs_to_end_and_starts_no_more() {
    let bench = Bench::new(3);
    let body = r#"trap 'echo asked >> "$root/asked"; exit 9' TERM; touch "$dir/up"; while :; do sleep 0.02; done"#;
    let summary = std::thread::scope(|scope| {
        let run = scope.spawn(|| bench.run(2, body));
        wait_until("two jobs", || bench.path("jobs/job0/up").exists() && bench.path("jobs/job1/up").exists());
        bench.interrupts.fetch_add(1, Ordering::SeqCst);
        run.join().unwrap()
    });
    assert!(summary.interrupted && summary.failures.is_empty());
    assert_eq!(summary.states, [State::Stopped; 3]);
    assert_eq!(lines(&bench.path("asked")), ["asked", "asked"]);
    assert!(!bench.path("jobs/job2/up").exists());
}

#[test]
fn a_second_interrupt_kills_what_does_not_end() {
    let bench = Bench::new(1);
    let body = r#"trap '' TERM; echo $$ > "$dir/up"; while :; do sleep 0.02; done"#;
    let summary = std::thread::scope(|scope| {
        let run = scope.spawn(|| bench.run(1, body));
        wait_until("the job", || !lines(&bench.path("jobs/job0/up")).is_empty());
        bench.interrupts.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(200));
        assert!(!run.is_finished(), "the job ignores the first signal");
        bench.interrupts.fetch_add(1, Ordering::SeqCst);
        run.join().unwrap()
    });
    assert_eq!(summary.states, [State::Stopped]);
    assert!(!is_alive(&lines(&bench.path("jobs/job0/up"))[0]));
}
