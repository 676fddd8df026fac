//! Files that are there whole or not at all.

use super::LabError;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Writes `bytes` to `path` whole or not at all ([`crate::files::write_whole`]): writers to one folder must hold its
/// [`Lock`](super::lock::Lock).
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), LabError> {
    crate::files::write_whole(path, bytes).map_err(|source| LabError::writing(path, source))
}

/// Writes a value as pretty JSON with [`write_whole`].
pub fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<(), LabError> {
    write_whole(path, &pretty(path, value)?)
}

/// Writes a value as pretty JSON with [`crate::files::write_soon`].
pub fn write_json_soon(path: &Path, value: &impl serde::Serialize) -> Result<(), LabError> {
    crate::files::write_soon(path, &pretty(path, value)?).map_err(|source| LabError::writing(path, source))
}

fn pretty(path: &Path, value: &impl serde::Serialize) -> Result<Vec<u8>, LabError> {
    let mut text =
        serde_json::to_vec_pretty(value).map_err(|error| LabError::writing(path, io::Error::other(error)))?;
    text.push(b'\n');
    Ok(text)
}

/// Makes a folder and its parents.
pub fn make_folder(path: &Path) -> Result<(), LabError> {
    fs::create_dir_all(path).map_err(|source| LabError::writing(path, source))
}

/// What lies in a folder, by name; nothing where there is no such folder.
pub fn entries(folder: &Path) -> Result<Vec<PathBuf>, LabError> {
    if !folder.exists() {
        return Ok(vec![]);
    }
    let unreadable =
        |source| LabError::Unreadable { path: folder.to_path_buf(), source, mend: "; mend its permissions" };
    let read = fs::read_dir(folder).map_err(unreadable)?;
    let mut paths = read.map(|entry| Ok(entry.map_err(unreadable)?.path())).collect::<Result<Vec<_>, LabError>>()?;
    paths.sort();
    Ok(paths)
}

/// All files below a folder, by name.
pub fn below(folder: &Path) -> Result<Vec<PathBuf>, LabError> {
    let mut found = Vec::new();
    for path in entries(folder)? {
        if path.is_dir() { found.extend(below(&path)?) } else { found.push(path) }
    }
    Ok(found)
}

/// Bytes of all files below a folder. A file that goes away meanwhile counts as none.
pub fn bytes(folder: &Path) -> Result<u64, LabError> {
    Ok(below(folder)?.iter().map(|path| fs::metadata(path).map_or(0, |data| data.len())).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_named_and_the_old_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("done.json");
        write_whole(&path, b"old").unwrap();
        std::os::unix::fs::symlink("/dev/full", folder.path().join("done.json.tmp")).unwrap();
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
        fs::write(folder.path().join("jobs.csv.tmp"), "torn and longer than the new text").unwrap();
        write_whole(&path, b"whole").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert!(!folder.path().join("jobs.csv.tmp").exists());
    }
}
