//! What can go wrong on the way from documents to a dataset, with the mend in the message.

use crate::spec::SpecError;
use crate::table::SqlError;
use std::io;
use std::path::{Path, PathBuf};

/// Why a dataset could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum SynthesisError {
    /// The specification cannot be used.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// A file cannot be read.
    #[error("cannot read {}: {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause. Not a `source`: the message says it.
        cause: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {cause}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The cause, as above.
        cause: io::Error,
    },
    /// A line of a file of ours does not say what it should.
    #[error("{} line {line}: {reason}; remove the folder it lies in and run again", path.display())]
    Torn {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// The corpus folder holds nothing that can be used.
    #[error("the corpus {} holds no usable document ({files} files, {refused} refused); see {}", folder.display(), report.display())]
    Empty {
        /// The corpus folder.
        folder: PathBuf,
        /// Files found.
        files: usize,
        /// Documents refused.
        refused: usize,
        /// Where the reasons stand.
        report: PathBuf,
    },
    /// No item came through.
    #[error("no item is left after the stage `{stage}`; its reasons stand in {}", report.display())]
    NothingLeft {
        /// The stage.
        stage: String,
        /// Where the reasons stand.
        report: PathBuf,
    },
    /// The tokenizer cannot be used.
    #[error("tokenizer {}: {reason}; give the tokenizer.json of the model to be trained, or leave out `context.tokenizer`", path.display())]
    Tokenizer {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A template of ours does not render.
    #[error("template {name}: {reason}")]
    Template {
        /// The template.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// A query of ours does not run.
    #[error(transparent)]
    Sql(#[from] SqlError),
    /// A model that the specification asks for is not there or does not answer.
    #[error("{reason}; {kept} answers are kept, run again to go on")]
    Model {
        /// What happened.
        reason: String,
        /// Answers that need not be asked for again.
        kept: usize,
    },
    /// Something the specification asks for was not handed to the pipeline.
    #[error("the specification asks for {what}, which this program was not given")]
    Missing {
        /// What is missing.
        what: String,
    },
    /// Parquet could not be written or read.
    #[error("{}: {reason}", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A file is not of a kind that is asked for.
    #[error("{}: {reason}", path.display())]
    Kind {
        /// The file.
        path: PathBuf,
        /// What it is not, and the mend.
        reason: String,
    },
    /// The caller asked to end.
    #[error("stopped; what is finished is kept, run again to go on")]
    Stopped,
}

impl SynthesisError {
    /// Whether what was asked for is at fault, and not the machine or a server.
    pub fn is_input(&self) -> bool {
        use SynthesisError::{Empty, Kind, Missing, Spec, Tokenizer};
        let absent = |cause: &io::Error| cause.kind() == io::ErrorKind::NotFound;
        match self {
            Spec(_) | Empty { .. } | Tokenizer { .. } | Missing { .. } | Kind { .. } => true,
            SynthesisError::Unreadable { cause, .. } => absent(cause),
            _ => false,
        }
    }

    /// A reading error at a path.
    pub fn reading(path: &Path) -> impl FnOnce(io::Error) -> SynthesisError + '_ {
        |cause| SynthesisError::Unreadable { path: path.to_path_buf(), cause }
    }

    /// A writing error at a path.
    pub fn writing(path: &Path) -> impl FnOnce(io::Error) -> SynthesisError + '_ {
        |cause| SynthesisError::Unwritable { path: path.to_path_buf(), cause }
    }
}

/// Results of this crate.
pub type Result<T> = std::result::Result<T, SynthesisError>;
