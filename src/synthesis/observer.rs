//! Who watches a run, and may end it.

use crate::error::{Result, SynthesisError};
use crate::funnel::Counts;

/// Is told how a run goes on.
pub trait Observer: Send {
    /// A stage begins.
    fn begins(&mut self, _stage: &str) {}

    /// A stage is so far: files, documents or items of so many (0: not known).
    fn progress(&mut self, _stage: &str, _done: usize, _of: usize) {}

    /// A stage has ended; `cached` where it was found finished.
    fn ended(&mut self, _stage: &str, _counts: &Counts, _cached: bool) {}

    /// Whether the run goes on.
    fn goes_on(&mut self) -> bool {
        true
    }
}

/// Watches nothing.
pub struct Silent;

impl Observer for Silent {}

/// An observer of one stage.
pub struct Watch<'a> {
    /// The stage.
    pub stage: &'a str,
    /// Who watches.
    pub observer: &'a mut dyn Observer,
}

impl Watch<'_> {
    /// Tells how far the stage is.
    ///
    /// # Errors
    /// [`SynthesisError::Stopped`] where the run is to end.
    pub fn progress(&mut self, done: usize, of: usize) -> Result<()> {
        self.observer.progress(self.stage, done, of);
        if self.observer.goes_on() { Ok(()) } else { Err(SynthesisError::Stopped) }
    }
}
