//! Hugging Face folders: config.json, tensors that are those it asks for but for a few changes, an index, settings, a tokenizer; in
//! parts of this order. What opens can be read; what does not is an error.
#![no_main]

use arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use longlab_fuzz::foreign::{may_panic, parts};
use longlab_fuzz::lm::checkpoint::{Checkpoint, Config};
use longlab_fuzz::lm::sound;
use serde_json::{Map, Value, json};
use std::fs;
use std::path::Path;

const TYPES: [(&str, u64); 6] = [("F32", 4), ("BF16", 2), ("F16", 2), ("I64", 8), ("F8_E4M3", 1), ("BOOL", 1)];

/// Tensors of a configuration, and their numbers, that are written.
const TENSORS: u64 = 400;
const NUMBERS: u64 = 20_000;

/// A file's tensors by name and shape, with a lie now and then.
fn file(tensors: &[(String, Vec<usize>)], bytes: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let (mut header, mut at) = (Map::new(), 0u64);
    let (usual, size) = *bytes.choose(&TYPES[..3])?;
    for (name, shape) in tensors {
        let lie = bytes.ratio(1, 64)?;
        let (dtype, size) = if lie { *bytes.choose(&TYPES)? } else { (usual, size) };
        let mut shape: Vec<u64> = shape.iter().map(|&part| part as u64).collect();
        if lie && bytes.ratio(1, 2)? {
            shape[0] = bytes.arbitrary()?;
        }
        let numbers = shape.iter().fold(1u64, |all, &part| all.wrapping_mul(part));
        let end = at.wrapping_add(numbers.wrapping_mul(size));
        let end = if lie && bytes.ratio(1, 4)? { bytes.arbitrary()? } else { end };
        if !(lie && bytes.ratio(1, 4)?) {
            header.insert(name.clone(), json!({ "dtype": dtype, "shape": shape, "data_offsets": [at, end] }));
        }
        at = end;
    }
    if bytes.ratio(1, 32)? {
        header.insert("model.more".into(), json!({ "dtype": "F32", "shape": [0], "data_offsets": [at, at] }));
    }
    let text = Value::Object(header).to_string();
    let length = if bytes.ratio(1, 64)? { bytes.arbitrary()? } else { text.len() as u64 };
    let mut whole = [&length.to_le_bytes(), text.as_bytes()].concat();
    let cut = if bytes.ratio(1, 32)? { bytes.int_in_range(0..=64)? } else { 0 };
    let data = whole.len() + at.min(NUMBERS * 8) as usize;
    whole.extend(bytes.peek_bytes(bytes.len().min(64)).unwrap_or_default());
    whole.resize(data.saturating_sub(cut), 0x3f);
    Ok(whole)
}

/// The files of the weights, in one or in two, with an index.
fn weights(folder: &Path, config: &Config, bytes: &mut Unstructured<'_>, index: &[u8]) -> Result<()> {
    let tensors = config.tensors();
    let put = |name: &str, bytes: &[u8]| fs::write(folder.join(name), bytes).expect("a file");
    if index.is_empty() {
        put("model.safetensors", &file(&tensors, bytes)?);
        return Ok(());
    }
    let (first, second) = tensors.split_at(bytes.int_in_range(0..=tensors.len())?);
    let names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    for (name, tensors) in names.iter().zip([first, second]) {
        if !bytes.ratio(1, 16)? {
            put(name, &file(tensors, bytes)?);
        }
    }
    if index == b"{}" {
        let of = |(number, (name, _)): (usize, &(String, Vec<usize>))| {
            (name.clone(), Value::from(names[usize::from(number >= first.len())]))
        };
        let map: Map<String, Value> = tensors.iter().enumerate().map(of).collect();
        put("model.safetensors.index.json", json!({ "weight_map": map }).to_string().as_bytes());
    } else {
        put("model.safetensors.index.json", index);
    }
    Ok(())
}

fuzz_target!(|input: &[u8]| {
    may_panic();
    let place = sound::folder();
    let folder = place.path();
    let mut parts = parts(input);
    let mut part = || parts.next().unwrap_or_default();
    let (config, changes, index) = (part(), part(), part());
    fs::write(folder.join("config.json"), config).expect("a file");
    for name in ["generation_config.json", "tokenizer_config.json", "tokenizer.json", "chat_template.json"] {
        match part() {
            [] => {}
            text => fs::write(folder.join(name), text).expect("a file"),
        }
    }
    match Config::load(&folder.join("config.json")) {
        Ok(config) if config.parameters() <= NUMBERS && (config.num_hidden_layers as u64) < TENSORS / 12 => {
            let experts = config.experts.as_ref().map_or(0, |experts| experts.num_experts as u64);
            if experts * (config.num_hidden_layers as u64) < TENSORS {
                let _ = weights(folder, &config, &mut Unstructured::new(changes), index);
            }
        }
        Ok(config) => {
            // One tensor, of whatever size the configuration may have: what is missing is said, and no more memory asked for than that.
            let one = ("model.norm.weight".to_owned(), vec![1]);
            let bytes = file(&[one], &mut Unstructured::new(&[0x7f; 64])).expect("no changes");
            fs::write(folder.join("model.safetensors"), bytes).expect("a file");
            assert!(config.active() <= config.parameters());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    match Checkpoint::open(folder) {
        Ok(checkpoint) => {
            let settings = checkpoint.settings();
            assert!(settings.specials.len() <= 4);
            sound::checkpoint(&checkpoint);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
