//! The English world: people, firms and towns in newsletters, minutes, reports, diaries, letters and chats; questions with one
//! right answer, and traces that reason in a few sentences. For policies that were pretrained on text.
//!
//! Every sample is drawn from its own address, so it is the same whatever else is drawn; lengths are measured by whoever asks, since they are
//! those of a tokenizer. Nothing can be answered without reading: who works where and how many trees were planted is drawn for the sample alone.
//!
//! | file | what it does |
//! |---|---|
//! | `names`, `relations`, `facts` | who and what there is, and how it hangs together |
//! | `figures`, `chat` | small counts; questions and answers of colleagues |
//! | `sheet`, `genre`, `page` | phrases, kinds of documents, documents in the making |
//! | `render` | facts, figures and chats as documents of a wanted length |
//! | `question`, `trace` | what is asked, and how it is reasoned about |
//! | `words/` | the word lists and phrases themselves |

pub mod chat;
pub mod facts;
pub mod figures;
pub mod genre;
pub mod names;
mod page;
pub mod question;
pub mod relations;
pub mod render;
pub mod sheet;
#[cfg(test)]
mod tests;
pub mod trace;

pub use page::Count;

use crate::data::Sample;
use crate::synth::{Flavour, Noise};
use crate::task::{TaskType, World};
use longlab_kernels::stream::{Address, Stream};
use question::{Ask, MOST_HOPS};
use render::{Body, Context, ContextKind};
use trace::Trace;

/// The kind of context in which a task type lives.
pub fn home(task: TaskType) -> ContextKind {
    match task {
        TaskType::MultipleChoice | TaskType::MultiHop | TaskType::Reading => ContextKind::Facts,
        TaskType::Dialogue => ContextKind::Chat,
        TaskType::Numeric => ContextKind::Figures,
    }
}

/// Contexts end so many tokens below what was asked for, at most, where there is anything left to say.
const SLACK: usize = 16;

/// A length between the bounds that a context which ends a little early keeps too.
fn length(stream: &mut Stream, (least, most): (usize, usize)) -> usize {
    stream.range((least + SLACK).min(most)..=most)
}

/// Draws the sample at an address: a task type, a flavour and a context of `tokens.0` to `tokens.1` tokens by `count`.
pub fn sample(
    address: Address,
    id: u64,
    task: TaskType,
    flavour: Flavour,
    tokens: (usize, usize),
    count: Count,
) -> Sample {
    let (context, ask) = drawn(&mut address.sample(id).stream(), task, flavour, tokens, count);
    let Ask { question, gold, evidence, .. } = ask;
    Sample { id, task, world: World::English, text: context.text, question, gold, evidence, asked: None }
}

/// A context and one question over it. A question over facts is about the path whose facts lie in different documents.
pub fn drawn(
    stream: &mut Stream,
    task: TaskType,
    flavour: Flavour,
    tokens: (usize, usize),
    count: Count,
) -> (Context, Ask) {
    let length = length(stream, tokens);
    let (least, most) = flavour.hops;
    let hops = stream.range(least.min(MOST_HOPS)..=most.min(MOST_HOPS));
    loop {
        let context = Context::draw(stream, home(task), hops, length, count);
        let ask = match &context.body {
            Body::Facts(facts) => Some(question::about_path(stream, facts, (0..hops).collect(), task)),
            _ => question::draw(stream, &context, task, flavour),
        };
        if let Some(ask) = ask {
            return (context, ask);
        }
    }
}

/// A context with several questions, each with a trace: what the warm start learns from.
pub struct Lesson {
    /// The documents as they stand in the prompt.
    pub text: String,
    /// Questions and traces.
    pub turns: Vec<(Ask, Trace)>,
}

/// What a lesson holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// Least and greatest length of the context, tokens.
    pub tokens: (usize, usize),
    /// Questions.
    pub questions: usize,
    /// Longest trace with its answer, tokens.
    pub response: usize,
    /// Noise of the traces.
    pub noise: Noise,
}

/// Task types of the questions over facts.
const OVER_FACTS: [TaskType; 3] = [TaskType::MultipleChoice, TaskType::MultiHop, TaskType::Reading];
/// Times that a question which was asked before is drawn anew.
const TRIES: usize = 8;

/// Draws a lesson: one context and its questions, each task type as often as the others.
pub fn lesson(stream: &mut Stream, plan: &Plan, count: Count) -> Lesson {
    let kind = home(*stream.pick(&TaskType::ALL));
    let length = length(stream, plan.tokens);
    let context = Context::draw(stream, kind, MOST_HOPS, length, count);
    let fits = |trace: &Trace| count(&trace.thinking) + count(&trace.answer) + 2 <= plan.response;
    let mut turns: Vec<(Ask, Trace)> = Vec::new();
    for _ in 0..plan.questions * TRIES {
        if turns.len() == plan.questions {
            break;
        }
        let task = match kind {
            ContextKind::Facts => *stream.pick(&OVER_FACTS),
            ContextKind::Figures => TaskType::Numeric,
            ContextKind::Chat => TaskType::Dialogue,
        };
        let Some(ask) = question::draw(stream, &context, task, question::flavour(task)) else { continue };
        if turns.iter().all(|(asked, _)| asked.plan != ask.plan) {
            let trace = trace::draw(stream, &context, &ask, &plan.noise, &fits);
            turns.push((ask, trace));
        }
    }
    Lesson { text: context.text, turns }
}
