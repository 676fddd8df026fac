//! How the facts of a graph are found again, and what is counted and marked once all are there.

use super::builder::dated_year;
use super::name::parts;
use super::network::{Edge, Entity, Fact, Network, Node};
use petgraph::Directed;
use petgraph::graph::Graph;
use rayon::prelude::*;
use std::collections::{BTreeMap, HashMap};

impl Network {
    /// The graph with its indexes and counts; its facts lie in the order of head, relation, tail.
    pub(super) fn indexed(mut self, hub: usize) -> Network {
        self.index_tails();
        self.index_relations();
        self.index_documents();
        self.mark_entities(hub);
        self.count();
        self
    }

    fn index_tails(&mut self) {
        let key = |graph: &Graph<Entity, Fact, Directed, u32>, edge: u32| {
            let (head, tail) = graph.edge_endpoints(edge.into()).expect("facts are numbered from 0");
            (tail, graph[Edge::from(edge)].relation, head)
        };
        self.by_tail = (0..self.graph.edge_count() as u32).collect();
        let graph = &self.graph;
        self.by_tail.par_sort_unstable_by_key(|&edge| key(graph, edge));
        let by_head: Vec<u32> = (0..self.graph.edge_count() as u32).collect();
        for edge in alone(&by_head, |edge| (self.ends(edge).0, self.graph[edge].relation)) {
            self.graph[edge].only_tail = true;
        }
        for edge in alone(&self.by_tail, |edge| (self.ends(edge).1, self.graph[edge].relation)) {
            self.graph[edge].only_head = true;
        }
    }

    fn index_relations(&mut self) {
        let mut last_tail: HashMap<u32, Node> = HashMap::new();
        for &edge in &self.by_tail {
            let fact = self.graph[Edge::from(edge)];
            let (_, tail) = self.ends(edge.into());
            if last_tail.insert(fact.relation, tail) != Some(tail) {
                self.relations[fact.relation as usize].tails += 1;
            }
        }
        let mut last_head: HashMap<u32, Node> = HashMap::new();
        for edge in (0..self.graph.edge_count() as u32).map(Edge::from) {
            let relation = self.graph[edge].relation;
            let (head, tail) = self.ends(edge);
            if last_head.insert(relation, head) != Some(head) {
                self.relations[relation as usize].heads += 1;
            }
            self.by_relation.entry(relation).or_default().push(edge.index() as u32);
            if let Some(year) = dated_year(&self.relations[relation as usize], &self.graph[tail]) {
                self.by_year.entry(relation).or_default().push((year, edge));
            }
        }
        self.by_year.values_mut().for_each(|facts| facts.sort_unstable());
    }

    fn index_documents(&mut self) {
        let mut stated: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for edge in (0..self.graph.edge_count() as u32).map(Edge::from) {
            for statement in self.places(edge) {
                let facts = stated.entry(statement.document).or_default();
                if facts.last() != Some(&(edge.index() as u32)) {
                    facts.push(edge.index() as u32);
                }
            }
        }
        self.by_document = stated.into_iter().collect();
    }

    fn mark_entities(&mut self, hub: usize) {
        let mut degrees = vec![0u32; self.graph.node_count()];
        for edge in self.graph.raw_edges() {
            degrees[edge.source().index()] += 1;
            degrees[edge.target().index()] += 1;
        }
        let mut first: HashMap<String, Node> = HashMap::new();
        for node in self.graph.node_indices() {
            self.graph[node].hub = degrees[node.index()] as usize > hub;
            let entity = &self.graph[node];
            if entity.section || !entity.spoken {
                continue;
            }
            if let Some(other) = first.insert(entity.told_apart_by(self.noun(node)), node) {
                self.graph[node].shared = true;
                self.graph[other].shared = true;
            }
        }
        self.mark_last_parts(&first);
    }

    /// A module `hmac` is not told apart from `primitives/hmac.py` by its name: both are imported as `hmac`. Nor is `urllib` from what is meant by an
    /// import of `urllib.parse`, which imports both.
    fn mark_last_parts(&mut self, first: &HashMap<String, Node>) {
        for node in self.graph.node_indices() {
            let entity = &self.graph[node];
            let parts = if entity.code { parts(&entity.name) } else { Vec::new() };
            let last = parts.last().filter(|_| parts.len() > 1).map(|last| last.to_string());
            let outer = (1..parts.len()).map(|length| parts[..length].join("."));
            // A file stands in packages that its path names.
            let folders = if entity.name.contains('/') { parts.len() } else { 0 };
            let inner = (1..folders).flat_map(|start| (start + 1..folders).map(move |end| (start, end)));
            let inner = inner.map(|(start, end)| parts[start..end].join("."));
            let names: Vec<String> = outer.chain(last).chain(inner).collect();
            for other in names.iter().filter_map(|name| first.get(&format!("`{name}"))) {
                self.graph[*other].shared = true;
            }
        }
    }

    fn count(&mut self) {
        let statistics = &mut self.statistics;
        statistics.entities = self.graph.node_count();
        statistics.facts = self.graph.edge_count();
        statistics.statements = self.statements.len();
        statistics.hubs = self.graph.node_weights().filter(|entity| entity.hub).count();
        for fact in self.graph.edge_weights() {
            statistics.ambiguous_tails += usize::from(!fact.only_tail);
            statistics.ambiguous_heads += usize::from(!fact.only_head);
            let family = self.relations[fact.relation as usize].family.name();
            *statistics.families.entry(family.into()).or_default() += 1;
        }
    }
}

/// Facts whose key neither of their neighbours in an order has.
fn alone<K: PartialEq>(order: &[u32], key: impl Fn(Edge) -> K) -> Vec<Edge> {
    let keys: Vec<K> = order.iter().map(|&edge| key(edge.into())).collect();
    let differs = |a: usize, b: usize| keys.get(a) != keys.get(b);
    let alone = (0..order.len()).filter(|&at| (at == 0 || differs(at - 1, at)) && differs(at, at + 1));
    alone.map(|at| order[at].into()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::network::Hop;
    use crate::graph::testing::{Page, find, loose, network, world};
    use std::collections::BTreeSet;

    #[test]
    fn who_calls_itself_is_one_of_those_who_call_it() {
        let callers = |again: &str| {
            let file = "pkg/shapes.py";
            let page = Page::code(file)
                .note(file, "defines", "area_of_shape", "def area_of_shape(shape):\n")
                .note("area_of_shape", "calls", again, &format!("    return {again}(shape.parts)\n"))
                .note(file, "defines", "total_of_all", "def total_of_all(shapes):\n")
                .note("total_of_all", "calls", "area_of_shape", "    return area_of_shape(shapes)\n");
            let network = network(&[page.document()], &loose());
            let (caller, called) = (find(&network, "total_of_all"), find(&network, "area_of_shape"));
            let hop = network.hops(caller).find(|hop| hop.forward && network.to(*hop) == called).unwrap();
            (network.is_only(Hop { forward: false, ..hop }), network.answers(hop).len())
        };
        assert_eq!(callers("sum_of_parts"), (true, 1));
        assert_eq!(callers("area_of_shape"), (false, 1));
    }

    #[test]
    fn a_name_that_two_things_share_is_not_said() {
        let mut corpus = Vec::new();
        for file in ["one/a.py", "two/b.py"] {
            let page = Page::code(file).note(file, "defines", "Parser", "class Parser\n");
            let feed = format!("feed_{}", &file[..3]);
            corpus.push(page.note("Parser", "defines", &feed, &format!("def {feed}\n")).document());
        }
        let network = network(&corpus, &loose());
        assert!(network.entity(find(&network, "Parser")).shared);
        assert!(!network.entity(find(&network, "feed_one")).shared);
    }

    #[test]
    fn a_module_is_not_told_from_a_file_of_its_name() {
        let page =
            |file: &str, line: &str, module: &str| Page::code(file).note(file, "imports", module, line).document();
        let corpus = vec![
            page("pkg/a.py", "import hmac\n", "hmac"),
            page("pkg/b.py", "import zlib\n", "zlib"),
            page("pkg/d.py", "import urllib\n", "urllib"),
            page("pkg/e.py", "import urllib.parse\n", "urllib.parse"),
            page("pkg/c.py", "from pkg.tools import hmac\n", "hmac"),
            Page::code("pkg/tools/hmac.py").note("pkg/tools/hmac.py", "defines", "Digest", "class Digest\n").document(),
        ];
        let network = network(&corpus, &loose());
        for (name, shared) in [("hmac", true), ("zlib", false), ("urllib", true), ("urllib.parse", false)] {
            assert_eq!(network.entity(find(&network, name)).shared, shared, "{name}");
        }
    }

    #[test]
    fn a_package_that_its_files_name_is_shared_and_a_class_calls_nothing_by_itself() {
        let file = "code/lib-1.0/lib/tools/deep.py";
        let corpus = vec![
            Page::code("app/a.py").note("app/a.py", "imports", "lib.tools", "import lib.tools\n").document(),
            Page::code(file)
                .note(file, "defines", "Deep", "class Deep\n")
                .note(file, "defines", "make", "def make\n")
                .note("Deep", "calls", "register", "register(1)\n")
                .note("make", "calls", "Deep", "Deep()\n")
                .document(),
        ];
        let network = network(&corpus, &loose());
        assert!(network.entity(find(&network, "lib.tools")).shared);
        let walker = crate::graph::walk::Walker {
            network: &network,
            settings: &loose(),
            allowed: crate::graph::walk::Allowed::Any,
        };
        let calls =
            |name: &str| network.hops(find(&network, name)).find(|hop| network.relation(hop.edge).text == "calls");
        assert!(walker.takes(calls("make").unwrap()) && !walker.takes(calls("register").unwrap()));
    }

    #[test]
    fn facts_of_an_entity_are_found_by_bisection() {
        let corpus = world();
        let network = network(&corpus, &loose());
        for edge in (0..network.statistics.facts).map(Edge::new) {
            let (head, tail) = network.ends(edge);
            let relation = network.fact(edge).relation;
            for (node, as_head) in [(head, true), (tail, false)] {
                let found = network.facts_of(node, relation, as_head);
                let all = (0..network.statistics.facts).map(Edge::new).filter(|other| {
                    let ends = network.ends(*other);
                    network.fact(*other).relation == relation && if as_head { ends.0 == node } else { ends.1 == node }
                });
                assert_eq!(
                    found.iter().collect::<BTreeSet<_>>(),
                    all.collect::<Vec<_>>().iter().collect::<BTreeSet<_>>()
                );
                assert_eq!(network.is_only(Hop { edge, forward: as_head }), found.len() == 1);
            }
        }
    }
}
