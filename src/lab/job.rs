//! One job: its directory before, in and after the process that runs it.

use super::lock::Lock;
use super::{LabError, files, layout, seal};
use crate::rl::progress::{Event, Observer, Stopped};
use crate::spec::Kind;
use crate::spec::settings::Settings;
use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// Everything a job process needs: the contents of `job.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobSpec {
    /// Hash of everything below.
    pub id: String,
    /// What is made.
    pub kind: Kind,
    /// Seed of the random streams.
    pub seed: u64,
    /// The resolved settings.
    pub settings: Settings,
}

impl From<&crate::spec::Job> for JobSpec {
    fn from(job: &crate::spec::Job) -> JobSpec {
        JobSpec { id: job.id.clone(), kind: job.kind, seed: job.seed, settings: job.settings.clone() }
    }
}

/// Does the work of a job in its directory and returns what `done.json` shall hold beside id and seconds (a JSON object).
pub type Runner = fn(&JobSpec, &Path, &mut dyn Observer) -> anyhow::Result<Value>;

/// One line on the standard output of `longlab job --events`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Line {
    /// Progress.
    Event(Event),
    /// The error that ended the job; a pipe carries it even where the log cannot grow.
    Failure {
        /// The message.
        failed: String,
    },
}

/// How [`execute`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ran {
    /// The work was done now.
    Now,
    /// It had been done before.
    Before,
}

/// Whether the job `id` is finished in `dir`: `done.json` is there, whole, and of this id.
pub fn is_finished(dir: &Path, id: &str) -> bool {
    read_done(dir).is_some_and(|done| done.get("id").and_then(Value::as_str) == Some(id))
}

/// The contents of `done.json`, when there is one.
pub fn read_done(dir: &Path) -> Option<Map<String, Value>> {
    serde_json::from_slice(&fs::read(layout::done_json(dir)).ok()?).ok()
}

/// Makes the directory of a job: `job.json` and, where it is given, `provenance.json`. What is there already and right stays as it is.
///
/// A directory in which another process works is left alone; the job process will say so.
pub fn prepare(dir: &Path, spec: &JobSpec, provenance: Option<&Value>) -> Result<(), LabError> {
    files::make_folder(dir)?;
    let _lock = match Lock::take(dir) {
        Err(LabError::Locked { .. }) if read(dir).is_ok() => return Ok(()),
        lock => lock?,
    };
    if read(dir).ok().as_ref() != Some(spec) {
        // A power cut may lose these two: they are made again then, and written to the disk with the seal.
        files::write_json_soon(&layout::job_json(dir), spec)?;
    }
    provenance.map_or(Ok(()), |provenance| keep_provenance(dir, spec, provenance))
}

/// Writes `provenance.json`, unless it is there. The directory's lock must be held.
pub fn keep_provenance(dir: &Path, spec: &JobSpec, provenance: &Value) -> Result<(), LabError> {
    // The date and machine of the first start stay; a job resumed elsewhere would show in its bytes.
    let path = layout::provenance_json(dir);
    if fs::read(&path).ok().and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok()).is_none() {
        files::write_json_soon(&path, &with_threads(provenance, spec.settings.train.threads))?;
    }
    Ok(())
}

fn with_threads(provenance: &Value, threads: usize) -> Value {
    let mut provenance = provenance.clone();
    if let Value::Object(map) = &mut provenance {
        map.insert("threads".to_string(), json!(threads));
    }
    provenance
}

/// Reads `job.json`.
pub fn read(dir: &Path) -> Result<JobSpec, LabError> {
    let path = layout::job_json(dir);
    let mend = "; give the directory of a job, as `longlab run` makes them under results/jobs";
    let bytes = fs::read(&path).map_err(|source| LabError::Unreadable { path: path.clone(), source, mend })?;
    serde_json::from_slice(&bytes).map_err(|error| LabError::BrokenJob { path, reason: error.to_string() })
}

/// How often a lock that is waited for is looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Takes the lock of `dir`; one that another process holds is waited for, up to `patience`.
fn lock_within(dir: &Path, patience: Duration, observer: &dyn Observer) -> anyhow::Result<Lock> {
    let start = Instant::now();
    loop {
        match Lock::take(dir) {
            Err(LabError::Locked { .. }) if start.elapsed() < patience => {
                ensure!(!observer.stopping(), Stopped);
                std::thread::sleep(LOOK.min(patience));
            }
            taken => return Ok(taken?),
        }
    }
}

/// Runs the job of `dir` with `runner` under the directory's lock and writes `done.json` last. A finished job is left alone. A lock that
/// another process holds is waited for, up to `patience`: that of a machine that died is free only after some time.
pub fn execute(dir: &Path, runner: Runner, patience: Duration, observer: &mut dyn Observer) -> anyhow::Result<Ran> {
    let spec = read(dir)?;
    let lock = lock_within(dir, patience, observer)?;
    if is_finished(dir, &spec.id) {
        return Ok(Ran::Before);
    }
    let start = Instant::now();
    let made = runner(&spec, dir, &mut Guarded { observer, lock: &lock, dir })?;
    let mut done = done(&spec.id, made, start.elapsed().as_secs_f64()).context("the work of the job")?;
    seal::seal(dir, &mut done)?;
    files::write_json(&layout::done_json(dir), &done)?;
    Ok(Ran::Now)
}

/// Ends a job that lost its lock: two writers of one directory would spoil it.
struct Guarded<'a> {
    observer: &'a mut dyn Observer,
    lock: &'a Lock,
    dir: &'a Path,
}

impl Observer for Guarded<'_> {
    fn on(&mut self, event: &Event) -> anyhow::Result<()> {
        if self.lock.is_lost() {
            return Err(LabError::Lost { path: self.dir.to_path_buf() }.into());
        }
        self.observer.on(event)
    }

    fn stopping(&self) -> bool {
        self.observer.stopping()
    }
}

fn done(id: &str, made: Value, seconds: f64) -> anyhow::Result<Map<String, Value>> {
    let Value::Object(made) = made else { anyhow::bail!("it returned {made}, not an object") };
    let mut done = Map::from_iter([("id".to_string(), json!(id))]);
    done.extend(made);
    done.insert("seconds".to_string(), json!(seconds));
    Ok(done)
}

/// Prints each event as a JSON line. An error means that nobody listens any more, which ends the job.
pub struct Printed<W>(pub W);

impl<W: Write> Printed<W> {
    fn line(&mut self, line: &Line) -> anyhow::Result<()> {
        serde_json::to_writer(&mut self.0, line)?;
        writeln!(self.0)?;
        self.0.flush().context("the process that follows the events is gone")
    }

    /// Prints the error that ends the job.
    pub fn failure(&mut self, failed: String) -> anyhow::Result<()> {
        self.line(&Line::Failure { failed })
    }
}

impl<W: Write> Observer for Printed<W> {
    fn on(&mut self, event: &Event) -> anyhow::Result<()> {
        self.line(&Line::Event(event.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rl::progress::Silent;

    fn spec() -> JobSpec {
        JobSpec { id: "0badcafe".into(), kind: Kind::Rl, seed: 3, settings: Settings::default() }
    }

    fn works(_: &JobSpec, dir: &Path, _: &mut dyn Observer) -> anyhow::Result<Value> {
        fs::write(dir.join("metrics.csv"), "step\n1\n")?;
        Ok(json!({"train_seconds": 1.5}))
    }

    fn fails(_: &JobSpec, _: &Path, _: &mut dyn Observer) -> anyhow::Result<Value> {
        anyhow::bail!("no base policy")
    }

    #[test]
    fn a_job_is_done_once_and_its_done_file_comes_last() {
        let dir = tempfile::tempdir().unwrap();
        prepare(dir.path(), &spec(), Some(&json!({"commit": "abc"}))).unwrap();
        assert!(execute(dir.path(), fails, Duration::ZERO, &mut Silent).is_err());
        assert!(!is_finished(dir.path(), "0badcafe"));
        assert_eq!(execute(dir.path(), works, Duration::ZERO, &mut Silent).unwrap(), Ran::Now);
        assert_eq!(execute(dir.path(), fails, Duration::ZERO, &mut Silent).unwrap(), Ran::Before);
        assert!(is_finished(dir.path(), "0badcafe") && !is_finished(dir.path(), "another"));
        let done = read_done(dir.path()).unwrap();
        assert_eq!(done.keys().collect::<Vec<_>>(), ["id", "train_seconds", "seconds", "files", "seal"]);
        let provenance: Value =
            serde_json::from_slice(&fs::read(layout::provenance_json(dir.path())).unwrap()).unwrap();
        assert_eq!(provenance, json!({"commit": "abc", "threads": spec().settings.train.threads}));
    }

    #[test]
    fn two_processes_cannot_run_one_job() {
        let dir = tempfile::tempdir().unwrap();
        prepare(dir.path(), &spec(), Some(&json!({}))).unwrap();
        let _first = Lock::take(dir.path()).unwrap();
        prepare(dir.path(), &spec(), Some(&json!({}))).unwrap();
        let error = execute(dir.path(), works, Duration::ZERO, &mut Silent).unwrap_err().to_string();
        assert!(error.contains("is in use by process"), "{error}");
    }

    #[test]
    fn a_lock_that_becomes_free_in_time_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        prepare(dir.path(), &spec(), Some(&json!({}))).unwrap();
        let first = Lock::take(dir.path()).unwrap();
        let ran = std::thread::scope(|scope| {
            let waiting = scope.spawn(|| execute(dir.path(), works, Duration::from_secs(60), &mut Silent));
            std::thread::sleep(Duration::from_millis(50));
            assert!(!waiting.is_finished());
            drop(first);
            waiting.join().unwrap()
        });
        assert_eq!(ran.unwrap(), Ran::Now);
    }

    #[test]
    fn a_broken_job_file_is_named_and_prepared_again() {
        let dir = tempfile::tempdir().unwrap();
        let missing = read(dir.path()).unwrap_err().to_string();
        assert!(missing.contains("job.json") && missing.contains("longlab run"), "{missing}");
        fs::write(layout::job_json(dir.path()), "{\"id\":\"0ba").unwrap();
        let broken = read(dir.path()).unwrap_err().to_string();
        assert!(broken.contains("does not describe a job") && broken.contains("line 1"), "{broken}");
        prepare(dir.path(), &spec(), Some(&json!({}))).unwrap();
        assert_eq!(read(dir.path()).unwrap(), spec());
    }

    #[test]
    fn lines_are_read_back() {
        let mut out = Vec::new();
        let event = Event::Step { done: 3, reward: Some(0.5), entropy: None, loss: None };
        Printed(&mut out).on(&event).unwrap();
        Printed(&mut out).failure("no base".into()).unwrap();
        let lines: Vec<Line> =
            String::from_utf8(out).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!(lines, [Line::Event(event), Line::Failure { failed: "no base".into() }]);
    }
}
