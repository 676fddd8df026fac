//! What can go wrong between model folders, with the mend in the message.

use crate::shards::ShardsError;
use longlab_kernels::merge::MergeError;
use std::io;
use std::path::{Path, PathBuf};

/// Why models could not be merged.
#[derive(Debug, thiserror::Error)]
pub enum MergeFilesError {
    /// The recipe's settings cannot be used.
    #[error("{0}")]
    Recipe(String),
    /// The files of a model cannot be used.
    #[error(transparent)]
    Files(#[from] ShardsError),
    /// Two models do not have the same tensors.
    #[error("{} and {} differ in their tensors:{}{}; merge models of one architecture", model.display(), first.display(), listed("without", missing), listed("with", extra))]
    Names {
        /// The model.
        model: PathBuf,
        /// The base or, without one, the first model.
        first: PathBuf,
        /// Tensors that the model lacks.
        missing: Vec<String>,
        /// Tensors that only the model has.
        extra: Vec<String>,
    },
    /// A tensor has another shape than in the first model.
    #[error("{name} is {got:?} in {} and {expected:?} in {}; merge models of one architecture and vocabulary", model.display(), first.display())]
    Shape {
        /// The tensor.
        name: String,
        /// The model.
        model: PathBuf,
        /// Its shape there.
        got: Vec<usize>,
        /// The base or, without one, the first model.
        first: PathBuf,
        /// Its shape there.
        expected: Vec<usize>,
    },
    /// A tensor holds floating-point numbers in one model and something else in another, or numbers of a type that is not
    /// merged.
    #[error("{name} is {got} in {} and {expected} in {}; only F32, F16 and BF16 are merged, and they may be mixed", model.display(), first.display())]
    Type {
        /// The tensor.
        name: String,
        /// The model.
        model: PathBuf,
        /// Its type there.
        got: String,
        /// The base or, without one, the first model.
        first: PathBuf,
        /// Its type there.
        expected: String,
    },
    /// A tensor that is not merged but copied (integers, say) is not the same in all models.
    #[error("{name} differs between {} and {}; tensors of type {dtype} are copied and must be equal", model.display(), first.display())]
    Unequal {
        /// The tensor.
        name: String,
        /// Its type.
        dtype: String,
        /// The model.
        model: PathBuf,
        /// The base or, without one, the first model.
        first: PathBuf,
    },
    /// The numbers of a tensor cannot be merged.
    #[error("{name}: {cause}")]
    Numbers {
        /// The tensor.
        name: String,
        /// The cause.
        cause: MergeError,
    },
    /// A merged number is larger than the type of the result can hold.
    #[error("{name}: place {place} comes to more than {dtype} holds; give another dtype")]
    Overflow {
        /// The tensor.
        name: String,
        /// Position in the flat tensor.
        place: usize,
        /// The type.
        dtype: String,
    },
    /// The output is there already.
    #[error("{} exists; move it away or give another folder", path.display())]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// Another merge writes the same output.
    #[error("another merge is writing {}; wait until it has ended, or give another folder", path.display())]
    Busy {
        /// The output folder.
        path: PathBuf,
    },
    /// The output cannot be written.
    #[error("cannot write {}: {cause}{}", path.display(), mend(cause))]
    Unwritable {
        /// The file or folder.
        path: PathBuf,
        /// The cause. Not a `source`: the message says it.
        cause: io::Error,
    },
}

impl MergeFilesError {
    pub(super) fn reading(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        |cause| ShardsError::reading(path)(cause).into()
    }

    pub(super) fn writing(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        |cause| MergeFilesError::Unwritable { path: path.to_owned(), cause }
    }

    pub(super) fn damaged(path: &Path, reason: impl ToString) -> Self {
        ShardsError::damaged(path, reason).into()
    }

    /// Whether the mend lies in the recipe or the files given, not in what the machine is at.
    pub fn is_input(&self) -> bool {
        !matches!(self, MergeFilesError::Busy { .. } | MergeFilesError::Unwritable { .. })
    }
}

fn mend(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "; free some space and give the command again",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => "; give a folder that can be written",
        _ => "",
    }
}

/// ` without a, b, c and 9 more`, or nothing.
fn listed(word: &str, names: &[String]) -> String {
    const SHOWN: usize = 3;
    let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match names.len() {
        0 => String::new(),
        1..=SHOWN => format!(" {word} {shown}"),
        count => format!(" {word} {shown} and {} more", count - SHOWN),
    }
}
