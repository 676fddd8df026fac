//! Paths to a target: by random walk, and by a search in breadth in a subgraph around it. Both go backwards from the target and take only
//! facts that lead to one entity in the direction in which the question will go.

use super::network::{Edge, Entity, Hop, Network, Node};
use super::triplet::Family;
use crate::spec::GraphSpec;
use longlab_kernels::stream::Stream;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Which hops a path may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// All.
    Any,
    /// Along causes to what depends on them.
    Downstream,
    /// From what depends to what it depends on.
    Upstream,
}

impl Allowed {
    /// Whether a hop along a relation of this family, in this direction, is allowed.
    pub fn takes(self, family: Family, forward: bool) -> bool {
        let down = if family == Family::Cause { forward } else { !forward };
        match self {
            // What led to what is told in phrases; they join with nothing but other causes.
            Allowed::Any => family != Family::Cause && !(family == Family::Section && forward),
            Allowed::Downstream => family.is_causal() && down,
            Allowed::Upstream => family.is_causal() && !down,
        }
    }
}

/// Whether those who use an entity can be told from those who use another. Who calls `__init__` of one class is not told from who calls that of
/// another, and whoever imports a module of a package imports the package.
pub(super) fn is_told_from_users(family: Family, used: &Entity) -> bool {
    match family {
        Family::Calls => used.spoken,
        Family::Imports => !used.name.ends_with("__init__.py") && !used.shared,
        _ => true,
    }
}

/// Whether it is clear who calls: a function. What a class or a file calls by itself is not told from what its functions call.
pub(super) fn calls_by_itself(network: &Network, edge: Edge) -> bool {
    let caller = network.ends(edge).0;
    !matches!(network.noun(caller), "class" | "struct" | "module" | "file")
}

/// Draws paths.
pub struct Walker<'a> {
    /// The graph.
    pub network: &'a Network,
    /// The keys.
    pub settings: &'a GraphSpec,
    /// Which hops may be taken.
    pub allowed: Allowed,
}

impl Walker<'_> {
    /// Whether a hop may stand in a question: it leads to one entity, is stated in few enough places, and is allowed.
    pub fn takes(&self, hop: Hop) -> bool {
        let (network, fact) = (self.network, self.network.fact(hop.edge));
        let stated = fact.count as usize <= self.settings.statements;
        let family = network.relation(hop.edge).family;
        let told = hop.forward || is_told_from_users(family, network.entity(network.from(hop)));
        let by_function = family != Family::Calls || calls_by_itself(network, hop.edge);
        stated && told && by_function && network.is_only(hop) && self.allowed.takes(family, hop.forward)
    }

    /// Whether a path may go through an entity.
    pub fn passes(&self, node: Node) -> bool {
        let entity = self.network.entity(node);
        let named = entity.code || entity.spoken && !entity.common;
        named && !entity.hub && !entity.value && !entity.section && !entity.shared
    }

    /// The hops that lead to an entity and may be taken; at most `fan`, drawn where there are more.
    fn into(&self, node: Node, stream: &mut Stream) -> Vec<Hop> {
        if self.network.entity(node).hub {
            return Vec::new();
        }
        let hops = self.network.hops(node).map(|hop| Hop { forward: !hop.forward, ..hop });
        let hops: Vec<Hop> = hops.filter(|hop| self.takes(*hop) && self.passes(self.network.from(*hop))).collect();
        if hops.len() <= self.settings.fan {
            return hops;
        }
        let chosen = stream.choose_distinct(hops.len(), self.settings.fan);
        chosen.into_iter().map(|at| hops[at]).collect()
    }

    /// A path of at most `length` hops that ends at `end`, before the hops `after`, which begin there. It touches none of `apart`.
    /// May be shorter, and empty.
    pub fn path(
        &self,
        end: Node,
        after: &[Hop],
        length: usize,
        apart: &BTreeSet<Node>,
        stream: &mut Stream,
    ) -> Vec<Hop> {
        if !stream.chance(self.settings.walk) {
            return self.shortest(end, after, length, apart, stream);
        }
        // A walk may end early where no fact leads on; the longest of a few is taken.
        let mut longest = Vec::new();
        for _ in 0..self.settings.walks {
            let path = self.random(end, after, length, apart, stream);
            if path.len() > longest.len() {
                longest = path;
            }
        }
        longest
    }

    /// Backwards from the end, each hop drawn, from documents that are not on the path yet where there are such.
    fn random(&self, end: Node, after: &[Hop], length: usize, apart: &BTreeSet<Node>, stream: &mut Stream) -> Vec<Hop> {
        let mut path: VecDeque<Hop> = VecDeque::new();
        let mut nodes = self.nodes(end, after);
        let mut documents: BTreeSet<u32> = after.iter().map(|hop| self.document(hop.edge)).collect();
        let mut front = end;
        while path.len() < length {
            let mut hops = self.into(front, stream);
            hops.retain(|hop| {
                !apart.contains(&self.network.from(*hop)) && self.is_new(self.network.from(*hop), front, &nodes)
            });
            let fresh: Vec<Hop> =
                hops.iter().copied().filter(|hop| !documents.contains(&self.document(hop.edge))).collect();
            let choice = if fresh.is_empty() { &hops } else { &fresh };
            if choice.is_empty() {
                break;
            }
            let hop = *stream.pick(choice);
            front = self.network.from(hop);
            nodes.push(front);
            documents.insert(self.document(hop.edge));
            path.push_front(hop);
        }
        path.into()
    }

    /// The shortest path to one of the farthest entities, at most `length` hops away, of a subgraph around the end.
    fn shortest(
        &self,
        end: Node,
        after: &[Hop],
        length: usize,
        apart: &BTreeSet<Node>,
        stream: &mut Stream,
    ) -> Vec<Hop> {
        let fixed = self.nodes(end, after);
        let mut next: BTreeMap<Node, Hop> = BTreeMap::new();
        let mut open = VecDeque::from([(end, 0)]);
        let mut deepest: (usize, Vec<Node>) = (0, Vec::new());
        while let Some((node, depth)) = open.pop_front() {
            if depth == length || next.len() >= self.settings.subgraph {
                continue;
            }
            for hop in self.into(node, stream) {
                let from = self.network.from(hop);
                let known = next.contains_key(&from) || fixed.contains(&from) || apart.contains(&from);
                if known || !self.is_new(from, node, &fixed) {
                    continue;
                }
                next.insert(from, hop);
                open.push_back((from, depth + 1));
                if depth + 1 > deepest.0 {
                    deepest = (depth + 1, Vec::new());
                }
                deepest.1.push(from);
            }
        }
        if deepest.1.is_empty() { Vec::new() } else { self.back(*stream.pick(&deepest.1), &next) }
    }

    /// The hops from an entity to the end of a search.
    fn back(&self, mut node: Node, next: &BTreeMap<Node, Hop>) -> Vec<Hop> {
        let mut path = Vec::new();
        while let Some(hop) = next.get(&node) {
            path.push(*hop);
            node = self.network.to(*hop);
        }
        path
    }

    /// Entities of the path so far: the end and what lies after it.
    fn nodes(&self, end: Node, after: &[Hop]) -> Vec<Node> {
        [end].into_iter().chain(after.iter().map(|hop| self.network.to(*hop))).collect()
    }

    /// Whether an entity is not on the path yet and no fact joins it to any of it but its neighbour.
    fn is_new(&self, node: Node, neighbour: Node, nodes: &[Node]) -> bool {
        !nodes.contains(&node) && nodes.iter().all(|other| *other == neighbour || !self.network.adjacent(node, *other))
    }

    /// The first document that states a fact.
    fn document(&self, edge: Edge) -> u32 {
        self.network.places(edge)[0].document
    }
}

/// Whether a path is free of short cuts: no fact joins two of its entities that are not neighbours on it; and, where `distant` is asked for,
/// no chain of facts of any kind leads from its start to its end in fewer hops. A search that grows too large counts as a short cut.
pub fn is_free_of_short_cuts(network: &Network, nodes: &[Node], settings: &GraphSpec) -> bool {
    let chord = |at: usize| {
        let earlier = &nodes[..at.saturating_sub(1)];
        earlier.iter().any(|node| *node == nodes[at] || network.adjacent(*node, nodes[at]))
    };
    let free = !(0..nodes.len()).any(chord);
    free && (!settings.distant || distance_is(network, nodes, settings.subgraph * 10))
}

/// Whether the last entity is as many facts away from the first as the path is long.
fn distance_is(network: &Network, nodes: &[Node], most: usize) -> bool {
    let [first, .., last] = nodes else { return true };
    let mut seen = BTreeSet::from([*first]);
    let mut open = VecDeque::from([(*first, 0)]);
    while let Some((node, at)) = open.pop_front() {
        if node == *last {
            return at == nodes.len() - 1;
        }
        if seen.len() > most {
            return false;
        }
        let goes_on = at + 1 < nodes.len() && !network.entity(node).hub && !network.entity(node).value;
        for hop in network.hops(node).filter(|_| goes_on) {
            if seen.insert(network.to(hop)) {
                open.push_back((network.to(hop), at + 1));
            }
        }
    }
    false
}
