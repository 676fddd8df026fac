//! What a running job tells the outside: stages and steps, one event each.

use serde::{Deserialize, Serialize};

/// One event of a running job; `longlab job --events` prints them as JSON lines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A stage begins (`train`, `warm`, `eval`) at unit `done` of `total`.
    Stage {
        /// Name of the stage.
        name: String,
        /// Units done already (after a resume).
        done: u64,
        /// Units in all.
        total: u64,
    },
    /// One unit of the current stage is done.
    Step {
        /// Units done.
        done: u64,
        /// Mean reward of the step (0..1), when there is one.
        reward: Option<f64>,
        /// Mean entropy in nats, when there is one.
        entropy: Option<f64>,
        /// Loss, when there is one.
        loss: Option<f64>,
    },
}

/// Receives the events of a job. An error stops the job at once.
pub trait Observer {
    /// Takes one event.
    fn on(&mut self, event: &Event) -> anyhow::Result<()>;

    /// Whether the job was asked to end. It then writes a checkpoint after the step at hand and ends with [`Stopped`].
    fn stopping(&self) -> bool {
        false
    }
}

/// The end of a job that was asked to end before its work was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stopped as asked; what is done is kept, and the same command goes on from there")]
pub struct Stopped;

/// An observer that looks away.
pub struct Silent;

impl Observer for Silent {
    fn on(&mut self, _: &Event) -> anyhow::Result<()> {
        Ok(())
    }
}
