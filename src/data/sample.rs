//! One question with its documents, gold answer, task type and evidence.

use crate::task::{TaskType, World};
use serde::{Deserialize, Serialize};

/// One sample.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Number within its dataset.
    pub id: u64,
    /// Task type.
    pub task: TaskType,
    /// The world it was drawn in: how it is put and how answers to it are read.
    #[serde(default = "micro", skip_serializing_if = "is_micro")]
    pub world: World,
    /// The documents as they stand in the prompt.
    pub text: String,
    /// The question, with options for multiple choice.
    pub question: String,
    /// The gold answer.
    pub gold: String,
    /// Sentences of the documents that the answer rests on (its certificate).
    pub evidence: Vec<String>,
}

/// Samples that do not say their world are older than the others.
fn micro() -> World {
    World::Micro
}

fn is_micro(world: &World) -> bool {
    *world == World::Micro
}
