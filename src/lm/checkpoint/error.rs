//! What can be wrong with a checkpoint.

use crate::lm::gguf::GgufError;
use crate::shards::ShardsError;
use std::io;
use std::path::{Path, PathBuf};

/// Why a checkpoint could not be opened or read.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// There is no checkpoint.
    #[error("{} holds no model; give a GGUF file, or a folder with config.json and model.safetensors (or shards and their index)", path.display())]
    NoModel {
        /// The file or folder.
        path: PathBuf,
    },
    /// Its files cannot be used.
    #[error(transparent)]
    Files(#[from] ShardsError),
    /// The configuration's numbers do not fit together, or ask for what is not known here.
    #[error("{}: {reason}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// A tensor that the configuration asks for is not there.
    #[error("{}: tensor `{name}` is missing; does the configuration belong to these weights?", path.display())]
    Missing {
        /// The file or folder.
        path: PathBuf,
        /// The tensor.
        name: String,
    },
    /// There is a tensor that the configuration has no place for.
    #[error("{}: unknown tensor `{name}`; does the configuration belong to these weights?", path.display())]
    Unknown {
        /// The file or folder.
        path: PathBuf,
        /// The tensor.
        name: String,
    },
    /// A tensor has another shape than the configuration says.
    #[error("{}: tensor `{name}` has shape {found:?}, the configuration asks for {wanted:?}", path.display())]
    Shape {
        /// The file or folder.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// The shape by the configuration.
        wanted: Vec<usize>,
        /// The shape in the file.
        found: Vec<usize>,
    },
    /// A tensor of a safetensors file is stored in a type that is not read.
    #[error("{}: tensor `{name}` is stored as {found}, only F32, F16 and BF16 are read; convert the files", path.display())]
    Dtype {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// The stored type.
        found: String,
    },
    /// Rows were asked for that the tensor does not have, or that the place for them has another size than.
    #[error("tensor `{name}` of shape {shape:?}: rows {from}..{to} into {room} numbers")]
    Rows {
        /// The tensor.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
        /// First row.
        from: usize,
        /// One past the last row.
        to: usize,
        /// Numbers that there is room for.
        room: usize,
    },
    /// What a GGUF file says.
    #[error(transparent)]
    Gguf(#[from] GgufError),
}

impl CheckpointError {
    pub(super) fn reading(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        |cause| ShardsError::reading(path)(cause).into()
    }

    pub(super) fn damaged(path: &Path, reason: impl ToString) -> Self {
        ShardsError::damaged(path, reason).into()
    }

    pub(super) fn config(path: &Path, reason: impl ToString) -> Self {
        CheckpointError::Config { path: path.to_owned(), reason: reason.to_string() }
    }
}
