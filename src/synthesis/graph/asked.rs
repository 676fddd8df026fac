//! How a question was put together, as its certificate keeps it: the entities, relations and facts it rests on, its plan, and the queries that proved
//! it over the whole graph. From it the question can be put into words again, and documents can be asked again what they state.

use super::builder::Related;
use super::name::is_value;
use super::network::{Edge, Entity, Fact, Hop, Network, Node, RelationInfo, Statistics};
use super::plan::{Goal, Match, Plan, Start};
use super::triplet::Family;
use super::wording::Wording;
use crate::Step;
use crate::error::SynthesisError;
use petgraph::graph::Graph;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A question with all that it is made of. Numbers in the plan are places in `facts` and `entities`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// The entities.
    pub entities: Vec<Thing>,
    /// The relations.
    pub relations: Vec<Tie>,
    /// The facts.
    pub facts: Vec<Link>,
    /// Where it starts, along which facts it goes, and what it asks.
    pub plan: Plan,
    /// Which of the wordings.
    pub way: usize,
    /// Most hops that are told in one phrase.
    pub nested: usize,
    /// The queries over the whole graph, each with how many entities matched.
    pub queries: Vec<Match>,
}

/// An entity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Thing {
    /// Its name.
    pub name: String,
    /// What kind of thing it is; empty where it is not known.
    pub noun: String,
    /// Whether it is a symbol or file of code.
    pub code: bool,
    /// Whether it is the title of a section.
    pub section: bool,
    /// The keys of all its spellings in the corpus, the first 16 digits of their hashes.
    pub keys: Vec<String>,
}

/// A relation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tie {
    /// How it is worded.
    pub family: Family,
    /// Its name.
    pub name: String,
    /// The keys of all its spellings in the corpus, likewise.
    pub keys: Vec<String>,
}

/// A fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The entity it is about.
    pub head: usize,
    /// Its relation.
    pub relation: usize,
    /// The other end.
    pub tail: usize,
    /// In how many places it is stated.
    pub places: usize,
    /// Whether a model read one of them.
    pub by_model: bool,
}

/// A key as a certificate writes it.
fn written(key: &u64) -> String {
    format!("{key:016x}")
}

impl Asked {
    /// A plan over a graph, by itself.
    pub(super) fn of(network: &Network, plan: &Plan, way: usize, nested: usize, queries: Vec<Match>) -> Asked {
        let mut taking = Taking { network, nodes: BTreeMap::new(), ties: BTreeMap::new(), edges: BTreeMap::new() };
        let mut asked =
            Asked { entities: vec![], relations: vec![], facts: vec![], plan: plan.clone(), way, nested, queries };
        for edge in plan.facts() {
            taking.fact(edge, &mut asked);
        }
        for part in &plan.parts {
            taking.entity(part.start.node(), &mut asked);
        }
        if let Goal::Supposed(other) = plan.goal {
            taking.entity(other, &mut asked);
        }
        asked.plan = taking.moved(plan);
        asked
    }

    /// The steps of a proof, one for each place that states a fact, without the numbers of their evidence.
    pub fn steps(&self) -> Vec<(String, String, String)> {
        let text = |fact: &Link| {
            let name = |at: usize| self.entities.get(at).map_or(String::new(), |thing| thing.name.clone());
            let relation = self.relations.get(fact.relation).map_or(String::new(), |tie| tie.name.clone());
            (name(fact.head), relation, name(fact.tail))
        };
        let facts = self.plan.facts().into_iter().filter_map(|edge| self.facts.get(edge.index()));
        facts.flat_map(|fact| std::iter::repeat_n(text(fact), fact.places)).collect()
    }

    /// The fact of each of [`Asked::steps`].
    pub fn facts_of_steps(&self) -> Vec<usize> {
        let facts = self.plan.facts().into_iter().map(|edge| edge.index());
        facts.flat_map(|at| std::iter::repeat_n(at, self.facts.get(at).map_or(0, |fact| fact.places))).collect()
    }

    /// How many entities each query must have found: one at every start and hop, and all of a set.
    pub fn found(&self) -> Vec<usize> {
        let hops: usize = self.plan.parts.iter().map(|part| 1 + part.hops.len()).sum();
        let back = usize::from(self.plan.goal == Goal::Unused);
        let set = Some(self.plan.set.len()).filter(|count| *count > 0);
        std::iter::repeat_n(1, hops + back).chain(set).collect()
    }

    /// The operation of its proof.
    pub fn operation(&self) -> String {
        let first = self.plan.facts().into_iter().take(self.plan.first_half());
        let places = first.map(|edge| self.facts.get(edge.index()).map_or(0, |fact| fact.places));
        let steps = places.fold(0, usize::saturating_add);
        self.plan.operation(steps).to_string()
    }

    /// Whether the steps of a proof are those of its facts.
    pub fn has_steps(&self, steps: &[Step]) -> bool {
        // Counted before any is made: a number of places may say anything.
        let count = self.plan.facts().into_iter().filter_map(|edge| self.facts.get(edge.index()));
        let fits = count.fold(0usize, |sum, fact| sum.saturating_add(fact.places)) == steps.len();
        let own = if fits { self.steps() } else { vec![] };
        fits && own.iter().zip(steps).all(|(own, step)| *own == (step.0.clone(), step.1.clone(), step.2.clone()))
    }

    /// The question in words; none where numbers lead nowhere or the plan is none.
    ///
    /// # Errors
    /// Where a template fails.
    pub fn question(&self) -> Result<Option<String>, SynthesisError> {
        match self.network() {
            Some(network) => Ok(Some(Wording::new()?.question(&network, &self.plan, (self.way, self.nested))?)),
            None => Ok(None),
        }
    }

    /// The graph of its facts alone.
    fn network(&self) -> Option<Network> {
        if !self.is_whole() {
            return None;
        }
        let mut graph = Graph::default();
        let mut nouns: Vec<Box<str>> = vec![];
        for thing in &self.entities {
            nouns.push(thing.noun.as_str().into());
            graph.add_node(thing.entity(nouns.len() as u32 - 1));
        }
        for fact in &self.facts {
            let own = Fact { relation: fact.relation as u32, first: 0, count: 0, only_tail: true, only_head: true };
            graph.add_edge(Node::new(fact.head), Node::new(fact.tail), own);
        }
        let related = |tie: &Tie| RelationInfo::from_parts(Related { family: tie.family, text: tie.name.clone() });
        Some(Network {
            graph,
            relations: self.relations.iter().map(related).collect(),
            nouns,
            statements: vec![],
            aliases: BTreeMap::new(),
            by_tail: vec![],
            by_relation: BTreeMap::new(),
            by_year: BTreeMap::new(),
            by_document: vec![],
            prints: BTreeMap::new(),
            work: BTreeMap::new(),
            keys: vec![],
            joined_keys: BTreeMap::new(),
            relation_keys: vec![],
            statistics: Statistics::default(),
        })
    }

    /// Whether all numbers lead somewhere, and the plan has what its goal needs.
    fn is_whole(&self) -> bool {
        let (entities, relations) = (self.entities.len(), self.relations.len());
        let linked = |fact: &Link| fact.head < entities && fact.tail < entities && fact.relation < relations;
        let Plan { goal, parts, set, .. } = &self.plan;
        let hops = || {
            parts.iter().flat_map(|part| &part.hops).chain(set).chain(parts.iter().flat_map(|part| told(&part.start)))
        };
        let within = hops().all(|hop| hop.edge.index() < self.facts.len())
            && self.plan.facts().iter().all(|edge| edge.index() < self.facts.len())
            && parts.iter().all(|part| part.start.node().index() < entities);
        let fit = match goal {
            Goal::Supposed(other) => other.index() < entities && parts.iter().all(|part| !part.hops.is_empty()),
            Goal::End | Goal::Unused | Goal::Year => !parts.iter().all(|part| part.hops.is_empty()),
            Goal::YearsBetween | Goal::Earlier | Goal::Later | Goal::Larger => {
                parts.len() == 2 && parts.iter().all(|part| !part.hops.is_empty())
            }
            Goal::Count | Goal::CountWithout | Goal::LeftWithout => !set.is_empty(),
        };
        self.facts.iter().all(linked) && within && fit && !parts.is_empty()
    }
}

fn told(start: &Start) -> Vec<&Hop> {
    match start {
        Start::Described(_, hops) => hops.iter().collect(),
        Start::Institutional(_, hops) => hops.iter().collect(),
        Start::Named(_) | Start::Temporal(..) => vec![],
    }
}

impl Thing {
    fn entity(&self, noun: u32) -> Entity {
        Entity {
            name: self.name.as_str().into(),
            noun,
            spoken: true,
            value: !self.section && is_value(&self.name),
            section: self.section,
            row: false,
            code: self.code,
            open: false,
            common: false,
            shared: false,
            hub: false,
        }
    }
}

/// Takes what a plan rests on out of a graph, and numbers it anew.
struct Taking<'a> {
    network: &'a Network,
    nodes: BTreeMap<Node, usize>,
    ties: BTreeMap<u32, usize>,
    edges: BTreeMap<Edge, usize>,
}

impl Taking<'_> {
    fn entity(&mut self, node: Node, asked: &mut Asked) -> usize {
        if let Some(at) = self.nodes.get(&node) {
            return *at;
        }
        let (entity, noun) = (self.network.entity(node), self.network.noun(node));
        let keys = self.network.keys(node).iter().map(written).collect();
        let (name, noun) = (entity.name.to_string(), noun.to_string());
        asked.entities.push(Thing { name, noun, code: entity.code, section: entity.section, keys });
        self.nodes.insert(node, asked.entities.len() - 1);
        asked.entities.len() - 1
    }

    fn fact(&mut self, edge: Edge, asked: &mut Asked) {
        if self.edges.contains_key(&edge) {
            return;
        }
        let (head, tail) = self.network.ends(edge);
        let (head, tail) = (self.entity(head, asked), self.entity(tail, asked));
        let number = self.network.fact(edge).relation;
        let relation = *self.ties.entry(number).or_insert_with(|| {
            let (info, keys) = (self.network.relation(edge), self.network.relation_keys(edge));
            let keys = keys.iter().map(written).collect();
            asked.relations.push(Tie { family: info.family, name: info.text.clone(), keys });
            asked.relations.len() - 1
        });
        let places = self.network.places(edge);
        let by_model = places.iter().any(|place| place.by_model);
        asked.facts.push(Link { head, relation, tail, places: places.len(), by_model });
        self.edges.insert(edge, asked.facts.len() - 1);
    }

    fn moved(&self, plan: &Plan) -> Plan {
        let node = |node: &Node| Node::new(self.nodes.get(node).copied().unwrap_or_default());
        let edge = |edge: &Edge| Edge::new(self.edges.get(edge).copied().unwrap_or_default());
        let hop = |hop: &Hop| Hop { edge: edge(&hop.edge), forward: hop.forward };
        let mut moved = plan.clone();
        for part in &mut moved.parts {
            part.start = match &part.start {
                Start::Named(own) => Start::Named(node(own)),
                Start::Described(own, hops) => Start::Described(node(own), hops.iter().map(hop).collect()),
                Start::Institutional(own, hops) => Start::Institutional(node(own), [hop(&hops[0]), hop(&hops[1])]),
                Start::Temporal(own, fact, period) => Start::Temporal(node(own), edge(fact), *period),
            };
            part.hops = part.hops.iter().map(hop).collect();
        }
        moved.set = moved.set.iter().map(hop).collect();
        if let Goal::Supposed(other) = &plan.goal {
            moved.goal = Goal::Supposed(node(other));
        }
        moved
    }
}
