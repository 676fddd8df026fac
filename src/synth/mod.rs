//! Makes samples: every sample is a fresh set of documents rendered from facts drawn for it alone, in the micro world or in English.

pub mod english;
pub mod micro;

pub use micro::question::Flavour;
pub use micro::trace::Noise;

use crate::data::Sample;
use crate::lm::Tokenizer;
use crate::task::{TaskType, World};
use longlab_kernels::stream::Address;

/// Draws samples of a world for a tokenizer.
#[derive(Clone, Copy)]
pub struct Maker<'a> {
    /// The world.
    pub world: World,
    /// What contexts are measured by in the English world; the micro world counts its own words.
    pub tokenizer: &'a Tokenizer,
}

impl Maker<'_> {
    /// What the training pool asks of a task type.
    pub fn flavour(&self, task: TaskType) -> Flavour {
        match self.world {
            World::Micro => Flavour::of(task),
            World::English => english::question::flavour(task),
        }
    }

    /// Draws the sample at an address, with a context of `tokens.0` to `tokens.1` tokens.
    pub fn sample(
        &self,
        address: Address,
        id: u64,
        task: TaskType,
        flavour: Flavour,
        tokens: (usize, usize),
    ) -> Sample {
        match self.world {
            World::Micro => micro::sample(address, id, task, flavour, tokens),
            World::English => english::sample(address, id, task, flavour, tokens, &|text| self.count(text)),
        }
    }

    /// Tokens of a text. One that cannot be encoded counts as long, so that nothing is added to it.
    pub fn count(&self, text: &str) -> usize {
        self.tokenizer.encode(text).map_or(text.len(), |tokens| tokens.len())
    }
}
