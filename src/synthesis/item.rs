//! An item: question, documents, answer, and the certificate by which all of it can be checked again without a model.

use crate::agents::Transcript;
use crate::graph::Asked;
use crate::table::written::Written;
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

/// What the cells of a column say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnKind {
    /// Numbers; bare, or with a unit or a currency that is the same in the whole column.
    Number,
    /// Years of four digits.
    Year,
    /// Dates to the month or the day, written `YYYY-MM` or `YYYY-MM-DD`.
    Date,
    /// Anything else.
    Text,
}

/// A column of the table behind a question.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Column {
    /// Its name in the query: lower case letters, digits and `_`.
    pub name: String,
    /// Its headline in words, without the unit.
    pub label: String,
    /// What its cells say.
    pub kind: ColumnKind,
    /// Its unit, where the headline or every cell names one.
    pub unit: Option<String>,
}

/// A row of the table behind a question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Which of the sources it is read from.
    pub source: usize,
    /// Its values, one a column: number, text, or null where the cell is empty.
    pub values: Vec<serde_json::Value>,
    /// Where each stands.
    pub spans: Vec<Span>,
}

/// Levels of query templates, after CorpusQA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// One condition, or a ranking.
    Easy,
    /// Ratios, or several conditions.
    Medium,
    /// Several steps, or a measure of the question's own.
    Hard,
}

/// How a result is written, after CorpusQA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// A whole number.
    Count,
    /// A number with two decimals, without its unit.
    Number,
    /// A percentage with two decimals.
    Percentage,
    /// A year.
    Year,
    /// A month, `YYYY-MM`.
    Date,
    /// A text.
    Text,
    /// A JSON list of texts, in the order of the alphabet.
    List,
}

/// A fact of a path: head, relation, tail, and the number of the evidence that states it.
pub type Step = (String, String, String, usize);

/// How the answer is computed from the evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "by")]
pub enum Proof {
    /// Paths: each step a fact (head, relation, tail), in the order of the question, with the number of the evidence that states it.
    Path {
        /// The facts.
        steps: Vec<Step>,
        /// What is computed of where the paths end: the name of an [`Operation`](crate::graph::Operation).
        operation: String,
        /// How the question was put together.
        asked: Box<Asked>,
    },
    /// A query over the table `facts`, whose rows are all rows of the documents' tables that have these columns.
    Sql {
        /// Which query template it was made from; `written` where a model wrote it.
        family: String,
        /// How hard the template is.
        level: Level,
        /// The query; what a template's compares with is bound (`?1`, `?2`, ...), never written into it.
        query: String,
        /// What is bound, in order.
        parameters: Vec<serde_json::Value>,
        /// Columns of the table.
        columns: Vec<Column>,
        /// The documents whose tables make it, in the order of their rows.
        sources: Vec<Hash>,
        /// Its rows.
        rows: Vec<Row>,
        /// How the result is written.
        shape: Shape,
        /// How a model wrote question and query; none where a template made them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        written: Option<Box<Written>>,
    },
    /// Turn `turn` (from 1) of the `of` turns that answer the same request, after the prefix.
    Turn {
        /// Which of them.
        turn: usize,
        /// How many.
        of: usize,
        /// What the answer begins with.
        prefix: String,
        /// The request that is repeated.
        request: String,
        /// What was asked for before each passage, one a passage.
        requests: Vec<String>,
    },
    /// Models said so.
    Models(Box<Transcript>),
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
    /// What no passage without evidence may say, beside the quotes and the answer: other names of what is asked for, say.
    #[serde(default)]
    pub absent: Vec<String>,
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

/// One question with its context. An engine leaves out what later stages add: the id is empty, there are no tokens, and the passages are
/// none (then windows around the evidence are cut) or those that must be in the context, whole and with empty texts.
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

impl Item {
    /// The hash of what the item says: engine, question, answer, the place and text of each passage, and what was asked for before it.
    pub fn hash(&self) -> Hash {
        let mut hasher = blake3::Hasher::new();
        let mut part = |text: &str| {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        };
        part(self.engine.name());
        part(&self.question);
        part(&self.answer.text);
        self.answer.aliases.iter().for_each(|alias| part(alias));
        for Passage { document, title, span, text } in &self.passages {
            part(&document.0);
            part(title);
            part(&format!("{}-{}", span.start, span.end));
            part(text);
        }
        if let Proof::Turn { requests, .. } = &self.certificate.proof {
            requests.iter().for_each(|request| part(request));
        }
        Hash(hasher.finalize().to_hex().to_string())
    }
}

impl Engine {
    /// All engines, in the order in which they are reported.
    pub const ALL: [Engine; 4] = [Engine::Graph, Engine::Table, Engine::Agents, Engine::Dialogue];

    /// The name used in specs, files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Engine::Graph => "graph",
            Engine::Table => "table",
            Engine::Agents => "agents",
            Engine::Dialogue => "dialogue",
        }
    }
}

impl Form {
    /// All forms, in the order in which they are reported.
    pub const ALL: [Form; 5] = [Form::MultipleChoice, Form::MultiHop, Form::Reading, Form::Dialogue, Form::Numeric];

    /// The name used in files: that of a task type of the training.
    pub fn name(self) -> &'static str {
        match self {
            Form::MultipleChoice => "multiple_choice",
            Form::MultiHop => "multi_hop",
            Form::Reading => "reading",
            Form::Dialogue => "dialogue",
            Form::Numeric => "numeric",
        }
    }
}
