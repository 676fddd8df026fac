//! Facts of one sample: who works where, who founded what, on which river a town lies.

use super::names::{self, Kind};
use super::relations::{RELATIONS, Relation, from, leads_on};
use longlab_kernels::stream::Stream;
use std::collections::BTreeSet;

/// One fact. A head has one tail under a relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Index into [`RELATIONS`].
    pub relation: usize,
    /// Name of the head.
    pub head: String,
    /// Name of the tail.
    pub tail: String,
}

impl Fact {
    /// The relation.
    pub fn rel(&self) -> &'static Relation {
        &RELATIONS[self.relation]
    }

    /// One of the clauses that say it; the first is that of traces.
    pub fn clause(&self, form: usize) -> String {
        said(self.rel().clauses[form], &self.head, &self.tail)
    }
}

/// A clause of a relation with its names.
pub fn said(clause: &str, head: &str, tail: &str) -> String {
    clause.replace("{h}", head).replace("{t}", tail)
}

/// Who and what there is in a sample.
pub struct Cast {
    /// Names of each kind.
    names: Vec<(Kind, Vec<String>)>,
}

/// Kinds that have facts of their own.
const HEADS: [Kind; 3] = [Kind::Person, Kind::Firm, Kind::Town];
const VALUES: [Kind; 7] =
    [Kind::Instrument, Kind::Dish, Kind::Product, Kind::River, Kind::Day, Kind::Birth, Kind::Founding];
/// Different values of a kind in one sample.
const VALUES_EACH: usize = 6;

impl Cast {
    /// Draws a cast for about `facts` facts.
    pub fn draw(stream: &mut Stream, facts: usize) -> Cast {
        let heads = [(Kind::Person, 5 + facts / 4), (Kind::Firm, 4 + facts / 8), (Kind::Town, 4 + facts / 8)];
        let values = VALUES.map(|kind| (kind, VALUES_EACH));
        let of = |(kind, count)| (kind, names::draw(stream, kind, count));
        Cast { names: heads.into_iter().chain(values).map(of).collect() }
    }

    /// All names of a kind.
    pub fn of(&self, kind: Kind) -> &[String] {
        self.names.iter().find(|(own, _)| *own == kind).map_or(&[], |(_, names)| names)
    }
}

/// Draws `count` facts; the first `hops` are a path. Half of the others are of the path's relations, with other heads.
pub fn draw(stream: &mut Stream, cast: &Cast, count: usize, hops: usize) -> Vec<Fact> {
    let mut facts = path(stream, cast, hops);
    let mut taken: BTreeSet<(usize, String)> = facts.iter().map(|fact| (fact.relation, fact.head.clone())).collect();
    for _ in 0..count * 20 {
        if facts.len() >= count {
            break;
        }
        let alike = stream.chance(0.5);
        let relation = if alike { facts[stream.below(hops)].relation } else { stream.below(RELATIONS.len()) };
        let rel = &RELATIONS[relation];
        let (head, tail) = (stream.pick(cast.of(rel.head)), stream.pick(cast.of(rel.tail)));
        if head != tail && taken.insert((relation, head.clone())) {
            facts.push(Fact { relation, head: head.clone(), tail: tail.clone() });
        }
    }
    facts
}

/// Facts each of which begins where the one before ends; nobody is met twice.
fn path(stream: &mut Stream, cast: &Cast, hops: usize) -> Vec<Fact> {
    let mut kind = *stream.pick(&HEADS);
    let mut here = stream.pick(cast.of(kind)).clone();
    let mut met = vec![here.clone()];
    let mut facts = Vec::new();
    for hop in 1..=hops {
        let fits = |&relation: &usize| hop == hops || leads_on(RELATIONS[relation].tail);
        let relation = *stream.pick(&from(kind).filter(fits).collect::<Vec<_>>());
        kind = RELATIONS[relation].tail;
        let free: Vec<&String> = cast.of(kind).iter().filter(|name| !met.contains(name)).collect();
        let tail = (*stream.pick(&free)).clone();
        met.push(tail.clone());
        facts.push(Fact { relation, head: here, tail: tail.clone() });
        here = tail;
    }
    facts
}

/// One of the paths of `hops` facts, by the numbers of its facts; `None` where there is none.
pub fn walk(stream: &mut Stream, facts: &[Fact], hops: usize) -> Option<Vec<usize>> {
    let mut paths: Vec<Vec<usize>> = (0..facts.len()).map(|first| vec![first]).collect();
    for _ in 1..hops {
        paths = paths.iter().flat_map(|path| longer(facts, path)).collect();
    }
    (!paths.is_empty()).then(|| stream.pick(&paths).clone())
}

/// A path with each fact that goes on from its end to somebody who was not met before.
fn longer(facts: &[Fact], path: &[usize]) -> Vec<Vec<usize>> {
    let end = path.last().map_or("", |&last| facts[last].tail.as_str());
    let met = |name: &str| path.iter().any(|&fact| facts[fact].head == name) || name == end;
    let goes_on = |next: &usize| facts[*next].head == end && !met(&facts[*next].tail);
    (0..facts.len()).filter(goes_on).map(|next| [path, &[next]].concat()).collect()
}
