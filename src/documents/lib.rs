//! Foreign documents read into text with their structure.

mod document;

pub use document::{Cell, Document, Hash, Kind, Link, Note, Section, Span, Table};
