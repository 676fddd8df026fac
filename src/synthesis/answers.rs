//! Answers of models, kept in a file by what was asked, so that nothing is asked for twice.

use crate::error::{Result, SynthesisError};
use crate::files::make_folder;
use longlab_client::{ChatFailure, ChatModel, ChatRequest, Finish};
use longlab_documents::Hash;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Name of the file.
pub const ANSWERS: &str = "answers.jsonl";

/// An answer that was had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// What was asked, see [`asked`].
    pub asked: Hash,
    /// The answer without its thinking.
    pub reply: String,
    /// The model that gave it, as it calls itself.
    #[serde(default)]
    pub model: String,
    /// Whether it had as many tokens as it was allowed, so that it may not be whole.
    #[serde(default)]
    pub cut: bool,
}

/// What a request is kept by: the hash of who is asked and of the whole request.
pub fn asked(who: &str, request: &ChatRequest) -> Hash {
    Hash::of(&format!("{who}\n{}", serde_json::to_string(request).unwrap_or_default()))
}

/// Answers of models, kept in a file that grows.
pub struct Answers {
    path: PathBuf,
    kept: Mutex<Kept>,
}

struct Kept {
    answers: HashMap<Hash, Answered>,
    file: File,
}

impl Answers {
    /// Opens the file of answers in a folder. A torn last line is cut off.
    ///
    /// # Errors
    /// Where the file cannot be read or written.
    pub fn open(folder: &Path) -> Result<Answers> {
        make_folder(folder)?;
        let path = folder.join(ANSWERS);
        let unusable = |cause| SynthesisError::Unwritable { path: path.clone(), cause };
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(&path).map_err(unusable)?;
        let (answers, sound) = read(&mut file).map_err(SynthesisError::reading(&path))?;
        file.set_len(sound).map_err(unusable)?;
        Ok(Answers { kept: Mutex::new(Kept { answers, file }), path })
    }

    /// How many answers are kept.
    pub fn len(&self) -> usize {
        self.kept().answers.len()
    }

    /// The answer to what was asked, where it is kept.
    pub fn get(&self, asked: &Hash) -> Option<Answered> {
        self.kept().answers.get(asked).cloned()
    }

    /// The answer to a request: the one that is kept, else the model's. `who` is what the model is known by; models that would answer otherwise are known
    /// otherwise.
    ///
    /// # Errors
    /// The model's failure, within; where the file cannot be written.
    pub fn ask(
        &self,
        who: &str,
        model: &dyn ChatModel,
        request: &ChatRequest,
    ) -> Result<std::result::Result<Answered, ChatFailure>> {
        let asked = asked(who, request);
        if let Some(answered) = self.get(&asked) {
            return Ok(Ok(answered));
        }
        let reply = match model.chat(request, &mut |_| true) {
            Ok(reply) => reply,
            Err(failure) => return Ok(Err(failure)),
        };
        let cut = reply.finish == Finish::Length;
        self.keep(Answered { asked, reply: reply.content, model: reply.model, cut }).map(Ok)
    }

    /// Keeps an answer, unless another thread has had one meanwhile; gives the one that is kept.
    fn keep(&self, answered: Answered) -> Result<Answered> {
        let line = serde_json::to_string(&answered).map_err(std::io::Error::other);
        let line = line.map_err(SynthesisError::writing(&self.path))? + "\n";
        let mut kept = self.kept();
        if let Some(first) = kept.answers.get(&answered.asked) {
            return Ok(first.clone());
        }
        kept.file.write_all(line.as_bytes()).map_err(SynthesisError::writing(&self.path))?;
        kept.answers.insert(answered.asked.clone(), answered.clone());
        Ok(answered)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The answers of a file, and how many of its bytes are whole lines.
fn read(file: &mut File) -> std::io::Result<(HashMap<Hash, Answered>, u64)> {
    file.seek(SeekFrom::Start(0))?;
    let mut reader = BufReader::new(file.take(u64::MAX));
    let (mut answers, mut sound) = (HashMap::new(), 0);
    loop {
        let mut line = vec![];
        let length = reader.read_until(b'\n', &mut line)?;
        let parsed = serde_json::from_slice::<Answered>(&line).ok().filter(|_| line.ends_with(b"\n"));
        let Some(answered) = parsed else { return Ok((answers, sound)) };
        answers.insert(answered.asked.clone(), answered);
        sound += length as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use longlab_client::{ChatReply, Message, Usage};

    /// Says how often it was asked.
    struct Counts(Mutex<usize>);

    impl ChatModel for Counts {
        fn name(&self) -> String {
            "counts".into()
        }

        fn chat(
            &self,
            _: &ChatRequest,
            _: &mut dyn FnMut(&str) -> bool,
        ) -> std::result::Result<ChatReply, ChatFailure> {
            let mut count = self.0.lock().unwrap();
            *count += 1;
            let (content, usage) = (count.to_string(), Usage::default());
            Ok(ChatReply {
                content,
                reasoning: None,
                finish: Finish::Length,
                usage,
                model: "me".into(),
                logprobs: vec![],
            })
        }
    }

    #[test]
    fn answers_are_kept_by_who_is_asked_and_what() {
        let folder = tempfile::tempdir().unwrap();
        let model = Counts(Mutex::new(0));
        let request = |text: &str| ChatRequest::new(vec![Message::user(text)], 9);
        let answers = Answers::open(folder.path()).unwrap();
        let ask = |answers: &Answers, who, text| answers.ask(who, &model, &request(text)).unwrap().unwrap();
        let first = ask(&answers, "a", "x");
        assert_eq!((first.reply.as_str(), first.model.as_str(), first.cut), ("1", "me", true));
        assert_eq!(ask(&answers, "a", "x"), first);
        assert_eq!(ask(&answers, "b", "x").reply, "2");
        assert_eq!(ask(&answers, "a", "y").reply, "3");
        drop(answers);
        let path = folder.path().join(ANSWERS);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, &text[..text.len() - 4]).unwrap();
        let answers = Answers::open(folder.path()).unwrap();
        assert_eq!(answers.len(), 2);
        assert_eq!(answers.get(&asked("a", &request("x"))), Some(first));
        assert_eq!(ask(&answers, "a", "y").reply, "4");
    }
}
