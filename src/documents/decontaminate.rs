//! Documents that hold parts of an evaluation: any run of words that stands in both.

use crate::document::Span;
use crate::encoding::decode;
use crate::error::{Fault, ReadError};
use crate::format::Format;
use crate::words::{hash_of, hash_of_run, words};
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;

/// Words of a run; GPT-3 (Brown et al. 2020, appendix C) takes 13.
pub const RUN: usize = 13;
/// Words that a text has at least to be looked for: shorter ones stand anywhere. GPT-3 takes 8.
const FEWEST: usize = 8;

/// The runs of words of evaluation texts.
#[derive(Clone, Debug)]
pub struct Evaluation {
    run: usize,
    runs: HashMap<u64, u32>,
    /// Lengths of the runs: texts shorter than `run` are looked for as a whole.
    lengths: BTreeSet<usize>,
    names: Vec<String>,
}

/// A run of words that a document shares with an evaluation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlap {
    /// The words, as they stand in the document.
    pub words: String,
    /// Where they stand.
    pub span: Span,
    /// The evaluation that holds them too.
    pub evaluation: String,
}

impl Evaluation {
    /// Begins without texts; `run` is the number of words that two texts must share, [`RUN`] by default.
    pub fn new(run: usize) -> Self {
        Evaluation { run: run.max(1), runs: HashMap::new(), lengths: BTreeSet::new(), names: Vec::new() }
    }

    /// Adds a text of the evaluation `name`. Texts of fewer than 8 words (or `run`, if that is less) are too short to be looked for;
    /// gives whether the text was long enough.
    pub fn add(&mut self, name: &str, text: &str) -> bool {
        let hashes: Vec<u64> = words(text).map(|(_, word)| hash_of(word)).collect();
        if hashes.len() < FEWEST.min(self.run) {
            return false;
        }
        let number = self.number(name);
        let length = self.run.min(hashes.len());
        self.lengths.insert(length);
        for run in hashes.windows(length) {
            self.runs.entry(hash_of_run(run)).or_insert(number);
        }
        true
    }

    fn number(&mut self, name: &str) -> u32 {
        if self.names.last().is_none_or(|last| last != name) {
            self.names.push(name.to_owned());
        }
        self.names.len() as u32 - 1
    }

    /// Adds the texts of a file: every string of a JSON or JSON lines file, or a plain text as a whole. Gives how many were long
    /// enough to be looked for.
    ///
    /// # Errors
    /// A file that cannot be read or is no text, or JSON that is damaged.
    pub fn add_file(&mut self, path: &Path) -> Result<usize, ReadError> {
        let name = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|error| Fault::Io(error).at(&name))?;
        let (text, _) = decode(&bytes, false).map_err(|fault| fault.at(&name))?;
        let format = Format::of_name(&name).unwrap_or(Format::Text);
        let parsed =
            |text: &str| serde_json::from_str::<Value>(text).map_err(|error| Fault::damaged(format, error).at(&name));
        match format {
            Format::Json => Ok(self.add_strings(&name, &parsed(&text)?)),
            Format::JsonLines => {
                let lines = text.lines().filter(|line| !line.trim().is_empty());
                lines.map(|line| Ok(self.add_strings(&name, &parsed(line)?))).sum()
            }
            _ => Ok(usize::from(self.add(&name, &text))),
        }
    }

    fn add_strings(&mut self, name: &str, value: &Value) -> usize {
        match value {
            Value::String(text) => usize::from(self.add(name, text)),
            Value::Array(values) => values.iter().map(|value| self.add_strings(name, value)).sum(),
            Value::Object(record) => record.values().map(|value| self.add_strings(name, value)).sum(),
            _ => 0,
        }
    }

    /// The first run of words that a text shares with an evaluation.
    pub fn overlap(&self, text: &str) -> Option<Overlap> {
        if self.runs.is_empty() {
            return None;
        }
        let (places, hashes): (Vec<(usize, usize)>, Vec<u64>) =
            words(text).map(|(start, word)| ((start, start + word.len()), hash_of(word))).unzip();
        let found = self.lengths.iter().filter_map(|&length| {
            let number = |run: &[u64]| self.runs.get(&hash_of_run(run)).copied();
            let mut runs = hashes.windows(length).enumerate();
            runs.find_map(|(at, run)| number(run).map(|number| (at, length, number)))
        });
        let (at, length, number) = found.min()?;
        let span = Span { start: places[at].0, end: places[at + length - 1].1 };
        let words = span.of(text)?.to_owned();
        Some(Overlap { words, span, evaluation: self.names[number as usize].clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUESTION: &str = "In which year was the bridge over the Rhine at Cologne opened for trains?";

    #[test]
    fn a_run_of_thirteen_words_is_found_whatever_its_signs() {
        let mut evaluation = Evaluation::new(RUN);
        assert!(evaluation.add("bench", QUESTION));
        assert!(!evaluation.add("bench", "too short"));
        let text = "Zwölf. (In which YEAR was the bridge over\nthe Rhine, at Cologne, opened for trains) is asked.";
        let overlap = evaluation.overlap(text).unwrap();
        assert_eq!(overlap.words, "In which YEAR was the bridge over\nthe Rhine, at Cologne, opened for");
        assert_eq!((overlap.span.of(text), overlap.evaluation.as_str()), (Some(overlap.words.as_str()), "bench"));
        assert_eq!(evaluation.overlap(&text.replace("Rhine", "Elbe")), None);
    }

    #[test]
    fn short_questions_are_looked_for_whole() {
        let mut evaluation = Evaluation::new(RUN);
        assert!(evaluation.add("bench", "who built the bridge over the river Ems"));
        assert!(evaluation.overlap("He asked who built the bridge over the river Ems again.").is_some());
        assert!(evaluation.overlap("He asked who built the bridge over the river.").is_none());
    }

    #[test]
    fn files_give_their_strings() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bench.jsonl");
        std::fs::write(&path, format!("{{\"q\": \"{QUESTION}\", \"a\": [\"1859\", {{\"x\": \"{QUESTION}\"}}]}}\n\n"))
            .unwrap();
        let mut evaluation = Evaluation::new(RUN);
        assert_eq!(evaluation.add_file(&path).unwrap(), 2);
        assert!(evaluation.overlap(QUESTION).unwrap().evaluation.ends_with("bench.jsonl"));
        std::fs::write(&path, "{").unwrap();
        assert!(evaluation.add_file(&path).is_err());
        assert!(evaluation.add_file(&folder.path().join("none.txt")).is_err());
    }
}
