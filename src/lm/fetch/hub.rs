//! The files of a hub's repository, in the layout of Hugging Face's own cache:
//! `models--org--name/{refs/<revision>, blobs/<hash>, snapshots/<commit>/<file>}`, where a snapshot's files are links to blobs.

use super::digest::Expected;
use super::http::{Answer, get};
use super::listing::{Listing, Sibling, is_hexadecimal, stays_below};
use super::{Event, FetchError, KNOWN, Settings, download, lock};
use std::fs;
use std::path::{Path, PathBuf};

/// Bytes that a list of files may have.
const LONGEST_LIST: u64 = 16 << 20;

/// A repository of the hub at a revision.
///
/// ```
/// use longlab::lm::fetch::Repository;
/// let repository = Repository::parse("Qwen/Qwen3-4B-Thinking-2507@main").unwrap();
/// assert_eq!((repository.name.as_str(), repository.revision.as_str()), ("Qwen/Qwen3-4B-Thinking-2507", "main"));
/// assert!(Repository::parse("../secrets").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// `org/name`.
    pub name: String,
    /// Branch, tag or commit.
    pub revision: String,
}

impl Repository {
    /// Reads `org/name` or `org/name@revision`; without a revision it is `main`.
    ///
    /// # Errors
    /// Another form.
    pub fn parse(model: &str) -> Result<Self, FetchError> {
        let (name, revision) = model.split_once('@').unwrap_or((model, "main"));
        let plain = |text: &str| {
            let known = |letter: char| letter.is_ascii_alphanumeric() || "-_./".contains(letter);
            stays_below(text) && text.len() <= 200 && text.chars().all(known)
        };
        if plain(name) && plain(revision) && name.matches('/').count() == 1 {
            return Ok(Repository { name: name.to_owned(), revision: revision.to_owned() });
        }
        let known = KNOWN.iter().map(|known| known.name).collect::<Vec<_>>().join(", ");
        Err(FetchError::Unknown { model: model.to_owned(), known })
    }

    /// Gets what is missing of configuration, tokenizer and safetensors; gives the folder. Offline, and where the hub cannot be reached,
    /// the folder of an earlier fetch of the same revision.
    ///
    /// # Errors
    /// As [`super::fetch`].
    pub fn fetch(&self, settings: &Settings, see: &mut dyn FnMut(Event)) -> Result<PathBuf, FetchError> {
        let folder = settings.hub.join(format!("models--{}", self.name.replace('/', "--")));
        if settings.offline {
            return self.kept(&folder).ok_or_else(|| FetchError::Offline { model: self.name.clone() });
        }
        fs::create_dir_all(&folder).map_err(FetchError::at(&folder))?;
        let _lock = lock::take(&folder.join(".longlab.lock"), see)?;
        let url =
            format!("{}/api/models/{}/revision/{}?blobs=true", settings.endpoint, self.name, quoted(&self.revision));
        let listing = match listing(&url, settings) {
            Err(FetchError::Network { url, reason }) => {
                return self.kept(&folder).ok_or(FetchError::Network { url, reason });
            }
            listing => listing?,
        };
        let snapshot = folder.join("snapshots").join(&listing.sha);
        for file in listing.wanted() {
            self.get(file, &listing.sha, &folder, settings, see)?;
        }
        let reference = folder.join("refs").join(&self.revision);
        write(&reference, listing.sha.as_bytes())?;
        Ok(snapshot)
    }

    /// The folder of an earlier fetch. The reference is written last, so what it names is whole.
    fn kept(&self, folder: &Path) -> Option<PathBuf> {
        let commit = fs::read_to_string(folder.join("refs").join(&self.revision)).unwrap_or(self.revision.clone());
        let snapshot = folder.join("snapshots").join(commit.trim());
        (is_hexadecimal(commit.trim()) && snapshot.join("config.json").exists()).then_some(snapshot)
    }

    fn get(
        &self,
        file: &Sibling,
        commit: &str,
        folder: &Path,
        settings: &Settings,
        see: &mut dyn FnMut(Event),
    ) -> Result<(), FetchError> {
        let name = file.rfilename.as_str();
        let url = format!("{}/{}/resolve/{commit}/{}", settings.endpoint, self.name, quoted(name));
        let (bytes, digest) = match (&file.lfs, &file.blob) {
            (Some(large), _) => (Some(large.size), Expected::Sha256(large.sha256.clone())),
            (None, Some(blob)) => (file.size, Expected::Git(blob.clone())),
            (None, None) => return Err(FetchError::Listing { url, reason: format!("`{name}` has no hash") }),
        };
        if !is_hexadecimal(digest.digits()) {
            return Err(FetchError::Listing { url, reason: format!("`{name}` has hash `{}`", digest.digits()) });
        }
        let hash = digest.digits().to_owned();
        let blob = folder.join("blobs").join(&hash);
        make_parent(&blob)?;
        let token = settings.token.as_deref();
        download::download(
            &download::File { url: &url, token, name, bytes, digest: Some(digest) },
            &blob,
            settings,
            see,
        )?;
        let link = folder.join("snapshots").join(commit).join(name);
        make_parent(&link)?;
        // Relative, so that the cache can be moved; files of the top folder only are fetched.
        match std::os::unix::fs::symlink(Path::new("../../blobs").join(hash), &link) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(FetchError::at(&link)(error)),
            _ => Ok(()),
        }
    }
}

/// Asks for the list, as often as for a file.
fn listing(url: &str, settings: &Settings) -> Result<Listing, FetchError> {
    let wrong = |reason: String| FetchError::Listing { url: url.to_owned(), reason };
    let mut last = String::new();
    for failed in 0..settings.tries {
        if failed > 0 {
            std::thread::sleep(settings.pause.saturating_mul(1 << (failed - 1).min(6)));
        }
        match get(url, 0, settings.token.as_deref(), settings)? {
            Answer::Later { cause, .. } => last = cause,
            Answer::Good(mut response) => {
                let text = response.body_mut().with_config().limit(LONGEST_LIST).read_to_vec();
                let text = text.map_err(|error| wrong(error.to_string()))?;
                return Listing::read(&text, url);
            }
        }
    }
    Err(FetchError::Network { url: url.to_owned(), reason: last })
}

/// A name within an address: what is not plain as `%` and two digits.
fn quoted(name: &str) -> String {
    let letter = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    name.bytes().map(letter).collect()
}

fn make_parent(path: &Path) -> Result<(), FetchError> {
    let parent = path.parent().unwrap_or(path);
    fs::create_dir_all(parent).map_err(FetchError::at(parent))
}

/// Under a temporary name first; the lock keeps others from the same name.
fn write(path: &Path, bytes: &[u8]) -> Result<(), FetchError> {
    make_parent(path)?;
    let temporary = path.with_extension("tmp");
    fs::write(&temporary, bytes).map_err(FetchError::at(&temporary))?;
    fs::rename(&temporary, path).map_err(FetchError::at(path))
}
