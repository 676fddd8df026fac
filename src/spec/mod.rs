//! Experiment files: schema, defaults, errors that point at the line, expansion to cells and jobs, job identity.

pub mod choice;
pub mod key;
pub mod level;
pub mod settings;
pub mod suggest;

pub use choice::*;
pub use key::{Key, Misfit, Setting};
pub use level::{BadLevel, Bound, Threshold};
pub use settings::{KEYS, Settings};
