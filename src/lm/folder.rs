//! A checkpoint written as a Hugging Face folder, with everything that transformers reads: whatever it came from, it can be trained,
//! served and loaded from there.

use super::checkpoint::Settings;
use super::lora::Lora;
use super::{Checkpoint, LmError, Tokenizer, files};
use longlab_kernels::merge;
use safetensors::tensor::{Dtype, View};
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::path::Path;

/// Type of the numbers that are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// 32 bits: what was read, exactly.
    F32,
    /// 16 bits, rounded to nearest.
    Bf16,
}

/// Name and content of a small file.
pub type Beside = (&'static str, Vec<u8>);

/// Writes a checkpoint into a folder, which is made where it is missing: config.json, model.safetensors, tokenizer.json,
/// tokenizer_config.json (with the chat template) and generation_config.json. An adapter, a folder in PEFT's format, is added to the
/// weights; the same files give the same bytes on every machine.
///
/// # Errors
/// A checkpoint whose tensors or tokenizer cannot be read, an adapter that belongs to another one, and what the system says about the
/// files.
pub fn write_folder(
    checkpoint: &Checkpoint,
    adapter: Option<&Path>,
    folder: &Path,
    numbers: Numbers,
) -> Result<(), LmError> {
    let shapes =
        checkpoint.tensors().iter().map(|(name, stored)| (name.clone(), stored.shape.clone())).collect::<Vec<_>>();
    let lora = adapter.map(|adapter| Lora::load(adapter, &shapes)).transpose()?;
    let lora = lora.as_ref();
    std::fs::create_dir_all(folder).map_err(|source| LmError::io(folder, source))?;
    let tokenizer = checkpoint.tokenizer().map_err(|error| LmError::Tokenizer { reason: error.to_string() })?;
    let text = tokenizer.to_string(true).map_err(|error| LmError::Tokenizer { reason: error.to_string() })?;
    checkpoint.config().save(&folder.join("config.json"))?;
    files::write_whole(&folder.join("tokenizer.json"), text.as_bytes())?;
    let window = checkpoint.config().max_position_embeddings;
    for (name, bytes) in beside(checkpoint.settings(), window, |token| tokenizer.token_to_id(token)) {
        files::write_whole(&folder.join(name), &bytes)?;
    }
    // A type that is not read is met here, before a large file is begun.
    for (name, stored) in checkpoint.tensors() {
        checkpoint.read(name, 0..1, &mut vec![0.0; stored.width()])?;
    }
    let late = |name: &String| (name.clone(), Late { checkpoint, lora, name: name.clone(), numbers });
    let tensors: Vec<(String, Late)> = checkpoint.tensors().keys().map(late).collect();
    let path = folder.join("model.safetensors");
    let written = crate::files::write_whole_by(&path, |temporary| {
        safetensors::serialize_to_file(tensors, None, temporary).map_err(std::io::Error::other)
    });
    written.map_err(|source| LmError::io(&path, source))
}

/// The small files beside weights and tokenizer, by name.
fn beside(settings: &Settings, window: usize, id: impl Fn(&str) -> Option<u32>) -> Vec<Beside> {
    let mut tokenizer = Map::new();
    tokenizer.insert("tokenizer_class".into(), json!("PreTrainedTokenizerFast"));
    tokenizer.insert("model_max_length".into(), json!(window));
    tokenizer.insert("clean_up_tokenization_spaces".into(), json!(false));
    for (name, token) in &settings.specials {
        tokenizer.insert(name.clone(), json!(token));
    }
    if let Some(template) = &settings.template {
        tokenizer.insert("chat_template".into(), json!(template));
    }
    let mut generation = Map::new();
    for (key, name) in [("bos_token_id", "bos_token"), ("pad_token_id", "pad_token")] {
        if let Some(id) = settings.specials.get(name).and_then(|token| id(token)) {
            generation.insert(key.into(), json!(id));
        }
    }
    let stops = &settings.stops;
    let stops = if stops.len() == 1 { json!(stops[0]) } else { json!(stops) };
    generation.insert("eos_token_id".into(), stops);
    let advice = [
        ("temperature", json!(settings.temperature)),
        ("top_p", json!(settings.top_p)),
        ("top_k", json!(settings.top_k)),
    ];
    let advice: Vec<_> = advice.into_iter().filter(|(_, value)| !value.is_null()).collect();
    if !advice.is_empty() {
        generation.insert("do_sample".into(), json!(true));
    }
    generation.extend(advice.into_iter().map(|(key, value)| (key.to_owned(), value)));
    let page = |map: Map<String, Value>| format!("{:#}\n", Value::Object(map)).into_bytes();
    vec![("tokenizer_config.json", page(tokenizer)), ("generation_config.json", page(generation))]
}

impl Tokenizer {
    /// The small files that transformers wants beside a tokenizer of longlab's own ([`super::build_wordpiece`]): `end` ends an answer,
    /// `pad` fills rows.
    pub fn beside(&self, end: &str, pad: &str, unknown: &str, window: usize) -> Vec<Beside> {
        let special = |name: &str, token: &str| (name.to_owned(), token.to_owned());
        let specials = [special("eos_token", end), special("pad_token", pad), special("unk_token", unknown)];
        let settings = Settings {
            specials: specials.into_iter().collect(),
            stops: self.id(end).into_iter().collect(),
            ..Settings::default()
        };
        beside(&settings, window, |token| self.id(token))
    }
}

/// A tensor that is read when its turn to be written has come: no more than one of them is held.
struct Late<'a> {
    checkpoint: &'a Checkpoint,
    lora: Option<&'a Lora>,
    name: String,
    numbers: Numbers,
}

impl View for Late<'_> {
    fn dtype(&self) -> Dtype {
        match self.numbers {
            Numbers::F32 => Dtype::F32,
            Numbers::Bf16 => Dtype::BF16,
        }
    }

    fn shape(&self) -> &[usize] {
        &self.checkpoint.tensors()[&self.name].shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let stored = &self.checkpoint.tensors()[&self.name];
        let mut values = vec![0f32; stored.rows() * stored.width()];
        self.checkpoint
            .read(&self.name, 0..stored.rows(), &mut values)
            .expect("a mapped tensor whose first row was read has all its rows: the file's length was checked when it was opened");
        if let Some(lora) = self.lora {
            lora.add_to(&self.name, stored.width(), &mut values)
                .expect("matrices of an adapter that was read are in memory");
        }
        match self.numbers {
            Numbers::F32 => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Numbers::Bf16 => {
                let wide: Vec<f64> = values.into_iter().map(f64::from).collect();
                let mut bytes = Vec::with_capacity(wide.len() * 2);
                merge::Format::Bf16.write(&wide, &mut bytes);
                bytes.into()
            }
        }
    }

    fn data_len(&self) -> usize {
        let stored = &self.checkpoint.tensors()[&self.name];
        stored.rows() * stored.width() * if self.numbers == Numbers::F32 { 4 } else { 2 }
    }
}
