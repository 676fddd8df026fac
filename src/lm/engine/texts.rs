//! Between messages, texts and tokens: tokenizer, chat template and what the makers advise.

use super::TalkError;
use crate::lm::chat::{Template, opens_thinking};
use crate::lm::{Checkpoint, Filters, decode, encode};
use serde_json::Value;
use tokenizers::Tokenizer;

/// How a model is written to and read.
pub struct Texts {
    pub(super) tokenizer: Tokenizer,
    template: Option<Template>,
    /// Tokens that end an answer.
    pub(super) ends: Vec<u32>,
    /// Sampling that the makers advise: temperature, top-p, top-k.
    pub advised: (Option<f64>, Option<f64>, Option<usize>),
}

/// A prompt in tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The tokens.
    pub tokens: Vec<u32>,
    /// Whether the template has opened the thinking.
    pub thinking: bool,
}

impl Texts {
    /// Those of a checkpoint.
    ///
    /// # Errors
    /// See [`Checkpoint::tokenizer`] and [`Template::new`]. A missing template is none: see [`Texts::prompt`].
    pub fn of(checkpoint: &Checkpoint) -> Result<Texts, TalkError> {
        let settings = checkpoint.settings();
        let mut template = settings.template.as_deref().map(Template::new).transpose()?;
        for (name, token) in &settings.specials {
            template = template.map(|template| template.with(name, token.clone()));
        }
        let top_k = settings.top_k.filter(|&k| k > 0).map(|k| k as usize);
        Ok(Texts {
            tokenizer: checkpoint.tokenizer()?,
            template,
            ends: settings.stops.clone(),
            advised: (settings.temperature, settings.top_p, top_k),
        })
    }

    /// Whether there is a chat template.
    pub fn has_template(&self) -> bool {
        self.template.is_some()
    }

    /// The prompt of messages, objects with `role` and `content` each. `thinking` is what templates know as `enable_thinking`.
    ///
    /// # Errors
    /// A model without a template, the template's refusal, a text that the tokenizer does not take.
    pub fn prompt(&self, messages: &[Value], thinking: Option<bool>) -> Result<Written, TalkError> {
        let text = self.text(messages, thinking)?;
        let tokens = encode(&self.tokenizer, &text, false).map_err(refuse)?;
        Ok(Written { tokens, thinking: opens_thinking(&text) })
    }

    /// The text of [`Texts::prompt`].
    ///
    /// # Errors
    /// A model without a template, the template's refusal.
    pub fn text(&self, messages: &[Value], thinking: Option<bool>) -> Result<String, TalkError> {
        let template = self.template.as_ref().ok_or(TalkError::NoTemplate)?;
        let switch = thinking.map(|thinking| ("enable_thinking", Value::Bool(thinking)));
        Ok(template.render_with(messages, true, None, switch.as_slice())?)
    }

    /// The tokens of a text that is to be continued, with those that the tokenizer puts before every text.
    ///
    /// # Errors
    /// A text that the tokenizer does not take.
    pub fn tokens(&self, text: &str) -> Result<Vec<u32>, TalkError> {
        encode(&self.tokenizer, text, true).map_err(refuse)
    }

    /// The bytes of a token; of one that holds a part of a character, those of the part.
    pub fn bytes(&self, token: u32) -> Vec<u8> {
        let text = decode(&self.tokenizer, &[token], false).unwrap_or_default();
        let part = || part_of_character(&self.tokenizer.id_to_token(token)?);
        if text.contains('\u{fffd}') { part().unwrap_or_else(|| text.into_bytes()) } else { text.into_bytes() }
    }

    /// How tokens are drawn where a request says nothing: as the makers advise, and what they leave open as in `open`.
    pub fn filters(&self, open: Filters) -> Filters {
        let (temperature, top_p, top_k) = self.advised;
        Filters {
            temperature: temperature.unwrap_or(open.temperature),
            top_p: top_p.unwrap_or(open.top_p),
            top_k: top_k.or(open.top_k),
            ..open
        }
    }
}

fn refuse(error: tokenizers::Error) -> TalkError {
    TalkError::Text { reason: error.to_string() }
}

/// The bytes of a token as vocabularies write them: `<0xE2>`, or a sign for each byte (GPT-2).
fn part_of_character(token: &str) -> Option<Vec<u8>> {
    let hexadecimal = token.strip_prefix("<0x").and_then(|rest| rest.strip_suffix('>'));
    match hexadecimal {
        Some(digits) => Some(vec![u8::from_str_radix(digits, 16).ok()?]),
        None => token.chars().map(byte_of).collect(),
    }
}

/// Bytes that print stand for themselves, the others count from 256 on.
fn byte_of(sign: char) -> Option<u8> {
    let code = u32::from(sign);
    let byte = match code {
        0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff => code,
        0x100..=0x120 => code - 0x100,
        0x121..=0x142 => code - 0x121 + 0x7f,
        0x143 => 0xad,
        _ => return None,
    };
    u8::try_from(byte).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_of_bytes_are_those_of_the_tokenizer_library() {
        let alphabet = tokenizers::pre_tokenizers::byte_level::ByteLevel::alphabet();
        let mut bytes: Vec<u8> = alphabet.into_iter().map(|sign| byte_of(sign).unwrap()).collect();
        bytes.sort_unstable();
        assert_eq!(bytes, (0..=255).collect::<Vec<u8>>());
        // An e with an acute accent is 0xc3 0xa9; 0x20 is written with a dot above.
        assert_eq!(part_of_character("\u{120}\u{c3}\u{a9}"), Some(vec![0x20, 0xc3, 0xa9]));
        assert_eq!(part_of_character("<0xE2>"), Some(vec![0xe2]));
        assert_eq!(part_of_character("\u{4e00}"), None);
    }
}
