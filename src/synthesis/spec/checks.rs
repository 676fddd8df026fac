//! `[checks]`, `[corpus.judge]`: what models are asked, and what happens where they do not answer.

use longlab_documents::Kind;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// `[checks]`: what items are put to by a model; zeros ask none. A check ends with its first answer that decides it; robustness asks all its tries, since
/// difficulty is measured by them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChecksSpec {
    /// Tries at the question alone; an item that is answered rightly in any is dropped (blind knowledge screening).
    pub blind: usize,
    /// Tries to answer without the documents; an item that is answered rightly in any is dropped (knowledge grounding). SPELL tries once.
    pub grounding: usize,
    /// What is taken away for grounding.
    pub without: Without,
    /// Tries to answer with few of the documents that the evidence is from, drawn anew for each; an item that is answered rightly in any is dropped (scarce
    /// knowledge validation). Items of one such document and conversations are not put to it.
    pub scarce: usize,
    /// Which share of these documents is few: rounded down, at least one and never all.
    pub few: f64,
    /// Tries to answer with the documents of the evidence alone; an item that is never answered rightly is dropped: what comes with robustness is then said
    /// to be lost by the added documents.
    pub alone: usize,
    /// Tries to answer with all documents, the k of pass@k; an item that is never answered rightly is dropped (contextual robustness).
    pub robustness: usize,
    /// Whether a second model judges answers that the rules call wrong. Letters and turns are the rules' alone.
    pub judge: bool,
    /// Longest answer, tokens.
    pub answer: usize,
    /// Temperature of the tries.
    pub temperature: f64,
    /// What happens to an item that the model gave no answer to. One whose prompt the model refuses is always dropped, and counted.
    pub unanswered: Unanswered,
    /// Items that are asked about at the same time. Changes nothing that comes out.
    pub parallel: usize,
}

impl Default for ChecksSpec {
    fn default() -> Self {
        ChecksSpec {
            blind: 0,
            grounding: 0,
            without: Without::All,
            scarce: 0,
            few: 0.5,
            alone: 0,
            robustness: 0,
            judge: false,
            answer: 2_048,
            temperature: 0.7,
            unanswered: Unanswered::Stop,
            parallel: 8,
        }
    }
}

impl ChecksSpec {
    /// Whether a model is asked.
    pub fn asks(&self) -> bool {
        self.blind + self.grounding + self.scarce + self.alone + self.robustness > 0
    }
}

/// What is taken away for knowledge grounding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Without {
    /// All documents, as in SPELL.
    All,
    /// Those that the evidence is from, as the words of section 3.2 may be read; the others stay.
    Evidence,
}

/// What happens to what a model gave no answer about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unanswered {
    /// The run ends after the answers that could be had; the next one asks again.
    Stop,
    /// It is dropped, and counted.
    Drop,
    /// It is kept, and counted; documents alone, items are dropped.
    Keep,
}

/// `[corpus.judge]`: a model says which documents are good enough; an optional filter of section 3.1 (quality, accuracy, coherence).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JudgeSpec {
    /// The prompt, a minijinja file with `title`, `kind`, `text`, `whole` and `border`; left out, the one that comes with longlab.
    pub prompt: Option<PathBuf>,
    /// Votes on a document. It stays where more than half of them say `[[YES]]`.
    pub votes: usize,
    /// Characters of a document that are shown: its beginning.
    pub shown: usize,
    /// Kinds that are judged; empty: all. Others stay.
    pub kinds: Vec<Kind>,
    /// Longest vote, tokens.
    pub answer: usize,
    /// Temperature of the votes.
    pub temperature: f64,
    /// What happens to a document on which no majority of votes was had.
    pub unanswered: Unanswered,
    /// Documents that are asked about at the same time. Changes nothing that comes out.
    pub parallel: usize,
}

impl Default for JudgeSpec {
    fn default() -> Self {
        JudgeSpec {
            prompt: None,
            votes: 1,
            shown: 8_000,
            kinds: vec![],
            answer: 512,
            temperature: 0.7,
            unanswered: Unanswered::Stop,
            parallel: 8,
        }
    }
}
