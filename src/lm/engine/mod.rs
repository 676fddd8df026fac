//! Many answers side by side: a thread that owns a model, and requests that enter and leave at every step.
//!
//! | file | what it does |
//! |---|---|
//! | `answers` | a request, and what the engine says of its answers |
//! | `queue` | what waits, bounded; the way back to whoever asked; counts |
//! | `worker` | the thread: rows enter, read, draw, leave |
//! | `plan` | how many tokens each row reads in a pass |
//! | `row` | an answer that is being written |
//! | `pieces` | tokens to whole characters, and nothing that may belong to a stop |
//! | `kept` | sequences that have ended and may be the beginning of others |
//! | `texts` | messages to tokens, tokens to bytes |
//! | `chat` | the engine as a [`longlab_client::ChatModel`] |
//!
//! The tokens of an answer depend on its prompt, its seed, its number and how it is drawn, on nothing else: what stands beside it, what
//! was kept, when it had to make room and in which pieces its prompt was read change no bit of its logits (see [`super::infer`]).

mod answers;
mod chat;
mod error;
mod kept;
mod pieces;
mod plan;
mod queue;
mod row;
mod texts;
mod worker;

pub use answers::{Answers, Drawn, Event, Finish, Request, TOP};
pub use error::{Failure, Refusal, TalkError};
pub use queue::Gauges;
pub use texts::{Texts, Written};

use super::Checkpoint;
use super::infer::Model;
use longlab_kernels::attention::POSITIONS;
use queue::Queue;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::mpsc;
use worker::Worker;

/// What an engine may take up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Answers that are written side by side.
    pub rows: usize,
    /// Answers that may wait; more are refused.
    pub waiting: usize,
    /// Positions whose keys and values are held, of all answers and kept sequences together. Where it is not enough, answers make room
    /// for older ones, and go on later.
    pub positions: usize,
    /// Tokens of prompts that are read in a pass: what a row that draws may have to wait for.
    pub prefill: usize,
    /// Sequences that are kept after their end, since others may begin alike; 0 also lets requests share nothing while they run.
    pub prefixes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { rows: 32, waiting: 256, positions: usize::MAX, prefill: 256, prefixes: 32 }
    }
}

/// A model that answers.
pub struct Engine {
    name: String,
    texts: Arc<Texts>,
    queue: Arc<Queue>,
    limits: Limits,
    /// Positions of prompt and answer together.
    window: usize,
    vocabulary: usize,
    thread: Option<JoinHandle<()>>,
}

impl Engine {
    /// Loads a Hugging Face folder or a GGUF file, to answer on `threads` threads and one more. It is named after the file or folder.
    ///
    /// # Errors
    /// See [`Checkpoint::open`], [`Model::load`] and [`Texts::of`]; a thread that cannot be started.
    pub fn load(path: &Path, threads: usize, limits: Limits) -> Result<Engine, TalkError> {
        let checkpoint = Checkpoint::open(path)?;
        let texts = Arc::new(Texts::of(&checkpoint)?);
        let model = Model::load(&checkpoint, threads)?;
        let name = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let (window, vocabulary) = (model.config.max_position_embeddings, model.config.vocab_size);
        let queue = Arc::new(Queue::default());
        let limits = Limits { rows: limits.rows.max(1), ..limits };
        let worker = Worker::new(model, Arc::clone(&texts), Arc::clone(&queue), limits);
        let thread = std::thread::Builder::new().name("engine".to_owned()).spawn(|| worker.run());
        let thread = Some(thread.map_err(|error| TalkError::Thread { cause: error.to_string() })?);
        Ok(Engine { name, texts, queue, limits, window, vocabulary, thread })
    }

    /// The engine under another name.
    pub fn named(mut self, name: impl Into<String>) -> Engine {
        self.name = name.into();
        self
    }

    /// The model's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How the model is written to and read.
    pub fn texts(&self) -> &Texts {
        &self.texts
    }

    /// Positions of a prompt and its answer together: those that the model knows, unless fewer may be held.
    pub fn window(&self) -> usize {
        self.window.min(self.limits.positions / POSITIONS * POSITIONS)
    }

    /// What it may take up.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What it has done and does.
    pub fn gauges(&self) -> &Gauges {
        &self.queue.gauges
    }

    /// Asks for the answers of one request.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn ask(&self, request: Request) -> Result<Answers, Refusal> {
        self.ask_all(vec![request])
    }

    /// Asks for the answers of several requests at once; all are taken or none. The answers are numbered through.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn ask_all(&self, requests: Vec<Request>) -> Result<Answers, Refusal> {
        requests.iter().try_for_each(|request| request.check(self.window(), self.vocabulary))?;
        let open: usize = requests.iter().map(|request| request.rows).fold(0, usize::saturating_add);
        if open > self.limits.waiting {
            let range = format!("such that no more than {} answers are asked for at once", self.limits.waiting);
            return Err(Refusal::Setting { name: "n", range });
        }
        // Room for all that can be said: an event a token, the rest of a text, the end, a failure. The engine never waits for a reader.
        let events = requests.iter().map(|request| request.rows * (request.max_tokens + 2)).sum::<usize>() + 1;
        let (sender, receiver) = mpsc::channel(events);
        self.queue.put(requests, &sender, self.limits.waiting)?;
        Ok(Answers { receiver, open })
    }

    /// Whether its thread has ended, which it does by itself only where it broke off.
    pub fn is_over(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Takes no more requests; those that were taken are still answered.
    pub fn close(&self) {
        self.queue.close();
    }
}

impl Drop for Engine {
    /// Ends after the pass that runs, whatever is asked still.
    fn drop(&mut self) {
        self.queue.end();
        if let Some(thread) = self.thread.take() {
            // A thread that broke off has said so.
            let _ = thread.join();
        }
    }
}
