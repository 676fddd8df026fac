//! What can go wrong with models, weights and tokenizers.

use std::path::{Path, PathBuf};

/// An error of this room; every message names the file or the tensor, and the mend where there is one.
#[derive(Debug, thiserror::Error)]
pub enum LmError {
    /// A file could not be read or written.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// config.json is not JSON, or its numbers do not fit together.
    #[error("{path}: {reason}", path = path.display())]
    Config {
        /// The file, or `config` for one that was made in memory.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// A safetensors file is cut off or its header makes no sense.
    #[error("{path}: damaged safetensors file ({reason}); copy or build it again", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        reason: String,
    },
    /// A tokenizer could not be built, read, written or applied.
    #[error("tokenizer: {reason}")]
    Tokenizer {
        /// What the tokenizer library said.
        reason: String,
    },
    /// A prompt without tokens has nothing to be continued.
    #[error("request {request}: the prompt is empty; give it one token at least")]
    EmptyPrompt {
        /// Which request, from 0.
        request: usize,
    },
    /// A token id lies outside the vocabulary.
    #[error(
        "request {request}: token {token} is outside the vocabulary of {vocab}; tokenizer and model do not belong together"
    )]
    Vocabulary {
        /// Which request, from 0.
        request: usize,
        /// The token.
        token: u32,
        /// Size of the vocabulary.
        vocab: usize,
    },
    /// Prompt and answer do not fit into the positions of the model.
    #[error(
        "request {request}: {tokens} tokens of prompt and answer, the model has {limit} positions (max_position_embeddings)"
    )]
    TooLong {
        /// Which request, from 0.
        request: usize,
        /// Tokens of the prompt plus the longest answer.
        tokens: usize,
        /// Positions of the model.
        limit: usize,
    },
    /// A sampling parameter is outside its range.
    #[error("sampling: {name} is {value}, it must be {range}")]
    Sampling {
        /// The parameter.
        name: &'static str,
        /// Its value.
        value: f64,
        /// Its range.
        range: &'static str,
    },
    /// The model gives probabilities that are no numbers.
    #[error("position {position} of request {request}: the probabilities are not finite; the weights have diverged")]
    NotFinite {
        /// Which request, from 0.
        request: usize,
        /// Position in the answer, from 0.
        position: usize,
    },
    /// A checkpoint could not be opened or read.
    #[error(transparent)]
    Checkpoint(#[from] super::CheckpointError),
    /// An adapter could not be read.
    #[error(transparent)]
    Adapter(#[from] super::AdapterError),
    /// The output layer could not be computed.
    #[error("output layer: {0}")]
    Head(#[from] longlab_kernels::head::HeadError),
    /// libtorch refused an operation.
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
}

impl LmError {
    /// Wraps an error of the system with the file it concerns.
    pub(super) fn io(path: &Path, source: std::io::Error) -> Self {
        LmError::Io { path: path.to_owned(), source }
    }
}
