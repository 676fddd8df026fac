//! Starts of paths told without their name (the paper's triple obfuscation): by a year's last digit and period, by type and place, or by other
//! facts. A description is used only if a query over the graph finds exactly one entity that fits it.

use super::network::{Edge, Hop, Network, Node};
use super::plan::{Period, Start, fitting, in_period};
use super::triplet::Family;
use super::walk::calls_by_itself;
use crate::spec::{GraphSpec, Obfuscation};
use longlab_kernels::stream::Stream;
use std::collections::BTreeSet;

/// A description of an entity that fits nothing else; none where none is found. It uses none of the facts `used` and names none of `apart`.
pub fn described(
    network: &Network,
    node: Node,
    used: &BTreeSet<Edge>,
    apart: &BTreeSet<Node>,
    settings: &GraphSpec,
    stream: &mut Stream,
) -> Option<Start> {
    if network.entity(node).hub {
        return None;
    }
    let hops = network
        .hops(node)
        .filter(|hop| !used.contains(&hop.edge) && network.places(hop.edge).len() <= settings.statements);
    // Each hop turned so that it leads to the entity.
    let mut hops: Vec<Hop> = hops.map(|hop| Hop { forward: !hop.forward, ..hop }).collect();
    stream.shuffle(&mut hops);
    let mut ways = settings.obfuscations.clone();
    stream.shuffle(&mut ways);
    ways.into_iter().find_map(|way| match way {
        Obfuscation::Temporal => temporal(network, node, &hops),
        Obfuscation::Institutional => institutional(network, node, &hops, apart),
        Obfuscation::Descriptive => descriptive(network, node, &hops, apart, settings.described_by),
    })
}

/// By a year of its own, of which last digit and period are told.
fn temporal(network: &Network, node: Node, hops: &[Hop]) -> Option<Start> {
    let dated = hops.iter().filter(|hop| !hop.forward).filter_map(|hop| Some((hop.edge, network.year(hop.edge)?)));
    let starts = dated.map(|(edge, year)| (edge, Period::of(year)));
    let mut unique = starts.filter(|(edge, period)| in_period(network, *edge, *period).len() == 1);
    unique.next().map(|(edge, period)| Start::Temporal(node, edge, period))
}

/// By its type and its place.
fn institutional(network: &Network, node: Node, hops: &[Hop], apart: &BTreeSet<Node>) -> Option<Start> {
    let one = |wanted: fn(&str) -> bool| {
        let fits = |hop: &&Hop| !hop.forward && wanted(&network.relation(hop.edge).text.to_lowercase());
        hops.iter().filter(fits).copied().find(|hop| is_told(network, *hop, apart))
    };
    let pair = [one(is_kind)?, one(is_place)?];
    let words = network.entity(network.from(pair[0])).name.split(' ').count();
    (words <= 4 && fitting(network, &pair).len() == 1).then_some(Start::Institutional(node, pair))
}

/// By one other fact that fits it alone, or by two that together do.
fn descriptive(network: &Network, node: Node, hops: &[Hop], apart: &BTreeSet<Node>, most: usize) -> Option<Start> {
    let told: Vec<Hop> = hops.iter().copied().filter(|hop| is_told(network, *hop, apart)).take(most).collect();
    if let Some(hop) = told.iter().find(|hop| network.is_only(**hop)) {
        return Some(Start::Described(node, vec![*hop]));
    }
    let small: Vec<Hop> = told.into_iter().filter(|hop| !network.entity(network.from(*hop)).hub).collect();
    let pairs = (0..small.len()).flat_map(|a| (0..a).map(move |b| (b, a)));
    let mut pairs = pairs.map(|(a, b)| vec![small[a], small[b]]);
    pairs.find(|pair| fitting(network, pair).len() == 1).map(|pair| Start::Described(node, pair))
}

/// Whether the other end of a fact can be said in a description: by its name, which no other entity has.
fn is_told(network: &Network, hop: Hop, apart: &BTreeSet<Node>) -> bool {
    let (other, family) = (network.from(hop), network.relation(hop.edge).family);
    let entity = network.entity(other);
    let said = entity.spoken && !entity.shared && !apart.contains(&other);
    let clear = family != Family::Calls || calls_by_itself(network, hop.edge);
    said && clear && family != Family::Cause && (entity.section || family != Family::Section)
}

/// Columns and properties that say what kind of thing something is.
fn is_kind(relation: &str) -> bool {
    matches!(relation, "kind" | "type" | "category" | "class" | "genre" | "instance of" | "species" | "occupation")
}

/// Columns and properties that say where something is.
fn is_place(relation: &str) -> bool {
    const PLACES: [&str; 10] =
        ["city", "country", "location", "place", "state", "region", "headquarters", "province", "county", "continent"];
    PLACES.contains(&relation)
}
