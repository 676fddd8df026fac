//! One writer a folder, by `flock` on a file `lock` in it. The system drops the lock with its process, however that ends.

use super::LabError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// An exclusive lock on a folder, held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    // Only held: closing the file gives the lock back.
    _file: File,
}

impl Lock {
    /// Takes the lock on `folder`, which must exist; an error names the process that has it.
    pub fn take(folder: &Path) -> Result<Lock, LabError> {
        let path = folder.join("lock");
        let writing = |source| LabError::writing(&path, source);
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(writing)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LabError::Locked { path: folder.to_path_buf(), holder: holder(&mut file) });
            }
            Err(TryLockError::Error(source)) => return Err(writing(source)),
        }
        // The process id serves the message only: a full disk must not keep a job from being locked.
        let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Lock { _file: file })
    }
}

/// Whether a process has the lock on `folder` now. Asks the system's list of locks and takes none, not even for a moment: a job
/// that starts just then must not find its folder in use.
pub fn is_held(folder: &Path) -> bool {
    let Ok(file) = std::fs::metadata(folder.join("lock")) else { return false };
    let (device, inode) = (file.dev(), file.ino());
    let own = format!("{:02x}:{:02x}:{inode}", libc::major(device), libc::minor(device));
    let locks = std::fs::read_to_string("/proc/locks").unwrap_or_default();
    locks.lines().any(|line| line.contains(" FLOCK ") && line.split_whitespace().any(|word| word == own))
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    match file.read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => format!("process {}", text.trim()),
        _ => "another process".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_taker_is_told_who_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let first = Lock::take(folder.path()).unwrap();
        let error = Lock::take(folder.path()).unwrap_err().to_string();
        assert!(error.contains(&format!("in use by process {}", std::process::id())), "{error}");
        drop(first);
        Lock::take(folder.path()).unwrap();
    }
}
