//! The tensors of a model that lies in a Hugging Face folder, mapped into memory: one safetensors file, or shards and their index. Only headers
//! are read on opening.

use memmap2::{Mmap, UncheckedAdvice};
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

const WHOLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// Why the files of a model cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ShardsError {
    /// There is no model in the folder.
    #[error("{} holds no model; give a folder with model.safetensors, or with shards and model.safetensors.index.json", path.display())]
    NoModel {
        /// The folder.
        path: PathBuf,
    },
    /// A file cannot be read.
    #[error("cannot read {}: {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause. Not a `source`: the message says it.
        cause: io::Error,
    },
    /// A file is cut short, or is not what its name says.
    #[error("{} is damaged: {reason}; get it again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl ShardsError {
    pub(crate) fn reading(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        |cause| ShardsError::Unreadable { path: path.to_owned(), cause }
    }

    pub(crate) fn damaged(path: &Path, reason: impl ToString) -> Self {
        ShardsError::Damaged { path: path.to_owned(), reason: reason.to_string() }
    }
}

/// A model's files and the tensors in them.
pub(crate) struct Shards {
    pub path: PathBuf,
    files: Vec<Mmap>,
    /// By name, so in one order for every sharding.
    pub tensors: BTreeMap<String, Entry>,
}

/// Where a tensor lies.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
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

impl Index {
    fn read(index: &Path) -> Result<Self, ShardsError> {
        let text = fs::read(index).map_err(ShardsError::reading(index))?;
        serde_json::from_slice(&text).map_err(|error| ShardsError::damaged(index, error))
    }

    /// The names of the shards, each once; files beside the index, nowhere else.
    fn shards(&self, index: &Path) -> Result<BTreeSet<&str>, ShardsError> {
        let names: BTreeSet<&str> = self.weight_map.values().map(String::as_str).collect();
        match names.iter().find(|name| Path::new(name).file_name() != Some(name.as_ref())) {
            Some(name) => Err(ShardsError::damaged(index, format!("`{name}` is not the name of a file beside it"))),
            None => Ok(names),
        }
    }
}

/// The names of the files in `path` that hold the weights of a model: one, or the index and its shards. All of them exist; none is read but
/// the index.
pub(crate) fn weight_files(path: &Path) -> Result<Vec<String>, ShardsError> {
    let index = path.join(INDEX);
    let mut names = vec![WHOLE.to_owned()];
    if index.exists() {
        names = vec![INDEX.to_owned()];
        names.extend(Index::read(&index)?.shards(&index)?.into_iter().map(str::to_owned));
    } else if !path.join(WHOLE).is_file() {
        return Err(ShardsError::NoModel { path: path.to_owned() });
    }
    match names.iter().map(|name| path.join(name)).find(|file| !file.is_file()) {
        Some(missing) => Err(ShardsError::reading(&missing)(io::ErrorKind::NotFound.into())),
        None => Ok(names),
    }
}

impl Shards {
    /// Maps the files of a model and reads their headers.
    pub fn open(path: &Path) -> Result<Self, ShardsError> {
        let mut shards = Shards { path: path.to_owned(), files: Vec::new(), tensors: BTreeMap::new() };
        let index = path.join(INDEX);
        if index.exists() {
            shards.add_shards(&index, &Index::read(&index)?)?;
        } else if path.join(WHOLE).exists() {
            shards.add(&path.join(WHOLE))?;
        }
        if shards.tensors.is_empty() {
            return Err(ShardsError::NoModel { path: path.to_owned() });
        }
        Ok(shards)
    }

    fn add_shards(&mut self, index: &Path, names: &Index) -> Result<(), ShardsError> {
        for name in names.shards(index)? {
            self.add(&self.path.join(name))?;
        }
        let map = &names.weight_map;
        match map.keys().find(|name| !self.tensors.contains_key(*name)) {
            Some(lost) => {
                let reason = format!("it puts {lost} into {}, which does not hold it", map[lost]);
                Err(ShardsError::damaged(index, reason))
            }
            None => Ok(()),
        }
    }

    fn add(&mut self, path: &Path) -> Result<(), ShardsError> {
        let file = File::open(path).map_err(ShardsError::reading(path))?;
        // SAFETY: the map is only read, as bytes that mean nothing until checked. Who cuts the file short meanwhile ends this
        // process with SIGBUS, as with every mapped file; who writes to it changes the numbers that are read.
        let map = unsafe { Mmap::map(&file) }.map_err(ShardsError::reading(path))?;
        let (header, metadata) = SafeTensors::read_metadata(&map).map_err(|error| ShardsError::damaged(path, error))?;
        let data = header + size_of::<u64>();
        for (name, info) in metadata.tensors() {
            let bytes = data + info.data_offsets.0..data + info.data_offsets.1;
            let entry = Entry { file: self.files.len(), dtype: info.dtype, shape: info.shape.clone(), bytes };
            if self.tensors.insert(name.clone(), entry).is_some() {
                return Err(ShardsError::damaged(path, format!("another file holds {name} too")));
            }
        }
        self.files.push(map);
        Ok(())
    }

    /// The file that holds a tensor.
    pub fn file(&self, entry: &Entry) -> &Mmap {
        &self.files[entry.file]
    }

    /// Lets go of the memory that holds a tensor's bytes; they are read from the file again when they are asked for.
    pub fn give_back(&self, entry: &Entry) {
        let range = entry.bytes.clone();
        // SAFETY: the map is private and never written to, so the pages' contents are those of the file and come back from it.
        let given = unsafe {
            self.files[entry.file].unchecked_advise_range(UncheckedAdvice::DontNeed, range.start, range.len())
        };
        // It only saves memory; a system that refuses reads the same numbers.
        let _ = given;
    }

    /// The bytes of a tensor.
    pub fn bytes(&self, entry: &Entry) -> &[u8] {
        &self.files[entry.file][entry.bytes.clone()]
    }
}
