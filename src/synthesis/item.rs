//! An item: question, documents, answer, and the certificate by which all of it can be checked again without a model.

use longlab_documents::{Hash, Span};
use serde::{Deserialize, Serialize};

/// What made an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Engine {
    /// Paths through a graph of what documents say (section 3.2, engine A).
    Graph,
    /// Tables of many documents and SQL over them (engine B).
    Table,
    /// Agents that propose, solve and verify (engine C).
    Agents,
    /// Conversations with alike requests (after MRCR).
    Dialogue,
}

/// Question styles of the graph engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// Several facts joined.
    MultiFact,
    /// Which came first, how long between.
    Temporal,
    /// What led to what.
    Causal,
    /// What if a fact were another.
    Hypothetical,
}

/// How an answer is scored: the task types of `longlab`'s training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// One of four options.
    MultipleChoice,
    /// A short text reached over several documents.
    MultiHop,
    /// A short text found in one place.
    Reading,
    /// A turn given back word by word.
    Dialogue,
    /// A number.
    Numeric,
}

/// The gold answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// As it should be written.
    pub text: String,
    /// Other ways to write it that are right too.
    pub aliases: Vec<String>,
}

/// A stretch of a document that the answer rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The document.
    pub document: Hash,
    /// Where in its text.
    pub span: Span,
    /// The words that stand there.
    pub quote: String,
}

/// How the answer is computed from the evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "by")]
pub enum Proof {
    /// A path: each step a fact (head, relation, tail), in the order of the question, with the number of the evidence that states it.
    Path {
        /// The facts.
        steps: Vec<(String, String, String, usize)>,
        /// What is computed of the end of the path: `tail`, or an operation that `verify` knows.
        operation: String,
    },
    /// A query over the table that the evidence cells make.
    Sql {
        /// The query, over the table `facts`.
        query: String,
        /// Columns of the table.
        columns: Vec<String>,
        /// Its rows; of each cell the value and the number of its evidence, if it is read from a document.
        rows: Vec<Vec<(serde_json::Value, Option<usize>)>>,
    },
    /// Turn `turn` (from 1) of the `of` turns that answer the same request, after the prefix.
    Turn {
        /// Which of them.
        turn: usize,
        /// How many.
        of: usize,
        /// What the answer begins with.
        prefix: String,
    },
    /// Models said so; see the certificate's work.
    Models,
}

/// A call of a model, or a step of the pipeline, that an item went through.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Work {
    /// What was done: `propose`, `solve`, `verify`, `ground`, ...
    pub step: String,
    /// The model; none where none took part.
    pub model: Option<String>,
    /// Hash of what went in.
    pub input: Hash,
    /// Hash of what came out.
    pub output: Hash,
}

/// Why an item may be trusted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Certificate {
    /// What the answer rests on, in the order of the question.
    pub evidence: Vec<Evidence>,
    /// How the answer follows.
    pub proof: Proof,
    /// For each evidence, what the answer becomes without it: none where it cannot be computed any more.
    pub necessity: Vec<Option<String>>,
    /// Tokens of the whole prompt.
    pub tokens: usize,
    /// Hash of the tokenizer that counted them; none where they are estimated.
    pub tokenizer: Option<Hash>,
    /// What was done, in order.
    pub work: Vec<Work>,
}

/// A document as it stands in an item's context.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passage {
    /// The document it is from.
    pub document: Hash,
    /// Its title.
    pub title: String,
    /// Which part of the document's text; the whole where it begins at 0 and ends at its length.
    pub span: Span,
    /// The text.
    pub text: String,
}

/// One question with its context.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// Hash of what the item says: engine, question, answer and passages.
    pub id: Hash,
    /// What made it.
    pub engine: Engine,
    /// How it is scored.
    pub form: Form,
    /// Its style, for the graph engine.
    pub style: Option<Style>,
    /// Facts on the path, rows and conditions of the query, or alike requests: the engine's own measure of difficulty.
    pub difficulty: usize,
    /// The question, with its options where there are such.
    pub question: String,
    /// The answer.
    pub answer: Answer,
    /// The context, in the order of the prompt.
    pub passages: Vec<Passage>,
    /// Why it may be trusted.
    pub certificate: Certificate,
}
