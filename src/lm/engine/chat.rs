//! The engine behind the trait that servers stand behind too.

use super::{Drawn, Engine, Event, Failure, Finish, Refusal, Request, TalkError};
use crate::lm::Filters;
use crate::lm::chat::{ChatError, Splitter};
use longlab_client::{ChatFailure, ChatModel, ChatReply, ChatRequest, TokenLogprob, Usage};
use serde_json::json;

impl ChatModel for Engine {
    fn name(&self) -> String {
        self.name.clone()
    }

    /// What a request leaves open is drawn as the model's makers advise, else the most probable token is taken; the seed is 0. Where the
    /// template opens the thinking, `see` gets the opening mark first.
    fn chat(&self, request: &ChatRequest, see: &mut dyn FnMut(&str) -> bool) -> Result<ChatReply, ChatFailure> {
        let messages: Vec<_> =
            request.messages.iter().map(|one| json!({"role": one.role, "content": one.content})).collect();
        let prompt = self.texts.prompt(&messages, request.thinking)?;
        let (thinking, prompt_tokens) = (prompt.thinking, prompt.tokens.len());
        let mut answers = self.ask(self.request(prompt.tokens, request)).map_err(TalkError::from)?;
        let (mut text, mut tokens, mut ended) = (String::new(), Vec::new(), None);
        let mut goes_on = !thinking || see("<think>\n");
        while let Some(event) = goes_on.then(|| answers.wait()).flatten() {
            match event.map_err(TalkError::from)? {
                Event::More { text: more, tokens: drawn, .. } => {
                    goes_on = see(&more);
                    text += &more;
                    tokens.extend(drawn);
                }
                Event::End { finish, drawn, .. } => ended = Some((finish, drawn)),
            }
        }
        let (finish, completion_tokens) = ended.ok_or(ChatFailure::Stopped)?;
        let mut splitter = Splitter::new(thinking);
        let (part, rest) = (splitter.push(&text), splitter.finish());
        let reasoning = part.thinking + &rest.thinking;
        Ok(ChatReply {
            content: part.answer + &rest.answer,
            reasoning: (!reasoning.is_empty()).then_some(reasoning),
            finish: finish.into(),
            usage: Usage { prompt_tokens, completion_tokens },
            model: self.name.clone(),
            logprobs: tokens.iter().filter_map(|drawn| self.logprob(drawn)).collect(),
        })
    }
}

impl Engine {
    fn request(&self, prompt: Vec<u32>, request: &ChatRequest) -> Request {
        let own = self.texts.filters(Filters::GREEDY);
        let filters = Filters {
            temperature: request.temperature.unwrap_or(own.temperature),
            top_k: request.top_k.or(own.top_k),
            top_p: request.top_p.unwrap_or(own.top_p),
            min_p: request.min_p.unwrap_or(own.min_p),
        };
        let asked = Request::new(prompt, filters, request.seed.unwrap_or(0), request.max_tokens);
        Request { stops: request.stop.clone(), logprobs: request.logprobs, ..asked }
    }

    fn logprob(&self, drawn: &Drawn) -> Option<TokenLogprob> {
        let text = |token| String::from_utf8_lossy(&self.texts.bytes(token)).into_owned();
        let odds = drawn.odds.as_ref()?;
        let top = odds.top.iter().map(|&(token, logprob)| (text(token), logprob)).collect();
        Some(TokenLogprob { token: text(drawn.token), logprob: odds.logprob, top })
    }
}

impl From<Finish> for longlab_client::Finish {
    fn from(finish: Finish) -> longlab_client::Finish {
        match finish {
            Finish::Stop => longlab_client::Finish::Stop,
            Finish::Length => longlab_client::Finish::Length,
        }
    }
}

impl From<TalkError> for ChatFailure {
    fn from(error: TalkError) -> ChatFailure {
        let reason = error.to_string();
        match error {
            TalkError::Refused(Refusal::Full { .. } | Refusal::Closed) | TalkError::Failed(Failure::Late) => {
                ChatFailure::Failed { reason }
            }
            TalkError::NoTemplate
            | TalkError::Refused(_)
            | TalkError::Window { .. }
            | TalkError::Chat(ChatError::Refused { .. } | ChatError::Message { .. }) => ChatFailure::Refused { reason },
            _ => ChatFailure::Failed { reason },
        }
    }
}
