//! From tokens to text that can be shown: whole characters only, and nothing that may belong to a text that stops the answer.

use super::answers::Drawn;
use super::{Failure, Finish};
use crate::lm::marks::begun;
use std::collections::VecDeque;
use tokenizers::Tokenizer;

/// Tokens whose text stays incomplete for so long hold no character.
const HOLD: usize = 16;

/// What can be shown of an answer now.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Shown {
    pub text: String,
    /// The tokens that the text is made of.
    pub tokens: Vec<Drawn>,
}

/// An answer on its way from tokens to text.
pub(super) struct Pieces {
    stops: Vec<String>,
    /// The latest tokens: those up to `read` are in the text and are decoded again, since some tokens look different without the one
    /// before them; the others wait for the rest of a character.
    tokens: Vec<u32>,
    read: usize,
    /// Text that may be the beginning of a stop.
    held: String,
    /// Bytes of the answer that were shown, and that were decoded.
    shown: usize,
    decoded: usize,
    /// Where the first token that was not shown begins.
    begin: usize,
    /// Tokens whose text was not shown yet, each with the end of its text in the answer; none while it is incomplete.
    unshown: VecDeque<(Drawn, Option<usize>)>,
}

impl Pieces {
    pub(super) fn new(stops: Vec<String>) -> Pieces {
        let (tokens, unshown) = (Vec::new(), VecDeque::new());
        Pieces { stops, tokens, read: 0, held: String::new(), shown: 0, decoded: 0, begin: 0, unshown }
    }

    /// Takes a token; gives what can be shown, and whether a stop has come.
    pub(super) fn push(&mut self, drawn: Drawn, tokenizer: &Tokenizer) -> Result<(Shown, bool), Failure> {
        self.tokens.push(drawn.token);
        self.unshown.push_back((drawn, None));
        let text = self.decode(tokenizer, self.tokens.len() - self.read >= HOLD)?;
        Ok(self.show(text.as_deref().unwrap_or_default()))
    }

    /// Gives what was held back; the answer has ended for `finish`, or at a stop that its last characters make.
    pub(super) fn finish(&mut self, tokenizer: &Tokenizer, finish: Finish) -> Result<(Shown, Finish), Failure> {
        let text = self.decode(tokenizer, true)?;
        let (mut shown, stopped) = self.show(text.as_deref().unwrap_or_default());
        if stopped {
            return Ok((shown, Finish::Stop));
        }
        shown.text += &std::mem::take(&mut self.held);
        shown.tokens.extend(self.unshown.drain(..).map(|(drawn, _)| drawn));
        Ok((shown, finish))
    }

    /// The text of the tokens since the last; none while it may end within a character, unless `all` is wanted.
    fn decode(&mut self, tokenizer: &Tokenizer, all: bool) -> Result<Option<String>, Failure> {
        let decode = |tokens: &[u32]| {
            crate::lm::decode(tokenizer, tokens, true).map_err(|error| Failure::Text { reason: error.to_string() })
        };
        let (before, after) = (decode(&self.tokens[..self.read])?, decode(&self.tokens)?);
        let more = after.strip_prefix(before.as_str());
        if !all && more.is_none_or(|more| more.ends_with('\u{fffd}')) {
            return Ok(None);
        }
        let more = more.unwrap_or_default();
        if all || !more.is_empty() {
            self.tokens.drain(..self.read);
            self.read = self.tokens.len();
        }
        self.decoded += more.len();
        self.unshown.iter_mut().for_each(|(_, end)| *end = end.or(Some(self.decoded)));
        Ok(Some(more.to_owned()))
    }

    /// Takes decoded text; gives what no stop can begin in, or what comes before the first stop.
    fn show(&mut self, text: &str) -> (Shown, bool) {
        self.held += text;
        let stop = self.stops.iter().filter_map(|stop| self.held.find(stop.as_str())).min();
        let sure = self.held.len() - self.stops.iter().map(|stop| begun(&self.held, stop)).max().unwrap_or(0);
        let text: String = self.held.drain(..stop.unwrap_or(sure)).collect();
        self.shown += text.len();
        // Of a token at a stop a part may be shown.
        let (mut begin, stopped) = (self.begin, stop.is_some());
        let mut count = 0;
        for end in self.unshown.iter().map_while(|&(_, end)| end) {
            if if stopped { begin >= self.shown } else { end > self.shown } {
                break;
            }
            (begin, count) = (end, count + 1);
        }
        self.begin = begin;
        (Shown { text, tokens: self.unshown.drain(..count).map(|(drawn, _)| drawn).collect() }, stopped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A token for each byte, and "ab" and "c€" cut in odd places.
    fn tokenizer() -> Tokenizer {
        let sign = |byte: u8| match byte {
            0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff => char::from(byte),
            0x00..=0x20 => char::from_u32(0x100 + u32::from(byte)).unwrap(),
            0xad => '\u{143}',
            _ => char::from_u32(0x121 - 0x7f + u32::from(byte)).unwrap(),
        };
        let mut vocab: serde_json::Map<String, serde_json::Value> =
            (0..=255).map(|byte| (sign(byte).to_string(), byte.into())).collect();
        for (id, bytes) in [(256, &b"ab"[..]), (257, b"c\xe2"), (258, b"\x82\xac"), (259, b"\xac b")] {
            vocab.insert(bytes.iter().map(|&byte| sign(byte)).collect(), id.into());
        }
        let special = serde_json::json!([{"id": 260, "content": "<end>", "special": true, "single_word": false, "lstrip": false,
            "rstrip": false, "normalized": false}]);
        let json = serde_json::json!({
            "version": "1.0", "truncation": null, "padding": null, "added_tokens": special, "normalizer": null, "pre_tokenizer": null,
            "post_processor": null, "decoder": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false},
            "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null, "end_of_word_suffix": null,
                "fuse_unk": false, "byte_fallback": false, "vocab": vocab, "merges": []},
        });
        Tokenizer::from_bytes(json.to_string()).unwrap()
    }

    struct Told {
        pieces: Vec<String>,
        tokens: Vec<u32>,
        stopped: bool,
    }

    fn told(tokens: &[u32], stops: &[&str], tokenizer: &Tokenizer) -> Told {
        let mut pieces = Pieces::new(stops.iter().map(|&stop| stop.to_owned()).collect());
        let mut told = Told { pieces: Vec::new(), tokens: Vec::new(), stopped: false };
        let mut see = |shown: Shown| {
            told.pieces.push(shown.text);
            told.tokens.extend(shown.tokens.iter().map(|drawn| drawn.token));
        };
        for &token in tokens {
            let (shown, stopped) = pieces.push(Drawn { token, odds: None }, tokenizer).unwrap();
            see(shown);
            if stopped {
                told.stopped = true;
                return told;
            }
        }
        let (shown, finish) = pieces.finish(tokenizer, Finish::Length).unwrap();
        see(shown);
        told.stopped = finish == Finish::Stop;
        told
    }

    fn bytes(text: &str) -> Vec<u32> {
        text.bytes().map(u32::from).collect()
    }

    #[test]
    fn characters_are_shown_when_they_are_whole() {
        let tokenizer = tokenizer();
        let told = told(&[u32::from(b'x'), 257, 258, 0xc3, 0xa9, 260, 0xf0, 0x9f, 0x98, 0x80], &[], &tokenizer);
        assert_eq!(told.pieces, ["x", "", "c€", "", "é", "", "", "", "", "😀", ""]);
        assert_eq!(told.tokens.len(), 10);
    }

    #[test]
    fn what_never_becomes_a_character_is_shown_in_the_end() {
        let tokenizer = tokenizer();
        let told = told(&[u32::from(b'a'), 0xe2, 0x82], &[], &tokenizer);
        assert_eq!((told.pieces.concat().as_str(), told.tokens.len()), ("a\u{fffd}", 3));
        let many = super::tests::told(&[0x80; 40], &[], &tokenizer);
        assert!(many.pieces[HOLD - 1].starts_with('\u{fffd}'), "it is not held for ever");
        assert_eq!(many.tokens.len(), 40);
    }

    #[test]
    fn a_stop_is_never_shown_wherever_its_tokens_end() {
        let tokenizer = tokenizer();
        for (text, stops, shown) in [
            ("one END two", &["END"][..], "one "),
            ("one EN two", &["END"], "one EN two"),
            ("EENDD", &["END"], "E"),
            ("abcabd", &["abd"], "abc"),
            ("x\n\nUser:", &["\n\nUser:", "\n\n"], "x"),
            ("100 € in all", &["€"], "100 "),
            ("ends in EN", &["END"], "ends in EN"),
            ("aab", &["b", "ab"], "a"),
        ] {
            let told = told(&bytes(text), stops, &tokenizer);
            assert_eq!((told.pieces.concat().as_str(), told.stopped), (shown, shown.len() < text.len()), "{text}");
            assert_eq!(told.tokens.len(), shown.len(), "{text}: a token a byte");
        }
        // A part of the token "ab" is shown: it counts.
        let told = told(&[u32::from(b'x'), 256, u32::from(b'c')], &["bc"], &tokenizer);
        assert_eq!((told.pieces.concat(), told.tokens), ("xa".to_owned(), vec![u32::from(b'x'), 256]));
    }

    proptest! {
        #[test]
        fn pieces_make_up_the_text_before_the_first_stop(
            tokens in proptest::collection::vec(prop_oneof![97u32..100, Just(256u32), Just(260u32)], 0..30),
            stops in proptest::collection::vec("[abc]{1,4}", 0..3),
        ) {
            let tokenizer = tokenizer();
            let stops: Vec<&str> = stops.iter().map(String::as_str).collect();
            let text = tokenizer.decode(&tokens, true).unwrap();
            // The first to be whole stops; of those that are whole at once, the one that begins first.
            let ends = (0..=tokens.len()).map(|count| tokenizer.decode(&tokens[..count], true).unwrap());
            let cut = ends.into_iter().find_map(|text| stops.iter().filter_map(|stop| text.find(stop)).min());
            let told = told(&tokens, &stops, &tokenizer);
            prop_assert_eq!(told.stopped, cut.is_some());
            prop_assert_eq!(told.pieces.concat(), &text[..cut.unwrap_or(text.len())]);
        }
    }
}
