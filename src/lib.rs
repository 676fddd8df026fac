//! longlab: a research lab for long-context reinforcement learning.
//!
//! Rooms, in the order in which they may use one another: `kernels` (own crate), [`spec`], [`task`], [`data`], [`lm`],
//! [`synth`], [`rl`], [`eval`], [`serve`], [`lab`], [`watch`], [`report`], [`audit`], [`cli`]. [`merge`] uses none of them but `kernels`.

pub mod ask;
pub mod audit;
pub mod cli;
pub mod data;
pub mod eval;
pub mod files;
pub mod lab;
pub mod lm;
pub mod merge;
pub mod report;
pub mod rl;
pub mod runtime;
pub mod serve;
pub mod shards;
pub mod spec;
pub mod synth;
pub mod task;
pub mod watch;
