//! A question before it has words: where it starts, along which facts it goes, what it asks; and the proof, over the whole graph, that it has
//! one answer.

use super::evaluate::{Operation, number, year};
use super::network::{Edge, Hop, Network, Node};
use crate::Style;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How the start of a path is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// By its name.
    Named(Node),
    /// By facts, told together; each hop leads to the entity.
    Described(Node, Vec<Hop>),
    /// By type and place; both hops lead to the entity.
    Institutional(Node, [Hop; 2]),
    /// By a fact whose year is told by its last digit and its period.
    Temporal(Node, Edge, Period),
}

/// A third of a century and the last digit of a year in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Period {
    /// First year of the third.
    pub first: u32,
    /// Last year of the third.
    pub last: u32,
    /// Last digit.
    pub digit: u32,
}

impl Period {
    /// The period and digit of a year.
    ///
    /// ```
    /// use longlab_synthesis::graph::Period;
    /// let period = Period::of(1887);
    /// assert_eq!(period.to_string(), "late 19th century");
    /// assert!(period.holds(1877) && !period.holds(1886) && !period.holds(1857));
    /// ```
    pub fn of(year: u32) -> Period {
        let century = year / 100 * 100;
        let (first, last) = match year % 100 {
            0..=33 => (0, 33),
            34..=66 => (34, 66),
            _ => (67, 99),
        };
        Period { first: century + first, last: century + last, digit: year % 10 }
    }

    /// Whether a year lies in it and ends in the digit.
    pub fn holds(self, year: u32) -> bool {
        (self.first..=self.last).contains(&year) && year % 10 == self.digit
    }
}

impl std::fmt::Display for Period {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let third = match self.first % 100 {
            0 => "early",
            34 => "middle",
            _ => "late",
        };
        let century = self.first / 100 + 1;
        let ending = match (century % 10, century % 100) {
            (_, 11..=13) => "th",
            (1, _) => "st",
            (2, _) => "nd",
            (3, _) => "rd",
            _ => "th",
        };
        write!(f, "{third} {century}{ending} century")
    }
}

impl Start {
    /// The entity.
    pub fn node(&self) -> Node {
        match self {
            Start::Named(node)
            | Start::Described(node, _)
            | Start::Institutional(node, _)
            | Start::Temporal(node, ..) => *node,
        }
    }

    /// The facts that tell it.
    pub fn facts(&self) -> Vec<Edge> {
        match self {
            Start::Named(_) => Vec::new(),
            Start::Described(_, hops) => hops.iter().map(|hop| hop.edge).collect(),
            Start::Institutional(_, hops) => hops.iter().map(|hop| hop.edge).collect(),
            Start::Temporal(_, edge, _) => vec![*edge],
        }
    }

    /// The entities that the question names to tell it.
    pub fn said(&self, network: &Network) -> Vec<Node> {
        match self {
            Start::Named(node) => vec![*node],
            Start::Described(_, hops) => hops.iter().map(|hop| network.from(*hop)).collect(),
            Start::Institutional(_, hops) => hops.iter().map(|hop| network.from(*hop)).collect(),
            Start::Temporal(..) => Vec::new(),
        }
    }
}

/// A start and the hops from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Where it starts.
    pub start: Start,
    /// Where it goes, in order.
    pub hops: Vec<Hop>,
}

impl Part {
    /// Where it ends.
    pub fn end(&self, network: &Network) -> Node {
        self.hops.last().map_or(self.start.node(), |hop| network.to(*hop))
    }

    /// Its entities from the start to the end.
    pub fn nodes(&self, network: &Network) -> Vec<Node> {
        [self.start.node()].into_iter().chain(self.hops.iter().map(|hop| network.to(*hop))).collect()
    }

    /// Its facts, those that tell the start first.
    pub fn facts(&self) -> Vec<Edge> {
        self.start.facts().into_iter().chain(self.hops.iter().map(|hop| hop.edge)).collect()
    }
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// Where the part ends.
    End,
    /// The year that its end names.
    Year,
    /// Years between the ends of both parts.
    YearsBetween,
    /// Whose year is the earlier one.
    Earlier,
    /// Whose year is the later one.
    Later,
    /// Whose number is the larger one.
    Larger,
    /// How many facts of the set there are at the end of the part.
    Count,
    /// How many of the set are left without the end of the part.
    CountWithout,
    /// Which one of the set is left without it.
    LeftWithout,
    /// What nothing would use any more without what the part reaches before its end.
    Unused,
    /// Where the hops after the first end, if this entity's first fact were that of the start.
    Supposed(Node),
}

/// A question without words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Its style.
    pub style: Style,
    /// What is asked.
    pub goal: Goal,
    /// One path, or two that are compared.
    pub parts: Vec<Part>,
    /// Hops from a common entity to everything that is counted.
    pub set: Vec<Hop>,
}

/// A query over the graph and how many entities match it: one, or the question would not be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Match {
    /// The query, `?x: (?x)-[relation]->(name)`.
    pub query: String,
    /// How many entities of the graph match.
    pub found: usize,
}

/// An answer with what proves that it is the only one.
#[derive(Clone, Debug, PartialEq)]
pub struct Solution {
    /// The answer.
    pub answer: String,
    /// The entity that it names, where it names one.
    pub node: Option<Node>,
    /// The queries that were made.
    pub matches: Vec<Match>,
}

impl Plan {
    /// All facts that it rests on, in the order of its proof.
    pub fn facts(&self) -> Vec<Edge> {
        let set = self.set.iter().map(|hop| hop.edge);
        let parts = self.parts.iter().flat_map(Part::facts);
        if self.removes() { set.chain(parts).collect() } else { parts.chain(set).collect() }
    }

    fn removes(&self) -> bool {
        matches!(self.goal, Goal::CountWithout | Goal::LeftWithout)
    }

    /// The operation of its proof, given how many steps the first half has.
    pub fn operation(&self, at: usize) -> Operation {
        match self.goal {
            Goal::End | Goal::Unused | Goal::Supposed(_) => match self.parts[0].hops.last() {
                Some(hop) if !hop.forward => Operation::Head,
                _ => Operation::Tail,
            },
            Goal::Year => Operation::YearOf,
            Goal::YearsBetween => Operation::YearsBetween(at),
            Goal::Earlier => Operation::EarlierOf(at),
            Goal::Later => Operation::LaterOf(at),
            Goal::Larger => Operation::LargerOf(at),
            Goal::Count => Operation::Count(at),
            Goal::CountWithout => Operation::CountWithout(at),
            Goal::LeftWithout => Operation::LeftWithout(at),
        }
    }

    /// How many of its facts are the first half of its proof.
    pub fn first_half(&self) -> usize {
        if self.removes() { self.set.len() } else { self.parts[0].facts().len() }
    }

    /// Solves it by queries over the whole graph; none where one of them has not exactly one answer.
    pub fn solve(&self, network: &Network) -> Option<Solution> {
        let mut matches = Vec::new();
        let mut ends = Vec::new();
        for part in &self.parts {
            ends.push(follow(network, part, &mut matches)?);
        }
        let (answer, node) = self.answer(network, &ends, &mut matches)?;
        Some(Solution { answer, node, matches })
    }

    fn answer(&self, network: &Network, ends: &[Node], matches: &mut Vec<Match>) -> Option<(String, Option<Node>)> {
        let name = |node: Node| Some((network.entity(node).name.to_string(), Some(node)));
        let text = |part: usize| &*network.entity(ends[part]).name;
        let owner = |part: usize| self.parts[part].hops.last().map(|hop| network.from(*hop));
        match self.goal {
            Goal::End => name(ends[0]),
            Goal::Unused => {
                let last = self.parts[0].hops.last()?;
                let back = Hop { forward: !last.forward, ..*last };
                let found = network.answers(back).len();
                matches.push(Match { query: query(network, back), found });
                (found == 1).then(|| name(ends[0]))?
            }
            Goal::Supposed(other) => {
                let real = suppose_nothing(network, other, &self.parts[0].hops);
                (real.len() != 1 || !real.contains(&ends[0])).then(|| name(ends[0]))?
            }
            Goal::Year => Some((year(text(0))?.to_string(), None)),
            Goal::YearsBetween => match year(text(0))?.abs_diff(year(text(1))?) {
                0 => None,
                years => Some((years.to_string(), None)),
            },
            Goal::Earlier | Goal::Later => {
                let (first, second) = (year(text(0))?, year(text(1))?);
                let part = usize::from((first > second) == (self.goal == Goal::Earlier));
                (first != second).then(|| name(owner(part)?))?
            }
            Goal::Larger => {
                let (first, second) = (number(text(0))?, number(text(1))?);
                (first != second).then(|| name(owner(usize::from(first < second))?))?
            }
            Goal::Count | Goal::CountWithout | Goal::LeftWithout => self.of_set(network, ends[0], matches),
        }
    }

    fn of_set(&self, network: &Network, end: Node, matches: &mut Vec<Match>) -> Option<(String, Option<Node>)> {
        let set = network.answers(*self.set.first()?);
        matches.push(Match { query: query(network, self.set[0]), found: set.len() });
        let members: BTreeSet<Node> = self.set.iter().map(|hop| network.to(*hop)).collect();
        let whole = set.len() == members.len() && set.len() == self.set.len();
        let centre = network.from(self.set[0]);
        match self.goal {
            Goal::Count => (whole && centre == end).then(|| (set.len().to_string(), None)),
            Goal::CountWithout => (whole && members.contains(&end)).then(|| ((set.len() - 1).to_string(), None)),
            _ => {
                let left: Vec<&Node> = members.iter().filter(|node| **node != end).collect();
                let one = whole && left.len() == 1 && members.len() == 2;
                one.then(|| (network.entity(*left[0]).name.to_string(), Some(*left[0])))
            }
        }
    }
}

/// Follows a part by queries; none where one of them has not exactly one answer.
fn follow(network: &Network, part: &Part, matches: &mut Vec<Match>) -> Option<Node> {
    let mut at = started(network, &part.start, matches)?;
    for hop in &part.hops {
        let found = network.answers(*hop);
        matches.push(Match { query: query(network, *hop), found: found.len() });
        let one = found.len() == 1 && network.from(*hop) == at;
        at = one.then(|| network.to(*hop))?;
    }
    Some(at)
}

/// The entity that a start tells; none where more than one fits.
fn started(network: &Network, start: &Start, matches: &mut Vec<Match>) -> Option<Node> {
    let (query, found) = match start {
        Start::Named(node) => {
            let entity = network.entity(*node);
            let found = if entity.shared || !entity.spoken { 2 } else { 1 };
            (
                format!("?x: name(?x) = {}", entity.name),
                if found == 1 { BTreeSet::from([*node]) } else { BTreeSet::new() },
            )
        }
        Start::Described(_, hops) => (queries(network, hops), fitting(network, hops)),
        Start::Institutional(_, hops) => (queries(network, hops), fitting(network, hops)),
        Start::Temporal(_, edge, period) => {
            let relation = &network.relation(*edge).text;
            let query = format!("?x: (?x)-[{relation}]->(a year of the {period} that ends in {})", period.digit);
            (query, in_period(network, *edge, *period))
        }
    };
    matches.push(Match { query, found: found.len() });
    (found.len() == 1 && found.contains(&start.node())).then(|| start.node())
}

/// The entities to which all hops lead, whichever facts of their relations they go along.
pub(super) fn fitting(network: &Network, hops: &[Hop]) -> BTreeSet<Node> {
    let reached = |hop: &Hop| -> BTreeSet<Node> {
        network.answers(*hop).into_iter().map(|edge| network.to(Hop { edge, ..*hop })).collect()
    };
    let mut sets = hops.iter().map(reached);
    let Some(first) = sets.next() else { return BTreeSet::new() };
    sets.fold(first, |all, set| all.intersection(&set).copied().collect())
}

/// The heads of facts of the same relation whose year fits a period.
pub(super) fn in_period(network: &Network, edge: Edge, period: Period) -> BTreeSet<Node> {
    let Some(facts) = network.dated().get(&network.fact(edge).relation) else { return BTreeSet::new() };
    let start = facts.partition_point(|(year, _)| *year < period.first);
    let within = facts[start..].iter().take_while(|(year, _)| *year <= period.last);
    within.filter(|(year, _)| period.holds(*year)).map(|(_, edge)| network.ends(*edge).0).collect()
}

/// Where the hops lead from another start along its own facts: all entities they may lead to.
fn suppose_nothing(network: &Network, other: Node, hops: &[Hop]) -> BTreeSet<Node> {
    let mut at = BTreeSet::from([other]);
    for hop in hops {
        let relation = network.fact(hop.edge).relation;
        let facts = at.iter().flat_map(|node| network.facts_of(*node, relation, hop.forward).into_iter().take(64));
        at = facts.map(|edge| network.to(Hop { edge, ..*hop })).take(256).collect();
    }
    at
}

fn query(network: &Network, hop: Hop) -> String {
    let (name, relation) = (&network.entity(network.from(hop)).name, &network.relation(hop.edge).text);
    if hop.forward { format!("?x: ({name})-[{relation}]->(?x)") } else { format!("?x: (?x)-[{relation}]->({name})") }
}

fn queries(network: &Network, hops: &[Hop]) -> String {
    let parts: Vec<String> = hops.iter().map(|hop| query(network, *hop).split_off(4)).collect();
    format!("?x: {}", parts.join(" & "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_thirds_of_centuries() {
        let texts: Vec<String> = [1200, 1334, 1999, 2012, 1111, 2133].map(|year| Period::of(year).to_string()).into();
        let expected = ["early 13th", "middle 14th", "late 20th", "early 21st", "early 12th", "early 22nd"];
        assert_eq!(texts, expected.map(|text| format!("{text} century")));
        assert!((1000..2200).all(|year| Period::of(year).holds(year) && !Period::of(year).holds(year + 1)));
    }
}
