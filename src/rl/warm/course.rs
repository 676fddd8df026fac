//! The course of a warm start: what is practised at which step, and over how long contexts.

use super::WarmRow;
use super::practice::ECHO;
use crate::spec::settings::{Settings, Warm, World};
use longlab_kernels::stream::Stream;
use serde::{Deserialize, Serialize};

/// What the warm start remembers between steps: how long contexts may be, and how well look-ups went of late.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Course {
    /// Longest context drawn now, tokens.
    pub tokens: f64,
    /// Running mean of the share of right look-ups.
    pub lookups: f64,
    /// Step at which contexts had grown to `data.max_tokens`.
    pub grown: Option<u64>,
    /// Greatest length of an echoed sequence now, tokens.
    pub echo: f64,
    /// Running mean of the share of right tokens in worked arithmetic.
    pub sums: f64,
}

/// Share of `warm.growth` at which contexts grow past what is mastered.
const IMPATIENT: f64 = 0.25;

/// Share of right tokens from which on arithmetic counts as mastered.
const SUMS_KNOWN: f64 = 0.95;

/// How much longer echoed sequences are after a step that was echoed well.
const LONGER: f64 = 1.25;

/// Weight of the newest step in the running mean.
const NEWEST: f64 = 0.1;

impl Course {
    /// The beginning of a course.
    pub fn new(warm: &Warm) -> Course {
        Course { tokens: warm.start_tokens as f64, lookups: 0.0, grown: None, echo: ECHO.0 as f64, sums: 0.0 }
    }

    /// Takes what a step measured.
    pub(super) fn step(&mut self, settings: &Settings, row: &WarmRow) {
        let warm = &settings.warm;
        if let Some(share) = row.sums {
            self.sums += NEWEST * (share - self.sums);
        }
        if !self.echoes(warm, row.step) {
            self.grow(settings, row);
        } else if row.lookups.is_some_and(|share| share >= warm.mastery) {
            self.echo *= LONGER;
        }
    }

    /// Whether a step echoes: until long sequences are echoed well, for `warm.echo` steps at most.
    pub(super) fn echoes(&self, warm: &Warm, step: u64) -> bool {
        step <= warm.echo && self.echo < ECHO.1 as f64
    }

    /// Rows of worked arithmetic: none in English and beside echoes, `warm.sums` until it is mastered, an eighth of that afterwards,
    /// none in closing.
    pub(super) fn sums(&self, settings: &Settings, step: u64) -> usize {
        let warm = &settings.warm;
        if settings.data.world == World::English {
            return 0;
        }
        match (self.echoes(warm, step) || closing(warm, step).is_some(), self.sums >= SUMS_KNOWN) {
            (true, _) => 0,
            (false, true) => warm.sums.div_ceil(8),
            (false, false) => warm.sums,
        }
    }

    /// Contexts grow only while they are read well.
    fn grow(&mut self, settings: &Settings, row: &WarmRow) {
        let (warm, most) = (&settings.warm, settings.data.max_tokens as f64);
        if let Some(share) = row.lookups {
            self.lookups += NEWEST * (share - self.lookups);
        }
        // What is not mastered after `warm.patience` steps is left behind slowly.
        let growth = match (self.lookups >= warm.mastery, row.step > warm.patience) {
            (true, _) => warm.growth,
            (false, true) => warm.growth * IMPATIENT,
            (false, false) => 0.0,
        };
        self.tokens = (self.tokens * (1.0 + growth)).min(most);
        if self.tokens >= most {
            self.grown.get_or_insert(row.step);
        }
    }

    /// Draws a context length: the upper half of what is allowed; once contexts have grown, any training length, and now and then a long one.
    pub(super) fn length(&self, settings: &Settings, stream: &mut Stream) -> usize {
        let (warm, data) = (&settings.warm, &settings.data);
        if self.grown.is_none() {
            let most = self.tokens as usize;
            return stream.range((most / 2).max(warm.start_tokens.min(most))..=most);
        }
        if stream.chance(warm.long_share) {
            return stream.range(data.max_tokens..=warm.long_tokens);
        }
        stream.range(data.min_tokens..=data.max_tokens)
    }

    /// Whether contexts are still so short that nothing but reading is practised.
    pub(super) fn reads_first(&self) -> bool {
        self.tokens < READING_FIRST
    }

    /// Rows of practice among the rows of a lesson: all at first, `warm.drills` while contexts grow, a third of that afterwards, none in closing.
    pub(super) fn drills(&self, warm: &Warm, step: u64) -> usize {
        let share = match (self.grown, closing(warm, step)) {
            _ if self.reads_first() => 1.0,
            (_, Some(_)) => 0.0,
            (Some(_), None) => warm.drills / 3.0,
            (None, None) => warm.drills,
        };
        (warm.questions as f64 * share).round() as usize
    }

    /// Contexts of a step: as many as the token budget carries.
    pub(super) fn contexts(&self, warm: &Warm) -> usize {
        let row = if self.reads_first() { SHORT_ROW } else { ROW_TOKENS };
        (warm.tokens / (self.tokens as usize + warm.questions * row)).max(1)
    }
}

/// Context length from which on traces and arithmetic join the practice of reading, tokens.
const READING_FIRST: f64 = 128.0;

/// A row's usual length, for the budget; and that of a drill over a short context.
pub(super) const ROW_TOKENS: usize = 60;
const SHORT_ROW: usize = 30;

/// Share of the steps at the end over which the rate falls to nothing and only traces are learned.
const CLOSING: f64 = 0.25;

fn closing(warm: &Warm, step: u64) -> Option<f64> {
    let from = (warm.steps as f64 * (1.0 - CLOSING)).ceil();
    (step as f64 > from).then(|| (step as f64 - from) / (warm.steps as f64 - from))
}

/// The rate at a step: linear warm-up, a plateau, and a linear fall over the last quarter of the steps.
pub fn rate(warm: &Warm, step: u64) -> f64 {
    let rising = (step as f64 / warm.warmup.max(1) as f64).min(1.0);
    // The last step still learns a little.
    let falling = closing(warm, step).map_or(1.0, |done| 1.0 - 0.98 * done);
    warm.rate * rising.min(falling)
}
