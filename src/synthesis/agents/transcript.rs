//! What was played for an item: enough to play it again from the answers alone.

use longlab_documents::{Hash, Span};
use serde::{Deserialize, Serialize};

/// What kind of question is asked for (SPELL's `doc_mc`, `docmath_qa` and `doc_general_qa`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// One of four options.
    Choice,
    /// One number.
    Numeric,
    /// A short text.
    General,
}

impl Task {
    /// The name used in files and templates.
    pub fn name(self) -> &'static str {
        match self {
            Task::Choice => "choice",
            Task::Numeric => "numeric",
            Task::General => "general",
        }
    }
}

/// What a model was called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The proposer wrote a question.
    Propose,
    /// The solver answered without the documents.
    Ground,
    /// The solver answered.
    Solve,
    /// The verifier compared an answer with the proposer's.
    Verify,
    /// The solver answered without one of the documents.
    Omit,
    /// The solver answered without the question.
    Unasked,
    /// The verifier compared a wrong answer with the proposer's.
    Decoy,
}

/// A call of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// What for.
    pub role: Role,
    /// The model that answered, as it calls itself.
    pub model: String,
    /// Hash of who was asked and of the whole request.
    pub request: Hash,
    /// Hash of the reply.
    pub reply: Hash,
}

/// A part of a document that the agents saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The document.
    pub document: Hash,
    /// Which part.
    pub span: Span,
}

/// A solved question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// The question, with its options where there are such.
    pub question: String,
    /// The answer.
    pub answer: String,
}

/// Answers of the solver that say the same, and what was found of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// What they say, in the words of the first.
    pub said: String,
    /// How many they are.
    pub answers: usize,
    /// Whether they are right by rule.
    pub rule: bool,
    /// Votes of the verifier that they are right, that they are not, and those that say neither.
    pub votes: [usize; 3],
}

impl Judged {
    /// Whether they are right: by rule, or by more than half of the votes.
    pub fn right(&self) -> bool {
        self.rule || 2 * self.votes[0] > self.votes.iter().sum()
    }

    /// Whether there are votes, and neither verdict has more than half of them.
    pub fn unclear(&self) -> bool {
        let all: usize = self.votes.iter().sum();
        all > 0 && !self.right() && 2 * self.votes[1] <= all
    }
}

/// What was played for an item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transcript {
    /// What was asked for.
    pub task: Task,
    /// Number of the cluster.
    pub cluster: u64,
    /// Which round over the cluster, from 1.
    pub round: usize,
    /// How hard a question was asked for: one more than the questions of the cluster that were solved before.
    pub level: usize,
    /// What the solver saw, in order.
    pub parts: Vec<Place>,
    /// How many of them, the first ones, the proposer saw.
    pub shown: usize,
    /// Questions of the cluster that were solved before.
    pub solved: Vec<Pair>,
    /// The solver's answers, the most common first, and what was found of them.
    pub judged: Vec<Judged>,
    /// Answers of the solver that say nothing that can be read.
    pub unread: usize,
    /// Wrong answers that the verifier was asked about before its votes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decoys: Vec<String>,
    /// Whether it did not say no to one of them, or none could be made, so that its votes were not asked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fooled: bool,
    /// Right answers of the solver, and all.
    pub rate: (usize, usize),
    /// The questioner's reward.
    pub reward: f64,
    /// Every call, in order.
    pub calls: Vec<Call>,
}
