//! The graph across documents: entities, facts between them, and the places that state each fact. It holds names, numbers and places, no
//! texts of documents.

use super::Corpus;
use super::builder::{Builder, dated_year};
use super::model::read_by_model;
use super::triplet::{Family, triplets};
use super::wording::Wording;
use crate::Work;
use crate::error::SynthesisError;
use crate::spec::GraphSpec;
use longlab_client::ChatModel;
use longlab_documents::{Hash, Span};
use longlab_kernels::stream::Address;
use petgraph::Directed;
use petgraph::graph::{EdgeIndex, Graph, NodeIndex};
use petgraph::visit::EdgeRef;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An entity of the graph.
pub type Node = NodeIndex<u32>;
/// A fact of the graph.
pub type Edge = EdgeIndex<u32>;

/// Documents that are read at once, and the bytes from which on no more are; neither depends on the number of threads.
const CHUNK: usize = 256;
const BYTES: usize = 16 << 20;

/// An entity.
#[derive(Clone, Debug)]
pub struct Entity {
    /// Its name as it was first written; empty where it is too long to be said.
    pub name: Box<str>,
    /// Number of its noun.
    pub(super) noun: u32,
    /// Whether a question may say the name.
    pub spoken: bool,
    /// Whether it is a number or a date: paths end at it and do not go through it.
    pub value: bool,
    /// Whether it is the title of a section.
    pub section: bool,
    /// Whether it is a row of a table that nothing names.
    pub row: bool,
    /// Whether it is a symbol or file of code.
    pub code: bool,
    /// Whether it is a symbol whose definition or import no file shows: a builtin, a parameter, a method of something unknown.
    pub open: bool,
    /// Whether it may be a plain word of prose, which can mean different things in different documents.
    pub common: bool,
    /// Whether another entity has the same name, so that the name alone does not tell which is meant.
    pub shared: bool,
    /// Whether it has so many facts that no path goes through it.
    pub hub: bool,
}

impl Entity {
    /// What tells a name from others: names of code by every letter, others whatever their case, pages among pages.
    pub(super) fn told_apart_by(&self, noun: &str) -> String {
        match noun {
            _ if self.code => format!("`{}", self.name),
            "page" => format!("“{}", self.name.to_lowercase()),
            _ => self.name.to_lowercase(),
        }
    }
}

/// A fact.
#[derive(Clone, Copy, Debug)]
pub struct Fact {
    /// Number of its relation.
    pub relation: u32,
    pub(super) first: u32,
    pub(super) count: u32,
    /// Whether its tail is the only one of head and relation.
    pub only_tail: bool,
    /// Whether its head is the only one of relation and tail.
    pub only_head: bool,
}

/// A place that states a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Number of the document.
    pub document: u32,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
    /// Whether a model read it.
    pub by_model: bool,
}

/// A relation.
#[derive(Clone, Debug)]
pub struct RelationInfo {
    /// How it is worded.
    pub family: Family,
    /// Its name.
    pub text: String,
    /// Whether what it leads to may be a date.
    pub dated: bool,
    /// How many different heads its facts have.
    pub heads: u32,
    /// How many different tails.
    pub tails: u32,
}

/// What was counted while the graph was made.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Statistics {
    /// Documents given.
    pub documents: usize,
    /// Documents that are not in the graph, by reason. None of them may be shown beside a question, since what they state is not known.
    pub left_out: BTreeMap<String, Vec<u32>>,
    /// Documents that are copies of others, word by word, and were read once.
    pub copies: usize,
    /// Entities.
    pub entities: usize,
    /// Facts.
    pub facts: usize,
    /// Places that state them.
    pub statements: usize,
    /// Facts by family of their relation.
    pub families: BTreeMap<String, usize>,
    /// Facts whose tail is not the only one of head and relation: as a question for the tail they are ambiguous.
    pub ambiguous_tails: usize,
    /// Facts whose head is not the only one: as a question for the head they are ambiguous.
    pub ambiguous_heads: usize,
    /// Entities with so many facts that no path goes through them.
    pub hubs: usize,
    /// Names that were joined, by rule.
    pub joined: BTreeMap<String, usize>,
    /// Facts that joining made into loops; they are dropped.
    pub self_loops: usize,
    /// Statements refused while documents were read, by reason.
    pub refused: BTreeMap<String, usize>,
    /// Calls of a model that reads facts from prose.
    pub calls: usize,
}

impl Statistics {
    pub(super) fn leave_out(&mut self, document: u32, reason: &str) {
        self.left_out.entry(reason.into()).or_default().push(document);
    }
}

/// One step along a fact, from head to tail or back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Hop {
    /// The fact.
    pub edge: Edge,
    /// From head to tail.
    pub forward: bool,
}

/// A model that reads prose, and where its draws belong.
#[derive(Clone, Copy)]
pub struct Prose<'a> {
    /// The model.
    pub model: &'a dyn ChatModel,
    /// Seeds its answers.
    pub address: Address,
}

/// The graph.
pub struct Network {
    pub(super) graph: Graph<Entity, Fact, Directed, u32>,
    pub(super) relations: Vec<RelationInfo>,
    pub(super) nouns: Vec<Box<str>>,
    pub(super) statements: Vec<Statement>,
    pub(super) aliases: BTreeMap<u32, Vec<Box<str>>>,
    /// Facts by tail, relation, head.
    pub(super) by_tail: Vec<u32>,
    /// Facts by relation.
    pub(super) by_relation: BTreeMap<u32, Vec<u32>>,
    /// For each relation whose facts are dated, year and fact, by year.
    pub(super) by_year: BTreeMap<u32, Vec<(u32, Edge)>>,
    /// Documents that state something, each with its facts.
    pub(super) by_document: Vec<(u32, Vec<u32>)>,
    /// The first bytes of the hash of each document.
    pub(super) prints: BTreeMap<u32, [u8; 8]>,
    /// Calls of a model for each document.
    pub(super) work: BTreeMap<u32, Vec<(Span, Work)>>,
    /// What the key of each entity was, as a number; of joined ones that of the entity they go by.
    pub(super) keys: Vec<u64>,
    /// Keys of what was joined with an entity.
    pub(super) joined_keys: BTreeMap<u32, Vec<u64>>,
    /// Keys of each relation, with those joined with it.
    pub(super) relation_keys: Vec<Vec<u64>>,
    /// What was counted.
    pub statistics: Statistics,
}

impl Network {
    /// Reads a corpus, in parallel; the graph does not depend on the number of threads. With `prose` and `extract`, a model reads facts from prose as
    /// well.
    ///
    /// # Errors
    /// Where what the model is asked cannot be rendered.
    pub fn of(corpus: &dyn Corpus, settings: &GraphSpec, prose: Option<Prose>) -> Result<Network, SynthesisError> {
        let wording = Wording::new()?;
        let mut builder = Builder::new(settings);
        let read = |at: usize| {
            let Some(document) = corpus.once(at) else { return Ok(None) };
            let mut found = triplets(&document, settings);
            if let (Some(Prose { model, address }), Some(spec)) = (&prose, &settings.extract) {
                found.absorb(read_by_model(&document, *model, spec, &wording, address.sample(at as u64))?);
            }
            Ok(Some((document.hash.clone(), document.text.len(), found)))
        };
        let mut start = 0;
        while start < corpus.len() {
            let end = start + chunk(corpus, start);
            let found: Vec<_> = (start..end).into_par_iter().map(read).collect::<Result<_, SynthesisError>>()?;
            for (at, found) in (start as u32..).zip(found) {
                match found {
                    Some((hash, bytes, found)) => builder.add(at, &hash, bytes, found, settings),
                    None => builder.skip(at),
                }
            }
            start = end;
        }
        Ok(builder.finish(settings))
    }

    /// Head and tail of a fact.
    pub fn ends(&self, edge: Edge) -> (Node, Node) {
        self.graph.edge_endpoints(edge).expect("facts are never removed")
    }

    /// An entity.
    pub fn entity(&self, node: Node) -> &Entity {
        &self.graph[node]
    }

    /// What kind of thing an entity is; empty where it is not known.
    pub fn noun(&self, node: Node) -> &str {
        &self.nouns[self.graph[node].noun as usize]
    }

    /// Other spellings of an entity.
    pub fn aliases(&self, node: Node) -> &[Box<str>] {
        self.aliases.get(&(node.index() as u32)).map_or(&[], Vec::as_slice)
    }

    /// The keys of all spellings of an entity in the corpus.
    pub fn keys(&self, node: Node) -> Vec<u64> {
        let joined = self.joined_keys.get(&(node.index() as u32)).map_or(&[][..], Vec::as_slice);
        self.keys.get(node.index()).into_iter().chain(joined).copied().collect()
    }

    /// The keys of all spellings of the relation of a fact.
    pub fn relation_keys(&self, edge: Edge) -> &[u64] {
        self.relation_keys.get(self.graph[edge].relation as usize).map_or(&[], Vec::as_slice)
    }

    /// A fact.
    pub fn fact(&self, edge: Edge) -> &Fact {
        &self.graph[edge]
    }

    /// The relation of a fact.
    pub fn relation(&self, edge: Edge) -> &RelationInfo {
        &self.relations[self.graph[edge].relation as usize]
    }

    /// The places that state a fact.
    pub fn places(&self, edge: Edge) -> &[Statement] {
        let fact = &self.graph[edge];
        &self.statements[fact.first as usize..(fact.first + fact.count) as usize]
    }

    /// Documents that state something, each with its facts, in their order.
    pub fn documents(&self) -> &[(u32, Vec<u32>)] {
        &self.by_document
    }

    /// Facts of the relation of a fact.
    pub fn alike(&self, edge: Edge) -> &[u32] {
        self.by_relation.get(&self.graph[edge].relation).map_or(&[], Vec::as_slice)
    }

    /// Relations with dated facts: year and fact, by year.
    pub fn dated(&self) -> &BTreeMap<u32, Vec<(u32, Edge)>> {
        &self.by_year
    }

    /// Whether a text is the one that the graph was made from.
    pub fn knows(&self, document: u32, hash: &Hash) -> bool {
        self.prints.get(&document) == Some(&print(hash))
    }

    /// Calls of a model that read a document, each with the stretch that it read.
    pub fn work(&self, document: u32) -> &[(Span, Work)] {
        self.work.get(&document).map_or(&[], Vec::as_slice)
    }

    /// Whether the facts of the relation of a fact name at least so many different years.
    pub fn has_years(&self, edge: Edge, least: usize) -> bool {
        let facts = self.by_year.get(&self.graph[edge].relation).map_or(&[][..], Vec::as_slice);
        facts.chunk_by(|a, b| a.0 == b.0).take(least).count() >= least
    }

    /// The year of a fact whose relation is dated.
    pub fn year(&self, edge: Edge) -> Option<u32> {
        dated_year(self.relation(edge), self.entity(self.ends(edge).1))
    }

    /// Where a hop comes from.
    pub fn from(&self, hop: Hop) -> Node {
        let (head, tail) = self.ends(hop.edge);
        if hop.forward { head } else { tail }
    }

    /// Where a hop leads to.
    pub fn to(&self, hop: Hop) -> Node {
        let (head, tail) = self.ends(hop.edge);
        if hop.forward { tail } else { head }
    }

    /// Whether a hop leads to one entity only.
    pub fn is_only(&self, hop: Hop) -> bool {
        let fact = self.fact(hop.edge);
        if hop.forward { fact.only_tail } else { fact.only_head }
    }

    /// All facts that a hop could go along: those of the same relation, and direction, from the same entity.
    pub fn answers(&self, hop: Hop) -> Vec<Edge> {
        self.facts_of(self.from(hop), self.fact(hop.edge).relation, hop.forward)
    }

    /// The facts of an entity with a relation: those it is the head of, or those it is the tail of. Logarithmic in the size of the graph.
    pub fn facts_of(&self, node: Node, relation: u32, as_head: bool) -> Vec<Edge> {
        let range = |length: usize, key: &dyn Fn(usize) -> (Node, u32)| {
            let start = partition(length, |at| key(at) < (node, relation));
            start..start + partition(length - start, |at| key(start + at) == (node, relation))
        };
        if as_head {
            let key = |at: usize| (self.ends(Edge::new(at)).0, self.graph[Edge::new(at)].relation);
            range(self.graph.edge_count(), &key).map(Edge::new).collect()
        } else {
            let edge = |at: usize| Edge::from(self.by_tail[at]);
            let key = |at: usize| (self.ends(edge(at)).1, self.graph[edge(at)].relation);
            range(self.by_tail.len(), &key).map(edge).collect()
        }
    }

    /// All hops from an entity, in a fixed order. Linear in the number of its facts.
    pub fn hops(&self, node: Node) -> impl Iterator<Item = Hop> + '_ {
        let out =
            self.graph.edges_directed(node, petgraph::Outgoing).map(|edge| Hop { edge: edge.id(), forward: true });
        out.chain(
            self.graph.edges_directed(node, petgraph::Incoming).map(|edge| Hop { edge: edge.id(), forward: false }),
        )
    }

    /// Whether a fact joins two entities. Linear in the facts of one that is no hub, where one is none.
    pub fn adjacent(&self, a: Node, b: Node) -> bool {
        let (few, other) = if self.graph[a].hub { (b, a) } else { (a, b) };
        self.graph.find_edge_undirected(few, other).is_some()
    }
}

/// How many documents are read at once from this one on.
fn chunk(corpus: &dyn Corpus, start: usize) -> usize {
    let mut bytes = 0;
    let more = |at: &usize| {
        let fits = bytes < BYTES;
        bytes += corpus.bytes(*at);
        fits
    };
    (start..corpus.len().min(start + CHUNK)).take_while(more).count()
}

/// A key as a number, by which documents are asked again what they state: the first 16 digits of its hash.
pub fn number_of(key: &str) -> u64 {
    let hash = blake3::hash(key.as_bytes());
    u64::from_be_bytes(hash.as_bytes()[..8].try_into().expect("a hash has 32 bytes"))
}

/// The first bytes of a hash.
pub(super) fn print(hash: &Hash) -> [u8; 8] {
    let mut print = [0; 8];
    print.iter_mut().zip(hash.0.bytes()).for_each(|(print, byte)| *print = byte);
    print
}

/// The first place of 0..length where a property that holds up to some place no longer holds.
fn partition(length: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, length);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) { low = middle + 1 } else { high = middle }
    }
    low
}
