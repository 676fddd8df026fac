//! Models that play a part in other work: on this machine, or behind a server.

use super::fetch;
use crate::lm::engine::{Engine, Limits, TalkError};
use anyhow::{Result, ensure};
use longlab_client::{ChatModel, Client};
use longlab_synthesis::spec::ModelSpec;

/// Opens the model of a specification, a local one with `threads` threads.
pub(super) fn open(model: &ModelSpec, threads: usize) -> Result<Box<dyn ChatModel>> {
    match model {
        ModelSpec::Local(name) => Ok(Box::new(local(name, threads, Limits::default())?)),
        ModelSpec::Server(settings) => Ok(Box::new(Client::new((**settings).clone())?)),
    }
}

/// A model on this machine that answers messages; one that is not here is fetched.
pub(super) fn local(name: &str, threads: usize, limits: Limits) -> Result<Engine> {
    let engine = Engine::load(&fetch::place(name)?, threads, limits)?;
    ensure!(engine.texts().has_template(), TalkError::NoTemplate);
    Ok(engine)
}

/// One thread a core.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
