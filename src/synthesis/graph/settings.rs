//! The keys of the engine. What the paper leaves open is a key here, with its default.

use crate::Style;
use serde::{Deserialize, Serialize};

/// How graph questions are made. Keys that are not written keep their defaults; unknown keys are errors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GraphSettings {
    /// Styles that are asked in turn (section 3.2 of the paper names all four).
    pub styles: Vec<Style>,
    /// Fewest different facts that a question rests on; its difficulty. Unpublished; the paper's samples have 4 to 10.
    pub min_facts: usize,
    /// Most hops of a path. Unpublished.
    pub max_facts: usize,
    /// Fewest different documents that the facts of a question come from. Unpublished.
    pub documents: usize,
    /// Share of paths drawn by random walk; the others are shortest paths of a search in breadth. Unpublished.
    pub walk: f64,
    /// Most entities of the subgraph around a target that a path is searched in.
    pub subgraph: usize,
    /// Most facts that are followed from one entity, drawn at random where there are more.
    pub fan: usize,
    /// An entity with more facts than this is a hub: facts about it are kept and counted, but no path goes through it.
    pub hub: usize,
    /// Whether the answer must lie as far from the start of a path as the path is long, through facts of any kind. Without it, it is
    /// enough that no fact joins two entities of the path that are not neighbours on it.
    pub distant: bool,
    /// Share of questions whose start is tried to be described instead of named. Unpublished.
    pub obfuscate: f64,
    /// Most places that may state a fact that is used; all of them become evidence.
    pub statements: usize,
    /// How alike two words must be (ratio of Ratcliff and Obershelp) for two names of several words that differ in them alone to be one entity.
    pub similarity: f64,
    /// A relation with fewer different answers than this is not asked for: it could be guessed.
    pub options: usize,
    /// Largest share of items that ask for the number or the rest of a set: such questions are easy to find and alike.
    pub sets: f64,
    /// Most items with the same answer.
    pub repeats: usize,
    /// Most items that rest on the same document.
    pub share: usize,
    /// Most draws for each wanted item.
    pub attempts: usize,
    /// Longest passage, bytes; a longer document is cut to a section or to whole lines around its evidence.
    pub passage: usize,
    /// A document that states more facts than this is left out of the graph as a whole, so that what is in it stays complete.
    pub facts_per_document: usize,
    /// Most statements of the graph; the documents after them are left out as a whole.
    pub facts: usize,
    /// Times a model is asked for the facts of a stretch of text; a fact is kept if more than half of the answers state it.
    pub votes: usize,
    /// Longest stretch of text that a model reads at once, bytes.
    pub window: usize,
    /// Longest answer of a model that reads facts, tokens.
    pub reply_tokens: usize,
}

impl Default for GraphSettings {
    fn default() -> Self {
        GraphSettings {
            styles: vec![Style::MultiFact, Style::Temporal, Style::Causal, Style::Hypothetical],
            min_facts: 2,
            max_facts: 8,
            documents: 2,
            walk: 0.5,
            subgraph: 400,
            fan: 24,
            hub: 200,
            distant: false,
            obfuscate: 0.5,
            statements: 3,
            similarity: 0.9,
            options: 5,
            sets: 0.25,
            repeats: 2,
            share: 20,
            attempts: 60,
            passage: 24_000,
            facts_per_document: 100_000,
            facts: 8_000_000,
            votes: 3,
            window: 4_000,
            reply_tokens: 1_024,
        }
    }
}

/// Why no questions can be made at all.
#[derive(Debug, thiserror::Error)]
pub enum GraphError {
    /// A key has a value it cannot have.
    #[error("{key} = {value} cannot be: {mend}")]
    Setting {
        /// The key.
        key: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        mend: &'static str,
    },
    /// A wording could not be rendered.
    #[error("the wording {name} cannot be rendered: {source}; mend the file src/synthesis/templates/{name}")]
    Wording {
        /// The template.
        name: &'static str,
        /// What the renderer says.
        source: minijinja::Error,
    },
}

impl GraphSettings {
    /// Refuses values that cannot be.
    ///
    /// # Errors
    /// The key, its value and what it may be.
    pub fn check(&self) -> Result<(), GraphError> {
        let shares =
            [("walk", self.walk), ("obfuscate", self.obfuscate), ("similarity", self.similarity), ("sets", self.sets)];
        for (key, value) in shares {
            ensure(key, value, (0.0..=1.0).contains(&value), "a share lies between 0 and 1")?;
        }
        ensure("styles", self.styles.len(), !self.styles.is_empty(), "name one style or more")?;
        ensure("min_facts", self.min_facts, self.min_facts >= 1, "a question rests on one fact or more")?;
        ensure("max_facts", self.max_facts, (self.min_facts..=64).contains(&self.max_facts), "from min_facts to 64")?;
        ensure("statements", self.statements, self.statements >= 1, "a fact is stated in one place or more")?;
        ensure("fan", self.fan, self.fan >= 1, "one fact or more must be followed")?;
        ensure("votes", self.votes, (1..=99).contains(&self.votes), "from 1 to 99")?;
        ensure("window", self.window, (200..=1_000_000).contains(&self.window), "from 200 to 1,000,000 bytes")?;
        ensure("facts", self.facts, self.facts <= u32::MAX as usize / 2, "at most 2,147,483,647")
    }
}

fn ensure(key: &'static str, value: impl ToString, holds: bool, mend: &'static str) -> Result<(), GraphError> {
    if holds { Ok(()) } else { Err(GraphError::Setting { key, value: value.to_string(), mend }) }
}
