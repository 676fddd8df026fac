//! A model one can talk to: one question at a time, its prompt cut to the window.

pub use super::engine::TalkError;

use super::Filters;
use super::engine::{Engine, Event, Finish, Limits, Request};
use serde_json::{Value, json};
use std::path::Path;

/// Tokens of a prompt that are read at once: nobody else waits for them.
const PREFILL: usize = 1024;

/// How an answer is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drawing {
    /// Divides the logits; 0 takes the most probable token.
    pub temperature: f64,
    /// Mass of the nucleus that is drawn from, in (0, 1].
    pub top_p: f64,
    /// Longest answer, tokens.
    pub max_tokens: usize,
    /// Seed of the draws.
    pub seed: u64,
}

/// A prompt in tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct Prompt {
    /// The tokens.
    pub tokens: Vec<u32>,
    /// How many were cut out of the middle to fit the window.
    pub cut: usize,
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Everything the model wrote, thinking included.
    pub text: String,
    /// Its tokens, without the one that ended it.
    pub tokens: Vec<u32>,
    /// Whether the model ended it.
    pub finished: bool,
}

/// A model that answers one prompt after the other.
pub struct Talker {
    engine: Engine,
    /// Sampling that its makers advise.
    pub advised: (Option<f64>, Option<f64>),
}

impl Talker {
    /// Loads a Hugging Face folder or a GGUF file, to answer on `threads` threads.
    ///
    /// # Errors
    /// See [`Engine::load`]; a missing template.
    pub fn load(path: &Path, threads: usize) -> Result<Talker, TalkError> {
        let engine = Engine::load(path, threads, Limits { prefill: PREFILL, prefixes: 1, ..Limits::default() })?;
        if !engine.texts().has_template() {
            return Err(TalkError::NoTemplate);
        }
        let (temperature, top_p, _) = engine.texts().advised;
        Ok(Talker { engine, advised: (temperature, top_p) })
    }

    /// Positions that the model knows.
    pub fn window(&self) -> usize {
        self.engine.window()
    }

    /// The prompt of messages, `(role, content)` each. Where it and an answer of `answer` tokens do not fit the window, its middle is cut out:
    /// question and instructions stand at its ends (the way of QwenLong-L1's evaluation).
    ///
    /// # Errors
    /// The template's or the tokenizer's refusal, and a window without room.
    pub fn prompt(&self, messages: &[(&str, &str)], answer: usize) -> Result<Prompt, TalkError> {
        let messages: Vec<Value> =
            messages.iter().map(|(role, content)| json!({"role": role, "content": content})).collect();
        let mut tokens = self.engine.texts().prompt(&messages, None)?.tokens;
        let window = self.window();
        let room = window.checked_sub(answer).filter(|&room| room > 1).ok_or(TalkError::Window { answer, window })?;
        let cut = tokens.len().saturating_sub(room);
        if cut > 0 {
            let (head, tail) = (room - room / 2, room / 2);
            tokens.drain(head..tokens.len() - tail);
        }
        Ok(Prompt { tokens, cut })
    }

    /// Answers a prompt; `see` gets the text as it grows, piece by piece.
    ///
    /// # Errors
    /// Tokens that the tokenizer does not know, and probabilities that are no numbers.
    pub fn answer(&self, prompt: &Prompt, drawing: &Drawing, see: &mut dyn FnMut(&str)) -> Result<Answer, TalkError> {
        let Drawing { temperature, top_p, max_tokens, seed } = *drawing;
        let filters = Filters { temperature, top_p, ..Filters::GREEDY };
        let mut answers = self.engine.ask(Request::new(prompt.tokens.clone(), filters, seed, max_tokens))?;
        let mut answer = Answer { text: String::new(), tokens: Vec::new(), finished: false };
        while let Some(event) = answers.wait() {
            match event? {
                Event::More { text, tokens, .. } => {
                    see(&text);
                    answer.text += &text;
                    answer.tokens.extend(tokens.iter().map(|drawn| drawn.token));
                }
                Event::End { finish, .. } => answer.finished = finish == Finish::Stop,
            }
        }
        Ok(answer)
    }
}
