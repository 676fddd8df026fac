//! One question over the tables of some documents.

use super::assemble::{Proven, item, necessary};
use super::cluster::{Member, clusters, members};
use super::facts::gather;
use super::family::{FAMILIES, Family, Topic};
use super::window::window;
use super::write::{self, Writer};
use super::{Executed, draw, names, questions};
use crate::corpus::Corpus;
use crate::error::Result;
use crate::funnel::Counts;
use crate::item::{Column, Engine, Item, Level, Passage, Proof, Row, Shape};
use crate::name::words;
use crate::prompt;
use crate::spec::{ContextSpec, TableSpec, WrittenSpec, weighted};
use crate::stages::pool as threads;
use crate::tools::Maker;
use crate::tries::{Trying, by_tries, tried};
use longlab_client::ChatModel;
use longlab_documents::{Document, Hash};
use longlab_kernels::stream::{Address, Purpose, Stream};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

/// Most and fewest bytes of a document with a table that go into a context.
const BYTES: usize = 48 << 10;
const LEAST: usize = 800;

/// Share of a prompt that its tables may fill.
const SHARE: f64 = 0.6;

/// Bytes of a token where figures are many.
const TOKEN: usize = 2;

/// The table engine.
pub struct TableMaker<'a> {
    spec: TableSpec,
    /// Its law of lengths bounds what the tables of an item may fill.
    context: ContextSpec,
    /// Writes questions and queries, where the specification asks for it.
    model: Option<&'a dyn ChatModel>,
    /// Where its answers are kept.
    answers: PathBuf,
}

impl<'a> TableMaker<'a> {
    /// The engine with its settings; answers of the model are kept in a folder.
    pub fn new(
        spec: TableSpec,
        context: ContextSpec,
        model: Option<&'a dyn ChatModel>,
        answers: PathBuf,
    ) -> TableMaker<'a> {
        let model = model.filter(|_| spec.written.is_some());
        TableMaker { spec, context, model, answers }
    }

    /// The items that a model writes.
    fn write(
        &self,
        pool: &Pool,
        (spec, model, wanted): (&WrittenSpec, &dyn ChatModel, usize),
        address: Address,
        put: &mut dyn FnMut(Item) -> Result<()>,
    ) -> Result<Counts> {
        let writer = Writer::open(spec, model, &self.answers)?;
        let threads = threads(spec.parallel)?;
        let most = wanted.saturating_mul(spec.patience);
        let trying = Trying { wanted, most, at_once: spec.parallel, threads: Some(&threads) };
        let mut counts = Counts::default();
        let all = tried(&trying, &mut counts, put, |number| writer.one(pool, address.sample(number)))?;
        if !all {
            counts.remark("the model writes no more than these");
        }
        Ok(counts)
    }
}

impl Maker for TableMaker<'_> {
    fn engine(&self) -> Engine {
        Engine::Table
    }

    fn version(&self) -> String {
        let ContextSpec { length, most, .. } = &self.context;
        // How many questions are worked on at once changes nothing.
        let written = self.spec.written.clone().map(|written| WrittenSpec { parallel: 1, ..written });
        let model = written.as_ref().zip(self.model).map(|(_, model)| (model.name(), write::version()));
        let spec = TableSpec { written, ..self.spec.clone() };
        format!("table 5 {spec:?} {length:?} {most} {model:?} {}", prompt::version())
    }

    fn make(
        &self,
        corpus: &Corpus,
        seed: u64,
        counts: &mut Counts,
        put: &mut dyn FnMut(Item) -> Result<()>,
    ) -> Result<Vec<Hash>> {
        let members = members(corpus, self.spec.fewest_rows, counts)?;
        let pool = Pool::new(corpus, &self.spec, &self.context, members);
        if pool.clusters.is_empty() {
            counts.drop("no alike tables in enough documents");
            return Ok(vec![]);
        }
        let address = Address::new(seed, Purpose::World).rollout(Engine::Table as u32);
        let written =
            self.spec.written.as_ref().zip(self.model).map(|(spec, model)| (spec, model, spec.of(self.spec.items)));
        let others = self.spec.items - written.map_or(0, |(.., own)| own);
        by_tries((others, self.spec.patience), counts, put, |number| pool.one(&mut address.sample(number).stream()))?;
        if let Some(written) = written.filter(|(.., own)| *own > 0) {
            counts.add(&self.write(&pool, written, address.step(1), put)?);
        }
        Ok(vec![])
    }
}

/// Draws for a template that was drawn.
const TRIES: usize = 8;

/// What did not become an item, and why.
pub(super) type Tried<T> = std::result::Result<T, &'static str>;

/// The tables that questions are drawn from.
pub(super) struct Pool<'a> {
    corpus: &'a Corpus,
    spec: &'a TableSpec,
    context: &'a ContextSpec,
    members: Vec<Member>,
    /// Alike members, in enough documents.
    clusters: Vec<Vec<usize>>,
    weights: Vec<f64>,
    /// For each template the clusters that it can be asked of; those that none can be asked of are left out.
    feasible: BTreeMap<&'static str, Vec<usize>>,
}

/// Rows of a few documents.
pub(super) struct Chosen {
    pub columns: Vec<Column>,
    pub documents: Vec<Arc<Document>>,
    pub passages: Vec<Passage>,
    pub rows: Vec<Row>,
}

/// A template with rows that it can be asked of, and what it compares with.
pub(super) struct Drawn {
    pub family: &'static Family,
    pub chosen: Chosen,
    pub parameters: Vec<Value>,
}

impl<'a> Pool<'a> {
    fn new(corpus: &'a Corpus, spec: &'a TableSpec, context: &'a ContextSpec, members: Vec<Member>) -> Pool<'a> {
        let documents = |cluster: &Vec<usize>| {
            cluster.iter().map(|member| members[*member].document).collect::<HashSet<usize>>().len()
        };
        let all = clusters(&members, spec.alike);
        let clusters: Vec<Vec<usize>> =
            all.into_iter().filter(|cluster| documents(cluster) >= spec.documents[0]).collect();
        // Roots, so that one large family of documents does not fill the set.
        let weights = clusters.iter().map(|cluster| (documents(cluster) as f64).sqrt()).collect();
        let mut feasible: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for family in &FAMILIES {
            let able = |cluster: &Vec<usize>| cluster.iter().any(|member| members[*member].can_be_asked(family));
            let able: Vec<usize> = (0..clusters.len()).filter(|at| able(&clusters[*at])).collect();
            if !able.is_empty() {
                feasible.insert(family.name, able);
            }
        }
        Pool { corpus, spec, context, members, clusters, weights, feasible }
    }

    /// Draws a template and keeps to it for a few tries: else those that seldom work would be fewer than the shares say.
    fn one(&self, stream: &mut Stream) -> Result<Tried<Item>> {
        let family = match self.family(stream) {
            Ok(family) => family,
            Err(reason) => return Ok(Err(reason)),
        };
        for _ in 1..TRIES {
            if let Ok(item) = self.by(family, stream)? {
                return Ok(Ok(item));
            }
        }
        self.by(family, stream)
    }

    /// A template and rows for it; it is kept to for a few draws.
    pub(super) fn drawn(&self, stream: &mut Stream) -> Result<Tried<Drawn>> {
        let family = match self.family(stream) {
            Ok(family) => family,
            Err(reason) => return Ok(Err(reason)),
        };
        for _ in 1..TRIES {
            if let Ok(drawn) = self.rows(family, stream)? {
                return Ok(Ok(drawn));
            }
        }
        self.rows(family, stream)
    }

    fn by(&self, family: &'static Family, stream: &mut Stream) -> Result<Tried<Item>> {
        match self.rows(family, stream)? {
            Ok(drawn) => self.item(drawn, stream),
            Err(reason) => Ok(Err(reason)),
        }
    }

    /// Rows for a template, and what it compares with.
    fn rows(&self, family: &'static Family, stream: &mut Stream) -> Result<Tried<Drawn>> {
        let feasible = &self.feasible[family.name];
        let weights: Vec<f64> = feasible.iter().map(|cluster| self.weights[*cluster]).collect();
        let cluster = &self.clusters[feasible[weighted(&weights, stream)]];
        let columns = match self.columns(family, cluster, stream) {
            Ok(columns) => columns,
            Err(reason) => return Ok(Err(reason)),
        };
        let chosen = match self.choose(family, columns, cluster, stream)? {
            Ok(chosen) => chosen,
            Err(reason) => return Ok(Err(reason)),
        };
        Ok(draw::parameters(family, &chosen.rows, stream).map(|parameters| Drawn { family, chosen, parameters }))
    }

    /// A template of the level drawn that some cluster can be asked: first its topic, so that all topics come.
    fn family(&self, stream: &mut Stream) -> Tried<&'static Family> {
        let levels = &self.spec.levels;
        let drawn = weighted(&[levels.easy, levels.medium, levels.hard], stream);
        let level = [Level::Easy, Level::Medium, Level::Hard][drawn];
        let families =
            || FAMILIES.iter().filter(|family| family.level == level && self.feasible.contains_key(family.name));
        let topics: Vec<Topic> =
            families().map(|family| family.topic).collect::<BTreeSet<Topic>>().into_iter().collect();
        if topics.is_empty() {
            return Err("no tables for the level");
        }
        let topic = *stream.pick(&topics);
        let families: Vec<&Family> = families().filter(|family| family.topic == topic).collect();
        Ok(families[stream.below(families.len())])
    }

    /// Columns for the letters of a template, from a table of the cluster.
    fn columns(&self, family: &Family, cluster: &[usize], stream: &mut Stream) -> Tried<Vec<Column>> {
        let able: Vec<&Member> =
            cluster.iter().map(|member| &self.members[*member]).filter(|member| member.can_be_asked(family)).collect();
        if able.is_empty() {
            return Err("no column for the query");
        }
        let member = able[stream.below(able.len())];
        let mut columns: Vec<Column> = vec![];
        for letter in family.columns.chars() {
            let fits = |column: &&Column| member.fits(letter, column) && !columns.contains(column);
            let fit: Vec<&Column> = member.columns.iter().filter(fits).collect();
            if fit.is_empty() {
                return Err("no column for the query");
            }
            columns.push((*stream.pick(&fit)).clone());
        }
        Ok(columns)
    }

    /// Documents whose tables have the columns, and their rows: as many as are drawn, fewer where there are no more.
    fn choose(
        &self,
        family: &Family,
        columns: Vec<Column>,
        cluster: &[usize],
        stream: &mut Stream,
    ) -> Result<Tried<Chosen>> {
        let mut tables: BTreeMap<usize, usize> = BTreeMap::new();
        for member in cluster.iter().map(|member| &self.members[*member]) {
            if columns.iter().all(|column| member.columns.contains(column)) {
                tables.entry(member.document).or_insert(member.table);
            }
        }
        let mut order: Vec<(usize, usize)> = tables.into_iter().collect();
        stream.shuffle(&mut order);
        let [fewest, most] = self.spec.documents;
        let bytes = self.bytes(stream);
        let wanted = stream.range(fewest..=most).min((bytes / LEAST).max(fewest));
        let quota = (self.spec.most_rows / wanted).max(self.spec.fewest_rows);
        let room = ((bytes / wanted).clamp(LEAST, BYTES), quota);
        let mut choosing = Choosing::new(family.keyed());
        for (number, table) in order {
            if choosing.passages.len() == wanted || choosing.rows.len() + self.spec.fewest_rows > self.spec.most_rows {
                break;
            }
            choosing.take(self.corpus, number, (table, room), &columns)?;
        }
        let Choosing { documents, passages, rows, .. } = choosing;
        if passages.len() < self.spec.documents[0] || rows.len() > self.spec.most_rows {
            return Ok(Err("too few documents whose rows go together"));
        }
        Ok(Ok(Chosen { columns, documents, passages, rows }))
    }

    /// Bytes that the tables of an item may fill: a share of a length that the law gives, so that items of all lengths can be made.
    fn bytes(&self, stream: &mut Stream) -> usize {
        let tokens = self.context.length.draw(stream).min(self.context.most);
        (tokens as f64 * SHARE) as usize * TOKEN
    }

    fn item(&self, Drawn { family, chosen, parameters }: Drawn, stream: &mut Stream) -> Result<Tried<Item>> {
        let query = family.query(&names(&chosen.columns));
        let executed = Executed::new(&chosen.columns, &chosen.rows, (&query, &parameters), family.shape)?;
        let answer = match executed.answer()? {
            Ok(answer) => answer,
            Err(reason) => return Ok(Err(reason)),
        };
        if family.shape == Shape::Count && answer == "0" {
            return Ok(Err("nothing to count"));
        }
        let necessary = necessary(&executed, &chosen, &answer)?;
        if necessary.0.is_empty() {
            return Ok(Err("no cell that the answer rests on"));
        }
        let wordings = questions(family, &chosen.columns, &parameters)?;
        let question = stream.pick(&wordings).clone();
        let sources = chosen.passages.iter().map(|passage| passage.document.clone()).collect();
        let proof = Proof::Sql {
            family: family.name.into(),
            level: family.level,
            query,
            parameters,
            columns: chosen.columns,
            sources,
            rows: chosen.rows,
            shape: family.shape,
            written: None,
        };
        let passages = chosen.passages;
        Ok(Ok(item(family, Proven { question, answer, passages, necessary, proof, work: vec![] })))
    }
}

/// Documents taken one after the other.
struct Choosing {
    keyed: bool,
    keys: HashSet<Vec<String>>,
    documents: Vec<Arc<Document>>,
    passages: Vec<Passage>,
    rows: Vec<Row>,
}

impl Choosing {
    fn new(keyed: bool) -> Choosing {
        Choosing { keyed, keys: HashSet::new(), documents: vec![], passages: vec![], rows: vec![] }
    }

    /// Takes a document, unless its rows do not go with those that are there: a name that is missing or taken, or a table that may or may not be
    /// meant.
    fn take(
        &mut self,
        corpus: &Corpus,
        number: usize,
        (table, room): (usize, (usize, usize)),
        columns: &[Column],
    ) -> Result<()> {
        let document = corpus.document(number)?;
        let Some(span) = window(&document, table, columns, room) else { return Ok(()) };
        let gathered = gather(&document, span, columns);
        if gathered.unclear || gathered.rows.is_empty() {
            return Ok(());
        }
        if self.keyed {
            let key = |row: &Row| row.values[0].as_str().map(|key| words(key).collect::<Vec<_>>());
            let Some(keys) = gathered.rows.iter().map(key).collect::<Option<Vec<_>>>() else { return Ok(()) };
            let own: HashSet<&Vec<String>> = keys.iter().collect();
            if own.len() < keys.len() || keys.iter().any(|key| self.keys.contains(key)) {
                return Ok(());
            }
            self.keys.extend(keys);
        }
        let source = self.passages.len();
        self.rows.extend(gathered.rows.into_iter().map(|row| Row { source, ..row }));
        self.passages.push(Passage {
            document: document.hash.clone(),
            title: document.title.clone(),
            span,
            text: String::new(),
        });
        self.documents.push(document);
        Ok(())
    }
}
