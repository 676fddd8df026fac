//! Answers without libtorch: a decoder whose matrices are packed in bf16 once, for many sequences side by side.
//!
//! | file | what it does |
//! |---|---|
//! | `model` | a checkpoint to packed weights; one pass over new tokens of some sequences |
//! | `layer` | what a pass does in a layer |
//! | `look` | its attention |
//! | `room` | memory that a thread uses again |
//! | `awake` | threads that wait for work without sleeping |
//! | `sequence` | keys and values of a sequence, in pages that sequences with a common beginning share |
//! | `team` | products and rows shared out to threads |
//!
//! A token's logits are the same to the last bit whatever sequences stand beside its own, however many threads there are, and in which
//! pieces a prompt came in. Training and its rollouts do not come through here but through [`super::Decoder`], whose logits these
//! are up to the rounding of matrices, activations, keys and values to bf16.

mod awake;
mod layer;
mod look;
mod model;
mod room;
mod sequence;
mod team;

pub use model::{LoadError, Model, Wanted};
pub use sequence::Sequence;
