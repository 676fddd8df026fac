//! The main crate's `src/lm`, as far as it needs no tensors.

#[path = "../../../../src/lm/chat/mod.rs"]
pub mod chat;
#[path = "../../../../src/lm/checkpoint/mod.rs"]
pub mod checkpoint;
pub mod fetch;
#[path = "../../../../src/lm/gguf/mod.rs"]
pub mod gguf;
#[path = "../../../../src/lm/marks.rs"]
mod marks;

#[path = "../../../../src/lm/peft.rs"]
pub mod peft;
pub mod sound;
