//! Kinds of documents: their titles, how they begin and end, how they pass facts on, and what else they talk about.

use super::names::Kind;
use super::sheet::{Sheet, filled};
use longlab_kernels::stream::Stream;
use std::sync::LazyLock;

/// A kind of document.
pub struct Genre {
    /// Titles.
    pub titles: Vec<&'static str>,
    /// First sentences.
    pub openings: Vec<&'static str>,
    /// Last sentences.
    pub closings: Vec<&'static str>,
    /// Sentences around a fact, `{c}` its clause.
    pub leads: Vec<&'static str>,
    /// Sentences that are on topic and answer nothing: they name nobody and hold no numbers.
    pub fillers: Vec<&'static str>,
    /// Kind of the name in the titles, where they have one.
    pub anchor: Option<Kind>,
}

/// All kinds of documents.
pub static GENRES: LazyLock<[Genre; 5]> = LazyLock::new(|| {
    [
        Genre::of(include_str!("words/newsletter.txt"), Some(Kind::Town)),
        Genre::of(include_str!("words/minutes.txt"), None),
        Genre::of(include_str!("words/report.txt"), Some(Kind::Firm)),
        Genre::of(include_str!("words/diary.txt"), None),
        Genre::of(include_str!("words/letter.txt"), None),
    ]
});

/// Months and their seasons.
pub const MONTHS: [(&str, &str); 12] = [
    ("January", "winter"),
    ("February", "winter"),
    ("March", "spring"),
    ("April", "spring"),
    ("May", "spring"),
    ("June", "summer"),
    ("July", "summer"),
    ("August", "summer"),
    ("September", "autumn"),
    ("October", "autumn"),
    ("November", "autumn"),
    ("December", "winter"),
];

impl Genre {
    fn of(text: &'static str, anchor: Option<Kind>) -> Genre {
        let sheet = Sheet::of(text);
        let [titles, openings, closings, leads, fillers] =
            ["title", "open", "close", "lead", "fill"].map(|key| sheet.all(key));
        Genre { titles, openings, closings, leads, fillers, anchor }
    }
}

/// Phrases in a mixed order; after the last one they are mixed anew. Slots are filled when a phrase is taken.
pub struct Deck {
    phrases: &'static [&'static str],
    order: Vec<usize>,
}

impl Deck {
    /// A deck of phrases.
    pub fn of(phrases: &'static [&'static str]) -> Deck {
        Deck { phrases, order: Vec::new() }
    }

    /// The next phrase; `own` slots are filled with what stands there.
    pub fn next(&mut self, stream: &mut Stream, own: &[(&str, &str)]) -> String {
        if self.order.is_empty() {
            self.order = stream.choose_distinct(self.phrases.len(), self.phrases.len());
        }
        let phrase = self.order.pop().map_or("", |place| self.phrases[place]);
        filled(stream, phrase, own)
    }
}
