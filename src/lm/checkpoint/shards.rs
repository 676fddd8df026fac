//! The tensors of a Hugging Face folder, mapped; only headers are read on opening.

use super::CheckpointError;
use crate::lm::gguf::Kind;
use memmap2::Mmap;
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::ops::Range;
use std::path::Path;

const WHOLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// Mapped files and the tensors in them.
pub(super) struct Shards {
    files: Vec<Mmap>,
    pub tensors: BTreeMap<String, Entry>,
}

/// Where a tensor lies.
pub(super) struct Entry {
    file: usize,
    pub kind: Kind,
    pub shape: Vec<usize>,
    pub bytes: Range<usize>,
}

/// `model.safetensors.index.json`; what else it holds is not needed.
#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

impl Shards {
    pub fn open(folder: &Path) -> Result<Self, CheckpointError> {
        let mut shards = Shards { files: Vec::new(), tensors: BTreeMap::new() };
        let index = folder.join(INDEX);
        if index.exists() {
            let text = fs::read(&index).map_err(CheckpointError::reading(&index))?;
            let map: Index = serde_json::from_slice(&text).map_err(|error| CheckpointError::damaged(&index, error))?;
            shards.add_all(folder, &index, &map.weight_map)?;
        } else if folder.join(WHOLE).exists() {
            shards.add(&folder.join(WHOLE))?;
        }
        if shards.tensors.is_empty() {
            return Err(CheckpointError::NoModel { path: folder.to_owned() });
        }
        Ok(shards)
    }

    fn add_all(&mut self, folder: &Path, index: &Path, map: &BTreeMap<String, String>) -> Result<(), CheckpointError> {
        for name in map.values().collect::<BTreeSet<_>>() {
            if Path::new(name).file_name() != Some(name.as_ref()) {
                let reason = format!("`{name}` is not the name of a file beside it");
                return Err(CheckpointError::damaged(index, reason));
            }
            self.add(&folder.join(name))?;
        }
        if let Some(lost) = map.keys().find(|name| !self.tensors.contains_key(*name)) {
            let reason = format!("it puts {lost} into {}, which does not hold it", map[lost]);
            return Err(CheckpointError::damaged(index, reason));
        }
        Ok(())
    }

    fn add(&mut self, path: &Path) -> Result<(), CheckpointError> {
        let file = File::open(path).map_err(CheckpointError::reading(path))?;
        // SAFETY: the map is only read, as bytes that mean nothing until checked. Who cuts the file short meanwhile ends this
        // process with SIGBUS, as with every mapped file; who writes to it changes the numbers that are read.
        let map = unsafe { Mmap::map(&file) }.map_err(CheckpointError::reading(path))?;
        let (header, metadata) =
            SafeTensors::read_metadata(&map).map_err(|error| CheckpointError::damaged(path, error))?;
        let data = header + size_of::<u64>();
        for (name, info) in metadata.tensors() {
            let kind = kind(info.dtype).ok_or_else(|| CheckpointError::Dtype {
                path: path.to_owned(),
                name: name.clone(),
                found: info.dtype.to_string(),
            })?;
            let bytes = data + info.data_offsets.0..data + info.data_offsets.1;
            let entry = Entry { file: self.files.len(), kind, shape: info.shape.clone(), bytes };
            if self.tensors.insert(name.clone(), entry).is_some() {
                return Err(CheckpointError::damaged(path, format!("another file holds {name} too")));
            }
        }
        self.files.push(map);
        Ok(())
    }

    /// The bytes of a tensor.
    pub fn bytes(&self, entry: &Entry) -> &[u8] {
        &self.files[entry.file][entry.bytes.clone()]
    }
}

fn kind(dtype: Dtype) -> Option<Kind> {
    match dtype {
        Dtype::F32 => Some(Kind::F32),
        Dtype::F16 => Some(Kind::F16),
        Dtype::BF16 => Some(Kind::Bf16),
        _ => None,
    }
}
