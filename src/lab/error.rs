//! What can go wrong around jobs, with the mend in the message.

use std::io;
use std::path::{Path, PathBuf};

/// An error of the laboratory's files and processes.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// No space left where `path` was to be written.
    #[error(
        "the disk is full: cannot write {}; free some space and give the same command again, finished work is kept", path.display()
    )]
    DiskFull {
        /// The file that could not be written.
        path: PathBuf,
    },
    /// The folder cannot be written.
    #[error("cannot write {}: {source}; mend its permissions or choose another folder with --results or --reports", path.display())]
    Unwritable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A folder is wanted where something else stands.
    #[error("{} is not a folder; move it away or choose another folder with --results or --reports", path.display())]
    NotAFolder {
        /// What stands there.
        path: PathBuf,
    },
    /// A file cannot be read.
    #[error("cannot read {}: {source}{mend}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
        /// What to do about it, or nothing.
        mend: &'static str,
    },
    /// `job.json` does not hold a job.
    #[error("{} does not describe a job: {reason}; delete {} and run the experiment again", path.display(), dir(path).display())]
    BrokenJob {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The experiment's name cannot name a folder of results.
    #[error("`{name}` cannot name a folder of results; take letters, digits, spaces, `-`, `_`, `+`, and not `jobs`")]
    BadName {
        /// The name.
        name: String,
    },
    /// Another process has the lock.
    #[error("{} is in use by {holder}; wait until it has ended, or stop it", path.display())]
    Locked {
        /// The locked folder.
        path: PathBuf,
        /// Who holds it.
        holder: String,
    },
    /// The lock was taken over.
    #[error(
        "another process took {} over, since this one was silent for more than {} s (was its machine suspended?); this one ends here",
        path.display(), super::lock::SILENCE.as_secs()
    )]
    Lost {
        /// The folder.
        path: PathBuf,
    },
}

fn dir(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

impl LabError {
    /// The error of a failed write to `path`.
    ///
    /// ```
    /// use longlab::lab::LabError;
    /// let full = std::io::Error::from_raw_os_error(28); // ENOSPC
    /// assert!(LabError::writing("results/a.csv".as_ref(), full).to_string().starts_with("the disk is full"));
    /// ```
    pub fn writing(path: &Path, source: io::Error) -> LabError {
        let path = path.to_path_buf();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => LabError::DiskFull { path },
            io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => LabError::NotAFolder { path },
            _ => LabError::Unwritable { path, source },
        }
    }

    /// Whether the mend lies in the arguments or files given, not in what the machine is at.
    pub fn is_input(&self) -> bool {
        !matches!(self, LabError::DiskFull { .. } | LabError::Locked { .. } | LabError::Lost { .. })
    }
}

/// Whether an error anywhere in the chain says that the disk is full; libraries that hide the error code are known by its text.
pub fn says_full(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| match cause.downcast_ref::<io::Error>() {
        Some(io) => matches!(io.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded),
        None => cause.to_string().contains("No space left on device"),
    })
}
