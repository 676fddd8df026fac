//! Model folders as they come from elsewhere: headers of any kind are refused, or merge into a folder that opens again.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use longlab_fuzz::merge::{Merge, Method, Recipe, Size};
use longlab_fuzz::numbers::small;
use serde_json::{Map, Value, json};
use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;

const TYPES: [(&str, u64); 8] =
    [("F32", 4), ("BF16", 2), ("F16", 2), ("I64", 8), ("BOOL", 1), ("F64", 8), ("F8_E4M3", 1), ("I3", 0)];

/// The bytes of model.safetensors, and of an index beside it.
#[derive(Debug)]
struct Files {
    whole: Vec<u8>,
    index: Option<String>,
}

fn header(bytes: &mut Unstructured<'_>) -> Result<(Value, u64)> {
    let (mut tensors, mut at) = (Map::new(), 0u64);
    for name in 0..bytes.int_in_range(0..=3)? {
        let (dtype, size) = *bytes.choose(&TYPES)?;
        let dimensions = bytes.int_in_range(0..=3)?;
        let mut shape = Vec::new();
        for _ in 0..dimensions {
            shape.push(if bytes.ratio(1, 32)? { bytes.arbitrary()? } else { bytes.int_in_range(0..=9u64)? });
        }
        let end = shape.iter().fold(size, |all, &part| all.wrapping_mul(part)).wrapping_add(at);
        let end = if bytes.ratio(1, 32)? { bytes.arbitrary()? } else { end };
        let name = if bytes.ratio(1, 16)? { bytes.arbitrary::<String>()? } else { format!("layer.{name}") };
        tensors.insert(name, json!({ "dtype": dtype, "shape": shape, "data_offsets": [at, end] }));
        at = end;
    }
    Ok((Value::Object(tensors), at))
}

impl<'a> Arbitrary<'a> for Files {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Self> {
        let index = if bytes.ratio(1, 4)? {
            let map = json!({ "layer.0": "model.safetensors", "layer.1": bytes.arbitrary::<String>()? });
            Some(if bytes.arbitrary()? { json!({ "weight_map": map }).to_string() } else { bytes.arbitrary()? })
        } else {
            None
        };
        if bytes.ratio(1, 8)? {
            return Ok(Files { whole: bytes.arbitrary()?, index });
        }
        let (header, size) = header(bytes)?;
        let text = header.to_string();
        let length = if bytes.ratio(1, 32)? { bytes.arbitrary()? } else { text.len() as u64 };
        let data = if bytes.ratio(1, 32)? { bytes.int_in_range(0..=64)? } else { size.min(4096) };
        let mut whole = [&length.to_le_bytes(), text.as_bytes()].concat();
        for _ in 0..data / 2 {
            whole.extend(((small(bytes)? as f32).to_bits() >> 16).to_le_bytes()[..2].iter());
        }
        whole.resize(8 + text.len() + data as usize, 0);
        Ok(Files { whole, index })
    }
}

#[derive(Debug)]
struct Input {
    /// The second model's files; none if they are the first's.
    files: (Files, Option<Files>),
    recipe: Recipe,
}

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Self> {
        let first = bytes.arbitrary()?;
        let second = if bytes.ratio(1, 3)? { Some(bytes.arbitrary()?) } else { None };
        let methods =
            [Method::Linear, Method::TaskArithmetic, Method::Ties, Method::Dare, Method::DareTies, Method::Sce];
        let method = *bytes.choose(&methods)?;
        let density =
            matches!(method, Method::Ties | Method::Dare | Method::DareTies).then_some(small(bytes)?.abs() / 8.0);
        let text: Option<String> = if bytes.ratio(1, 4)? { Some(bytes.arbitrary()?) } else { None };
        let recipe = Recipe {
            method,
            base: None,
            models: Vec::new(),
            weights: if method == Method::Sce || bytes.arbitrary()? {
                vec![]
            } else {
                vec![small(bytes)?, small(bytes)?]
            },
            select: if method == Method::Sce { Some(small(bytes)?.abs() / 8.0) } else { None },
            reading: None,
            density,
            lambda: None,
            seed: None,
            dtype: *bytes.choose(&[None, Some(longlab_kernels::merge::Format::F16)])?,
            shard_size: text.and_then(|text| text.parse().ok()).unwrap_or(Size(bytes.int_in_range(1..=200)?)),
        };
        Ok(Input { files: (first, second), recipe })
    }
}

fn write(folder: &Path, files: &Files) {
    fs::create_dir(folder).expect("a new folder");
    fs::write(folder.join("model.safetensors"), &files.whole).expect("a file");
    if let Some(index) = &files.index {
        fs::write(folder.join("model.safetensors.index.json"), index).expect("a file");
    }
}

fuzz_target!(|input: Input| {
    // In memory where there is such a file system.
    let memory = Path::new("/dev/shm");
    let place = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.expect("a folder");
    let [base, one, two, out] = ["base", "one", "two", "out"].map(|name| place.path().join(name));
    let second = input.files.1.as_ref().unwrap_or(&input.files.0);
    for (folder, files) in [(&base, &input.files.0), (&one, second), (&two, &input.files.0)] {
        write(folder, files);
    }
    let based = input.recipe.method != Method::Linear;
    let recipe = Recipe { base: based.then_some(base), models: vec![one, two], ..input.recipe };
    let merge = match Merge::open(&recipe) {
        Ok(merge) => merge,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let threads = NonZeroUsize::MIN.saturating_add(1);
    match merge.write(&out, threads, &|_| ()) {
        Ok(merged) => {
            let alone = Recipe { method: Method::Linear, models: vec![out], ..again() };
            let opened = Merge::open(&alone).unwrap_or_else(|error| panic!("what was merged: {error}"));
            assert!(opened.bytes() <= merged.bytes, "{} bytes of {}", opened.bytes(), merged.bytes);
        }
        Err(error) => assert!(!error.to_string().is_empty() && !out.exists(), "{error}"),
    }
});

/// A recipe with nothing but defaults.
fn again() -> Recipe {
    let text = json!({ "method": "linear", "models": [] });
    serde_json::from_value(text).expect("a recipe")
}
