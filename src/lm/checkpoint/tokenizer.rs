//! The tokenizer of a checkpoint: tokenizer.json of a folder, or one made from a GGUF file's metadata.
//!
//! A GGUF file says which tokens and merges there are and names the way in which text is split before merging; the split itself is not
//! in the file. Here it is that of the model family's own tokenizer.json (`pre_tokenizer.rs`).

use super::pre_tokenizer::Splitting;
use super::{Checkpoint, CheckpointError, Source};
use crate::lm::gguf::{Array, Header, Value};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use tokenizers::models::bpe::{BPE, Merges, Vocab};
use tokenizers::processors::template::{SpecialToken, TemplateProcessing};
use tokenizers::{AddedToken, Tokenizer};

const MODEL: &str = "tokenizer.ggml.model";
const SPLITTING: &str = "tokenizer.ggml.pre";
const TOKENS: &str = "tokenizer.ggml.tokens";
const TYPES: &str = "tokenizer.ggml.token_type";
const MERGES: &str = "tokenizer.ggml.merges";

/// Types of tokens that are found in a text before it is split: control tokens, and those that users have defined.
const CONTROL: i64 = 3;
const USER_DEFINED: i64 = 4;

/// Why there is no tokenizer.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// The metadata lacks what a tokenizer is made of.
    #[error(
        "metadata `{key}` is missing or of another type; the file holds no whole tokenizer, convert the model again"
    )]
    Metadata {
        /// Its key.
        key: &'static str,
    },
    /// A kind of tokenizer that is not made here.
    #[error("metadata `{key}` is `{found}`, known are {known}; convert the model from a folder with tokenizer.json")]
    Unknown {
        /// The key.
        key: &'static str,
        /// What it says.
        found: String,
        /// What it may say.
        known: &'static str,
    },
    /// A token that cannot be.
    #[error("token {number} (`{text}`): {reason}")]
    Token {
        /// Its number.
        number: usize,
        /// Its text.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A merge that cannot be.
    #[error("merge {number} (`{text}`): {reason}")]
    Merge {
        /// Its number.
        number: usize,
        /// Its text.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// More tokens than the model has rows for.
    #[error("the tokenizer's highest token is {highest}, the embedding has {rows} rows; do both belong to one model?")]
    Embedding {
        /// The highest token.
        highest: u32,
        /// Rows of the embedding.
        rows: usize,
    },
    /// What the tokenizer library says.
    #[error("tokenizer: {reason}")]
    Library {
        /// Its words.
        reason: String,
    },
    /// The folder's file cannot be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

impl Checkpoint {
    /// The tokenizer that the checkpoint brings along, whose tokens all have a row in the embedding.
    ///
    /// # Errors
    /// A folder without a sound tokenizer.json, metadata as for [`gguf_tokenizer`], or tokens beyond the embedding.
    pub fn tokenizer(&self) -> Result<Tokenizer, TokenizerError> {
        let tokenizer = match &self.source {
            Source::Folder(_) => read_tokenizer(&self.path.join("tokenizer.json"))?,
            Source::File(file) => gguf_tokenizer(file.header())?,
        };
        let rows = self.shape.vocab_size;
        match tokenizer.get_vocab(true).into_values().max() {
            Some(highest) if highest as usize >= rows => Err(TokenizerError::Embedding { highest, rows }),
            _ => Ok(tokenizer),
        }
    }
}

/// Reads a tokenizer.json.
///
/// # Errors
/// A file that cannot be read or is no sound tokenizer.
pub fn read_tokenizer(path: &Path) -> Result<Tokenizer, TokenizerError> {
    let bytes = std::fs::read(path).map_err(CheckpointError::reading(path))?;
    // The library indexes past its buffers where merges of a hostile file do not fit its tokens.
    let read = catch_unwind(AssertUnwindSafe(|| Tokenizer::from_bytes(&bytes)));
    let read = read.map_err(|_| CheckpointError::damaged(path, "the tokenizer library broke off reading it"))?;
    Ok(read.map_err(|error| CheckpointError::damaged(path, error))?)
}

/// Tokens of a text; `specials` puts in those that the tokenizer has around every text.
///
/// # Errors
/// What the library says, also where it breaks off: parts of a hostile file need not fit each other.
pub fn encode(tokenizer: &Tokenizer, text: &str, specials: bool) -> tokenizers::Result<Vec<u32>> {
    let encode = || Ok(tokenizer.encode_fast(text, specials)?.get_ids().to_vec());
    catch_unwind(AssertUnwindSafe(encode)).unwrap_or_else(|_| Err("the tokenizer library broke off over a text".into()))
}

/// The text of tokens; `plain` leaves special tokens out.
///
/// # Errors
/// As of [`encode`].
pub fn decode(tokenizer: &Tokenizer, tokens: &[u32], plain: bool) -> tokenizers::Result<String> {
    let decode = || tokenizer.decode(tokens, plain);
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|_| Err("the tokenizer library broke off over tokens".into()))
}

/// A tokenizer from the metadata of a GGUF file: byte-level BPE (`gpt2`) whose text is split as `smollm`, `qwen2`, `llama-bpe` or
/// `gpt-2` do. Control tokens become special tokens, user-defined ones added tokens; both are found in a text as they stand. With
/// `add_bos_token` or `add_eos_token` those tokens are put around a text whose caller asks for special tokens.
///
/// Bytes that the vocabulary has no token for are left out of an encoding, as Hugging Face's tokenizers do (SmolLM2 lacks 21 of 256,
/// most of them in no UTF-8 text).
///
/// # Errors
/// Missing metadata, another kind of tokenizer, tokens that are there twice, or merges that do not fit the tokens.
pub fn gguf_tokenizer(header: &Header) -> Result<Tokenizer, TokenizerError> {
    let known = "gpt2";
    match header.text(MODEL).ok_or(TokenizerError::Metadata { key: MODEL })? {
        "gpt2" => {}
        other => return Err(TokenizerError::Unknown { key: MODEL, found: other.to_owned(), known }),
    }
    let name = header.text(SPLITTING).ok_or(TokenizerError::Metadata { key: SPLITTING })?;
    let known = Splitting::KNOWN;
    let splitting = Splitting::of_name(name);
    let splitting =
        splitting.ok_or_else(|| TokenizerError::Unknown { key: SPLITTING, found: name.to_owned(), known })?;
    let tokens = texts(header, TOKENS)?;
    let vocabulary = vocabulary(tokens)?;
    let merges = merges(texts(header, MERGES)?, &vocabulary)?;
    let model = BPE::builder().vocab_and_merges(vocabulary, merges).ignore_merges(splitting.takes_whole_tokens());
    let mut tokenizer = Tokenizer::new(model.build().map_err(refuse)?);
    splitting.set_up(&mut tokenizer).map_err(refuse)?;
    let marked = marked(tokens, types(header)?);
    tokenizer.add_tokens(marked).map_err(refuse)?;
    if let Some(around) = around(header, tokens)? {
        tokenizer.with_post_processor(Some(around));
    }
    Ok(tokenizer)
}

fn refuse(error: tokenizers::Error) -> TokenizerError {
    TokenizerError::Library { reason: error.to_string() }
}

fn texts<'a>(header: &'a Header, key: &'static str) -> Result<&'a [String], TokenizerError> {
    header.metadata.get(key).and_then(Value::as_texts).ok_or(TokenizerError::Metadata { key })
}

fn vocabulary(tokens: &[String]) -> Result<Vocab, TokenizerError> {
    let mut vocabulary = Vocab::default();
    for (number, text) in tokens.iter().enumerate() {
        let wrong = |reason: String| TokenizerError::Token { number, text: text.clone(), reason };
        if text.is_empty() {
            return Err(wrong("it is empty".to_owned()));
        }
        let id = u32::try_from(number).map_err(|_| wrong("there are more tokens than can be numbered".to_owned()))?;
        if let Some(before) = vocabulary.insert(text.clone(), id) {
            return Err(wrong(format!("it is token {before} too")));
        }
    }
    Ok(vocabulary)
}

/// Pairs whose parts and whole are tokens. The library takes this for granted and would index past its buffer.
fn merges(lines: &[String], vocabulary: &Vocab) -> Result<Merges, TokenizerError> {
    let pair = |(number, text): (usize, &String)| {
        let wrong = |reason: &'static str| TokenizerError::Merge { number, text: text.clone(), reason };
        let (left, right) = text.split_once(' ').ok_or_else(|| wrong("it is no pair"))?;
        if !vocabulary.contains_key(left) || !vocabulary.contains_key(right) {
            return Err(wrong("a part of it is no token"));
        }
        if !vocabulary.contains_key(&format!("{left}{right}")) {
            return Err(wrong("what it makes is no token"));
        }
        Ok((left.to_owned(), right.to_owned()))
    };
    lines.iter().enumerate().map(pair).collect()
}

/// A type for each token; none where the file does not say.
fn types(header: &Header) -> Result<Vec<i64>, TokenizerError> {
    match header.metadata.get(TYPES) {
        None => Ok(Vec::new()),
        Some(Value::Array(Array::I32(types))) => Ok(types.iter().map(|&kind| kind.into()).collect()),
        Some(Value::Array(Array::U32(types))) => Ok(types.iter().map(|&kind| kind.into()).collect()),
        Some(_) => Err(TokenizerError::Metadata { key: TYPES }),
    }
}

/// Tokens that are found in a text before it is split.
fn marked(tokens: &[String], types: Vec<i64>) -> Vec<AddedToken> {
    let marked = |(token, kind): (&String, i64)| {
        let special = kind == CONTROL;
        (special || kind == USER_DEFINED).then(|| AddedToken::from(token.clone(), special).normalized(false))
    };
    tokens.iter().zip(types).filter_map(marked).collect()
}

/// What puts the first and the last token around a text, where the file asks for either.
fn around(header: &Header, tokens: &[String]) -> Result<Option<TemplateProcessing>, TokenizerError> {
    let token = |flag: &str, key: &'static str| {
        if header.metadata.get(flag).and_then(Value::as_bool) != Some(true) {
            return Ok(None);
        }
        let id = header.number(key).and_then(|id| u32::try_from(id).ok());
        let found = id.and_then(|id| Some((id, tokens.get(id as usize)?.clone())));
        found.map(Some).ok_or(TokenizerError::Metadata { key })
    };
    let first = token("tokenizer.ggml.add_bos_token", "tokenizer.ggml.bos_token_id")?;
    let last = token("tokenizer.ggml.add_eos_token", "tokenizer.ggml.eos_token_id")?;
    if first.is_none() && last.is_none() {
        return Ok(None);
    }
    // Names of their own in the template: a token's text may hold what means something in its syntax.
    let named = |(name, token): (&str, &Option<(u32, String)>)| {
        let (id, text) = token.clone()?;
        Some(SpecialToken::new(name.to_owned(), vec![id], vec![text]))
    };
    let specials = [("first", &first), ("last", &last)].into_iter().filter_map(named);
    let specials = specials.collect::<Result<Vec<_>, _>>().map_err(refuse)?;
    let put = |inner: &'static str| {
        let parts = [first.as_ref().map(|_| "first"), Some(inner), last.as_ref().map(|_| "last")];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    };
    let library = |reason: String| TokenizerError::Library { reason };
    let mut builder = TemplateProcessing::builder();
    builder.try_single(put("$A")).map_err(library)?.try_pair(put("$A $B:1")).map_err(library)?;
    let template = builder.special_tokens(specials).build();
    template.map(Some).map_err(|error| library(error.to_string()))
}
