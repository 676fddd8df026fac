//! What can go wrong: at the start, before an answer, in its course.

use crate::lm::chat::ChatError;
use crate::lm::infer::LoadError;
use crate::lm::{CheckpointError, TokenizerError};

/// Why a model could not be talked to.
#[derive(Debug, thiserror::Error)]
pub enum TalkError {
    /// The checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Its weights.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Its tokenizer.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// Its chat template.
    #[error(transparent)]
    Chat(#[from] ChatError),
    /// The checkpoint has no chat template.
    #[error("the model has no chat template: it continues text, and does not answer")]
    NoTemplate,
    /// A text that the tokenizer does not take, or tokens that it does not know.
    #[error("tokenizer: {reason}")]
    Text {
        /// What the library said.
        reason: String,
    },
    /// No room for prompt and answer.
    #[error("an answer of {answer} tokens leaves no room for a prompt in {window} positions; ask for fewer")]
    Window {
        /// Longest answer.
        answer: usize,
        /// Positions.
        window: usize,
    },
    /// A request that was not taken.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A request that was taken and came to no end.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// The system gives no thread.
    #[error("cannot start the thread of the model: {cause}")]
    Thread {
        /// What the system said.
        cause: String,
    },
}

/// Why a request was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// So many answers wait already.
    #[error("{most} answers wait already; try again later")]
    Full {
        /// The bound of the queue.
        most: usize,
    },
    /// The engine takes no more requests.
    #[error("the model takes no more requests; it is being stopped")]
    Closed,
    /// Prompt and answer are longer than the window, or than what may be cached.
    #[error(
        "{prompt} tokens of the prompt and {answer} of the answer are more than {most} positions; shorten one of both"
    )]
    Long {
        /// Tokens of the prompt.
        prompt: usize,
        /// Longest answer, tokens.
        answer: usize,
        /// Positions that there are.
        most: usize,
    },
    /// A prompt without tokens.
    #[error("the prompt is empty; it needs one token at least")]
    Empty,
    /// A token that the model has no row for.
    #[error("token {token} of the prompt is none of the model's {vocabulary}")]
    Token {
        /// The token.
        token: u32,
        /// Rows of the embedding.
        vocabulary: usize,
    },
    /// A setting out of its range.
    #[error("`{name}` must be {range}")]
    Setting {
        /// Its name in requests.
        name: &'static str,
        /// What it may be.
        range: String,
    },
}

/// Why a request that was taken came to no end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The model gives probabilities that are no numbers.
    #[error("the probabilities after {position} tokens are not finite; the weights are damaged")]
    NotFinite {
        /// Tokens before it.
        position: usize,
    },
    /// Its time was over.
    #[error("the answer did not end in time; ask for a shorter one, or allow more time")]
    Late,
    /// Tokens that the tokenizer does not know.
    #[error("tokenizer: {reason}")]
    Text {
        /// What the library said.
        reason: String,
    },
    /// The engine was stopped, or broke off.
    #[error("the model was stopped before the answer ended")]
    Stopped,
}
