//! Tokenizer, model, weights, generation.
//!
//! Tensors carry shape suffixes: P prompts, G continuations of a prompt, T time, D width, H heads, K key/value heads,
//! V vocabulary; several letters stand in the order of the dimensions.
#![allow(non_snake_case)]

mod attention;
mod config;
mod error;
mod files;
mod generate;
mod packed;
mod qwen3;
mod rope;
mod sample;
mod tokenizer;
mod weights;

pub use config::Config;
pub use error::LmError;
pub use generate::{Request, Response, Sampling, generate};
pub use qwen3::{Prefix, Qwen3};
pub use sample::{Choice, pick};
pub use tokenizer::{Tokenizer, build_wordpiece};
pub use weights::{load_weights, save_weights};
