//! One question with its documents, gold answer, task type and evidence.

use crate::task::TaskType;
use serde::{Deserialize, Serialize};

/// One sample.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Number within its dataset.
    pub id: u64,
    /// Task type.
    pub task: TaskType,
    /// The documents as they stand in the prompt.
    pub text: String,
    /// The question, with options for multiple choice.
    pub question: String,
    /// The gold answer.
    pub gold: String,
    /// Sentences of the documents that the answer rests on (its certificate).
    pub evidence: Vec<String>,
}
