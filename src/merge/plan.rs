//! Which tensors belong together, and where in which shard each result lies. Nothing is read but headers.

use super::{MergeFilesError, Recipe};
use crate::shards::{Entry, Shards};
use longlab_kernels::merge::Format;
use safetensors::Dtype;
use serde_json::{Map, Value, json};

/// What is to be made, in the order of names.
pub(super) struct Plan {
    pub tensors: Vec<Planned>,
    pub shards: Vec<Shard>,
}

/// One tensor of the result.
pub(super) struct Planned {
    pub name: String,
    /// Type of the result.
    pub dtype: Dtype,
    /// The same as numbers; none for what is copied.
    pub format: Option<Format>,
    pub shape: Vec<usize>,
    /// Its bytes.
    pub size: usize,
    pub shard: usize,
    /// Its first byte in the shard's file.
    pub at: u64,
}

/// One file of the result.
pub(super) struct Shard {
    pub name: String,
    /// The length of the header, and the header.
    pub head: Vec<u8>,
    /// Bytes of the file.
    pub size: u64,
    /// How many tensors it holds.
    pub tensors: usize,
}

pub(super) fn format_of(dtype: Dtype) -> Option<Format> {
    match dtype {
        Dtype::F32 => Some(Format::F32),
        Dtype::F16 => Some(Format::F16),
        Dtype::BF16 => Some(Format::Bf16),
        _ => None,
    }
}

fn dtype_of(format: Format) -> Dtype {
    match format {
        Format::F32 => Dtype::F32,
        Format::F16 => Dtype::F16,
        Format::Bf16 => Dtype::BF16,
    }
}

impl Plan {
    /// Compares the models (the base first, if there is one) and lays out the result.
    pub fn new(folders: &[Shards], recipe: &Recipe) -> Result<Self, MergeFilesError> {
        let (first, others) = folders.split_first().ok_or_else(|| MergeFilesError::Recipe("no models".into()))?;
        for other in others {
            same_names(first, other)?;
            for ((name, expected), got) in first.tensors.iter().zip(other.tensors.values()) {
                same_kind(name, (first, expected), (other, got))?;
            }
        }
        let tensors = first.tensors.iter().map(|(name, entry)| planned(name, entry, recipe.dtype)).collect();
        Ok(laid_out(tensors, recipe.shard_size.0))
    }
}

fn same_names(first: &Shards, other: &Shards) -> Result<(), MergeFilesError> {
    let lacking = |one: &Shards, other: &Shards| -> Vec<String> {
        one.tensors.keys().filter(|name| !other.tensors.contains_key(*name)).cloned().collect()
    };
    let (missing, extra) = (lacking(first, other), lacking(other, first));
    if missing.is_empty() && extra.is_empty() {
        return Ok(());
    }
    Err(MergeFilesError::Names { model: other.path.clone(), first: first.path.clone(), missing, extra })
}

fn same_kind(name: &str, first: (&Shards, &Entry), other: (&Shards, &Entry)) -> Result<(), MergeFilesError> {
    let ((first, expected), (model, got)) = (first, other);
    let (name, model, first) = (name.to_owned(), model.path.clone(), first.path.clone());
    if got.shape != expected.shape {
        let (got, expected) = (got.shape.clone(), expected.shape.clone());
        return Err(MergeFilesError::Shape { name, model, got, first, expected });
    }
    let both_merge = format_of(got.dtype).is_some() && format_of(expected.dtype).is_some();
    if got.dtype != expected.dtype && !both_merge {
        let (got, expected) = (got.dtype.to_string(), expected.dtype.to_string());
        return Err(MergeFilesError::Type { name, model, got, first, expected });
    }
    Ok(())
}

fn planned(name: &str, entry: &Entry, wanted: Option<Format>) -> Planned {
    let format = format_of(entry.dtype).map(|own| wanted.unwrap_or(own));
    let places: usize = entry.shape.iter().product();
    Planned {
        name: name.to_owned(),
        dtype: format.map_or(entry.dtype, dtype_of),
        format,
        shape: entry.shape.clone(),
        size: format.map_or(entry.bytes.len(), |format| places * format.size()),
        shard: 0,
        at: 0,
    }
}

/// Fills shard after shard up to a size.
fn laid_out(mut tensors: Vec<Planned>, largest: u64) -> Plan {
    let (mut shard, mut filled) = (0, 0);
    for tensor in &mut tensors {
        let size = tensor.size as u64;
        if filled > 0 && filled + size > largest {
            (shard, filled) = (shard + 1, 0);
        }
        (tensor.shard, tensor.at) = (shard, filled);
        filled += size;
    }
    let count = tensors.last().map_or(0, |tensor| tensor.shard + 1);
    let shards = (0..count).map(|number| shard_of(number, count, &mut tensors)).collect();
    Plan { tensors, shards }
}

/// The head of a shard; its tensors are moved behind it.
fn shard_of(number: usize, count: usize, tensors: &mut [Planned]) -> Shard {
    let name = match count {
        1 => "model.safetensors".to_owned(),
        _ => format!("model-{:05}-of-{count:05}.safetensors", number + 1),
    };
    let mut header = Map::new();
    // transformers refuses a file that does not say which framework's numbers it holds.
    header.insert("__metadata__".into(), json!({ "format": "pt" }));
    let (mut size, mut held) = (0, 0);
    for tensor in tensors.iter().filter(|tensor| tensor.shard == number) {
        let end = tensor.at + tensor.size as u64;
        let about =
            json!({ "dtype": tensor.dtype.to_string(), "shape": tensor.shape, "data_offsets": [tensor.at, end] });
        header.insert(tensor.name.clone(), about);
        (size, held) = (end, held + 1);
    }
    let head = head(Value::Object(header));
    tensors.iter_mut().filter(|tensor| tensor.shard == number).for_each(|tensor| tensor.at += head.len() as u64);
    Shard { name, size: size + head.len() as u64, tensors: held, head }
}

/// The header with its length before it, filled up with spaces so that numbers begin at a multiple of 8.
fn head(header: Value) -> Vec<u8> {
    let mut text = header.to_string();
    text.extend(std::iter::repeat_n(' ', text.len().next_multiple_of(8) - text.len()));
    [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat()
}
