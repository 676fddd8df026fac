//! Questions over a context, with their gold answer and the evidence it rests on.

use super::facts::{Fact, Figure, walk};
use super::lexicon as lex;
use super::render::{Body, Context, Turn};
use crate::task::TaskType;
use longlab_kernels::stream::Stream;

/// What is done with the rows of a numeric question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Sum of two rows.
    Sum,
    /// Larger minus smaller of two rows.
    Difference,
    /// Largest of three rows.
    Maximum,
    /// How many of three rows exceed a threshold.
    Count(u32),
}

/// How the answer is worked out; a thinking trace follows it.
#[derive(Clone, Debug, PartialEq)]
pub enum Plan {
    /// Follow facts; with options for multiple choice (names, index of the right one).
    Hops(Vec<Fact>, Option<(Vec<&'static str>, usize)>),
    /// Look rows up and compute.
    Rows(Operation, Vec<Figure>),
    /// Give back one of the alike turns (all of them, index of the wanted one).
    Recall(Vec<Turn>, usize),
}

/// One question over a context.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// Task type.
    pub task: TaskType,
    /// The question as it stands in the prompt.
    pub question: String,
    /// The gold answer.
    pub gold: String,
    /// How it is worked out.
    pub plan: Plan,
}

impl Ask {
    /// The sentences of the documents that the answer rests on.
    pub fn evidence(&self) -> Vec<String> {
        match &self.plan {
            Plan::Hops(path, _) => path.iter().map(Fact::sentence).collect(),
            Plan::Rows(_, rows) => rows.iter().map(Figure::sentence).collect(),
            Plan::Recall(turns, wanted) => vec![turns[*wanted].piece.clone()],
        }
    }
}

/// Which questions of a task type are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flavour {
    /// Fewest and most hops of a fact question.
    pub hops: (usize, usize),
    /// Numeric: only sums and differences (`Some(false)`), only counts and maxima (`Some(true)`), or any.
    pub aggregate: Option<bool>,
}

impl Flavour {
    /// What the training pool asks of a task type.
    pub fn of(task: TaskType) -> Flavour {
        let hops = match task {
            TaskType::MultiHop => (2, 4),
            TaskType::MultipleChoice => (1, 2),
            _ => (1, 1),
        };
        Flavour { hops, aggregate: None }
    }
}

/// Draws a question of a task type; `None` when the context holds none.
pub fn draw(stream: &mut Stream, context: &Context, task: TaskType, flavour: Flavour) -> Option<Ask> {
    match &context.body {
        Body::Facts(facts) => {
            let hops = stream.range(flavour.hops.0..=flavour.hops.1);
            let path = walk(stream, facts, hops)?;
            Some(about_path(stream, facts, path, task == TaskType::MultipleChoice))
        }
        Body::Figures(figures) => about_rows(stream, figures, flavour.aggregate),
        Body::Dialogue(turns) => about_turns(stream, turns),
    }
}

fn chain_name(path: &[Fact]) -> String {
    let nouns = path.iter().rev().map(|fact| format!("the {} of", fact.rel().noun));
    format!("{} {}", nouns.collect::<Vec<_>>().join(" "), path[0].head)
}

/// A question whose answer is the last tail of a path.
pub fn about_path(stream: &mut Stream, facts: &[Fact], path: Vec<Fact>, options: bool) -> Ask {
    let name = chain_name(&path);
    let last = path[path.len() - 1];
    if !options {
        let task = if path.len() == 1 { TaskType::Reading } else { TaskType::MultiHop };
        let question = format!("What is {name}?");
        return Ask { task, question, gold: last.tail.to_string(), plan: Plan::Hops(path, None) };
    }
    let mut names = rivals(stream, facts, &last, 3);
    let right = stream.below(names.len() + 1);
    names.insert(right, last.tail);
    let listed = names.iter().enumerate().map(|(i, name)| format!("{name} has letter {}", letter(i)));
    let question = format!("What is {name}? {}.", listed.collect::<Vec<_>>().join(", "));
    let gold = format!("({})", letter(right));
    Ask { task: TaskType::MultipleChoice, question, gold, plan: Plan::Hops(path, Some((names, right))) }
}

/// `A` to `D`.
pub fn letter(option: usize) -> char {
    (b'A' + option as u8) as char
}

/// Wrong answers of the right kind, those that the context names first.
pub fn rivals(stream: &mut Stream, facts: &[Fact], right: &Fact, count: usize) -> Vec<&'static str> {
    let kind = right.rel().tail;
    let mut seen: Vec<&'static str> = Vec::new();
    for name in facts.iter().filter(|f| f.rel().tail == kind).map(|f| f.tail) {
        if name != right.tail && !seen.contains(&name) {
            seen.push(name);
        }
    }
    stream.shuffle(&mut seen);
    let mut others: Vec<&'static str> = kind.names().to_vec();
    stream.shuffle(&mut others);
    seen.extend(others.into_iter().filter(|name| *name != right.tail));
    let mut distinct: Vec<&'static str> = Vec::new();
    for name in seen {
        if distinct.len() < count && !distinct.contains(&name) {
            distinct.push(name);
        }
    }
    distinct
}

fn about_rows(stream: &mut Stream, figures: &[Figure], aggregate: Option<bool>) -> Option<Ask> {
    let aggregate = aggregate.unwrap_or_else(|| stream.chance(0.5));
    let rows = if aggregate { 3 } else { 2 };
    if figures.len() < rows {
        return None;
    }
    let rows: Vec<Figure> = stream.choose_distinct(figures.len(), rows).into_iter().map(|i| figures[i]).collect();
    let operation = match (aggregate, stream.chance(0.5)) {
        (false, true) => Operation::Sum,
        (false, false) => Operation::Difference,
        (true, true) => Operation::Maximum,
        (true, false) => Operation::Count(10 * stream.range(3..=7) as u32),
    };
    let names: Vec<String> = rows.iter().map(Figure::name).collect();
    let listed = format!("{} and {}", names[..names.len() - 1].join(", "), names[names.len() - 1]);
    let question = match operation {
        Operation::Sum => format!("What is the sum of the income of {listed}?"),
        Operation::Difference => format!("What is the difference of the income of {listed}?"),
        Operation::Maximum => format!("What is the highest income of {listed}?"),
        Operation::Count(limit) => format!("How many of {listed} earned more than {limit}?"),
    };
    let gold = compute(operation, &rows).to_string();
    Some(Ask { task: TaskType::Numeric, question, gold, plan: Plan::Rows(operation, rows) })
}

/// The result of an operation over rows.
pub fn compute(operation: Operation, rows: &[Figure]) -> u32 {
    let amounts = rows.iter().map(|row| row.amount);
    match operation {
        Operation::Sum => amounts.sum(),
        Operation::Difference => rows[0].amount.abs_diff(rows[1].amount),
        Operation::Maximum => amounts.max().unwrap_or(0),
        Operation::Count(limit) => amounts.filter(|amount| *amount > limit).count() as u32,
    }
}

fn about_turns(stream: &mut Stream, turns: &[Turn]) -> Option<Ask> {
    let repeated: Vec<&Turn> = turns.iter().filter(|turn| turn.ordinal == 1).collect();
    if repeated.is_empty() {
        return None;
    }
    let subject = *stream.pick(&repeated);
    let alike: Vec<Turn> =
        turns.iter().filter(|t| t.form == subject.form && t.topic == subject.topic).cloned().collect();
    let wanted = stream.below(alike.len());
    let question = format!("Give back the {} {} about {}.", lex::ORDINALS[wanted], subject.form, subject.topic);
    let gold = alike[wanted].piece.clone();
    Some(Ask { task: TaskType::Dialogue, question, gold, plan: Plan::Recall(alike, wanted) })
}
