//! Draws plans of questions in the four styles.

use super::evaluate::number;
use super::network::{Edge, Hop, Network, Node};
use super::obfuscate::described;
use super::plan::{Goal, Part, Plan, Start};
use super::triplet::Family;
use super::walk::{Allowed, Walker, is_free_of_short_cuts, is_told_from_users};
use crate::Style;
use crate::spec::GraphSpec;
use longlab_kernels::stream::Stream;
use std::collections::BTreeSet;

/// Why a draw gives no question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// No document drawn states a fact that could be asked for.
    NoTarget,
    /// No path of the length leads to the target.
    NoPath,
    /// Fewer facts than `facts` asks for.
    TooEasy,
    /// Facts from fewer documents than `documents`.
    OneDocument,
    /// Facts from more documents than `documents` allows.
    ManyDocuments,
    /// The answer can be reached by a shorter way.
    ShortCut,
    /// The start can neither be named nor described.
    NoStart,
    /// The question has not exactly one answer.
    Ambiguous,
    /// The question says its answer.
    AnswerSaid,
    /// A supposition changes nothing.
    Idle,
    /// There are enough of its kind for now.
    Enough,
    /// A question like it was asked already.
    Repeated,
    /// Its documents are used by enough questions.
    Shared,
    /// A document cannot be read again, or is not what it was.
    DocumentGone,
    /// A place does not state its fact.
    NotStated,
    /// Evidence and what is needed to read it are too far apart for a passage.
    TooLong,
    /// The answer stands without one of its pieces of evidence.
    NotNeeded,
}

impl Reason {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Reason::NoTarget => "no fact to ask for",
            Reason::NoPath => "no path to the target",
            Reason::TooEasy => "fewer facts than `facts` asks for",
            Reason::OneDocument => "facts from too few documents",
            Reason::ManyDocuments => "facts from too many documents",
            Reason::ShortCut => "a short cut to the answer",
            Reason::NoStart => "no unique name or description of the start",
            Reason::Ambiguous => "ambiguous",
            Reason::AnswerSaid => "the question says the answer",
            Reason::Idle => "the supposition changes nothing",
            Reason::Enough => "enough of its kind",
            Reason::Repeated => "asked already",
            Reason::Shared => "its documents are used enough",
            Reason::DocumentGone => "a document cannot be read again",
            Reason::NotStated => "the place does not state the fact",
            Reason::TooLong => "evidence too far apart",
            Reason::NotNeeded => "evidence that is not needed",
        }
    }
}

/// Draws one plan of a style.
pub(super) fn draw(network: &Network, settings: &GraphSpec, style: Style, stream: &mut Stream) -> Result<Plan, Reason> {
    let mut drawing = Drawing { network, settings, stream };
    let variant = drawing.stream.below(10);
    let mut reason = Reason::NoTarget;
    for _ in 0..settings.targets {
        let plan = drawing.plan(style, variant).and_then(|plan| check(network, settings, &plan).map(|()| plan));
        match plan {
            Ok(plan) => return Ok(plan),
            Err(other) => reason = other,
        }
    }
    Err(reason)
}

/// What must hold of every plan: enough facts and documents, no short cuts.
fn check(network: &Network, settings: &GraphSpec, plan: &Plan) -> Result<(), Reason> {
    let facts: BTreeSet<Edge> = plan.facts().into_iter().collect();
    if facts.len() < settings.facts[0] {
        return Err(Reason::TooEasy);
    }
    if facts.iter().any(|edge| network.places(*edge).len() > settings.statements) {
        return Err(Reason::Ambiguous);
    }
    let documents: BTreeSet<u32> = facts.iter().map(|edge| network.places(*edge)[0].document).collect();
    if documents.len() < settings.documents[0].min(facts.len()) {
        return Err(Reason::OneDocument);
    }
    if documents.len() > settings.documents[1] {
        return Err(Reason::ManyDocuments);
    }
    let free = plan.parts.iter().all(|part| {
        let nodes = part.nodes(network);
        let said = part.start.said(network).into_iter().filter(|node| *node != part.start.node());
        let mut ways = said.map(|node| [vec![node], nodes.clone()].concat());
        is_free_of_short_cuts(network, &nodes, settings)
            && ways.all(|nodes| is_free_of_short_cuts(network, &nodes, settings))
    });
    if free { Ok(()) } else { Err(Reason::ShortCut) }
}

struct Drawing<'a, 'b> {
    network: &'a Network,
    settings: &'a GraphSpec,
    stream: &'b mut Stream,
}

impl<'a> Drawing<'a, '_> {
    /// A plan of a style; `variant` of 0..10 chooses among what the style asks.
    fn plan(&mut self, style: Style, variant: usize) -> Result<Plan, Reason> {
        match (style, variant) {
            (Style::MultiFact, 0..7) => self.chain(style, Allowed::Any),
            (Style::MultiFact, 7) => self.count(),
            (Style::MultiFact, _) => self.pair(style, Goal::Larger).or_else(|_| self.chain(style, Allowed::Any)),
            (Style::Temporal, 0..5) => self.year(),
            (Style::Temporal, 5..8) => self.pair(style, Goal::YearsBetween),
            (Style::Temporal, _) => self.order(),
            (Style::Causal, 0..5) => self.chain(style, Allowed::Downstream),
            (Style::Causal, _) => self.chain(style, Allowed::Upstream),
            (Style::Hypothetical, 0..5) => self.supposed(),
            (Style::Hypothetical, 5..8) => self.removed(),
            (Style::Hypothetical, _) => self.unused(),
        }
    }

    fn walker(&self, allowed: Allowed) -> Walker<'a> {
        Walker { network: self.network, settings: self.settings, allowed }
    }

    /// A hop to ask for: a document is drawn, of some of its facts a relation and direction, of these a hop.
    fn target(&mut self, wanted: impl Fn(&Network, Hop) -> bool) -> Result<Hop, Reason> {
        let documents = self.network.documents();
        if documents.is_empty() {
            return Err(Reason::NoTarget);
        }
        for _ in 0..self.settings.targets {
            let facts = &self.stream.pick(documents).1;
            let looked = self.stream.choose_distinct(facts.len(), facts.len().min(self.settings.looked_at));
            let edges = looked.into_iter().map(|at| Edge::from(facts[at]));
            let hops = edges.flat_map(|edge| [true, false].map(|forward| Hop { edge, forward }));
            let hops: Vec<Hop> = hops.filter(|hop| wanted(self.network, *hop)).collect();
            let kind = |hop: &Hop| (self.network.fact(hop.edge).relation, hop.forward);
            let kinds: Vec<(u32, bool)> = hops.iter().map(kind).collect::<BTreeSet<_>>().into_iter().collect();
            if !kinds.is_empty() {
                let chosen = *self.stream.pick(&kinds);
                let hops: Vec<Hop> = hops.into_iter().filter(|hop| kind(hop) == chosen).collect();
                return Ok(*self.stream.pick(&hops));
            }
        }
        Err(Reason::NoTarget)
    }

    /// A part that ends with these hops: a path to where they begin, and a start that is described or named. `described_only`: a start
    /// without a path before it must not be named.
    fn part(
        &mut self,
        after: Vec<Hop>,
        most: usize,
        allowed: Allowed,
        described_only: bool,
        apart: &Apart,
    ) -> Result<Part, Reason> {
        let begin = self.network.from(after[0]);
        let length = if most == 0 { 0 } else { self.stream.range(1..=most) };
        let hops = self.walker(allowed).path(begin, &after, length, &apart.nodes, self.stream);
        self.started(hops, after, begin, described_only, apart)
    }

    fn started(
        &mut self,
        hops: Vec<Hop>,
        after: Vec<Hop>,
        begin: Node,
        described_only: bool,
        apart: &Apart,
    ) -> Result<Part, Reason> {
        let node = hops.first().map_or(begin, |hop| self.network.from(*hop));
        // Too short a path is made longer by what tells its start.
        let short = hops.len() + after.len() + apart.facts.len() < self.settings.facts[0];
        let must = described_only && hops.is_empty() || short;
        let hops = [hops, after].concat();
        let start = self.start(node, &hops, must, apart)?;
        Ok(Part { start, hops })
    }

    /// A start that is told by its name or, where wished or needed, by a description.
    fn start(&mut self, node: Node, hops: &[Hop], must: bool, apart: &Apart) -> Result<Start, Reason> {
        let entity = self.network.entity(node);
        let named = entity.spoken && !entity.shared;
        if must || !named || self.stream.chance(self.settings.obfuscated) {
            let mut facts: BTreeSet<Edge> = hops.iter().map(|hop| hop.edge).collect();
            facts.extend(&apart.facts);
            let mut nodes: BTreeSet<Node> = hops.iter().map(|hop| self.network.to(*hop)).collect();
            nodes.extend(&apart.nodes);
            if let Some(start) = described(self.network, node, &facts, &nodes, self.settings, self.stream) {
                return Ok(start);
            }
        }
        if named && !must { Ok(Start::Named(node)) } else { Err(Reason::NoStart) }
    }

    /// One path and its end.
    fn chain(&mut self, style: Style, allowed: Allowed) -> Result<Plan, Reason> {
        let settings = self.settings;
        let last = self.target(|network, hop| {
            let walker = Walker { network, settings, allowed };
            walker.takes(hop) && walker.passes(network.from(hop)) && is_answer(network, hop, settings)
        })?;
        let part = self.part(vec![last], settings.facts[1] - 1, allowed, false, &Apart::default())?;
        let begins = self.network.entity(part.start.node());
        if style == Style::Causal && (part.hops.len() < 2 || begins.open) {
            return Err(Reason::NoPath);
        }
        Ok(Plan { style, goal: Goal::End, parts: vec![part], set: Vec::new() })
    }

    /// How many of something there are at the end of a path.
    fn count(&mut self) -> Result<Plan, Reason> {
        let set = self.set(2)?;
        let centre = self.network.from(set[0]);
        let apart = Apart::of(self.network, &set, &[centre]);
        let length = self.stream.range(0..=self.settings.facts[1] / 2);
        let hops = self.walker(Allowed::Any).path(centre, &[], length, &apart.nodes, self.stream);
        let part = self.started(hops, Vec::new(), centre, false, &apart)?;
        Ok(Plan { style: Style::MultiFact, goal: Goal::Count, parts: vec![part], set })
    }

    /// All facts with the same relation and tail, where there are `least` to `largest_set` and all may be counted.
    fn set(&mut self, least: usize) -> Result<Vec<Hop>, Reason> {
        let settings = self.settings;
        let hop = self.target(|network, hop| {
            let turned = Hop { forward: false, ..hop };
            let told = is_told_from_users(network.relation(hop.edge).family, network.entity(network.to(hop)));
            let countable = hop.forward && told && is_countable(network, hop.edge);
            countable && !network.entity(network.from(turned)).hub && !network.is_only(turned)
        })?;
        let facts = self.network.answers(Hop { forward: false, ..hop });
        let stated = facts.iter().all(|edge| self.network.places(*edge).len() <= settings.statements);
        let counted = (least..=settings.largest_set).contains(&facts.len()) && stated;
        let set = facts.into_iter().map(|edge| Hop { edge, forward: false });
        if counted { Ok(set.collect()) } else { Err(Reason::NoTarget) }
    }

    /// Two facts of the same relation that are compared, each about something that is not named.
    fn pair(&mut self, style: Style, goal: Goal) -> Result<Plan, Reason> {
        let settings = self.settings;
        let wanted = |network: &Network, hop: Hop| {
            let walker = Walker { network, settings, allowed: Allowed::Any };
            let from = network.from(hop);
            // Rows without a name can be told by what they say.
            let told = walker.passes(from) || goal == Goal::YearsBetween && network.entity(from).row;
            hop.forward && walker.takes(hop) && told && is_compared(network, hop, &goal, settings)
        };
        let first = self.target(wanted)?;
        let alike = self.network.alike(first.edge);
        let tried: Vec<Hop> =
            (0..settings.targets).map(|_| Hop { edge: (*self.stream.pick(alike)).into(), forward: true }).collect();
        let differs = |hop: &Hop| {
            let (a, b) = (self.network.to(first), self.network.to(*hop));
            self.network.from(*hop) != self.network.from(first) && a != b && wanted(self.network, *hop)
        };
        let elsewhere =
            |hop: &&Hop| self.network.places(hop.edge)[0].document != self.network.places(first.edge)[0].document;
        let others: Vec<Hop> = tried.into_iter().filter(differs).collect();
        let second = *others.iter().find(elsewhere).or(others.first()).ok_or(Reason::NoTarget)?;
        self.compared(style, goal, first, second)
    }

    fn compared(&mut self, style: Style, goal: Goal, first: Hop, second: Hop) -> Result<Plan, Reason> {
        let (ends, most) = ([first, second], (self.settings.facts[1] / 2).clamp(1, 3) - 1);
        let hidden = !matches!(goal, Goal::YearsBetween);
        let mut parts = Vec::new();
        for (at, hop) in ends.into_iter().enumerate() {
            let mut apart = Apart::of(self.network, &[ends[1 - at]], &[]);
            parts.iter().for_each(|part: &Part| apart.add(self.network, part));
            let most = self.stream.range(0..=most);
            parts.push(self.part(vec![hop], most, Allowed::Any, hidden, &apart)?);
        }
        Ok(Plan { style, goal, parts, set: Vec::new() })
    }

    /// Which of two came first, or last.
    fn order(&mut self) -> Result<Plan, Reason> {
        let goal = if self.stream.chance(0.5) { Goal::Earlier } else { Goal::Later };
        self.pair(Style::Temporal, goal)
    }

    /// The year of the end of a path.
    fn year(&mut self) -> Result<Plan, Reason> {
        let settings = self.settings;
        let last = self.target(|network, hop| {
            let walker = Walker { network, settings, allowed: Allowed::Any };
            let open = network.year(hop.edge).is_some() && network.has_years(hop.edge, settings.options);
            let open = open && hop.forward && is_rare(network, hop, settings);
            open && walker.takes(hop) && walker.passes(network.from(hop))
        })?;
        let part = self.part(vec![last], settings.facts[1] - 1, Allowed::Any, false, &Apart::default())?;
        Ok(Plan { style: Style::Temporal, goal: Goal::Year, parts: vec![part], set: Vec::new() })
    }

    /// Where a path leads if its first fact held of something else.
    fn supposed(&mut self) -> Result<Plan, Reason> {
        let plan = self.chain(Style::Hypothetical, Allowed::Any)?;
        let mut parts = plan.parts;
        let part = &mut parts[0];
        // The path begins with its first fact that something else could have had in its place.
        let suits = |hop: &Hop| hop.forward && is_supposable(self.network.relation(hop.edge).family);
        let at = part.hops.iter().position(suits).filter(|at| at + 2 <= part.hops.len()).ok_or(Reason::NoPath)?;
        if at > 0 {
            let hops = part.hops.split_off(at);
            let node = self.network.from(hops[0]);
            let start = self.start(node, &hops, false, &Apart::default())?;
            *part = Part { start, hops };
        }
        let other = self.other(part)?;
        Ok(Plan { style: Style::Hypothetical, goal: Goal::Supposed(other), parts, set: Vec::new() })
    }

    /// Something else that has the first relation of a part, with another tail, and is nowhere near the part.
    fn other(&mut self, part: &Part) -> Result<Node, Reason> {
        let first = part.hops[0];
        let alike = self.network.alike(first.edge);
        let nodes = part.nodes(self.network);
        for _ in 0..self.settings.targets {
            let hop = Hop { edge: (*self.stream.pick(alike)).into(), forward: true };
            let (other, entity) = (self.network.from(hop), self.network.entity(self.network.from(hop)));
            let named = entity.spoken && !entity.shared && !entity.hub && self.network.is_only(hop);
            let away = !nodes.contains(&other) && nodes.iter().all(|node| !self.network.adjacent(other, *node));
            if named && away {
                return Ok(other);
            }
        }
        Err(Reason::Idle)
    }

    /// What nothing would use any more without its only user, which uses nothing else.
    fn unused(&mut self) -> Result<Plan, Reason> {
        let settings = self.settings;
        let last = self.target(|network, hop| {
            let walker = Walker { network, settings, allowed: Allowed::Any };
            let back = Hop { forward: false, ..hop };
            let alone = hop.forward && is_countable(network, hop.edge) && network.is_only(back) && walker.takes(hop);
            let told = is_told_from_users(network.relation(hop.edge).family, network.entity(network.to(hop)));
            alone && told && walker.passes(network.from(hop)) && is_answer(network, hop, settings)
        })?;
        let part = self.part(vec![last], settings.facts[1] - 1, Allowed::Any, false, &Apart::default())?;
        Ok(Plan { style: Style::Hypothetical, goal: Goal::Unused, parts: vec![part], set: Vec::new() })
    }

    /// What, or how many, are left of a set without a member that a path leads to.
    fn removed(&mut self) -> Result<Plan, Reason> {
        let set = self.set(2)?;
        let centre = self.network.from(set[0]);
        let entity = self.network.entity(centre);
        if !entity.spoken || entity.shared {
            return Err(Reason::NoStart);
        }
        let member = self.network.to(*self.stream.pick(&set));
        if !self.walker(Allowed::Any).passes(member) {
            return Err(Reason::NoPath);
        }
        let mut apart = Apart::of(self.network, &set, &[member]);
        apart.nodes.insert(centre);
        let most = self.settings.facts[1].saturating_sub(set.len()).max(1);
        let length = self.stream.range(0..=most);
        let hops = self.walker(Allowed::Any).path(member, &[], length, &apart.nodes, self.stream);
        let part = self.started(hops, Vec::new(), member, true, &apart)?;
        let goal = if set.len() == 2 { Goal::LeftWithout } else { Goal::CountWithout };
        Ok(Plan { style: Style::Hypothetical, goal, parts: vec![part], set })
    }
}

/// What a part must not touch.
#[derive(Default)]
struct Apart {
    nodes: BTreeSet<Node>,
    facts: BTreeSet<Edge>,
}

impl Apart {
    /// The ends of hops, but for some of them.
    fn of(network: &Network, hops: &[Hop], but: &[Node]) -> Apart {
        let ends = hops.iter().flat_map(|hop| [network.from(*hop), network.to(*hop)]);
        let nodes = ends.filter(|node| !but.contains(node)).collect();
        Apart { nodes, facts: hops.iter().map(|hop| hop.edge).collect() }
    }

    fn add(&mut self, network: &Network, part: &Part) {
        self.nodes.extend(part.nodes(network));
        self.nodes.extend(part.start.said(network));
        self.facts.extend(part.facts());
    }
}

/// Whether where a hop leads may be asked for: it can be said, no other entity has its name, and it cannot be guessed.
fn is_answer(network: &Network, hop: Hop, settings: &GraphSpec) -> bool {
    let (entity, relation) = (network.entity(network.to(hop)), network.relation(hop.edge));
    let options = if hop.forward { relation.tails } else { relation.heads };
    let short = entity.name.split(' ').count() <= settings.answer_words && (entity.code || !entity.common);
    let told = entity.spoken && !entity.shared && !entity.section && short;
    told && options as usize >= settings.options && (hop.forward || !entity.value)
}

/// Whether no more than `common` things have the date that a hop leads to.
fn is_rare(network: &Network, hop: Hop, settings: &GraphSpec) -> bool {
    network.answers(Hop { forward: false, ..hop }).len() <= settings.common
}

fn is_compared(network: &Network, hop: Hop, goal: &Goal, settings: &GraphSpec) -> bool {
    let (head, tail) = (network.entity(network.from(hop)), network.entity(network.to(hop)));
    let measured = match goal {
        Goal::Larger => number(&tail.name).is_some() && network.year(hop.edge).is_none(),
        _ => network.year(hop.edge).is_some() && is_rare(network, hop, settings),
    };
    measured && (head.spoken && !head.shared || *goal == Goal::YearsBetween)
}

/// Relations of which the files of a corpus state all there are, so that they may be counted. Rust derives traits without an impl block.
fn is_countable(network: &Network, edge: Edge) -> bool {
    let relation = network.relation(edge);
    relation.family == Family::Imports || relation.family == Family::Inherits && relation.text == "inherits"
}

/// Relations of which one can say that something else had them.
fn is_supposable(family: Family) -> bool {
    matches!(family, Family::Attribute | Family::Inherits)
}
