//! One question over the tables of some documents.

use super::cluster::{Member, clusters, members};
use super::facts::gather;
use super::family::{FAMILIES, Family, Topic};
use super::window::window;
use super::{Executed, draw, names, questions};
use crate::corpus::Corpus;
use crate::error::Result;
use crate::funnel::Counts;
use crate::item::{Answer, Certificate, Column, Engine, Evidence, Form, Item, Level, Passage, Proof, Row, Shape};
use crate::name::words;
use crate::prompt;
use crate::spec::{ContextSpec, TableSpec, weighted};
use crate::tools::Maker;
use crate::tries::by_tries;
use longlab_documents::{Document, Hash};
use longlab_kernels::stream::{Address, Purpose, Stream};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

/// Most and fewest bytes of a document with a table that go into a context.
const BYTES: usize = 48 << 10;
const LEAST: usize = 800;

/// Share of a prompt that its tables may fill.
const SHARE: f64 = 0.6;

/// Bytes of a token where figures are many.
const TOKEN: usize = 2;

/// The table engine.
pub struct TableMaker {
    spec: TableSpec,
    /// Its law of lengths bounds what the tables of an item may fill.
    context: ContextSpec,
}

impl TableMaker {
    /// The engine with its settings.
    pub fn new(spec: TableSpec, context: ContextSpec) -> TableMaker {
        TableMaker { spec, context }
    }
}

impl Maker for TableMaker {
    fn engine(&self) -> Engine {
        Engine::Table
    }

    fn version(&self) -> String {
        let ContextSpec { length, most, .. } = &self.context;
        format!("table 5 {:?} {length:?} {most} {}", self.spec, prompt::version())
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
        by_tries((self.spec.items, self.spec.patience), counts, put, |number| {
            pool.one(&mut address.sample(number).stream())
        })?;
        Ok(vec![])
    }
}

/// Draws for a template that was drawn.
const TRIES: usize = 8;

/// What did not become an item, and why.
type Tried<T> = std::result::Result<T, &'static str>;

/// The tables that questions are drawn from.
struct Pool<'a> {
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
struct Chosen {
    columns: Vec<Column>,
    documents: Vec<Arc<Document>>,
    passages: Vec<Passage>,
    rows: Vec<Row>,
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

    fn by(&self, family: &'static Family, stream: &mut Stream) -> Result<Tried<Item>> {
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
        match draw::parameters(family, &chosen.rows, stream) {
            Ok(parameters) => self.item(family, chosen, parameters, stream),
            Err(reason) => Ok(Err(reason)),
        }
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

    fn item(
        &self,
        family: &Family,
        chosen: Chosen,
        parameters: Vec<Value>,
        stream: &mut Stream,
    ) -> Result<Tried<Item>> {
        let query = family.query(&names(&chosen.columns));
        let executed = Executed::new(&chosen.columns, &chosen.rows, (&query, &parameters), family.shape)?;
        let answer = match executed.answer()? {
            Ok(answer) => answer,
            Err(reason) => return Ok(Err(reason)),
        };
        if family.shape == Shape::Count && answer == "0" {
            return Ok(Err("nothing to count"));
        }
        let (evidence, necessity) = necessary(&executed, &chosen, &answer)?;
        if evidence.is_empty() {
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
        };
        Ok(Ok(item(family, question, answer, chosen.passages, (evidence, necessity, proof))))
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

/// The cells that the answer rests on, and what it becomes without each.
fn necessary(executed: &Executed, chosen: &Chosen, answer: &str) -> Result<(Vec<Evidence>, Vec<Option<String>>)> {
    let (mut evidence, mut necessity) = (vec![], vec![]);
    for (at, row) in chosen.rows.iter().enumerate() {
        for (column, value) in row.values.iter().enumerate().filter(|(_, value)| !value.is_null()) {
            let without = executed.answer_without((at, column), value)?;
            if without.as_deref() == Some(answer) {
                continue;
            }
            let (document, span) = (&chosen.documents[row.source], row.spans[column]);
            let quote = span.of(&document.text).unwrap_or_default().to_string();
            evidence.push(Evidence { document: document.hash.clone(), span, quote });
            necessity.push(without);
        }
    }
    Ok((evidence, necessity))
}

type Proven = (Vec<Evidence>, Vec<Option<String>>, Proof);

fn item(family: &Family, question: String, answer: String, passages: Vec<Passage>, proven: Proven) -> Item {
    let (evidence, necessity, proof) = proven;
    let rows = if let Proof::Sql { rows, .. } = &proof { rows.len() } else { 0 };
    let (form, aliases) = match family.shape {
        Shape::Percentage => (Form::Numeric, vec![answer.trim_end_matches('%').to_string()]),
        Shape::Count | Shape::Number | Shape::Year => (Form::Numeric, vec![]),
        Shape::Date | Shape::Text | Shape::List => (Form::MultiHop, vec![]),
    };
    Item {
        id: Hash(String::new()),
        engine: Engine::Table,
        form,
        style: None,
        // What a reader has to look at: every row for every condition.
        difficulty: rows * (1 + family.conditions),
        question,
        answer: Answer { text: answer, aliases },
        passages,
        certificate: Certificate {
            evidence,
            proof,
            necessity,
            absent: vec![],
            tokens: 0,
            tokenizer: None,
            work: vec![],
        },
    }
}
