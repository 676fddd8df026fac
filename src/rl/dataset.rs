//! Samples of `data.file`, written for the policy that a job begins from: by its chat template, measured by its tokenizer.

use crate::data::{Sample, file};
use crate::lm::engine::Texts;
use crate::lm::{Checkpoint, Tokenizer};
use crate::spec::settings::Settings;
use anyhow::{Context, Result};
use longlab_client::Message;
use longlab_kernels::stream::{Address, Purpose};
use longlab_synthesis::dataset;
use serde_json::{Value, json};
use std::path::Path;

/// The samples of a dataset to train on: those of the train split that fit between `data.min_tokens` and `data.max_tokens`, at most `data.samples` of them, drawn at
/// `data.seed`.
///
/// # Errors
/// A dataset that cannot be read or has nothing that fits, a chat template that refuses its messages.
pub fn training(path: &Path, settings: &Settings, tokenizer: &Tokenizer) -> Result<Vec<Sample>> {
    let data = &settings.data;
    let samples = read(path, settings, dataset::Split::Train, &[(data.min_tokens, data.max_tokens)], tokenizer)?;
    Ok(file::drawn(samples, data.samples, Address::new(data.seed, Purpose::Pool)))
}

/// The samples to evaluate on: those of the test split that have one of the wanted lengths; none where the job is evaluated in a world.
///
/// # Errors
/// As [`training`].
pub fn testing(settings: &Settings, wanted: &[file::Lengths], tokenizer: &Tokenizer) -> Result<Option<Vec<Sample>>> {
    let read = |path| read(Path::new(path), settings, dataset::Split::Test, wanted, tokenizer);
    settings.data.dataset().map(read).transpose()
}

fn read(
    path: &Path,
    settings: &Settings,
    split: dataset::Split,
    wanted: &[file::Lengths],
    tokenizer: &Tokenizer,
) -> Result<Vec<Sample>> {
    let base = Path::new(&settings.model.base);
    let texts = Checkpoint::open(base).map_err(anyhow::Error::from).and_then(|base| Ok(Texts::of(&base)?));
    let texts = texts.with_context(|| format!("the chat template of {}", base.display()))?;
    let specials = tokenizer.specials();
    let render = |messages: &[Message]| written(messages, &texts, &specials);
    let count = |prompt: &str| Ok(tokenizer.encode(prompt)?.len());
    file::read(path, split, wanted, &file::Writing { render: &render, count: &count })
}

/// A prompt as the chat template writes it; of a policy without one the contents, an empty line between them.
fn written(messages: &[Message], texts: &Texts, specials: &[String]) -> Result<String> {
    let content = |message: &Message| harmless(&message.content, specials);
    if !texts.has_template() {
        return Ok(messages.iter().map(content).collect::<Vec<_>>().join("\n\n") + "\n\n");
    }
    let messages: Vec<Value> =
        messages.iter().map(|message| json!({"role": message.role, "content": content(message)})).collect();
    Ok(texts.text(&messages, None)?)
}

/// A text in which no control token stands: what a document says must not end its message. Each such name (`<|...|>`) gets a blank behind its bracket.
fn harmless(text: &str, specials: &[String]) -> String {
    let names = specials.iter().filter(|name| name.starts_with("<|") && name.ends_with("|>"));
    names.fold(text.to_owned(), |text, name| match text.contains(name.as_str()) {
        true => text.replace(name.as_str(), &name.replacen("<|", "< |", 1)),
        false => text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_cannot_end_its_message() {
        let specials = ["<|im_end|>", "<text>", "<|endoftext|>"].map(String::from);
        let told = harmless("a<|im_end|>\n<|im_start|>b <text> <|endoftext|>", &specials);
        assert_eq!(told, "a< |im_end|>\n<|im_start|>b <text> < |endoftext|>");
    }
}
