//! Text to tokens and back, over the `tokenizers` crate, so that the file works in every Hugging Face tool.

use super::{LmError, files, read_tokenizer};
use serde_json::{Map, Value, json};
use std::path::Path;

/// A tokenizer as stored in tokenizer.json.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
}

impl Tokenizer {
    /// Reads a tokenizer.json.
    ///
    /// # Errors
    /// A file that cannot be read or is no tokenizer.
    pub fn load(path: &Path) -> Result<Self, LmError> {
        let read = read_tokenizer(path).map_err(|error| LmError::Tokenizer { reason: error.to_string() });
        Ok(Tokenizer { inner: read? })
    }

    /// Writes a tokenizer.json; the same tokenizer gives the same bytes.
    ///
    /// # Errors
    /// What the system says about the file.
    pub fn save(&self, path: &Path) -> Result<(), LmError> {
        files::write_whole(path, self.inner.to_string(true).map_err(refuse)?.as_bytes())
    }

    /// Tokens of a text. Special tokens that stand in the text are recognised, none are added.
    ///
    /// # Errors
    /// What the tokenizer says.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, LmError> {
        super::encode(&self.inner, text, false).map_err(refuse)
    }

    /// Text of tokens, in canonical spacing (see [`build_wordpiece`]); `keep_specials` shows special tokens.
    ///
    /// # Errors
    /// What the tokenizer says.
    pub fn decode(&self, tokens: &[u32], keep_specials: bool) -> Result<String, LmError> {
        super::decode(&self.inner, tokens, !keep_specials).map_err(refuse)
    }

    /// The token of a word or a special token.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// Tokens that are recognised in any text, whatever stands beside them.
    pub fn specials(&self) -> Vec<String> {
        let added = self.inner.get_added_tokens_decoder();
        let mut specials: Vec<String> = added.into_values().filter(|t| t.special).map(|t| t.content).collect();
        specials.sort();
        specials
    }

    /// Number of tokens, special ones included.
    pub fn vocab_size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, LmError> {
        Ok(Tokenizer { inner: tokenizers::Tokenizer::from_bytes(bytes).map_err(refuse)? })
    }
}

fn refuse(error: tokenizers::Error) -> LmError {
    LmError::Tokenizer { reason: error.to_string() }
}

/// The token of a word that is not in the vocabulary.
const UNKNOWN: &str = "<unk>";

/// Marks that are always in the vocabulary.
const MARKS: [&str; 14] = [",", ".", ":", ";", "?", "!", "(", ")", "|", "'", "-", "+", "=", "%"];

/// Marks that stand close to the word before them, in canonical spacing.
const CLOSE: [&str; 8] = [",", ".", ":", ";", "?", "!", ")", "%"];

/// A WordPiece tokenizer over known words: splits at white space and punctuation, keeps case, takes the longest piece. The digits
/// 0-9 and ##0-##9 are put in, so that any number can be written, and the usual marks. Ids: `<unk>`, the specials, digits,
/// continued digits, marks, words, each in the given order, repeated ones once.
///
/// Decoding gives the canonical spacing: one space between words; `, . : ; ? ! ) %` close to what stands before them, `(` close to
/// what follows, `'s` close to its word (where `s` is among the words); all other marks (`|`, `-`, `+`, `=`) between spaces. Text in canonical spacing whose words
/// are all known comes back from `decode(encode(text))` unchanged.
///
/// # Errors
/// A special that is also a word, or what the tokenizer library says.
///
/// ```
/// let tokenizer = longlab::lm::build_wordpiece(&["Anna", "lives", "in", "2019"], &["<eos>"]).unwrap();
/// let tokens = tokenizer.encode("Anna lives in 2019 (17). <eos>").unwrap();
/// assert_eq!(tokens.len(), 10);
/// assert_eq!(tokenizer.decode(&tokens, false).unwrap(), "Anna lives in 2019 (17).");
/// ```
pub fn build_wordpiece(words: &[&str], specials: &[&str]) -> Result<Tokenizer, LmError> {
    let digits: Vec<String> = (0..10).map(|d| d.to_string()).collect();
    let pieces: Vec<String> = (0..10).map(|d| format!("##{d}")).collect();
    if let Some(both) = specials.iter().find(|special| words.contains(special)) {
        return Err(LmError::Tokenizer {
            reason: format!("`{both}` is a word and a special token; keep it in one list"),
        });
    }
    let own = digits.iter().chain(&pieces).map(String::as_str);
    let all =
        [UNKNOWN].into_iter().chain(specials.iter().copied()).chain(own).chain(MARKS).chain(words.iter().copied());
    let mut vocab = Map::new();
    for token in all {
        let next = vocab.len();
        vocab.entry(token).or_insert(json!(next));
    }
    let added: Vec<Value> = [UNKNOWN].iter().chain(specials).map(|&token| special(token, &vocab[token])).collect();
    let file = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added, "normalizer": null,
        "pre_tokenizer": {"type": "BertPreTokenizer"}, "post_processor": null, "decoder": decoder(),
        "model": {"type": "WordPiece", "unk_token": UNKNOWN, "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": vocab},
    });
    Tokenizer::from_bytes(file.to_string().as_bytes())
}

fn special(token: &str, id: &Value) -> Value {
    json!({"id": id, "content": token, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true})
}

/// The library's own clean-up knows neither brackets nor colons and turns "do not" into "don't", hence this list.
fn decoder() -> Value {
    let replace = |from: String, to: &str| json!({"type": "Replace", "pattern": {"String": from}, "content": to});
    let mut steps = vec![json!({"type": "WordPiece", "prefix": "##", "cleanup": false}), json!({"type": "Fuse"})];
    steps.extend(CLOSE.iter().map(|mark| replace(format!(" {mark}"), mark)));
    steps.push(replace("( ".into(), "("));
    steps.push(replace(" ' s".into(), "'s"));
    json!({"type": "Sequence", "decoders": steps})
}
