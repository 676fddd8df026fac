//! The crate from outside: files in, documents out.

mod goldens;
mod hostile;
mod pdf;
mod walk;
