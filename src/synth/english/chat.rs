//! The chat of one sample: colleagues ask about the same matters again and again, and each time the answer is another one.

use super::names::FIRST;
use super::sheet::Sheet;
use longlab_kernels::stream::Stream;
use std::sync::LazyLock;

/// The phrases of chats.
pub static SHEET: LazyLock<Sheet> = LazyLock::new(|| Sheet::of(include_str!("words/chat.txt")));

/// A matter that is asked about, and the parts of its answers. No answer takes a part that another answer of its chat has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matter {
    /// How it is called ("the boiler").
    pub name: &'static str,
    /// Subjects, predicates and endings of answers.
    pub parts: [Vec<&'static str>; 3],
}

/// All matters.
pub static MATTERS: LazyLock<Vec<Matter>> = LazyLock::new(|| {
    let mut matters: Vec<Matter> = Vec::new();
    for (key, text) in SHEET.lines() {
        let place = ["who", "did", "end"].iter().position(|part| part == key);
        match (place, matters.last_mut()) {
            (Some(place), Some(matter)) => matter.parts[place] = text.split("; ").collect(),
            (None, _) if *key == "topic" => matters.push(Matter { name: text, parts: Default::default() }),
            _ => {}
        }
    }
    matters
});

/// One question and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Index into [`MATTERS`].
    pub matter: usize,
    /// How many exchanges about the matter came before.
    pub ordinal: usize,
    /// The question.
    pub ask: String,
    /// The answer, 8 to 15 words, without its full stop.
    pub reply: String,
}

impl Exchange {
    /// What it is about.
    pub fn about(&self) -> &'static Matter {
        &MATTERS[self.matter]
    }
}

/// Most exchanges about one matter.
pub const ALIKE: usize = 4;

/// Draws `count` exchanges, two at least; the matter that the first few are about comes two to four times.
pub fn draw(stream: &mut Stream, count: usize) -> Vec<Exchange> {
    let count = count.max(2);
    let mut order: Vec<usize> = Vec::new();
    for matter in stream.choose_distinct(MATTERS.len(), MATTERS.len()) {
        let least = if order.is_empty() { 2 } else { 1 };
        let alike = stream.range(least..=ALIKE).min(count - order.len());
        order.extend(std::iter::repeat_n(matter, alike));
    }
    order.truncate(count);
    stream.shuffle(&mut order);
    let parts: Vec<[Vec<&str>; 3]> =
        MATTERS.iter().map(|matter| matter.parts.clone().map(|part| mixed(stream, part))).collect();
    let asks = SHEET.all("ask");
    let mut before = vec![0; MATTERS.len()];
    order
        .into_iter()
        .map(|matter| {
            let ordinal = before[matter];
            before[matter] += 1;
            let [who, did, end] = parts[matter].each_ref().map(|part| part[ordinal]);
            let reply = format!("{who} {did}{} {end}", comma(end));
            let ask = stream.pick(&asks).replace("{topic}", MATTERS[matter].name);
            Exchange { matter, ordinal, ask, reply }
        })
        .collect()
}

/// What stands before the ending of an answer.
fn comma(end: &str) -> &'static str {
    let first = end.split(' ').next().unwrap_or_default();
    if ["which", "so", "but", "although", "though"].contains(&first) { "," } else { "" }
}

fn mixed<'a>(stream: &mut Stream, mut items: Vec<&'a str>) -> Vec<&'a str> {
    stream.shuffle(&mut items);
    items
}

/// First names of those who chat.
pub fn speakers(stream: &mut Stream) -> Vec<&'static str> {
    stream.choose_distinct(FIRST.len(), SPEAKERS).into_iter().map(|place| FIRST[place]).collect()
}

/// People in a chat.
const SPEAKERS: usize = 3;
