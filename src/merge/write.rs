//! The folder of the result: filled under another name, and renamed when all of it is there.

use super::plan::Shard;
use super::{Merge, MergeFilesError, Merged};
use crate::files::write_whole;
use longlab_kernels::merge::Format;
use serde_json::{Value, json};
use std::fs::{self, File, TryLockError};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// What belongs to a model besides its tensors.
const COPIED: [&str; 13] = [
    "config.json",
    "generation_config.json",
    "preprocessor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "tokenizer.model",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "chat_template.jinja",
    "chat_template.json",
];

/// Held open and locked while the folder is being filled; a folder that holds it, unlocked, is what a killed merge left.
const LOCK: &str = ".merging";

/// The folder that is being filled. Unless finished, it goes with everything in it.
pub(super) struct Target {
    out: PathBuf,
    partial: PathBuf,
    lock: File,
    finished: bool,
}

impl Target {
    /// Makes the folder under its other name, over what a killed merge may have left there.
    pub fn new(out: &Path) -> Result<Self, MergeFilesError> {
        let (Some(name), false) = (out.file_name(), out.symlink_metadata().is_ok()) else {
            return Err(MergeFilesError::Exists { path: out.to_owned() });
        };
        let mut name = name.to_os_string();
        name.push(".partial");
        let partial = out.with_file_name(name);
        let lock = partial.join(LOCK);
        if partial.exists() && !lock.exists() {
            return Err(MergeFilesError::Exists { path: partial });
        }
        fs::create_dir_all(&partial).map_err(MergeFilesError::writing(&partial))?;
        let lock = File::create(&lock).map_err(MergeFilesError::writing(&lock))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(MergeFilesError::Busy { path: out.to_owned() }),
            Err(TryLockError::Error(cause)) => return Err(MergeFilesError::writing(&partial)(cause)),
        }
        let target = Target { out: out.to_owned(), partial, lock, finished: false };
        target.sweep()?;
        Ok(target)
    }

    /// Removes whatever lies beside the lock.
    fn sweep(&self) -> Result<(), MergeFilesError> {
        let writing = || MergeFilesError::writing(&self.partial);
        for file in fs::read_dir(&self.partial).map_err(writing())? {
            let file = file.map_err(writing())?;
            if file.file_name() != LOCK {
                fs::remove_file(file.path()).map_err(writing())?;
            }
        }
        Ok(())
    }

    /// Begins a shard: its head, and the room for its tensors.
    pub fn shard(&self, shard: &Shard) -> Result<ShardFile, MergeFilesError> {
        let path = self.partial.join(&shard.name);
        let file = File::create(&path).map_err(MergeFilesError::writing(&path))?;
        file.write_all_at(&shard.head, 0)
            .and_then(|()| file.set_len(shard.size))
            .map_err(MergeFilesError::writing(&path))?;
        Ok(ShardFile { file, path, left: AtomicUsize::new(shard.tensors) })
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), MergeFilesError> {
        let path = self.partial.join(name);
        write_whole(&path, bytes).map_err(MergeFilesError::writing(&path))
    }

    fn write_json(&self, name: &str, value: &Value) -> Result<(), MergeFilesError> {
        self.write(name, format!("{value:#}\n").as_bytes())
    }

    /// Gives the folder its name.
    pub fn finish(mut self) -> Result<(), MergeFilesError> {
        let lock = self.partial.join(LOCK);
        fs::remove_file(&lock).map_err(MergeFilesError::writing(&lock))?;
        let renamed = File::open(&self.partial)
            .and_then(|folder| folder.sync_all())
            .and_then(|()| fs::rename(&self.partial, &self.out));
        renamed.map_err(MergeFilesError::writing(&self.out))?;
        self.finished = true;
        // As in `files`: a system that cannot sync a folder loses nothing but the safety from a power cut.
        if let Some(parent) = self.out.parent().and_then(|parent| File::open(parent).ok()) {
            let _ = parent.sync_all();
        }
        Ok(())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if !self.finished {
            // The first error is the one to tell; what cannot be removed is swept by the next merge.
            let _ = fs::remove_dir_all(&self.partial);
        }
        let _ = self.lock.unlock();
    }
}

/// A shard that threads write to, each tensor at its place.
pub(super) struct ShardFile {
    pub file: File,
    pub path: PathBuf,
    left: AtomicUsize,
}

impl ShardFile {
    /// Told that one of its tensors is written. The last one brings the shard to the disk, while others are being merged.
    pub fn done(&self) -> Result<(), MergeFilesError> {
        if self.left.fetch_sub(1, Ordering::AcqRel) > 1 {
            return Ok(());
        }
        self.file.sync_all().map_err(MergeFilesError::writing(&self.path))
    }
}

/// Copies configuration and tokenizer of the base (or first model); the configuration names the new type, if there is one.
pub(super) fn copy_files(from: Option<&Path>, dtype: Option<Format>, target: &Target) -> Result<(), MergeFilesError> {
    let Some(from) = from else { return Ok(()) };
    for name in COPIED {
        let path = from.join(name);
        if !path.exists() {
            continue;
        }
        let bytes = fs::read(&path).map_err(MergeFilesError::reading(&path))?;
        match dtype.filter(|_| name == "config.json") {
            Some(dtype) => target.write_json(name, &with_dtype(&path, &bytes, dtype)?)?,
            None => target.write(name, &bytes)?,
        }
    }
    Ok(())
}

fn with_dtype(path: &Path, bytes: &[u8], dtype: Format) -> Result<Value, MergeFilesError> {
    let mut config: Value = serde_json::from_slice(bytes).map_err(|error| MergeFilesError::damaged(path, error))?;
    let name = match dtype {
        Format::F32 => "float32",
        Format::F16 => "float16",
        Format::Bf16 => "bfloat16",
    };
    // The key's older and its newer name.
    for key in ["torch_dtype", "dtype"] {
        if let Some(value) = config.get_mut(key) {
            *value = name.into();
        }
    }
    Ok(config)
}

/// Writes the index, if there are several shards, and `merge.json`: what was merged, how, and by which version.
pub(super) fn record(merge: &Merge, merged: &Merged, target: &Target) -> Result<(), MergeFilesError> {
    let plan = &merge.plan;
    if plan.shards.len() > 1 {
        let size: usize = plan.tensors.iter().map(|tensor| tensor.size).sum();
        let file = |shard: usize| Value::from(plan.shards[shard].name.as_str());
        let map: serde_json::Map<_, _> =
            plan.tensors.iter().map(|tensor| (tensor.name.clone(), file(tensor.shard))).collect();
        let index = json!({ "metadata": { "total_size": size }, "weight_map": map });
        target.write_json("model.safetensors.index.json", &index)?;
    }
    let input = |(folder, hash): (usize, &String)| json!({ "model": merge.title(folder), "path": merge.folders[folder].path, "blake3": hash });
    let record = json!({
        "longlab": env!("CARGO_PKG_VERSION"),
        "recipe": merge.recipe,
        "inputs": merged.hashes.iter().enumerate().map(input).collect::<Vec<_>>(),
        "tensors": merged.tensors,
        "numbers": merged.places,
    });
    target.write_json("merge.json", &record)
}
