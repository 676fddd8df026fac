//! Tokenizer, model, weights, generation.
//!
//! Tensors carry shape suffixes: P prompts, G continuations of a prompt, T time, D width, H heads, K key/value heads,
//! V vocabulary; several letters stand in the order of the dimensions.
#![allow(non_snake_case)]

mod attention;
pub mod chat;
mod checkpoint;
mod decoder;
pub mod describe;
pub mod engine;
mod error;
mod experts;
pub mod fetch;
mod files;
mod filter;
mod folder;
mod generate;
pub mod gguf;
pub mod infer;
mod layer;
mod llama;
mod lora;
mod marks;
mod micro;
pub mod needs;
mod output;
mod packed;
mod peft;
mod projection;
mod qwen3;
mod qwen3_moe;
mod recompute;
mod rope;
mod sample;
pub mod talk;
mod tokenizer;
mod weights;

pub use checkpoint::{
    Checkpoint, CheckpointError, Config, Experts, Family, Format, Scaling, Settings, Stored, TokenizerError,
    gguf_tokenizer, read_tokenizer,
};
pub(crate) use checkpoint::{decode, encode};
pub use decoder::{Decoder, Prefix};
pub use error::LmError;
pub use filter::{Filters, Odds};
pub use folder::{Beside, Numbers as FolderNumbers, write_folder};
pub use generate::{Request, Response, Sampling, generate};
pub use lora::Lora;
pub use output::{Numbers, Output};
pub use peft::{Adapter, AdapterError};
pub use recompute::Hidden;
pub use sample::{Choice, pick};
pub use tokenizer::{Tokenizer, build_wordpiece};
pub use weights::save_weights;
