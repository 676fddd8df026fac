//! The tensors of a model that lies in a Hugging Face folder, mapped into memory.

use super::MergeFilesError;
use memmap2::Mmap;
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::ops::Range;
use std::path::{Path, PathBuf};

const WHOLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// A model.
pub(super) struct Folder {
    pub path: PathBuf,
    files: Vec<Mmap>,
    /// By name, so in one order for every sharding.
    pub tensors: BTreeMap<String, Entry>,
}

/// Where a tensor lies.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    file: usize,
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    /// Its bytes in the file.
    pub bytes: Range<usize>,
}

/// `model.safetensors.index.json`; what else it holds is not needed.
#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

impl Folder {
    /// Maps the files of a model and reads their headers.
    pub fn open(path: &Path) -> Result<Self, MergeFilesError> {
        let mut folder = Folder { path: path.to_owned(), files: Vec::new(), tensors: BTreeMap::new() };
        let index = path.join(INDEX);
        if index.exists() {
            let text = fs::read(&index).map_err(MergeFilesError::reading(&index))?;
            let map: Index = serde_json::from_slice(&text).map_err(|error| MergeFilesError::damaged(&index, error))?;
            folder.add_shards(&index, &map.weight_map)?;
        } else if path.join(WHOLE).exists() {
            folder.add(&path.join(WHOLE))?;
        }
        if folder.tensors.is_empty() {
            return Err(MergeFilesError::NoModel { path: path.to_owned() });
        }
        Ok(folder)
    }

    fn add_shards(&mut self, index: &Path, map: &BTreeMap<String, String>) -> Result<(), MergeFilesError> {
        let damaged = |reason: String| Err(MergeFilesError::damaged(index, reason));
        for name in map.values().collect::<BTreeSet<_>>() {
            if Path::new(name).file_name() != Some(name.as_ref()) {
                return damaged(format!("`{name}` is not the name of a file beside it"));
            }
            self.add(&self.path.join(name))?;
        }
        if let Some(lost) = map.keys().find(|name| !self.tensors.contains_key(*name)) {
            return damaged(format!("it puts {lost} into {}, which does not hold it", map[lost]));
        }
        Ok(())
    }

    fn add(&mut self, path: &Path) -> Result<(), MergeFilesError> {
        let file = File::open(path).map_err(MergeFilesError::reading(path))?;
        // SAFETY: the map is only read, as bytes that mean nothing until checked. Who cuts the file short meanwhile ends this
        // process with SIGBUS, as with every mapped file; who writes to it gets a merge of what was read.
        let map = unsafe { Mmap::map(&file) }.map_err(MergeFilesError::reading(path))?;
        let (header, metadata) =
            SafeTensors::read_metadata(&map).map_err(|error| MergeFilesError::damaged(path, error))?;
        let data = header + size_of::<u64>();
        for (name, info) in metadata.tensors() {
            let bytes = data + info.data_offsets.0..data + info.data_offsets.1;
            let entry = Entry { file: self.files.len(), dtype: info.dtype, shape: info.shape.clone(), bytes };
            if self.tensors.insert(name.clone(), entry).is_some() {
                return Err(MergeFilesError::damaged(path, format!("another file holds {name} too")));
            }
        }
        self.files.push(map);
        Ok(())
    }

    /// The file that holds a tensor.
    pub fn file(&self, entry: &Entry) -> &Mmap {
        &self.files[entry.file]
    }
}
