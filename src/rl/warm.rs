//! Supervised warm start: a base policy that reasons noisily, learned from traces over growing contexts.

use super::batch::{Forward, Part, Row, forward};
use super::optimizer::{AdamW, clip_gradients};
use crate::lm::{Qwen3, Tokenizer};
use crate::spec::settings::{Settings, Warm};
use crate::synth::micro::question::Ask;
use crate::synth::micro::trace::{Noise, Trace};
use crate::synth::micro::{self, Drill, Plan, Skill};
use crate::task::template;
use anyhow::Result;
use longlab_kernels::stream::{Address, Purpose, Stream};
use serde::{Deserialize, Serialize};

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

/// What the warm start remembers between steps: how long contexts may be, and how well look-ups went of late.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Course {
    /// Longest context drawn now, tokens.
    pub tokens: f64,
    /// Running mean of the share of right look-ups.
    pub lookups: f64,
    /// Step at which contexts had grown to `data.max_tokens`.
    pub grown: Option<u64>,
    /// Greatest length of an echoed sequence now, tokens.
    pub echo: f64,
    /// Running mean of the share of right tokens in worked arithmetic.
    pub sums: f64,
}

/// Share of `warm.growth` at which contexts grow past what is mastered.
const IMPATIENT: f64 = 0.25;

/// Share of right tokens from which on arithmetic counts as mastered.
const SUMS_KNOWN: f64 = 0.95;

/// Weight of the newest step in the running mean.
const NEWEST: f64 = 0.1;

impl Course {
    /// The beginning of a course.
    pub fn new(warm: &Warm) -> Course {
        Course { tokens: warm.start_tokens as f64, lookups: 0.0, grown: None, echo: ECHO.0 as f64, sums: 0.0 }
    }

    /// Takes what a step measured.
    fn step(&mut self, settings: &Settings, row: &WarmRow) {
        let warm = &settings.warm;
        if let Some(share) = row.sums {
            self.sums += NEWEST * (share - self.sums);
        }
        if !self.echoes(warm, row.step) {
            self.grow(settings, row);
        } else if row.lookups.is_some_and(|share| share >= warm.mastery) {
            self.echo *= LONGER;
        }
    }

    /// Whether a step echoes: until long sequences are echoed well, for `warm.echo` steps at most.
    fn echoes(&self, warm: &Warm, step: u64) -> bool {
        step <= warm.echo && self.echo < ECHO.1 as f64
    }

    /// Rows of worked arithmetic: none beside echoes, `warm.sums` until it is mastered, an eighth of that afterwards, none in closing.
    fn sums(&self, warm: &Warm, step: u64) -> usize {
        match (self.echoes(warm, step) || closing(warm, step).is_some(), self.sums >= SUMS_KNOWN) {
            (true, _) => 0,
            (false, true) => warm.sums.div_ceil(8),
            (false, false) => warm.sums,
        }
    }

    /// Contexts grow only while they are read well.
    fn grow(&mut self, settings: &Settings, row: &WarmRow) {
        let (warm, most) = (&settings.warm, settings.data.max_tokens as f64);
        if let Some(share) = row.lookups {
            self.lookups += NEWEST * (share - self.lookups);
        }
        // What is not mastered after `warm.patience` steps is left behind slowly.
        let growth = match (self.lookups >= warm.mastery, row.step > warm.patience) {
            (true, _) => warm.growth,
            (false, true) => warm.growth * IMPATIENT,
            (false, false) => 0.0,
        };
        self.tokens = (self.tokens * (1.0 + growth)).min(most);
        if self.tokens >= most {
            self.grown.get_or_insert(row.step);
        }
    }

    /// Draws a context length: the upper half of what is allowed; once contexts have grown, any training length, and now and then a long one.
    fn length(&self, settings: &Settings, stream: &mut Stream) -> usize {
        let (warm, data) = (&settings.warm, &settings.data);
        if self.grown.is_none() {
            let most = self.tokens as usize;
            return stream.range((most / 2).max(warm.start_tokens.min(most))..=most);
        }
        if stream.chance(warm.long_share) {
            return stream.range(data.max_tokens..=warm.long_tokens);
        }
        stream.range(data.min_tokens..=data.max_tokens)
    }

    /// Whether contexts are still so short that nothing but reading is practised.
    fn reads_first(&self) -> bool {
        self.tokens < READING_FIRST
    }

    /// Rows of practice among the rows of a lesson: all at first, `warm.drills` while contexts grow, a third of that afterwards, none in closing.
    fn drills(&self, warm: &Warm, step: u64) -> usize {
        let share = match (self.grown, closing(warm, step)) {
            _ if self.reads_first() => 1.0,
            (_, Some(_)) => 0.0,
            (Some(_), None) => warm.drills / 3.0,
            (None, None) => warm.drills,
        };
        (warm.questions as f64 * share).round() as usize
    }

    /// Contexts of a step: as many as the token budget carries.
    fn contexts(&self, warm: &Warm) -> usize {
        let row = if self.reads_first() { SHORT_ROW } else { ROW_TOKENS };
        (warm.tokens / (self.tokens as usize + warm.questions * row)).max(1)
    }
}

/// Context length from which on traces and arithmetic join the practice of reading, tokens.
const READING_FIRST: f64 = 128.0;

/// A row's usual length, for the budget; and that of a drill over a short context.
const ROW_TOKENS: usize = 60;
const SHORT_ROW: usize = 30;

/// Share of the steps at the end over which the rate falls to nothing and only traces are learned.
const CLOSING: f64 = 0.25;

fn closing(warm: &Warm, step: u64) -> Option<f64> {
    let from = (warm.steps as f64 * (1.0 - CLOSING)).ceil();
    (step as f64 > from).then(|| (step as f64 - from) / (warm.steps as f64 - from))
}

/// The rate at a step: linear warm-up, a plateau, and a linear fall over the last quarter of the steps.
pub fn rate(warm: &Warm, step: u64) -> f64 {
    let rising = (step as f64 / warm.warmup.max(1) as f64).min(1.0);
    // The last step still learns a little.
    let falling = closing(warm, step).map_or(1.0, |done| 1.0 - 0.98 * done);
    warm.rate * rising.min(falling)
}

/// One continuation: its tokens, which of them are learned, and what it is for.
struct Line {
    tokens: Vec<u32>,
    learned: Vec<bool>,
    role: Role,
}

/// What a line is for: a trace with the place where its final answer begins, or practice.
#[derive(Clone, Copy)]
enum Role {
    Trace(usize),
    Drill(Skill),
    Echo,
}

struct Example {
    prefix: Vec<u32>,
    lines: Vec<Line>,
}

/// What a step reads: echoes or lessons.
fn readings(settings: &Settings, tokenizer: &Tokenizer, course: &Course, seed: u64, step: u64) -> Result<Vec<Example>> {
    match course.echoes(&settings.warm, step) {
        true => Ok(echoes(&settings.warm, tokenizer.vocab_size(), course, seed, step)),
        false => lessons(settings, tokenizer, course, seed, step),
    }
}

/// Rows of worked arithmetic after empty contexts, a few to each, since a row attends over all rows of its context before it is
/// masked: they ask for no reading.
fn sums(rows: usize, tokenizer: &Tokenizer, seed: u64, step: u64) -> Result<Vec<Example>> {
    let prefix = tokenizer.encode(&template::documents(""))?;
    let example = |n: usize| {
        let mut stream = Address::new(seed, Purpose::Warm).step(step as u32).sample((SUMS_AT + n) as u64).stream();
        let own = SUMS_ROWS.min(rows - n * SUMS_ROWS);
        let lines = (0..own).map(|_| drill_line(tokenizer, &micro::arithmetic(&mut stream))).collect::<Result<_>>()?;
        Ok(Example { prefix: prefix.clone(), lines })
    };
    (0..rows.div_ceil(SUMS_ROWS)).map(example).collect()
}

/// Rows of arithmetic to an empty context, and the address of the first such context: past all others of a step.
const SUMS_ROWS: usize = 6;
const SUMS_AT: usize = 1 << 20;

fn lessons(settings: &Settings, tokenizer: &Tokenizer, course: &Course, seed: u64, step: u64) -> Result<Vec<Example>> {
    let warm = &settings.warm;
    let noise = Noise { hasty: warm.hasty, mistakes: warm.mistakes, detours: warm.detours };
    let drills = course.drills(warm, step).min(warm.questions);
    (0..course.contexts(warm))
        .map(|n| {
            let mut stream = Address::new(seed, Purpose::Warm).step(step as u32).sample(n as u64).stream();
            let tokens = course.length(settings, &mut stream);
            let first = course.reads_first();
            let plan = Plan { tokens, questions: warm.questions - drills, drills, first, noise };
            let lesson = micro::lesson(&mut stream, &plan);
            let traces = lesson.turns.iter().map(|(ask, trace)| trace_line(tokenizer, ask, trace));
            let looked_up = lesson.drills.iter().map(|drill| drill_line(tokenizer, drill));
            let lines = traces.chain(looked_up).collect::<Result<_>>()?;
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

/// Greatest length of the first sequences to be echoed and of the last, and how much longer they are after a step that was echoed well.
const ECHO: (usize, usize) = (4, 40);
const LONGER: f64 = 1.25;

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
    fn count(&mut self, chunk: &[Example], parts: &[Part], pass: &Forward) {
        for (&(p, r, t), &best) in pass.positions.iter().zip(&pass.best) {
            let right = best == parts[p].rows[r].targets[t];
            match chunk[p].lines[r].role {
                Role::Drill(Skill::LookUp) | Role::Echo => self.lookups.count(right),
                Role::Drill(Skill::Arithmetic) => self.sums.count(right),
                Role::Trace(from) if t + 1 >= from => self.answers.count(right),
                Role::Trace(_) | Role::Drill(_) => {}
            }
        }
    }
}

/// Weight of the arithmetic beside what is read.
const SUMS_SHARE: f32 = 0.5;

/// Examples of like length, as many a pass as take no more than `train.micro_prompts` contexts of full length would.
fn chunks(mut examples: Vec<Example>, settings: &Settings) -> Vec<Vec<Example>> {
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

/// One supervised step: draws lessons, learns traces and look-ups (not the questions).
pub fn step(
    settings: &Settings,
    model: &Qwen3,
    tokenizer: &Tokenizer,
    optimizer: &mut AdamW,
    course: &mut Course,
    seed: u64,
    step: u64,
) -> Result<WarmRow> {
    let readings = readings(settings, tokenizer, course, seed, step)?;
    let sums = sums(course.sums(&settings.warm, step), tokenizer, seed, step)?;
    let context_tokens = readings.iter().map(|e| e.prefix.len()).sum::<usize>() as f64 / readings.len() as f64;
    let pad = tokenizer.id(template::PAD).unwrap_or_default();
    let mut tally = Tally::default();
    // Each kind is a mean of its own: arithmetic has many tokens and would drown the look-ups.
    for (examples, share) in [(readings, 1.0), (sums, SUMS_SHARE)] {
        let learned = examples.iter().flat_map(|e| &e.lines).flat_map(|line| &line.learned).filter(|l| **l).count();
        let weight = share / learned.max(1) as f32;
        for chunk in chunks(examples, settings) {
            let parts: Vec<Part> = chunk.iter().map(|example| part(example, weight)).collect();
            let pass = forward(model, &parts, pad, 1.0, true);
            let objective = -&pass.objective;
            objective.backward();
            tally.loss += objective.double_value(&[]);
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

fn part(example: &Example, weight: f32) -> Part<'_> {
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

/// Every word that the micro world can say, from many draws: the vocabulary of its tokenizer.
pub fn vocabulary() -> Vec<String> {
    let noise = Noise { hasty: 0.3, mistakes: 0.3, detours: 0.5 };
    let mut words = std::collections::BTreeSet::new();
    for n in 0..3000 {
        let mut stream = Address::new(0, Purpose::World).sample(n).stream();
        let plan = Plan { tokens: 64 + 4 * (n as usize % 128), questions: 8, drills: 1, first: false, noise };
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
