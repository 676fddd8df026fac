//! Traces of a noisy reasoner for the supervised warm start: a few sentences that go through the evidence, then the answer.

use super::chat::Exchange;
use super::facts::{Fact, said};
use super::figures::{AMOUNTS, Figure};
use super::question::{Ask, NUMBERS, ORDINALS, Operation, Plan, compute, letter, listed, rivals};
use super::relations::{capitalised, sentence};
use super::render::{Body, Context, Stated};
use crate::synth::Noise;
use longlab_kernels::stream::Stream;

/// A trace: what is said before the answer, and the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// A few sentences.
    pub thinking: String,
    /// The sentence with the answer.
    pub answer: String,
}

const CAREFUL: [&str; 6] = ["", "", "", "Let me look it up.", "I go through the documents.", "First, the facts."];
const HASTY: [&str; 4] = ["I will guess.", "This is only a guess.", "I do not need to look.", "I answer from memory."];
const SECOND_LOOK: [&str; 3] = ["Let me check.", "Once more, to be sure.", "I read it again."];
const TURN_BACK: [&str; 3] = ["No, that is wrong.", "Wait, I misread that.", "That is not right."];

/// Draws a trace for a question. One that does not fit (`fits`) is drawn again, the third time as short as can be, and then taken as it is.
pub fn draw(stream: &mut Stream, context: &Context, ask: &Ask, noise: &Noise, fits: &dyn Fn(&Trace) -> bool) -> Trace {
    for _ in 0..2 {
        let trace = once(stream, context, ask, noise, &CAREFUL);
        if fits(&trace) {
            return trace;
        }
    }
    once(stream, context, ask, &Noise { detours: 0.0, mistakes: 0.0, ..*noise }, &[""])
}

fn once(stream: &mut Stream, context: &Context, ask: &Ask, noise: &Noise, careful: &[&str]) -> Trace {
    let hasty = stream.chance(temptation(&ask.plan) * noise.hasty);
    let opening = if hasty { *stream.pick(&HASTY) } else { *stream.pick(careful) };
    let mut writer = Writer { stream, noise, hasty, parts: vec![opening.to_string()] };
    let answer = match (&ask.plan, &context.body) {
        (Plan::Hops(path, options), Body::Facts(facts)) => writer.hops(facts, path, options.as_ref()),
        (Plan::Rows(operation, ledger, rows), Body::Figures(ledgers)) => {
            writer.rows(*operation, rows.iter().map(|&row| &ledgers[*ledger].1[row].what).collect())
        }
        (Plan::Recall(alike, wanted), Body::Chat(exchanges)) => {
            writer.recall(alike.iter().map(|&place| &exchanges[place]).collect(), *wanted)
        }
        // A question is asked over the context that it was drawn from.
        _ => ask.gold.clone(),
    };
    let thinking = writer.parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    Trace { thinking, answer: format!("Therefore, the answer is {answer}.") }
}

/// How tempting it is to guess, by kind of question: so that no task type is too easy for the base policy, nor too hard.
fn temptation(plan: &Plan) -> f64 {
    match plan {
        Plan::Hops(path, None) if path.len() == 1 => 1.4,
        Plan::Hops(_, Some(_)) => 1.4,
        Plan::Hops(..) => 0.8,
        Plan::Rows(..) => 0.8,
        Plan::Recall(..) => 1.4,
    }
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
    fn step<T: Clone>(&mut self, right: T, wrong: T, say: impl Fn(&T) -> String) -> T {
        if self.slips() {
            self.say(say(&wrong));
            if !self.stream.chance(0.4) {
                return wrong;
            }
            let turn = *self.stream.pick(&TURN_BACK);
            self.say(turn);
            self.say(say(&right));
            return right;
        }
        self.say(say(&right));
        if self.strays() {
            let look = *self.stream.pick(&SECOND_LOOK);
            self.say(look);
            self.say(say(&right));
        }
        right
    }

    fn hops(&mut self, facts: &[Stated<Fact>], path: &[usize], options: Option<&(Vec<String>, usize)>) -> String {
        let last = &facts[path[path.len() - 1]].what;
        let found = if self.hasty { self.guess(facts, last, options) } else { self.follow(facts, path) };
        let Some((names, _)) = options else { return found };
        let option = names.iter().position(|name| *name == found);
        let option = option.unwrap_or_else(|| self.stream.below(names.len()));
        if !self.hasty {
            self.say(format!("That is option {}.", letter(option)));
        }
        letter(option).to_string()
    }

    fn guess(&mut self, facts: &[Stated<Fact>], last: &Fact, options: Option<&(Vec<String>, usize)>) -> String {
        if let Some((names, _)) = options {
            return self.stream.pick(names).clone();
        }
        let mut names = rivals(self.stream, facts, last, 3);
        names.push(last.tail.clone());
        self.stream.pick(&names).clone()
    }

    fn follow(&mut self, facts: &[Stated<Fact>], path: &[usize]) -> String {
        let mut here = facts[path[0]].what.head.clone();
        let others: Vec<usize> = (0..facts.len()).filter(|fact| !path.contains(fact)).collect();
        if self.strays() && !others.is_empty() {
            let aside = &facts[*self.stream.pick(&others)].clause;
            self.say(format!("{}, but that does not help.", capitalised(aside)));
        }
        for &hop in path {
            // After a mistake the walk goes on from where it stands, as far as the documents carry it.
            let hop = &facts[hop].what;
            let known = facts.iter().find(|fact| fact.what.relation == hop.relation && fact.what.head == here);
            let other = rivals(self.stream, facts, hop, 1).remove(0);
            let right = known.map_or(other, |fact| fact.what.tail.clone());
            let wrong = rivals(self.stream, facts, known.map_or(hop, |fact| &fact.what), 1).remove(0);
            // Half of the time in the words of the document.
            let form = match known.filter(|_| self.stream.chance(0.5)) {
                Some(fact) => hop.rel().clauses.iter().position(|clause| said(clause, &here, &right) == fact.clause),
                None => None,
            };
            let clause = hop.rel().clauses[form.unwrap_or(0)];
            let from = here.clone();
            here = self.step(right, wrong, |tail| sentence(&said(clause, &from, tail)));
        }
        here
    }

    fn rows(&mut self, operation: Operation, rows: Vec<&Figure>) -> String {
        let amounts: Vec<u32> = rows.iter().map(|row| row.amount).collect();
        if self.hasty {
            return self.estimate(operation, &amounts).to_string();
        }
        let mut misread = amounts.clone();
        let place = self.stream.below(misread.len());
        misread[place] = self.stream.range(AMOUNTS.0..=AMOUNTS.1);
        let read = self.step(amounts, misread, |amounts| {
            let has = |(row, amount): (&&Figure, &u32)| format!("{} has {amount}", row.name);
            format!("{}.", listed(&rows.iter().zip(amounts).map(has).collect::<Vec<_>>()))
        });
        self.compute(operation, &read).to_string()
    }

    /// A guess near the result.
    fn estimate(&mut self, operation: Operation, amounts: &[u32]) -> u32 {
        let span = if matches!(operation, Operation::Count(_)) { 1 } else { 3 };
        let right = compute(operation, amounts);
        (right + self.stream.range(0..=2 * span)).saturating_sub(span)
    }

    fn compute(&mut self, operation: Operation, amounts: &[u32]) -> u32 {
        let right = compute(operation, amounts);
        match operation {
            Operation::Sum => amounts[1..].iter().fold(amounts[0], |sum, &amount| {
                let slip = self.slip();
                self.step(sum + amount, sum + amount + slip, |result| format!("{sum} + {amount} = {result}."))
            }),
            Operation::Difference => {
                let (more, less) = (amounts[0].max(amounts[1]), amounts[0].min(amounts[1]));
                let slip = self.slip();
                self.step(right, right + slip, |result| format!("{more} - {less} = {result}."))
            }
            Operation::Maximum => {
                let wrong = *self.stream.pick(amounts);
                self.step(right, wrong, |result| format!("The largest of these is {result}."))
            }
            Operation::Count(limit) => {
                let above: Vec<String> = amounts.iter().filter(|&&a| a > limit).map(u32::to_string).collect();
                self.say(match above.len() {
                    0 => format!("None of these is more than {limit}."),
                    1 => format!("Only {} is more than {limit}.", above[0]),
                    _ => format!("More than {limit} are {}.", listed(&above)),
                });
                let wrong = if right == 0 { 1 } else { right - 1 };
                self.step(right, wrong, |result| format!("That makes {result}."))
            }
        }
    }

    /// How far a wrong result is off.
    fn slip(&mut self) -> u32 {
        *self.stream.pick(&[1, 2, 10])
    }

    fn recall(&mut self, alike: Vec<&Exchange>, wanted: usize) -> String {
        let name = alike[wanted].about().name;
        let other = (wanted + 1 + self.stream.below(alike.len() - 1)) % alike.len();
        if self.hasty {
            let any = self.stream.below(alike.len());
            return self.remembered(alike[any]);
        }
        self.say(format!("There are {} answers about {name}.", NUMBERS[alike.len() - 1]));
        let start = |exchange: &Exchange| exchange.reply.split(' ').take(START).collect::<Vec<_>>().join(" ");
        let found = self.step(wanted, other, |&place| {
            format!("The {} one begins with \"{}\".", ORDINALS[wanted], start(alike[place]))
        });
        self.remembered(alike[found])
    }

    /// An answer from memory: now and then its end is another one's.
    fn remembered(&mut self, exchange: &Exchange) -> String {
        if !self.slips() {
            return exchange.reply.clone();
        }
        let ends = &exchange.about().parts[2];
        let right = ends.iter().find(|end| exchange.reply.ends_with(*end)).copied().unwrap_or_default();
        exchange.reply.replace(right, self.stream.pick::<&str>(ends))
    }
}

/// Words with which a trace calls an answer of a chat to mind.
const START: usize = 3;
