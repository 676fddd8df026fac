//! Documents asked again what they state, without the graph: whether a place states a fact, and what else answers a hop.

use super::network::number_of;
use super::triplet::triplets;
use crate::spec::{GraphSpec, ReadSpec};
use longlab_documents::{Document, Hash, Span};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Statements that are kept because they were asked for lately.
const CACHE: usize = 4_000_000;

/// Keys of head, relation and tail, as numbers.
pub type Keys = [u64; 3];

/// What one document states, by its keys.
pub struct Stated(Vec<(Keys, Span)>);

/// Reads documents again.
pub struct Again {
    spec: GraphSpec,
    lately: Mutex<(HashMap<Hash, Arc<Stated>>, usize)>,
}

impl Again {
    /// Reads as `read` says.
    pub fn new(read: ReadSpec) -> Again {
        // What was left out for its many facts stands beside no question.
        let spec = GraphSpec { read, facts_per_document: usize::MAX, ..GraphSpec::default() };
        Again { spec, lately: Mutex::default() }
    }

    /// What a document states.
    pub fn stated(&self, document: &Document) -> Arc<Stated> {
        if let Some(known) = self.lately.lock().unwrap_or_else(PoisonError::into_inner).0.get(&document.hash) {
            return known.clone();
        }
        let found = triplets(document, &self.spec).triplets.into_iter();
        let keys = |keys: [&str; 3]| keys.map(number_of);
        let found = found.map(|own| (keys([&own.head.key, &own.relation.key, &own.tail.key]), own.span));
        let mut found: Vec<(Keys, Span)> = found.collect();
        found.sort_unstable_by_key(|(keys, span)| (*keys, span.start, span.end));
        let stated = Arc::new(Stated(found));
        let mut lately = self.lately.lock().unwrap_or_else(PoisonError::into_inner);
        if lately.1 > CACHE {
            *lately = Default::default();
        }
        lately.1 += stated.0.len();
        lately.0.insert(document.hash.clone(), stated.clone());
        stated
    }
}

impl Stated {
    /// Whether the document states at a place a fact of one of these heads, relations and tails.
    pub fn states(&self, heads: &[u64], relations: &[u64], tails: &[u64], span: Span) -> bool {
        self.from(heads, relations).any(|(keys, own)| own == span && tails.contains(&keys[2]))
    }

    /// The tails that the document gives to one of these heads by one of these relations.
    pub fn tails<'a>(&'a self, heads: &'a [u64], relations: &'a [u64]) -> impl Iterator<Item = u64> + 'a {
        self.from(heads, relations).map(|(keys, _)| keys[2])
    }

    /// The heads that the document gives one of these tails by one of these relations. Linear in what it states.
    pub fn heads<'a>(&'a self, tails: &'a [u64], relations: &'a [u64]) -> impl Iterator<Item = u64> + 'a {
        let fits = move |keys: &&Keys| tails.contains(&keys[2]) && relations.contains(&keys[1]);
        self.0.iter().map(|(keys, _)| keys).filter(fits).map(|keys| keys[0])
    }

    fn from<'a>(&'a self, heads: &'a [u64], relations: &'a [u64]) -> impl Iterator<Item = (Keys, Span)> + 'a {
        let pairs = heads.iter().flat_map(move |head| relations.iter().map(move |relation| (*head, *relation)));
        pairs.flat_map(move |(head, relation)| {
            let start = self.0.partition_point(|(keys, _)| (keys[0], keys[1]) < (head, relation));
            self.0[start..].iter().take_while(move |(keys, _)| (keys[0], keys[1]) == (head, relation)).copied()
        })
    }
}
