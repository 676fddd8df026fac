//! Supervised warm start: a base policy that reasons noisily, learned from traces over growing contexts.

mod course;
mod practice;

pub use course::{Course, rate};

use super::batch::{self, Learned, Part, Way};
use super::optimizer::{AdamW, clip_gradients};
use crate::lm::{Decoder, Tokenizer};
use crate::spec::settings::Settings;
use crate::synth::micro::trace::Noise;
use crate::synth::micro::{self, Plan, Skill};
use crate::task::template;
use anyhow::Result;
use longlab_kernels::stream::{Address, Purpose};
use practice::{Example, Role, chunks, part, readings, sums, verdicts};

/// What one warm step measured.
#[derive(Clone, Debug, PartialEq)]
pub struct WarmRow {
    /// Step, from 1.
    pub step: u64,
    /// Mean negative log-likelihood of trace tokens, nats.
    pub loss: f64,
    /// Share of answer tokens whose most probable token is the right one.
    pub accuracy: f64,
    /// The same for the tokens that plain look-ups and echoes ask for (not for recitations or arithmetic); none when the step held none.
    pub lookups: Option<f64>,
    /// The same for the tokens of worked arithmetic; none when the step held none.
    pub sums: Option<f64>,
    /// Mean context length, tokens.
    pub context_tokens: f64,
}

#[derive(Default)]
struct Share {
    hits: usize,
    all: usize,
}

impl Share {
    fn count(&mut self, hit: bool) {
        self.all += 1;
        self.hits += usize::from(hit);
    }

    fn value(&self) -> Option<f64> {
        (self.all > 0).then(|| self.hits as f64 / self.all as f64)
    }
}

/// What the passes of a step came to.
#[derive(Default)]
struct Tally {
    loss: f64,
    answers: Share,
    lookups: Share,
    sums: Share,
}

impl Tally {
    fn count(&mut self, chunk: &[Example], parts: &[Part], pass: &Learned) {
        for (&(p, r, t), &best) in pass.positions.iter().zip(&pass.best) {
            let right = best == parts[p].rows[r].targets[t];
            match chunk[p].lines[r].role {
                Role::Drill(Skill::LookUp) | Role::Echo => self.lookups.count(right),
                Role::Drill(Skill::Arithmetic) => self.sums.count(right),
                Role::Trace(from) if t + 1 >= from => self.answers.count(right),
                Role::Trace(_) | Role::Drill(_) | Role::Turn => {}
            }
        }
    }
}

/// Weight of the arithmetic beside what is read, and of the verdicts.
const SUMS_SHARE: f32 = 0.5;

/// One supervised step: draws lessons, learns traces and look-ups (not the questions).
pub fn step(
    settings: &Settings,
    model: &Decoder,
    tokenizer: &Tokenizer,
    optimizer: &mut AdamW,
    course: &mut Course,
    seed: u64,
    step: u64,
) -> Result<WarmRow> {
    let readings = readings(settings, tokenizer, course, seed, step)?;
    let sums = sums(course.sums(settings, step), tokenizer, seed, step)?;
    let verdicts = verdicts(settings, tokenizer, seed, step)?;
    let context_tokens = readings.iter().map(|e| e.prefix.len()).sum::<usize>() as f64 / readings.len() as f64;
    let pad = tokenizer.id(template::PAD).unwrap_or_default();
    let mut tally = Tally::default();
    // Each kind is a mean of its own: arithmetic has many tokens and would drown the look-ups.
    for (examples, share) in [(readings, 1.0), (sums, SUMS_SHARE), (verdicts, SUMS_SHARE)] {
        let learned = examples.iter().flat_map(|e| &e.lines).flat_map(|line| &line.learned).filter(|l| **l).count();
        let weight = share / learned.max(1) as f32;
        for chunk in chunks(examples, settings) {
            let parts: Vec<Part> = chunk.iter().map(|example| part(example, weight)).collect();
            let pass = batch::learn(model, &parts, Way::of(settings, pad, 1.0), true)?;
            tally.loss -= pass.objective;
            tally.count(&chunk, &parts, &pass);
        }
    }
    clip_gradients(model.parameters(), settings.train.clip_norm);
    optimizer.step(model.parameters(), rate(&settings.warm, step));
    let row = WarmRow {
        step,
        loss: tally.loss,
        accuracy: tally.answers.value().unwrap_or(0.0),
        lookups: tally.lookups.value(),
        sums: tally.sums.value(),
        context_tokens,
    };
    course.step(settings, &row);
    Ok(row)
}

/// Every word that the micro world can say, from many draws: the vocabulary of its tokenizer.
pub fn vocabulary() -> Vec<String> {
    let noise = Noise { hasty: 0.3, mistakes: 0.3, detours: 0.5 };
    let mut words = std::collections::BTreeSet::new();
    for n in 0..3000 {
        let mut stream = Address::new(0, Purpose::World).sample(n).stream();
        let plan =
            Plan { tokens: 64 + 4 * (n as usize % 128), questions: 8, drills: 1, riddles: 0, first: false, noise };
        let lesson = micro::lesson(&mut stream, &plan);
        let mut take = |text: &str| {
            for word in text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()) {
                if word.parse::<u32>().is_err() {
                    words.insert(word.to_string());
                }
            }
        };
        take(&lesson.text);
        for (cue, tail) in lesson.drills.iter().flat_map(|drill| &drill.parts) {
            take(cue);
            take(tail);
        }
        for (ask, trace) in &lesson.turns {
            take(&ask.question);
            take(&trace.thinking);
            take(&trace.answer);
        }
    }
    words.extend(micro::lexicon::YEARS.iter().map(u32::to_string));
    words.extend((0..=micro::lexicon::MOST).map(|number| number.to_string()));
    words.extend(["(", ")", ".", ",", ":", "?", "|", "+", "-", "="].map(String::from));
    words.into_iter().collect()
}
