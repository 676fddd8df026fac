//! Task types, answer extraction and scoring. A reward is a score at training time (paper section 4.1, appendix A).

pub mod score;
pub mod template;

pub use crate::spec::settings::World;
pub use score::{Graded, Status, grade};

use serde::{Deserialize, Serialize};

/// The five task types of QwenLong-L1.5 (section 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskType {
    /// One of four options.
    MultipleChoice,
    /// Two to four hops across documents.
    MultiHop,
    /// One hop, paraphrased.
    Reading,
    /// Give back the i-th of several alike turns; reward is a similarity in 0..1.
    Dialogue,
    /// Count, sum, maximum or difference over rows spread over documents.
    Numeric,
}

impl TaskType {
    /// All task types, in the order in which they are reported.
    pub const ALL: [TaskType; 5] =
        [TaskType::MultipleChoice, TaskType::MultiHop, TaskType::Reading, TaskType::Dialogue, TaskType::Numeric];

    /// The name used in specs, files and tables.
    pub fn name(self) -> &'static str {
        match self {
            TaskType::MultipleChoice => "multiple_choice",
            TaskType::MultiHop => "multi_hop",
            TaskType::Reading => "reading",
            TaskType::Dialogue => "dialogue",
            TaskType::Numeric => "numeric",
        }
    }

    /// Position in [`TaskType::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }
}

impl std::fmt::Display for TaskType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
