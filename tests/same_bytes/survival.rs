//! A storm of SIGKILLs: the parent, a worker or both at random moments, on files whose times lie in the future (a clock that was set
//! back). A result is there whole and right, or not at all, and the same command always goes on.
//!
//! A few kills run with the tests; fifty take some minutes:
//! `LONGLAB_KILLS=50 LONGLAB_STORM=7 cargo nextest run --release --test same_bytes -E 'test(storm)' --no-capture`

use super::{GATED, PLAIN, done, longlab, made, spec, workshop};
use longlab_kernels::stream::{Address, Purpose, Stream};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant, SystemTime};

/// Kills of a run of the tests.
const FEW: usize = 4;
/// The longest time until a kill, milliseconds: a run of the four jobs takes about as long.
const LONGEST: usize = 3500;

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).ok().map_or(default, |text| text.parse().expect("a number"))
}

/// The processes that `parent` started.
fn workers(parent: u32) -> Vec<u32> {
    let path = format!("/proc/{parent}/task/{parent}/children");
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().map(|pid| pid.parse().expect("a process id")).collect()
}

fn kill(process: u32) {
    // SAFETY: kill takes two numbers; the process is a child of a child of ours or gone.
    unsafe { libc::kill(process as libc::pid_t, libc::SIGKILL) };
}

/// Who was killed, for the tally; none where the run was over before.
fn strike(child: &mut Child, stream: &mut Stream) -> Option<&'static str> {
    if child.try_wait().expect("a child of ours").is_some() {
        return None;
    }
    let victims = workers(child.id());
    let worker = (!victims.is_empty()).then(|| *stream.pick(&victims));
    let who = match (stream.below(3), worker) {
        (0, Some(worker)) => {
            kill(worker);
            "worker"
        }
        (1, Some(worker)) => {
            kill(worker);
            child.kill().expect("SIGKILL");
            "both"
        }
        _ => {
            child.kill().expect("SIGKILL");
            "parent"
        }
    };
    child.wait().expect("it is gone");
    Some(who)
}

/// Sets the time of every file under `folder` to a day from now, as a clock that is set back a day leaves them.
fn into_the_future(folder: &Path) {
    let later = SystemTime::now() + Duration::from_secs(86_400);
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            into_the_future(&path);
        } else {
            File::options().append(true).open(&path).and_then(|file| file.set_modified(later)).expect("a time");
        }
    }
}

/// Every job that calls itself finished has the bytes of the undisturbed run.
fn nothing_is_wrong(results: &Path, right: &BTreeMap<String, Vec<Vec<u8>>>) -> usize {
    let Ok(jobs) = fs::read_dir(results.join("jobs")) else { return 0 };
    let mut finished = 0;
    for job in jobs.flatten().map(|entry| entry.path()).filter(|job| job.join("done.json").exists()) {
        let id = job.file_name().expect("a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(job.join("done.json")).expect("done.json");
        serde_json::from_str::<serde_json::Value>(&text).unwrap_or_else(|error| panic!("{id}: {error}: {text}"));
        let bytes = super::KEPT.map(|name| fs::read(job.join(name)).unwrap_or_else(|e| panic!("{id}/{name}: {e}")));
        assert!(right[&id] == bytes, "job {id} calls itself finished and is not what an undisturbed run makes");
        finished += 1;
    }
    finished
}

#[test]
fn a_storm_of_kills_leaves_right_results_or_none() {
    let (kills, seed) = (number("LONGLAB_KILLS", FEW), number("LONGLAB_STORM", 1) as u64);
    let dir = workshop();
    let at = dir.path();
    fs::write(at.join("pair.toml"), spec(&[PLAIN, GATED])).expect("a spec");
    done(longlab(at, &["run", "pair.toml", "--results", "calm", "--no-report"]).output().expect("longlab starts"));
    let right: BTreeMap<String, Vec<Vec<u8>>> = made(&at.join("calm")).into_iter().collect();
    assert_eq!(right.len(), 4);

    let mut stream = Address::new(seed, Purpose::Test).stream();
    let (mut tally, mut storms, start) = (BTreeMap::<&str, usize>::new(), 0, Instant::now());
    while tally.values().sum::<usize>() < kills {
        storms += 1;
        let name = format!("storm{storms}");
        let results = at.join(&name);
        // Kills until the run gets through by itself.
        loop {
            let mut command = longlab(at, &["run", "pair.toml", "--jobs", "2", "--results", &name, "--no-report"]);
            let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("longlab starts");
            std::thread::sleep(Duration::from_millis(stream.below(LONGEST) as u64));
            let Some(who) = strike(&mut child, &mut stream) else { break };
            *tally.entry(who).or_default() += 1;
            nothing_is_wrong(&results, &right);
            if results.exists() && stream.chance(0.5) {
                into_the_future(&results);
            }
            if tally.values().sum::<usize>() >= kills {
                break;
            }
        }
        done(
            longlab(at, &["run", "pair.toml", "--jobs", "2", "--results", &name, "--no-report"])
                .output()
                .expect("longlab starts"),
        );
        assert_eq!(nothing_is_wrong(&results, &right), 4, "all jobs are finished in the end");
        for job in fs::read_dir(results.join("jobs")).expect("jobs").flatten() {
            let path = job.path().to_string_lossy().into_owned();
            done(longlab(at, &["verify", &path, "--files"]).output().expect("longlab starts"));
        }
    }
    println!("{tally:?} in {storms} runs, seed {seed}, {:.0} s", start.elapsed().as_secs_f64());
}
