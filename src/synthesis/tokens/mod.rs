//! Tokens of a text: counted by the tokenizer of the model to be trained, or estimated from the bytes where none is given.

mod lines;

use crate::error::{Result, SynthesisError};
use crate::files::hash_file;
use lines::Lines;
use longlab_documents::Hash;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use tokenizers::Tokenizer;

/// Bytes of a token where none is counted: what common byte-pair tokenizers reach on English prose.
const BYTES_A_TOKEN: usize = 4;

/// Counts tokens.
pub enum Counter {
    /// By a tokenizer.
    Exact {
        /// The tokenizer.
        tokenizer: Box<Tokenizer>,
        /// Hash of its file.
        hash: Hash,
        /// How texts can be cut before they are counted; none where they are counted whole.
        lines: Option<Lines>,
    },
    /// From the bytes.
    Estimated,
}

impl Counter {
    /// The counter of a `tokenizer.json`, or the estimate where there is none.
    ///
    /// # Errors
    /// Where the file cannot be read, or is no tokenizer.
    pub fn open(path: Option<&Path>) -> Result<Counter> {
        let Some(path) = path else { return Ok(Counter::Estimated) };
        let hash = hash_file(path)?;
        let unusable = |error: tokenizers::Error| SynthesisError::Tokenizer {
            path: path.to_path_buf(),
            reason: error.to_string(),
        };
        // The library indexes past its buffers where merges of a hostile file do not fit its tokens.
        let read = catch_unwind(AssertUnwindSafe(|| Tokenizer::from_file(path)));
        let mut tokenizer = read.map_err(|_| unusable("the library broke off reading it".into()))?.map_err(unusable)?;
        // Counts are of the text as it stands: a file that asks for cutting or filling up would bend them.
        tokenizer.with_truncation(None).map_err(unusable)?;
        tokenizer.with_padding(None);
        let lines = Lines::of(&tokenizer);
        Ok(Counter::Exact { tokenizer: Box::new(tokenizer), hash, lines })
    }

    /// The same counter without cuts, for who wants to see that they change nothing.
    pub fn uncut(self) -> Counter {
        match self {
            Counter::Exact { tokenizer, hash, .. } => Counter::Exact { tokenizer, hash, lines: None },
            Counter::Estimated => Counter::Estimated,
        }
    }

    /// Hash of the tokenizer's file; none where tokens are estimated.
    pub fn hash(&self) -> Option<&Hash> {
        match self {
            Counter::Exact { hash, .. } => Some(hash),
            Counter::Estimated => None,
        }
    }

    /// Tokens of a text, without special tokens.
    pub fn count(&self, text: &str) -> usize {
        match self {
            // A tokenizer that refuses a text, or whose library breaks off over it, is taken for one that splits it into bytes.
            Counter::Exact { tokenizer, lines, .. } => {
                let one = |part: &str| {
                    let encoded = catch_unwind(AssertUnwindSafe(|| tokenizer.encode_fast(part, false)));
                    encoded.ok().and_then(|encoded| encoded.ok()).map_or(part.len(), |encoding| encoding.len())
                };
                lines.as_ref().map_or_else(|| one(text), |lines| lines.count(text, one))
            }
            Counter::Estimated => text.len().div_ceil(BYTES_A_TOKEN),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tokenizer of whole words.
    pub const WORDS: &str = r#"{"version":"1.0","truncation":null,"padding":null,"added_tokens":[],"normalizer":null,
        "pre_tokenizer":{"type":"Whitespace"},"post_processor":null,"decoder":null,
        "model":{"type":"WordLevel","vocab":{"[UNK]":0,"a":1},"unk_token":"[UNK]"}}"#;

    #[test]
    fn a_tokenizer_counts_and_an_estimate_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokenizer.json");
        std::fs::write(&path, WORDS).unwrap();
        let counter = Counter::open(Some(&path)).unwrap();
        assert_eq!(counter.count("a b a"), 3);
        assert!(counter.hash().is_some());
        let estimate = Counter::open(None).unwrap();
        assert_eq!((estimate.count("nine byte"), estimate.hash()), (3, None));
    }

    #[test]
    fn what_is_no_tokenizer_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokenizer.json");
        // Merges of the second make a token that is longer than all there are.
        let long =
            r#"{"version":"1.0","added_tokens":[],"model":{"type":"BPE","vocab":{"a":0,"b":1},"merges":[["a","b"]]}}"#;
        for text in ["{}", long] {
            std::fs::write(&path, text).unwrap();
            let error = Counter::open(Some(&path)).map(|_| ()).unwrap_err();
            assert!(error.to_string().contains("tokenizer.json"), "{error}");
        }
    }
}
