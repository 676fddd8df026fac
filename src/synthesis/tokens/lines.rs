//! Where a text can be cut so that its parts have as many tokens as the whole, and tokens of parts that were counted before.
//!
//! Byte-pair tokenizers split a text by a regular expression first and encode each stretch on its own. Between two lines such a split is certain: in GPT-2's
//! expression before the line feed, in those of Llama 3 and Qwen after it. Which of them a tokenizer keeps to is tried out when it is opened, over every
//! class of letters and blanks; one that keeps to neither is given whole texts.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use tokenizers::normalizers::NormalizerWrapper;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::tokenizer::{OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer};
use tokenizers::{ModelWrapper, Tokenizer};

/// Parts whose tokens are kept; those beyond are counted each time.
const MOST: usize = 4 << 20;

/// Maps that the parts are spread over, so that threads seldom wait.
const SHARDS: usize = 64;

/// What stands before, between and after lines in the trial.
const BEFORE: [&str; 18] =
    ["a", "é", "7", "٣", ".", "\"", "'", "’", "(", "中", "🙂", "_", "e\u{301}", " ", ")", "\u{200b}", "it's", ""];
const BETWEEN: [&str; 13] = [
    "\n",
    "\n\n",
    "\n\n\n",
    " \n",
    "  \n",
    "\t\n",
    "\r\n",
    "\r\n\r\n",
    "\n \n",
    "\n\t\n",
    "\u{a0}\n",
    "\u{2028}\n",
    "\u{b}\n",
];
const AFTER: [&str; 17] =
    ["a", "A", "é", "7", "٣", "½", "Ⅷ", ".", "'s", "\"", "中", "🙂", "_", "\u{301}", "(", "<", "\u{200b}"];

/// Where between two lines a tokenizer splits for certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    /// Before the line feed.
    Before,
    /// After it.
    After,
}

/// Cuts texts, and keeps what its parts count.
pub struct Lines {
    side: Side,
    /// What a tokenizer takes out of a text before it splits it.
    added: Vec<String>,
    counted: Vec<Mutex<HashMap<[u8; 16], u32>>>,
}

impl Lines {
    /// How a tokenizer's texts can be cut; none where that is not certain.
    pub fn of(tokenizer: &Tokenizer) -> Option<Lines> {
        let added = tokenizer.get_added_tokens_decoder();
        let plain = |token: &tokenizers::AddedToken| {
            !token.lstrip && !token.rstrip && !token.content.contains(char::is_whitespace) && !token.content.is_empty()
        };
        let alike = matches!(tokenizer.get_normalizer(), None | Some(NormalizerWrapper::NFC(_)));
        let paired = matches!(tokenizer.get_model(), ModelWrapper::BPE(_));
        if !added.values().all(plain) || !alike || !paired {
            return None;
        }
        let mut added: Vec<String> = added.values().map(|token| token.content.clone()).collect();
        added.sort();
        let splitter = tokenizer.get_pre_tokenizer()?;
        let side = [Side::Before, Side::After].into_iter().find(|side| keeps_to(splitter, *side))?;
        let counted = (0..SHARDS).map(|_| Mutex::default()).collect();
        Some(Lines { side, added, counted })
    }

    /// Tokens of a text, given how a part is counted.
    pub fn count(&self, text: &str, one: impl Fn(&str) -> usize) -> usize {
        parts(text, self.side, &self.added).map(|part| self.known(part, &one)).sum()
    }

    fn known(&self, part: &str, one: impl Fn(&str) -> usize) -> usize {
        let mut key = [0; 16];
        key.copy_from_slice(&blake3::hash(part.as_bytes()).as_bytes()[..16]);
        let shard = &self.counted[usize::from(key[0]) % SHARDS];
        if let Some(count) = shard.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return *count as usize;
        }
        let count = one(part);
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if shard.len() < MOST / SHARDS {
            shard.insert(key, u32::try_from(count).unwrap_or(u32::MAX));
        }
        count
    }
}

/// Parts of a text, each beginning or ending with a line feed.
fn parts<'a>(text: &'a str, side: Side, added: &'a [String]) -> impl Iterator<Item = &'a str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let whole = rest;
        let mut from = 0;
        while let Some(feed) = whole[from..].find('\n').map(|at| from + at) {
            from = feed + 1;
            let at = if side == Side::Before { feed } else { feed + 1 };
            if at > 0 && cuts(whole, feed, side, added) {
                rest = &whole[at..];
                return Some(&whole[..at]);
            }
        }
        rest = "";
        (!whole.is_empty()).then_some(whole)
    })
}

/// Whether a line feed is the last of the blanks before a line, and the text can be cut there.
fn cuts(text: &str, feed: usize, side: Side, added: &[String]) -> bool {
    let after = &text[feed + 1..];
    let Some(next) = after.chars().next().filter(|next| !next.is_whitespace()) else { return false };
    // A splitter of digits may come first: what it leaves ends with the blanks, which are one stretch then.
    let blank = text[..feed].ends_with(char::is_whitespace);
    let digit = side == Side::Before && blank && next.is_numeric();
    !digit && !added.iter().any(|token| after.starts_with(token.as_str()))
}

/// Whether a splitter splits every text of the trial as it splits its parts.
fn keeps_to(splitter: &PreTokenizerWrapper, side: Side) -> bool {
    let texts = BEFORE.iter().flat_map(|before| BETWEEN.iter().map(move |between| format!("{before}{between}")));
    let mut texts = texts.flat_map(|start| AFTER.iter().map(move |after| format!("{start}{after} b")));
    texts.all(|text| {
        let mut at = 0;
        let mut cut = Some(vec![]);
        for part in parts(&text, side, &[]) {
            let own = splits(splitter, part);
            cut = cut.zip(own).map(|(mut all, own)| {
                all.extend(own.into_iter().map(|(start, end)| (start + at, end + at)));
                all
            });
            at += part.len();
        }
        cut.is_some() && cut == splits(splitter, &text)
    })
}

fn splits(splitter: &PreTokenizerWrapper, text: &str) -> Option<Vec<(usize, usize)>> {
    let mut split = PreTokenizedString::from(text);
    splitter.pre_tokenize(&mut split).ok()?;
    let splits = split.get_splits(OffsetReferential::Original, OffsetType::Byte);
    Some(splits.into_iter().map(|(_, place, _)| place).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use std::sync::LazyLock;
    use tokenizers::pre_tokenizers::byte_level::ByteLevel;

    /// The expression of Qwen's tokenizers.
    const QWEN: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    /// A tokenizer that merges blanks, digits and marks in pairs, so that a wrong cut shows in the count.
    fn tokenizer(splitter: Value, token: Value) -> Tokenizer {
        let mut words: Vec<String> = ByteLevel::alphabet().into_iter().map(String::from).collect();
        words.sort();
        let twice = ["Ċ", "Ġ", "ĉ", "č", "a", "7", ".", "'"];
        let pairs: Vec<[&str; 2]> = twice.iter().flat_map(|one| twice.map(|other| [*one, other])).collect();
        words.extend(pairs.iter().map(|pair| pair.concat()));
        let vocabulary: HashMap<&String, usize> = words.iter().enumerate().map(|(at, word)| (word, at)).collect();
        let file = json!({
            "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "post_processor": null, "decoder": null,
            "added_tokens": [token],
            "pre_tokenizer": splitter,
            "model": { "type": "BPE", "vocab": vocabulary, "merges": pairs },
        });
        Tokenizer::from_bytes(file.to_string()).unwrap()
    }

    fn token(id: usize, lstrip: bool) -> Value {
        json!({ "id": id, "content": "<|end|>", "single_word": false, "lstrip": lstrip, "rstrip": false, "normalized": false, "special": true })
    }

    fn bytes(regex: bool) -> Value {
        json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": regex })
    }

    fn sequence(first: Value, second: Value) -> Value {
        json!({ "type": "Sequence", "pretokenizers": [first, second] })
    }

    /// Those of GPT-2, SmolLM2 and Qwen.
    static THREE: LazyLock<[(Tokenizer, Lines); 3]> = LazyLock::new(|| {
        let digits = sequence(json!({ "type": "Digits", "individual_digits": true }), bytes(true));
        let split = json!({ "type": "Split", "pattern": { "Regex": QWEN }, "behavior": "Isolated", "invert": false });
        [bytes(true), digits, sequence(split, bytes(false))].map(|splitter| {
            let tokenizer = tokenizer(splitter, token(320, false));
            let lines = Lines::of(&tokenizer).unwrap();
            (tokenizer, lines)
        })
    });

    fn whole(tokenizer: &Tokenizer, text: &str) -> usize {
        tokenizer.encode_fast(text, false).unwrap().len()
    }

    #[test]
    fn known_splitters_are_cut_where_they_split() {
        assert_eq!(THREE.each_ref().map(|(_, lines)| lines.side), [Side::Before, Side::Before, Side::After]);
        let parts = |side| parts("a\n\n b\nc\n\n7", side, &[]).collect::<Vec<_>>();
        assert_eq!(parts(Side::Before), ["a\n\n b", "\nc\n\n7"]);
        assert_eq!(parts(Side::After), ["a\n\n b\n", "c\n\n", "7"]);
    }

    #[test]
    fn what_could_split_otherwise_is_given_whole() {
        let blanks = json!({ "type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true });
        assert!(Lines::of(&tokenizer(blanks, token(320, false))).is_none());
        assert!(Lines::of(&tokenizer(bytes(false), token(320, false))).is_none());
        assert!(Lines::of(&tokenizer(bytes(true), token(320, true))).is_none());
    }

    proptest! {
        #[test]
        fn parts_have_the_tokens_of_the_whole(
            pieces in prop::collection::vec(
                prop::sample::select(vec![
                    "a", "a", "7", "\n", "\n", "\n", " ", "\t", "\r", ".", "'", "'s", "é", "٣", "½", "中", "🙂", "\u{301}", "\u{a0}", "\u{85}", "\u{2028}",
                    "\u{200b}", "<", "<|end|>",
                ]),
                0..40,
            ),
        ) {
            let text = pieces.concat();
            for (tokenizer, lines) in THREE.iter() {
                for _ in 0..2 {
                    prop_assert_eq!(lines.count(&text, |part| whole(tokenizer, part)), whole(tokenizer, &text), "{:?}", text);
                }
            }
        }
    }
}
