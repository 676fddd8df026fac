//! A checkpoint, whichever way it is stored: a Hugging Face folder or a GGUF file, under Hugging Face's names.
//!
//! | file | what it does |
//! |---|---|
//! | `shape` | what a configuration says, and which tensors follow from it |
//! | `config` | config.json to a shape |
//! | `metadata` | a GGUF file's metadata to a shape, its tensors to Hugging Face's names |
//! | `settings` | chat template, special tokens, advised sampling |
//! | `tokenizer` | tokenizer.json, or a tokenizer from a GGUF file's metadata |
//! | `pre_tokenizer` | how families split a text before their merges apply |
//!
//! Opening reads headers only; a tensor's bytes are read when its rows are asked for.

mod config;
mod error;
mod metadata;
mod pre_tokenizer;
mod settings;
mod shape;
mod tokenizer;

pub use error::CheckpointError;
pub use settings::Settings;
pub use shape::{Config, Experts, Family, Scaling};
pub use tokenizer::{TokenizerError, decode, encode, gguf_tokenizer, read_tokenizer};

use super::gguf::{Gguf, Kind, dequantise};
use crate::shards::{Entry, Shards};
use safetensors::Dtype;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// An opened checkpoint whose tensors are those that its shape asks for.
pub struct Checkpoint {
    path: PathBuf,
    shape: Config,
    settings: Settings,
    tensors: BTreeMap<String, Stored>,
    source: Source,
}

/// How a checkpoint is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A folder with config.json and safetensors.
    HuggingFace,
    /// One GGUF file.
    Gguf,
}

/// A stored tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its shape, row-major, as Hugging Face has it.
    pub shape: Vec<usize>,
    /// How its numbers are stored.
    pub kind: Kind,
    /// Bytes that it takes in the file.
    pub bytes: u64,
    place: Place,
}

/// Where in a GGUF file a tensor lies; in a folder it has its own name.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    tensor: String,
    /// Its first row: experts lie in one tensor, one below the other.
    first: usize,
    /// Whether its rows are permuted.
    permuted: bool,
}

enum Source {
    Folder(Shards),
    File(Gguf),
}

impl Checkpoint {
    /// Opens a Hugging Face folder or a GGUF file, and compares its tensors with its configuration.
    ///
    /// # Errors
    /// Files that are missing, damaged or of an unknown architecture, and tensors other than the configuration asks for.
    pub fn open(path: &Path) -> Result<Self, CheckpointError> {
        if path.is_dir() {
            Self::of_folder(path)
        } else if path.is_file() {
            Self::of_file(path)
        } else {
            Err(CheckpointError::NoModel { path: path.to_owned() })
        }
    }

    fn of_folder(path: &Path) -> Result<Self, CheckpointError> {
        if !path.join("config.json").exists() {
            return Err(CheckpointError::NoModel { path: path.to_owned() });
        }
        let shape = Config::load(&path.join("config.json"))?;
        let shards = Shards::open(path)?;
        let mut unused: BTreeSet<&str> = shards.tensors.keys().map(String::as_str).collect();
        let missing = |name: String| CheckpointError::Missing { path: path.to_owned(), name };
        if let Some((name, _)) = shape.each_tensor().find(|(name, _)| !shards.tensors.contains_key(name)) {
            return Err(missing(name));
        }
        let mut tensors = BTreeMap::new();
        for (name, wanted) in shape.tensors() {
            let entry = shards.tensors.get(&name).ok_or_else(|| missing(name.clone()))?;
            unused.remove(name.as_str());
            same(path, &name, wanted, &entry.shape)?;
            let place = Place { tensor: name.clone(), first: 0, permuted: false };
            let (shape, bytes, kind) = (entry.shape.clone(), entry.bytes.len() as u64, number(path, &name, entry)?);
            tensors.insert(name, Stored { shape, kind, bytes, place });
        }
        // Some tied models store the output layer all the same; it is the embedding.
        if shape.tie_word_embeddings {
            unused.remove("lm_head.weight");
        }
        none_left(path, &unused)?;
        let settings = Settings::of_folder(path)?;
        Ok(Checkpoint { path: path.to_owned(), shape, settings, tensors, source: Source::Folder(shards) })
    }

    fn of_file(path: &Path) -> Result<Self, CheckpointError> {
        let file = Gguf::open(path)?;
        let mut shape = metadata::config(file.header()).map_err(|reason| CheckpointError::config(path, reason))?;
        if shape.rope_scaling.is_none() && file.header().tensors.contains_key(metadata::FACTORS) {
            let mut factors = vec![0.0; shape.head_dim / 2];
            file.read(metadata::FACTORS, 0..1, &mut factors)?;
            if let Some(factor) = factors.iter().find(|factor| !(factor.is_finite() && **factor > 0.0)) {
                let reason = format!("{} holds {factor}, numbers above zero are needed", metadata::FACTORS);
                return Err(CheckpointError::config(path, reason));
            }
            shape.rope_scaling = Some(Scaling::Factors { factors });
        }
        let mut unused: BTreeSet<&str> = file.header().tensors.keys().map(String::as_str).collect();
        unused.remove(metadata::FACTORS);
        for (name, _) in shape.each_tensor() {
            let part = metadata::part(shape.family, &name).map_err(|reason| CheckpointError::config(path, reason))?;
            if !file.header().tensors.contains_key(&part.tensor) {
                return Err(CheckpointError::Missing { path: path.to_owned(), name: part.tensor });
            }
        }
        let mut tensors = BTreeMap::new();
        for (name, wanted) in shape.tensors() {
            let part = metadata::part(shape.family, &name).map_err(|reason| CheckpointError::config(path, reason))?;
            unused.remove(part.tensor.as_str());
            let stored = stored(path, &file, &shape, part, wanted)?;
            tensors.insert(name, stored);
        }
        none_left(path, &unused)?;
        let settings = Settings::of_header(file.header());
        Ok(Checkpoint { path: path.to_owned(), shape, settings, tensors, source: Source::File(file) })
    }

    /// The folder or file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How it is stored.
    pub fn format(&self) -> Format {
        match self.source {
            Source::Folder(_) => Format::HuggingFace,
            Source::File(_) => Format::Gguf,
        }
    }

    /// Its shape.
    pub fn config(&self) -> &Config {
        &self.shape
    }

    /// Chat template, special tokens, advised sampling.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Its tensors by Hugging Face's names.
    pub fn tensors(&self) -> &BTreeMap<String, Stored> {
        &self.tensors
    }

    /// Bytes of all tensors as they are stored.
    pub fn bytes(&self) -> u64 {
        self.tensors.values().map(|tensor| tensor.bytes).sum()
    }

    /// The bytes of a tensor that a folder stores in bf16, mapped; none for others, and for bytes that begin at an odd address.
    pub(in crate::lm) fn bf16(&self, name: &str) -> Option<&[u8]> {
        let Source::Folder(shards) = &self.source else { return None };
        let entry = shards.tensors.get(name).filter(|entry| entry.dtype == Dtype::BF16)?;
        Some(shards.bytes(entry)).filter(|bytes| bytes.as_ptr().addr().is_multiple_of(2))
    }

    /// Reads rows of a tensor as f32, in Hugging Face's order, into as many numbers as they have. A vector is one row.
    ///
    /// # Errors
    /// An unknown tensor, rows that it does not have, room of another size, or a stored type that is not read.
    pub fn read(&self, name: &str, rows: Range<usize>, into: &mut [f32]) -> Result<(), CheckpointError> {
        let missing = || CheckpointError::Missing { path: self.path.clone(), name: name.to_owned() };
        let stored = self.tensors.get(name).ok_or_else(missing)?;
        let width = stored.width();
        let fits = rows.start <= rows.end && rows.end <= stored.rows();
        if !fits || (rows.end - rows.start).checked_mul(width) != Some(into.len()) {
            let (from, to, room) = (rows.start, rows.end, into.len());
            return Err(CheckpointError::Rows { name: name.to_owned(), shape: stored.shape.clone(), from, to, room });
        }
        match &self.source {
            Source::Folder(shards) => {
                let size = width * stored.kind.bytes();
                let bytes = shards.bytes(&shards.tensors[name]);
                dequantise(stored.kind, &bytes[rows.start * size..rows.end * size], into);
            }
            Source::File(file) => self.read_file(file, stored, rows, into)?,
        }
        Ok(())
    }

    /// Lets go of the memory that holds a tensor's stored bytes, for who has made a copy of its own.
    pub fn give_back(&self, name: &str) {
        if let Source::Folder(shards) = &self.source
            && let Some(entry) = shards.tensors.get(name)
        {
            shards.give_back(entry);
        }
    }

    fn read_file(
        &self,
        file: &Gguf,
        stored: &Stored,
        rows: Range<usize>,
        into: &mut [f32],
    ) -> Result<(), CheckpointError> {
        let Place { tensor, first, permuted } = &stored.place;
        if !permuted {
            return Ok(file.read(tensor, first + rows.start..first + rows.end, into)?);
        }
        for (row, into) in rows.zip(into.chunks_exact_mut(stored.width())) {
            let row = first + metadata::permuted_row(row, self.shape.head_dim);
            file.read(tensor, row..row + 1, into)?;
        }
        Ok(())
    }
}

impl Stored {
    /// Numbers a row.
    pub fn width(&self) -> usize {
        self.shape.last().copied().unwrap_or(0)
    }

    /// Rows, over all dimensions but the last.
    pub fn rows(&self) -> usize {
        self.shape.split_last().map_or(0, |(_, outer)| outer.iter().product())
    }
}

/// A tensor of the shape in a GGUF file, which may be one of several that lie in one.
fn stored(
    path: &Path,
    file: &Gguf,
    shape: &Config,
    part: metadata::Part,
    wanted: Vec<usize>,
) -> Result<Stored, CheckpointError> {
    let missing = || CheckpointError::Missing { path: path.to_owned(), name: part.tensor.clone() };
    let info = file.header().tensors.get(&part.tensor).ok_or_else(missing)?;
    let (experts, first) = match part.expert {
        Some(expert) => (shape.experts.as_ref().map(|experts| experts.num_experts), expert * wanted[0]),
        None => (None, 0),
    };
    same(path, &part.tensor, experts.into_iter().chain(wanted.iter().copied()).collect(), &info.shape)?;
    let bytes = (wanted.iter().product::<usize>() / info.kind.block() * info.kind.bytes()) as u64;
    let place = Place { tensor: part.tensor, first, permuted: part.permuted };
    Ok(Stored { shape: wanted, kind: info.kind, bytes, place })
}

/// The type of a folder's numbers, if it is one that is read.
fn number(path: &Path, name: &str, entry: &Entry) -> Result<Kind, CheckpointError> {
    match entry.dtype {
        Dtype::F32 => Ok(Kind::F32),
        Dtype::F16 => Ok(Kind::F16),
        Dtype::BF16 => Ok(Kind::Bf16),
        other => Err(CheckpointError::Dtype { path: path.to_owned(), name: name.to_owned(), found: other.to_string() }),
    }
}

fn same(path: &Path, name: &str, wanted: Vec<usize>, found: &[usize]) -> Result<(), CheckpointError> {
    if wanted == found {
        return Ok(());
    }
    Err(CheckpointError::Shape { path: path.to_owned(), name: name.to_owned(), wanted, found: found.to_vec() })
}

fn none_left(path: &Path, unused: &BTreeSet<&str>) -> Result<(), CheckpointError> {
    match unused.first() {
        Some(&name) => Err(CheckpointError::Unknown { path: path.to_owned(), name: name.to_owned() }),
        None => Ok(()),
    }
}
