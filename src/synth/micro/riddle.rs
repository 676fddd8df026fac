//! Questions that a policy poses itself, in the language of the micro world, and the three roles of self-play in words that its tokenizer
//! knows. A question follows relations from a name ("What is the mayor of the home of Anna?"); it can be read, checked against the kinds of
//! the world without any document, and executed over the facts that documents state.

use super::facts::{Fact, Kind, RELATIONS, walk};
use super::question::{about_path, rivals};
use super::read;
use super::render::{Body, Context};
use crate::task::template::{END, THINK_END};
use longlab_kernels::self_play::Verdict;
use longlab_kernels::stream::Stream;

/// A question with its reference answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Riddle {
    /// The question in its one form, as it stands in a prompt.
    pub question: String,
    /// The reference.
    pub reference: &'static str,
    /// The name that it begins from.
    pub head: &'static str,
    /// Relations in the order in which they are followed, as places in [`RELATIONS`].
    pub path: Vec<usize>,
}

/// Most relations that a question may follow.
pub const MOST_HOPS: usize = 8;

impl Riddle {
    /// What the documents say the answer is; none where they do not say.
    pub fn answer(&self, facts: &[Fact]) -> Option<&'static str> {
        let next = |here: &'static str, &relation: &usize| {
            facts.iter().find(|fact| fact.relation == relation && fact.head == here).map(|fact| fact.tail)
        };
        self.path.iter().try_fold(self.head, next)
    }
}

/// Reads a question with its reference from a response of the questioner; none where it is malformed: thinking that does not close, another
/// form than "What is the R of the R of NAME? The answer is NAME.", relations that do not fit together, a reference of another kind than
/// the question asks for.
///
/// ```
/// use longlab::synth::micro::riddle::parse;
/// let riddle = parse("It says Anna lives in Oslo. </think> What is the river of the home of Anna? The answer is Arno.<|im_end|>").unwrap();
/// assert_eq!((riddle.head, riddle.path.len(), riddle.reference), ("Anna", 2, "Arno"));
/// assert!(parse("</think> What is the river of the pet of Anna? The answer is Arno.").is_none(), "animals have no river");
/// assert!(parse("</think> What is the river of the home of Anna? The answer is tea.").is_none(), "tea is no river");
/// ```
pub fn parse(response: &str) -> Option<Riddle> {
    let (_, said) = response.rsplit_once(THINK_END)?;
    let (question, answer) = said.split(END).next()?.split_once('?')?;
    let mut words: Vec<&str> = question.trim().strip_prefix("What is ")?.split(' ').collect();
    let (kind, head) = read::kind_of(words.pop()?)?;
    // "the R of", outermost first.
    let (links, rest) = words.as_chunks::<3>();
    if !rest.is_empty() || links.is_empty() || links.len() > MOST_HOPS {
        return None;
    }
    let (mut kind, mut path) = (kind, Vec::new());
    for link in links.iter().rev() {
        let ["the", noun, "of"] = *link else { return None };
        let (place, relation) = RELATIONS.iter().enumerate().find(|(_, r)| r.noun == noun && r.head == kind)?;
        path.push(place);
        kind = relation.tail;
    }
    let reference = read::name(kind, answer.trim().strip_prefix("The answer is ")?.strip_suffix('.')?.trim())?;
    Some(Riddle { question: format!("{}?", question.trim()), reference, head, path })
}

/// What the questioner is asked after its documents: another question than those it posed before.
pub fn ask(before: &[(String, String)]) -> String {
    let shown: String = before.iter().map(|(q, a)| format!("Here is a riddle: {q} The answer is {a}. ")).collect();
    let article = if before.is_empty() { "a" } else { "another" };
    format!("{shown}Write {article} riddle.")
}

/// What the verifier is asked: whether an answer means the same as the reference. It sees no documents.
pub fn compare(question: &str, answer: &str, reference: &str) -> String {
    format!("{question} The first answer is {answer}. The second answer is {reference}.")
}

/// Reads a vote. What stands after the thinking must say one of the two words and not the other.
pub fn vote(response: &str, finished: bool) -> Verdict {
    let said = response.rsplit_once(THINK_END).map(|(_, said)| said).filter(|_| finished).unwrap_or_default();
    match (said.contains(YES), said.contains(NO)) {
        (true, false) => Verdict::Yes,
        (false, true) => Verdict::No,
        _ => Verdict::Malformed,
    }
}

const YES: &str = "correct";
const NO: &str = "wrong";

/// A role's turn as the warm start teaches it.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// What is asked.
    pub ask: String,
    /// What is thought.
    pub thinking: String,
    /// What is said.
    pub answer: String,
}

/// Questions shown as posed before, at most.
const SHOWN: usize = 3;

/// A questioner's turn over a context of facts: it says the facts that it follows, then asks for their end. With chance `slips` it misreads one
/// of them, and its reference is wrong. None where the context holds no facts.
pub fn posed(stream: &mut Stream, context: &Context, slips: f64) -> Option<Turn> {
    let Body::Facts(facts) = &context.body else { return None };
    let path = |stream: &mut Stream| {
        let hops = stream.range(1..=4);
        walk(stream, facts, hops).or_else(|| walk(stream, facts, 1))
    };
    let count = stream.below(SHOWN + 1);
    let mut before = Vec::new();
    for _ in 0..count {
        let earlier = path(stream)?;
        let posed = about_path(stream, facts, earlier, false);
        before.push((posed.question, posed.gold));
    }
    let path = path(stream)?;
    let slip = stream.chance(slips).then(|| stream.below(path.len()));
    let question = about_path(stream, facts, path.clone(), false).question;
    let (mut thinking, mut here) = (Vec::new(), path[0].head);
    for (n, hop) in path.iter().enumerate() {
        let known = facts.iter().find(|fact| fact.relation == hop.relation && fact.head == here);
        let tail = match known.filter(|_| slip != Some(n)) {
            Some(fact) => fact.tail,
            None => rivals(stream, facts, hop, 1)[0],
        };
        thinking.push(format!("The {} of {here} is {tail}.", hop.rel().noun));
        here = tail;
    }
    Some(Turn { ask: ask(&before), thinking: thinking.join(" "), answer: format!("{question} The answer is {here}.") })
}

/// A verifier's turn: half of the answers are the reference, the others are other names of its kind. With chance `slips` the verdict is the
/// other one.
pub fn judged(stream: &mut Stream, slips: f64) -> Turn {
    let relation = &RELATIONS[stream.below(RELATIONS.len())];
    let (heads, names) = (relation.head.names(), relation.tail.names());
    let question = format!("What is {}the {} of {}?", outer(stream, relation.tail), relation.noun, stream.pick(heads));
    // What is asked for may be of another kind than the name at its heart; the two answers are always of one kind.
    let reference = *stream.pick(names);
    let same = stream.chance(0.5);
    let answer = if same { reference } else { other(stream, names, reference) };
    let verdict = if same != stream.chance(slips) { YES } else { NO };
    let thinking = format!("The first is {answer}. The second is {reference}.");
    Turn { ask: compare(&question, answer, reference), thinking, answer: format!("That is {verdict}.") }
}

fn other(stream: &mut Stream, names: &'static [&'static str], not: &str) -> &'static str {
    let rest: Vec<&'static str> = names.iter().filter(|name| **name != not).copied().collect();
    stream.pick::<&str>(&rest)
}

/// Now and then another relation around a question; it must lead back to the same kind, so that answers stay of that kind.
fn outer(stream: &mut Stream, kind: Kind) -> String {
    match kind == Kind::Person && stream.chance(0.5) {
        true => format!("the {} of ", if stream.chance(0.5) { "mentor" } else { "friend" }),
        false => String::new(),
    }
}
