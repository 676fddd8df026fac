//! The micro world: seeded facts, rendered documents, questions with gold answers, noisy thinking traces.
//!
//! Every sample is drawn from its own address, so it is the same whatever else is drawn. Nothing can be answered without
//! reading: who works where, what a company earned and what a poem said are drawn for the sample alone.

pub mod facts;
pub mod lexicon;
pub mod question;
pub mod read;
pub mod render;
pub mod riddle;
pub mod trace;

use crate::data::Sample;
use crate::task::{TaskType, World};
use longlab_kernels::stream::{Address, Stream};
use question::{Ask, Flavour};
use render::{Context, ContextKind, Wording};

/// The kind of context in which a task type lives.
pub fn home(task: TaskType) -> ContextKind {
    match task {
        TaskType::MultipleChoice | TaskType::MultiHop | TaskType::Reading => ContextKind::Facts,
        TaskType::Dialogue => ContextKind::Dialogue,
        TaskType::Numeric => ContextKind::Figures,
    }
}

/// Draws the sample at an address: a task type, a flavour and a context of `tokens.0` to `tokens.1` tokens.
pub fn sample(address: Address, id: u64, task: TaskType, flavour: Flavour, tokens: (usize, usize)) -> Sample {
    let mut stream = address.sample(id).stream();
    let length = stream.range(tokens.0..=tokens.1);
    loop {
        let context = Context::draw(&mut stream, home(task), length);
        let Some(ask) = question::draw(&mut stream, &context, task, flavour) else { continue };
        // The evidence of a path must lie in different documents: render once more with its facts apart.
        let context = match (&context.body, &ask.plan) {
            (render::Body::Facts(facts), question::Plan::Hops(path, _)) => {
                Context::of_facts(&mut stream, facts.clone(), path, length)
            }
            _ => context,
        };
        return finish(id, task, context, ask);
    }
}

fn finish(id: u64, task: TaskType, context: Context, ask: Ask) -> Sample {
    let evidence = ask.evidence();
    let (text, world) = (context.text(), World::Micro);
    Sample { id, task, world, text, question: ask.question, gold: ask.gold, evidence, asked: None }
}

/// A context with several questions, each with a trace, and drills: what the warm start learns from.
pub struct Lesson {
    /// Rendered documents.
    pub text: String,
    /// Question, thinking and answer.
    pub turns: Vec<(Ask, trace::Trace)>,
    /// Rows of practice.
    pub drills: Vec<Drill>,
    /// Questions that a questioner poses.
    pub riddles: Vec<riddle::Turn>,
}

/// A row of practice without question or thinking: (cue, what follows from the documents).
pub struct Drill {
    /// What is practised.
    pub skill: Skill,
    /// Cues and what follows them.
    pub parts: Vec<(String, String)>,
}

/// What a drill practises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skill {
    /// Looking single facts or figures up.
    LookUp,
    /// Giving back a piece of a dialogue.
    Recall,
    /// Finding the letter of an option.
    Letters,
    /// Going on with a passage word for word.
    Recitation,
    /// Computing with given numbers.
    Arithmetic,
}

/// What a lesson holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// Length of the context, tokens.
    pub tokens: usize,
    /// Questions with a trace.
    pub questions: usize,
    /// Rows of practice.
    pub drills: usize,
    /// Questions that a questioner poses; none over contexts without facts.
    pub riddles: usize,
    /// Whether it is a first lesson: facts and figures in plain words, practice of reading alone.
    pub first: bool,
    /// Noise of the traces.
    pub noise: trace::Noise,
}

/// Kinds of context of lessons, in their shares.
const KINDS: [ContextKind; 7] = [
    ContextKind::Facts,
    ContextKind::Facts,
    ContextKind::Facts,
    ContextKind::Figures,
    ContextKind::Figures,
    ContextKind::Figures,
    ContextKind::Dialogue,
];
const FIRST_KINDS: [ContextKind; 2] = [ContextKind::Facts, ContextKind::Figures];

/// Draws a lesson: one context, its questions and its drills.
pub fn lesson(stream: &mut Stream, plan: &Plan) -> Lesson {
    let (kinds, wording) = if plan.first { (&FIRST_KINDS[..], Wording::Plain) } else { (&KINDS[..], Wording::Any) };
    let kind = *stream.pick(kinds);
    let tasks: &[TaskType] = match kind {
        // Long paths are what is learned last.
        ContextKind::Facts => &[TaskType::MultipleChoice, TaskType::MultiHop, TaskType::MultiHop, TaskType::Reading],
        ContextKind::Figures => &[TaskType::Numeric],
        ContextKind::Dialogue => &[TaskType::Dialogue],
    };
    let context = Context::worded(stream, kind, plan.tokens, wording);
    let mut turns = Vec::with_capacity(plan.questions);
    while turns.len() < plan.questions {
        let task = *stream.pick(tasks);
        // A small context may hold no long path; one hop there always is.
        let ask = question::draw(stream, &context, task, Flavour::of(task))
            .or_else(|| question::draw(stream, &context, TaskType::Reading, Flavour::of(TaskType::Reading)));
        let Some(ask) = ask else { break };
        let trace = trace::draw(stream, &context, &ask, &plan.noise);
        turns.push((ask, trace));
    }
    let drills = (0..plan.drills).map(|_| drill(stream, &context, plan.first)).collect();
    // Drawn last: a lesson without them is what it was before there were any.
    let riddles = (0..plan.riddles).filter_map(|_| riddle::posed(stream, &context, plan.noise.mistakes)).collect();
    Lesson { text: context.text(), turns, drills, riddles }
}

const DRILLED_FACTS: usize = 8;
const DRILLED_PIECES: usize = 5;
/// Computations of a row of arithmetic.
const WORKED: usize = 3;

/// Words of a recited passage: its first few are the cue.
const RECITED: (usize, usize) = (3, 45);

/// A passage of the documents word for word. Every word but the first few can be told by finding the place: the densest
/// lesson in looking back that a context can give.
fn recitation(stream: &mut Stream, text: &str) -> Drill {
    let words: Vec<&str> = text.split(' ').collect();
    let start = stream.below(words.len().saturating_sub(RECITED.1).max(1));
    let end = (start + RECITED.1).min(words.len());
    let cue = (start + RECITED.0).min(end);
    Drill { skill: Skill::Recitation, parts: vec![(words[start..cue].join(" "), words[cue..end].join(" "))] }
}

/// Share of recitations among drills.
const RECITATIONS: f64 = 0.2;

fn drill(stream: &mut Stream, context: &Context, first: bool) -> Drill {
    if stream.chance(RECITATIONS) {
        return recitation(stream, &context.text());
    }
    if !first && matches!(context.body, render::Body::Figures(_)) && stream.chance(0.5) {
        return arithmetic(stream);
    }
    if !first && matches!(context.body, render::Body::Facts(_)) && stream.chance(0.4) {
        return Drill { skill: Skill::Letters, parts: letters(stream) };
    }
    let skill = if matches!(context.body, render::Body::Dialogue(_)) { Skill::Recall } else { Skill::LookUp };
    Drill { skill, parts: look_ups(stream, context) }
}

/// A row of worked arithmetic: it needs no context.
pub fn arithmetic(stream: &mut Stream) -> Drill {
    Drill { skill: Skill::Arithmetic, parts: (0..WORKED).map(|_| trace::worked(stream)).collect() }
}

/// Four options of a kind with their letters, and the letter of each asked for in any order.
fn letters(stream: &mut Stream) -> Vec<(String, String)> {
    let kind = facts::RELATIONS[stream.below(facts::RELATIONS.len())].tail;
    let names: Vec<&str> = stream.choose_distinct(kind.names().len(), 4).into_iter().map(|i| kind.names()[i]).collect();
    let listed: Vec<String> =
        names.iter().enumerate().map(|(i, name)| format!("{name} has letter {}", question::letter(i))).collect();
    let mut order = [0, 1, 2, 3];
    stream.shuffle(&mut order);
    let cue = |n: usize, i: usize| {
        let before = if n == 0 { listed.join(", ") } else { String::new() };
        format!("{before}. The letter of {} is", names[i])
    };
    order.into_iter().enumerate().map(|(n, i)| (cue(n, i), question::letter(i).to_string())).collect()
}

/// Rows of questions with one answer each. The dots stand before the next cue, so that only what must be looked up is learned.
fn look_ups(stream: &mut Stream, context: &Context) -> Vec<(String, String)> {
    let some = |stream: &mut Stream, n: usize, most: usize| stream.choose_distinct(n, most.min(n));
    let rows: Vec<(String, String)> = match &context.body {
        render::Body::Facts(facts) => some(stream, facts.len(), DRILLED_FACTS)
            .into_iter()
            .map(|i| (format!("The {} of {} is", facts[i].rel().noun, facts[i].head), facts[i].tail.to_string()))
            .collect(),
        render::Body::Figures(figures) => some(stream, figures.len(), DRILLED_FACTS)
            .into_iter()
            .map(|i| (format!("{} earned", figures[i].name()), figures[i].amount.to_string()))
            .collect(),
        render::Body::Dialogue(turns) => some(stream, turns.len(), DRILLED_PIECES)
            .into_iter()
            .map(|i| {
                let turn = &turns[i];
                let cue = format!("The {} {} about {} is", lexicon::ORDINALS[turn.ordinal], turn.form, turn.topic);
                (cue, turn.piece.clone())
            })
            .collect(),
    };
    let dot = |i: usize| if i == 0 { "" } else { ". " };
    rows.into_iter().enumerate().map(|(i, (cue, tail))| (format!("{}{cue}", dot(i)), tail)).collect()
}
