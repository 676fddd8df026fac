//! A model is asked; its answers are kept by what was asked, so that none is asked for twice.

use crate::error::{Result, SynthesisError};
use crate::files::make_folder;
use longlab_client::{ChatFailure, ChatModel, ChatRequest};
use longlab_documents::Hash;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// An answer that was had.
#[derive(Serialize, Deserialize)]
struct Line {
    asked: Hash,
    reply: String,
}

/// Answers of a model, kept in a file that grows.
pub struct Answers<'a> {
    model: &'a dyn ChatModel,
    path: PathBuf,
    kept: Mutex<(HashMap<Hash, String>, File)>,
}

impl<'a> Answers<'a> {
    /// Opens the file of a model's answers. A torn last line is cut off.
    ///
    /// # Errors
    /// Where the file cannot be read or written.
    pub fn open(folder: &Path, model: &'a dyn ChatModel) -> Result<Answers<'a>> {
        make_folder(folder)?;
        let path = folder.join("answers.jsonl");
        let unusable = |cause| SynthesisError::Unwritable { path: path.clone(), cause };
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(&path).map_err(unusable)?;
        let (kept, sound) = read(&mut file).map_err(SynthesisError::reading(&path))?;
        file.set_len(sound).map_err(unusable)?;
        Ok(Answers { model, kept: Mutex::new((kept, file)), path })
    }

    /// How many answers are kept.
    pub fn len(&self) -> usize {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).0.len()
    }

    /// The answer to a request: the one that is kept, else the model's.
    ///
    /// # Errors
    /// The model's failure, within; where the file cannot be written.
    pub fn ask(&self, request: &ChatRequest) -> Result<std::result::Result<String, ChatFailure>> {
        let asked = Hash::of(&format!("{}\n{}", self.model.name(), serde_json::to_string(request).unwrap_or_default()));
        if let Some(reply) = self.kept.lock().unwrap_or_else(PoisonError::into_inner).0.get(&asked) {
            return Ok(Ok(reply.clone()));
        }
        let reply = match self.model.chat(request, &mut |_| true) {
            Ok(reply) => reply.content,
            Err(failure) => return Ok(Err(failure)),
        };
        let line = Line { asked, reply };
        let mut text =
            serde_json::to_string(&line).map_err(std::io::Error::other).map_err(SynthesisError::writing(&self.path))?;
        text.push('\n');
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.1.write_all(text.as_bytes()).map_err(SynthesisError::writing(&self.path))?;
        kept.0.insert(line.asked, line.reply.clone());
        Ok(Ok(line.reply))
    }
}

/// The answers of a file, and how many of its bytes are whole lines.
fn read(file: &mut File) -> std::io::Result<(HashMap<Hash, String>, u64)> {
    file.seek(SeekFrom::Start(0))?;
    let mut reader = BufReader::new(file.take(u64::MAX));
    let (mut kept, mut sound) = (HashMap::new(), 0);
    loop {
        let mut line = vec![];
        let length = reader.read_until(b'\n', &mut line)?;
        let parsed = serde_json::from_slice::<Line>(&line).ok().filter(|_| line.ends_with(b"\n"));
        let Some(Line { asked, reply }) = parsed else { return Ok((kept, sound)) };
        kept.insert(asked, reply);
        sound += length as u64;
    }
}
