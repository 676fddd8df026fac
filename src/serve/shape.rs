//! The shapes of answers in OpenAI's API.

use super::order::Kind;
use super::said::{Said, Used};
use crate::lm::chat::Part;
use crate::lm::engine::{Drawn, Finish, Texts};
use serde_json::{Map, Value, json};

/// What all parts of a response have in common.
#[derive(Clone)]
pub(super) struct Head {
    pub kind: Kind,
    pub id: String,
    /// Seconds since 1970.
    pub created: u64,
    pub model: String,
}

impl Head {
    /// A response or a part of a stream.
    fn around(&self, object: &str, choices: Vec<Value>) -> Value {
        json!({"id": self.id, "object": object, "created": self.created, "model": self.model, "choices": choices})
    }

    /// A whole response.
    pub(super) fn whole(&self, choices: Vec<Value>, used: Used) -> Value {
        let object = if self.kind == Kind::Chat { "chat.completion" } else { "text_completion" };
        let mut whole = self.around(object, choices);
        whole["usage"] = usage(used);
        whole
    }

    /// A part of a stream; `counts` says whether the stream ends with the usage.
    pub(super) fn part(&self, choice: Value, counts: bool) -> Value {
        let mut part = self.around(self.object_of_parts(), vec![choice]);
        if counts {
            part["usage"] = Value::Null;
        }
        part
    }

    /// The part of a stream that tells the usage.
    pub(super) fn count(&self, used: Used) -> Value {
        let mut part = self.around(self.object_of_parts(), Vec::new());
        part["usage"] = usage(used);
        part
    }

    fn object_of_parts(&self) -> &'static str {
        if self.kind == Kind::Chat { "chat.completion.chunk" } else { "text_completion" }
    }
}

fn usage(used: Used) -> Value {
    let Used { prompt, answers } = used;
    json!({"prompt_tokens": prompt, "completion_tokens": answers, "total_tokens": prompt + answers})
}

fn reason(finish: Option<Finish>) -> Option<&'static str> {
    finish.map(|finish| match finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
    })
}

/// The answers of one request on their way to a client.
pub(super) struct Choices<'a> {
    pub kind: Kind,
    pub texts: &'a Texts,
    pub logprobs: bool,
    /// Characters of each answer so far, by its tokens.
    pub offsets: Vec<usize>,
}

impl Choices<'_> {
    /// The first part of an answer's stream, where there is such.
    pub(super) fn first(&self, row: usize) -> Option<Value> {
        let delta = json!({"role": "assistant", "content": ""});
        (self.kind == Kind::Chat)
            .then(|| json!({"index": row, "delta": delta, "logprobs": null, "finish_reason": null}))
    }

    /// A part of an answer's stream; none where there is nothing to say.
    pub(super) fn part(&mut self, said: Said) -> Option<Value> {
        let Said { row, part, tokens, finish } = said;
        let silent = part == Part::default() && finish.is_none() && (tokens.is_empty() || !self.logprobs);
        if silent {
            return None;
        }
        let odds = self.odds(row, &tokens);
        if self.kind == Kind::Completion {
            let text = part.answer;
            return Some(json!({"index": row, "text": text, "logprobs": odds, "finish_reason": reason(finish)}));
        }
        let mut delta = Map::new();
        let mut say = |name: &str, text: String| {
            if !text.is_empty() {
                delta.insert(name.to_owned(), text.into());
            }
        };
        say("reasoning_content", part.thinking);
        say("content", part.answer);
        Some(json!({"index": row, "delta": delta, "logprobs": odds, "finish_reason": reason(finish)}))
    }

    /// A whole answer.
    pub(super) fn whole(&mut self, said: Said) -> Value {
        let Said { row, part, tokens, finish } = said;
        let odds = self.odds(row, &tokens);
        let finish = reason(finish);
        if self.kind == Kind::Completion {
            return json!({"index": row, "text": part.answer, "logprobs": odds, "finish_reason": finish});
        }
        let mut message = json!({"role": "assistant", "content": part.answer, "refusal": null});
        if !part.thinking.is_empty() {
            message["reasoning_content"] = part.thinking.into();
        }
        json!({"index": row, "message": message, "logprobs": odds, "finish_reason": finish})
    }

    /// Log-probabilities of tokens, in the shape of either way; null where none are wanted.
    fn odds(&mut self, row: usize, tokens: &[Drawn]) -> Value {
        if !self.logprobs || tokens.is_empty() {
            return Value::Null;
        }
        match self.kind {
            Kind::Chat => {
                json!({"content": tokens.iter().map(|drawn| self.token(drawn)).collect::<Vec<_>>(), "refusal": null})
            }
            Kind::Completion => self.columns(row, tokens),
        }
    }

    fn token(&self, drawn: &Drawn) -> Value {
        let one = |token: u32, logprob: f32| {
            let bytes = self.texts.bytes(token);
            json!({"token": String::from_utf8_lossy(&bytes), "logprob": logprob, "bytes": bytes})
        };
        let Some(odds) = &drawn.odds else { return Value::Null };
        let mut written = one(drawn.token, odds.logprob);
        written["top_logprobs"] = odds.top.iter().map(|&(token, logprob)| one(token, logprob)).collect();
        written
    }

    fn columns(&mut self, row: usize, tokens: &[Drawn]) -> Value {
        let (mut names, mut logprobs, mut tops, mut offsets) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for Drawn { token, odds } in tokens {
            let bytes = self.texts.bytes(*token);
            offsets.push(self.offsets[row]);
            // Bytes that begin a character; the others go on with one.
            self.offsets[row] += bytes.iter().filter(|&&byte| byte & 0xc0 != 0x80).count();
            names.push(token_name(bytes));
            logprobs.push(odds.as_ref().map(|odds| odds.logprob));
            let top = odds.iter().flat_map(|odds| &odds.top);
            tops.push(
                top.map(|&(token, p)| (token_name(self.texts.bytes(token)), p))
                    .collect::<std::collections::BTreeMap<_, _>>(),
            );
        }
        json!({"tokens": names, "token_logprobs": logprobs, "top_logprobs": tops, "text_offset": offsets})
    }
}

/// A token's text, or its bytes where they are no whole characters.
fn token_name(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| {
        error.as_bytes().iter().fold("bytes:".to_owned(), |name, byte| name + &format!("\\x{byte:02x}"))
    })
}
