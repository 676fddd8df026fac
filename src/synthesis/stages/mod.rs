//! Stages: each reads files and writes files into a folder of its own, named by the hash of what it depends on. A stage that is there is not run again.

mod check;
mod difficulty;
mod extend;
mod make;
mod pick;
pub(crate) mod replay;
pub mod retrospect;
mod tries;

pub use check::{Asked, Checking, check, pool, settings as check_settings};
pub use difficulty::difficulty;
pub use extend::{Extending, extend};
pub use make::make;
pub use pick::pick;
pub use retrospect::retrospect;
pub use tries::{Check, Tried};

use crate::error::{Result, SynthesisError};
use crate::files::{hash_file, make_folder, read_json, sync_folder, write_json};
use crate::funnel::Counts;
use crate::item::Item;
use crate::observer::{Observer, Watch};
use longlab_documents::Hash;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Name of the file of counts of a stage.
pub const COUNTS: &str = "counts.json";
/// Name of the file of items of a stage.
pub const ITEMS: &str = "items.jsonl";
/// Name of the file of documents that may not stand beside an engine's items.
pub const BARRED: &str = "barred.json";
/// Name of the file that says that a stage is finished.
pub const DONE: &str = "done.json";

/// Items that are worked on at once; must not depend on the number of threads.
pub const CHUNK: usize = 64;

/// An item between stages: its passages have places and no texts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The item.
    pub item: Item,
    /// The length that the law gave it, tokens.
    pub target: usize,
    /// Right answers of a model with the documents, and tries; none where none was asked.
    pub rate: Option<(usize, usize)>,
    /// What it was put to.
    #[serde(default)]
    pub tried: Vec<Tried>,
    /// Its bin of difficulty, from 0.
    pub bin: Option<usize>,
}

/// A finished stage.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Its folder.
    pub folder: PathBuf,
    /// What it counted.
    pub counts: Counts,
    /// Hash of what it wrote.
    pub output: Hash,
}

/// What a finished stage says of itself.
#[derive(Serialize, Deserialize)]
struct Done {
    key: Hash,
    counts: Counts,
    output: Hash,
    /// Bytes of each file.
    files: BTreeMap<String, u64>,
}

/// The folder of all stages.
pub struct Stages {
    folder: PathBuf,
    again: bool,
}

impl Stages {
    /// Stages in a folder; `again` runs them even where they are finished.
    pub fn new(folder: PathBuf, again: bool) -> Stages {
        Stages { folder, again }
    }

    /// Runs a stage unless it is finished under this key. `work` writes into the folder that it is given; what it wrote only counts when it has come to its end.
    ///
    /// # Errors
    /// What `work` fails with; the half-written folder stays, and is made anew by the next run.
    pub fn run(
        &self,
        name: &str,
        key: &Hash,
        observer: &mut dyn Observer,
        work: impl FnOnce(&Path, &mut Watch) -> Result<Counts>,
    ) -> Result<Finished> {
        let folder = self.folder.join(format!("{name}-{}", &key.0[..16]));
        if !self.again
            && let Some(finished) = found(&folder, key)
        {
            observer.ended(name, &finished.counts, true);
            return Ok(finished);
        }
        observer.begins(name);
        let part = self.folder.join(format!("{name}.part"));
        for stale in [&part, &folder] {
            clear(stale)?;
        }
        make_folder(&part)?;
        let counts = work(&part, &mut Watch { stage: name, observer: &mut *observer })?;
        write_json(&part.join(COUNTS), &counts)?;
        let output = seal(&part, key, &counts)?;
        fs::rename(&part, &folder).map_err(SynthesisError::writing(&folder))?;
        sync_folder(&folder);
        observer.ended(name, &counts, false);
        if !observer.goes_on() {
            return Err(SynthesisError::Stopped);
        }
        Ok(Finished { folder, counts, output })
    }
}

fn clear(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(SynthesisError::writing(folder)(error)),
        _ => Ok(()),
    }
}

/// Writes down what a stage wrote.
fn seal(folder: &Path, key: &Hash, counts: &Counts) -> Result<Hash> {
    let mut said = String::new();
    let mut files = BTreeMap::new();
    for name in names(folder)? {
        let path = folder.join(&name);
        let size = fs::metadata(&path).map_err(SynthesisError::reading(&path))?.len();
        said.push_str(&format!("{name} {}\n", hash_file(&path)?.0));
        files.insert(name, size);
    }
    let output = Hash::of(&said);
    let done = Done { key: key.clone(), counts: counts.clone(), output: output.clone(), files };
    write_json(&folder.join(DONE), &done)?;
    Ok(output)
}

/// A stage that is finished under this key, all its files as long as they were.
fn found(folder: &Path, key: &Hash) -> Option<Finished> {
    let done: Done = read_json(&folder.join(DONE)).ok()?;
    let there = |(name, size): (&String, &u64)| {
        fs::metadata(folder.join(name)).is_ok_and(|file| file.is_file() && file.len() == *size)
    };
    let whole = done.key == *key && done.files.iter().all(there);
    whole.then(|| Finished { folder: folder.to_path_buf(), counts: done.counts, output: done.output })
}

fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder).map_err(SynthesisError::reading(folder))?;
    let name = |entry: std::io::Result<fs::DirEntry>| {
        entry.map(|entry| entry.file_name().to_string_lossy().into_owned()).map_err(SynthesisError::reading(folder))
    };
    let mut names = entries.map(name).collect::<Result<Vec<String>>>()?;
    names.sort();
    Ok(names)
}

/// The key of a stage: its version, what it takes in, and its settings.
pub fn key(version: &str, inputs: &[&Hash], settings: &str) -> Hash {
    let inputs: Vec<&str> = inputs.iter().map(|hash| hash.0.as_str()).collect();
    Hash::of(&format!("{version}\n{}\n{settings}", inputs.join("\n")))
}
