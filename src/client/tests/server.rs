//! The client against a server that plays every misbehaviour.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

mod stub;

use longlab_client::{
    Budget, ChatFailure, ChatModel, ChatReply, ChatRequest, Client, ClientError, ClientSettings, Finish, Ledger,
    Message, Prices, Usage, ask_all,
};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};
use stub::{Act, Stub, chat, response, whole};

fn request(question: &str) -> ChatRequest {
    ChatRequest::new(vec![Message::user(question)], 16)
}

fn ask(client: &Client) -> Result<ChatReply, ChatFailure> {
    client.chat(&request("Where is Bern?"), &mut |_| true)
}

/// The reason of a refusal.
fn refusal(outcome: Result<ChatReply, ChatFailure>) -> String {
    match outcome {
        Err(ChatFailure::Refused { reason }) => reason,
        other => panic!("not refused: {other:?}"),
    }
}

/// The reason of a failure.
fn failure(outcome: Result<ChatReply, ChatFailure>) -> String {
    match outcome {
        Err(ChatFailure::Failed { reason }) => reason,
        other => panic!("not failed: {other:?}"),
    }
}

#[test]
fn a_whole_answer_is_read_and_counted() {
    let stub = Stub::always(whole(&chat("Zürich, 東京 🙂")));
    let client = stub.client();
    let mut seen = Vec::new();
    let reply = client.chat(&request("Where?"), &mut |text| {
        seen.push(text.to_owned());
        true
    });
    let usage = Usage { prompt_tokens: 5, completion_tokens: 2 };
    let content = "Zürich, 東京 🙂".to_owned();
    let expected =
        ChatReply { content, reasoning: None, finish: Finish::Stop, usage, model: "served".into(), logprobs: vec![] };
    assert_eq!((reply, seen), (Ok(expected), vec!["Zürich, 東京 🙂".to_owned()]));
    let account = client.ledger().read();
    assert_eq!((account.requests, account.prompt_tokens, account.completion_tokens), (1, 5, 2));
    let asked = &stub.asked()[0];
    assert_eq!(asked.line, "POST /v1/chat/completions HTTP/1.1");
    assert_eq!((asked.header("content-type"), asked.header("authorization")), (Some("application/json"), None));
    assert_eq!(
        asked.body,
        json!({"model": "m", "messages": [{"role": "user", "content": "Where?"}], "n": 1, "max_tokens": 16})
    );
}

#[test]
fn connections_are_kept_and_the_first_model_is_taken_where_none_is_named() {
    let models = json!({"object": "list", "data": [{"id": "org/first"}, {"id": "second"}]});
    let stub =
        Stub::start(move |_, asked| whole(&if asked.line.starts_with("GET") { models.clone() } else { chat("ok") }));
    let client = Client::new(ClientSettings { model: None, ..stub.settings() }).unwrap();
    assert_eq!(client.name(), "org/first");
    ask(&client).unwrap();
    assert_eq!(stub.asked()[0].line, "GET /v1/models HTTP/1.1");
    assert_eq!(stub.asked()[1].body["model"], "org/first");
    assert!(client.check().is_ok());
    let error = stub.client().check().unwrap_err();
    assert!(error.to_string().ends_with("has no model `m`; it has org/first, second"), "{error}");
}

#[test]
fn a_server_without_models_is_an_error_before_any_work() {
    for body in ["{}", r#"{"data": []}"#, "garbage", r#"{"data": [{"id": 7}]}"#] {
        let stub = Stub::always(response("200 OK", "", body));
        let made = Client::new(ClientSettings { model: None, ..stub.settings() });
        assert!(matches!(made, Err(ClientError::Models { .. })), "{body}");
    }
}

#[test]
fn a_busy_server_is_asked_again_when_it_says() {
    let date = httpdate::fmt_http_date(SystemTime::now() - Duration::from_secs(60));
    let stub = Stub::plays(vec![
        response("429 Too Many Requests", "retry-after: 0\r\n", r#"{"error": {"message": "slow down"}}"#),
        response("503 Service Unavailable", &format!("retry-after: {date}\r\n"), "loading"),
        whole(&chat("ok")),
    ]);
    let client = stub.client();
    assert_eq!(ask(&client).unwrap().content, "ok");
    let account = client.ledger().read();
    assert_eq!((account.requests, account.retries, account.failures), (3, 2, 0));
}

#[test]
fn a_server_that_wants_a_long_pause_is_left_alone() {
    let stub = Stub::always(response("429 Too Many Requests", "retry-after: 3600\r\n", "{}"));
    let client = stub.client();
    let reason = failure(ask(&client));
    assert!(reason.contains("3600 s") && reason.contains("longest_pause_seconds"), "{reason}");
    assert_eq!((stub.count(), client.ledger().read().failures), (1, 1));
}

#[test]
fn an_error_of_the_server_passes_or_is_told_after_the_last_try() {
    let down = || response("500 Internal Server Error", "", r#"{"error": {"message": "out of memory"}}"#);
    let passing = Stub::plays(vec![down(), down(), whole(&chat("ok"))]);
    assert_eq!(ask(&passing.client()).unwrap().content, "ok");
    let lasting = Stub::always(down());
    let reason = failure(ask(&lasting.client()));
    assert_eq!(reason, "status 500: out of memory (4 of 4 tries)");
    assert_eq!(lasting.count(), 4);
}

#[test]
fn a_request_at_fault_is_sent_once() {
    for (status, mend) in [
        ("400 Bad Request", "maximum context length"),
        ("401 Unauthorized", "key_variable"),
        ("404 Not Found", "is the model named"),
        ("408 Request Timeout", "status 408"),
        ("413 Payload Too Large", "too long"),
        ("422 Unprocessable Entity", "status 422"),
    ] {
        let stub = Stub::always(response(status, "", r#"{"error": {"message": "maximum context length"}}"#));
        let reason = refusal(ask(&stub.client()));
        assert!(reason.contains(mend), "{reason}");
        assert_eq!(stub.count(), 1, "{status}");
    }
}

#[test]
fn a_redirection_is_not_followed_with_the_key() {
    let stub = Stub::always(response("307 Temporary Redirect", "location: http://127.0.0.1:9/steal\r\n", ""));
    assert!(refusal(ask(&stub.client())).contains("new address"));
    assert_eq!(stub.count(), 1);
}

#[test]
fn a_broken_connection_is_tried_again() {
    let body = chat("ok").to_string();
    let cut = |headers: &str| vec![Act::Send(format!("HTTP/1.1 200 OK\r\n{headers}\r\n{}", &body[..40]).into_bytes())];
    let stub = Stub::plays(vec![
        cut(&format!("content-length: {}\r\n", body.len())),
        cut("connection: close\r\n"),
        vec![],
        whole(&chat("ok")),
    ]);
    let client = stub.client();
    assert_eq!(ask(&client).unwrap().content, "ok");
    assert_eq!(client.ledger().read().retries, 3);
}

#[test]
fn nobody_there_is_said_after_the_last_try() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let stub = Stub::always(vec![]);
    let client = Client::new(ClientSettings { url, ..stub.settings() }).unwrap();
    let reason = failure(ask(&client));
    assert!(reason.contains("is the server running there?") && reason.contains("4 of 4 tries"), "{reason}");
}

#[test]
fn garbage_is_no_answer_and_names_what_came() {
    for (kind, body) in [
        ("text/html", "<html>a login page</html>"),
        ("application/json", "garbage"),
        ("application/json", r#"{"choices": "none"}"#),
        ("application/json", "[1, 2]"),
        ("application/json", "{\"choices\": [{\"message\": {\"content\": \"\\ud83d\"}}]}"),
    ] {
        let stub = Stub::always(response("200 OK", &format!("content-type: {kind}\r\n"), body));
        let reason = failure(ask(&stub.client()));
        assert!(reason.contains(kind) && reason.contains("OpenAI-compatible"), "{reason}");
        assert_eq!(stub.count(), 1);
    }
    let deep = format!("{}{}", r#"{"error": "#.repeat(5_000), "1".to_owned() + &"}".repeat(5_000));
    assert!(matches!(ask(&Stub::always(response("200 OK", "", &deep)).client()), Err(ChatFailure::Failed { .. })));
}

#[test]
fn an_answer_that_is_not_one_is_a_failure() {
    for (change, expected) in [
        (json!([]), "why the answer ended"),
        (json!([{"message": {"content": "x"}}]), "why the answer ended"),
        (json!([{"message": {"content": "x"}, "finish_reason": "abort"}]), "unknown reason, `abort`"),
        (json!([{"message": {"content": null}, "finish_reason": "tool_calls"}]), "tool"),
    ] {
        let reason = failure(ask(&Stub::always(whole(&json!({ "choices": change }))).client()));
        assert!(reason.contains(expected), "{reason}");
    }
    let filtered = json!({"choices": [{"message": {"content": ""}, "finish_reason": "content_filter"}]});
    assert!(refusal(ask(&Stub::always(whole(&filtered)).client())).contains("withholds"));
    let report = json!({"error": {"code": 400, "message": "context too long"}});
    assert!(refusal(ask(&Stub::always(whole(&report)).client())).contains("context too long"));
}

#[test]
fn an_error_in_a_good_status_passes_if_its_code_does() {
    let busy = json!({"error": {"code": 503, "message": "overloaded"}});
    let stub = Stub::plays(vec![whole(&busy), whole(&chat("ok"))]);
    assert_eq!(ask(&stub.client()).unwrap().content, "ok");
}

#[test]
fn reasons_of_ending_are_mapped() {
    for (reason, finish) in
        [("stop", Finish::Stop), ("eos", Finish::Stop), ("length", Finish::Length), ("MAX_TOKENS", Finish::Length)]
    {
        let mut body = chat("x");
        body["choices"][0]["finish_reason"] = reason.into();
        assert_eq!(ask(&Stub::always(whole(&body)).client()).unwrap().finish, finish, "{reason}");
    }
}

#[test]
fn thinking_is_split_by_the_server_or_by_the_client() {
    let says = |message: Value| {
        let mut body = chat("");
        body["choices"][0]["message"] = message;
        let reply = ask(&Stub::always(whole(&body)).client()).unwrap();
        (reply.reasoning, reply.content)
    };
    let expected = || (Some("Aare.".to_owned()), "Bern".to_owned());
    assert_eq!(says(json!({"content": "\n\nBern", "reasoning_content": "\nAare.\n"})), expected());
    assert_eq!(says(json!({"content": "Bern", "reasoning": "Aare."})), expected());
    assert_eq!(says(json!({"content": "Bern", "reasoning": "Aare.", "reasoning_content": "Aare."})), expected());
    assert_eq!(says(json!({"content": "Aare.\n</think>\n\nBern", "reasoning_content": null})), expected());
    assert_eq!(says(json!({"content": "<think>\nAare.\n</think>\n\nBern"})), expected());
    assert_eq!(says(json!({"content": "\nBern\n"})), (None, "\nBern\n".to_owned()));
    assert_eq!(says(json!({"content": null, "reasoning_content": "Aare."})), (Some("Aare.".into()), String::new()));
}

#[test]
fn an_answer_that_came_whole_is_shown_whole() {
    let mut body = chat("");
    body["choices"][0]["message"] = json!({"content": "Bern", "reasoning_content": "Aare."});
    let stub = Stub::always(whole(&body));
    let mut seen = String::new();
    let mut see = |text: &str| {
        seen.push_str(text);
        false
    };
    assert_eq!(stub.client().chat(&request("?"), &mut see), Err(ChatFailure::Stopped));
    assert_eq!(seen, "<think>\nAare.\n</think>\n\nBern");
}

#[test]
fn log_probabilities_are_cut_to_what_was_asked_for() {
    let top = json!([{"token": "b", "logprob": -3.0}, {"token": "a", "logprob": -0.5, "bytes": [97]}, {"token": "c", "logprob": -1e300}]);
    let mut body = chat("a");
    body["choices"][0]["logprobs"] = json!({"content": [{"token": "a", "logprob": -0.5, "top_logprobs": top}]});
    let stub = Stub::always(whole(&body));
    let client = stub.client();
    let ask = |others| {
        let request = ChatRequest { logprobs: Some(others), ..request("?") };
        client.chat(&request, &mut |_| true).unwrap().logprobs.remove(0)
    };
    assert_eq!((ask(0).logprob, ask(0).top), (-0.5, vec![]));
    assert_eq!(ask(2).top, [("a".to_owned(), -0.5), ("b".to_owned(), -3.0)]);
    assert_eq!(ask(3).top[2].1, f32::MIN);
    assert_eq!(stub.asked()[0].body["top_logprobs"], 1);
    let without = Stub::always(whole(&chat("a"))).client();
    let request = ChatRequest { logprobs: Some(1), ..request("?") };
    assert!(refusal(without.chat(&request, &mut |_| true)).contains("no log-probabilities"));
}

#[test]
fn an_endless_body_is_cut_at_its_limit() {
    let head = |kind| Act::Send(format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\n\r\n").into_bytes());
    for (kind, start, more) in [
        ("application/json", r#"{"choices": ["#, r#"{"message": {"content": "x"}},"#),
        ("application/json", " ", "          "),
        ("text/event-stream", ": hi\n\n", ": still here\n\n"),
        ("text/event-stream", "data: ", "aaaaaaaaaaaaaaaa"),
    ] {
        let acts = vec![head(kind), Act::Send(start.into()), Act::Endless(more.repeat(500).into_bytes())];
        let stub = Stub::always(acts);
        let client = Client::new(ClientSettings { largest_reply: 1 << 20, ..stub.settings() }).unwrap();
        let reason = failure(ask(&client.streaming(kind.contains("event"))));
        assert!(reason.contains("longer than 1048576 bytes; raise `largest_reply`"), "{reason}");
        assert_eq!(stub.count(), 1);
    }
}

#[test]
fn an_endless_error_and_endless_headers_are_cut() {
    let error = vec![
        Act::Send(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
        Act::Endless(b"no no no no no no no ".repeat(500)),
    ];
    assert!(refusal(ask(&Stub::always(error).client())).contains("no no"));
    let headers = vec![Act::Send(b"HTTP/1.1 200 OK\r\n".to_vec()), Act::Endless(b"x-more: and more\r\n".repeat(100))];
    assert!(matches!(ask(&Stub::always(headers).client()), Err(ChatFailure::Failed { .. })));
}

#[test]
fn a_silent_server_is_given_up_once() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{".to_vec();
    for acts in [vec![Act::Hang], vec![Act::Send(head), Act::Hang]] {
        let stub = Stub::always(acts);
        let client = Client::new(ClientSettings { request_seconds: 0.2, ..stub.settings() }).unwrap();
        let reason = failure(ask(&client));
        assert!(reason.contains("within 0.2 s; raise `request_seconds`"), "{reason}");
        assert_eq!(stub.count(), 1);
    }
}

#[test]
fn a_wrong_request_is_not_sent() {
    let stub = Stub::always(whole(&chat("ok")));
    let wrong = ChatRequest { top_p: Some(2.0), ..request("?") };
    assert!(refusal(stub.client().chat(&wrong, &mut |_| true)).contains("top_p"));
    assert_eq!(stub.count(), 0);
}

#[test]
fn the_key_is_sent_and_shown_to_nobody() {
    // The one variable of a test process that has a known value of the right form.
    let variable = "CARGO_PKG_NAME";
    let key = std::env::var(variable).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache.jsonl");
    let stub = Stub::plays(vec![
        whole(&chat("ok")),
        response("401 Unauthorized", "", &json!({"error": {"message": format!("wrong key {key}")}}).to_string()),
    ]);
    let settings =
        ClientSettings { key_variable: Some(variable.into()), cache: Some(cache.clone()), ..stub.settings() };
    let client = Client::new(settings.clone()).unwrap();
    ask(&client).unwrap();
    assert_eq!(stub.asked()[0].header("authorization"), Some(format!("Bearer {key}").as_str()));
    let reason = refusal(client.chat(&request("again"), &mut |_| true));
    assert!(reason.contains("wrong key ***"), "{reason}");
    assert!(!std::fs::read_to_string(&cache).unwrap().contains(&key));
    assert!(!serde_json::to_string(&settings).unwrap().contains(&key));
    let missing = ClientSettings { key_variable: Some("LONGLAB_NO_SUCH_KEY".into()), ..stub.settings() };
    let error = Client::new(missing).err().unwrap().to_string();
    assert_eq!(error, "environment variable LONGLAB_NO_SUCH_KEY: it is not set; put the server's API key there");
}

#[test]
fn no_more_requests_are_under_way_than_allowed() {
    let (out, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (now, top) = (out.clone(), most.clone());
    let stub = Stub::start(move |_, asked| {
        top.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(5));
        now.fetch_sub(1, Ordering::SeqCst);
        whole(&chat(asked.question()))
    });
    let client = Client::new(ClientSettings { concurrency: 3, ..stub.settings() }).unwrap();
    let requests: Vec<_> = (0..40).map(|number| request(&number.to_string())).collect();
    let outcomes = ask_all(&client, &requests, 12, &mut |_| true);
    for (number, outcome) in outcomes.into_iter().enumerate() {
        assert_eq!(outcome.unwrap().content, number.to_string());
    }
    assert!((1..=3).contains(&most.load(Ordering::SeqCst)));
    assert_eq!(stub.count(), 40);
}

#[test]
fn a_budget_stops_calls_that_would_begin_above_it() {
    let stub = Stub::always(whole(&chat("ok")));
    let budget = Budget { tokens: Some(14), cost: None };
    let client = Client::new(ClientSettings { budget, concurrency: 1, ..stub.settings() }).unwrap();
    let requests: Vec<_> = (0..6).map(|number| request(&number.to_string())).collect();
    let outcomes = ask_all(&client, &requests, 3, &mut |_| true);
    let refused = outcomes.iter().filter(|outcome| matches!(outcome, Err(ChatFailure::Budget { .. }))).count();
    assert_eq!((stub.count(), refused), (2, 4));
    let account = client.ledger().read();
    assert_eq!((account.prompt_tokens, account.completion_tokens, account.failures), (10, 4, 4));
}

#[test]
fn clients_share_a_ledger_and_its_prices() {
    let stub = Stub::always(whole(&chat("ok")));
    let prices = Prices { prompt_million: 1e6, completion_million: 2e6 };
    let ledger = Arc::new(Ledger::new(prices, Budget { tokens: None, cost: Some(18.0) }));
    let clients: Vec<_> = (0..2).map(|_| Client::with_ledger(stub.settings(), ledger.clone()).unwrap()).collect();
    ask(&clients[0]).unwrap();
    ask(&clients[1]).unwrap();
    assert_eq!(ledger.read().cost, 18.0);
    assert!(matches!(ask(&clients[0]), Err(ChatFailure::Budget { reason }) if reason.contains("18 of 18")));
}

#[test]
fn tokens_that_the_server_does_not_count_are_estimated_high() {
    let mut body = chat("ok");
    body.as_object_mut().unwrap().shift_remove("usage");
    let stub = Stub::always(whole(&body));
    let client = stub.client();
    assert_eq!(ask(&client).unwrap().usage, Usage::default());
    let account = client.ledger().read();
    assert_eq!((account.estimated, account.prompt_tokens, account.completion_tokens), (1, 7, 16));
}
