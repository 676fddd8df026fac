//! Irrelevant passages for an item: near in topic or from anywhere, and proved to hold nothing of the evidence.

use super::Extender;
use super::absence::Absence;
use super::cut::{is_prose, piece, stretch};
use crate::dialogue::title;
use crate::error::Result;
use crate::item::{Item, Passage, Proof};
use crate::name::same;
use crate::prompt;
use longlab_documents::{Document, Hash, Span};
use longlab_kernels::stream::Stream;
use serde_json::json;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Tokens that the layout puts around a passage; a conversation puts none around a turn.
const FRAME: usize = 10;

/// Bytes of a token at first; corrected by what is counted.
const BYTES: usize = 4;

/// An irrelevant passage.
pub struct Filler {
    /// The passage.
    pub passage: Passage,
    /// What is asked for before it, in a conversation.
    pub request: Option<String>,
    /// Its tokens with those of the request and the layout, about.
    pub tokens: usize,
}

/// Irrelevant passages, drawn one after the other.
pub struct Fillers<'a> {
    /// Those drawn so far.
    pub drawn: Vec<Filler>,
    extender: &'a Extender<'a>,
    item: &'a Item,
    absence: &'a Absence<'a>,
    /// Documents that may not come in: those of the evidence.
    barred: HashSet<Hash>,
    /// What is taken of each document.
    taken: HashMap<usize, Vec<Span>>,
    near: std::vec::IntoIter<usize>,
    /// Tokens that may still come in.
    pub budget: usize,
}

impl<'a> Fillers<'a> {
    /// Nothing drawn yet, of so many tokens that may be.
    pub fn new(extender: &'a Extender, item: &'a Item, absence: &'a Absence, budget: usize) -> Fillers<'a> {
        let barred = item.passages.iter().map(|passage| passage.document.clone()).collect();
        let wanted = (64 + budget / 100).min(extender.spec.most_near);
        let query = || {
            let titles: Vec<&str> = item.passages.iter().take(4).map(|passage| passage.title.as_str()).collect();
            format!("{} {}", item.question, titles.join(" "))
        };
        let near = match extender.index {
            Some(index) if extender.spec.near > 0.0 && budget > extender.spec.slack => index.near(&query(), wanted),
            _ => vec![],
        };
        let near = near.into_iter();
        Fillers { drawn: vec![], extender, item, absence, barred, taken: HashMap::new(), near, budget }
    }

    /// Draws until the budget is used up, or the corpus has no more.
    ///
    /// # Errors
    /// Where the corpus cannot be read.
    pub fn draw(&mut self, stream: &mut Stream) -> Result<()> {
        let mut idle = 0;
        while self.budget > self.extender.spec.slack && idle < self.extender.spec.patience {
            idle += 1;
            let number = self.next(stream);
            let document = self.extender.corpus.plain(number)?;
            if self.barred.contains(&document.hash) || self.extender.barred.contains(&document.hash) {
                continue;
            }
            let Some(filler) = self.filler(number, &document, stream)? else { continue };
            if self.absence.told(&document, &filler.passage).is_some() {
                continue;
            }
            idle = 0;
            self.budget = self.budget.saturating_sub(filler.tokens);
            self.taken.entry(number).or_default().push(filler.passage.span);
            self.drawn.push(filler);
        }
        Ok(())
    }

    /// The next document: near in topic for the share that is to be, else any.
    fn next(&mut self, stream: &mut Stream) -> usize {
        let near = stream.chance(self.extender.spec.near);
        let any = stream.below(self.extender.corpus.entries().len());
        if near { self.near.next().unwrap_or(any) } else { any }
    }

    /// A passage of a document that fits the budget; none where there is none, or it is taken.
    fn filler(&self, number: usize, document: &Arc<Document>, stream: &mut Stream) -> Result<Option<Filler>> {
        let place = stream.below(document.text.len().max(1));
        let request = match &self.item.certificate.proof {
            Proof::Turn { .. } => match self.request(document, stream)? {
                Some(request) => Some(request),
                None => return Ok(None),
            },
            _ => None,
        };
        let frame = match &request {
            Some(request) => self.extender.counter.count(request),
            None => FRAME + self.extender.counter.count(&document.title),
        };
        let room = self.budget.min(self.extender.spec.passage).saturating_sub(frame);
        let [fewest, most] = self.extender.reply;
        let span = match &request {
            Some(_) => stretch(&document.text, place, [fewest, most], stream.range(fewest..=most))
                .filter(|span| is_prose(document, *span)),
            None => piece(&document.text, place, room * BYTES),
        };
        let taken = |span: &Span| {
            let overlaps = |other: &Span| span.start < other.end && other.start < span.end;
            self.taken.get(&number).is_some_and(|taken| taken.iter().any(overlaps))
        };
        let Some(span) = span.filter(|span| !taken(span)) else { return Ok(None) };
        let Some(text) = span.of(&document.text) else { return Ok(None) };
        let passage =
            Passage { document: document.hash.clone(), title: document.title.clone(), span, text: text.to_string() };
        // As it will stand in the prompt, so that its lines are known when that is counted.
        let tokens = frame + self.extender.counter.count(&format!("\n{text}\n"));
        let mut filler = Filler { tokens, request, passage };
        let fits = filler.tokens <= frame + room || super::shorten(&mut filler, room, self.extender.spec.slack);
        Ok(fits.then_some(filler))
    }

    /// A request for a passage of a document; none where it could be taken for the one that is repeated.
    fn request(&self, document: &Document, stream: &mut Stream) -> Result<Option<String>> {
        let own = title(&document.title, &document.source);
        let corpus = self.extender.corpus;
        let needle = self.item.passages.first().and_then(|passage| corpus.number(&passage.document));
        let needle = needle.map(|number| &corpus.entries()[number]);
        let needle = needle.map(|entry| title(&entry.title, &entry.source)).unwrap_or_default();
        let request = prompt::wording("dialogue/request", &json!({ "title": own }), stream)?;
        let repeated = match &self.item.certificate.proof {
            Proof::Turn { request, .. } => request.as_str(),
            _ => "",
        };
        let confusing = same(&own, &needle) || same(&request, repeated);
        Ok((!confusing).then_some(request))
    }
}
