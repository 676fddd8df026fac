//! Engine A: questions over paths through a graph of what documents state (section 5.3 of the notes on QwenLong-L1.5).
//!
//! | step | file |
//! |---|---|
//! | triplets with their places, from structure | `triplet`, `code`, `scope`, `macros`, `markup`, `table`, `sentence`, `name` |
//! | triplets from prose by a model, voted and checked against the text | `model` |
//! | the graph across documents, entities and relations joined | `builder`, `cluster`, `network`, `index` |
//! | paths to a target | `walk` |
//! | starts told without their name | `obfuscate` |
//! | plans in four styles, and the proof that each has one answer | `draw`, `plan` |
//! | words | `wording`, `../templates/graph_*.j2` |
//! | items with certificates | `assemble`, `passage`, `evaluate` |
//!
//! A question is asked only if queries over the whole graph give it one answer, at every step of its path. A document is in the graph with all
//! that it states or not at all; those that are not are named in [`Statistics::left_out`] and must not be shown beside a question.

mod assemble;
mod builder;
mod cluster;
mod code;
mod draw;
mod evaluate;
mod index;
mod macros;
mod markup;
mod model;
mod name;
mod network;
mod obfuscate;
mod passage;
mod plan;
mod scope;
mod sentence;
mod settings;
mod table;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod triplet;
mod walk;
mod wording;

pub use evaluate::{Operation, evaluate, evaluate_without, states, year};
pub use model::{Reading, read_by_model};
pub use name::Name;
pub use network::{Edge, Entity, Fact, Hop, Network, Node, Prose, RelationInfo, Statement, Statistics};
pub use plan::{Goal, Match, Part, Period, Plan, Solution, Start};
pub use settings::{GraphError, GraphSettings};
pub use triplet::{Extraction, Family, Relation, Triplet, triplets};
pub use wording::Wording;

use crate::{Item, Style};
use assemble::Draft;
use draw::Reason;
use longlab_documents::Document;
use longlab_kernels::stream::Address;
use rayon::prelude::*;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Draws that are made at once.
const BATCH: u64 = 256;

/// Documents that can be read by number, as often as needed and from many threads.
pub trait Corpus: Sync {
    /// How many there are.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Document number `at`; none where it cannot be read.
    fn document(&self, at: usize) -> Option<Cow<'_, Document>>;
}

impl Corpus for [Document] {
    fn len(&self) -> usize {
        <[Document]>::len(self)
    }

    fn document(&self, at: usize) -> Option<Cow<'_, Document>> {
        self.get(at).map(Cow::Borrowed)
    }
}

impl Corpus for Vec<Document> {
    fn len(&self) -> usize {
        Vec::len(self)
    }

    fn document(&self, at: usize) -> Option<Cow<'_, Document>> {
        self.get(at).map(Cow::Borrowed)
    }
}

/// What was made.
#[derive(Clone, Debug)]
pub struct Items {
    /// The items.
    pub items: Vec<Item>,
    /// For each item the queries that prove its descriptions and its answer unique.
    pub matches: Vec<Vec<Match>>,
    /// Draws that gave no item, by reason.
    pub rejected: BTreeMap<String, usize>,
    /// Draws that were made.
    pub draws: u64,
    /// What was counted in the graph.
    pub statistics: Statistics,
}

/// Makes at most `count` items from a corpus. The same corpus, settings and address give the same items, whatever the number of threads.
///
/// # Errors
/// Where a setting cannot be, or a wording cannot be rendered.
pub fn items(
    corpus: &dyn Corpus,
    settings: &GraphSettings,
    address: Address,
    count: usize,
) -> Result<Items, GraphError> {
    settings.check()?;
    items_of(&Network::of(corpus, settings, None)?, corpus, settings, address, count)
}

/// [`items`] from a graph that was made before, from the same corpus, perhaps with a model that read its prose.
///
/// # Errors
/// As [`items`].
pub fn items_of(
    network: &Network,
    corpus: &dyn Corpus,
    settings: &GraphSettings,
    address: Address,
    count: usize,
) -> Result<Items, GraphError> {
    settings.check()?;
    let maker = Maker { network, corpus, settings, wording: Wording::new()?, address };
    let mut kept = Kept { statistics: network.statistics.clone(), ..Kept::default() };
    let most = (count as u64).saturating_mul(settings.attempts as u64);
    for start in (0..most).step_by(BATCH as usize) {
        let drafts: Vec<_> = (start..most.min(start + BATCH)).into_par_iter().map(|draw| maker.draft(draw)).collect();
        let fresh = kept.fresh(network, settings, &Quota::at(start, most, count, settings), drafts)?;
        let items: Vec<_> = fresh.into_par_iter().map(|(draw, draft)| (maker.item(draw, &draft), draft)).collect();
        for (item, draft) in items {
            if kept.items.len() < count {
                kept.keep(network, item, draft);
            }
        }
        if kept.items.len() == count {
            break;
        }
    }
    Ok(kept.finish())
}

/// What every draw needs.
struct Maker<'a> {
    network: &'a Network,
    corpus: &'a dyn Corpus,
    settings: &'a GraphSettings,
    wording: Wording,
    address: Address,
}

impl Maker<'_> {
    /// Draw number `draw`: a plan of the style whose turn it is, proved and put into words.
    fn draft(&self, draw: u64) -> Result<Result<Draft, Reason>, GraphError> {
        let mut stream = self.address.sample(draw).stream();
        let style = self.settings.styles[draw as usize % self.settings.styles.len()];
        let drawn = draw::draw(self.network, self.settings, style, &mut stream);
        let solved = drawn.and_then(|plan| Ok((plan.solve(self.network).ok_or(Reason::Ambiguous)?, plan)));
        let (solution, plan) = match solved {
            Ok(solved) => solved,
            Err(reason) => return Ok(Err(reason)),
        };
        let question = self.wording.question(self.network, &plan, &mut stream)?;
        Ok(if says_answer(self.network, &question, &solution) {
            Err(Reason::AnswerSaid)
        } else {
            Ok(Draft { plan, solution, question })
        })
    }

    fn item(&self, draw: u64, draft: &Draft) -> Result<Item, Reason> {
        let mut stream = self.address.sample(draw).rollout(1).stream();
        assemble::item(self.network, self.corpus, self.settings, draft, &mut stream)
    }
}

/// Whether a question says the name that answers it, or its last part or another spelling of it.
fn says_answer(network: &Network, question: &str, solution: &Solution) -> bool {
    let Some(node) = solution.node else { return false };
    let aliases = network.aliases(node).iter().map(|alias| &**alias).filter(|alias| alias.chars().count() >= 3);
    let mut names = aliases.chain([solution.answer.as_str()]);
    names.any(|name| states(question, name))
}

/// How many items of a kind are taken while there may still be others.
struct Quota {
    style: Option<usize>,
    sets: usize,
}

impl Quota {
    /// An even share for each style holds for the first quarter of the draws; the share of sets holds for all.
    fn at(draw: u64, most: u64, count: usize, settings: &GraphSettings) -> Quota {
        let style = count.div_ceil(settings.styles.len());
        let sets = (count as f64 * settings.sets).ceil() as usize;
        Quota { style: (draw < most / 4).then_some(style), sets }
    }
}

/// What is kept so far, in the order of the draws.
#[derive(Default)]
struct Kept {
    items: Vec<Item>,
    matches: Vec<Vec<Match>>,
    rejected: BTreeMap<&'static str, usize>,
    draws: u64,
    questions: BTreeSet<String>,
    answers: HashMap<String, usize>,
    ends: HashMap<Edge, usize>,
    paths: BTreeSet<Vec<Edge>>,
    kinds: HashMap<Style, usize>,
    sets: usize,
    shared: HashMap<u32, usize>,
    statistics: Statistics,
}

impl Kept {
    /// The drafts of a batch that are no repetitions. Counts what is turned away.
    fn fresh(
        &mut self,
        network: &Network,
        settings: &GraphSettings,
        quota: &Quota,
        drafts: Vec<Result<Result<Draft, Reason>, GraphError>>,
    ) -> Result<Vec<(u64, Draft)>, GraphError> {
        let mut fresh = Vec::new();
        for draft in drafts {
            let draw = self.draws;
            self.draws += 1;
            match draft?.and_then(|draft| self.admitted(quota, network, settings, draft)) {
                Ok(draft) => fresh.push((draw, draft)),
                Err(reason) => self.reject(reason),
            }
        }
        Ok(fresh)
    }

    fn admitted(
        &mut self,
        quota: &Quota,
        network: &Network,
        settings: &GraphSettings,
        draft: Draft,
    ) -> Result<Draft, Reason> {
        let (plan, mut facts) = (&draft.plan, draft.plan.facts());
        let is_set = !plan.set.is_empty();
        let made = self.kinds.get(&plan.style).copied().unwrap_or_default();
        if quota.style.is_some_and(|most| made >= most) || is_set && self.sets >= quota.sets {
            return Err(Reason::Enough);
        }
        let said = draft.solution.node.map(|_| draft.solution.answer.to_lowercase());
        let often =
            said.as_ref().and_then(|said| self.answers.get(said)).is_some_and(|&times| times >= settings.repeats);
        let end = plan.set.first().map(|hop| hop.edge).or(facts.last().copied()).unwrap_or_default();
        let same_end = self.ends.get(&end).is_some_and(|&times| times >= settings.repeats);
        facts.sort_unstable();
        facts.dedup();
        if often || same_end || self.paths.contains(&facts) || self.questions.contains(&draft.question) {
            return Err(Reason::Repeated);
        }
        let documents = documents(network, &facts);
        if documents.iter().any(|document| self.shared.get(document).is_some_and(|&times| times >= settings.share)) {
            return Err(Reason::Shared);
        }
        said.into_iter().for_each(|said| *self.answers.entry(said).or_default() += 1);
        documents.into_iter().for_each(|document| *self.shared.entry(document).or_default() += 1);
        *self.ends.entry(end).or_default() += 1;
        *self.kinds.entry(plan.style).or_default() += 1;
        self.sets += usize::from(is_set);
        self.questions.insert(draft.question.clone());
        self.paths.insert(facts);
        Ok(draft)
    }

    fn keep(&mut self, network: &Network, item: Result<Item, Reason>, draft: Draft) {
        match item {
            Ok(item) => {
                self.items.push(item);
                self.matches.push(draft.solution.matches);
            }
            Err(reason) => {
                self.reject(reason);
                // A question that cannot be shown does not use up its documents.
                for document in documents(network, &draft.plan.facts()) {
                    self.shared.entry(document).and_modify(|times| *times -= 1);
                }
            }
        }
    }

    fn reject(&mut self, reason: Reason) {
        *self.rejected.entry(reason.name()).or_default() += 1;
    }

    fn finish(self) -> Items {
        let rejected = self.rejected.into_iter().map(|(reason, count)| (reason.to_string(), count)).collect();
        Items { items: self.items, matches: self.matches, rejected, draws: self.draws, statistics: self.statistics }
    }
}

fn documents(network: &Network, facts: &[Edge]) -> BTreeSet<u32> {
    facts.iter().flat_map(|edge| network.places(*edge)).map(|place| place.document).collect()
}
