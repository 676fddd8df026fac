//! Prompt templates: the documents first, the question after them (paper appendix; shortened at micro scale).
//!
//! A prompt has a part that all questions over the same documents share, and one of its own. Both can be tokenised apart: the border lies
//! between a mark and a line break (English) or between words (micro), where tokenizers split anyway.

use super::World;
use crate::data::Sample;

/// Opens the documents.
pub const TEXT: &str = "<text>";
/// Closes the documents.
pub const TEXT_END: &str = "</text>";
/// Opens the thinking; the last token of every prompt.
pub const THINK: &str = "<think>";
/// Closes the thinking.
pub const THINK_END: &str = "</think>";
/// Ends a response.
pub const END: &str = "<|im_end|>";
/// Fills rows of a batch; never predicted, never attended to.
pub const PAD: &str = "<|endoftext|>";

/// What an English answer begins with.
pub const PHRASE: &str = "Therefore, the answer is";

/// All special tokens of the micro tokenizer.
pub const SPECIALS: [&str; 6] = [PAD, END, TEXT, TEXT_END, THINK, THINK_END];

/// What SmolLM2's chat template puts first where a conversation has no system message.
const SYSTEM: &str = "You are a helpful AI assistant named SmolLM, trained by Hugging Face";

impl World {
    /// The part of a prompt that all questions over the same documents share.
    pub fn documents(self, text: &str) -> String {
        match self {
            World::Micro => format!("{TEXT} {text} {TEXT_END}"),
            World::English => format!(
                "<|im_start|>system\n{SYSTEM}{END}\n<|im_start|>user\n\
                 Please read the following text and answer the question below.\n\n{TEXT}\n{text}\n{TEXT_END}"
            ),
        }
    }

    /// The part of a prompt after the documents, up to the response.
    pub fn question(self, question: &str) -> String {
        match self {
            World::Micro => format!("{question} {THINK}"),
            World::English => format!(
                "\n\n{question}\n\nFormat your answer as follows: \"{PHRASE} (insert answer here)\".{END}\n<|im_start|>assistant\n"
            ),
        }
    }

    /// A whole response: thinking, answer, end. `answer` is a whole sentence.
    pub fn response(self, thinking: &str, answer: &str) -> String {
        match self {
            World::Micro => format!("{thinking} {THINK_END} {answer} {END}"),
            World::English if thinking.is_empty() => format!("{answer}{END}"),
            World::English => format!("{thinking}\n{answer}{END}"),
        }
    }

    /// The whole prompt of a question over documents.
    pub fn prompt(self, text: &str, question: &str) -> String {
        let (shared, own) = (self.documents(text), self.question(question));
        match self {
            World::Micro => format!("{shared} {own}"),
            World::English => shared + &own,
        }
    }
}

/// [`World::documents`] of the micro world.
pub fn documents(text: &str) -> String {
    World::Micro.documents(text)
}

/// [`World::question`] of the micro world.
pub fn question(question: &str) -> String {
    World::Micro.question(question)
}

/// [`World::response`] of the micro world.
pub fn response(thinking: &str, answer: &str) -> String {
    World::Micro.response(thinking, answer)
}

/// The whole prompt of a sample.
pub fn prompt(sample: &Sample) -> String {
    sample.world.prompt(&sample.text, &sample.question)
}
