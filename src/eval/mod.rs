//! The six suites: fixed items, several answers an item, every answer with exactly one outcome; nothing is dropped.

pub mod outcomes;
pub mod probe;
pub mod run;
pub mod suite;

pub use run::evaluate;
pub use suite::{Split, Suite};
