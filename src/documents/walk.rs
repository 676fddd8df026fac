//! Folders: files in order, read in parallel, with everything named and counted that was left out.

use crate::error::{Fault, ReadError};
use crate::read::{Reader, Reading};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::{HashSet, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// How a folder is walked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Walk {
    /// Whether files and folders are read whose names begin with a dot.
    pub hidden: bool,
    /// Names of folders that hold what others made; they are left out.
    pub vendored: Vec<String>,
    /// Whether links are followed, each folder and file once. Else they are left out: a link in foreign files may lead anywhere.
    pub follow_links: bool,
    /// Bytes of a file beyond which it is not even opened.
    pub largest: u64,
    /// Folders within folders; deeper ones are left out.
    pub depth: usize,
    /// Bytes of the files that are read at the same time.
    pub batch_bytes: u64,
}

impl Default for Walk {
    fn default() -> Self {
        let vendored = ["node_modules", "bower_components", "vendor", "third_party", "__pycache__", "__MACOSX", "venv"];
        Walk {
            hidden: false,
            vendored: vendored.map(str::to_owned).into(),
            follow_links: false,
            largest: 4 << 30,
            depth: 64,
            batch_bytes: 64 << 20,
        }
    }
}

/// Why a file or folder was left out before anybody read it.
#[derive(Debug, thiserror::Error)]
pub enum Skip {
    /// Its name begins with a dot.
    #[error("is hidden (`hidden`)")]
    Hidden,
    /// It holds what others made.
    #[error("holds what others made (`vendored`)")]
    Vendored,
    /// It is a link.
    #[error("is a link (`follow_links`)")]
    Link,
    /// It is a link to a folder that it lies in.
    #[error("is a link to a folder that it lies in")]
    Cycle,
    /// It was reached before, by another way.
    #[error("was reached before by another way")]
    Again,
    /// It is a pipe, a socket or a device.
    #[error("is no file")]
    Special,
    /// Its folders lie too deep.
    #[error("lies too deep (`depth`)")]
    Deep,
    /// It is larger than is opened.
    #[error("has {size} bytes, {limit} are opened (`largest`)")]
    Huge {
        /// Its size.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// Its path is no UTF-8, so that no document can be called after it.
    #[error("has a name that is no UTF-8; rename it")]
    Name,
    /// The folder cannot be listed.
    #[error("cannot be listed: {0}")]
    Unlisted(io::Error),
    /// It could not be read.
    #[error("{0}")]
    Fault(Fault),
}

impl Skip {
    /// One word for it, to count by.
    pub fn name(&self) -> &'static str {
        match self {
            Skip::Hidden => "hidden",
            Skip::Vendored => "vendored",
            Skip::Link => "link",
            Skip::Cycle => "cycle",
            Skip::Again => "again",
            Skip::Special => "special",
            Skip::Deep => "deep",
            Skip::Huge { .. } => "huge",
            Skip::Name => "name",
            Skip::Unlisted(_) => "unlisted",
            Skip::Fault(fault) => fault.name(),
        }
    }
}

/// What became of a file or folder.
#[derive(Debug)]
pub struct Outcome {
    /// Its path below the folder that is walked, with `/` between folders.
    pub source: String,
    /// What it held, or why it was left out.
    pub result: Result<Reading, Skip>,
}

/// The files of a folder in the order of their paths. Files of a batch are read in parallel; no more than a batch is held.
///
/// ```no_run
/// use longlab_documents::{Corpus, Reader, Walk};
/// for outcome in Corpus::open("books".as_ref(), Walk::default(), Reader::default())? {
///     match outcome.result {
///         Ok(reading) => println!("{}: {} documents", outcome.source, reading.documents.len()),
///         Err(skip) => println!("{} {skip}", outcome.source),
///     }
/// }
/// # Ok::<(), longlab_documents::ReadError>(())
/// ```
pub struct Corpus {
    root: PathBuf,
    walk: Walk,
    reader: Reader,
    entries: walkdir::IntoIter,
    seen: HashSet<PathBuf>,
    ready: VecDeque<Outcome>,
}

/// A file that is to be read, or what became of it already.
enum Found {
    File(PathBuf, u64),
    Left(Skip),
}

impl Corpus {
    /// Opens a folder, or a single file.
    ///
    /// # Errors
    /// A path that does not exist or cannot be read.
    pub fn open(root: &Path, walk: Walk, reader: Reader) -> Result<Self, ReadError> {
        let at = |error| Fault::Io(error).at(root.display().to_string());
        let root = root.canonicalize().map_err(at)?;
        let entries = WalkDir::new(&root)
            .follow_links(walk.follow_links)
            .sort_by_file_name()
            .max_depth(walk.depth.saturating_add(1))
            .into_iter();
        Ok(Corpus { root, walk, reader, entries, seen: HashSet::new(), ready: VecDeque::new() })
    }

    /// Reads the next batch; false at the end.
    fn read_batch(&mut self) -> bool {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while bytes < self.walk.batch_bytes
            && batch.len() < 1024
            && let Some(entry) = self.entries.next()
        {
            let Some((source, found)) = self.found(entry) else { continue };
            if let Found::File(_, size) = found {
                bytes += size.min(self.reader.limits.file_bytes);
            }
            batch.push((source, found));
        }
        let read = |(source, found): (String, Found)| {
            let result = match found {
                Found::Left(skip) => Err(skip),
                Found::File(path, _) => self.reader.read_file(&path, &source).map_err(|error| Skip::Fault(error.fault)),
            };
            Outcome { source, result }
        };
        let more = !batch.is_empty();
        self.ready = batch.into_par_iter().map(read).collect::<Vec<_>>().into();
        more
    }

    /// What is known of an entry before it is read; none of folders that are walked.
    fn found(&mut self, entry: walkdir::Result<DirEntry>) -> Option<(String, Found)> {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => return Some(self.unlisted(error)),
        };
        let Some(source) = self.source(entry.path()) else {
            self.pass_over(&entry);
            return Some((self.lossy_source(entry.path()), Found::Left(Skip::Name)));
        };
        if let Some(skip) = self.skip(&entry) {
            self.pass_over(&entry);
            return Some((source, Found::Left(skip)));
        }
        if entry.file_type().is_dir() {
            return None;
        }
        let size = entry.metadata().map_or(0, |metadata| metadata.len());
        match size > self.walk.largest {
            true => Some((source, Found::Left(Skip::Huge { size, limit: self.walk.largest }))),
            false => Some((source, Found::File(entry.into_path(), size))),
        }
    }

    fn pass_over(&mut self, entry: &DirEntry) {
        if entry.file_type().is_dir() {
            self.entries.skip_current_dir();
        }
    }

    fn skip(&mut self, entry: &DirEntry) -> Option<Skip> {
        let name = entry.file_name().to_string_lossy();
        let kind = entry.file_type();
        if entry.depth() > 0 {
            if !self.walk.hidden && name.starts_with('.') {
                return Some(Skip::Hidden);
            }
            if kind.is_dir() && self.walk.vendored.iter().any(|vendored| *vendored == name) {
                return Some(Skip::Vendored);
            }
            if kind.is_symlink() {
                return Some(Skip::Link);
            }
            if kind.is_dir() && entry.depth() > self.walk.depth {
                return Some(Skip::Deep);
            }
        }
        if !kind.is_dir() && !kind.is_file() {
            return Some(Skip::Special);
        }
        // By links, a few folders can be reached in more ways than there are files in the world.
        let again = self.walk.follow_links && entry.path().canonicalize().is_ok_and(|path| !self.seen.insert(path));
        again.then_some(Skip::Again)
    }

    fn unlisted(&self, error: walkdir::Error) -> (String, Found) {
        let path = error.path().unwrap_or(&self.root).to_owned();
        let is_cycle = error.loop_ancestor().is_some();
        let skip = if is_cycle { Skip::Cycle } else { Skip::Unlisted(error.into()) };
        (self.lossy_source(&path), Found::Left(skip))
    }

    /// The path below the root; the name of the file where the root is one.
    fn source(&self, path: &Path) -> Option<String> {
        let below = path.strip_prefix(&self.root).ok().filter(|below| !below.as_os_str().is_empty());
        let below = below.or_else(|| path.file_name().map(Path::new)).unwrap_or(path);
        let parts: Option<Vec<&str>> = below.iter().map(|part| part.to_str()).collect();
        parts.map(|parts| parts.join("/"))
    }

    fn lossy_source(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).to_string_lossy().into_owned()
    }
}

impl Iterator for Corpus {
    type Item = Outcome;

    fn next(&mut self) -> Option<Outcome> {
        while self.ready.is_empty() {
            if !self.read_batch() {
                return None;
            }
        }
        self.ready.pop_front()
    }
}
