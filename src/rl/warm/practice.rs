//! What a warm step reads: echoes of random tokens, lessons over documents, worked arithmetic.

mod english;

use super::course::{Course, ROW_TOKENS};
use crate::lm::Tokenizer;
use crate::rl::batch::{Part, Row};
use crate::spec::settings::{Settings, Warm, World};
use crate::synth::micro::question::Ask;
use crate::synth::micro::trace::{Noise, Trace};
use crate::synth::micro::{self, Drill, Plan, Skill, riddle};
use crate::task::template;
use anyhow::Result;
use longlab_kernels::stream::{Address, Purpose};

/// One continuation: its tokens, which of them are learned, and what it is for.
pub(super) struct Line {
    pub tokens: Vec<u32>,
    pub learned: Vec<bool>,
    pub role: Role,
}

/// What a line is for: a trace with the place where its final answer begins, or practice.
#[derive(Clone, Copy)]
pub(super) enum Role {
    Trace(usize),
    Drill(Skill),
    Echo,
    /// A turn of the questioner or the verifier of self-play.
    Turn,
}

pub(super) struct Example {
    pub prefix: Vec<u32>,
    pub lines: Vec<Line>,
}

/// What a step reads: echoes or lessons; in English always lessons.
pub(super) fn readings(
    settings: &Settings,
    tokenizer: &Tokenizer,
    course: &Course,
    seed: u64,
    step: u64,
) -> Result<Vec<Example>> {
    if settings.data.world == World::English {
        return english::lessons(settings, tokenizer, seed, step);
    }
    match course.echoes(&settings.warm, step) {
        true => Ok(echoes(&settings.warm, tokenizer.vocab_size(), course, seed, step)),
        false => lessons(settings, tokenizer, course, seed, step),
    }
}

/// Rows of worked arithmetic after empty contexts, a few to each, since a row attends over all rows of its context before it is
/// masked: they ask for no reading.
pub(super) fn sums(rows: usize, tokenizer: &Tokenizer, seed: u64, step: u64) -> Result<Vec<Example>> {
    let prefix = tokenizer.encode(&template::documents(""))?;
    let example = |n: usize| {
        let mut stream = Address::new(seed, Purpose::Warm).step(step as u32).sample((SUMS_AT + n) as u64).stream();
        let own = SUMS_ROWS.min(rows - n * SUMS_ROWS);
        let lines = (0..own).map(|_| drill_line(tokenizer, &micro::arithmetic(&mut stream))).collect::<Result<_>>()?;
        Ok(Example { prefix: prefix.clone(), lines })
    };
    (0..rows.div_ceil(SUMS_ROWS)).map(example).collect()
}

/// Rows of verdicts on two answers after empty contexts: a verifier sees no documents. None in English.
pub(super) fn verdicts(settings: &Settings, tokenizer: &Tokenizer, seed: u64, step: u64) -> Result<Vec<Example>> {
    let rows = if settings.data.world == World::Micro { settings.warm.verdicts } else { 0 };
    let prefix = tokenizer.encode(&template::documents(""))?;
    let example = |n: usize| {
        let mut stream = Address::new(seed, Purpose::Warm).step(step as u32).sample((VERDICTS_AT + n) as u64).stream();
        let own = SUMS_ROWS.min(rows - n * SUMS_ROWS);
        let line = |_| turn_line(tokenizer, &riddle::judged(&mut stream, settings.warm.mistakes));
        Ok(Example { prefix: prefix.clone(), lines: (0..own).map(line).collect::<Result<_>>()? })
    };
    (0..rows.div_ceil(SUMS_ROWS)).map(example).collect()
}

/// Rows of arithmetic or verdicts to an empty context, and the address of the first such context: past all others of a step.
const SUMS_ROWS: usize = 6;
const SUMS_AT: usize = 1 << 20;
const VERDICTS_AT: usize = 1 << 21;

fn lessons(settings: &Settings, tokenizer: &Tokenizer, course: &Course, seed: u64, step: u64) -> Result<Vec<Example>> {
    let warm = &settings.warm;
    let noise = Noise { hasty: warm.hasty, mistakes: warm.mistakes, detours: warm.detours };
    let drills = course.drills(warm, step).min(warm.questions);
    (0..course.contexts(warm))
        .map(|n| {
            let mut stream = Address::new(seed, Purpose::Warm).step(step as u32).sample(n as u64).stream();
            let tokens = course.length(settings, &mut stream);
            let first = course.reads_first();
            let riddles = if first { 0 } else { warm.riddles };
            let plan = Plan { tokens, questions: warm.questions - drills, drills, riddles, first, noise };
            let lesson = micro::lesson(&mut stream, &plan);
            let traces = lesson.turns.iter().map(|(ask, trace)| trace_line(tokenizer, ask, trace));
            let looked_up = lesson.drills.iter().map(|drill| drill_line(tokenizer, drill));
            let posed = lesson.riddles.iter().map(|turn| turn_line(tokenizer, turn));
            let lines = traces.chain(looked_up).chain(posed).collect::<Result<_>>()?;
            Ok(Example { prefix: tokenizer.encode(&template::documents(&lesson.text))?, lines })
        })
        .collect()
}

/// Random tokens, each once, and rows that say them again from some place on: nothing but looking back tells what comes
/// next, and every token asks for it. Among few tokens the circuit that copies forms in a fraction of the steps that text needs, and the
/// sequences grow longer as it does.
fn echoes(warm: &Warm, vocabulary: usize, course: &Course, seed: u64, step: u64) -> Vec<Example> {
    let words = vocabulary - FIRST_WORD;
    let most = (course.echo as usize).min(words);
    (0..(warm.tokens / (most + ECHO_ROWS * most / 2)).max(1))
        .map(|n| {
            let mut stream = Address::new(seed, Purpose::Warm).step(step as u32).sample(n as u64).stream();
            let length = stream.range((most / 2).max(ECHO.0)..=most);
            let prefix: Vec<u32> =
                stream.choose_distinct(words, length).into_iter().map(|word| (FIRST_WORD + word) as u32).collect();
            let lines = (0..ECHO_ROWS).map(|_| {
                let tokens = prefix[stream.below(length - 1)..].to_vec();
                let learned = (0..tokens.len()).map(|t| t > 0).collect();
                Line { tokens, learned, role: Role::Echo }
            });
            Example { lines: lines.collect(), prefix }
        })
        .collect()
}

/// Id of the first word of the tokenizer: the unknown word and the special tokens stand before it.
const FIRST_WORD: usize = template::SPECIALS.len() + 1;

/// Greatest length of the first sequences to be echoed and of the last, tokens.
pub(super) const ECHO: (usize, usize) = (4, 40);

/// Rows that echo a sequence.
const ECHO_ROWS: usize = 4;

fn trace_line(tokenizer: &Tokenizer, ask: &Ask, trace: &Trace) -> Result<Line> {
    let mut tokens = tokenizer.encode(&template::question(&ask.question))?;
    let asked = tokens.len();
    tokens.extend(tokenizer.encode(&template::response(&trace.thinking, &trace.answer))?);
    let close = tokenizer.id(template::THINK_END);
    let answer_from = tokens.iter().position(|&token| Some(token) == close).map_or(tokens.len(), |i| i + 1);
    let learned = (0..tokens.len()).map(|t| t >= asked).collect();
    Ok(Line { tokens, learned, role: Role::Trace(answer_from) })
}

fn turn_line(tokenizer: &Tokenizer, turn: &riddle::Turn) -> Result<Line> {
    let mut tokens = tokenizer.encode(&template::question(&turn.ask))?;
    let asked = tokens.len();
    tokens.extend(tokenizer.encode(&template::response(&turn.thinking, &turn.answer))?);
    let learned = (0..tokens.len()).map(|t| t >= asked).collect();
    Ok(Line { tokens, learned, role: Role::Turn })
}

fn drill_line(tokenizer: &Tokenizer, drill: &Drill) -> Result<Line> {
    let mut line = Line { tokens: Vec::new(), learned: Vec::new(), role: Role::Drill(drill.skill) };
    for (cue, tail) in &drill.parts {
        line.tokens.extend(tokenizer.encode(cue)?);
        line.learned.resize(line.tokens.len(), false);
        line.tokens.extend(tokenizer.encode(tail)?);
        line.learned.resize(line.tokens.len(), true);
    }
    Ok(line)
}

/// Examples of like length, as many a pass as take no more than `train.micro_prompts` contexts of full length would.
pub(super) fn chunks(mut examples: Vec<Example>, settings: &Settings) -> Vec<Vec<Example>> {
    let full = settings.data.max_tokens + settings.warm.questions * ROW_TOKENS;
    let size = |e: &Example| e.prefix.len() + e.lines.iter().map(|line| line.tokens.len()).sum::<usize>();
    examples.sort_by_key(size);
    let mut chunks: Vec<Vec<Example>> = Vec::new();
    for example in examples {
        let padded = |chunk: &Vec<Example>| (chunk.len() + 1) * size(&example);
        match chunks.last_mut().filter(|chunk| padded(chunk) <= settings.train.micro_prompts * full) {
            Some(chunk) => chunk.push(example),
            None => chunks.push(vec![example]),
        }
    }
    chunks
}

pub(super) fn part(example: &Example, weight: f32) -> Part<'_> {
    let rows = example.lines.iter().map(|line| {
        let weights = line.learned[1..].iter().map(|&learned| if learned { weight } else { 0.0 });
        Row {
            inputs: line.tokens[..line.tokens.len() - 1].to_vec(),
            targets: line.tokens[1..].to_vec(),
            weights: weights.collect(),
        }
    });
    Part { prefix: &example.prefix, rows: rows.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn echoes_say_a_stretch_of_their_context_again() {
        let warm = Warm::default();
        let mut course = Course::new(&warm);
        for longest in [ECHO.0, 7, ECHO.1] {
            course.echo = longest as f64;
            for example in echoes(&warm, 100, &course, 3, 1) {
                let (context, n) = (&example.prefix, example.prefix.len());
                assert!(((longest / 2).max(ECHO.0)..=longest).contains(&n));
                let mut seen = context.clone();
                seen.sort_unstable();
                seen.dedup();
                assert_eq!(seen.len(), n, "a token comes once");
                assert!(context.iter().all(|token| (FIRST_WORD as u32..100).contains(token)));
                for line in &example.lines {
                    assert!(line.tokens.len() > 1 && context.ends_with(&line.tokens));
                    assert!(!line.learned[0] && line.learned[1..].iter().all(|&learned| learned));
                }
            }
        }
    }
}
