//! The crate from outside: files in, documents out.

#![allow(clippy::unwrap_used)]

mod goldens;
mod hostile;
mod pdf;
mod walk;
