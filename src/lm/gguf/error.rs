//! What can be wrong with a GGUF file.

use std::io;
use std::path::{Path, PathBuf};

/// Why the bytes are no GGUF file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("byte {at}, {place}: {reason}")]
pub struct Fault {
    /// Bytes from the beginning of the file.
    pub at: u64,
    /// What was being read.
    pub place: String,
    /// What does not fit.
    pub reason: String,
}

/// Why a GGUF file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum GgufError {
    /// The file cannot be opened or mapped.
    #[error("cannot read {}: {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause. Not a `source`: the message says it.
        cause: io::Error,
    },
    /// The file is cut short, or is not what its name says.
    #[error("{} is damaged: {fault}; get it again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where and what.
        fault: Fault,
    },
    /// There is no such tensor.
    #[error("{} holds no tensor `{name}`", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
    },
    /// The tensor is stored in a way that is not read.
    #[error("tensor `{name}` is stored as {kind}, which is not read; convert the file to Q8_0 or BF16")]
    Unsupported {
        /// The tensor.
        name: String,
        /// How it is stored.
        kind: &'static str,
    },
    /// Rows were asked for that the tensor does not have, or that the place for them has another size than.
    #[error("tensor `{name}`: rows {from}..{to} of {rows}, each of {width}, into {room} numbers")]
    Rows {
        /// The tensor.
        name: String,
        /// First row.
        from: usize,
        /// One past the last row.
        to: usize,
        /// Rows of the tensor.
        rows: usize,
        /// Numbers a row.
        width: usize,
        /// Numbers that there is room for.
        room: usize,
    },
}

impl GgufError {
    pub(super) fn reading(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        |cause| GgufError::Unreadable { path: path.to_owned(), cause }
    }
}
