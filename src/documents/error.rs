//! Why a file could not be read.

use crate::Format;
use std::io;

/// A file that could not be read.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {fault}")]
pub struct ReadError {
    /// The file, with `!` and the entry inside where it is an archive.
    pub place: String,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It cannot be opened or read.
    #[error("cannot be read: {0}")]
    Io(io::Error),
    /// It holds nothing but white space.
    #[error("holds no text")]
    Empty,
    /// It is no text in any encoding that is known here.
    #[error("is no text ({reason}); if it is, convert it to UTF-8")]
    Binary {
        /// What gives it away.
        reason: &'static str,
    },
    /// Its format is not read.
    #[error("{name} files are not read; {mend}")]
    Unread {
        /// The format.
        name: &'static str,
        /// What to do.
        mend: &'static str,
    },
    /// It is cut short, or is not what its name says.
    #[error("is damaged as {format}: {reason}; get it again")]
    Damaged {
        /// What it should be.
        format: Format,
        /// Where and what.
        reason: String,
    },
    /// It is encrypted.
    #[error("is encrypted; store it without a password (`qpdf --decrypt`)")]
    Encrypted,
    /// Its pages are pictures.
    #[error("has {pages} pages and no text on them; run text recognition over it first (`ocrmypdf`)")]
    Scanned {
        /// Pages.
        pages: usize,
    },
    /// It is larger than is read.
    #[error("has {size} bytes, {limit} are read of {format} (`{key}`); split it or raise the limit")]
    TooLarge {
        /// What it is.
        format: Format,
        /// Its size, or how much of it was seen.
        size: u64,
        /// The limit.
        limit: u64,
        /// The limit's name.
        key: &'static str,
    },
    /// Its compressed parts grow beyond measure.
    #[error("inflates from {compressed} bytes to {inflated} or more (`{key}`); unpack it by hand if you trust it")]
    Bomb {
        /// Compressed bytes.
        compressed: u64,
        /// Bytes that came out before reading stopped.
        inflated: u64,
        /// The limit that it broke.
        key: &'static str,
    },
    /// The archive has more entries than are looked at.
    #[error("has {entries} entries, {limit} are allowed (`entries`); split it or raise the limit")]
    Entries {
        /// Entries.
        entries: usize,
        /// The limit.
        limit: usize,
    },
    /// The parser of the format gave up in a way that it should not.
    #[error("brought the reader of {format} down: {reason}; leave it out and report it")]
    Crashed {
        /// What it should be.
        format: Format,
        /// What the parser said.
        reason: String,
    },
}

impl Fault {
    /// One word for it, to count by.
    pub fn name(&self) -> &'static str {
        match self {
            Fault::Io(_) => "unreadable",
            Fault::Empty => "empty",
            Fault::Binary { .. } => "binary",
            Fault::Unread { .. } => "unread_format",
            Fault::Damaged { .. } => "damaged",
            Fault::Encrypted => "encrypted",
            Fault::Scanned { .. } => "scanned",
            Fault::TooLarge { .. } => "too_large",
            Fault::Bomb { .. } => "bomb",
            Fault::Entries { .. } => "too_many_entries",
            Fault::Crashed { .. } => "crashed",
        }
    }

    /// The same with the file it concerns.
    pub(crate) fn at(self, place: impl Into<String>) -> ReadError {
        ReadError { place: place.into(), fault: self }
    }

    pub(crate) fn damaged(format: Format, reason: impl ToString) -> Fault {
        Fault::Damaged { format, reason: reason.to_string() }
    }
}
