//! Chat models behind one trait, [`ChatModel`]: those of this machine and those that a server runs.
//!
//! Whoever asks a model (judges, data agents, evaluation, `longlab ask`) takes a `&dyn ChatModel`, and does not know where it runs.
//!
//! | file | what it has |
//! |---|---|
//! | `chat` | the trait, what is asked and what is answered |
//! | `client` | [`Client`]: an OpenAI-compatible server as a chat model |
//! | `settings`, `address` | how a server is asked, and where it is |
//! | `http`, `trouble` | one request, and what can go wrong with it |
//! | `body`, `draft`, `sse`, `thinking` | requests as servers take them, answers as they give them: whole, or as server-sent events |
//! | `show` | text shown as it grows |
//! | `retry`, `permits`, `flights` | pauses before another try, so many requests at once, the same request once |
//! | `cache` | answers that are remembered |
//! | `ledger` | what was used, and the cap on it |
//! | `many` | [`ask_all`]: many requests, outcomes in order |
//! | `judge` | [`Judge`]: a model that says whether two answers agree |

mod address;
mod body;
mod cache;
mod chat;
mod client;
mod draft;
mod error;
mod flights;
#[cfg(fuzzing)]
pub mod fuzzing;
mod http;
mod judge;
mod ledger;
mod many;
mod permits;
mod retry;
mod settings;
mod show;
mod sse;
mod thinking;
mod trouble;

pub use cache::{Cache, RequestKey};
pub use chat::{ChatFailure, ChatModel, ChatReply, ChatRequest, Finish, Message, TokenLogprob, Usage};
pub use client::Client;
pub use error::ClientError;
pub use judge::{Case, Judge, Judgement, MissingSlot, Template, Verdict};
pub use ledger::{Account, Ledger};
pub use many::{Progress, ask_all};
pub use settings::{Budget, ClientSettings, Prices, Retry};
