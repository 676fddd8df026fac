//! What waits for the engine, and the numbers that others may see of its work.

use super::answers::{Event, Request};
use super::{Failure, Refusal};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::mpsc::Sender;

/// A request with the way back to whoever asked.
pub(super) struct Group {
    /// Requests that came before it.
    pub number: u64,
    /// Number of its first answer.
    pub first: usize,
    pub request: Request,
    sender: Sender<Result<Event, Failure>>,
    /// Set when it has failed.
    over: AtomicBool,
}

impl Group {
    /// Says something. The channel has room for all that the request may bring; a receiver that is gone is found by [`Group::lives`].
    pub(super) fn say(&self, event: Event) {
        let _ = self.sender.try_send(Ok(event));
    }

    /// Ends all its answers.
    pub(super) fn fail(&self, failure: Failure) {
        if !self.over.swap(true, Ordering::Relaxed) {
            let _ = self.sender.try_send(Err(failure));
        }
    }

    /// Whether somebody still waits for it; one that is late fails here.
    pub(super) fn lives(&self, now: Instant) -> bool {
        if self.request.deadline.is_some_and(|deadline| deadline <= now) {
            self.fail(Failure::Late);
        }
        !self.over.load(Ordering::Relaxed) && !self.sender.is_closed()
    }
}

/// Counts since the start, and numbers of this moment.
#[derive(Debug, Default)]
pub struct Gauges {
    /// Answers that are written now.
    pub running: AtomicU64,
    /// Answers that wait.
    pub waiting: AtomicU64,
    /// Positions whose keys and values are held.
    pub positions: AtomicU64,
    /// Tokens that were read: those of prompts and answers, and again those of answers that had made room.
    pub read: AtomicU64,
    /// Tokens of prompts that were found read.
    pub reused: AtomicU64,
    /// Tokens that were drawn.
    pub drawn: AtomicU64,
    /// Answers that ended.
    pub ended: AtomicU64,
    /// Answers that nobody waited for any more, or that failed.
    pub dropped: AtomicU64,
    /// Times an answer made room for an older one.
    pub paused: AtomicU64,
    /// Passes through the model.
    pub passes: AtomicU64,
}

/// Adds to a count.
pub(super) fn add(count: &AtomicU64, more: usize) {
    count.fetch_add(more as u64, Ordering::Relaxed);
}

/// Sets a number of this moment.
pub(super) fn set(number: &AtomicU64, value: usize) {
    number.store(value as u64, Ordering::Relaxed);
}

#[derive(Default)]
struct State {
    /// Answers that wait: their request, and their number in it.
    waiting: VecDeque<(Arc<Group>, usize)>,
    /// Requests so far.
    groups: u64,
    closed: bool,
    ended: bool,
}

/// What callers and the engine's thread share.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    bell: Condvar,
    pub gauges: Gauges,
}

impl Queue {
    /// Puts all requests in, or none.
    ///
    /// # Errors
    /// More than `most` answers would wait, or the engine takes no more.
    pub(super) fn put(
        &self,
        requests: Vec<Request>,
        sender: &Sender<Result<Event, Failure>>,
        most: usize,
    ) -> Result<(), Refusal> {
        let mut state = self.lock();
        let rows: usize = requests.iter().map(|request| request.rows).fold(0, usize::saturating_add);
        if state.closed || state.ended {
            return Err(Refusal::Closed);
        }
        if state.waiting.len().saturating_add(rows) > most {
            return Err(Refusal::Full { most });
        }
        let mut first = 0;
        for request in requests {
            let (number, rows) = (state.groups, request.rows);
            let over = AtomicBool::new(false);
            let group = Arc::new(Group { number, first, request, sender: sender.clone(), over });
            state.waiting.extend((0..rows).map(|index| (Arc::clone(&group), index)));
            (state.groups, first) = (number + 1, first + rows);
        }
        set(&self.gauges.waiting, state.waiting.len());
        self.bell.notify_one();
        Ok(())
    }

    /// Lets go of what nobody waits for any more; where the engine is idle, waits for something to do. False when it must end.
    pub(super) fn tend(&self, idle: bool) -> bool {
        let mut state = self.lock();
        while idle && state.waiting.is_empty() && !state.ended {
            state = self.bell.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let (now, before) = (Instant::now(), state.waiting.len());
        state.waiting.retain(|(group, _)| group.lives(now));
        add(&self.gauges.dropped, before - state.waiting.len());
        set(&self.gauges.waiting, state.waiting.len());
        !state.ended
    }

    /// The answer that has waited longest, if `fits` says so.
    pub(super) fn next(&self, fits: impl FnOnce(&Group, usize) -> bool) -> Option<(Arc<Group>, usize)> {
        let mut state = self.lock();
        let taken = state.waiting.front().is_some_and(|(group, index)| fits(group, *index));
        let taken = if taken { state.waiting.pop_front() } else { None };
        set(&self.gauges.waiting, state.waiting.len());
        taken
    }

    /// Takes no more requests; what waits is still answered.
    pub(super) fn close(&self) {
        self.lock().closed = true;
    }

    /// Lets the engine end after its pass, and everything that waits with it.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        (state.closed, state.ended) = (true, true);
        state.waiting.clear();
        self.bell.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
