//! The pipeline from outside: small corpora are written, datasets are made of them, verified, and spoiled.

#![allow(clippy::unwrap_used)]

#[path = "../../testing.rs"]
#[allow(dead_code)]
mod testing;

mod agents;
mod checks;
mod corruption;
mod determinism;
mod files;
mod graph;
mod hostile;
mod judged;
mod model;
mod output;
mod resume;
mod retrospect;
mod world;
mod written;
