//! Chat models behind one trait, [`ChatModel`]: those of this machine and those that a server runs.
//!
//! Whoever asks a model (judges, data agents, evaluation, `longlab ask`) takes a `&dyn ChatModel`, and does not know where it runs.

mod chat;

pub use chat::{ChatFailure, ChatModel, ChatReply, ChatRequest, Finish, Message, TokenLogprob, Usage};
