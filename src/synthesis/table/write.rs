//! A model writes questions over tables and the queries that answer them. Its replies are data: one counts only if it keeps to its form, and a query is run
//! where it can do no more than to read the rows. What documents say reaches the model behind a border that it cannot hold.

use super::assemble::{Proven, item, necessary};
use super::family::Family;
use super::make::{Chosen, Drawn, Pool, Tried};
use super::question::{asks, headline};
use super::sql::FUNCTIONS;
use super::written::{Posed, QUERY, QUESTION, WRITTEN, Written, question, refusal, repeats};
use super::{Executed, names};
use crate::answers::{Answered, Answers};
use crate::error::{Result, SynthesisError};
use crate::item::{Column, ColumnKind, Item, Level, Proof, Row, Shape, Work};
use crate::prompt::border;
use crate::spec::{Unanswered, WrittenSpec};
use longlab_client::{ChatFailure, ChatModel, ChatRequest, Message};
use longlab_documents::Hash;
use longlab_kernels::stream::Address;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde_json::{Map, Value, json};
use std::path::Path;

/// Names and texts of the prompts.
const PROMPTS: [(&str, &str); 2] = [
    ("table/expand", include_str!("../templates/table/expand.j2")),
    ("table/nl2sql", include_str!("../templates/table/nl2sql.j2")),
];

/// Characters of a text of a cell that are shown.
const SHOWN: usize = 120;

/// The identity of the prompts, for the key of what is made with them.
pub(super) fn version() -> String {
    PROMPTS.iter().map(|(name, text)| Hash::of(&format!("{name}\n{text}")).0).collect()
}

/// The model with its settings and the file of its answers.
pub(super) struct Writer<'a> {
    spec: &'a WrittenSpec,
    model: &'a dyn ChatModel,
    answers: Answers,
    prompts: Environment<'static>,
}

/// What the model is asked of, and what it was asked so far.
struct Course<'a> {
    writer: &'a Writer<'a>,
    family: &'static Family,
    chosen: &'a Chosen,
    /// Seeds of the answers, one a position.
    address: Address,
    work: Vec<Work>,
}

impl<'a> Writer<'a> {
    /// The model with the answers in a folder.
    ///
    /// # Errors
    /// Where the file of answers cannot be read or written.
    pub(super) fn open(spec: &'a WrittenSpec, model: &'a dyn ChatModel, answers: &Path) -> Result<Writer<'a>> {
        let mut prompts = Environment::new();
        prompts.set_undefined_behavior(UndefinedBehavior::Strict);
        prompts.set_auto_escape_callback(|_| AutoEscape::None);
        for (name, text) in PROMPTS {
            prompts.add_template(name, text).map_err(|error| failed(name, &error))?;
        }
        Ok(Writer { spec, model, answers: Answers::open(answers)?, prompts })
    }

    /// One question: tables, columns and rows are drawn as for a template, whose question is the example.
    ///
    /// # Errors
    /// Of the corpus or the file of answers; [`SynthesisError::Model`] where the model gives no answer and the specification says to stop then.
    pub(super) fn one(&self, pool: &Pool, address: Address) -> Result<Tried<Item>> {
        let mut stream = address.stream();
        let Drawn { family, chosen, parameters } = match pool.drawn(&mut stream)? {
            Ok(drawn) => drawn,
            Err(reason) => return Ok(Err(reason)),
        };
        let examples = asks(family, &chosen.columns, &parameters)?;
        let example = stream.pick(&examples).clone();
        let mut course = Course { writer: self, family, chosen: &chosen, address: address.step(2), work: vec![] };
        let written = match course.written(&example, &examples)? {
            Ok(written) => written,
            Err(reason) => return Ok(Err(reason)),
        };
        let work = course.work;
        let questions = written.questions(&chosen.columns)?;
        let question = stream.pick(&questions).clone();
        Ok(proven(family, chosen, question, written).map(|proven| item(family, Proven { work, ..proven })))
    }

    fn prompt(&self, name: &str, values: Map<String, Value>) -> Result<String> {
        let mut values = Value::from(values);
        values["border"] = Value::from(border(&values.to_string()));
        let template = self.prompts.get_template(name).map_err(|error| failed(name, &error))?;
        template.render(minijinja::value::Serde(&values)).map_err(|error| failed(name, &error))
    }
}

impl Course<'_> {
    /// The question and its queries, enough of which agree.
    fn written(&mut self, example: &str, examples: &[String]) -> Result<Tried<Written>> {
        let (family, chosen) = (self.family, self.chosen);
        let mut values = self.shown();
        values.insert("example".into(), example.into());
        values.insert("level".into(), level(family.level).into());
        values.insert("longest".into(), self.writer.spec.longest.into());
        let asked = match self.ask(QUESTION, "table/expand", values, 0)? {
            Ok(answered) => answered,
            Err(reason) => return Ok(Err(reason)),
        };
        let ask = match question(&asked.reply) {
            Ok(ask) if ask.chars().count() > self.writer.spec.longest => {
                return Ok(Err("the model's question is too long"));
            }
            Ok(ask) if repeats(&ask, examples) => return Ok(Err("the model's question is the example")),
            Ok(ask) => ask,
            Err(reason) => return Ok(Err(reason)),
        };
        let mut queries = vec![];
        for number in 1..=self.writer.spec.queries {
            let mut values = self.shown();
            values.insert("ask".into(), ask.as_str().into());
            values.insert("functions".into(), json!(FUNCTIONS));
            values.insert("list".into(), (family.shape == Shape::List).into());
            match self.ask(QUERY, "table/nl2sql", values, number as u32)? {
                Ok(answered) => queries.push(Posed::run(answered.reply, &chosen.columns, &chosen.rows, family.shape)),
                Err(reason) => return Ok(Err(reason)),
            }
        }
        let agree = self.writer.spec.agree;
        Ok(Ok(Written { template: family.name.into(), reply: asked.reply, queries, agree }))
    }

    /// What of the table a model is shown.
    fn shown(&self) -> Map<String, Value> {
        let Chosen { columns, rows, .. } = self.chosen;
        let column = |(column, name): (&Column, String)| json!({ "name": name, "headline": headline(column), "kind": kind(column.kind) });
        let all: Vec<Value> = columns.iter().zip(names(columns)).map(column).collect();
        let few = self.writer.spec.rows.min(rows.len());
        // From the first to the last, so that several documents are seen.
        let shown: Vec<String> = (0..few).map(|at| line(&rows[at * rows.len() / few])).collect();
        let mut values = Map::new();
        values.insert("columns".into(), all.into());
        values.insert("shown".into(), shown.into());
        values.insert("count".into(), rows.len().into());
        values.insert("shape".into(), shape(self.family.shape).into());
        values
    }

    /// The answer to a prompt, its call recorded.
    fn ask(&mut self, step: &str, name: &str, values: Map<String, Value>, number: u32) -> Result<Tried<Answered>> {
        let Writer { spec, model, answers, .. } = self.writer;
        let mut request = ChatRequest::new(vec![Message::user(self.writer.prompt(name, values)?)], spec.tokens);
        request.temperature = Some(spec.temperature);
        // Servers take seeds of 32 bits, some of 31.
        request.seed = Some(self.address.position(number).stream().bits() >> 33);
        match answers.ask(&model.name(), *model, &request)? {
            Ok(answered) => {
                let (input, output) = (answered.asked.clone(), Hash::of(&answered.reply));
                self.work.push(Work { step: step.into(), model: Some(answered.model.clone()), input, output });
                Ok(Ok(answered))
            }
            // Asking again does not help.
            Err(ChatFailure::Refused { .. }) => Ok(Err("the model refuses its prompt")),
            Err(ChatFailure::Stopped) => Err(SynthesisError::Stopped),
            Err(_) if spec.unanswered == Unanswered::Drop => Ok(Err("the model gives no answer")),
            Err(failure) => {
                let reason = format!("a question has no answer (`engines.table.written`): {failure}");
                Err(SynthesisError::Model { reason, kept: answers.len() })
            }
        }
    }
}

/// The question with the answer that enough queries give, and the cells that it rests on.
fn proven(family: &Family, chosen: Chosen, question: String, written: Written) -> Tried<Proven> {
    let Some((answer, query)) = written.agreed() else { return Err(disagreement(&written)) };
    if family.shape == Shape::Count && answer == "0" {
        return Err("nothing to count");
    }
    let (answer, query) = (answer.to_string(), query.to_string());
    let executed = Executed::new(&chosen.columns, &chosen.rows, (&query, &[]), family.shape).map_err(refusal)?;
    let necessary = necessary(&executed, &chosen, &answer).map_err(refusal)?;
    if necessary.0.is_empty() {
        return Err("no cell that the answer rests on");
    }
    let sources = chosen.passages.iter().map(|passage| passage.document.clone()).collect();
    let proof = Proof::Sql {
        family: WRITTEN.into(),
        level: family.level,
        query,
        parameters: vec![],
        columns: chosen.columns,
        sources,
        rows: chosen.rows,
        shape: family.shape,
        written: Some(Box::new(written)),
    };
    Ok(Proven { question, answer, passages: chosen.passages, necessary, proof, work: vec![] })
}

/// Why no answer is given by enough queries.
fn disagreement(written: &Written) -> &'static str {
    let answered = written.queries.iter().filter(|posed| posed.answer.is_some()).count();
    if answered >= written.agree {
        "the model's queries do not agree"
    } else {
        "too few of the model's queries give an answer"
    }
}

/// A row as it is shown.
fn line(row: &Row) -> String {
    let cut = |value: &Value| match value {
        Value::String(text) if text.chars().count() > SHOWN => {
            Value::from(text.chars().take(SHOWN).chain(['…']).collect::<String>())
        }
        value => value.clone(),
    };
    Value::from(row.values.iter().map(cut).collect::<Vec<Value>>()).to_string()
}

fn kind(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Number => "number",
        ColumnKind::Year => "year",
        ColumnKind::Date => "date",
        ColumnKind::Text => "text",
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Easy => "one condition, or a ranking",
        Level::Medium => "a ratio, or several conditions",
        Level::Hard => "several steps, or a measure of the question's own",
    }
}

fn shape(shape: Shape) -> &'static str {
    match shape {
        Shape::Count => "a whole number",
        Shape::Number => "a number",
        Shape::Percentage => "a percentage (12.5 stands for 12.5%)",
        Shape::Year => "a year of four digits",
        Shape::Date => "a date",
        Shape::Text => "one text that stands in a column",
        Shape::List => "a list of at most twenty texts that stand in a column",
    }
}

fn failed(name: &str, error: &minijinja::Error) -> SynthesisError {
    SynthesisError::Template { name: name.into(), reason: error.to_string() }
}
