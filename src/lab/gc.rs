//! What no experiment refers to: job directories that are in no job list and in no spec.

use super::{LabError, Layout, files, lock};
use crate::spec;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

/// A job directory that nothing refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orphan {
    /// Its place.
    pub dir: PathBuf,
    /// Bytes of all its files.
    pub bytes: u64,
    /// Whether a process works in it; such a one is never removed.
    pub busy: bool,
}

/// The ids that job lists and specs refer to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct References {
    /// All ids.
    pub ids: BTreeSet<String>,
    /// Spec files that could not be read, with the reason: their jobs are unknown, so nothing may be removed.
    pub unread: Vec<(PathBuf, String)>,
}

/// Collects the ids of all `results/*/jobs.csv` and of all specs in some folders.
pub fn references(layout: &Layout, folders: &[PathBuf]) -> Result<References, LabError> {
    let mut found = References::default();
    for folder in files::entries(layout.results())?.into_iter().filter(|path| path.is_dir()) {
        let list = folder.join("jobs.csv");
        if !list.exists() {
            continue;
        }
        let unreadable = |error: csv::Error| LabError::Unreadable {
            path: list.clone(),
            source: std::io::Error::other(error),
            mend: "; mend or delete this list",
        };
        let mut reader = csv::Reader::from_path(&list).map_err(unreadable)?;
        for row in reader.records() {
            found.ids.extend(row.map_err(unreadable)?.get(2).map(str::to_string));
        }
    }
    for file in
        folders.iter().map(|folder| files::entries(folder)).collect::<Result<Vec<_>, _>>()?.into_iter().flatten()
    {
        if file.extension().is_some_and(|kind| kind == "toml") {
            match spec::load(&file).and_then(|experiment| experiment.jobs()) {
                Ok(jobs) => found.ids.extend(jobs.into_iter().map(|job| job.id)),
                Err(error) => found.unread.push((file, error.to_string())),
            }
        }
    }
    Ok(found)
}

/// The job directories that no reference names, in the order of their ids.
pub fn orphans(layout: &Layout, references: &References) -> Result<Vec<Orphan>, LabError> {
    let jobs = files::entries(&layout.jobs())?;
    let unnamed = jobs.into_iter().filter(|dir| {
        let id = dir.file_name().unwrap_or_default().to_string_lossy();
        dir.is_dir() && !references.ids.contains(id.as_ref())
    });
    unnamed.map(|dir| Ok(Orphan { bytes: files::bytes(&dir)?, busy: lock::is_held(&dir), dir })).collect()
}

/// Removes a directory, unless a process works in it.
pub fn remove(orphan: &Orphan) -> Result<(), LabError> {
    // Held while the files go, so that no job can begin among them.
    let _lock = lock::Lock::take(&orphan.dir)?;
    fs::remove_dir_all(&orphan.dir).map_err(|source| LabError::writing(&orphan.dir, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nothing_refers_to_is_found_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path().join("results"), folder.path().join("reports"));
        for id in ["aaaa", "bbbb", "cccc"] {
            fs::create_dir_all(layout.job(id).join("checkpoint")).unwrap();
            fs::write(layout.job(id).join("checkpoint/weights"), "12345").unwrap();
        }
        fs::create_dir_all(layout.experiment("toy")).unwrap();
        fs::write(layout.jobs_csv("toy"), "variant,seed,id,status\nGRPO,0,bbbb,done\n").unwrap();
        let found = references(&layout, &[]).unwrap();
        let orphans = orphans(&layout, &found).unwrap();
        assert_eq!(orphans.iter().map(|o| o.dir.clone()).collect::<Vec<_>>(), [layout.job("aaaa"), layout.job("cccc")]);
        assert_eq!(orphans[0].bytes, 5);
        remove(&orphans[0]).unwrap();
        assert!(!layout.job("aaaa").exists() && layout.job("bbbb").exists());
        let _held = lock::Lock::take(&layout.job("cccc")).unwrap();
        assert!(remove(&orphans[1]).unwrap_err().to_string().contains("in use"));
        assert!(layout.job("cccc").join("checkpoint/weights").exists());
    }

    #[test]
    fn a_spec_that_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path().join("results"), folder.path().join("reports"));
        fs::write(folder.path().join("broken.toml"), "[experiment]\nname = 3\n").unwrap();
        let found = references(&layout, &[folder.path().to_path_buf()]).unwrap();
        assert_eq!(found.unread.len(), 1);
        assert!(found.unread[0].1.contains("broken.toml"), "{:?}", found.unread);
    }
}
