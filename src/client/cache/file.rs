//! The file of the cache.

use super::claim::Claim;
use super::{RequestKey, line};
use crate::ChatReply;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Longest line, bytes.
const LONGEST_LINE: usize = 256 << 20;

/// Answers in a file, for many threads and processes. In memory is only where each one stands.
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// use longlab_client::{Cache, ChatReply, Finish, RequestKey, Usage};
/// let cache = Cache::open(&folder.path().join("answers.jsonl")).unwrap();
/// let key = RequestKey::of("server", &serde_json::json!({"model": "m"}));
/// assert_eq!(cache.get(&key).unwrap(), None);
/// let reply = ChatReply {
///     content: "Bern".into(), reasoning: None, finish: Finish::Stop, usage: Usage::default(), model: "m".into(), logprobs: vec![],
/// };
/// cache.put(&key, &reply).unwrap();
/// assert_eq!(cache.get(&key).unwrap(), Some(reply));
/// ```
#[derive(Debug)]
pub struct Cache {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: File,
    /// Bytes that have been looked at: whole lines.
    seen: u64,
    places: HashMap<RequestKey, Place>,
    damaged: usize,
}

/// Where a line stands, without its line feed.
#[derive(Clone, Copy, Debug)]
struct Place {
    from: u64,
    bytes: usize,
}

impl Cache {
    /// Opens the file, or makes it with its folder.
    ///
    /// # Errors
    /// What the system says; a file system without locks is refused.
    pub fn open(path: &Path) -> io::Result<Cache> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = File::options().read(true).append(true).create(true).open(path)?;
        let mut state = State { file, seen: 0, places: HashMap::new(), damaged: 0 };
        state.locked(State::catch_up)?;
        Ok(Cache { path: path.to_owned(), state: Mutex::new(state) })
    }

    /// The remembered answer of a request. What other processes have written up to now is found too.
    ///
    /// # Errors
    /// What the system says.
    pub fn get(&self, key: &RequestKey) -> io::Result<Option<ChatReply>> {
        let mut state = self.state();
        if !state.places.contains_key(key) {
            state.catch_up()?;
        }
        state.reply(key)
    }

    /// Remembers an answer, unless there is one already; gives the one that is remembered.
    ///
    /// # Errors
    /// What the system says. The file is good for the next answer even if this one was torn.
    pub fn put(&self, key: &RequestKey, reply: &ChatReply) -> io::Result<ChatReply> {
        let written = line::encode(key, reply)?;
        if written.len() > LONGEST_LINE {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the answer is too long to be remembered"));
        }
        self.state().locked(|state| {
            state.catch_up()?;
            if let Some(there) = state.reply(key)? {
                return Ok(there);
            }
            state.append(&written)?;
            Ok(reply.clone())
        })
    }

    /// Answers that are there.
    pub fn len(&self) -> usize {
        self.state().places.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Lines that were left out because they are damaged, as far as the file has been read.
    pub fn damaged(&self) -> usize {
        self.state().damaged
    }

    /// Waits until no other process sends this request. None where the file system does not allow that: the request may be sent twice then,
    /// and one answer is kept.
    pub(crate) fn claim(&self, key: &RequestKey) -> Option<Claim> {
        Claim::take(&self.path, key)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Does something while no other process writes.
    fn locked<T>(&mut self, work: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        self.file.lock()?;
        let done = work(self);
        self.file.unlock()?;
        done
    }

    /// Looks at the lines that have come since the last time. A line without its line feed is not whole yet.
    fn catch_up(&mut self) -> io::Result<()> {
        let end = self.file.metadata()?.len();
        if end < self.seen {
            // Somebody cut it.
            (self.seen, self.damaged) = (0, 0);
            self.places.clear();
        }
        if end == self.seen {
            return Ok(());
        }
        (&self.file).seek(SeekFrom::Start(self.seen))?;
        let mut reader = BufReader::new((&self.file).take(end - self.seen));
        let mut text = Vec::new();
        while let Some(bytes) = next_line(&mut reader, &mut text)? {
            match line::key(&text) {
                Some(key) => drop(self.places.entry(key).or_insert(Place { from: self.seen, bytes: text.len() })),
                None => self.damaged += usize::from(!text.is_empty()),
            }
            self.seen += bytes;
        }
        Ok(())
    }

    fn reply(&mut self, key: &RequestKey) -> io::Result<Option<ChatReply>> {
        let Some(place) = self.places.get(key) else { return Ok(None) };
        let mut text = vec![0; place.bytes];
        let reply = match self.file.read_exact_at(&mut text, place.from) {
            Ok(()) => line::reply(&text),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => None,
            Err(error) => return Err(error),
        };
        if reply.is_none() {
            // It was damaged after it had been looked at.
            self.places.remove(key);
            self.damaged += 1;
        }
        Ok(reply)
    }

    /// Writes a line, behind a torn one if there is one.
    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        let torn = self.file.metadata()?.len() > self.seen;
        let bytes = if torn { [b"\n", line].concat() } else { line.to_vec() };
        self.file.write_all(&bytes)?;
        self.file.sync_data()?;
        self.catch_up()
    }
}

/// Reads a line, without its line feed, and gives its bytes with it; none at the end or where the line feed is missing. Of a line that is
/// too long only a part is read.
fn next_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<u64>> {
    line.clear();
    let mut bytes = 0;
    loop {
        let piece = reader.fill_buf()?;
        if piece.is_empty() {
            return Ok(None);
        }
        let end = piece.iter().position(|&byte| byte == b'\n');
        let text = &piece[..end.unwrap_or(piece.len())];
        line.extend_from_slice(&text[..text.len().min(LONGEST_LINE - line.len())]);
        let used = end.map_or(piece.len(), |end| end + 1);
        reader.consume(used);
        bytes += used as u64;
        if end.is_some() {
            return Ok(Some(bytes));
        }
    }
}
