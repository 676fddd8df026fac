//! An answer that is being written.

use super::answers::{Drawn, Event};
use super::pieces::{Pieces, Shown};
use super::queue::Group;
use super::texts::Texts;
use super::{Failure, Finish};
use crate::lm::Odds;
use crate::lm::infer::Sequence;
use longlab_kernels::stream::{Address, Purpose};
use std::sync::Arc;

/// One answer of a request.
pub(super) struct Row {
    pub group: Arc<Group>,
    /// Its number in the request.
    pub index: usize,
    /// Prompt and answer so far.
    pub tokens: Vec<u32>,
    /// What the model has read of them.
    pub sequence: Sequence,
    pieces: Pieces,
}

impl Row {
    pub(super) fn new(group: Arc<Group>, index: usize) -> Row {
        let (tokens, pieces) = (group.request.prompt.clone(), Pieces::new(group.request.stops.clone()));
        Row { group, index, tokens, sequence: Sequence::default(), pieces }
    }

    /// By which rows are older or younger: their place in the order of arrival.
    pub(super) fn age(&self) -> (u64, usize) {
        (self.group.number, self.index)
    }

    /// Tokens that the model has not read yet; one at least.
    pub(super) fn left(&self) -> usize {
        self.tokens.len() - self.sequence.len()
    }

    /// Whether some of its prompt was not read yet.
    pub(super) fn is_reading(&self) -> bool {
        self.sequence.len() < self.group.request.prompt.len()
    }

    /// Tokens of its answer.
    pub(super) fn drawn(&self) -> usize {
        self.tokens.len() - self.group.request.prompt.len()
    }

    /// Draws the next token from the logits after the last, at an address of its own: seed, number of the answer, position. None where
    /// they are not finite.
    pub(super) fn draw(&self, logits: &[f32]) -> Option<Drawn> {
        let request = &self.group.request;
        let address = Address::new(request.seed, Purpose::Answer).rollout(self.index as u32);
        let uniform = address.position(self.drawn() as u32).stream().uniform();
        let token = request.filters.draw(logits, uniform)?;
        let odds = request.logprobs.map(|top| Odds::new(logits, token, top));
        Some(Drawn { token: token as u32, odds })
    }

    /// Takes the drawn token, and says what can be said; whether the answer has ended.
    ///
    /// # Errors
    /// Logits that were not finite, and tokens without text.
    pub(super) fn take(&mut self, drawn: Option<Drawn>, texts: &Texts) -> Result<bool, Failure> {
        let drawn = drawn.ok_or(Failure::NotFinite { position: self.tokens.len() })?;
        let token = drawn.token;
        self.tokens.push(token);
        if texts.ends.contains(&token) {
            return self.end(Finish::Stop, texts);
        }
        let (shown, stopped) = self.pieces.push(drawn, &texts.tokenizer)?;
        self.say(shown);
        if stopped {
            self.say_end(Finish::Stop);
            return Ok(true);
        }
        if self.drawn() == self.group.request.max_tokens { self.end(Finish::Length, texts) } else { Ok(false) }
    }

    fn end(&mut self, finish: Finish, texts: &Texts) -> Result<bool, Failure> {
        let (shown, finish) = self.pieces.finish(&texts.tokenizer, finish)?;
        self.say(shown);
        self.say_end(finish);
        Ok(true)
    }

    fn say(&self, Shown { text, tokens }: Shown) {
        if !text.is_empty() || !tokens.is_empty() {
            self.group.say(Event::More { row: self.group.first + self.index, text, tokens });
        }
    }

    fn say_end(&self, finish: Finish) {
        self.group.say(Event::End { row: self.group.first + self.index, finish, drawn: self.drawn() });
    }
}
