//! Files that are there whole or not at all, and files of one JSON value a line.

use crate::error::{Result, SynthesisError};
use longlab_documents::Hash;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

/// Writes `bytes` to `path` under a temporary name, syncs, and renames.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = WholeFile::create(path)?;
    file.write_all(bytes).map_err(SynthesisError::writing(path))?;
    file.finish()
}

/// Writes a value as pretty JSON with [`write_whole`].
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let mut text =
        serde_json::to_vec_pretty(value).map_err(|error| SynthesisError::writing(path)(io::Error::other(error)))?;
    text.push(b'\n');
    write_whole(path, &text)
}

/// Reads a JSON file.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read(path).map_err(SynthesisError::reading(path))?;
    serde_json::from_slice(&text).map_err(|error| torn(path, error.line(), &error))
}

/// Makes a folder and its parents.
pub fn make_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(SynthesisError::writing(path))
}

/// BLAKE3 of a file's bytes, read piece by piece.
pub fn hash_file(path: &Path) -> Result<Hash> {
    let read = || -> io::Result<Hash> {
        let mut hasher = blake3::Hasher::new();
        let mut file = File::open(path)?;
        let mut piece = vec![0; 1 << 16];
        loop {
            match file.read(&mut piece)? {
                0 => return Ok(Hash(hasher.finalize().to_hex().to_string())),
                read => hasher.update(&piece[..read]),
            };
        }
    };
    read().map_err(SynthesisError::reading(path))
}

/// A file in the making: it gets its name when it is finished, and leaves nothing behind when it is not.
pub struct WholeFile {
    path: PathBuf,
    temporary: PathBuf,
    /// None once it is finished.
    writer: Option<BufWriter<File>>,
    written: u64,
}

impl WholeFile {
    /// Opens a file in the making beside `path`.
    pub fn create(path: &Path) -> Result<WholeFile> {
        let mut name = path.file_name().unwrap_or_default().to_os_string();
        name.push(".tmp");
        let temporary = path.with_file_name(name);
        let file = File::create(&temporary).map_err(SynthesisError::writing(path))?;
        Ok(WholeFile { path: path.to_path_buf(), temporary, writer: Some(BufWriter::new(file)), written: 0 })
    }

    /// Bytes written so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Writes a value as one line of JSON; gives its length without the line's end.
    pub fn line(&mut self, value: &impl Serialize) -> Result<usize> {
        let failed = |error| SynthesisError::writing(&self.path)(io::Error::other(error));
        let mut line = serde_json::to_vec(value).map_err(failed)?;
        line.push(b'\n');
        self.write_all(&line).map_err(|error| SynthesisError::writing(&self.path)(error))?;
        Ok(line.len() - 1)
    }

    /// Syncs the file and gives it its name.
    pub fn finish(mut self) -> Result<()> {
        let done = match self.writer.take() {
            Some(writer) => writer.into_inner().map_err(|error| error.into_error()).and_then(|file| file.sync_all()),
            None => Ok(()),
        };
        let renamed = done.and_then(|()| fs::rename(&self.temporary, &self.path));
        renamed.map_err(SynthesisError::writing(&self.path))?;
        sync_folder(&self.path);
        Ok(())
    }
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(writer) = &mut self.writer else { return Err(io::ErrorKind::BrokenPipe.into()) };
        let written = writer.write(bytes)?;
        self.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        // Only a file that was not finished still has its temporary; one that cannot be removed is overwritten next time.
        let _ = fs::remove_file(&self.temporary);
    }
}

/// Makes a rename survive a power cut; file systems that cannot sync a folder lose nothing but that.
pub fn sync_folder(path: &Path) {
    if let Some(folder) = path.parent().and_then(|folder| File::open(folder).ok()) {
        let _ = folder.sync_all();
    }
}

/// The lines of a file of JSON values, one at a time.
pub struct Lines<T> {
    path: PathBuf,
    reader: BufReader<File>,
    line: usize,
    kind: std::marker::PhantomData<T>,
}

impl<T: DeserializeOwned> Lines<T> {
    /// Opens a file of lines.
    pub fn open(path: &Path) -> Result<Lines<T>> {
        let file = File::open(path).map_err(SynthesisError::reading(path))?;
        Ok(Lines { path: path.to_path_buf(), reader: BufReader::new(file), line: 0, kind: std::marker::PhantomData })
    }

    /// The next so many lines, parsed; none at the end.
    pub fn chunk(&mut self, most: usize) -> Result<Option<Vec<T>>> {
        let chunk = self.by_ref().take(most).collect::<Result<Vec<T>>>()?;
        Ok((!chunk.is_empty()).then_some(chunk))
    }
}

impl<T: DeserializeOwned> Iterator for Lines<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        let mut line = Vec::new();
        match self.reader.read_until(b'\n', &mut line) {
            Ok(0) => return None,
            Ok(_) => {}
            Err(cause) => return Some(Err(SynthesisError::reading(&self.path)(cause))),
        }
        self.line += 1;
        Some(serde_json::from_slice(&line).map_err(|error| torn(&self.path, self.line, &error)))
    }
}

fn torn(path: &Path, line: usize, error: &serde_json::Error) -> SynthesisError {
    SynthesisError::Torn { path: path.to_path_buf(), line, reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unfinished_file_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("items.jsonl");
        let mut file = WholeFile::create(&path).unwrap();
        file.line(&1).unwrap();
        drop(file);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn lines_come_back_in_chunks_and_a_torn_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("items.jsonl");
        let mut file = WholeFile::create(&path).unwrap();
        for number in 0..5 {
            file.line(&number).unwrap();
        }
        file.finish().unwrap();
        let mut lines = Lines::<usize>::open(&path).unwrap();
        assert_eq!(lines.chunk(3).unwrap(), Some(vec![0, 1, 2]));
        assert_eq!(lines.chunk(3).unwrap(), Some(vec![3, 4]));
        assert_eq!(lines.chunk(3).unwrap(), None);
        write_whole(&path, b"1\n{").unwrap();
        let error = Lines::<usize>::open(&path).unwrap().chunk(9).unwrap_err();
        assert!(error.to_string().contains("line 2"), "{error}");
    }
}
