//! Prompt templates: the documents first, the question after them (paper appendix; shortened at micro scale).

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

/// All special tokens of the micro tokenizer.
pub const SPECIALS: [&str; 6] = [PAD, END, TEXT, TEXT_END, THINK, THINK_END];

/// The part of a prompt that all questions over the same documents share.
pub fn documents(text: &str) -> String {
    format!("{TEXT} {text} {TEXT_END}")
}

/// The part of a prompt after the documents, up to the thinking.
pub fn question(question: &str) -> String {
    format!("{question} {THINK}")
}

/// A whole response: thinking, answer, end.
pub fn response(thinking: &str, answer: &str) -> String {
    format!("{thinking} {THINK_END} {answer} {END}")
}

/// The whole prompt of a sample.
pub fn prompt(sample: &Sample) -> String {
    format!("{} {}", documents(&sample.text), question(&sample.question))
}
