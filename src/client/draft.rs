//! An answer as servers give it, whole or in pieces.

use crate::http::{Answer, Wire};
use crate::show::Show;
use crate::sse::{Events, LARGEST_EVENT};
use crate::trouble::{Trouble, clean};
use crate::{ChatReply, ChatRequest, Finish, TokenLogprob, Usage, thinking};
use serde::Deserialize;
use serde_json::Value;
use std::io::{BufRead, Read};

/// What has come of an answer.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    content: String,
    reasoning: String,
    finish: Option<String>,
    /// None if the server did not count.
    pub usage: Option<Usage>,
    model: Option<String>,
    logprobs: Vec<TokenLogprob>,
}

/// A body, or an event of a stream.
#[derive(Deserialize)]
struct Part {
    choices: Option<Vec<Choice>>,
    usage: Option<Counts>,
    model: Option<String>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    index: Option<u64>,
    message: Option<Said>,
    delta: Option<Said>,
    finish_reason: Option<String>,
    logprobs: Option<Logprobs>,
}

#[derive(Deserialize)]
struct Said {
    content: Option<String>,
    reasoning_content: Option<String>,
    /// As newer vLLM and some routers call it, beside the older name or in its place.
    reasoning: Option<String>,
}

#[derive(Deserialize)]
struct Counts {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct Logprobs {
    content: Option<Vec<Token>>,
}

#[derive(Deserialize)]
struct Token {
    token: String,
    logprob: f64,
    top_logprobs: Option<Vec<Other>>,
}

#[derive(Deserialize)]
struct Other {
    token: String,
    logprob: f64,
}

impl Draft {
    /// Reads an answer of either kind, whatever the server says it is; pieces are shown as they come.
    pub fn read(wire: &Wire, mut answer: Answer, streamed: bool, show: &mut Show) -> Result<Draft, Trouble> {
        let first = first_sign(&mut answer).map_err(|error| wire.read_trouble(error))?;
        let events = streamed || answer.kind.starts_with("text/event-stream");
        if events && first != Some(b'{') {
            return Draft::of_events(wire, answer, show);
        }
        let mut body = Vec::new();
        answer.body.read_to_end(&mut body).map_err(|error| wire.read_trouble(error))?;
        let mut draft = Draft::default();
        let part = serde_json::from_slice(&body).map_err(|error| no_json(&error, &answer.kind))?;
        draft.add(part, &mut |_, _| Ok(()))?;
        Ok(draft)
    }

    fn of_events(wire: &Wire, mut answer: Answer, show: &mut Show) -> Result<Draft, Trouble> {
        let (mut draft, mut events) = (Draft::default(), Events::default());
        loop {
            let bytes = answer.body.fill_buf().map_err(|error| wire.read_trouble(error))?;
            let count = bytes.len();
            if count == 0 {
                return draft.ended(&answer.kind);
            }
            let large = |_| Trouble::failed(format!("an event of the answer is longer than {LARGEST_EVENT} bytes"));
            events.feed(bytes).map_err(large)?;
            answer.body.consume(count);
            while let Some(event) = events.next() {
                if event.trim() == "[DONE]" {
                    return Ok(draft);
                }
                let part = serde_json::from_str(&event);
                let part =
                    part.map_err(|error| Trouble::failed(format!("an event of the answer is no JSON: {error}")))?;
                draft.add(part, &mut |thinking, text| if thinking { show.think(text) } else { show.say(text) })?;
            }
        }
    }

    /// A stream is at its end without the mark of the end: some servers leave it out, but none leaves out why it ended.
    fn ended(self, kind: &str) -> Result<Draft, Trouble> {
        if self.finish.is_some() {
            return Ok(self);
        }
        Err(Trouble::passing(format!("the answer broke off (content type `{kind}`)")))
    }

    fn add(&mut self, part: Part, see: &mut dyn FnMut(bool, &str) -> Result<(), Trouble>) -> Result<(), Trouble> {
        if let Some(error) = part.error.filter(|error| !error.is_null()) {
            return Err(Trouble::of_report(&error));
        }
        self.model = part.model.filter(|model| !model.is_empty()).or(self.model.take());
        self.usage = part.usage.map(Counts::usage).or(self.usage);
        for choice in part.choices.unwrap_or_default().into_iter().filter(|choice| choice.index.unwrap_or(0) == 0) {
            self.finish = choice.finish_reason.filter(|reason| !reason.is_empty()).or(self.finish.take());
            let tokens = choice.logprobs.and_then(|logprobs| logprobs.content).unwrap_or_default();
            self.logprobs.extend(tokens.into_iter().map(Token::logprob));
            let Some(said) = choice.message.or(choice.delta) else { continue };
            let thought = [said.reasoning_content, said.reasoning].into_iter().flatten().find(|text| !text.is_empty());
            let thought = thought.unwrap_or_default();
            self.reasoning.push_str(&thought);
            see(true, &thought)?;
            let content = said.content.unwrap_or_default();
            self.content.push_str(&content);
            see(false, &content)?;
        }
        Ok(())
    }

    /// The reply to a request of `model`.
    pub fn reply(self, request: &ChatRequest, model: &str) -> Result<ChatReply, Trouble> {
        let finish = finish(self.finish.as_deref())?;
        let silent = self.content.is_empty() && self.reasoning.is_empty();
        if request.logprobs.is_some() && self.logprobs.is_empty() && !silent {
            return Err(Trouble::refused("the server gives no log-probabilities; ask without `logprobs`"));
        }
        let others = request.logprobs.unwrap_or(0);
        let (reasoning, content) = match self.reasoning.trim_matches('\n') {
            "" => {
                let (reasoning, content) = thinking::split(&self.content);
                (reasoning.map(str::to_owned), content.to_owned())
            }
            reasoning => (Some(reasoning.to_owned()), self.content.trim_matches('\n').to_owned()),
        };
        let logprobs = if request.logprobs.is_some() { self.logprobs } else { Vec::new() };
        let cut = |mut token: TokenLogprob| {
            token.top.truncate(others);
            token
        };
        Ok(ChatReply {
            content,
            reasoning,
            finish,
            usage: self.usage.unwrap_or_default(),
            model: self.model.unwrap_or_else(|| model.to_owned()),
            logprobs: logprobs.into_iter().map(cut).collect(),
        })
    }
}

impl Counts {
    fn usage(self) -> Usage {
        let tokens = |count: Option<u64>| usize::try_from(count.unwrap_or(0)).unwrap_or(usize::MAX);
        Usage { prompt_tokens: tokens(self.prompt_tokens), completion_tokens: tokens(self.completion_tokens) }
    }
}

impl Token {
    fn logprob(self) -> TokenLogprob {
        // Finite, so that a file of JSON can hold it.
        let finite = |logprob: f64| (logprob as f32).clamp(f32::MIN, f32::MAX);
        let mut top: Vec<_> =
            self.top_logprobs.into_iter().flatten().map(|other| (other.token, finite(other.logprob))).collect();
        top.sort_by(|one, other| other.1.total_cmp(&one.1));
        TokenLogprob { token: self.token, logprob: finite(self.logprob), top }
    }
}

/// The first byte that is no blank; it is not consumed.
fn first_sign(answer: &mut Answer) -> std::io::Result<Option<u8>> {
    loop {
        let bytes = answer.body.fill_buf()?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let blanks = bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let first = bytes.get(blanks).copied();
        answer.body.consume(blanks);
        if first.is_some() {
            return Ok(first);
        }
    }
}

/// A body that ends amid its JSON was cut; any other was never one.
fn no_json(error: &serde_json::Error, kind: &str) -> Trouble {
    if error.is_eof() {
        return Trouble::passing("the answer broke off");
    }
    let error = clean(&error.to_string());
    Trouble::failed(format!(
        "the answer is none of an OpenAI-compatible server (content type `{kind}`, {error}); is the address right?"
    ))
}

fn finish(reason: Option<&str>) -> Result<Finish, Trouble> {
    match reason.map(str::to_lowercase).as_deref() {
        Some("stop" | "eos" | "eos_token" | "end_turn" | "stop_sequence") => Ok(Finish::Stop),
        Some("length" | "max_tokens" | "max_length" | "model_length") => Ok(Finish::Length),
        Some("content_filter") => Err(Trouble::refused("the server withholds the answer (content filter)")),
        Some("tool_calls" | "function_call") => Err(Trouble::failed("the model called a tool, and was offered none")),
        Some(other) => Err(Trouble::failed(format!("the answer ended for an unknown reason, `{}`", clean(other)))),
        None => Err(Trouble::failed("the server does not say why the answer ended")),
    }
}
