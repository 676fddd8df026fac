//! The fields of a request, read by name: one that is null is not there, one that is not known is passed over.

use super::error::ApiError;
use axum::http::StatusCode;
use serde_json::{Map, Value};

/// An object of a request.
pub(super) struct Fields<'a>(&'a Map<String, Value>);

/// A field that would change the answer and is not followed, and whether its value asks for nothing.
type Unknown = (&'static str, fn(&Value) -> bool);

/// What is refused, since an answer that left it aside would not be what was asked for.
const REFUSED: [Unknown; 17] = [
    ("frequency_penalty", |value| value.as_f64() == Some(0.0)),
    ("presence_penalty", |value| value.as_f64() == Some(0.0)),
    ("repetition_penalty", |value| value.as_f64() == Some(1.0)),
    ("logit_bias", is_empty),
    ("response_format", |value| value["type"] == "text"),
    ("tool_choice", |value| value == "none" || value == "auto"),
    ("function_call", |value| value == "none" || value == "auto"),
    ("modalities", |value| value.as_array().is_some_and(|kinds| kinds.iter().all(|kind| kind == "text"))),
    ("audio", is_empty),
    ("echo", |value| value == false),
    ("suffix", is_empty),
    ("prompt_logprobs", |value| value == 0),
    ("guided_json", is_empty),
    ("guided_regex", is_empty),
    ("guided_choice", is_empty),
    ("guided_grammar", is_empty),
    ("structured_outputs", is_empty),
];

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The object that a body is.
///
/// # Errors
/// No JSON, or no object.
pub(super) fn object(body: &[u8]) -> Result<Map<String, Value>, ApiError> {
    let bad = |reason: String| ApiError::new(StatusCode::BAD_REQUEST, reason);
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(bad("the body must be a JSON object".to_owned())),
        Err(error) => Err(bad(format!("the body is not JSON: {error}"))),
    }
}

impl<'a> Fields<'a> {
    /// The fields, if none of them asks for what is not done here.
    ///
    /// # Errors
    /// The first that does.
    pub(super) fn new(fields: &'a Map<String, Value>) -> Result<Fields<'a>, ApiError> {
        let fields = Fields(fields);
        let refused = REFUSED.iter().find(|(name, harmless)| fields.get(name).is_some_and(|value| !harmless(value)));
        match refused {
            Some((name, _)) => {
                Err(ApiError::field(name, format!("`{name}` is not supported here; leave it out")).code("unsupported"))
            }
            None => Ok(fields),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// # Errors
    /// As the others below: a value of another kind.
    pub(super) fn number(&self, name: &str) -> Result<Option<f64>, ApiError> {
        self.read(name, "a number", Value::as_f64)
    }

    pub(super) fn count(&self, name: &str) -> Result<Option<usize>, ApiError> {
        self.read(name, "a whole number, 0 or more", |value| usize::try_from(value.as_u64()?).ok())
    }

    pub(super) fn integer(&self, name: &str) -> Result<Option<i64>, ApiError> {
        self.read(name, "a whole number of 64 bits", Value::as_i64)
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        self.read(name, "true or false", Value::as_bool)
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>, ApiError> {
        self.read(name, "a text", Value::as_str)
    }

    pub(super) fn list(&self, name: &str) -> Result<Option<&'a [Value]>, ApiError> {
        self.read(name, "a list", |value| value.as_array().map(Vec::as_slice))
    }

    /// A text or several.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>, ApiError> {
        let one = |value: &Value| value.as_str().map(str::to_owned);
        let read = |value: &'a Value| match value {
            Value::Array(items) => items.iter().map(one).collect(),
            value => one(value).map(|text| vec![text]),
        };
        Ok(self.read(name, "a text or a list of texts", read)?.unwrap_or_default())
    }

    /// A flag in an object: `stream_options.include_usage`.
    pub(super) fn inner_flag(&self, name: &str, inner: &str) -> Result<Option<bool>, ApiError> {
        let fields = self.read(name, "an object", Value::as_object)?;
        fields.map_or(Ok(None), |fields| Fields(fields).flag(inner))
    }

    fn read<T>(&self, name: &str, kind: &str, read: impl Fn(&'a Value) -> Option<T>) -> Result<Option<T>, ApiError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let wrong = || ApiError::field(name, format!("`{name}` must be {kind}"));
        read(value).ok_or_else(wrong).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refusal(body: &Value) -> Option<String> {
        Fields::new(body.as_object().unwrap()).err().and_then(|error| error.param)
    }

    #[test]
    fn what_changes_nothing_is_passed_over_and_what_would_is_refused() {
        let harmless = json!({"user": "a", "tools": [{"type": "function"}], "tool_choice": "auto", "echo": false, "logit_bias": {},
            "frequency_penalty": 0, "presence_penalty": 0.0, "repetition_penalty": 1, "response_format": {"type": "text"},
            "modalities": ["text"], "guided_json": null, "store": true, "suffix": ""});
        assert_eq!(refusal(&harmless), None);
        for (name, value) in [
            ("frequency_penalty", json!(0.5)),
            ("logit_bias", json!({"5": -100})),
            ("response_format", json!({"type": "json_object"})),
            ("tool_choice", json!("required")),
            ("echo", json!(true)),
            ("modalities", json!(["text", "audio"])),
            ("guided_regex", json!("a+")),
        ] {
            assert_eq!(refusal(&json!({name: value})).as_deref(), Some(name));
        }
    }

    #[test]
    fn a_value_of_another_kind_is_named() {
        let body =
            json!({"temperature": "hot", "n": -1, "stream": 1, "stop": [1], "stream_options": [], "top_p": null});
        let fields = Fields::new(body.as_object().unwrap()).unwrap();
        let errors = [
            fields.number("temperature").unwrap_err(),
            fields.count("n").unwrap_err(),
            fields.flag("stream").unwrap_err(),
            fields.texts("stop").unwrap_err(),
            fields.inner_flag("stream_options", "include_usage").unwrap_err(),
        ];
        let named: Vec<String> = errors.into_iter().filter_map(|error| error.param).collect();
        assert_eq!(named, ["temperature", "n", "stream", "stop", "stream_options"]);
        assert_eq!(fields.number("top_p"), Ok(None));
    }

    #[test]
    fn a_body_that_is_no_object_is_refused() {
        for body in ["", "{", "[]", "null", "{\"a\": \u{1}}"] {
            assert_eq!(object(body.as_bytes()).unwrap_err().status, StatusCode::BAD_REQUEST, "{body:?}");
        }
        let deep = "[".repeat(100_000);
        assert!(object(format!("{{\"a\": {deep}").as_bytes()).is_err(), "without a stack overflow");
    }
}
