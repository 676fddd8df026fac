//! What a checkpoint says about talking to it: chat template, special tokens, sampling.

use super::CheckpointError;
use crate::lm::gguf::Header;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Tokens with a role of their own, by the names that templates know them under.
const SPECIALS: [&str; 4] = ["bos_token", "eos_token", "pad_token", "unk_token"];

/// Chat template, special tokens and the sampling that the makers advise. What a checkpoint does not say is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// The chat template, in Jinja.
    pub template: Option<String>,
    /// Texts of special tokens: `bos_token`, `eos_token`, `pad_token`, `unk_token`.
    pub specials: BTreeMap<String, String>,
    /// Tokens that end an answer.
    pub stops: Vec<u32>,
    /// Advised temperature.
    pub temperature: Option<f64>,
    /// Advised share of probability that is kept.
    pub top_p: Option<f64>,
    /// Advised number of tokens that are kept.
    pub top_k: Option<u32>,
}

#[derive(Deserialize)]
struct Generation {
    eos_token_id: Option<Stops>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    top_k: Option<u32>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Stops {
    One(u32),
    Many(Vec<u32>),
}

impl Settings {
    /// Reads generation_config.json, tokenizer_config.json, chat_template.jinja and chat_template.json, as far as they are there.
    pub(super) fn of_folder(folder: &Path) -> Result<Self, CheckpointError> {
        let tokenizer = json::<Value>(&folder.join("tokenizer_config.json"))?.unwrap_or_default();
        let generation = json::<Generation>(&folder.join("generation_config.json"))?;
        let own = folder.join("chat_template.jinja");
        // The newer places come first: where there are several, transformers takes the file of its own.
        let template = if own.exists() {
            Some(fs::read_to_string(&own).map_err(CheckpointError::reading(&own))?)
        } else {
            let beside = json::<Value>(&folder.join("chat_template.json"))?.unwrap_or_default();
            template(&beside["chat_template"]).or_else(|| template(&tokenizer["chat_template"]))
        };
        let special = |name: &&str| Some(((*name).to_owned(), token(&tokenizer[*name])?));
        let mut settings =
            Settings { template, specials: SPECIALS.iter().filter_map(special).collect(), ..Settings::default() };
        if let Some(generation) = generation {
            settings.stops = match generation.eos_token_id {
                Some(Stops::One(token)) => vec![token],
                Some(Stops::Many(tokens)) => tokens,
                None => Vec::new(),
            };
            settings.temperature = generation.temperature;
            settings.top_p = generation.top_p;
            settings.top_k = generation.top_k;
        }
        Ok(settings)
    }

    /// Reads the metadata of a GGUF file, which knows no sampling.
    pub(super) fn of_header(header: &Header) -> Self {
        let tokens = header.metadata.get("tokenizer.ggml.tokens").and_then(|tokens| tokens.as_texts());
        let ids =
            ["bos", "eos", "padding", "unknown"].map(|name| header.number(&format!("tokenizer.ggml.{name}_token_id")));
        let text = |id: u64| tokens?.get(usize::try_from(id).ok()?).cloned();
        let special = |(name, id): (&&str, Option<u64>)| Some(((*name).to_owned(), text(id?)?));
        Settings {
            template: header.text("tokenizer.chat_template").map(str::to_owned),
            specials: SPECIALS.iter().zip(ids).filter_map(special).collect(),
            stops: ids[1].and_then(|id| u32::try_from(id).ok()).into_iter().collect(),
            ..Settings::default()
        }
    }
}

/// Reads a JSON file, if it is there.
fn json<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<Option<T>, CheckpointError> {
    if !path.exists() {
        return Ok(None);
    }
    let text = fs::read(path).map_err(CheckpointError::reading(path))?;
    serde_json::from_slice(&text).map(Some).map_err(|error| CheckpointError::damaged(path, error))
}

/// A template by itself, or the one named `default` of several.
fn template(value: &Value) -> Option<String> {
    let several = value.as_array().into_iter().flatten();
    let chosen = several.clone().find(|one| one["name"] == "default").map(|one| &one["template"]);
    chosen.unwrap_or(value).as_str().map(str::to_owned)
}

/// A token is written as its text, or with what the tokenizer is to do around it.
fn token(value: &Value) -> Option<String> {
    value.as_str().or_else(|| value["content"].as_str()).map(str::to_owned)
}
