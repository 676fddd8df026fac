//! What can go wrong between result files and a rendered report.

use std::path::{Path, PathBuf};

/// An error of the report room. Every message names the place and the mend.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A file that the report stands on could not be read.
    #[error("cannot read {}: {source}; {mend}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why it could not be read.
        source: std::io::Error,
        /// What to do about it.
        mend: String,
    },
    /// A file of the report could not be written.
    #[error("cannot write {}: {source}; free disk space or choose another folder, then render again", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why it could not be written.
        source: std::io::Error,
    },
    /// A result or paper file does not hold what it must.
    #[error("{}, line {line}: {what}; {mend}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Line in the file, from 1.
        line: u64,
        /// What is wrong, with the value in it.
        what: String,
        /// What to do about it.
        mend: String,
    },
    /// The runs of one variant do not fit together.
    #[error("variant {variant}: {what}; {mend}")]
    Uneven {
        /// The variant.
        variant: String,
        /// What does not fit, with the values in it.
        what: String,
        /// What to do about it.
        mend: String,
    },
    /// A claim names a variant or a measure that the report does not have.
    #[error("claim \"{claim}\": {what}")]
    Claim {
        /// Text of the claim.
        claim: String,
        /// What is wrong and what would be right.
        what: String,
    },
    /// The statistics refused their input.
    #[error("statistics of {of}: {what}")]
    Statistics {
        /// What was to be estimated.
        of: String,
        /// The message of the kernel.
        what: String,
    },
    /// The plotting library failed.
    #[error("plot {name}: {what}")]
    Plot {
        /// Name of the plot.
        name: String,
        /// The message of the library.
        what: String,
    },
    /// The spec of the experiment could not be expanded.
    #[error("{0}")]
    Spec(String),
}

impl ReportError {
    /// A read error with its mend.
    pub(crate) fn read(path: &Path, source: std::io::Error, mend: &str) -> Self {
        Self::Read { path: path.into(), source, mend: mend.into() }
    }

    /// A malformed file at a line.
    pub(crate) fn malformed(path: &Path, line: u64, what: impl Into<String>, mend: &str) -> Self {
        Self::Malformed { path: path.into(), line, what: what.into(), mend: mend.into() }
    }
}
