//! Where the jobs of a plan stand, read from their directories: nothing is started, locked or changed.

use super::rows::Rows;
use super::{job, layout, lock};
use serde::Serialize;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// What a job is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Nothing was done yet.
    Waiting,
    /// A process works in its directory.
    Running,
    /// It has steps or a log but no process: it was stopped, or failed.
    Stopped,
    /// It has ended.
    Done,
}

impl Stage {
    /// As tables have it.
    pub fn word(self) -> &'static str {
        match self {
            Stage::Waiting => "waiting",
            Stage::Running => "running",
            Stage::Stopped => "stopped",
            Stage::Done => "done",
        }
    }
}

/// Where one job stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    /// What it is doing.
    pub stage: Stage,
    /// Steps whose rows are written.
    pub step: u64,
    /// Reward of the last of them, 0..1.
    pub reward: Option<f64>,
    /// Entropy of the last of them, nats.
    pub entropy: Option<f64>,
    /// Whether AEPO's latch was on in it.
    pub latch: Option<bool>,
    /// Seconds since the job wrote its last row; none without a row, and 0 where the clock was set back.
    pub silent: Option<f64>,
    /// Seconds the whole job took, once it is done.
    pub seconds: Option<f64>,
}

/// Reads where the job `id` in `dir` stands.
pub fn of(dir: &Path, id: &str) -> Status {
    let metrics = layout::metrics_csv(dir);
    let rows = Rows::read(&metrics);
    let step = rows.last("step").map_or(0, |step| step as u64);
    let seconds = job::is_finished(dir, id).then(|| job::read_done(dir)?.get("seconds")?.as_f64());
    let begun = step > 0 || layout::log_txt(dir).exists();
    let stage = match (seconds.is_some(), begun) {
        (true, _) => Stage::Done,
        _ if lock::is_held(dir) => Stage::Running,
        (_, true) => Stage::Stopped,
        _ => Stage::Waiting,
    };
    let age = fs::metadata(&metrics).and_then(|meta| meta.modified()).ok().map(age);
    Status {
        stage,
        step,
        reward: rows.last("reward"),
        entropy: rows.last("entropy"),
        latch: rows.last("latch").map(|latch| latch == 1.0),
        silent: age.filter(|_| step > 0).map(|age| age.as_secs_f64()),
        seconds: seconds.flatten(),
    }
}

fn age(written: SystemTime) -> Duration {
    SystemTime::now().duration_since(written).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::lock::Lock;

    #[test]
    fn a_job_goes_from_waiting_to_done() {
        let dir = tempfile::tempdir().unwrap();
        let stage = || of(dir.path(), "0badcafe").stage;
        assert_eq!(stage(), Stage::Waiting);
        let lock = Lock::take(dir.path()).unwrap();
        assert_eq!(stage(), Stage::Running);
        fs::write(layout::metrics_csv(dir.path()), "step,reward,entropy,latch\n1,0.5,0.25,1\n2,0.75,0.2,0\n3,0.")
            .unwrap();
        let status = of(dir.path(), "0badcafe");
        assert_eq!(
            (status.step, status.reward, status.latch),
            (2, Some(0.75), Some(false)),
            "the torn row is left out"
        );
        assert!(status.silent.is_some_and(|seconds| seconds < 60.0));
        drop(lock);
        assert_eq!(stage(), Stage::Stopped);
        fs::write(layout::done_json(dir.path()), "{\"id\": \"0badcafe\", \"seconds\": 12.5}").unwrap();
        assert_eq!((stage(), of(dir.path(), "0badcafe").seconds), (Stage::Done, Some(12.5)));
        assert_eq!(of(dir.path(), "another").stage, Stage::Stopped, "the end of another job is not this one's");
    }
}
