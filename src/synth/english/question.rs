//! Questions over a context, with their gold answer and the evidence it rests on.

use super::chat::Exchange;
use super::facts::{Fact, walk};
use super::figures::{AMOUNTS, Figure, TOPICS};
use super::names;
use super::render::{Body, Context, Stated};
use crate::synth::Flavour;
use crate::task::TaskType;
use longlab_kernels::stream::Stream;
use std::ops::RangeInclusive;

/// What is done with the rows of a numeric question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Sum of two or three rows.
    Sum,
    /// First row minus second.
    Difference,
    /// Largest of three or four rows.
    Maximum,
    /// How many of three or four rows exceed a threshold.
    Count(u32),
}

/// How the answer is worked out; a trace follows it.
#[derive(Clone, Debug, PartialEq)]
pub enum Plan {
    /// Follow facts (their numbers); with options for multiple choice (names, index of the right one).
    Hops(Vec<usize>, Option<(Vec<String>, usize)>),
    /// Read rows of a ledger (its number and theirs) and compute.
    Rows(Operation, usize, Vec<usize>),
    /// Give back one of the answers about a matter (all of them by number, index of the wanted one).
    Recall(Vec<usize>, usize),
}

/// One question over a context.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// Task type.
    pub task: TaskType,
    /// The question as it stands in the prompt, with its options.
    pub question: String,
    /// The gold answer.
    pub gold: String,
    /// How it is worked out.
    pub plan: Plan,
    /// What of the documents the answer rests on: sentences, or rows of tables.
    pub evidence: Vec<String>,
}

/// Which questions of a task type the training pool asks.
pub fn flavour(task: TaskType) -> Flavour {
    let hops = match task {
        TaskType::MultiHop => (2, 3),
        TaskType::MultipleChoice => (1, 2),
        _ => (1, 1),
    };
    Flavour { hops, aggregate: None }
}

/// Most hops that this world asks for.
pub const MOST_HOPS: usize = 3;

/// Draws a question of a task type; `None` when the context holds none.
pub fn draw(stream: &mut Stream, context: &Context, task: TaskType, flavour: Flavour) -> Option<Ask> {
    match &context.body {
        Body::Facts(facts) => {
            let hops = stream.range(flavour.hops.0..=flavour.hops.1);
            let plain: Vec<Fact> = facts.iter().map(|fact| fact.what.clone()).collect();
            let path = walk(stream, &plain, hops)?;
            Some(about_path(stream, facts, path, task))
        }
        Body::Figures(ledgers) => about_rows(stream, ledgers, flavour.aggregate),
        Body::Chat(exchanges) => about_chat(stream, exchanges),
    }
}

/// A question whose answer is the last tail of a path; `task` says whether it has options.
pub fn about_path(stream: &mut Stream, facts: &[Stated<Fact>], path: Vec<usize>, task: TaskType) -> Ask {
    let hops: Vec<&Fact> = path.iter().map(|&hop| &facts[hop].what).collect();
    let (last, before) = (hops[hops.len() - 1], &hops[..hops.len() - 1]);
    let x = before.iter().fold(hops[0].head.clone(), |x, hop| hop.rel().description.replace("{x}", &x));
    let question = stream.pick(last.rel().questions).replace("{x}", &x);
    let evidence = path.iter().map(|&hop| facts[hop].sentence.clone()).collect();
    if task != TaskType::MultipleChoice {
        let gold = last.tail.clone();
        return Ask { task, question, gold, plan: Plan::Hops(path, None), evidence };
    }
    let mut names = rivals(stream, facts, last, OPTIONS - 1);
    let right = stream.below(OPTIONS);
    names.insert(right, last.tail.clone());
    let listed: Vec<String> = names.iter().enumerate().map(|(n, name)| format!("{}. {name}", letter(n))).collect();
    let question = format!("{question}\n{}\nAnswer with the letter of the right option.", listed.join("\n"));
    let gold = letter(right).to_string();
    Ask { task, question, gold, plan: Plan::Hops(path, Some((names, right))), evidence }
}

/// Options of a multiple choice.
const OPTIONS: usize = 4;

/// `A` to `D`.
pub fn letter(option: usize) -> char {
    (b'A' + option as u8) as char
}

/// Wrong answers of the right kind: those that the documents give first, then strangers; never the head itself.
pub fn rivals(stream: &mut Stream, facts: &[Stated<Fact>], right: &Fact, count: usize) -> Vec<String> {
    let kind = right.rel().tail;
    let mut found: Vec<String> = Vec::new();
    for fact in facts.iter().map(|fact| &fact.what).filter(|fact| fact.rel().tail == kind) {
        if fact.tail != right.tail && fact.tail != right.head && !found.contains(&fact.tail) {
            found.push(fact.tail.clone());
        }
    }
    stream.shuffle(&mut found);
    let strangers = names::draw(stream, kind, 2 * count + 1);
    let new = |name: &String| *name != right.tail && *name != right.head && !found.contains(name);
    let strangers: Vec<String> = strangers.into_iter().filter(new).collect();
    found.into_iter().chain(strangers).take(count).collect()
}

fn about_rows(stream: &mut Stream, ledgers: &[(usize, Vec<Stated<Figure>>)], aggregate: Option<bool>) -> Option<Ask> {
    let place = stream.below(ledgers.len());
    let (topic, figures) = &ledgers[place];
    let about = &TOPICS[*topic];
    let operation = any_operation(stream, aggregate);
    let wanted = stream.range(operands(operation));
    if figures.len() < wanted {
        return None;
    }
    let mut rows = stream.choose_distinct(figures.len(), wanted);
    let figure = |row: &usize| &figures[*row].what;
    if operation == Operation::Difference {
        rows.sort_by_key(|row| std::cmp::Reverse(figure(row).amount));
    }
    let names: Vec<&str> = rows.iter().map(|row| figure(row).name.as_str()).collect();
    let question = match operation {
        Operation::Sum => about.sum.to_string(),
        Operation::Difference => about.difference.replace("{a}", names[0]).replace("{b}", names[1]),
        Operation::Maximum => about.maximum.to_string(),
        Operation::Count(limit) => about.count.replace("{k}", &limit.to_string()),
    };
    let amounts: Vec<u32> = rows.iter().map(|row| figure(row).amount).collect();
    let evidence = rows.iter().map(|&row| figures[row].sentence.clone()).collect();
    Some(Ask {
        task: TaskType::Numeric,
        question: question.replace("{xs}", &listed(&names)),
        gold: compute(operation, &amounts).to_string(),
        plan: Plan::Rows(operation, place, rows),
        evidence,
    })
}

fn any_operation(stream: &mut Stream, aggregate: Option<bool>) -> Operation {
    match (aggregate.unwrap_or_else(|| stream.chance(0.5)), stream.chance(0.5)) {
        (false, true) => Operation::Sum,
        (false, false) => Operation::Difference,
        (true, true) => Operation::Maximum,
        (true, false) => Operation::Count(stream.range(AMOUNTS.0 + 4..=AMOUNTS.1 - 6)),
    }
}

/// How many rows an operation is asked over.
fn operands(operation: Operation) -> RangeInclusive<usize> {
    match operation {
        Operation::Sum => 2..=3,
        Operation::Difference => 2..=2,
        Operation::Maximum | Operation::Count(_) => 3..=4,
    }
}

/// `a, b and c`.
pub fn listed<T: AsRef<str>>(names: &[T]) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    match names.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        _ => names.concat(),
    }
}

/// The result of an operation over numbers.
pub fn compute(operation: Operation, amounts: &[u32]) -> u32 {
    match operation {
        Operation::Sum => amounts.iter().sum(),
        Operation::Difference => amounts[0].abs_diff(amounts[1]),
        Operation::Maximum => amounts.iter().copied().max().unwrap_or(0),
        Operation::Count(limit) => amounts.iter().filter(|&&amount| amount > limit).count() as u32,
    }
}

/// `first` to `fourth`.
pub const ORDINALS: [&str; 4] = ["first", "second", "third", "fourth"];
/// `one` to `four`.
pub const NUMBERS: [&str; 4] = ["one", "two", "three", "four"];

const CHAT_QUESTIONS: [&str; 4] = [
    "In the chat there are {n} questions about {m}. What was the answer to the {i} one? Repeat it word for word.",
    "Somebody asks about {m} {n} times in the chat. What was the {i} answer? Repeat it word for word.",
    "The chat gives {n} answers about {m}. Repeat the {i} of them word for word.",
    "What was the {i} of the {n} answers about {m} in the chat? Give it back word for word.",
];

fn about_chat(stream: &mut Stream, exchanges: &[Exchange]) -> Option<Ask> {
    let repeated: Vec<usize> = exchanges.iter().filter(|e| e.ordinal == 1).map(|e| e.matter).collect();
    if repeated.is_empty() {
        return None;
    }
    let matter = *stream.pick(&repeated);
    let alike: Vec<usize> = (0..exchanges.len()).filter(|&n| exchanges[n].matter == matter).collect();
    let wanted = stream.below(alike.len());
    let right = &exchanges[alike[wanted]];
    let question = stream
        .pick(&CHAT_QUESTIONS)
        .replace("{n}", NUMBERS[alike.len() - 1])
        .replace("{i}", ORDINALS[wanted])
        .replace("{m}", right.about().name);
    let (gold, evidence) = (right.reply.clone(), vec![format!("{}.", right.reply)]);
    Some(Ask { task: TaskType::Dialogue, question, gold, plan: Plan::Recall(alike, wanted), evidence })
}
