//! Why a model could not be got.

use std::io;
use std::path::{Path, PathBuf};

/// Why a model could not be got.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Neither a known name nor a repository's.
    #[error("`{model}` is no model; give {known}, or a repository of the hub as org/name or org/name@revision")]
    Unknown {
        /// What was asked for.
        model: String,
        /// The known names.
        known: String,
    },
    /// There is no home folder.
    #[error("no folder for models: set LONGLAB_MODELS and HF_HOME, or HOME")]
    Home,
    /// Something is missing and the network is to be left alone.
    #[error(
        "{model} is not on this machine, and offline mode is on; unset HF_HUB_OFFLINE and LONGLAB_OFFLINE to fetch it"
    )]
    Offline {
        /// The model.
        model: String,
    },
    /// What the file system says.
    #[error("{}: {cause}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The cause. Not a `source`: the message says it.
        cause: io::Error,
    },
    /// The server refuses.
    #[error("{url} answers {status}: {mend}")]
    Status {
        /// The address.
        url: String,
        /// The status code.
        status: u16,
        /// What can be done.
        mend: &'static str,
    },
    /// No answer, or none that could be read, after all tries.
    #[error("{url}: {reason}; what has come is kept, start again to go on")]
    Network {
        /// The address.
        url: String,
        /// What happened last.
        reason: String,
    },
    /// A file of another size than announced.
    #[error(
        "{url}: {found} bytes have come, {expected} were announced; the file was changed, or something stands in between"
    )]
    Size {
        /// The address.
        url: String,
        /// Bytes announced.
        expected: u64,
        /// Bytes that came.
        found: u64,
    },
    /// A file of another content than expected. It was removed.
    #[error("{file} has hash {found}, {expected} is expected; it was removed, start again")]
    Hash {
        /// The file.
        file: String,
        /// The expected hash, in hexadecimal digits.
        expected: String,
        /// The hash.
        found: String,
    },
    /// A name that leaves its folder.
    #[error("{from} names a file `{name}`, which could lie outside its folder; it is not unpacked")]
    Name {
        /// Archive or list.
        from: String,
        /// The name.
        name: String,
    },
    /// An archive that cannot be read, or does not hold what it should.
    #[error("{}: {reason}", path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A list of files that cannot be understood.
    #[error("{url} gives no list of files: {reason}")]
    Listing {
        /// The address.
        url: String,
        /// What is wrong.
        reason: String,
    },
}

impl FetchError {
    pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        |cause| FetchError::Io { path: path.to_owned(), cause }
    }

    pub(super) fn archive(path: &Path, reason: impl ToString) -> Self {
        FetchError::Archive { path: path.to_owned(), reason: reason.to_string() }
    }
}
