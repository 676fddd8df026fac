//! `[engines.graph]`: questions over paths through a graph of what documents say. What the paper leaves open is a key here, with its default.

use super::check::{bounds, demand, share, shares};
use super::{SpecError, Unanswered};
use crate::item::Style;
use serde::{Deserialize, Serialize};

/// `[engines.graph]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GraphSpec {
    /// Items to make.
    pub items: usize,
    /// Shares of the four question styles (section 3.2 of the paper names them).
    pub styles: StyleShares,
    /// Fewest different facts that a question rests on, which are its difficulty, and most hops of a path. Unpublished; the paper's samples have 4 to 10.
    pub facts: [usize; 2],
    /// Fewest and most different documents that the facts of a question come from. Unpublished.
    pub documents: [usize; 2],
    /// Share of paths drawn by random walk; the others are shortest paths of a search in breadth. Unpublished.
    pub walk: f64,
    /// Random walks of which the longest is taken.
    pub walks: usize,
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
    pub obfuscated: f64,
    /// Which kinds of descriptions are tried.
    pub obfuscations: Vec<Obfuscation>,
    /// Facts of an entity that are tried for a description.
    pub described_by: usize,
    /// Most places that may state a fact that is used; all of them become evidence.
    pub statements: usize,
    /// Which spellings are one entity.
    pub clusters: ClusterSpec,
    /// A relation with fewer different answers than this is not asked for: it could be guessed.
    pub options: usize,
    /// A date that more facts of its relation have than this is not asked for or compared: it could be guessed.
    pub common: usize,
    /// Longest answer, words.
    pub answer_words: usize,
    /// Largest share of items that ask for the number or the rest of a set: such questions are easy to find and alike.
    pub sets: f64,
    /// Largest set that is counted.
    pub largest_set: usize,
    /// Most items with the same answer.
    pub repeats: usize,
    /// Most items that rest on the same document.
    pub uses: usize,
    /// Most draws for each wanted item.
    pub patience: usize,
    /// Documents that are tried for a fact to ask for, and facts for a draw.
    pub targets: usize,
    /// Facts of a document among which one to ask for is chosen, so that no relation drowns the others.
    pub looked_at: usize,
    /// Most hops that are told in one phrase; longer paths are told hop by hop.
    pub nested: usize,
    /// Longest distance in a document between evidence and what is needed to read it (the head of its table, the definition around it), bytes.
    pub passage: usize,
    /// A document that states more facts than this is left out of the graph as a whole, so that what is in it stays complete.
    pub facts_per_document: usize,
    /// Most statements of the graph; the documents after them are left out as a whole.
    pub most_facts: usize,
    /// What is read from documents.
    pub read: ReadSpec,
    /// Facts that a model reads from prose; left out, none does.
    pub extract: Option<ExtractSpec>,
}

impl Default for GraphSpec {
    fn default() -> Self {
        GraphSpec {
            items: 0,
            styles: StyleShares::default(),
            facts: [2, 8],
            documents: [2, 16],
            walk: 0.5,
            walks: 4,
            subgraph: 400,
            fan: 24,
            hub: 200,
            distant: false,
            obfuscated: 0.5,
            obfuscations: Obfuscation::ALL.into(),
            described_by: 12,
            statements: 3,
            clusters: ClusterSpec::default(),
            options: 5,
            common: 20,
            answer_words: 7,
            sets: 0.25,
            largest_set: 8,
            repeats: 2,
            uses: 20,
            patience: 60,
            targets: 8,
            looked_at: 24,
            nested: 3,
            passage: 24_000,
            facts_per_document: 100_000,
            most_facts: 8_000_000,
            read: ReadSpec::default(),
            extract: None,
        }
    }
}

/// `[engines.graph.styles]`: shares of the question styles; they need not add up to 1. A style that the corpus does not give enough of is made up for by
/// the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StyleShares {
    /// Several facts joined.
    pub multi_fact: f64,
    /// Which came first, how long between.
    pub temporal: f64,
    /// What led to what.
    pub causal: f64,
    /// What if a fact were another.
    pub hypothetical: f64,
}

impl Default for StyleShares {
    fn default() -> Self {
        StyleShares { multi_fact: 1.0, temporal: 1.0, causal: 1.0, hypothetical: 1.0 }
    }
}

impl StyleShares {
    /// The styles in their order, each with its share of 1.
    pub fn each(&self) -> [(Style, f64); 4] {
        let own = [self.multi_fact, self.temporal, self.causal, self.hypothetical];
        let total: f64 = own.iter().sum();
        let styles = [Style::MultiFact, Style::Temporal, Style::Causal, Style::Hypothetical];
        std::array::from_fn(|at| (styles[at], own[at] / total))
    }
}

/// How a start is told without its name (the paper's triple obfuscation).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Obfuscation {
    /// By the last digit of a year and its period.
    Temporal,
    /// By its type and its place.
    Institutional,
    /// By other facts.
    Descriptive,
}

impl Obfuscation {
    /// All of them.
    pub const ALL: [Obfuscation; 3] = [Obfuscation::Temporal, Obfuscation::Institutional, Obfuscation::Descriptive];
}

/// `[engines.graph.clusters]`: which spellings are one entity or relation, beyond equal keys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClusterSpec {
    /// How alike two words must be (ratio of Ratcliff and Obershelp) for two names of several words that differ in them alone to be one.
    pub similarity: f64,
    /// Shortest words that may differ so, letters.
    pub shortest_word: usize,
    /// Names with the same rest beyond which none of them are joined: so common a rest says nothing.
    pub largest_block: usize,
    /// Shortest name of code that is taken for the one definition of it, letters.
    pub telling: usize,
    /// Other spellings that are kept of one entity, and count as right answers.
    pub aliases: usize,
}

impl Default for ClusterSpec {
    fn default() -> Self {
        ClusterSpec { similarity: 0.9, shortest_word: 5, largest_block: 64, telling: 10, aliases: 6 }
    }
}

/// `[engines.graph.read]`: what is read from documents without a model. Verification reads them again by the same keys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReadSpec {
    /// Longest sentence that is read, bytes.
    pub sentence: usize,
    /// Longest stretch from the name of a row to an entry that is given as one piece of evidence, bytes; else the entry alone is.
    pub row: usize,
}

impl Default for ReadSpec {
    fn default() -> Self {
        ReadSpec { sentence: 400, row: 600 }
    }
}

/// `[engines.graph.extract]`: facts that a model reads from prose, stretch by stretch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExtractSpec {
    /// Times the model is asked for the facts of a stretch.
    pub repeats: usize,
    /// Answers that must state a fact for it to be taken; left out, more than half.
    pub votes: Option<usize>,
    /// Longest stretch that is read at once, bytes.
    pub window: usize,
    /// Facts that are asked for at once.
    pub facts: usize,
    /// Longest quote, bytes.
    pub quote: usize,
    /// Longest answer, tokens.
    pub answer: usize,
    /// Temperature of the answers.
    pub temperature: f64,
    /// What happens when the model gives no answer: the run ends and the next one asks again, or the answer counts as one without facts.
    pub unanswered: Unanswered,
}

impl Default for ExtractSpec {
    fn default() -> Self {
        ExtractSpec {
            repeats: 3,
            votes: None,
            window: 4_000,
            facts: 12,
            quote: 600,
            answer: 1_024,
            temperature: 0.7,
            unanswered: Unanswered::Stop,
        }
    }
}

impl ExtractSpec {
    /// Answers that must state a fact.
    pub fn needed(&self) -> usize {
        self.votes.unwrap_or(self.repeats / 2 + 1)
    }
}

impl GraphSpec {
    /// Refuses values that cannot be.
    ///
    /// # Errors
    /// The key, its value and what it may be.
    pub fn check(&self) -> Result<(), SpecError> {
        let StyleShares { multi_fact, temporal, causal, hypothetical } = self.styles;
        shares("engines.graph.styles", &[multi_fact, temporal, causal, hypothetical])?;
        bounds("engines.graph.facts", self.facts, 1, 64)?;
        bounds("engines.graph.documents", self.documents, 1, 64)?;
        let own = [
            ("engines.graph.walk", self.walk),
            ("engines.graph.obfuscated", self.obfuscated),
            ("engines.graph.sets", self.sets),
            ("engines.graph.clusters.similarity", self.clusters.similarity),
        ];
        own.into_iter().try_for_each(|(key, value)| share(key, value))?;
        let some = !self.obfuscations.is_empty() || self.obfuscated == 0.0;
        demand(
            some,
            "engines.graph.obfuscations",
            &self.obfuscations,
            "name one kind or more, or set `obfuscated = 0.0`",
        )?;
        let counts = [
            ("engines.graph.walks", self.walks, 1, 1_000),
            ("engines.graph.subgraph", self.subgraph, 1, 1_000_000),
            ("engines.graph.fan", self.fan, 1, 1_000_000),
            ("engines.graph.hub", self.hub, 1, usize::MAX),
            ("engines.graph.described_by", self.described_by, 1, 1_000),
            ("engines.graph.statements", self.statements, 1, 64),
            ("engines.graph.options", self.options, 1, usize::MAX),
            ("engines.graph.common", self.common, 1, usize::MAX),
            ("engines.graph.answer_words", self.answer_words, 1, 100),
            ("engines.graph.largest_set", self.largest_set, 2, 64),
            ("engines.graph.repeats", self.repeats, 1, usize::MAX),
            ("engines.graph.uses", self.uses, 1, usize::MAX),
            ("engines.graph.patience", self.patience, 1, 1_000_000),
            ("engines.graph.targets", self.targets, 1, 1_000),
            ("engines.graph.looked_at", self.looked_at, 1, 100_000),
            ("engines.graph.nested", self.nested, 1, 64),
            ("engines.graph.passage", self.passage, 200, 1 << 30),
            ("engines.graph.facts_per_document", self.facts_per_document, 1, usize::MAX),
            ("engines.graph.most_facts", self.most_facts, 1, u32::MAX as usize / 2),
            ("engines.graph.clusters.shortest_word", self.clusters.shortest_word, 2, 100),
            ("engines.graph.clusters.largest_block", self.clusters.largest_block, 2, 10_000),
            ("engines.graph.clusters.telling", self.clusters.telling, 1, 1_000),
            ("engines.graph.clusters.aliases", self.clusters.aliases, 0, 1_000),
            ("engines.graph.read.sentence", self.read.sentence, 12, 1 << 20),
            ("engines.graph.read.row", self.read.row, 1, 1 << 20),
        ];
        counts.into_iter().try_for_each(within)?;
        self.extract.as_ref().map_or(Ok(()), check_extract)
    }
}

fn check_extract(extract: &ExtractSpec) -> Result<(), SpecError> {
    let counts = [
        ("engines.graph.extract.repeats", extract.repeats, 1, 99),
        ("engines.graph.extract.window", extract.window, 200, 1_000_000),
        ("engines.graph.extract.facts", extract.facts, 1, 1_000),
        ("engines.graph.extract.quote", extract.quote, 20, 100_000),
        ("engines.graph.extract.answer", extract.answer, 1, 1_000_000),
    ];
    counts.into_iter().try_for_each(within)?;
    let warmth = extract.temperature;
    demand((0.0..=2.0).contains(&warmth), "engines.graph.extract.temperature", warmth, "use 0 to 2")?;
    let reached = (1..=extract.repeats).contains(&extract.needed());
    demand(reached, "engines.graph.extract.votes", extract.needed(), "give at least 1 and at most `repeats`")
}

fn within((key, value, low, high): (&'static str, usize, usize, usize)) -> Result<(), SpecError> {
    let mend = if value < low { "give a larger number" } else { "give a smaller number" };
    demand((low..=high).contains(&value), key, value, mend)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_styles_add_up_to_one() {
        let shares = StyleShares { multi_fact: 3.0, temporal: 1.0, causal: 0.0, hypothetical: 0.0 };
        assert_eq!(shares.each().map(|(_, share)| share), [0.75, 0.25, 0.0, 0.0]);
    }

    #[test]
    fn values_that_cannot_be_are_refused() {
        let refused = |spec: GraphSpec| spec.check().unwrap_err().to_string();
        let spec = GraphSpec::default;
        assert!(refused(GraphSpec { walk: 1.5, ..spec() }).contains("`engines.graph.walk`"));
        assert!(refused(GraphSpec { facts: [5, 2], ..spec() }).contains("engines.graph.facts"));
        assert!(refused(GraphSpec { obfuscations: vec![], ..spec() }).contains("obfuscated = 0.0"));
        assert!(refused(GraphSpec { fan: 0, ..spec() }).contains("larger"));
        let extract = ExtractSpec { repeats: 3, votes: Some(4), ..ExtractSpec::default() };
        assert!(refused(GraphSpec { extract: Some(extract), ..spec() }).contains("votes"));
        assert_eq!(spec().check().err().map(|error| error.to_string()), None);
        assert_eq!(
            (ExtractSpec::default().needed(), ExtractSpec { repeats: 4, ..Default::default() }.needed()),
            (2, 3)
        );
    }
}
