//! Documents in the making: sentences that must be there, and others up to the wanted length.

use super::genre::{Deck, GENRES, Genre, MONTHS};
use super::names::{self, Kind};
use super::sheet::filled;
use longlab_kernels::stream::Stream;
use std::collections::BTreeSet;

/// Measures a text in tokens.
pub type Count<'a> = &'a dyn Fn(&str) -> usize;

/// One document in the making.
pub(super) struct Page {
    title: String,
    /// The name in its title.
    pub anchor: Option<String>,
    opening: String,
    closing: String,
    lines: Vec<Line>,
    /// A sentence and the rows of a table after it.
    table: Option<(String, Vec<String>)>,
    leads: Deck,
    fillers: Deck,
    /// The time of the year at which it was written, and its weather.
    season: &'static str,
    weather: String,
}

struct Line {
    text: String,
    filler: bool,
}

/// Sentences of a paragraph.
const PARAGRAPH: usize = 5;

impl Page {
    /// An empty page of a genre; its title may name one of `towns` or `firms`.
    fn draw(stream: &mut Stream, genre: &'static Genre, towns: &[String], firms: &[String]) -> Page {
        let anchor = match genre.anchor {
            Some(Kind::Town) => Some(stream.pick(towns).clone()),
            Some(_) => Some(stream.pick(firms).clone()),
            None => None,
        };
        let name = anchor.clone().unwrap_or_default();
        let (month, season) = *stream.pick(&MONTHS);
        let weather = filled(stream, "{weather}", &[]);
        let mut one = |phrases: &[&str]| {
            let phrase = *stream.pick(phrases);
            filled(
                stream,
                phrase,
                &[("town", &name), ("firm", &name), ("month", month), ("season", season), ("weather", &weather)],
            )
        };
        let (title, opening, closing) = (one(&genre.titles), one(&genre.openings), one(&genre.closings));
        let (leads, fillers) = (Deck::of(&genre.leads), Deck::of(&genre.fillers));
        Page { title, anchor, opening, closing, lines: Vec::new(), table: None, leads, fillers, season, weather }
    }

    /// Adds a sentence at the end.
    pub fn say(&mut self, sentence: String) {
        self.lines.push(Line { text: sentence, filler: false });
    }

    /// Passes a clause on, in the words of the genre.
    pub fn pass_on(&mut self, stream: &mut Stream, clause: &str) -> String {
        let sentence = self.leads.next(stream, &[]).replace("{c}", clause);
        self.say(sentence.clone());
        sentence
    }

    /// Adds a table.
    pub fn show(&mut self, sentence: String, rows: Vec<String>) {
        self.table = Some((sentence, rows));
    }

    /// The next sentence that answers nothing.
    fn filler(&mut self, stream: &mut Stream) -> String {
        self.fillers.next(stream, &[("season", self.season), ("weather", &self.weather)])
    }

    /// Puts a filler somewhere among the sentences.
    fn put(&mut self, stream: &mut Stream, text: String) {
        self.lines.insert(stream.below(self.lines.len() + 1), Line { text, filler: true });
    }

    /// Takes the last filler away, where there is one.
    fn shorten(&mut self) -> bool {
        let last = self.lines.iter().rposition(|line| line.filler);
        last.map(|place| self.lines.remove(place)).is_some()
    }

    fn fillers(&self) -> usize {
        self.lines.iter().filter(|line| line.filler).count()
    }

    fn text(&self, number: usize) -> String {
        let mut sentences = vec![self.opening.as_str()];
        sentences.extend(self.lines.iter().map(|line| line.text.as_str()));
        let mut blocks: Vec<String> = Vec::new();
        if self.table.is_none() {
            sentences.push(&self.closing);
        }
        blocks.extend(sentences.chunks(PARAGRAPH).map(|chunk| chunk.join(" ")));
        if let Some((sentence, rows)) = &self.table {
            blocks.extend([sentence.clone(), rows.join("\n"), self.closing.clone()]);
        }
        format!("Document {number}: {}\n{}", self.title, blocks.join("\n"))
    }
}

/// The documents of one sample.
pub(super) struct Pages(pub Vec<Page>);

/// Fillers that may be too long, one after the other, before a text counts as full.
pub(super) const MISSES: usize = 12;
/// Fillers that are tried at most.
pub(super) const TRIES: usize = 4000;

impl Pages {
    /// `count` empty documents of mixed kinds, which may be about `towns` and `firms`.
    pub fn draw(stream: &mut Stream, count: usize, towns: &[String], firms: &[String]) -> Pages {
        let order = stream.choose_distinct(GENRES.len(), GENRES.len());
        let genres = order.iter().cycle().take(count);
        Pages(genres.map(|&genre| Page::draw(stream, &GENRES[genre], towns, firms)).collect())
    }

    /// The same with names of their own.
    pub fn of_strangers(stream: &mut Stream, count: usize, taken: &[&str]) -> Pages {
        let free = |kind, stream: &mut Stream| {
            let names = names::draw(stream, kind, 2 * taken.len() + 1);
            names.into_iter().filter(|name| !taken.contains(&name.as_str())).collect::<Vec<_>>()
        };
        let (towns, firms) = (free(Kind::Town, stream), free(Kind::Firm, stream));
        Pages::draw(stream, count, &towns, &firms)
    }

    /// The text, filled up to at most `length` tokens; longer only where what must be said is longer.
    pub fn filled(mut self, stream: &mut Stream, length: usize, count: Count) -> String {
        let mut used = count(&self.text());
        let (mut said, mut misses) = (BTreeSet::new(), 0);
        for _ in 0..TRIES {
            if misses == MISSES {
                break;
            }
            let page = self.emptiest();
            let filler = self.0[page].filler(stream);
            let cost = count(&format!(" {filler}"));
            if used + cost > length {
                misses += 1;
            } else if said.insert(filler.clone()) {
                used += cost;
                misses = 0;
                self.0[page].put(stream, filler);
            }
        }
        // Tokens of a text are not always the sum of those of its sentences.
        while count(&self.text()) > length && self.0.iter_mut().rev().any(Page::shorten) {}
        self.text()
    }

    /// The page with the fewest fillers.
    fn emptiest(&self) -> usize {
        (0..self.0.len()).min_by_key(|&page| self.0[page].fillers()).unwrap_or(0)
    }

    fn text(&self) -> String {
        let texts = self.0.iter().enumerate().map(|(place, page)| page.text(place + 1));
        texts.collect::<Vec<_>>().join("\n\n")
    }
}
