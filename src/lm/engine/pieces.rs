//! From tokens to text that can be shown: whole characters only, and nothing that may belong to a text that stops the answer.

use super::answers::Drawn;
use super::{Failure, Finish};
use crate::lm::marks::begun;
use std::collections::VecDeque;
use tokenizers::Tokenizer;

/// Tokens whose text stays incomplete for so long hold no character.
const HOLD: usize = 16;

/// What can be shown of an answer now.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Shown {
    pub text: String,
    /// The tokens that the text is made of.
    pub tokens: Vec<Drawn>,
}

/// An answer on its way from tokens to text.
pub(super) struct Pieces {
    stops: Vec<String>,
    /// The latest tokens: those up to `read` are in the text and are decoded again, since some tokens look different without the one
    /// before them; the others wait for the rest of a character.
    tokens: Vec<u32>,
    read: usize,
    /// Text that may be the beginning of a stop.
    held: String,
    /// Bytes of the answer that were shown, and that were decoded.
    shown: usize,
    decoded: usize,
    /// Where the first token that was not shown begins.
    begin: usize,
    /// Tokens whose text was not shown yet, each with the end of its text in the answer; none while it is incomplete.
    unshown: VecDeque<(Drawn, Option<usize>)>,
}

impl Pieces {
    pub(super) fn new(stops: Vec<String>) -> Pieces {
        let (tokens, unshown) = (Vec::new(), VecDeque::new());
        Pieces { stops, tokens, read: 0, held: String::new(), shown: 0, decoded: 0, begin: 0, unshown }
    }

    /// Takes a token; gives what can be shown, and whether a stop has come.
    pub(super) fn push(&mut self, drawn: Drawn, tokenizer: &Tokenizer) -> Result<(Shown, bool), Failure> {
        self.tokens.push(drawn.token);
        self.unshown.push_back((drawn, None));
        let text = self.decode(tokenizer, self.tokens.len() - self.read >= HOLD)?;
        Ok(self.show(text.as_deref().unwrap_or_default()))
    }

    /// Gives what was held back; the answer has ended for `finish`, or at a stop that its last characters make.
    pub(super) fn finish(&mut self, tokenizer: &Tokenizer, finish: Finish) -> Result<(Shown, Finish), Failure> {
        let text = self.decode(tokenizer, true)?;
        let (mut shown, stopped) = self.show(text.as_deref().unwrap_or_default());
        if stopped {
            return Ok((shown, Finish::Stop));
        }
        shown.text += &std::mem::take(&mut self.held);
        shown.tokens.extend(self.unshown.drain(..).map(|(drawn, _)| drawn));
        Ok((shown, finish))
    }

    /// The text of the tokens since the last; none while it may end within a character, unless `all` is wanted.
    fn decode(&mut self, tokenizer: &Tokenizer, all: bool) -> Result<Option<String>, Failure> {
        let decode = |tokens: &[u32]| {
            tokenizer.decode(tokens, true).map_err(|error| Failure::Text { reason: error.to_string() })
        };
        let (before, after) = (decode(&self.tokens[..self.read])?, decode(&self.tokens)?);
        let more = after.strip_prefix(before.as_str());
        if !all && more.is_none_or(|more| more.ends_with('\u{fffd}')) {
            return Ok(None);
        }
        let more = more.unwrap_or_default();
        if all || !more.is_empty() {
            self.tokens.drain(..self.read);
            self.read = self.tokens.len();
        }
        self.decoded += more.len();
        self.unshown.iter_mut().for_each(|(_, end)| *end = end.or(Some(self.decoded)));
        Ok(Some(more.to_owned()))
    }

    /// Takes decoded text; gives what no stop can begin in, or what comes before the first stop.
    fn show(&mut self, text: &str) -> (Shown, bool) {
        self.held += text;
        let stop = self.stops.iter().filter_map(|stop| self.held.find(stop.as_str())).min();
        let sure = self.held.len() - self.stops.iter().map(|stop| begun(&self.held, stop)).max().unwrap_or(0);
        let text: String = self.held.drain(..stop.unwrap_or(sure)).collect();
        self.shown += text.len();
        // Of a token at a stop a part may be shown.
        let (mut begin, stopped) = (self.begin, stop.is_some());
        let mut count = 0;
        for end in self.unshown.iter().map_while(|&(_, end)| end) {
            if if stopped { begin >= self.shown } else { end > self.shown } {
                break;
            }
            (begin, count) = (end, count + 1);
        }
        self.begin = begin;
        (Shown { text, tokens: self.unshown.drain(..count).map(|(drawn, _)| drawn).collect() }, stopped)
    }
}
