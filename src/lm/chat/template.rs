//! A chat template and what it may call, as transformers sets it up (`chat_template_utils.py`): blocks trimmed, loop controls,
//! `raise_exception`, `strftime_now`, `tojson` without HTML's escapes, Python's methods and Python's way to write values.
//!
//! Known differences: `~` writes none, true and false in lower case; iterating over none is iterating over nothing; the sandbox's
//! other refusals have other words.

use super::error::Refusal;
use super::{ChatError, Moment, guard, methods, python, tags};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Serde, Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind};
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;
use std::thread;

const NAME: &str = "chat";

/// What a template may use up for one prompt: one for a step, one for 64 bytes that it makes. Far more than a conversation of
/// thousands of messages needs, and the end of a template that never ends or wants all memory.
const FUEL: u64 = 1_000_000;

/// Bytes that a template may have; the largest known ones have 20,000.
const LONGEST: usize = 1 << 17;

/// Stack of the thread that parses and renders, in bytes; pages that are never touched cost nothing. The engine's parser goes one call
/// deeper for each sign of a row of them.
const STACK: usize = 256 << 20;

/// A parsed chat template.
///
/// ```
/// use longlab::lm::chat::Template;
/// let source = "{% for m in messages %}<{{ m.role }}>{{ m.content.strip() }}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}";
/// let template = Template::new(source).unwrap();
/// let messages = [serde_json::json!({"role": "user", "content": " Who lives in Bern? "})];
/// assert_eq!(template.render(&messages, true, None).unwrap(), "<user>Who lives in Bern?<assistant>");
/// ```
pub struct Template {
    environment: Environment<'static>,
    /// What it sees besides messages: special tokens, switches such as `enable_thinking`.
    variables: BTreeMap<String, Json>,
}

impl Template {
    /// Parses a template.
    ///
    /// # Errors
    /// More than 128 KiB, or what the template engine says, with the line.
    pub fn new(source: &str) -> Result<Self, ChatError> {
        if source.len() > LONGEST {
            let reason = format!("it has {} bytes, {LONGEST} are allowed", source.len());
            return Err(ChatError::Template { reason });
        }
        on_large_stack(|| Self::parse(source))
    }

    fn parse(source: &str) -> Result<Self, ChatError> {
        let mut environment = Environment::new();
        environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_fuel(Some(FUEL));
        environment.set_formatter(|out, _, value| Ok(out.write_str(&python::text(value)?)?));
        environment.set_unknown_method_callback(methods::call);
        environment.add_filter("tojson", tojson);
        environment.add_filter("string", python::text);
        environment.add_filter("join", methods::join_filter);
        environment.add_filter(tags::CHECK, guard::check);
        environment.add_function("raise_exception", raise_exception);
        environment.add_function("strftime_now", no_date);
        environment.add_test("iterable", is_iterable);
        environment.add_test("sequence", is_sequence);
        environment.add_template_owned(NAME, tags::checked(&tags::without_generation(source)))?;
        Ok(Template { environment, variables: BTreeMap::new() })
    }

    /// Gives the template a variable: a special token (`bos_token`) or a switch (`enable_thinking`).
    pub fn with(mut self, name: &str, value: impl Into<Json>) -> Self {
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    /// Gives the template a moment for `strftime_now`. Without one, a template that asks for the date is an error: a prompt that
    /// changes with the day cannot be replayed.
    pub fn at(mut self, moment: Moment) -> Self {
        self.environment.add_function("strftime_now", move |format: String| moment.strftime(&format));
        self
    }

    /// The prompt of messages. Each is an object with `role` and `content` and whatever else the template knows. A message's
    /// reasoning, under one of the names `reasoning_content`, `thinking` and `reasoning`, is there under the first two.
    ///
    /// # Errors
    /// A message that is no object, the template's own refusal, or what the template engine says.
    pub fn render(
        &self,
        messages: &[Json],
        add_generation_prompt: bool,
        tools: Option<&[Json]>,
    ) -> Result<String, ChatError> {
        self.render_with(messages, add_generation_prompt, tools, &[])
    }

    /// As [`Template::render`], with variables for this one time: a switch such as `enable_thinking`.
    ///
    /// # Errors
    /// As [`Template::render`].
    pub fn render_with(
        &self,
        messages: &[Json],
        add_generation_prompt: bool,
        tools: Option<&[Json]>,
        more: &[(&str, Json)],
    ) -> Result<String, ChatError> {
        let object = |(number, message): (usize, &Json)| match message {
            Json::Object(message) => Ok(Json::Object(with_reasoning(message))),
            _ => Err(ChatError::Message { number }),
        };
        let messages = messages.iter().enumerate().map(object).collect::<Result<Vec<_>, _>>()?;
        let mut seen = self.variables.clone();
        seen.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        seen.insert("messages".to_owned(), messages.into());
        seen.insert("tools".to_owned(), tools.map_or(Json::Null, |tools| tools.to_vec().into()));
        seen.insert("documents".to_owned(), Json::Null);
        seen.insert("add_generation_prompt".to_owned(), add_generation_prompt.into());
        on_large_stack(|| {
            let template = self.environment.get_template(NAME)?;
            Ok(template.render(Value::from(Serde(&seen)))?)
        })
    }
}

/// Runs on a thread of its own. A panic of the engine, which foreign templates might find, is an error like any other.
fn on_large_stack<T: Send>(work: impl FnOnce() -> Result<T, ChatError> + Send) -> Result<T, ChatError> {
    let broken = |reason: String| ChatError::Template { reason };
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("template".to_owned()).stack_size(STACK).spawn_scoped(scope, work);
        let thread = thread.map_err(|error| broken(format!("no thread to work on: {error}")))?;
        thread.join().unwrap_or_else(|_| Err(broken("the template engine broke off".to_owned())))
    })
}

/// As transformers 5 does: templates differ in the name under which they know reasoning.
fn with_reasoning(message: &Map<String, Json>) -> Map<String, Json> {
    let known = ["reasoning_content", "thinking", "reasoning"];
    let Some(reasoning) = known.iter().find_map(|&name| message.get(name).filter(|value| !value.is_null())) else {
        return message.clone();
    };
    let mut all = Map::new();
    all.insert("thinking".to_owned(), reasoning.clone());
    all.extend(message.iter().map(|(name, value)| (name.clone(), value.clone())));
    all.insert("reasoning_content".to_owned(), reasoning.clone());
    all
}

fn raise_exception(message: &Value) -> Result<Value, Error> {
    let message = python::text(message)?;
    Err(Error::new(ErrorKind::InvalidOperation, message.clone()).with_source(Refusal(message)))
}

fn no_date(_format: &Value) -> Result<Value, Error> {
    let reason = "the template asks for the date; give it a fixed one";
    Err(Error::new(ErrorKind::InvalidOperation, reason))
}

fn tojson(value: &Value, options: Kwargs) -> Result<String, Error> {
    let layout = python::Layout {
        ascii: options.get::<Option<bool>>("ensure_ascii")?.unwrap_or(false),
        indent: options.get::<Option<Value>>("indent")?.map_or(Ok(None), |indent| python::indent(&indent))?,
        separators: python::separators(options.get("separators")?)?,
        sorted: options.get::<Option<bool>>("sort_keys")?.unwrap_or(false),
    };
    options.assert_all_used()?;
    layout.dumps(value)
}

/// Whatever Python's `iter` takes.
fn is_iterable(value: &Value) -> bool {
    let kind = value.kind();
    matches!(kind, ValueKind::Undefined | ValueKind::String | ValueKind::Seq | ValueKind::Map | ValueKind::Iterable)
}

/// Whatever has a length and items in Python: texts and dictionaries too.
fn is_sequence(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Undefined | ValueKind::String | ValueKind::Seq | ValueKind::Map)
}
