//! Items, one after the other: plans are drawn at once, admitted in the order of their draws, and read from the documents again.

use super::assemble::{self, Draft};
use super::draw::{self, Reason};
use super::evaluate::states;
use super::network::{Edge, Network};
use super::plan::{Goal, Plan, Solution};
use super::read::Corpus;
use super::wording::Wording;
use crate::error::Result;
use crate::spec::{GraphSpec, weighted};
use crate::{Item, Style};
use longlab_kernels::stream::Address;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Draws that are made at once; must not depend on the number of threads.
const BATCH: u64 = 256;

/// What was drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Draws that were made.
    pub draws: u64,
    /// Items that were handed on.
    pub kept: usize,
    /// Draws that gave no item, by reason.
    pub rejected: BTreeMap<&'static str, usize>,
}

/// Makes at most `settings.items` items from a graph and the corpus it was made from, and hands each on. The same corpus, settings and address give the same
/// items in the same order, whatever the number of threads.
///
/// # Errors
/// Where a wording cannot be rendered; the first error of `put`.
pub fn make(
    network: &Network,
    corpus: &dyn Corpus,
    settings: &GraphSpec,
    address: Address,
    put: &mut dyn FnMut(Item) -> Result<()>,
) -> Result<Tally> {
    let maker = Maker { network, settings, wording: Wording::new()?, address };
    let mut kept = Kept::default();
    let most = (settings.items as u64).saturating_mul(settings.patience as u64);
    for start in (0..most).step_by(BATCH as usize) {
        let quota = Quota::at(start, most, settings, &kept);
        let draws = start..most.min(start + BATCH);
        let drafts: Vec<_> = draws.into_par_iter().map(|draw| maker.draft(draw, &quota.weights)).collect();
        let fresh = kept.fresh(network, settings, &quota, drafts)?;
        let items: Vec<_> =
            fresh.into_par_iter().map(|draft| (assemble::item(network, corpus, settings, &draft), draft)).collect();
        for (item, draft) in items {
            if kept.tally.kept == settings.items {
                kept.reject(Reason::Enough);
                continue;
            }
            kept.settle(network, &item, &draft);
            if let Ok(item) = item {
                kept.tally.kept += 1;
                put(item)?;
            }
        }
        if kept.tally.kept == settings.items {
            break;
        }
    }
    Ok(kept.tally)
}

/// What every draw needs.
struct Maker<'a> {
    network: &'a Network,
    settings: &'a GraphSpec,
    wording: Wording,
    address: Address,
}

impl Maker<'_> {
    /// Draw number `draw`: a plan of a style drawn by weight, proved and put into words.
    fn draft(&self, draw: u64, weights: &[f64; 4]) -> Result<std::result::Result<Draft, Reason>> {
        let mut stream = self.address.sample(draw).stream();
        let style = self.settings.styles.each()[weighted(weights, &mut stream)].0;
        let drawn = draw::draw(self.network, self.settings, style, &mut stream);
        let solved = drawn.and_then(|plan| Ok((plan.solve(self.network).ok_or(Reason::Ambiguous)?, plan)));
        let (solution, plan) = match solved {
            Ok(solved) => solved,
            Err(reason) => return Ok(Err(reason)),
        };
        let way = Wording::way(&mut stream);
        let question = self.wording.question(self.network, &plan, (way, self.settings.nested))?;
        let told = says_answer(self.network, &question, &solution) || says_year(self.network, &question, &plan);
        Ok(if told { Err(Reason::AnswerSaid) } else { Ok(Draft { plan, solution, question, way }) })
    }
}

/// Whether a question says the name that answers it, or its last part or another spelling of it.
fn says_answer(network: &Network, question: &str, solution: &Solution) -> bool {
    let Some(node) = solution.node else { return false };
    let aliases = network.aliases(node).iter().map(|alias| &**alias).filter(|alias| alias.chars().count() >= 3);
    let mut names = aliases.chain([solution.answer.as_str()]);
    names.any(|name| states(question, name))
}

/// Whether a question about years says one of them.
fn says_year(network: &Network, question: &str, plan: &Plan) -> bool {
    let asked = matches!(plan.goal, Goal::Year | Goal::YearsBetween | Goal::Earlier | Goal::Later);
    let years = plan.parts.iter().filter_map(|part| network.year(part.hops.last()?.edge));
    asked && years.into_iter().any(|year| question.contains(&year.to_string()))
}

/// How many items of a kind are taken while there may still be others.
struct Quota {
    /// Most of each style, for the first half of the draws; then any may make up for those that the corpus does not have.
    styles: Option<BTreeMap<Style, usize>>,
    /// By which a draw takes its style: those that are full are not drawn.
    weights: [f64; 4],
    /// Most that are about sets.
    sets: usize,
}

impl Quota {
    fn at(draw: u64, most: u64, settings: &GraphSpec, kept: &Kept) -> Quota {
        let sets = (settings.items as f64 * settings.sets).ceil() as usize;
        let each = settings.styles.each();
        let all = each.map(|(_, share)| share);
        if draw >= most / 2 {
            return Quota { styles: None, weights: all, sets };
        }
        let styles = each.map(|(style, share)| (style, (settings.items as f64 * share).ceil() as usize));
        let made = |style| kept.kinds.get(&style).copied().unwrap_or_default();
        // What is missing of a style is its weight.
        let weights = styles.map(|(style, most)| most.saturating_sub(made(style)) as f64);
        let weights = if weights.iter().sum::<f64>() > 0.0 { weights } else { all };
        Quota { styles: Some(styles.into()), weights, sets }
    }
}

/// What is kept so far, in the order of the draws.
#[derive(Default)]
struct Kept {
    tally: Tally,
    questions: BTreeSet<String>,
    answers: HashMap<String, usize>,
    ends: HashMap<Edge, usize>,
    paths: BTreeSet<Vec<Edge>>,
    kinds: BTreeMap<Style, usize>,
    sets: usize,
    shared: HashMap<u32, usize>,
}

impl Kept {
    /// The drafts of a batch that are no repetitions. Counts what is turned away.
    fn fresh(
        &mut self,
        network: &Network,
        settings: &GraphSpec,
        quota: &Quota,
        drafts: Vec<Result<std::result::Result<Draft, Reason>>>,
    ) -> Result<Vec<Draft>> {
        let mut fresh = Vec::new();
        for draft in drafts {
            self.tally.draws += 1;
            match draft?.and_then(|draft| self.admitted(quota, network, settings, draft)) {
                Ok(draft) => fresh.push(draft),
                Err(reason) => self.reject(reason),
            }
        }
        Ok(fresh)
    }

    fn admitted(
        &mut self,
        quota: &Quota,
        network: &Network,
        settings: &GraphSpec,
        draft: Draft,
    ) -> std::result::Result<Draft, Reason> {
        let (plan, mut facts) = (&draft.plan, draft.plan.facts());
        let is_set = !plan.set.is_empty();
        let made = self.kinds.get(&plan.style).copied().unwrap_or_default();
        let full = quota.styles.as_ref().is_some_and(|most| made >= most.get(&plan.style).copied().unwrap_or_default());
        if full || is_set && self.sets >= quota.sets {
            return Err(Reason::Enough);
        }
        let said = answer_key(&draft);
        let often =
            said.as_ref().and_then(|said| self.answers.get(said)).is_some_and(|&times| times >= settings.repeats);
        let end = end(&draft);
        let same_end = self.ends.get(&end).is_some_and(|&times| times >= settings.repeats);
        facts.sort_unstable();
        facts.dedup();
        if often || same_end || self.paths.contains(&facts) || self.questions.contains(&draft.question) {
            return Err(Reason::Repeated);
        }
        let documents = documents(network, &facts);
        if documents.iter().any(|document| self.shared.get(document).is_some_and(|&times| times >= settings.uses)) {
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

    /// A question that cannot be shown is counted, and gives back what it used up.
    fn settle(&mut self, network: &Network, item: &std::result::Result<Item, Reason>, draft: &Draft) {
        let Err(reason) = item else { return };
        self.reject(*reason);
        let less = |times: &mut usize| *times = times.saturating_sub(1);
        for document in documents(network, &draft.plan.facts()) {
            self.shared.entry(document).and_modify(less);
        }
        answer_key(draft).into_iter().for_each(|said| drop(self.answers.entry(said).and_modify(less)));
        self.ends.entry(end(draft)).and_modify(less);
        self.kinds.entry(draft.plan.style).and_modify(less);
        self.sets -= usize::from(!draft.plan.set.is_empty());
    }

    fn reject(&mut self, reason: Reason) {
        *self.tally.rejected.entry(reason.name()).or_default() += 1;
    }
}

/// The name or year that answers a draft, whatever its case; none where a number does that many questions may have.
fn answer_key(draft: &Draft) -> Option<String> {
    let named = draft.solution.node.is_some() || draft.plan.goal == Goal::Year;
    named.then(|| draft.solution.answer.to_lowercase())
}

/// The fact that a draft asks for.
fn end(draft: &Draft) -> Edge {
    let plan = &draft.plan;
    plan.set.first().map(|hop| hop.edge).or(plan.facts().last().copied()).unwrap_or_default()
}

fn documents(network: &Network, facts: &[Edge]) -> BTreeSet<u32> {
    facts.iter().flat_map(|edge| network.places(*edge)).map(|place| place.document).collect()
}
