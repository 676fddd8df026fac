//! How much disk jobs will take, from what finished jobs take.

use crate::lab::{Layout, files, job};
use crate::spec::settings::Settings;
use crate::spec::{Job, Kind};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// How many finished jobs are measured, and how many folders are looked at to find them: a plan must stay fast beside any results folder.
const MEASURED: usize = 24;
const LOOKED_AT: usize = 200;

/// What finished jobs of one kind take, by the policy that they began from: its size is the size of their checkpoints.
#[derive(Debug, Default)]
pub(super) struct Disk {
    by_base: BTreeMap<String, Vec<Taken>>,
}

/// Bytes of one finished job.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Taken {
    /// A response in `rollouts/`.
    response: f64,
    /// Everything else.
    rest: f64,
}

impl Disk {
    /// Measures finished jobs of `kind` in the results folder.
    pub fn of(layout: &Layout, kind: Kind) -> Disk {
        let entries = fs::read_dir(layout.jobs()).into_iter().flatten().flatten();
        let mut dirs: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        // Ids are hashes, so the first of them are a fair sample.
        dirs.sort();
        let mut disk = Disk::default();
        for dir in dirs.iter().take(LOOKED_AT) {
            if disk.jobs() == MEASURED {
                break;
            }
            if job::read_done(dir).is_none() {
                continue;
            }
            if let Ok(spec) = job::read(dir)
                && spec.kind == kind
            {
                disk.by_base.entry(base(&spec.settings, kind)).or_default().push(Taken::by(dir, &spec.settings));
            }
        }
        disk
    }

    /// How many jobs were measured.
    pub fn jobs(&self) -> usize {
        self.by_base.values().map(Vec::len).sum()
    }

    /// The bytes that a job will take; none when no finished job began from its policy.
    pub fn bytes(&self, job: &Job) -> Option<f64> {
        let taken = self.by_base.get(&base(&job.settings, job.kind))?;
        let median = |part: fn(&Taken) -> f64| {
            let mut parts: Vec<f64> = taken.iter().map(part).collect();
            parts.sort_by(f64::total_cmp);
            parts.get(parts.len() / 2).copied()
        };
        Some(median(|one| one.rest)? + median(|one| one.response)? * responses(&job.settings))
    }
}

impl Taken {
    fn by(dir: &Path, settings: &Settings) -> Taken {
        let rollouts = size(&dir.join("rollouts"));
        Taken { response: rollouts / responses(settings).max(1.0), rest: size(dir) - rollouts }
    }
}

fn base(settings: &Settings, kind: Kind) -> String {
    settings.begins_from(kind).unwrap_or_default().to_string()
}

/// The responses that a job draws in training.
fn responses(settings: &Settings) -> f64 {
    let train = &settings.train;
    train.steps as f64 * (train.prompts * train.group) as f64
}

/// The bytes of all files in a folder; 0 where there is none or it cannot be read: an estimate must not end a plan.
fn size(folder: &Path) -> f64 {
    files::bytes(folder).unwrap_or(0) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::job::JobSpec;
    use crate::lab::layout;
    use serde_json::json;

    #[test]
    fn rollouts_grow_with_the_responses_and_the_rest_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path(), folder.path());
        let mut settings = Settings::default();
        (settings.train.steps, settings.train.prompts, settings.train.group) = (2, 5, 10);
        let spec = JobSpec { id: "a".into(), kind: Kind::Rl, seed: 0, settings: settings.clone() };
        let dir = layout.job("a");
        job::prepare(&dir, &spec, Some(&json!({}))).unwrap();
        fs::create_dir(dir.join("rollouts")).unwrap();
        fs::write(dir.join("rollouts/1"), [0; 300]).unwrap();
        assert_eq!(Disk::of(&layout, Kind::Rl).jobs(), 0, "a job that is not finished says nothing");
        fs::write(layout::done_json(&dir), json!({"id": "a"}).to_string()).unwrap();
        let disk = Disk::of(&layout, Kind::Rl);
        let rest = size(&dir) - 300.0;
        let mut job = Job { id: "b".into(), kind: Kind::Rl, variant: "B".into(), seed: 1, settings };
        assert_eq!(disk.bytes(&job), Some(rest + 300.0));
        job.settings.train.steps = 4;
        assert_eq!(disk.bytes(&job), Some(rest + 600.0));
        job.settings.model.base = "another".into();
        assert_eq!((disk.bytes(&job), Disk::of(&layout, Kind::Base).jobs()), (None, 0));
    }
}
