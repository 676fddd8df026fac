//! The seal of a finished job: a digest of every file, so that a changed byte is found and named.
//!
//! `done.json` holds under `files` the BLAKE3 digest of each file of the directory, and under `seal` that of everything else in
//! `done.json` itself. The lock file alone is left out.

use super::{LabError, files, job, layout};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What is wrong with a file of a finished job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Its bytes are not those that were sealed.
    Changed(String),
    /// It is gone.
    Missing(String),
    /// It was not there when the job ended.
    Added(String),
    /// `done.json` was finished by a longlab that did not seal.
    Unsealed,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Finding::Changed(file) => write!(f, "{file}: its bytes were changed after the job had ended"),
            Finding::Missing(file) => write!(f, "{file}: it was there when the job ended and is gone"),
            Finding::Added(file) => write!(f, "{file}: it was not there when the job ended"),
            Finding::Unsealed => write!(f, "done.json: it holds no digests; this job ended before files were sealed"),
        }
    }
}

/// Names inside `done.json`.
const FILES: &str = "files";
const SEAL: &str = "seal";

/// Adds the digests of all files of `dir` to what `done.json` will hold, and its seal. The files are on the disk then: no power cut
/// leaves a `done.json` without what it seals.
pub fn seal(dir: &Path, done: &mut Map<String, Value>) -> Result<(), LabError> {
    for (_, path) in covered(dir)? {
        fs::File::open(&path).and_then(|file| file.sync_all()).map_err(|source| LabError::writing(&path, source))?;
    }
    done.insert(FILES.to_string(), json!(digests(dir)?));
    done.insert(SEAL.to_string(), json!(own(done)));
    Ok(())
}

/// Holds the files of a finished job against its seal.
///
/// # Errors
/// A directory without `done.json`, or files that cannot be read.
pub fn check(dir: &Path) -> Result<Vec<Finding>, LabError> {
    let path = layout::done_json(dir);
    let unfinished = || LabError::BrokenJob { path: path.clone(), reason: "the job has not ended".to_string() };
    let mut done = job::read_done(dir).ok_or_else(unfinished)?;
    let (Some(seal), Some(files)) = (done.remove(SEAL), done.get(FILES).and_then(Value::as_object).cloned()) else {
        return Ok(vec![Finding::Unsealed]);
    };
    let mut findings = Vec::new();
    if seal != json!(own(&done)) {
        findings.push(Finding::Changed("done.json".to_string()));
    }
    let now = digests(dir)?;
    let names: BTreeSet<&String> = now.keys().chain(files.keys()).collect();
    for name in names {
        match (files.get(name), now.get(name)) {
            (Some(then), Some(now)) if then.as_str() != Some(now) => findings.push(Finding::Changed(name.clone())),
            (Some(_), None) => findings.push(Finding::Missing(name.clone())),
            (None, Some(_)) => findings.push(Finding::Added(name.clone())),
            _ => {}
        }
    }
    Ok(findings)
}

/// How many files a seal covers.
pub fn sealed_files(dir: &Path) -> usize {
    job::read_done(dir).and_then(|done| done.get(FILES)?.as_object().map(Map::len)).unwrap_or(0)
}

/// The digest of the rest of `done.json`.
fn own(done: &Map<String, Value>) -> String {
    blake3::hash(Value::Object(done.clone()).to_string().as_bytes()).to_hex().to_string()
}

/// The digest of each file that a seal covers, by its path in the directory.
fn digests(dir: &Path) -> Result<BTreeMap<String, String>, LabError> {
    let mut digests = BTreeMap::new();
    for (name, path) in covered(dir)? {
        let mut hasher = blake3::Hasher::new();
        let read = fs::File::open(&path).and_then(|file| hasher.update_reader(file).map(|_| ()));
        read.map_err(|source| unreadable(&path, source))?;
        digests.insert(name, hasher.finalize().to_hex().to_string());
    }
    Ok(digests)
}

/// The files below `dir`, with their paths in there; without `done.json`, the lock and temporaries.
fn covered(dir: &Path) -> Result<Vec<(String, PathBuf)>, LabError> {
    let name = |path: &Path| path.strip_prefix(dir).unwrap_or(path).to_string_lossy().into_owned();
    let mut files: Vec<_> = files::below(dir)?.into_iter().map(|path| (name(&path), path)).collect();
    files.retain(|(name, _)| !["done.json", "lock"].contains(&name.as_str()) && !name.ends_with(".tmp"));
    Ok(files)
}

fn unreadable(path: &Path, source: std::io::Error) -> LabError {
    LabError::Unreadable { path: path.to_path_buf(), source, mend: "; mend its permissions" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("checkpoint")).unwrap();
        for (name, text) in [("metrics.csv", "step\n1\n"), ("checkpoint/state.safetensors", "weights"), ("lock", "12")]
        {
            fs::write(dir.path().join(name), text).unwrap();
        }
        let mut done = Map::from_iter([("id".to_string(), json!("0badcafe")), ("seconds".to_string(), json!(1.25))]);
        seal(dir.path(), &mut done).unwrap();
        crate::lab::files::write_json(&layout::done_json(dir.path()), &done).unwrap();
        dir
    }

    #[test]
    fn an_untouched_job_has_no_findings() {
        let dir = sealed();
        assert_eq!(check(dir.path()).unwrap(), []);
        assert_eq!(sealed_files(dir.path()), 2);
        fs::write(dir.path().join("lock"), "another process").unwrap();
        assert_eq!(check(dir.path()).unwrap(), []);
    }

    #[test]
    fn a_changed_a_missing_and_a_new_file_are_named() {
        let dir = sealed();
        let file = |name: &str| dir.path().join(name);
        fs::write(file("metrics.csv"), "step\n2\n").unwrap();
        fs::remove_file(file("checkpoint/state.safetensors")).unwrap();
        fs::write(file("new.txt"), "").unwrap();
        let findings = check(dir.path()).unwrap();
        let named = |finding: &Finding| findings.contains(finding);
        assert!(named(&Finding::Changed("metrics.csv".into())), "{findings:?}");
        assert!(named(&Finding::Missing("checkpoint/state.safetensors".into())), "{findings:?}");
        assert!(named(&Finding::Added("new.txt".into())) && findings.len() == 3, "{findings:?}");
    }

    #[test]
    fn any_changed_value_of_the_done_file_breaks_its_seal() {
        let dir = sealed();
        let path = layout::done_json(dir.path());
        let text = fs::read_to_string(&path).unwrap();
        for (from, to) in [("1.25", "1.5"), ("0badcafe", "0badcaff")] {
            assert!(text.contains(from));
            fs::write(&path, text.replacen(from, to, 1)).unwrap();
            assert_eq!(check(dir.path()).unwrap(), [Finding::Changed("done.json".into())], "{from}");
        }
        fs::write(&path, "{\"id\":\"0badcafe\"}").unwrap();
        assert_eq!(check(dir.path()).unwrap(), [Finding::Unsealed]);
        fs::remove_file(&path).unwrap();
        assert!(check(dir.path()).unwrap_err().to_string().contains("has not ended"));
    }
}
