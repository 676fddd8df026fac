//! Thinking traces of a noisy reasoner: varied wording and length, second looks, detours, hasty guesses and mistakes.

use super::facts::{Fact, Figure};
use super::lexicon as lex;
use super::question::{Ask, Operation, Plan, compute, letter, rivals};
use super::render::{Body, Context, Turn};
use longlab_kernels::stream::Stream;

/// How noisy the reasoner is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Noise {
    /// Share of traces that guess instead of looking up.
    pub hasty: f64,
    /// Chance of a wrong look-up or slip in a trace that does look up.
    pub mistakes: f64,
    /// Chance of a detour or second look at each step.
    pub detours: f64,
}

/// A trace: what is thought before `</think>` and what is answered after it.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// Thinking text.
    pub thinking: String,
    /// Final answer text.
    pub answer: String,
}

const CAREFUL: [&str; 5] = ["Let me see.", "I look for it step by step.", "First the facts.", "Okay, let me read.", ""];
const HASTY: [&str; 4] = ["I guess.", "Let me guess.", "No need to read.", "I think I know."];
const SECOND_LOOK: [&str; 3] = ["Let me check.", "Once more.", "To be sure."];
const TURN_BACK: [&str; 2] = ["Wait, no.", "No, that is wrong."];

/// Draws a trace for a question.
pub fn draw(stream: &mut Stream, context: &Context, ask: &Ask, noise: &Noise) -> Trace {
    let hasty = stream.chance(temptation(&ask.plan) * noise.hasty);
    let opening = *stream.pick(if hasty { &HASTY[..] } else { &CAREFUL[..] });
    let mut writer = Writer { stream, noise, hasty, parts: vec![opening.to_string()] };
    let answer = match &ask.plan {
        Plan::Hops(path, options) => writer.hops(context, path, options.as_ref()),
        Plan::Rows(operation, rows) => writer.rows(*operation, rows),
        Plan::Recall(turns, wanted) => writer.recall(turns, *wanted),
    };
    let thinking = writer.parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    Trace { thinking, answer }
}

/// How tempting it is to guess, by kind of question: chosen so that no task type is too easy for the base policy, nor too hard.
fn temptation(plan: &Plan) -> f64 {
    match plan {
        Plan::Hops(path, None) if path.len() == 1 => 1.6,
        Plan::Hops(_, Some(_)) => 1.8,
        Plan::Hops(..) => 1.4,
        Plan::Rows(..) => 1.7,
        Plan::Recall(..) => 2.4,
    }
}

/// A computation without look-ups: the cue and what a careful reasoner writes after it.
pub fn worked(stream: &mut Stream) -> (String, String) {
    let noise = Noise { hasty: 0.0, mistakes: 0.0, detours: 0.0 };
    let amounts: Vec<u32> = (0..3).map(|_| 10 + stream.below(90) as u32).collect();
    let (a, b, c) = (amounts[0], amounts[1], amounts[2]);
    let rows: Vec<Figure> = amounts.iter().map(|&amount| Figure { company: "", year: 0, amount, form: 0 }).collect();
    let (cue, operation) = match stream.below(4) {
        0 => (format!("The sum of {a} and {b}:"), Operation::Sum),
        1 => (format!("The difference of {a} and {b}:"), Operation::Difference),
        2 => (format!("The highest of {a}, {b} and {c}:"), Operation::Maximum),
        _ => {
            let limit = 10 * stream.range(3..=7) as u32;
            (format!("How many of {a}, {b} and {c} earned more than {limit}:"), Operation::Count(limit))
        }
    };
    let mut writer = Writer { stream, noise: &noise, hasty: false, parts: Vec::new() };
    writer.compute(operation, &rows);
    (cue, writer.parts.join(" "))
}

struct Writer<'a> {
    stream: &'a mut Stream,
    noise: &'a Noise,
    hasty: bool,
    parts: Vec<String>,
}

impl Writer<'_> {
    fn say(&mut self, text: impl Into<String>) {
        self.parts.push(text.into());
    }

    fn slips(&mut self) -> bool {
        self.stream.chance(self.noise.mistakes)
    }

    fn strays(&mut self) -> bool {
        self.stream.chance(self.noise.detours)
    }

    /// Says a step, now and then twice, now and then wrongly first; the value that stands at the end is returned.
    fn step<T: Copy>(&mut self, right: T, wrong: T, say: impl Fn(T) -> String) -> T {
        if self.slips() {
            self.say(say(wrong));
            if self.stream.chance(0.4) {
                let turn = *self.stream.pick(&TURN_BACK);
                self.say(turn);
                self.say(say(right));
                return right;
            }
            return wrong;
        }
        self.say(say(right));
        if self.strays() {
            let look = *self.stream.pick(&SECOND_LOOK);
            self.say(look);
            self.say(say(right));
        }
        right
    }

    fn hops(&mut self, context: &Context, path: &[Fact], options: Option<&(Vec<&'static str>, usize)>) -> String {
        let facts: &[Fact] = if let Body::Facts(facts) = &context.body { facts } else { &[] };
        let last = path[path.len() - 1];
        let found = if self.hasty { self.guess(facts, &last, options) } else { self.follow(facts, path) };
        let Some((names, _)) = options else { return format!("Therefore, the answer is {found}.") };
        let option = match names.iter().position(|name| *name == found) {
            Some(option) => option,
            None => self.stream.below(names.len()),
        };
        if !self.hasty {
            self.say(format!("The letter of {} is {}.", names[option], letter(option)));
        }
        format!("The correct answer is ({}).", letter(option))
    }

    fn guess(&mut self, facts: &[Fact], last: &Fact, options: Option<&(Vec<&'static str>, usize)>) -> &'static str {
        if let Some((names, _)) = options {
            return self.stream.pick::<&str>(names);
        }
        let mut names = rivals(self.stream, facts, last, 3);
        names.push(last.tail);
        self.stream.pick::<&str>(&names)
    }

    fn follow(&mut self, facts: &[Fact], path: &[Fact]) -> &'static str {
        let mut here = path[0].head;
        for (i, hop) in path.iter().enumerate() {
            if i == 0 && self.strays() {
                let aside = *self.stream.pick(facts);
                self.say(format!("{} That does not help.", aside.sentence()));
            }
            // After a mistake the walk goes on from where it stands, as far as the documents carry it.
            let known = facts.iter().find(|f| f.relation == hop.relation && f.head == here).copied();
            let other = rivals(self.stream, facts, hop, 1)[0];
            let right = known.map_or(other, |fact| fact.tail);
            let quote = known.filter(|fact| fact.form > 0 && self.stream.chance(0.3));
            if let Some(fact) = quote {
                self.say(format!("It says {}", fact.sentence()));
            }
            let wrong = rivals(self.stream, facts, known.as_ref().unwrap_or(hop), 1)[0];
            let noun = hop.rel().noun;
            here = self.step(right, wrong, |tail| format!("The {noun} of {here} is {tail}."));
        }
        here
    }

    fn rows(&mut self, operation: Operation, rows: &[Figure]) -> String {
        if self.hasty {
            let right = compute(operation, rows) as i64;
            let span = if matches!(operation, Operation::Count(_)) { 1 } else { 20 };
            let guess = (right + self.stream.range(0..=2 * span as usize) as i64 - span).max(0);
            return format!("Therefore, the answer is {guess}.");
        }
        let mut read = Vec::new();
        for row in rows {
            let wrong = 10 + self.stream.below(90) as u32;
            let amount = self.step(row.amount, wrong, |amount| format!("{} earned {amount}.", row.name()));
            read.push(Figure { amount, ..*row });
        }
        let result = self.compute(operation, &read);
        format!("Therefore, the answer is {result}.")
    }

    fn compute(&mut self, operation: Operation, rows: &[Figure]) -> u32 {
        let amounts: Vec<u32> = rows.iter().map(|row| row.amount).collect();
        match operation {
            Operation::Sum => self.add(amounts[0], amounts[1]),
            Operation::Difference => self.subtract(amounts[0].max(amounts[1]), amounts[0].min(amounts[1])),
            Operation::Maximum => {
                let highest = compute(operation, rows);
                self.say(format!("The highest is {highest}."));
                highest
            }
            Operation::Count(limit) => {
                let mut count = 0;
                for amount in amounts {
                    let above = amount > limit;
                    count += u32::from(above);
                    let word = if above { "more" } else { "not more" };
                    self.say(format!("{amount} is {word} than {limit}, {count}."));
                }
                count
            }
        }
    }

    fn add(&mut self, a: u32, b: u32) -> u32 {
        let ones = a % 10 + b % 10;
        let carry = ones / 10;
        self.say(format!("{} + {} = {ones}.", a % 10, b % 10));
        let tens = a / 10 + b / 10 + carry;
        let carried = if carry > 0 { " + 1" } else { "" };
        self.say(format!("{} + {}{carried} = {tens}.", a / 10, b / 10));
        let right = a + b;
        let wrong = if carry > 0 { right - 10 } else { right + 1 };
        self.step(right, wrong, |sum| format!("The sum is {sum}."))
    }

    fn subtract(&mut self, a: u32, b: u32) -> u32 {
        let borrow = u32::from(a % 10 < b % 10);
        let ones = a % 10 + 10 * borrow - b % 10;
        self.say(format!("{} - {} = {ones}.", a % 10 + 10 * borrow, b % 10));
        let borrowed = if borrow > 0 { " - 1" } else { "" };
        let right = a - b;
        self.say(format!("{} - {}{borrowed} = {}.", a / 10, b / 10, right / 10));
        let wrong = if borrow > 0 { right + 10 } else { right + 1 };
        self.step(right, wrong, |rest| format!("The difference is {rest}."))
    }

    fn recall(&mut self, turns: &[Turn], wanted: usize) -> String {
        let other = (wanted + 1 + self.stream.below(turns.len() - 1)) % turns.len();
        let found = if self.hasty { self.stream.below(turns.len()) } else { wanted };
        let mut words: Vec<&str> = turns[found].piece.split(' ').collect();
        // A slip of memory in the middle: the dense reward counts what is right.
        if self.slips() {
            let place = self.stream.below(words.len() - 1) + 1;
            words[place] = self.stream.pick::<&str>(&lex::WORDS);
        }
        let right = words.join(" ");
        let name = format!("The {} {} about {} is", lex::ORDINALS[wanted], turns[wanted].form, turns[wanted].topic);
        let piece = if self.hasty {
            right.as_str()
        } else {
            self.step(right.as_str(), turns[other].piece.as_str(), |piece| format!("{name} {piece}."))
        };
        format!("Therefore, the answer is {piece}.")
    }
}
