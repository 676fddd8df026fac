//! What can be wrong with an item, by name.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The line is no item.
    Unreadable,
    /// A file is not the one that was written.
    FileAltered,
    /// Two items have one id.
    DoubleId,
    /// The id is not the hash of what the item says.
    WrongId,
    /// There is no answer, or no evidence.
    Empty,
    /// A document is not in the dataset.
    UnknownDocument,
    /// A document's text is not that of its hash.
    DocumentAltered,
    /// A passage is not what stands at its place in the document.
    PassageAltered,
    /// A quote is not what stands at its place in the document.
    QuoteAltered,
    /// An evidence stands in no passage.
    EvidenceOutside,
    /// A template, an operation or a letter of them is not known.
    UnknownRule,
    /// The question is not what its template says.
    QuestionAltered,
    /// The query is not that of its template.
    QueryAltered,
    /// The query does not run.
    QueryFails,
    /// The rows of the proof are not those of the tables in the passages.
    RowsAltered,
    /// The evidence is not a cell of the proof's rows, or does not state its fact, or is not a turn that counts.
    EvidenceAltered,
    /// A hop of the path has other answers.
    NotUnique,
    /// Too few of the queries that a model wrote give one answer.
    QueriesDisagree,
    /// The answer computed is another.
    AnswerDiffers,
    /// The answer without an evidence is another than the certificate says.
    NecessityDiffers,
    /// An evidence is not needed: without it the answer is the same.
    NotNeeded,
    /// A passage without evidence holds evidence, the answer, or a row that counts.
    DistractorTells,
    /// Requests of a conversation, their number or their order are not those of the proof.
    RequestsAltered,
    /// Tokens counted are others.
    TokensDiffer,
    /// Tokens were counted by another tokenizer.
    TokenizerDiffers,
    /// What the kept answers of the checks come to is not what the item and its line say.
    ChecksDiffer,
    /// What was done does not lead to this item.
    LineageBroken,
}

impl Fault {
    /// The name used in files.
    pub fn name(self) -> String {
        serde_json::to_value(self).ok().and_then(|name| name.as_str().map(String::from)).unwrap_or_default()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name().replace('_', " "))
    }
}

/// A fault with what was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// What is wrong.
    pub fault: Fault,
    /// The values.
    pub detail: String,
}

/// Collects faults.
#[derive(Default)]
pub struct Faults(pub Vec<Found>);

impl Faults {
    /// Adds a fault unless a condition holds; the detail is only worked out where it does not.
    pub fn demand(&mut self, holds: bool, fault: Fault, detail: impl FnOnce() -> String) {
        if !holds {
            self.0.push(Found { fault, detail: detail() });
        }
    }
}
