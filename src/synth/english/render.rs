//! Facts, figures and chats as documents of a wanted length.

use super::chat::{self, Exchange, SHEET};
use super::facts::{self, Cast, Fact};
use super::figures::{self, Figure, Ledger};
use super::genre::Deck;
use super::names::Kind;
use super::page::{Count, MISSES, Page, Pages, TRIES};
use super::relations::sentence;
use super::sheet::filled;
use longlab_kernels::stream::Stream;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// The documents of one sample, and what they say.
#[derive(Clone, Debug, PartialEq)]
pub struct Context {
    /// The documents as they stand in the prompt.
    pub text: String,
    /// What they say.
    pub body: Body,
}

/// What the documents of a sample say.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// Facts; the first few are a path through different documents.
    Facts(Vec<Stated<Fact>>),
    /// Ledgers, each row with its sentence.
    Figures(Vec<(usize, Vec<Stated<Figure>>)>),
    /// The exchanges of a chat, in their order.
    Chat(Vec<Exchange>),
}

/// Something with the words in which the documents say it.
#[derive(Clone, Debug, PartialEq)]
pub struct Stated<T> {
    /// What is said.
    pub what: T,
    /// The sentence, or the row of a table.
    pub sentence: String,
    /// Its clause without what stands around it; the same as the sentence for a row.
    pub clause: String,
}

/// The three kinds of context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContextKind {
    /// See [`Body::Facts`].
    Facts,
    /// See [`Body::Figures`].
    Figures,
    /// See [`Body::Chat`].
    Chat,
}

/// Share of facts that are passed on in the words of a genre.
const PASSED_ON: f64 = 0.4;
/// Share of facts that stand in the document about one of their names, where there is one.
const AT_HOME: f64 = 0.7;
/// Share of ledgers with a table.
const TABLES: f64 = 0.6;

impl Context {
    /// Draws a context of at most `length` tokens (200 or more), most often within ten of it; `hops` facts of it are a path.
    pub fn draw(stream: &mut Stream, kind: ContextKind, hops: usize, length: usize, count: Count) -> Context {
        match kind {
            ContextKind::Facts => Context::of_facts(stream, hops, length, count),
            ContextKind::Figures => Context::of_figures(stream, length, count),
            ContextKind::Chat => Context::of_chat(stream, length, count),
        }
    }

    fn of_facts(stream: &mut Stream, hops: usize, length: usize, count: Count) -> Context {
        let wanted = (length / 40).clamp(hops + 3, 24);
        let cast = Cast::draw(stream, wanted);
        let facts = facts::draw(stream, &cast, wanted, hops);
        let mut pages = Pages::draw(stream, documents(length), cast.of(Kind::Town), cast.of(Kind::Firm));
        let stated = place(stream, &mut pages.0, facts, hops);
        Context { text: pages.filled(stream, length, count), body: Body::Facts(stated) }
    }

    fn of_figures(stream: &mut Stream, length: usize, count: Count) -> Context {
        let ledgers = figures::draw(stream, (length / 150).clamp(1, 4));
        let taken: Vec<&str> = ledgers.iter().flat_map(|ledger| &ledger.rows).map(|row| row.name.as_str()).collect();
        let mut pages = Pages::of_strangers(stream, documents(length), &taken);
        let order = stream.choose_distinct(pages.0.len(), pages.0.len());
        let homes = order.into_iter().cycle();
        let stated =
            ledgers.iter().zip(homes).map(|(ledger, home)| (ledger.topic, enter(stream, &mut pages.0, home, ledger)));
        let body = Body::Figures(stated.collect());
        Context { text: pages.filled(stream, length, count), body }
    }

    fn of_chat(stream: &mut Stream, length: usize, count: Count) -> Context {
        let exchanges = chat::draw(stream, (length / 55).clamp(3, 30));
        let text = Talk::of(stream, &exchanges).filled(stream, length, count);
        Context { text, body: Body::Chat(exchanges) }
    }
}

/// Documents of a context: enough for the hops of any path.
fn documents(length: usize) -> usize {
    (length / 150).clamp(3, 8)
}

/// Puts facts into documents: the first `apart` into different ones, others where they are at home or anywhere.
fn place(stream: &mut Stream, pages: &mut [Page], facts: Vec<Fact>, apart: usize) -> Vec<Stated<Fact>> {
    let own = stream.choose_distinct(pages.len(), apart.min(pages.len()));
    let mut homes: Vec<(usize, usize)> = Vec::new();
    for (number, fact) in facts.iter().enumerate() {
        let named = pages
            .iter()
            .position(|page| page.anchor.as_ref().is_some_and(|name| [&fact.head, &fact.tail].contains(&name)));
        let at_home = named.filter(|_| stream.chance(AT_HOME));
        let home = own.get(number).copied().or(at_home).unwrap_or_else(|| stream.below(pages.len()));
        homes.push((home, number));
    }
    stream.shuffle(&mut homes);
    // What is known of one head stands together.
    let first = |fact: &Fact| facts.iter().position(|other| other.head == fact.head);
    homes.sort_by_key(|&(home, number)| (home, first(&facts[number])));
    let mut stated: Vec<Option<Stated<Fact>>> = vec![None; facts.len()];
    for (home, number) in homes {
        let fact = &facts[number];
        let clause = fact.clause(stream.below(fact.rel().clauses.len()));
        let sentence = match stream.chance(PASSED_ON) {
            true => pages[home].pass_on(stream, &clause),
            false => {
                pages[home].say(sentence(&clause));
                sentence(&clause)
            }
        };
        stated[number] = Some(Stated { what: fact.clone(), sentence, clause });
    }
    stated.into_iter().flatten().collect()
}

/// Enters a ledger: most rows in a table of the document `home` or as its sentences, the last one or two elsewhere.
fn enter(stream: &mut Stream, pages: &mut [Page], home: usize, ledger: &Ledger) -> Vec<Stated<Figure>> {
    let (about, rows) = (ledger.about(), &ledger.rows);
    let table = stream.chance(TABLES);
    let listed = rows.len() - stream.range(1..=2);
    let row = |figure: &Figure| format!("| {} | {} |", figure.name, figure.amount);
    if table {
        let heads = [format!("| {} | {} |", about.heads.0, about.heads.1), "| --- | --- |".to_string()];
        let lines = heads.into_iter().chain(rows[..listed].iter().map(row)).collect();
        pages[home].show(format!("The table shows {}:", about.shows), lines);
    }
    // Each row in other words than the one before.
    let forms = stream.choose_distinct(about.sentences.len(), about.sentences.len());
    let others: Vec<usize> = (0..pages.len()).filter(|&page| page != home).collect();
    let mut stated = Vec::new();
    for (number, figure) in rows.iter().enumerate() {
        let sentence = if table && number < listed {
            row(figure)
        } else {
            let form = about.sentences[forms[number % forms.len()]];
            let page = if number < listed { home } else { *stream.pick(&others) };
            let sentence = form.replace("{x}", &figure.name).replace("{n}", &figure.amount.to_string());
            pages[page].say(sentence.clone());
            sentence
        };
        stated.push(Stated { what: figure.clone(), clause: sentence.clone(), sentence });
    }
    stated
}

/// A chat in the making: its lines, and the days on which they were written.
struct Talk {
    /// Lines; exchanges are one entry of two lines.
    entries: Vec<(String, bool)>,
    speakers: Vec<&'static str>,
    titles: Vec<String>,
}

/// What is said between exchanges.
static REMARKS: LazyLock<Vec<&'static str>> = LazyLock::new(|| SHEET.all("talk"));

/// Exchanges a document.
const EXCHANGES: usize = 6;

impl Talk {
    fn of(stream: &mut Stream, exchanges: &[Exchange]) -> Talk {
        let speakers = chat::speakers(stream);
        let entry = |exchange: &Exchange| {
            let pair = stream.choose_distinct(speakers.len(), 2);
            let (asks, answers) = (speakers[pair[0]], speakers[pair[1]]);
            (format!("{asks}: {}\n{answers}: {}.", exchange.ask, exchange.reply), false)
        };
        let entries = exchanges.iter().map(entry).collect();
        let phrase = *stream.pick(&SHEET.all("title"));
        let days = exchanges.len().div_ceil(EXCHANGES);
        let from = stream.below(super::names::DAYS.len());
        let day = |n: usize| super::names::DAYS[(from + n) % super::names::DAYS.len()];
        let titles = (0..days).map(|n| filled(stream, phrase, &[("day", day(n))])).collect();
        Talk { entries, speakers, titles }
    }

    /// The text, with remarks between the exchanges up to `length` tokens.
    fn filled(mut self, stream: &mut Stream, length: usize, count: Count) -> String {
        let (mut used, mut said, mut remarks) = (count(&self.text()), BTreeSet::new(), Deck::of(&REMARKS));
        let mut misses = 0;
        for _ in 0..TRIES {
            let remark = remarks.next(stream, &[]);
            let line = format!("{}: {remark}", stream.pick(&self.speakers));
            let cost = count(&format!("\n{line}"));
            if used + cost > length {
                misses += 1;
            } else if said.insert(remark) {
                used += cost;
                misses = 0;
                self.entries.insert(stream.below(self.entries.len() + 1), (line, true));
            }
            if misses == MISSES {
                break;
            }
        }
        while count(&self.text()) > length {
            let Some(last) = self.entries.iter().rposition(|(_, remark)| *remark) else { break };
            self.entries.remove(last);
        }
        self.text()
    }

    fn text(&self) -> String {
        let each = self.entries.len().div_ceil(self.titles.len()).max(1);
        let parts = self.entries.chunks(each).zip(&self.titles).enumerate().map(|(n, (entries, title))| {
            let lines: Vec<&str> = entries.iter().map(|(line, _)| line.as_str()).collect();
            format!("Document {}: {title}\n{}", n + 1, lines.join("\n"))
        });
        parts.collect::<Vec<_>>().join("\n\n")
    }
}
