//! What the engine says, split into thinking and answer: the same for streams and for answers that come whole.

use super::App;
use super::order::{Kind, Order};
use crate::lm::chat::{Part, Splitter};
use crate::lm::engine::{Answers, Drawn, Event, Failure, Finish, Refusal};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// More of an answer.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub row: usize,
    pub part: Part,
    pub tokens: Vec<Drawn>,
    /// Why it has ended, once it has.
    pub finish: Option<Finish>,
}

/// Tokens of a request and its answers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Used {
    pub prompt: usize,
    pub answers: usize,
}

/// Answers on their way.
pub(super) struct Reader {
    answers: Answers,
    /// One for each answer of a dialogue; none in the older way, where nothing is split.
    splitters: Vec<Splitter>,
    pub used: Used,
    app: Arc<App>,
    begun: Instant,
    /// When each answer had its latest piece.
    latest: Vec<Option<Instant>>,
}

impl Reader {
    /// Asks the engine.
    ///
    /// # Errors
    /// What it refuses.
    pub(super) fn new(app: &Arc<App>, order: Order) -> Result<Reader, Refusal> {
        let rows = order.requests.iter().map(|request| request.rows).sum();
        let prompt = order.requests.iter().map(|request| request.prompt.len()).sum();
        let splitters = if order.kind == Kind::Chat { vec![Splitter::new(order.thinking); rows] } else { Vec::new() };
        let answers = app.engine.ask_all(order.requests)?;
        app.meters.prompt.fetch_add(prompt as u64, Ordering::Relaxed);
        let (used, begun, latest) = (Used { prompt, answers: 0 }, Instant::now(), vec![None; rows]);
        Ok(Reader { answers, splitters, used, app: Arc::clone(app), begun, latest })
    }

    /// What comes next; none when all answers have ended.
    pub(super) async fn next(&mut self) -> Option<Result<Said, Failure>> {
        let event = self.answers.next().await?;
        Some(event.map(|event| self.split(event)))
    }

    fn split(&mut self, event: Event) -> Said {
        match event {
            Event::More { row, text, tokens } => {
                self.clock(row);
                let part = match self.splitters.get_mut(row) {
                    Some(splitter) => splitter.push(&text),
                    None => Part { answer: text, ..Part::default() },
                };
                Said { row, part, tokens, finish: None }
            }
            Event::End { row, finish, drawn } => {
                self.used.answers += drawn;
                let part = self.splitters.get_mut(row).map(Splitter::finish).unwrap_or_default();
                Said { row, part, tokens: Vec::new(), finish: Some(finish) }
            }
        }
    }

    fn clock(&mut self, row: usize) {
        let now = Instant::now();
        let Some(latest) = self.latest.get_mut(row) else { return };
        match latest.replace(now) {
            Some(before) => self.app.meters.next.see(now - before),
            None => self.app.meters.first.see(now - self.begun),
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.app.meters.whole.see(self.begun.elapsed());
    }
}
