//! Documents for a question: read from files and folders of many formats, narrowed to what the question asks about, and put into the
//! prompt of QwenLong-L1.5's quick start.

use longlab_documents::{Corpus, Document, Index, Reader, Walk, Weights, passages};
use std::io::Read;
use std::path::Path;

/// Words of a passage when documents are narrowed.
const PASSAGE: usize = 200;

/// Why documents cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// A file or folder that is not there or cannot be read.
    #[error("{0}")]
    Read(#[from] longlab_documents::ReadError),
    /// Standard input could not be read.
    #[error("reading standard input: {0}")]
    Input(#[from] std::io::Error),
    /// A file that was named could not be read.
    #[error("{path}: {reason}; leave it out or convert it first")]
    Refused {
        /// The file.
        path: String,
        /// Why not.
        reason: String,
    },
    /// Nothing was found.
    #[error("{path} holds no document that can be read ({left} files left out)")]
    Empty {
        /// The folder.
        path: String,
        /// Files that were left out.
        left: usize,
    },
}

/// What was read.
#[derive(Debug, Default)]
pub struct Documents {
    /// The documents, in the order of the paths that were named and of the files below them.
    pub documents: Vec<Document>,
    /// Files below folders that were left out, each with the reason.
    pub left_out: Vec<String>,
}

impl Documents {
    /// Reads a path and adds its documents: a file of any known format, a folder with all that is below it, or `-` for standard input.
    ///
    /// # Errors
    /// A path that does not exist, a file that cannot be read, a folder without anything that can.
    pub fn add(&mut self, path: &Path) -> Result<(), AskError> {
        if path.as_os_str() == "-" {
            let mut bytes = Vec::new();
            std::io::stdin().read_to_end(&mut bytes)?;
            self.documents.extend(Reader::default().read("standard input.txt", &bytes)?.documents);
            return Ok(());
        }
        let shown = path.display().to_string();
        let before = (self.documents.len(), self.left_out.len());
        for outcome in Corpus::open(path, Walk::default(), Reader::default())? {
            match outcome.result {
                Ok(reading) => self.documents.extend(reading.documents),
                Err(skip) if path.is_file() => {
                    return Err(AskError::Refused { path: shown, reason: skip.to_string() });
                }
                Err(skip) => self.left_out.push(format!("{} {skip}", outcome.source)),
            }
        }
        if self.documents.len() == before.0 {
            return Err(AskError::Empty { path: shown, left: self.left_out.len() - before.1 });
        }
        Ok(())
    }

    /// Their texts, each under its title where there are several.
    pub fn texts(&self) -> Vec<String> {
        let several = self.documents.len() > 1;
        let one = |document: &Document| match several {
            true => format!("{}\n\n{}", document.title, document.text.trim()),
            false => document.text.clone(),
        };
        self.documents.iter().map(one).collect()
    }

    /// The `most` passages that fit the question best by BM25, in the order of the documents, those of a document under its title. Everything
    /// where there are no more than that.
    pub fn narrowed(&self, question: &str, most: usize) -> Vec<String> {
        let spans: Vec<(usize, longlab_documents::Span)> = self
            .documents
            .iter()
            .enumerate()
            .flat_map(|(number, document)| {
                passages(&document.text, PASSAGE).into_iter().map(move |span| (number, span))
            })
            .collect();
        if spans.len() <= most {
            return self.texts();
        }
        let text = |&(number, span): &(usize, longlab_documents::Span)| {
            span.of(&self.documents[number].text).unwrap_or_default()
        };
        let mut index = Index::new(Weights::default());
        index.extend(&spans.iter().map(text).collect::<Vec<_>>());
        let mut chosen: Vec<usize> = index.search(question, most).into_iter().map(|hit| hit.passage).collect();
        chosen.sort_unstable();
        let mut texts: Vec<String> = Vec::new();
        let mut last = None;
        for place in chosen {
            let (number, _) = spans[place];
            match texts.last_mut().filter(|_| last == Some(number)) {
                Some(before) => *before = format!("{before}\n\n[...]\n\n{}", text(&spans[place]).trim()),
                None => texts.push(format!("{}\n\n{}", self.documents[number].title, text(&spans[place]).trim())),
            }
            last = Some(number);
        }
        texts
    }
}

/// The prompt of the paper's quick start; the question alone where there are no documents.
pub fn message(texts: &[String], question: &str) -> String {
    if texts.is_empty() {
        return question.to_string();
    }
    let text = texts.join("\n\n");
    format!(
        "Please read the following text and answer the question below.\n\n<text>\n{text}\n</text>\n\n{question}\n\n\
         Format your answer as follows: \"Therefore, the answer is (insert answer here)\"."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &[u8]| std::fs::write(dir.path().join(name), text).expect("a file");
        let filler = |word: &str| format!("{word} stands for itself and for nothing else here. ").repeat(30);
        write(
            "a.md",
            format!("# Rivers\n\nThe Rhine is long.\n\n{}\n\n{}", filler("Alder"), filler("Birch")).as_bytes(),
        );
        write("b.html", b"<title>Towns</title><p>Bonn lies on the <b>Rhine</b>.</p><script>lies()</script>");
        write("c.py", b"def bonn():\n    return 'a town'\n");
        write("d.bin", &[0, 1, 2, 3, 255, 0, 7]);
        dir
    }

    #[test]
    fn folders_are_read_in_order_and_what_is_left_out_is_named() {
        let dir = folder();
        let mut documents = Documents::default();
        documents.add(dir.path()).expect("three of four");
        let titles: Vec<&str> = documents.documents.iter().map(|document| document.title.as_str()).collect();
        assert_eq!(titles.len(), 3, "{titles:?}");
        assert_eq!(titles[..2], ["Rivers", "Towns"]);
        assert!(documents.documents[1].text.contains("Bonn lies on the Rhine."), "{}", documents.documents[1].text);
        assert!(!documents.documents[1].text.contains("lies()"), "scripts are no text");
        assert_eq!(documents.left_out.len(), 1);
        assert!(documents.left_out[0].starts_with("d.bin"), "{:?}", documents.left_out);
        let refused = Documents::default().add(&dir.path().join("d.bin")).expect_err("no text").to_string();
        assert!(refused.contains("d.bin") && refused.contains("convert it first"), "{refused}");
        assert!(Documents::default().add(&dir.path().join("e.txt")).is_err(), "not there");
    }

    #[test]
    fn narrowed_documents_hold_the_passages_that_the_question_asks_about() {
        let dir = folder();
        let mut documents = Documents::default();
        documents.add(dir.path()).expect("three of four");
        let texts = documents.narrowed("How long is the Rhine?", 2);
        assert_eq!(texts.len(), 2, "{texts:?}");
        assert!(texts[0].starts_with("Rivers\n\n") && texts[0].contains("The Rhine is long."));
        assert!(!texts[0].contains("Birch"), "the rest of the document is left out");
        assert!(texts[1].contains("Bonn lies on the Rhine."));
        assert_eq!(documents.narrowed("Rhine", 1000), documents.texts(), "all of them fit");
    }

    #[test]
    fn without_documents_the_question_stands_alone() {
        assert_eq!(message(&[], "Why?"), "Why?");
        let message = message(&["One.".into(), "Two.".into()], "Why?");
        assert!(message.contains("<text>\nOne.\n\nTwo.\n</text>\n\nWhy?\n\n"), "{message}");
    }
}
