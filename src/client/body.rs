//! A request as servers take it.

use crate::{ChatFailure, ChatRequest};
use serde_json::{Map, Value, json};

/// The body of `/chat/completions`, but for what only says how the answer is to come. `top_k`, `min_p` and `chat_template_kwargs` are as
/// vLLM, SGLang and llama.cpp take them; what the request leaves to the model is left out.
pub(crate) fn body(request: &ChatRequest, model: &str, extra: &Map<String, Value>) -> Map<String, Value> {
    let mut body = Map::new();
    let mut set = |name: &str, value: Option<Value>| value.map(|value| body.insert(name.to_owned(), value));
    set("model", Some(model.into()));
    set("messages", Some(json!(request.messages)));
    set("n", Some(1.into()));
    set("max_tokens", Some(request.max_tokens.into()));
    set("temperature", request.temperature.map(Value::from));
    set("top_p", request.top_p.map(Value::from));
    set("top_k", request.top_k.map(Value::from));
    set("min_p", request.min_p.map(Value::from));
    set("stop", (!request.stop.is_empty()).then(|| json!(request.stop)));
    set("seed", request.seed.map(Value::from));
    set("logprobs", request.logprobs.map(|_| true.into()));
    // llama.cpp gives none at all for 0 others; those too many are left out of the reply.
    set("top_logprobs", request.logprobs.map(|others| others.max(1).into()));
    set("chat_template_kwargs", request.thinking.map(|thinking| json!({ "enable_thinking": thinking })));
    set("grammar", request.grammar.clone().map(Value::from));
    for (name, value) in extra {
        match value {
            Value::Null => drop(body.shift_remove(name)),
            value => drop(body.insert(name.clone(), value.clone())),
        }
    }
    body
}

/// Whether every number of a request lies in its range, so that no server has to guess.
///
/// # Errors
/// [`ChatFailure::Refused`] with the field and its range.
pub(crate) fn check(request: &ChatRequest) -> Result<(), ChatFailure> {
    let within = |value: Option<f64>, good: fn(f64) -> bool| value.is_none_or(good);
    let checks = [
        (!request.messages.is_empty(), "`messages` is empty; give it one message at least"),
        (request.max_tokens > 0, "`max_tokens` must be 1 at least"),
        (within(request.temperature, |value| value >= 0.0 && value.is_finite()), "`temperature` must be 0 or more"),
        (within(request.top_p, |value| value > 0.0 && value <= 1.0), "`top_p` must be above 0 and at most 1"),
        (within(request.min_p, |value| (0.0..=1.0).contains(&value)), "`min_p` must be from 0 to 1"),
        (request.top_k != Some(0), "`top_k` must be 1 at least; leave it out for all tokens"),
        (request.stop.iter().all(|text| !text.is_empty()), "a text of `stop` is empty"),
    ];
    match checks.iter().find(|(good, _)| !good) {
        Some((_, reason)) => Err(ChatFailure::Refused { reason: (*reason).to_owned() }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Message;

    fn request() -> ChatRequest {
        ChatRequest::new(vec![Message::user("Where is Bern?")], 8)
    }

    #[test]
    fn what_is_left_to_the_model_is_left_out() {
        let body = Value::Object(body(&request(), "m", &Map::new()));
        let messages = json!([{"role": "user", "content": "Where is Bern?"}]);
        assert_eq!(body, json!({"model": "m", "messages": messages, "n": 1, "max_tokens": 8}));
    }

    #[test]
    fn every_choice_is_written_under_its_usual_name() {
        let full = ChatRequest {
            temperature: Some(0.5),
            top_p: Some(0.9),
            top_k: Some(20),
            min_p: Some(0.1),
            stop: vec!["\n".into()],
            seed: Some(u64::MAX),
            logprobs: Some(0),
            thinking: Some(false),
            grammar: Some("root ::= [0-9]+".into()),
            ..request()
        };
        let extra = json!({"max_tokens": null, "max_completion_tokens": 9, "top_k": 5});
        let body = Value::Object(body(&full, "m", extra.as_object().unwrap()));
        let expected = json!({
            "model": "m", "messages": body["messages"], "n": 1, "temperature": 0.5, "top_p": 0.9, "top_k": 5, "min_p": 0.1,
            "stop": ["\n"], "seed": u64::MAX, "logprobs": true, "top_logprobs": 1,
            "chat_template_kwargs": {"enable_thinking": false}, "grammar": "root ::= [0-9]+", "max_completion_tokens": 9,
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn numbers_outside_their_range_are_refused_with_their_name() {
        type Change = fn(&mut ChatRequest);
        let wrong: [(&str, Change); 8] = [
            ("messages", |request| request.messages.clear()),
            ("max_tokens", |request| request.max_tokens = 0),
            ("temperature", |request| request.temperature = Some(f64::NAN)),
            ("temperature", |request| request.temperature = Some(-0.1)),
            ("top_p", |request| request.top_p = Some(0.0)),
            ("min_p", |request| request.min_p = Some(1.5)),
            ("top_k", |request| request.top_k = Some(0)),
            ("stop", |request| request.stop = vec![String::new()]),
        ];
        assert_eq!(check(&request()), Ok(()));
        for (name, change) in wrong {
            let mut request = request();
            change(&mut request);
            let refused = matches!(check(&request), Err(ChatFailure::Refused { reason }) if reason.contains(name));
            assert!(refused, "{name}");
        }
    }
}
