//! The dialogue engine: conversations in which the same request is made several times and answered each time otherwise (MRCR's construction). What
//! the replies say are passages of real documents.

use crate::corpus::{Corpus, Entry};
use crate::error::Result;
use crate::extend::cut::{is_prose, stretch};
use crate::funnel::Counts;
use crate::item::{Answer, Certificate, Engine, Evidence, Form, Item, Passage, Proof};
use crate::name::Said;
use crate::prompt;
use crate::spec::DialogueSpec;
use crate::tools::Maker;
use crate::tries::by_tries;
use longlab_documents::{Document, Hash, Span};
use longlab_kernels::stream::{Address, Purpose, Stream};
use serde_json::json;

/// Letters that prefixes are made of, and how many: as in MRCR.
const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const PREFIX: usize = 10;

/// Bytes of text that a word is reckoned at: enough for most languages and for code.
const WORD: usize = 12;

/// Longest title in a request, characters.
const TITLE: usize = 80;

/// The dialogue engine.
pub struct DialogueMaker {
    spec: DialogueSpec,
}

impl DialogueMaker {
    /// The engine with its settings.
    pub fn new(spec: DialogueSpec) -> DialogueMaker {
        DialogueMaker { spec }
    }

    fn one(&self, corpus: &Corpus, fit: &[Vec<usize>], stream: &mut Stream) -> Result<Tried> {
        let drawn = stream.below(self.spec.needles.len());
        let count = self.spec.needles[drawn];
        if fit[drawn].is_empty() {
            return Ok(Err("no document long enough for so many replies"));
        }
        let document = corpus.document(*stream.pick(&fit[drawn]))?;
        match replies(&document, count, self.spec.words, stream) {
            Some(spans) => self.item(&document, spans, stream).map(Ok),
            None => Ok(Err("no such number of different passages in the document")),
        }
    }

    fn item(&self, document: &Document, spans: Vec<Span>, stream: &mut Stream) -> Result<Item> {
        let title = title(&document.title, &document.source);
        let request = prompt::wording("dialogue/request", &json!({ "title": title }), stream)?;
        let turn = stream.range(1..=spans.len());
        let prefix: String = (0..PREFIX).map(|_| char::from(*stream.pick(LETTERS))).collect();
        let question = prompt::wording("dialogue/question", &asked(&prefix, turn, &request), stream)?;
        let said = |span: &Span| span.of(&document.text).unwrap_or_default().to_string();
        let evidence = |span: &Span| Evidence { document: document.hash.clone(), span: *span, quote: said(span) };
        let passage = |span: &Span| Passage {
            document: document.hash.clone(),
            title: document.title.clone(),
            span: *span,
            text: String::new(),
        };
        // Without one of the replies up to the one asked for, the next takes its place.
        let next = spans.get(turn).map(|span| format!("{prefix}{}", said(span)));
        Ok(Item {
            id: Hash(String::new()),
            engine: Engine::Dialogue,
            form: Form::Dialogue,
            style: None,
            difficulty: spans.len(),
            question,
            answer: Answer { text: format!("{prefix}{}", said(&spans[turn - 1])), aliases: vec![] },
            passages: spans.iter().map(passage).collect(),
            certificate: Certificate {
                evidence: spans[..turn].iter().map(evidence).collect(),
                necessity: vec![next; turn],
                proof: Proof::Turn {
                    turn,
                    of: spans.len(),
                    prefix,
                    requests: vec![request.clone(); spans.len()],
                    request,
                },
                absent: vec![],
                tokens: 0,
                tokenizer: None,
                work: vec![],
            },
        })
    }
}

type Tried = std::result::Result<Item, &'static str>;

impl Maker for DialogueMaker {
    fn engine(&self) -> Engine {
        Engine::Dialogue
    }

    fn version(&self) -> String {
        format!("dialogue 1 {:?} {}", self.spec, prompt::version())
    }

    fn make(
        &self,
        corpus: &Corpus,
        seed: u64,
        counts: &mut Counts,
        put: &mut dyn FnMut(Item) -> Result<()>,
    ) -> Result<Vec<Hash>> {
        let long_enough = |count: &usize| {
            let bytes = count * self.spec.words[1] * WORD;
            let fit = |(number, entry): (usize, &Entry)| (entry.bytes >= bytes).then_some(number);
            corpus.entries().iter().enumerate().filter_map(fit).collect()
        };
        let fit: Vec<Vec<usize>> = self.spec.needles.iter().map(long_enough).collect();
        let address = Address::new(seed, Purpose::World).rollout(Engine::Dialogue as u32);
        by_tries((self.spec.items, self.spec.patience), counts, put, |number| {
            self.one(corpus, &fit, &mut address.sample(number).stream())
        })?;
        Ok(vec![])
    }
}

/// The values of a question.
pub fn asked(prefix: &str, turn: usize, request: &str) -> serde_json::Value {
    json!({ "prefix": prefix, "ordinal": ordinal(turn), "request": request })
}

/// `1st`, `2nd`, `11th`, ...
pub fn ordinal(number: usize) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

/// The title of a document as a request names it: on one line, without quotes, not too long; the source where there are no letters in it.
pub fn title(title: &str, source: &str) -> String {
    let named = if title.chars().any(char::is_alphanumeric) { title } else { source };
    let line = named.replace('"', "'").split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(TITLE).collect()
}

/// Different stretches of a document that do not overlap, in the order in which they are said.
fn replies(document: &Document, count: usize, words: [usize; 2], stream: &mut Stream) -> Option<Vec<Span>> {
    let text = &document.text;
    let length = words[1] * WORD;
    let places = (text.len() / length).max(1);
    if places < count {
        return None;
    }
    let mut spans: Vec<Span> = vec![];
    for place in stream.choose_distinct(places, count) {
        let wanted = stream.range(words[0]..=words[1]);
        spans.push(stretch(text, place * length, words, wanted).filter(|span| is_prose(document, *span))?);
    }
    let apart = |one: &Span, other: &Span| one.end <= other.start || other.end <= one.start;
    let said: Vec<Said> = spans.iter().map(|span| Said::of(span.of(text).unwrap_or_default())).collect();
    let differ = |one: usize, other: usize| {
        apart(&spans[one], &spans[other]) && !said[one].holds(&said[other]) && !said[other].holds(&said[one])
    };
    let all = (0..count).all(|one| !said[one].is_empty() && (0..one).all(|other| differ(one, other)));
    all.then_some(spans)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinals() {
        let spoken: Vec<String> = [1, 2, 3, 4, 11, 12, 21, 112].into_iter().map(ordinal).collect();
        assert_eq!(spoken, ["1st", "2nd", "3rd", "4th", "11th", "12th", "21st", "112th"]);
    }

    #[test]
    fn titles_are_one_line() {
        assert_eq!(title("A \"great\"\nbook", "x"), "A 'great' book");
        assert_eq!(title("---", "books/a.txt"), "books/a.txt");
    }
}
