//! What is asked of an engine, and what it says while it answers.

use super::{Failure, Refusal};
use crate::lm::{Filters, Odds};
use std::time::Instant;
use tokio::sync::mpsc::Receiver;

/// Texts that may stop an answer, and bytes of each.
const STOPS: (usize, usize) = (16, 256);

/// Log-probabilities a token that may be asked for.
pub const TOP: usize = 20;

/// A prompt to be continued.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Its tokens.
    pub prompt: Vec<u32>,
    /// Answers that are wanted.
    pub rows: usize,
    /// How tokens are drawn.
    pub filters: Filters,
    /// Seed of the draws: an answer depends on it, on its number and on the prompt alone.
    pub seed: u64,
    /// Longest answer, tokens.
    pub max_tokens: usize,
    /// An answer ends before any of these texts.
    pub stops: Vec<String>,
    /// Log-probabilities wanted: of each drawn token and of so many most probable ones.
    pub logprobs: Option<usize>,
    /// When it is too late for an answer.
    pub deadline: Option<Instant>,
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// The model ended it, or a stop came.
    Stop,
    /// It has as many tokens as it was allowed.
    Length,
}

/// A drawn token.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawn {
    /// The token.
    pub token: u32,
    /// What the model says of it, where that was asked for.
    pub odds: Option<Odds>,
}

/// What an engine says. Answers are numbered from 0, those of a later request after those of the earlier.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// More of an answer.
    More {
        /// Number of the answer.
        row: usize,
        /// Whole characters.
        text: String,
        /// The tokens that they are made of.
        tokens: Vec<Drawn>,
    },
    /// An answer has ended.
    End {
        /// Number of the answer.
        row: usize,
        /// Why.
        finish: Finish,
        /// Tokens that were drawn, with those of a stop and the one that ends answers.
        drawn: usize,
    },
}

/// The answers of one request or several, as they grow. To drop it is to ask no more: its rows are given to others.
pub struct Answers {
    pub(super) receiver: Receiver<Result<Event, Failure>>,
    /// Answers that have not ended.
    pub(super) open: usize,
}

impl Answers {
    /// What comes next; none when all answers have ended. A failure is the last that comes.
    pub async fn next(&mut self) -> Option<Result<Event, Failure>> {
        if self.open == 0 {
            return None;
        }
        let event = self.receiver.recv().await;
        Some(self.count(event))
    }

    /// As [`Answers::next`], for threads that may wait.
    ///
    /// # Panics
    /// In asynchronous code, which may not.
    pub fn wait(&mut self) -> Option<Result<Event, Failure>> {
        if self.open == 0 {
            return None;
        }
        let event = self.receiver.blocking_recv();
        Some(self.count(event))
    }

    fn count(&mut self, event: Option<Result<Event, Failure>>) -> Result<Event, Failure> {
        let event = event.unwrap_or(Err(Failure::Stopped));
        match &event {
            Ok(Event::More { .. }) => {}
            Ok(Event::End { .. }) => self.open -= 1,
            Err(_) => self.open = 0,
        }
        event
    }
}

impl Request {
    /// A request of one answer, without stops, log-probabilities and deadline.
    pub fn new(prompt: Vec<u32>, filters: Filters, seed: u64, max_tokens: usize) -> Request {
        Request { prompt, rows: 1, filters, seed, max_tokens, stops: Vec::new(), logprobs: None, deadline: None }
    }

    /// Whether a model of so many positions and tokens can answer it.
    ///
    /// # Errors
    /// What it cannot.
    pub(super) fn check(&self, window: usize, vocabulary: usize) -> Result<(), Refusal> {
        let setting = |fits: bool, name, range: &dyn Fn() -> String| {
            if fits { Ok(()) } else { Err(Refusal::Setting { name, range: range() }) }
        };
        self.filters.check().map_err(|(name, range)| Refusal::Setting { name, range: range.to_owned() })?;
        setting(self.rows > 0, "n", &|| "1 or more".into())?;
        setting(self.max_tokens > 0, "max_tokens", &|| "1 or more".into())?;
        setting(self.logprobs.is_none_or(|top| top <= TOP), "top_logprobs", &|| format!("at most {TOP}"))?;
        let (most, longest) = STOPS;
        let stops = self.stops.len() <= most && self.stops.iter().all(|stop| (1..=longest).contains(&stop.len()));
        setting(stops, "stop", &|| format!("at most {most} texts of 1 to {longest} bytes"))?;
        let (prompt, answer) = (self.prompt.len(), self.max_tokens);
        if prompt.saturating_add(answer) > window {
            return Err(Refusal::Long { prompt, answer, most: window });
        }
        match self.prompt.iter().find(|&&token| token as usize >= vocabulary) {
            _ if self.prompt.is_empty() => Err(Refusal::Empty),
            Some(&token) => Err(Refusal::Token { token, vocabulary }),
            None => Ok(()),
        }
    }
}
