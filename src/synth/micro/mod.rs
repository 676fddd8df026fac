//! The micro world: seeded facts, rendered documents, questions with gold answers, noisy thinking traces.
//!
//! Every sample is drawn from its own address, so it is the same whatever else is drawn. Nothing can be answered without
//! reading: who works where, what a company earned and what a poem said are drawn for the sample alone.

pub mod facts;
pub mod lexicon;
pub mod question;
pub mod render;
pub mod trace;

use crate::data::Sample;
use crate::task::TaskType;
use longlab_kernels::stream::{Address, Stream};
use question::{Ask, Flavour};
use render::{Context, ContextKind};

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
    Sample { id, task, text: context.text(), question: ask.question, gold: ask.gold, evidence }
}

/// A context with several questions, each with a trace: what the warm start learns from.
pub struct Lesson {
    /// Rendered documents.
    pub text: String,
    /// Question, thinking and answer.
    pub turns: Vec<(Ask, trace::Trace)>,
}

/// Draws a lesson of `questions` questions over one context of about `tokens` tokens.
pub fn lesson(stream: &mut Stream, tokens: usize, questions: usize, noise: &trace::Noise) -> Lesson {
    let kind = *stream.pick(&[ContextKind::Facts, ContextKind::Facts, ContextKind::Figures, ContextKind::Dialogue]);
    let tasks: &[TaskType] = match kind {
        ContextKind::Facts => &[TaskType::MultipleChoice, TaskType::MultiHop, TaskType::Reading],
        ContextKind::Figures => &[TaskType::Numeric],
        ContextKind::Dialogue => &[TaskType::Dialogue],
    };
    let context = Context::draw(stream, kind, tokens);
    let mut turns = Vec::with_capacity(questions);
    while turns.len() < questions {
        let task = *stream.pick(tasks);
        let Some(ask) = question::draw(stream, &context, task, Flavour::of(task)) else {
            // A small context may hold no long path: a one-hop question always exists.
            let Some(ask) = question::draw(stream, &context, TaskType::Reading, Flavour::of(TaskType::Reading)) else { break };
            let trace = trace::draw(stream, &context, &ask, noise);
            turns.push((ask, trace));
            continue;
        };
        let trace = trace::draw(stream, &context, &ask, noise);
        turns.push((ask, trace));
    }
    Lesson { text: context.text(), turns }
}
