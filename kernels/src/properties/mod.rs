//! What must hold of any loss, advantage, gate or latch: a suite that anyone can put their own through, in a test of
//! their own crate. Batches are drawn from [`crate::stream`], so a violation comes back with the same seed.
//!
//! ```
//! use longlab_kernels::loss::{Batch, Gradient, PolicyLoss};
//! use longlab_kernels::properties::{Options, Property, check};
//!
//! struct Squared;
//! impl PolicyLoss for Squared {
//!     fn name(&self) -> &'static str { "squared" }
//!     fn objective(&self, batch: &Batch) -> f64 { batch.sum(|t| t.share * t.advantage * t.ratio().powi(2) / 2.0) }
//!     fn gradient(&self, batch: &Batch) -> Gradient {
//!         Gradient::of_logp(batch.map(|t| t.share * t.advantage * t.ratio())) // forgets one ratio
//!     }
//! }
//! let violation = check(&Squared, &Options::default()).unwrap_err();
//! assert_eq!(violation.property, Property::Differences);
//! ```
//!
//! | property | says |
//! |---|---|
//! | [`Property::Shape`] | the gradient has the batch's rows and tokens |
//! | [`Property::Deterministic`] | the same batch gives the same bits |
//! | [`Property::MaskedTokens`] | a masked token has a gradient of exactly 0 and nothing depends on what it holds |
//! | [`Property::Surrogate`] | with every factor frozen where it is, the surrogate is the objective |
//! | [`Property::Differences`] | the gradient is that of central differences of the surrogate |
//! | [`Property::RolloutOrder`] | the order of rollouts changes nothing |
//! | [`Property::GroupNames`] | neither do the names of groups |
//! | [`Property::Padding`] | neither do padding tokens, nor a rollout of them |
//! | [`Property::ShareScale`] | J and its gradient are linear in the shares |
//! | [`Property::Extremes`] | both are finite for log-probabilities down to -1e4 |
//! | [`Property::SinglePrecision`] | inputs rounded to f32 change little |
//! | [`Property::ZeroAdvantage`] | no advantage, no gradient ([`Laws::silent_without_advantage`]) |
//! | [`Property::AdvantageScale`] | J is linear in a factor of the advantages ([`Laws::scales_with_advantage`]) |
//! | [`Property::RatioOne`] | REINFORCE's gradient where pi_theta = pi_old ([`Laws::reinforce_at_ratio_one`]) |
//! | [`Property::ClipSide`] | the clip acts on the side the advantage asks for ([`Laws::clips_at`]) |
//!
//! [`Laws::silent_without_advantage`]: crate::loss::Laws::silent_without_advantage
//! [`Laws::scales_with_advantage`]: crate::loss::Laws::scales_with_advantage
//! [`Laws::reinforce_at_ratio_one`]: crate::loss::Laws::reinforce_at_ratio_one
//! [`Laws::clips_at`]: crate::loss::Laws::clips_at

mod controls;
mod draw;
mod losses;

pub use controls::{AdvantageRule, GateRule, check_advantages, check_gate, check_latch, check_one_task};
pub use losses::check;

use std::fmt;
use thiserror::Error;

/// How hard the suite looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Seed of the random batches.
    pub seed: u64,
    /// Random batches for each property.
    pub batches: u32,
    /// Step of the central differences in log-probability and entropy (nats).
    pub step: f64,
    /// Largest error of a slope against its difference, relative to 1 + |slope|.
    pub tolerance: f64,
    /// Largest change when inputs are rounded to f32, relative to 1 + |value|. Rounding a log-probability of 10 nats
    /// moves a ratio by about 1e-6 of itself.
    pub single_precision: f64,
}

impl Default for Options {
    fn default() -> Self {
        Options { seed: 0, batches: 24, step: 1e-6, tolerance: 1e-6, single_precision: 1e-4 }
    }
}

/// A thing that must hold; the table is in [the module's page](self).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Property {
    Shape,
    Deterministic,
    MaskedTokens,
    Surrogate,
    Differences,
    RolloutOrder,
    GroupNames,
    Padding,
    ShareScale,
    Extremes,
    SinglePrecision,
    ZeroAdvantage,
    AdvantageScale,
    RatioOne,
    ClipSide,
    /// A control gives one result a rollout (and token).
    Length,
    /// Advantages are finite.
    Finite,
    /// A prompt of equal rewards teaches nothing.
    EqualRewards,
    /// A gate never touches a positive advantage.
    PositivesUntouched,
    /// Task-batch scaling with one task is batch scaling.
    OneTask,
    /// A latch is a function of the entropies it saw.
    History,
    /// A latch never switches inside its band.
    Band,
    /// A latch is on above its band and off below it.
    Sides,
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// The first property found broken.
#[derive(Clone, Debug, Error, PartialEq)]
#[error("{name} breaks {property} on random batch {batch} of seed {seed}: {detail}")]
pub struct Violation {
    /// What was checked.
    pub name: String,
    /// What it breaks.
    pub property: Property,
    /// Seed of the batches.
    pub seed: u64,
    /// Which random batch shows it.
    pub batch: u32,
    /// Where, and the numbers that disagree.
    pub detail: String,
}

/// What was checked and held.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// What was checked.
    pub name: String,
    /// Properties that held on every random batch.
    pub held: Vec<Property>,
    /// Properties that do not apply, as the loss itself says.
    pub exempt: Vec<Property>,
    /// Slopes compared with a difference quotient.
    pub slopes: usize,
    /// Slopes left out because the objective has a corner there.
    pub corners: usize,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Report { name, held, exempt, slopes, corners } = self;
        write!(f, "{name}: {} properties held, {} exempt, {slopes} slopes, {corners} corners", held.len(), exempt.len())
    }
}
