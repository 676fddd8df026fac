//! Context extension: irrelevant documents around the evidence, up to a length that a law gives, with exact token counts.

pub mod absence;
mod copied;
pub mod cut;
mod fill;
pub mod length;

use crate::corpus::Corpus;
use crate::error::Result;
use crate::item::{Item, Passage, Proof, Work};
use crate::prompt;
use crate::spec::ContextSpec;
use crate::tokens::Counter;
use crate::tools::Index;
use absence::Absence;
use cut::{readable, shortened, windows};
use fill::{Filler, Fillers};
use longlab_documents::{Hash, Span};
use longlab_kernels::stream::Stream;
use std::collections::{BTreeMap, HashSet};

/// Puts items into contexts.
pub struct Extender<'a> {
    /// Where documents come from.
    pub corpus: &'a Corpus,
    /// The settings.
    pub spec: &'a ContextSpec,
    /// Words of a reply, for conversations.
    pub reply: [usize; 2],
    /// Counts tokens.
    pub counter: &'a Counter,
    /// Finds documents near in topic.
    pub index: Option<&'a dyn Index>,
    /// Documents that may not stand beside the evidence.
    pub barred: HashSet<Hash>,
}

/// What did not become an item in its context, and why.
pub type Extended = std::result::Result<Item, &'static str>;

impl Extender<'_> {
    /// Tokens of an item's prompt with what must be in it and nothing else.
    ///
    /// # Errors
    /// Where the corpus cannot be read.
    pub fn base(&self, item: &Item) -> Result<usize> {
        let mut item = item.clone();
        item.passages = self.evidence(&item, self.spec.margin)?;
        self.tokens(&item)
    }

    /// An item in its context of about `target` tokens, never more than the specification allows.
    ///
    /// # Errors
    /// Where the corpus cannot be read.
    pub fn extend(&self, mut item: Item, target: usize, corpus: &Hash, stream: &mut Stream) -> Result<Extended> {
        let draft = item.hash();
        let mut base = self.base(&item)?;
        item.passages = match self.roomy(&item, base, target)? {
            Some((passages, tokens)) => {
                base = tokens;
                passages
            }
            None => self.evidence(&item, self.spec.margin)?,
        };
        if base > self.spec.most {
            return Ok(Err("its evidence is longer than `context.most`"));
        }
        let fillers = self.fill(&item, (base, target), stream)?;
        if !self.settle(&mut item, fillers, target.max(base), stream)? {
            return Ok(Err("it cannot be brought below its length"));
        }
        item.certificate.tokenizer = self.counter.hash().cloned();
        item.id = item.hash();
        item.certificate.work.extend(lineage(corpus, &draft, &item.id));
        Ok(Ok(item))
    }

    fn tokens(&self, item: &Item) -> Result<usize> {
        Ok(self.counter.count(&prompt::text(&prompt::messages(item)?)))
    }

    /// The passages that must be in the context, with their texts: those that the engine gave, else windows around the evidence.
    fn evidence(&self, item: &Item, margin: usize) -> Result<Vec<Passage>> {
        let mut passages = item.passages.clone();
        if passages.is_empty() {
            let mut spans: BTreeMap<usize, Vec<Span>> = BTreeMap::new();
            for evidence in &item.certificate.evidence {
                spans
                    .entry(self.corpus.number(&evidence.document).unwrap_or(usize::MAX))
                    .or_default()
                    .push(evidence.span);
            }
            for (number, spans) in spans.iter().filter(|(number, _)| **number < self.corpus.entries().len()) {
                let document = self.corpus.document(*number)?;
                let passage = |span| Passage {
                    document: document.hash.clone(),
                    title: document.title.clone(),
                    span,
                    text: String::new(),
                };
                let shown: Vec<Span> = spans.iter().map(|span| readable(&document, *span)).collect();
                passages.extend(windows(&document.text, &shown, margin).into_iter().map(passage));
            }
        }
        fill_texts(self.corpus, &mut passages)?;
        Ok(passages)
    }

    /// Wider windows around the evidence, where the length has room for them; with the tokens of the prompt then.
    fn roomy(&self, item: &Item, base: usize, target: usize) -> Result<Option<(Vec<Passage>, usize)>> {
        let room = (target as f64 * self.spec.room) as usize;
        if !item.passages.is_empty() || room <= base {
            return Ok(None);
        }
        let count = item.certificate.evidence.len().max(1);
        // Four bytes a token, on two sides of each evidence.
        let margin = self.spec.margin + (room - base) * 4 / (2 * count);
        let wide = Item { passages: self.evidence(item, margin)?, ..item.clone() };
        let tokens = self.tokens(&wide)?;
        Ok((tokens <= target).then_some((wide.passages, tokens)))
    }

    /// Fillers for so many tokens; counted, and drawn again for what is missing.
    fn fill(&self, item: &Item, (base, target): (usize, usize), stream: &mut Stream) -> Result<Vec<Filler>> {
        let absence = Absence::of(item);
        let mut fillers = Fillers::new(self, item, &absence, target.saturating_sub(base));
        for _ in 0..self.spec.top_ups {
            let before = fillers.drawn.len();
            fillers.draw(stream)?;
            if fillers.drawn.len() == before {
                break;
            }
            let missing = target.saturating_sub(self.tokens(&joined(item, &fillers.drawn))?);
            if missing <= (2 * self.spec.slack).max(target / 100) {
                break;
            }
            fillers.budget = missing;
        }
        Ok(fillers.drawn)
    }

    /// Puts fillers around the evidence and counts; takes from the fillers until the prompt is within its length. False where it cannot be.
    fn settle(&self, item: &mut Item, mut fillers: Vec<Filler>, length: usize, stream: &mut Stream) -> Result<bool> {
        let needed = std::mem::take(&mut item.passages);
        let requests = match &item.certificate.proof {
            Proof::Turn { requests, .. } => requests.clone(),
            _ => vec![],
        };
        let places = self.spec.spread.places(needed.len(), stream);
        let mut order: Vec<usize> = (0..needed.len()).collect();
        if requests.is_empty() {
            stream.shuffle(&mut order);
        }
        let needed: Vec<(&Passage, Option<&String>)> =
            order.iter().map(|at| (&needed[*at], requests.get(*at))).collect();
        let mut shortenings = 0;
        loop {
            arrange(item, &needed, &fillers, &places);
            item.certificate.tokens = self.tokens(item)?;
            let over = item.certificate.tokens.saturating_sub(length.min(self.spec.most));
            let Some(last) = fillers.last_mut().filter(|_| over > 0) else { return Ok(over == 0) };
            shortenings += 1;
            let left = last.tokens.saturating_sub(over + self.spec.slack / 4);
            if shortenings > self.spec.shortenings || !shorten(last, left, self.spec.slack) {
                fillers.pop();
                shortenings = 0;
            }
        }
    }
}

/// An item with fillers after its passages, to be counted.
fn joined(item: &Item, fillers: &[Filler]) -> Item {
    let mut joined = item.clone();
    joined.passages.extend(fillers.iter().map(|filler| filler.passage.clone()));
    if let Proof::Turn { requests, .. } = &mut joined.certificate.proof {
        requests.extend(fillers.iter().filter_map(|filler| filler.request.clone()));
    }
    joined
}

/// Cuts a filler down to about so many tokens. False where too little is left.
fn shorten(filler: &mut Filler, tokens: usize, slack: usize) -> bool {
    let passage = &mut filler.passage;
    let bytes = passage.text.len() * tokens / filler.tokens.max(1);
    let Some(kept) = shortened(&passage.text, cut::whole(&passage.text), bytes).filter(|_| tokens > slack) else {
        return false;
    };
    passage.span.end = passage.span.start + kept.end;
    passage.text.truncate(kept.end);
    filler.tokens = tokens;
    true
}

/// Puts the needed passages between the fillers, each where so much of the filling comes before it as its place says.
fn arrange(item: &mut Item, needed: &[(&Passage, Option<&String>)], fillers: &[Filler], places: &[f64]) {
    let total: usize = fillers.iter().map(|filler| filler.tokens).sum();
    let (mut passages, mut requests, mut before) = (vec![], vec![], 0);
    let mut waiting = needed.iter().zip(places).peekable();
    let mut put = |passage: &Passage, request: Option<&String>| {
        passages.push(passage.clone());
        requests.extend(request.cloned());
    };
    for filler in fillers {
        // The place falls into this filler: before or after it, whichever is nearer.
        let middle = before as f64 + filler.tokens as f64 / 2.0;
        while let Some((needed, _)) = waiting.next_if(|(_, place)| **place * (total as f64) <= middle) {
            put(needed.0, needed.1);
        }
        put(&filler.passage, filler.request.as_ref());
        before += filler.tokens;
    }
    waiting.for_each(|(needed, _)| put(needed.0, needed.1));
    item.passages = passages;
    if let Proof::Turn { requests: all, .. } = &mut item.certificate.proof {
        *all = requests;
    }
}

/// Fills in the texts of passages that have none. A passage whose document is not in the corpus, or that does not lie in it, keeps none.
///
/// # Errors
/// Where the corpus cannot be read.
pub fn fill_texts(corpus: &Corpus, passages: &mut [Passage]) -> Result<()> {
    for passage in passages.iter_mut().filter(|passage| passage.text.is_empty()) {
        if let Some(document) = corpus.number(&passage.document).map(|number| corpus.plain(number)).transpose()? {
            passage.text = passage.span.of(&document.text).unwrap_or_default().to_string();
        }
    }
    Ok(())
}

/// Takes the texts of passages out: stages keep places alone.
pub fn bare(item: &mut Item) {
    item.passages.iter_mut().for_each(|passage| passage.text = String::new());
}

/// What was done from here on; the engine's own calls of models stand before it.
fn lineage(corpus: &Hash, draft: &Hash, id: &Hash) -> Vec<Work> {
    let work = |step: &str, input: &Hash, output: &Hash| Work {
        step: step.into(),
        model: None,
        input: input.clone(),
        output: output.clone(),
    };
    vec![work("make", corpus, draft), work("extend", draft, id)]
}
