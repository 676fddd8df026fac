//! What a chat model is asked and what it answers.

use serde::{Deserialize, Serialize};

/// A message of a dialogue.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Message {
    /// `system`, `user`, `assistant` or `tool`.
    pub role: String,
    /// What was said.
    pub content: String,
}

impl Message {
    /// A message of the user.
    pub fn user(content: impl Into<String>) -> Message {
        Message { role: "user".into(), content: content.into() }
    }

    /// A message of the system.
    pub fn system(content: impl Into<String>) -> Message {
        Message { role: "system".into(), content: content.into() }
    }

    /// A message of the model.
    pub fn assistant(content: impl Into<String>) -> Message {
        Message { role: "assistant".into(), content: content.into() }
    }
}

/// A dialogue to be continued, and how. What is none is the model's own choice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChatRequest {
    /// The dialogue so far.
    pub messages: Vec<Message>,
    /// Longest answer, tokens.
    pub max_tokens: usize,
    /// Divides the logits; 0 takes the most probable token.
    pub temperature: Option<f64>,
    /// Mass of the nucleus that is drawn from, in (0, 1].
    pub top_p: Option<f64>,
    /// Only the so many most probable tokens are drawn from.
    pub top_k: Option<usize>,
    /// Only tokens of at least this share of the most probable one's probability are drawn from.
    pub min_p: Option<f64>,
    /// The answer ends before any of these.
    pub stop: Vec<String>,
    /// Seed of the draws.
    pub seed: Option<u64>,
    /// Log-probabilities wanted: of each drawn token and of so many most probable others.
    pub logprobs: Option<usize>,
    /// Whether the template should let the model think, for templates that know `enable_thinking`.
    pub thinking: Option<bool>,
    /// The grammar that the answer keeps to, in llama.cpp's notation (GBNF), for servers that know the field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grammar: Option<String>,
}

impl ChatRequest {
    /// A request of these messages, with every other choice left to the model.
    pub fn new(messages: Vec<Message>, max_tokens: usize) -> ChatRequest {
        ChatRequest {
            messages,
            max_tokens,
            temperature: None,
            top_p: None,
            top_k: None,
            min_p: None,
            stop: Vec::new(),
            seed: None,
            logprobs: None,
            thinking: None,
            grammar: None,
        }
    }
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// The model ended it, or a stop text came.
    Stop,
    /// It had as many tokens as it was allowed.
    Length,
}

/// Tokens that an answer took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Of the prompt.
    pub prompt_tokens: usize,
    /// Of the answer, thinking included.
    pub completion_tokens: usize,
}

/// A token of an answer with its log-probability in nats, before any filter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenLogprob {
    /// Its text.
    pub token: String,
    /// Its log-probability.
    pub logprob: f32,
    /// The most probable tokens at its place, most probable first.
    pub top: Vec<(String, f32)>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChatReply {
    /// The answer without its thinking.
    pub content: String,
    /// The thinking, where there was one.
    pub reasoning: Option<String>,
    /// Why it ended.
    pub finish: Finish,
    /// Tokens.
    pub usage: Usage,
    /// The model that answered, as it calls itself.
    pub model: String,
    /// One a token, where they were asked for.
    pub logprobs: Vec<TokenLogprob>,
}

/// Why there is no answer. A failed request is never a wrong answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChatFailure {
    /// The request itself is at fault; asking again does not help.
    #[error("{reason}")]
    Refused {
        /// What is wrong with it, and the mend.
        reason: String,
    },
    /// The model or the way to it is at fault; asking again later may help.
    #[error("{reason}")]
    Failed {
        /// What happened.
        reason: String,
    },
    /// The budget that was set is used up.
    #[error("{reason}")]
    Budget {
        /// Which budget, and how much of it is used.
        reason: String,
    },
    /// The caller asked to end.
    #[error("stopped")]
    Stopped,
}

/// A model that continues dialogues. Many threads may ask at once.
pub trait ChatModel: Send + Sync {
    /// The model, as a record of its answers names it.
    fn name(&self) -> String;

    /// Answers. `see` gets the text as it grows, thinking included, piece by piece; an implementation that has it whole gives it at once.
    /// `see` returns whether to go on: false ends the answer with [`ChatFailure::Stopped`].
    ///
    /// # Errors
    /// See [`ChatFailure`].
    fn chat(&self, request: &ChatRequest, see: &mut dyn FnMut(&str) -> bool) -> Result<ChatReply, ChatFailure>;
}
