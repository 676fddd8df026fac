//! Files that are there whole or not at all.

use super::LabError;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Writes `bytes` to `path` under a temporary name (`<name>.tmp`), syncs, and renames. On an error nothing new stays behind.
///
/// The temporary name is fixed, so that a killed writer leaves at most one stray file, which the next one overwrites: writers
/// to one folder must hold its [`Lock`](super::lock::Lock).
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), LabError> {
    let temporary = temporary(path);
    write_synced(&temporary, bytes).and_then(|()| fs::rename(&temporary, path)).map_err(|source| {
        // The first error is the one to tell; a temporary that cannot be removed either is overwritten next time.
        let _ = fs::remove_file(&temporary);
        LabError::writing(path, source)
    })?;
    sync_folder(path);
    Ok(())
}

fn temporary(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".tmp");
    path.with_file_name(name)
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes the rename survive a power cut; file systems that cannot sync a folder lose nothing but that.
fn sync_folder(path: &Path) {
    if let Some(folder) = path.parent().and_then(|folder| File::open(folder).ok()) {
        let _ = folder.sync_all();
    }
}

/// Writes a value as pretty JSON with [`write_whole`].
pub fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<(), LabError> {
    let mut text =
        serde_json::to_vec_pretty(value).map_err(|error| LabError::writing(path, io::Error::other(error)))?;
    text.push(b'\n');
    write_whole(path, &text)
}

/// Makes a folder and its parents.
pub fn make_folder(path: &Path) -> Result<(), LabError> {
    fs::create_dir_all(path).map_err(|source| LabError::writing(path, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_named_and_the_old_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("done.json");
        write_whole(&path, b"old").unwrap();
        std::os::unix::fs::symlink("/dev/full", temporary(&path)).unwrap();
        let error = write_whole(&path, b"new").unwrap_err();
        assert!(matches!(error, LabError::DiskFull { .. }), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_in_the_way_of_a_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("results");
        fs::write(&file, "").unwrap();
        for path in [file.clone(), file.join("jobs")] {
            let error = make_folder(&path).unwrap_err();
            assert!(matches!(error, LabError::NotAFolder { .. }), "{error}");
        }
    }

    #[test]
    fn a_stray_temporary_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jobs.csv");
        fs::write(temporary(&path), "torn and longer than the new text").unwrap();
        write_whole(&path, b"whole").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert!(!temporary(&path).exists());
    }
}
