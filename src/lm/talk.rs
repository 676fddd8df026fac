//! A model one can talk to: checkpoint, tokenizer, chat template and the drawing of answers.

use super::chat::{ChatError, Template};
use super::infer::{LoadError, Model, Sequence, Wanted};
use super::{Checkpoint, CheckpointError, TokenizerError, pick};
use longlab_kernels::stream::{Address, Purpose};
use serde_json::{Value, json};
use std::path::Path;

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
    /// The model gives probabilities that are no numbers.
    #[error("the probabilities after {position} tokens are not finite; the weights are damaged")]
    NotFinite {
        /// Tokens before it.
        position: usize,
    },
}

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

/// A model with all that talking to it needs.
pub struct Talker {
    model: Model,
    tokenizer: tokenizers::Tokenizer,
    template: Template,
    stops: Vec<u32>,
    /// Sampling that its makers advise.
    pub advised: (Option<f64>, Option<f64>),
}

impl Talker {
    /// Loads a Hugging Face folder or a GGUF file, to answer on `threads` threads.
    ///
    /// # Errors
    /// See [`Checkpoint::open`] and [`Checkpoint::tokenizer`]; a template that is missing or wrong.
    pub fn load(path: &Path, threads: usize) -> Result<Talker, TalkError> {
        let checkpoint = Checkpoint::open(path)?;
        let settings = checkpoint.settings();
        let mut template = Template::new(settings.template.as_deref().ok_or(TalkError::NoTemplate)?)?;
        for (name, token) in &settings.specials {
            template = template.with(name, token.clone());
        }
        let (stops, advised) = (settings.stops.clone(), (settings.temperature, settings.top_p));
        let tokenizer = checkpoint.tokenizer()?;
        Ok(Talker { model: Model::load(&checkpoint, threads)?, tokenizer, template, stops, advised })
    }

    /// Positions that the model knows.
    pub fn window(&self) -> usize {
        self.model.config.max_position_embeddings
    }

    /// The prompt of messages, `(role, content)` each. Where it and an answer of `answer` tokens do not fit the window, its middle is cut out:
    /// question and instructions stand at its ends (the way of QwenLong-L1's evaluation).
    ///
    /// # Errors
    /// The template's or the tokenizer's refusal, and a window without room.
    pub fn prompt(&self, messages: &[(&str, &str)], answer: usize) -> Result<Prompt, TalkError> {
        let messages: Vec<Value> =
            messages.iter().map(|(role, content)| json!({"role": role, "content": content})).collect();
        let text = self.template.render(&messages, true, None)?;
        let encoded = self.tokenizer.encode_fast(text, false).map_err(refuse)?;
        let (tokens, window) = (encoded.get_ids(), self.window());
        let room = window.checked_sub(answer).filter(|&room| room > 1).ok_or(TalkError::Window { answer, window })?;
        let cut = tokens.len().saturating_sub(room);
        if cut == 0 {
            return Ok(Prompt { tokens: tokens.to_vec(), cut });
        }
        let (head, tail) = (room - room / 2, room / 2);
        Ok(Prompt { tokens: [&tokens[..head], &tokens[tokens.len() - tail..]].concat(), cut })
    }

    /// Answers a prompt; `see` gets the text as it grows, piece by piece.
    ///
    /// # Errors
    /// Tokens that the tokenizer does not know, and probabilities that are no numbers.
    pub fn answer(&self, prompt: &Prompt, drawing: &Drawing, see: &mut dyn FnMut(&str)) -> Result<Answer, TalkError> {
        let mut sequence = Sequence::default();
        let mut answer = Answer { text: String::new(), tokens: Vec::new(), finished: false };
        let mut logits = self.model.read(&mut [(&mut sequence, &prompt.tokens)], Wanted::Last);
        while answer.tokens.len() < drawing.max_tokens {
            let token = draw(&logits, drawing, answer.tokens.len())?;
            if self.stops.contains(&token) {
                answer.finished = true;
                break;
            }
            answer.tokens.push(token);
            let text = self.tokenizer.decode(&answer.tokens, true).map_err(refuse)?;
            // A character may be spread over several tokens: it is shown when it is whole.
            if let Some(more) = text.strip_prefix(&answer.text).filter(|more| !more.ends_with('\u{fffd}')) {
                see(more);
                answer.text = text;
            }
            if answer.tokens.len() < drawing.max_tokens {
                logits = self.model.read(&mut [(&mut sequence, &[token])], Wanted::Last);
            }
        }
        answer.text = self.tokenizer.decode(&answer.tokens, true).map_err(refuse)?;
        Ok(answer)
    }
}

/// The token at a position of an answer, drawn from the stream of the seed and the position.
fn draw(logits: &[f32], drawing: &Drawing, position: usize) -> Result<u32, TalkError> {
    let greedy = drawing.temperature == 0.0;
    let temperature = if greedy { 1.0 } else { drawing.temperature };
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f32> = logits.iter().map(|&y| (f64::from(y - max) / temperature).exp() as f32).collect();
    let address = Address::new(drawing.seed, Purpose::Answer).position(position as u32);
    let (top_p, uniform) = if greedy { (0.0, 0.0) } else { (drawing.top_p, address.stream().uniform()) };
    pick(&powers, top_p, uniform).map(|token| token as u32).ok_or(TalkError::NotFinite { position })
}

fn refuse(error: tokenizers::Error) -> TalkError {
    TalkError::Text { reason: error.to_string() }
}
