//! The thread of an engine: pass after pass, rows enter, read, draw and leave.

use super::answers::Drawn;
use super::kept::{Kept, common};
use super::plan::plan;
use super::queue::{Group, Queue, add, set};
use super::row::Row;
use super::texts::Texts;
use super::{Failure, Limits};
use crate::lm::infer::{Model, Sequence, Wanted};
use longlab_kernels::attention::POSITIONS;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

/// What the thread owns.
pub(super) struct Worker {
    model: Model,
    texts: Arc<Texts>,
    queue: Arc<Queue>,
    limits: Limits,
    /// Rows that are written, the oldest first.
    rows: Vec<Row>,
    /// Rows that made room, the oldest first: they read again what they have, and go on.
    paused: VecDeque<Row>,
    kept: Kept,
}

impl Drop for Worker {
    /// However the thread ends: nobody waits for it in vain.
    fn drop(&mut self) {
        self.queue.end();
    }
}

impl Worker {
    pub(super) fn new(model: Model, texts: Arc<Texts>, queue: Arc<Queue>, limits: Limits) -> Worker {
        let kept = Kept::new(limits.prefixes);
        Worker { model, texts, queue, limits, rows: Vec::new(), paused: VecDeque::new(), kept }
    }

    /// Works until the queue says that it is over.
    pub(super) fn run(mut self) {
        while self.queue.tend(self.rows.is_empty() && self.paused.is_empty()) {
            self.sweep();
            self.enter();
            self.pass();
            set(&self.queue.gauges.running, self.rows.len() + self.paused.len());
            set(&self.queue.gauges.positions, self.held() as usize);
        }
    }

    /// Rows leave that nobody waits for any more.
    fn sweep(&mut self) {
        let (now, before) = (Instant::now(), self.rows.len() + self.paused.len());
        self.rows.retain(|row| row.group.lives(now));
        self.paused.retain(|row| row.group.lives(now));
        add(&self.queue.gauges.dropped, before - self.rows.len() - self.paused.len());
    }

    /// Rows enter while there is room, those that were there before first.
    fn enter(&mut self) {
        while self.rows.len() < self.limits.rows {
            let row = match self.paused.pop_front() {
                Some(row) if self.makes_room(row.tokens.len()) => row,
                Some(row) => return self.paused.push_front(row),
                None => match Arc::clone(&self.queue).next(|group, index| self.welcomes(group, index)) {
                    Some((group, index)) => Row::new(group, index),
                    None => return,
                },
            };
            let place = self.rows.partition_point(|other| other.age() < row.age());
            self.rows.insert(place, row);
        }
    }

    fn welcomes(&mut self, group: &Group, index: usize) -> bool {
        // The prompt is there already, or will be.
        let shared = index > 0 && self.rows.iter().any(|row| row.group.number == group.number);
        self.makes_room(if shared { POSITIONS } else { group.request.prompt.len() + 1 })
    }

    /// Whether a row of so many tokens fits beside the others when all have read what they have; kept sequences make room for it. A
    /// row alone always fits.
    fn makes_room(&mut self, tokens: usize) -> bool {
        let promised: usize = self.rows.iter().map(|row| self.promised(row)).sum();
        let wanted = (promised + tokens.next_multiple_of(POSITIONS)) as f64;
        while self.held() + wanted > self.limits.positions as f64 && self.kept.drop_oldest() {}
        self.rows.is_empty() || self.held() + wanted <= self.limits.positions as f64
    }

    /// Positions that a row still takes until it draws.
    fn promised(&self, row: &Row) -> usize {
        if self.waits_for_sibling(row) { POSITIONS } else { row.sequence.growth(row.left()) }
    }

    /// Whether the oldest answer of the same request is still reading the prompt that this one will find read.
    fn waits_for_sibling(&self, row: &Row) -> bool {
        let first = self.rows.iter().find(|other| other.group.number == row.group.number);
        row.sequence.is_empty() && first.is_some_and(|first| first.index < row.index && first.is_reading())
    }

    /// One pass: rows read, those that have read all draw, those that have ended leave.
    fn pass(&mut self) {
        self.adopt();
        let left: Vec<usize> =
            self.rows.iter().map(|row| if self.waits_for_sibling(row) { 0 } else { row.left() }).collect();
        let mut counts = plan(&left, self.limits.prefill);
        self.make_room(&mut counts);
        let mut work: Vec<(&mut Sequence, &[u32])> = Vec::new();
        for (row, &count) in self.rows.iter_mut().zip(&counts).filter(|(_, count)| **count > 0) {
            let from = row.sequence.len();
            work.push((&mut row.sequence, &row.tokens[from..from + count]));
        }
        if work.is_empty() {
            return;
        }
        let logits = self.model.read(&mut work, Wanted::Last);
        add(&self.queue.gauges.passes, 1);
        self.draw(&counts, &logits);
    }

    /// New rows begin with what others have read of the same beginning. The last token is always read: its logits are wanted.
    fn adopt(&mut self) {
        for at in 0..self.rows.len() {
            let row = &self.rows[at];
            if !row.sequence.is_empty() || self.waits_for_sibling(row) {
                continue;
            }
            let beside = self.rows.iter().filter(|other| !other.sequence.is_empty());
            let beside =
                beside.map(|other| (common(&row.tokens, &other.tokens[..other.sequence.len()]), &other.sequence));
            let beside =
                if self.limits.prefixes > 0 || row.index > 0 { beside.max_by_key(|found| found.0) } else { None };
            let best = beside.into_iter().chain(self.kept.find(&row.tokens)).max_by_key(|found| found.0);
            let Some((length, sequence)) = best else { continue };
            let found = sequence.beginning(length.min(row.tokens.len() - 1));
            add(&self.queue.gauges.reused, found.len());
            self.rows[at].sequence = found;
        }
    }

    /// Where a pass would take more memory than there may be, kept sequences go, and then the youngest rows make room.
    fn make_room(&mut self, counts: &mut Vec<usize>) {
        loop {
            let growth: usize = self.rows.iter().zip(&*counts).map(|(row, &count)| row.sequence.growth(count)).sum();
            if self.held() + growth as f64 <= self.limits.positions as f64 {
                return;
            }
            if self.kept.drop_oldest() {
                continue;
            }
            if self.rows.len() <= 1 {
                return;
            }
            if let Some(mut youngest) = self.rows.pop() {
                counts.pop();
                youngest.sequence = Sequence::default();
                add(&self.queue.gauges.paused, 1);
                self.paused.push_front(youngest);
            }
        }
    }

    /// Rows that have read all their tokens draw the next; `logits` has a row for each that has read.
    fn draw(&mut self, counts: &[usize], logits: &[f32]) {
        let gauges = &self.queue.gauges;
        let readers = self.rows.iter().zip(counts).enumerate().filter(|(_, (_, count))| **count > 0);
        let width = self.model.config.vocab_size;
        let drawers: Vec<(usize, &[f32])> = readers
            .zip(logits.chunks_exact(width))
            .filter(|((_, (row, _)), _)| row.left() == 0)
            .map(|((at, _), logits)| (at, logits))
            .collect();
        add(&gauges.read, counts.iter().sum());
        add(&gauges.drawn, drawers.len());
        let rows = &self.rows;
        let mut drawn: Vec<Option<Drawn>> = drawers.iter().map(|_| None).collect();
        self.model.each(drawers.iter().zip(&mut drawn), |(&(at, logits), drawn)| *drawn = rows[at].draw(logits));
        for (&(at, _), drawn) in drawers.iter().zip(drawn).rev() {
            match self.rows[at].take(drawn, &self.texts) {
                Ok(false) => {}
                Ok(true) => self.leave(at),
                Err(failure) => self.break_off(at, failure),
            }
        }
    }

    fn leave(&mut self, at: usize) {
        let row = self.rows.remove(at);
        add(&self.queue.gauges.ended, 1);
        self.kept.keep(row.tokens, row.sequence);
    }

    fn break_off(&mut self, at: usize, failure: Failure) {
        let row = self.rows.remove(at);
        add(&self.queue.gauges.dropped, 1);
        row.group.fail(failure);
    }

    fn held(&self) -> f64 {
        let rows: f64 = self.rows.iter().map(|row| row.sequence.held()).sum();
        rows + self.kept.held()
    }
}
