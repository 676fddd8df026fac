//! Clusters: a few documents, a part of each, and a task. All is drawn by the cluster's number.

use super::transcript::{Place, Task};
use crate::corpus::Corpus;
use crate::dialogue::title;
use crate::error::Result;
use crate::extend::cut::piece;
use crate::item::Engine;
use crate::spec::{AgentsSpec, weighted};
use crate::tools::Index;
use longlab_documents::Span;
use longlab_kernels::stream::{Address, Purpose, Stream};

/// Words of a document that others are searched with.
const QUERY: usize = 60;

/// Neighbours that are looked at for each that is wanted.
const LOOKS: usize = 4;

/// Places of the draws: other stages draw for an engine's items at 0 and 1.
const ORDER: u32 = 2;
const CLUSTER: u32 = 3;
/// The first call of a round.
const CALL: u32 = 4;
/// The first wrong answer of a round, behind all calls.
const DECOY: u32 = 1 << 31;

/// A part of a document as the agents see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Where it stands.
    pub place: Place,
    /// The document's title, on one line.
    pub title: String,
    /// The text.
    pub text: String,
}

/// Documents that are played over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Its number.
    pub number: u64,
    /// What is asked for.
    pub task: Task,
    /// The documents, in the order in which they are shown.
    pub parts: Vec<Part>,
}

/// Draws clusters.
pub struct Clusters<'a> {
    corpus: &'a Corpus,
    spec: &'a AgentsSpec,
    index: Option<&'a dyn Index>,
    seed: u64,
    /// Numbers of the documents, shuffled; each in turn is the first of a cluster.
    order: Vec<usize>,
}

/// The address of all draws of the agents.
fn address(seed: u64) -> Address {
    Address::new(seed, Purpose::World).rollout(Engine::Agents as u32)
}

/// The seed of a call: 31 bits, which every server takes.
pub fn call_seed(seed: u64, cluster: u64, round: usize, call: usize) -> u64 {
    let address = address(seed).sample(cluster).step(round as u32).position(CALL + call as u32);
    address.stream().bits() >> 33
}

/// The draws of a wrong answer.
pub fn decoy_stream(seed: u64, cluster: u64, round: usize, number: usize) -> Stream {
    address(seed).sample(cluster).step(round as u32).position(DECOY + number as u32).stream()
}

impl<'a> Clusters<'a> {
    /// Clusters of a corpus; without an index their documents are any.
    pub fn new(corpus: &'a Corpus, spec: &'a AgentsSpec, index: Option<&'a dyn Index>, seed: u64) -> Clusters<'a> {
        let mut order: Vec<usize> = (0..corpus.entries().len()).collect();
        address(seed).position(ORDER).stream().shuffle(&mut order);
        Clusters { corpus, spec, index, seed, order }
    }

    /// The cluster of a number; none where the corpus has too few documents with words.
    ///
    /// # Errors
    /// Where the corpus cannot be read.
    pub fn draw(&self, number: u64) -> Result<Option<Cluster>> {
        if self.order.is_empty() {
            return Ok(None);
        }
        let stream = &mut address(self.seed).position(CLUSTER).sample(number).stream();
        let tasks = &self.spec.tasks;
        let task = match weighted(&[tasks.choice, tasks.numeric, tasks.general], stream) {
            0 => Task::Choice,
            1 => Task::Numeric,
            _ => Task::General,
        };
        let first = self.order[(number % self.order.len() as u64) as usize];
        let Some(part) = self.part(first, stream)? else { return Ok(None) };
        let (mut taken, mut parts) = (vec![first], vec![part]);
        for other in self.others(&parts[0], stream) {
            if parts.len() == self.spec.documents {
                break;
            }
            if !taken.contains(&other)
                && let Some(part) = self.part(other, stream)?
            {
                taken.push(other);
                parts.push(part);
            }
        }
        stream.shuffle(&mut parts);
        let enough = parts.len() >= self.spec.sources.max(self.spec.documents.min(2));
        Ok(enough.then_some(Cluster { number, task, parts }))
    }

    /// Documents for the rest of a cluster, more than are wanted.
    fn others(&self, first: &Part, stream: &mut Stream) -> Vec<usize> {
        let wanted = (self.spec.documents - 1) * LOOKS + 1;
        match self.index {
            Some(_) if self.spec.documents == 1 => vec![],
            Some(index) => {
                let words: Vec<&str> = first.text.split_whitespace().take(QUERY).collect();
                index.near(&format!("{} {}", first.title, words.join(" ")), wanted)
            }
            None => stream.choose_distinct(self.order.len(), wanted.min(self.order.len())),
        }
    }

    fn part(&self, number: usize, stream: &mut Stream) -> Result<Option<Part>> {
        let document = self.corpus.document(number)?;
        let from = stream.below(document.text.len().max(1));
        let span = piece(&document.text, from, self.spec.part);
        Ok(span.and_then(|span| Part::of(&document, span)))
    }
}

impl Part {
    /// A part of a document; none where the span does not lie in it.
    pub fn of(document: &longlab_documents::Document, span: Span) -> Option<Part> {
        let text = span.of(&document.text)?.to_string();
        let title = title(&document.title, &document.source);
        Some(Part { place: Place { document: document.hash.clone(), span }, title, text })
    }
}
