//! Foreign documents read into text with their structure; filters, duplicates and search.
//!
//! | module | what it holds |
//! |---|---|
//! | `document` | a document: text, headlines, tables, links and what it says outright, with the bytes where each stands |
//! | `read` | one reader a format; all of them behind [`Reader`] |
//! | `walk` | folders read in parallel, in order, with everything counted that was left out |
//! | `filter` | rules by which documents are left out |
//! | `duplicate` | documents that say the same, exactly or nearly |
//! | `decontaminate` | documents that hold questions of an evaluation |
//! | `passage`, `bm25` | passages, found by their words |
//!
//! Nothing here knows tokens or models. Foreign files are hostile: each limit is a key of [`Limits`], each refusal a typed error.

mod bm25;
mod decontaminate;
mod document;
mod draft;
mod duplicate;
mod encoding;
mod error;
mod filter;
mod format;
mod kind;
mod limits;
mod passage;
mod read;
mod soundness;
mod tally;
mod walk;
mod words;

pub use bm25::{Hit, Index, Weights};
pub use decontaminate::{Evaluation, Overlap, RUN};
pub use document::{Cell, Document, Hash, Kind, Link, Note, Section, Span, Table};
pub use duplicate::{Duplicate, Duplicates, Fingerprint, Nearness, NearnessError, pairs};
pub use encoding::Encoding;
pub use error::{Fault, ReadError};
pub use filter::{Filter, OfKind, Reason, Repetition};
pub use format::Format;
pub use kind::KindRule;
pub use limits::Limits;
pub use passage::passages;
pub use read::{Reader, Reading, Remark};
pub use soundness::Unsound;
pub use tally::Tally;
pub use walk::{Corpus, Outcome, Skip, Walk};
pub use words::words;
