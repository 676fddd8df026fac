//! Small counts of one sample: trees a street, calls a person, buses a town.

use super::names::{self, Kind};
use longlab_kernels::stream::Stream;

/// What is counted, and how documents and questions say it. `{x}` is the name of a row, `{n}` its number, `{xs}` a list of names, `{a}` the row
/// with more and `{b}` that with less, `{k}` a threshold.
#[derive(Debug, PartialEq)]
pub struct Topic {
    /// What the rows are.
    pub rows: RowKind,
    /// Title of the names' column and of the numbers'.
    pub heads: (&'static str, &'static str),
    /// What a table of it shows.
    pub shows: &'static str,
    /// Sentences that say one row.
    pub sentences: [&'static str; 4],
    /// Question for a sum.
    pub sum: &'static str,
    /// Question for a difference.
    pub difference: &'static str,
    /// Question for the largest number.
    pub maximum: &'static str,
    /// Question for how many numbers lie above a threshold.
    pub count: &'static str,
}

/// What the rows of a topic are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowKind {
    /// Streets.
    Street,
    /// See [`Kind`].
    Of(Kind),
}

/// All topics.
pub static TOPICS: [Topic; 10] = [
    Topic {
        rows: RowKind::Street,
        heads: ("Street", "Trees planted"),
        shows: "how many trees were planted in each street",
        sentences: [
            "In {x} the gardeners planted {n} trees.",
            "The number of trees planted in {x} is {n}.",
            "Another {n} trees were planted in {x}.",
            "For {x} the list of the gardeners says {n} trees.",
        ],
        sum: "How many trees were planted in {xs} in total?",
        difference: "How many more trees were planted in {a} than in {b}?",
        maximum: "What is the largest number of trees planted in one of these streets: {xs}?",
        count: "In how many of these streets were more than {k} trees planted: {xs}?",
    },
    Topic {
        rows: RowKind::Street,
        heads: ("Street", "Broken lamps"),
        shows: "how many lamps are broken in each street",
        sentences: [
            "In {x} there are {n} broken lamps.",
            "The electrician counted {n} broken lamps in {x}.",
            "The number of broken lamps in {x} is {n}.",
            "People in {x} complained about {n} broken lamps.",
        ],
        sum: "How many broken lamps are there in {xs} in total?",
        difference: "How many more broken lamps are there in {a} than in {b}?",
        maximum: "What is the largest number of broken lamps in one of these streets: {xs}?",
        count: "In how many of these streets are there more than {k} broken lamps: {xs}?",
    },
    Topic {
        rows: RowKind::Of(Kind::Person),
        heads: ("Name", "Cakes baked"),
        shows: "how many cakes everybody baked for the fair",
        sentences: [
            "{x} baked {n} cakes for the fair.",
            "The number of cakes from {x} is {n}.",
            "We owe {n} cakes at the fair to {x}.",
            "For the fair {x} brought {n} cakes from home.",
        ],
        sum: "How many cakes did {xs} bake for the fair in total?",
        difference: "How many more cakes did {a} bake than {b}?",
        maximum: "What is the largest number of cakes that one of these people baked: {xs}?",
        count: "How many of these people baked more than {k} cakes: {xs}?",
    },
    Topic {
        rows: RowKind::Of(Kind::Person),
        heads: ("Name", "Hours worked"),
        shows: "how many hours the helpers worked",
        sentences: [
            "{x} worked {n} hours as a helper.",
            "The helper {x} wrote down {n} hours.",
            "The time sheet of {x} shows {n} hours.",
            "As a helper {x} gave up {n} hours of free time.",
        ],
        sum: "How many hours did {xs} work in total?",
        difference: "How many more hours did {a} work than {b}?",
        maximum: "What is the largest number of hours that one of these helpers worked: {xs}?",
        count: "How many of these helpers worked more than {k} hours: {xs}?",
    },
    Topic {
        rows: RowKind::Of(Kind::Person),
        heads: ("Name", "Calls answered"),
        shows: "how many calls everybody answered",
        sentences: [
            "{x} answered {n} calls.",
            "The telephone list shows {n} calls for {x}.",
            "The number of calls answered by {x} is {n}.",
            "At the telephone {x} dealt with {n} calls.",
        ],
        sum: "How many calls did {xs} answer in total?",
        difference: "How many more calls did {a} answer than {b}?",
        maximum: "What is the largest number of calls that one of these people answered: {xs}?",
        count: "How many of these people answered more than {k} calls: {xs}?",
    },
    Topic {
        rows: RowKind::Of(Kind::Town),
        heads: ("Town", "Buses a day"),
        shows: "how many buses stop in each town a day",
        sentences: [
            "In {x} there are {n} buses a day.",
            "The timetable for {x} lists {n} buses a day.",
            "The number of buses a day in {x} is {n}.",
            "People in {x} can choose between {n} buses a day.",
        ],
        sum: "How many buses a day are there in {xs} in total?",
        difference: "How many more buses a day are there in {a} than in {b}?",
        maximum: "What is the largest number of buses a day in one of these towns: {xs}?",
        count: "In how many of these towns are there more than {k} buses a day: {xs}?",
    },
    Topic {
        rows: RowKind::Of(Kind::Town),
        heads: ("Town", "New members"),
        shows: "how many new members joined in each town",
        sentences: [
            "In {x} the society won {n} new members.",
            "The branch in {x} reports {n} new members.",
            "The number of new members in {x} is {n}.",
            "Since the last count {n} new members have joined in {x}.",
        ],
        sum: "How many new members joined in {xs} in total?",
        difference: "How many more new members joined in {a} than in {b}?",
        maximum: "What is the largest number of new members in one of these towns: {xs}?",
        count: "In how many of these towns did more than {k} new members join: {xs}?",
    },
    Topic {
        rows: RowKind::Of(Kind::Firm),
        heads: ("Firm", "Vans"),
        shows: "how many vans each firm owns",
        sentences: [
            "{x} owns {n} vans.",
            "The number of vans owned by {x} is {n}.",
            "In the yard of {x} there are {n} vans.",
            "For its deliveries {x} uses {n} vans of its own.",
        ],
        sum: "How many vans do {xs} own in total?",
        difference: "How many more vans does {a} own than {b}?",
        maximum: "What is the largest number of vans that one of these firms owns: {xs}?",
        count: "How many of these firms own more than {k} vans: {xs}?",
    },
    Topic {
        rows: RowKind::Of(Kind::Firm),
        heads: ("Firm", "Apprentices"),
        shows: "how many apprentices each firm has",
        sentences: [
            "{x} trains {n} apprentices.",
            "The number of apprentices at {x} is {n}.",
            "This year {x} took on {n} apprentices.",
            "There are {n} apprentices learning their trade at {x}.",
        ],
        sum: "How many apprentices do {xs} have in total?",
        difference: "How many more apprentices does {a} have than {b}?",
        maximum: "What is the largest number of apprentices that one of these firms has: {xs}?",
        count: "How many of these firms have more than {k} apprentices: {xs}?",
    },
    Topic {
        rows: RowKind::Of(Kind::Firm),
        heads: ("Firm", "Orders"),
        shows: "how many orders came from each firm",
        sentences: [
            "{x} sent in {n} orders.",
            "The number of orders from {x} is {n}.",
            "From {x} there were {n} orders.",
            "The order book has {n} orders from {x}.",
        ],
        sum: "How many orders came from {xs} in total?",
        difference: "How many more orders came from {a} than from {b}?",
        maximum: "What is the largest number of orders from one of these firms: {xs}?",
        count: "From how many of these firms did more than {k} orders come: {xs}?",
    },
];

/// One row: a name and its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// The name; no other row of the sample has it.
    pub name: String,
    /// The number, 2 to 20; no other row of the ledger has it.
    pub amount: u32,
}

/// The rows of one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    /// Index into [`TOPICS`].
    pub topic: usize,
    /// Its rows.
    pub rows: Vec<Figure>,
}

impl Ledger {
    /// What is counted.
    pub fn about(&self) -> &'static Topic {
        &TOPICS[self.topic]
    }
}

/// Smallest and largest number.
pub const AMOUNTS: (u32, u32) = (2, 20);
/// Fewest and most rows of a ledger.
pub const ROWS: (usize, usize) = (4, 5);

/// Draws `count` ledgers of different topics.
pub fn draw(stream: &mut Stream, count: usize) -> Vec<Ledger> {
    let topics = stream.choose_distinct(TOPICS.len(), count);
    // Names of all ledgers together, so that no name comes twice.
    let mut people = names::people(stream, count * ROWS.1);
    let mut firms = names::firms(stream, count * ROWS.1);
    let mut towns = names::draw(stream, Kind::Town, count * ROWS.1);
    let mut streets = names::some(stream, &names::STREETS, count * ROWS.1);
    let ledger = |topic: usize| {
        let pool = match TOPICS[topic].rows {
            RowKind::Street => &mut streets,
            RowKind::Of(Kind::Firm) => &mut firms,
            RowKind::Of(Kind::Town) => &mut towns,
            RowKind::Of(_) => &mut people,
        };
        let rows = stream.range(ROWS.0..=ROWS.1);
        let amounts = stream.choose_distinct((AMOUNTS.1 - AMOUNTS.0 + 1) as usize, rows);
        let figure = |(name, amount): (String, usize)| Figure { name, amount: AMOUNTS.0 + amount as u32 };
        Ledger { topic, rows: pool.drain(..rows).zip(amounts).map(figure).collect() }
    };
    topics.into_iter().map(ledger).collect()
}
