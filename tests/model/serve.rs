//! The server as its clients see it: answers whole and as streams, alone and beside others, and errors.

use super::serve_clients::until;
use super::socket::{Response, Socket, get, post};
use super::talk::folder;
use longlab::lm::engine::{Engine, Limits};
use longlab::lm::infer::{Model, Sequence, Wanted};
use longlab::lm::{Checkpoint, Odds};
use longlab::serve::{Server, Settings};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

pub const CHAT: &str = "/v1/chat/completions";
const TEXT: &str = "/v1/completions";

/// A server on a free port. It ends when it is told to, or with the process.
pub fn serve(limits: Limits, settings: Settings) -> (Server, SocketAddr) {
    serve_folder(folder(true).path(), limits, settings)
}

/// The same with another model.
pub fn serve_folder(folder: &Path, limits: Limits, settings: Settings) -> (Server, SocketAddr) {
    let engine = Engine::load(folder, 2, limits).unwrap().named("micro");
    let server = Server::start(Arc::new(engine), Settings { address: ([127, 0, 0, 1], 0).into(), ..settings }).unwrap();
    let address = server.address();
    (server, address)
}

fn usual() -> (Server, SocketAddr) {
    serve(Limits::default(), Settings::default())
}

fn question(text: &str, more: &Value) -> Value {
    let mut body =
        json!({"model": "micro", "messages": [{"role": "user", "content": text}], "max_tokens": 24, "seed": 7});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

/// What a stream's parts make together, in the shape of a whole answer's choices.
fn together(response: &Response) -> Value {
    let (parts, done) = response.events();
    assert!(done && response.whole && response.status == 200, "{response:?}");
    let mut choices: Vec<Value> = Vec::new();
    for part in &parts {
        assert_eq!((&part["id"], &part["created"]), (&parts[0]["id"], &parts[0]["created"]));
        for choice in part["choices"].as_array().unwrap() {
            let index = choice["index"].as_u64().unwrap() as usize;
            choices.resize(
                choices.len().max(index + 1),
                json!({"text": "", "reasoning": "", "logprobs": [], "finish": null}),
            );
            let all = &mut choices[index];
            let more = choice["delta"]["content"].as_str().or(choice["text"].as_str()).unwrap_or("");
            all["text"] = (all["text"].as_str().unwrap().to_owned() + more).into();
            let more = choice["delta"]["reasoning_content"].as_str().unwrap_or("");
            all["reasoning"] = (all["reasoning"].as_str().unwrap().to_owned() + more).into();
            let odds = &choice["logprobs"];
            let odds = odds["content"].as_array().or(odds["token_logprobs"].as_array());
            all["logprobs"].as_array_mut().unwrap().extend(odds.into_iter().flatten().cloned());
            assert!(all["finish"].is_null(), "nothing comes after the end");
            all["finish"] = choice["finish_reason"].clone();
        }
    }
    choices.into()
}

/// A whole answer in the same shape.
fn whole(response: &Response) -> Value {
    assert_eq!(response.status, 200, "{}", response.text());
    let choice = |choice: &Value| {
        let text = choice["message"]["content"].as_str().or(choice["text"].as_str()).unwrap();
        let odds = &choice["logprobs"];
        let odds = odds["content"].as_array().or(odds["token_logprobs"].as_array());
        json!({"text": text, "reasoning": choice["message"]["reasoning_content"].as_str().unwrap_or(""),
            "logprobs": odds.cloned().unwrap_or_default(), "finish": choice["finish_reason"]})
    };
    response.json()["choices"].as_array().unwrap().iter().map(choice).collect()
}

fn streamed(mut body: Value) -> Value {
    body["stream"] = true.into();
    body
}

#[test]
fn a_stream_is_the_whole_answer_in_parts() {
    let (_server, address) = usual();
    for (path, more) in [
        (CHAT, json!({})),
        (CHAT, json!({"n": 3, "logprobs": true, "top_logprobs": 2})),
        (CHAT, json!({"temperature": 0.5, "top_p": 0.9, "top_k": 10, "min_p": 0.01, "stop": ["e", "no such"]})),
        (
            CHAT,
            json!({"max_completion_tokens": 3, "messages": [{"role": "user", "content": [{"type": "text", "text": "Why"}]}]}),
        ),
        (TEXT, json!({"prompt": "Who lives in"})),
        (TEXT, json!({"prompt": ["Who", "lives"], "n": 2, "logprobs": 1})),
        (TEXT, json!({"prompt": [5, 6, 7], "temperature": 0})),
        (TEXT, json!({"prompt": [[5, 6, 7], [8]], "stop": "a"})),
    ] {
        let body = question("Who lives in Bern?", &more);
        let (one, other) = (post(address, path, &body), post(address, path, &streamed(body.clone())));
        assert_eq!(whole(&one), together(&other), "{body}");
        assert_eq!(other.header("content-type"), Some("text/event-stream"));
        assert_eq!(one.json()["model"], "micro");
        assert_eq!(whole(&one), whole(&post(address, path, &body)), "the same seed, the same answer");
    }
}

#[test]
fn usage_counts_prompts_and_all_answers() {
    let (_server, address) = usual();
    let body = question("Why?", &json!({"n": 3}));
    let usage = json!({"prompt_tokens": "user: Why?\nassistant:".len(), "completion_tokens": 72,
        "total_tokens": "user: Why?\nassistant:".len() + 72});
    assert_eq!(post(address, CHAT, &body).json()["usage"], usage);
    let mut body = streamed(body);
    let (parts, _) = post(address, CHAT, &body).events();
    assert!(parts.iter().all(|part| part.get("usage").is_none()));
    body["stream_options"] = json!({"include_usage": true});
    let (mut parts, _) = post(address, CHAT, &body).events();
    let last = parts.pop().unwrap();
    assert_eq!((&last["usage"], &last["choices"]), (&usage, &json!([])));
    assert!(parts.iter().all(|part| part["usage"].is_null() && part.get("usage").is_some()));
    assert_eq!(parts[0]["choices"][0]["delta"], json!({"role": "assistant", "content": ""}));
}

/// The log-probabilities of an answer are those of the model, by a pass of our own over prompt and answer.
#[test]
fn logprobs_are_those_of_the_model() {
    let (_server, address) = usual();
    let body =
        question("Who lives in Bern?", &json!({"logprobs": true, "top_logprobs": 3, "temperature": 0.6, "top_k": 4}));
    let response = post(address, CHAT, &body).json();
    let told = response["choices"][0]["logprobs"]["content"].as_array().unwrap();
    let dir = folder(true);
    let checkpoint = Checkpoint::open(dir.path()).unwrap();
    let (model, tokenizer) = (Model::load(&checkpoint, 1).unwrap(), checkpoint.tokenizer().unwrap());
    let ids = |text: &str| tokenizer.encode_fast(text, false).unwrap().get_ids().to_vec();
    let (prompt, text) =
        (ids("user: Who lives in Bern?\nassistant:"), response["choices"][0]["message"]["content"].as_str());
    let answer = ids(text.unwrap());
    let logits = model.read(&mut [(&mut Sequence::default(), &[&prompt[..], &answer].concat())], Wanted::All);
    let (mut sum, mut expected) = (0.0, 0.0);
    for (at, (told, &token)) in told.iter().zip(&answer).enumerate() {
        let odds = Odds::new(&logits[(prompt.len() + at - 1) * 96..][..96], token as usize, 3);
        sum += told["logprob"].as_f64().unwrap();
        expected += f64::from(odds.logprob);
        assert_eq!(
            told["token"].as_str().unwrap().as_bytes(),
            told["bytes"].as_array().unwrap().iter().map(|byte| byte.as_u64().unwrap() as u8).collect::<Vec<_>>()
        );
        let top: Vec<f64> =
            told["top_logprobs"].as_array().unwrap().iter().map(|one| one["logprob"].as_f64().unwrap()).collect();
        assert!(top.iter().zip(&odds.top).all(|(told, (_, p))| (told - f64::from(*p)).abs() < 1e-5), "{top:?}");
    }
    assert_eq!((told.len(), answer.len()), (24, 24));
    assert!((sum - expected).abs() < 1e-3, "{sum} is not {expected}");
    let body = json!({"prompt": "Who", "max_tokens": 5, "logprobs": 2, "seed": 1});
    let odds = post(address, TEXT, &body).json()["choices"][0]["logprobs"].clone();
    assert_eq!(odds["text_offset"], json!([0, 1, 2, 3, 4]));
    assert!(odds["top_logprobs"].as_array().unwrap().iter().all(|top| top.as_object().unwrap().len() == 2));
    assert_eq!(odds["tokens"].as_array().unwrap().len(), 5);
}

#[test]
fn sixty_four_streams_at_once_are_each_as_alone() {
    let (_server, address) = serve(Limits { rows: 24, ..Limits::default() }, Settings::default());
    let bodies: Vec<Value> = (0..64)
        .map(|number| {
            let text = format!("{number}: {}", "Who lives in Bern? ".repeat(number % 7));
            question(
                &text,
                &json!({"seed": number * 31, "max_tokens": 5 + number % 40, "n": 1 + number % 2, "temperature": 0.8}),
            )
        })
        .collect();
    let expected: Vec<Value> = bodies.iter().map(|body| whole(&post(address, CHAT, body))).collect();
    let different: std::collections::BTreeSet<String> = expected.iter().map(Value::to_string).collect();
    assert_eq!(different.len(), 64, "answers that could not be told apart would prove nothing");
    std::thread::scope(|scope| {
        let ask = |body: Value| scope.spawn(move || together(&post(address, CHAT, &streamed(body))));
        let threads: Vec<_> = bodies.into_iter().map(ask).collect();
        for (number, (thread, expected)) in threads.into_iter().zip(expected).enumerate() {
            assert_eq!(thread.join().unwrap(), expected, "stream {number}");
        }
    });
}

#[test]
fn what_cannot_be_answered_is_said_in_the_shape_of_errors() {
    let settings = Settings { messages: 3, answers: 4, max_tokens: 100, ..Settings::default() };
    let (_server, address) = serve(Limits::default(), settings);
    let tell = |path: &str, body: &Value| {
        let response = post(address, path, body);
        let error = response.json()["error"].clone();
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{error}");
        (
            response.status,
            error["param"].as_str().unwrap_or("").to_owned(),
            error["code"].as_str().unwrap_or("").to_owned(),
        )
    };
    for (more, status, param, code) in [
        (json!({"model": "gpt-9"}), 404, "model", "model_not_found"),
        (json!({"messages": []}), 400, "messages", ""),
        (json!({"messages": [{"role": "user", "content": "a"}, {}, {}, {}]}), 400, "messages", ""),
        (json!({"messages": [{"role": "robot", "content": "a"}]}), 400, "messages", ""),
        (json!({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}), 400, "messages", ""),
        (json!({"messages": "Why?"}), 400, "messages", ""),
        (json!({"temperature": "warm"}), 400, "temperature", ""),
        (json!({"temperature": -1}), 400, "temperature", ""),
        (json!({"top_p": 0}), 400, "top_p", ""),
        (json!({"n": 5}), 400, "n", ""),
        (json!({"n": 0}), 400, "n", ""),
        (json!({"max_tokens": 101}), 400, "max_tokens", ""),
        (json!({"max_tokens": 0}), 400, "max_tokens", ""),
        (json!({"stop": [""]}), 400, "stop", ""),
        (json!({"logprobs": true, "top_logprobs": 21}), 400, "top_logprobs", ""),
        (json!({"top_logprobs": 2}), 400, "top_logprobs", ""),
        (json!({"logit_bias": {"5": 1}}), 400, "logit_bias", "unsupported"),
        (json!({"response_format": {"type": "json_schema"}}), 400, "response_format", "unsupported"),
        (json!({"messages": [{"role": "user", "content": "a".repeat(600)}]}), 400, "", "context_length_exceeded"),
    ] {
        let expected = (status, param.to_owned(), code.to_owned());
        assert_eq!(tell(CHAT, &question("Why?", &more)), expected, "{more}");
        assert_eq!(tell(CHAT, &streamed(question("Why?", &more))), expected, "{more}, streamed");
    }
    assert_eq!(tell(TEXT, &json!({"prompt": []})).1, "prompt");
    assert_eq!(tell(TEXT, &json!({"prompt": [[]]})).1, "prompt");
    assert_eq!(tell(TEXT, &json!({"prompt": ""})).1, "prompt");
    assert_eq!(tell(TEXT, &json!({"prompt": [99]})).1, "prompt");
    assert_eq!(tell(TEXT, &json!({"prompt": [-1]})).1, "prompt");
    assert_eq!(tell(TEXT, &json!({})).1, "prompt");
    let harmless = json!({"tools": [{"type": "function", "function": {"name": "f"}}], "user": "me", "no_such_field": [1], "seed": -3});
    assert_eq!(post(address, CHAT, &question("Why?", &harmless)).status, 200);
}

#[test]
fn paths_methods_and_bodies_that_are_none() {
    let (_server, address) = usual();
    let status = |method: &str, path: &str, headers: &[(&str, &str)], body: &str| {
        let mut socket = Socket::open(address);
        socket.request(method, path, headers, body.as_bytes());
        let response = socket.read().unwrap();
        assert!(response.json()["error"]["message"].is_string());
        response.status
    };
    let json = [("Content-Type", "application/json; charset=utf-8")];
    assert_eq!(status("GET", "/", &[], ""), 404);
    assert_eq!(status("GET", CHAT, &[], ""), 405);
    assert_eq!(status("POST", CHAT, &[("Content-Type", "text/plain")], "{}"), 415);
    assert_eq!(status("POST", CHAT, &[], "{}"), 415);
    for body in ["", "{", "[1]", "{\"messages\": \u{0}}", "\u{feff}{}", &"[".repeat(100_000)] {
        assert_eq!(status("POST", CHAT, &json, body), 400);
    }
    assert_eq!(status("GET", "/v1/models/other", &[], ""), 404);
    assert_eq!(
        status("POST", CHAT, &[json[0], ("Host", "evil.example")], "{}"),
        403,
        "a foreign name for this machine"
    );
}

#[test]
fn models_health_and_metrics() {
    let (server, address) = usual();
    let models = get(address, "/v1/models").json();
    assert_eq!((&models["data"][0]["id"], &models["data"][0]["max_model_len"]), (&json!("micro"), &json!(512)));
    assert_eq!(get(address, "/v1/models/micro").json()["object"], "model");
    assert_eq!(get(address, "/health").json(), json!({"status": "ok"}));
    let answer = post(address, CHAT, &question("Why?", &json!({"n": 2}))).json();
    assert_eq!(get(address, "/no/such/path").status, 404);
    until(address, "longlab_running_answers", |running| running == 0);
    let page = get(address, "/metrics");
    assert!(page.header("content-type").unwrap().starts_with("text/plain"));
    let page = page.text();
    for line in [
        "longlab_requests_total{path=\"/v1/chat/completions\",status=\"200\"} 1",
        "longlab_requests_total{path=\"other\",status=\"404\"} 1",
        &format!("longlab_prompt_tokens_total {}", answer["usage"]["prompt_tokens"]),
        "longlab_answer_tokens_total 48",
        "longlab_answers_total 2",
        "longlab_running_answers 0",
        "longlab_first_piece_seconds_count 2",
        "longlab_next_piece_seconds_count 46",
        "longlab_request_seconds_bucket{le=\"+Inf\"} 1",
    ] {
        assert!(page.lines().any(|known| known == line), "{line} is not in\n{page}");
    }
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(name.starts_with("longlab_") && value.parse::<f64>().is_ok(), "{line}");
    }
    server.stop();
    server.wait();
}

#[test]
fn a_connection_serves_one_request_after_the_other() {
    let (_server, address) = usual();
    let mut socket = Socket::open(address);
    let answers: Vec<Value> = (0..3)
        .map(|_| {
            socket.post(CHAT, &question("Why?", &json!({"seed": null, "max_tokens": 40})));
            whole(&socket.read().unwrap())
        })
        .collect();
    assert!(answers[0] != answers[1] && answers[1] != answers[2], "without a seed each answer is another");
    socket.post(CHAT, &streamed(question("Why?", &json!({}))));
    assert!(socket.read().unwrap().events().1);
    socket.request("GET", "/health", &[], b"");
    assert_eq!(socket.read().unwrap().status, 200);
}
