//! Checkpoints on disk: what is in them, what they need, how one talks to them, how one gets them, how they serve.
#![allow(clippy::unwrap_used)]

#[path = "model/chat.rs"]
mod chat;
#[path = "model/checkpoint.rs"]
mod checkpoint;
#[path = "model/commands.rs"]
mod commands;
#[path = "model/describe.rs"]
mod describe;
#[path = "model/engine.rs"]
mod engine;
#[path = "model/fetch.rs"]
mod fetch;
#[path = "model/gguf.rs"]
mod gguf;
#[path = "model/serve.rs"]
mod serve;
#[path = "model/serve_clients.rs"]
mod serve_clients;
#[path = "model/socket.rs"]
mod socket;
#[path = "model/stub.rs"]
mod stub;
#[path = "model/talk.rs"]
mod talk;
#[path = "model/tokenizer.rs"]
mod tokenizer;
