//! Experiment files: schema, defaults, errors that point at the line, expansion to cells and jobs, job identity.

pub mod settings;
