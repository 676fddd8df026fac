//! The graph as it is gathered, document by document.

use super::cluster::{self, Files, Union};
use super::evaluate::year;
use super::name::{Name, is_spoken, is_value};
use super::network::{Entity, Fact, Network, RelationInfo, Statement, Statistics, number_of, print};
use super::scope;
use super::triplet::{Extraction, Family, Relation};
use crate::Work;
use crate::spec::GraphSpec;
use longlab_documents::{Hash, Span};
use petgraph::graph::Graph;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// A statement before facts are made of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Raw {
    head: u32,
    relation: u32,
    tail: u32,
    document: u32,
    start: u32,
    end: u32,
    by_model: bool,
}

/// Texts that go by a number, in the order in which they came.
#[derive(Default)]
struct Numbered {
    texts: Vec<Arc<str>>,
    ids: HashMap<Arc<str>, u32>,
}

impl Numbered {
    /// The number of a text, and whether it is new.
    fn id(&mut self, text: &str) -> (u32, bool) {
        if let Some(&id) = self.ids.get(text) {
            return (id, false);
        }
        let (id, text): (u32, Arc<str>) = (self.texts.len() as u32, text.into());
        self.texts.push(text.clone());
        self.ids.insert(text, id);
        (id, true)
    }
}

#[derive(Default)]
struct Named {
    text: Box<str>,
    noun: u32,
    /// Whether some spelling is one word in small letters: then it may be a plain word that means different things in different places.
    common: bool,
}

pub(super) struct Related {
    pub(super) family: Family,
    pub(super) text: String,
}

/// Gathers what documents state. Documents must come in their order; the same order gives the same graph.
pub(super) struct Builder {
    entities: Numbered,
    named: Vec<Named>,
    nouns: Numbered,
    relations: Numbered,
    related: Vec<Related>,
    raw: Vec<Raw>,
    aliases: BTreeMap<u32, Vec<Box<str>>>,
    short_forms: Vec<(u32, u32)>,
    subjects: Vec<(u32, u32)>,
    seen: HashSet<String>,
    prints: BTreeMap<u32, [u8; 8]>,
    work: BTreeMap<u32, Vec<(Span, Work)>>,
    most_aliases: usize,
    statistics: Statistics,
}

impl Builder {
    /// A graph without facts.
    pub(super) fn new(settings: &GraphSpec) -> Builder {
        let mut nouns = Numbered::default();
        nouns.id("");
        Builder {
            entities: Numbered::default(),
            named: Vec::new(),
            nouns,
            relations: Numbered::default(),
            related: Vec::new(),
            raw: Vec::new(),
            aliases: BTreeMap::new(),
            short_forms: Vec::new(),
            subjects: Vec::new(),
            seen: HashSet::new(),
            prints: BTreeMap::new(),
            work: BTreeMap::new(),
            most_aliases: settings.clusters.aliases,
            statistics: Statistics::default(),
        }
    }

    /// Adds what document number `document` states, all of it or nothing.
    pub(super) fn add(&mut self, document: u32, hash: &Hash, bytes: usize, found: Extraction, settings: &GraphSpec) {
        self.statistics.documents += 1;
        if !self.seen.insert(hash.0.clone()) {
            self.statistics.copies += 1;
            return;
        }
        match self.unfit(found.triplets.len(), bytes, settings) {
            Some(reason) => self.statistics.leave_out(document, reason),
            None => self.take(document, hash, found),
        }
    }

    /// Why a document with so many facts and bytes cannot be in the graph.
    fn unfit(&self, facts: usize, bytes: usize, settings: &GraphSpec) -> Option<&'static str> {
        let room = settings.most_facts.saturating_sub(self.raw.len());
        if bytes > u32::MAX as usize {
            Some("longer than 4 GiB")
        } else if facts > settings.facts_per_document {
            Some("more facts than facts_per_document")
        } else if facts > room {
            Some("the graph holds as many statements as most_facts allows")
        } else {
            None
        }
    }

    fn take(&mut self, document: u32, hash: &Hash, found: Extraction) {
        self.prints.insert(document, print(hash));
        self.statistics.calls += found.work.len();
        if !found.work.is_empty() {
            self.work.insert(document, found.work);
        }
        for (reason, count) in found.refused {
            *self.statistics.refused.entry(reason.into()).or_default() += count;
        }
        for triplet in found.triplets {
            let (head, tail) = (self.entity(&triplet.head), self.entity(&triplet.tail));
            let relation = self.relation(&triplet.relation);
            let (start, end) = (triplet.span.start as u32, triplet.span.end as u32);
            self.raw.push(Raw { head, relation, tail, document, start, end, by_model: triplet.by_model });
        }
        if let Some((page, thing)) = &found.subject {
            let pair = (self.entity(page), self.entity(thing));
            self.subjects.push(pair);
        }
        for (long, short) in found.short_forms {
            let pair = (self.entity(&long), self.entity(&short));
            self.short_forms.push(pair);
        }
    }

    /// Counts a document that could not be read.
    pub(super) fn skip(&mut self, document: u32) {
        self.statistics.documents += 1;
        self.statistics.leave_out(document, "cannot be read");
    }

    fn entity(&mut self, name: &Name) -> u32 {
        let (id, new) = self.entities.id(&name.key);
        let noun = self.nouns.id(&name.noun).0;
        let common = is_common(&name.text);
        if new {
            self.named.push(Named { text: name.text.as_str().into(), noun, common });
            return id;
        }
        let known = &mut self.named[id as usize];
        known.common |= common;
        if known.noun == 0 {
            known.noun = noun;
        }
        if known.text.is_empty() {
            known.text = name.text.as_str().into();
        }
        if *known.text != *name.text && !name.text.is_empty() {
            let aliases = self.aliases.entry(id).or_default();
            if aliases.len() < self.most_aliases && !aliases.iter().any(|alias| **alias == *name.text) {
                aliases.push(name.text.as_str().into());
            }
        }
        id
    }

    fn relation(&mut self, relation: &Relation) -> u32 {
        let (id, new) = self.relations.id(&relation.key);
        if new {
            self.related.push(Related { family: relation.family, text: relation.text.clone() });
        } else if relation.family == Family::Event {
            // A verb reads better than a column of the same name.
            self.related[id as usize] = Related { family: relation.family, text: relation.text.clone() };
        }
        id
    }

    /// The graph of all that was added.
    pub(super) fn finish(mut self, settings: &GraphSpec) -> Network {
        let mut entities = self.joined_entities(settings);
        let mut relations = self.joined_relations(settings);
        for raw in &mut self.raw {
            (raw.head, raw.tail) = (entities.root(raw.head), entities.root(raw.tail));
            raw.relation = relations.root(raw.relation);
        }
        let before = self.raw.len();
        // A function that calls itself is one of those who call it, so that another one is not the only one.
        let related = &self.related;
        self.raw.retain(|raw| raw.head != raw.tail || related[raw.relation as usize].family == Family::Calls);
        self.statistics.self_loops = before - self.raw.len();
        self.raw.sort_unstable();
        self.raw.dedup();
        let places = self.places(&mut entities);
        let joined_keys = self.joined_keys(&mut entities, &places);
        let relation_keys = self.relation_keys(&mut relations);
        let network = self.network(&places, joined_keys, relation_keys);
        network.indexed(settings.hub)
    }

    fn joined_entities(&mut self, settings: &GraphSpec) -> Union {
        let mut union = Union::new(self.entities.texts.len());
        let keys = self.entities.texts.iter().enumerate().map(|(id, key)| (id as u32, &**key));
        let known = Files::of(keys.clone());
        let files = cluster::imported_files(keys.clone(), &known);
        let imports: Vec<(u32, u32)> = self
            .raw
            .iter()
            .filter(|raw| self.related[raw.relation as usize].family == Family::Imports)
            .map(|raw| (raw.head, raw.tail))
            .collect();
        let symbols = scope::resolved(keys.clone(), &imports, |dotted| known.file(dotted), settings.clusters.telling);
        let short = cluster::short_forms(&self.short_forms);
        let prose = keys.filter(|(_, key)| key.contains(' ') && !key.contains(':') && !key.starts_with('='));
        let alike = cluster::alike(prose, 2, &settings.clusters);
        let alike = apart(alike, self.raw.iter().map(|raw| (raw.head, raw.document)));
        // A thing that two pages are about belongs to neither.
        let subjects: Vec<(u32, u32)> = cluster::short_forms(&self.subjects);
        let joined = |union: &mut Union, pairs: &[(u32, u32)]| {
            pairs.iter().filter(|(kept, other)| union.join(*kept, *other)).count()
        };
        self.statistics.joined.insert("import and file".into(), joined(&mut union, &files));
        self.statistics.joined.insert("use and definition".into(), joined(&mut union, &symbols));
        self.statistics.joined.insert("page and what it is about".into(), joined(&mut union, &subjects));
        self.statistics.joined.insert("name and short form".into(), joined(&mut union, &short));
        self.statistics.joined.insert("spelled alike".into(), joined(&mut union, &alike));
        union
    }

    fn joined_relations(&mut self, settings: &GraphSpec) -> Union {
        let mut union = Union::new(self.relations.texts.len());
        let keys = self.relations.texts.iter().enumerate().map(|(id, key)| (id as u32, &**key));
        let alike = cluster::alike(keys.filter(|(_, key)| !key.contains(':')), 1, &settings.clusters);
        let alike = apart(alike, self.raw.iter().map(|raw| (raw.relation, raw.document)));
        let joined = alike.iter().filter(|(kept, other)| union.join(*kept, *other)).count();
        self.statistics.joined.insert("relations spelled alike".into(), joined);
        union
    }

    /// New numbers for the entities that facts are about; spellings of joined ones become aliases.
    fn places(&mut self, union: &mut Union) -> BTreeMap<u32, u32> {
        for id in 0..self.named.len() as u32 {
            let root = union.root(id);
            if root != id {
                let mut spellings = self.aliases.remove(&id).unwrap_or_default();
                spellings.insert(0, self.named[id as usize].text.clone());
                let known = self.aliases.entry(root).or_default();
                let new = spellings.into_iter().filter(|text| !text.is_empty());
                known.extend(new);
                known.truncate(self.most_aliases);
            }
        }
        let used: BTreeSet<u32> = self.raw.iter().flat_map(|raw| [raw.head, raw.tail]).collect();
        used.into_iter().zip(0..).collect()
    }

    /// The keys of what was joined with the entities that facts are about.
    fn joined_keys(&self, union: &mut Union, places: &BTreeMap<u32, u32>) -> BTreeMap<u32, Vec<u64>> {
        let mut keys: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
        for (id, key) in (0..).zip(&self.entities.texts) {
            let root = union.root(id);
            if let Some(place) = places.get(&root).filter(|_| root != id) {
                keys.entry(*place).or_default().push(number_of(key));
            }
        }
        keys
    }

    /// The keys of each relation and of what was joined with it.
    fn relation_keys(&self, union: &mut Union) -> Vec<Vec<u64>> {
        let mut keys: Vec<Vec<u64>> = vec![vec![]; self.relations.texts.len()];
        for (id, key) in (0..).zip(&self.relations.texts) {
            keys[union.root(id) as usize].push(number_of(key));
        }
        keys
    }

    fn network(
        mut self,
        places: &BTreeMap<u32, u32>,
        joined_keys: BTreeMap<u32, Vec<u64>>,
        relation_keys: Vec<Vec<u64>>,
    ) -> Network {
        let mut graph = Graph::with_capacity(places.len(), self.raw.len());
        for &id in places.keys() {
            let named = std::mem::take(&mut self.named[id as usize]);
            graph.add_node(Entity::of(&self.entities.texts[id as usize], named));
        }
        let mut statements = Vec::with_capacity(self.raw.len());
        for same in self.raw.chunk_by(|a, b| (a.head, a.relation, a.tail) == (b.head, b.relation, b.tail)) {
            let Raw { head, relation, tail, .. } = same[0];
            let (first, count) = (statements.len() as u32, same.len() as u32);
            let fact = Fact { relation, first, count, only_tail: false, only_head: false };
            graph.add_edge(places[&head].into(), places[&tail].into(), fact);
            statements.extend(same.iter().map(|&Raw { document, start, end, by_model, .. }| Statement {
                document,
                start,
                end,
                by_model,
            }));
        }
        Network {
            graph,
            relations: self.related.into_iter().map(RelationInfo::from_parts).collect(),
            nouns: self.nouns.texts.iter().map(|noun| (**noun).into()).collect(),
            statements,
            aliases: self.aliases.into_iter().filter_map(|(id, texts)| Some((*places.get(&id)?, texts))).collect(),
            by_tail: Vec::new(),
            by_relation: BTreeMap::new(),
            by_year: BTreeMap::new(),
            by_document: Vec::new(),
            prints: self.prints,
            work: self.work,
            keys: places.keys().map(|id| number_of(&self.entities.texts[*id as usize])).collect(),
            joined_keys,
            relation_keys,
            statistics: self.statistics,
        }
    }
}

impl Entity {
    fn of(key: &str, named: Named) -> Entity {
        let kind = key.split_once(':').map_or("", |(kind, _)| kind);
        let section = kind == "section";
        Entity {
            spoken: kind != "row" && is_spoken(&named.text),
            value: !section && is_value(&named.text),
            section,
            row: kind == "row",
            code: matches!(kind, "code" | "from" | "import" | "file" | "bare" | "name" | "member"),
            open: matches!(kind, "bare" | "name" | "member"),
            common: named.common,
            shared: false,
            hub: false,
            noun: named.noun,
            name: named.text,
        }
    }
}

impl RelationInfo {
    /// A relation by its family and name.
    pub(super) fn from_parts(related: Related) -> RelationInfo {
        let lower = related.text.to_lowercase();
        let mut words = lower.split(|c: char| !c.is_alphanumeric());
        let dated = related.family == Family::Event || words.any(names_a_date);
        RelationInfo { family: related.family, text: related.text, dated, heads: 0, tails: 0 }
    }
}

/// Whether a name is one word in small letters.
fn is_common(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_lowercase() || c == '-')
}

/// Words of a column or property whose entries are dates.
fn names_a_date(word: &str) -> bool {
    const DATED: [&str; 24] = [
        "year",
        "date",
        "founded",
        "established",
        "born",
        "died",
        "birth",
        "death",
        "released",
        "release",
        "published",
        "built",
        "opened",
        "completed",
        "since",
        "introduced",
        "discovered",
        "created",
        "started",
        "ended",
        "began",
        "launched",
        "deprecated",
        "invented",
    ];
    DATED.contains(&word)
}

/// Pairs whose two names no document uses side by side: what one document tells apart is not one thing.
fn apart(pairs: Vec<(u32, u32)>, uses: impl Iterator<Item = (u32, u32)>) -> Vec<(u32, u32)> {
    let mut documents: BTreeMap<u32, BTreeSet<u32>> =
        pairs.iter().flat_map(|pair| [pair.0, pair.1]).map(|id| (id, BTreeSet::new())).collect();
    for (id, document) in uses {
        if let Some(known) = documents.get_mut(&id) {
            known.insert(document);
        }
    }
    pairs.into_iter().filter(|(a, b)| documents[a].is_disjoint(&documents[b])).collect()
}

/// The year of a fact whose relation is dated.
pub(super) fn dated_year(relation: &RelationInfo, tail: &Entity) -> Option<u32> {
    if relation.dated && tail.value { year(&tail.name) } else { None }
}
