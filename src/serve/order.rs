//! From a request's fields to what the engine is asked.

use super::Settings;
use super::error::ApiError;
use super::fields::Fields;
use crate::lm::Filters;
use crate::lm::engine::{Engine, Request, TOP, Written};
use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use std::time::Instant;

/// Roles of messages; what `developer` says is said by the system.
const ROLES: [&str; 5] = ["system", "developer", "user", "assistant", "tool"];

/// Which of the two ways to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Chat,
    Completion,
}

/// What is asked of the engine, and how the answers are wanted.
pub(super) struct Order {
    pub kind: Kind,
    /// One for each prompt.
    pub requests: Vec<Request>,
    /// Whether the prompt has opened the thinking.
    pub thinking: bool,
    pub stream: bool,
    /// Whether a stream ends with the usage.
    pub usage: bool,
    /// Whether log-probabilities are wanted.
    pub logprobs: bool,
}

impl Order {
    /// Reads a request. This takes as long as a template and a tokenizer take for its text.
    ///
    /// # Errors
    /// What cannot be followed.
    pub(super) fn new(
        kind: Kind,
        body: &Map<String, Value>,
        engine: &Engine,
        settings: &Settings,
    ) -> Result<Order, ApiError> {
        let fields = Fields::new(body)?;
        if let Some(model) = fields.text("model")?.filter(|&model| model != engine.name()) {
            return Err(unknown_model(model));
        }
        let stream = fields.flag("stream")?.unwrap_or(false);
        let usage = fields.inner_flag("stream_options", "include_usage")?.unwrap_or(false);
        let prompts = match kind {
            Kind::Chat => vec![dialogue(&fields, engine, settings)?],
            Kind::Completion => texts(&fields, engine, settings)?,
        };
        let thinking = prompts.iter().any(|prompt| prompt.thinking);
        let draft = draft(kind, &fields, engine, settings)?;
        let rows = draft.rows.saturating_mul(prompts.len());
        if rows > settings.answers {
            return Err(ApiError::field("n", format!("at most {} answers to a request, not {rows}", settings.answers)));
        }
        let logprobs = draft.logprobs.is_some();
        let asked = asked_tokens(&fields, settings)?;
        let request = |prompt: Written| {
            // What the window leaves; a prompt that is too long is refused by the engine.
            let room = engine.window().saturating_sub(prompt.tokens.len()).clamp(1, settings.max_tokens);
            Request { max_tokens: asked.unwrap_or(room), prompt: prompt.tokens, ..draft.clone() }
        };
        Ok(Order { kind, requests: prompts.into_iter().map(request).collect(), thinking, stream, usage, logprobs })
    }
}

/// A request for a model that is not served.
pub(super) fn unknown_model(model: &str) -> ApiError {
    let message = format!("the model `{model}` is not served here; GET /v1/models names the one that is");
    let error = ApiError { status: StatusCode::NOT_FOUND, ..ApiError::field("model", message) };
    error.code("model_not_found")
}

/// Everything but the prompt.
fn draft(kind: Kind, fields: &Fields, engine: &Engine, settings: &Settings) -> Result<Request, ApiError> {
    let own = engine.texts().filters(Filters { temperature: 1.0, ..Filters::GREEDY });
    let own = settings.filters.over(own);
    let top_k = match fields.integer("top_k")? {
        // Both are ways to say all.
        Some(-1 | 0) => None,
        Some(k) => Some(usize::try_from(k).map_err(|_| ApiError::field("top_k", "`top_k` must be 1 or more"))?),
        None => own.top_k,
    };
    let filters = Filters {
        temperature: fields.number("temperature")?.unwrap_or(own.temperature),
        top_k,
        top_p: fields.number("top_p")?.unwrap_or(own.top_p),
        min_p: fields.number("min_p")?.unwrap_or(own.min_p),
    };
    let seed = fields.integer("seed")?.map_or_else(fresh_seed, |seed| seed as u64);
    let rows = fields.count("n")?.unwrap_or(1);
    if fields.count("best_of")?.is_some_and(|best| best != rows) {
        return Err(ApiError::field("best_of", "`best_of` is not supported here; leave it out").code("unsupported"));
    }
    Ok(Request {
        rows,
        stops: fields.texts("stop")?,
        logprobs: logprobs(kind, fields)?,
        deadline: Some(Instant::now() + settings.timeout),
        ..Request::new(Vec::new(), filters, seed, 1)
    })
}

/// How many tokens a request allows, if it says so.
fn asked_tokens(fields: &Fields, settings: &Settings) -> Result<Option<usize>, ApiError> {
    let newer = fields.count("max_completion_tokens")?;
    let name = if newer.is_some() { "max_completion_tokens" } else { "max_tokens" };
    match newer.or(fields.count("max_tokens")?) {
        Some(asked) if asked > settings.max_tokens => {
            Err(ApiError::field(name, format!("`{name}` may be {} here, not {asked}", settings.max_tokens)))
        }
        asked => Ok(asked),
    }
}

/// Log-probabilities wanted beside those of the drawn tokens: a flag and a number in chat, a number in the older way.
fn logprobs(kind: Kind, fields: &Fields) -> Result<Option<usize>, ApiError> {
    let top = if kind == Kind::Chat { "top_logprobs" } else { "logprobs" };
    let number = fields.count(top)?;
    if number.is_some_and(|number| number > TOP) {
        return Err(ApiError::field(top, format!("`{top}` may be {TOP} at most")));
    }
    if kind == Kind::Completion {
        return Ok(number);
    }
    let wanted = fields.flag("logprobs")?.unwrap_or(false);
    if number.is_some_and(|number| number > 0) && !wanted {
        return Err(ApiError::field(top, "`top_logprobs` needs `logprobs`: true"));
    }
    Ok(wanted.then(|| number.unwrap_or(0)))
}

/// The prompt of the messages.
fn dialogue(fields: &Fields, engine: &Engine, settings: &Settings) -> Result<Written, ApiError> {
    let wrong = |message: String| ApiError::field("messages", message);
    let list = fields.list("messages")?.ok_or_else(|| wrong("`messages` is missing".to_owned()))?;
    if list.is_empty() || list.len() > settings.messages {
        return Err(wrong(format!("1 to {} messages are allowed, not {}", settings.messages, list.len())));
    }
    let messages: Result<Vec<Value>, String> =
        list.iter().enumerate().map(|(at, one)| message(one).map_err(|why| format!("message {at}: {why}"))).collect();
    let thinking = fields.inner_flag("chat_template_kwargs", "enable_thinking")?;
    Ok(engine.texts().prompt(&messages.map_err(wrong)?, thinking)?)
}

/// A message as templates know it; its content may come in parts, all of them texts.
fn message(message: &Value) -> Result<Value, String> {
    let role = message["role"].as_str().filter(|role| ROLES.contains(role));
    let role = role.ok_or_else(|| format!("its role must be one of {}", ROLES.join(", ")))?;
    let role = if role == "developer" { "system" } else { role };
    let content = match &message["content"] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(part).collect::<Result<_, _>>()?,
        _ => return Err("its content must be a text or a list of parts".to_owned()),
    };
    let mut written = json!({"role": role, "content": content});
    for name in ["name", "reasoning_content"] {
        if let Some(text) = message[name].as_str() {
            written[name] = text.into();
        }
    }
    Ok(written)
}

fn part(part: &Value) -> Result<&str, String> {
    match (part["type"].as_str(), part["text"].as_str()) {
        (Some("text"), Some(text)) => Ok(text),
        (kind, _) => Err(format!("parts of the kind `{}` are not read, only texts", kind.unwrap_or("none"))),
    }
}

/// The prompts of the older way: a text or tokens, or a list of either.
fn texts(fields: &Fields, engine: &Engine, settings: &Settings) -> Result<Vec<Written>, ApiError> {
    let kinds = "`prompt` must be a text, a list of tokens, or a list of either";
    let wrong = || ApiError::field("prompt", kinds);
    let prompt = fields.get("prompt").ok_or_else(wrong)?;
    let several = prompt.as_array().filter(|items| !items.iter().any(Value::is_number));
    let prompts = several.map_or_else(|| std::slice::from_ref(prompt), Vec::as_slice);
    if prompts.is_empty() || prompts.len() > settings.answers {
        return Err(ApiError::field("prompt", format!("1 to {} prompts are allowed", settings.answers)));
    }
    let token = |value: &Value| value.as_u64().and_then(|token| u32::try_from(token).ok());
    let tokens = |prompt: &Value| match prompt {
        Value::String(text) => Ok(engine.texts().tokens(text)?),
        Value::Array(items) => items.iter().map(token).collect::<Option<Vec<u32>>>().ok_or_else(wrong),
        _ => Err(wrong()),
    };
    prompts.iter().map(|prompt| Ok(Written { tokens: tokens(prompt)?, thinking: false })).collect()
}

/// A seed that nobody has asked for: another one each time.
fn fresh_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id())
}
