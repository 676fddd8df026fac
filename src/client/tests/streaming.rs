//! Answers that come piece by piece.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

mod stub;

use longlab_client::{ChatFailure, ChatModel, ChatReply, ChatRequest, Client, ClientSettings, Finish, Message, Usage};
use serde_json::json;
use std::time::Duration;
use stub::{Act, STREAM, Stub, chat, end, event, piece, streamed, whole};

/// The outcome, and the pieces that were shown.
fn ask(client: &Client) -> (Result<ChatReply, ChatFailure>, Vec<String>) {
    let mut seen = Vec::new();
    let request = ChatRequest::new(vec![Message::user("Where?")], 16);
    let outcome = client.streaming(true).chat(&request, &mut |text| {
        seen.push(text.to_owned());
        true
    });
    (outcome, seen)
}

fn reason(outcome: Result<ChatReply, ChatFailure>) -> String {
    match outcome {
        Err(ChatFailure::Failed { reason } | ChatFailure::Refused { reason }) => reason,
        other => panic!("no failure: {other:?}"),
    }
}

fn play(text: &str) -> Vec<Act> {
    vec![Act::Send(format!("{STREAM}{text}").into_bytes())]
}

#[test]
fn a_stream_is_shown_as_it_grows_and_equals_the_whole_answer() {
    let pieces = ["Zü", "rich", ", 東", "京 🙂"];
    let stub = Stub::start(move |_, asked| match asked.body["stream"].as_bool() {
        Some(true) => play(&streamed(&pieces)),
        _ => whole(&chat("Zürich, 東京 🙂")),
    });
    let client = stub.client();
    let (reply, seen) = ask(&client);
    let request = ChatRequest::new(vec![Message::user("Where?")], 16);
    assert_eq!(reply, client.chat(&request, &mut |_| true));
    assert_eq!(seen, pieces);
    assert_eq!(stub.asked()[0].body["stream_options"], json!({"include_usage": true}));
    let account = client.ledger().read();
    assert_eq!((account.prompt_tokens, account.completion_tokens, account.estimated), (10, 4, 0));
}

#[test]
fn a_stream_that_is_cut_anywhere_on_its_way_is_the_same() {
    let stream = streamed(&["Zü", "rich 🙂"]);
    let all = format!("{STREAM}{stream}").into_bytes();
    let cuts = all.len();
    let stub = Stub::start(move |number, _| {
        // Two writes with a rest between them, every place in turn.
        let (one, other) = all.split_at(STREAM.len() + number % (cuts - STREAM.len()));
        vec![Act::Send(one.to_vec()), Act::Pause(Duration::from_micros(300)), Act::Send(other.to_vec())]
    });
    let client = stub.client();
    for _ in 0..stream.len() {
        let (reply, seen) = ask(&client);
        assert_eq!((reply.unwrap().content.as_str(), seen.concat().as_str()), ("Zürich 🙂", "Zürich 🙂"));
    }
    assert_eq!(client.ledger().read().retries, 0);
}

#[test]
fn thinking_comes_first_and_is_opened_and_closed() {
    for name in ["reasoning_content", "reasoning"] {
        let text = [
            piece(json!({"role": "assistant", "content": null, name: "Aa"})),
            piece(json!({name: "re."})),
            piece(json!({"content": "Be"})),
            piece(json!({"content": "rn"})),
            end(),
        ];
        let (reply, seen) = ask(&Stub::always(play(&text.concat())).client());
        let reply = reply.unwrap();
        assert_eq!((reply.reasoning.as_deref(), reply.content.as_str()), (Some("Aare."), "Bern"));
        assert_eq!(seen, ["<think>\n", "Aa", "re.", "\n</think>\n\n", "Be", "rn"]);
    }
    let (reply, seen) = ask(&Stub::always(play(&streamed(&["Aare.\n</th", "ink>\n\nBern"]))).client());
    let reply = reply.unwrap();
    assert_eq!((reply.reasoning.as_deref(), reply.content.as_str()), (Some("Aare."), "Bern"));
    assert_eq!(seen.concat(), "Aare.\n</think>\n\nBern");
}

#[test]
fn the_kind_of_an_answer_is_seen_from_the_answer() {
    let plain =
        format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n{}", streamed(&["ok"]));
    assert_eq!(ask(&Stub::always(vec![Act::Send(plain.into())]).client()).0.unwrap().content, "ok");
    let (reply, seen) = ask(&Stub::always(whole(&chat("whole"))).client());
    assert_eq!((reply.unwrap().content.as_str(), seen), ("whole", vec!["whole".to_owned()]));
    let stub = Stub::always(play(&streamed(&["un", "asked"])));
    let request = ChatRequest::new(vec![Message::user("Where?")], 16);
    assert_eq!(stub.client().chat(&request, &mut |_| true).unwrap().content, "unasked");
}

#[test]
fn chunks_of_http_may_end_anywhere() {
    let stream = streamed(&["Zü", "rich"]);
    let chunks: String =
        stream.as_bytes().chunks(7).map(|chunk| format!("{:x}\r\n{}\r\n", chunk.len(), latin(chunk))).collect();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    let bytes = format!("{head}{chunks}0\r\n\r\n").chars().map(|letter| letter as u8).collect();
    let stub = Stub::always(vec![Act::Send(bytes), Act::Stay]);
    assert_eq!(ask(&stub.client()).0.unwrap().content, "Zürich");
}

/// Bytes as letters of the same numbers.
fn latin(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

#[test]
fn a_broken_stream_is_asked_for_again_and_shown_once() {
    let whole = streamed(&["Zü", "rich", " it is"]);
    let broken = whole[..whole.find(" it is").unwrap()].to_owned();
    let stub = Stub::plays(vec![play(&broken), play(&whole)]);
    let client = stub.client();
    let (reply, seen) = ask(&client);
    assert_eq!(reply.unwrap().content, "Zürich it is");
    assert_eq!(seen, ["Zü", "rich", " it is"]);
    let account = client.ledger().read();
    assert_eq!((account.retries, account.estimated), (1, 1));
    assert!(account.completion_tokens > 2);
}

#[test]
fn a_broken_stream_that_says_something_else_is_a_failure() {
    let broken = streamed(&["Zürich"]);
    let broken = &broken[..broken.len() - end().len()];
    let stub = Stub::plays(vec![play(broken), play(&streamed(&["Bern"]))]);
    let (outcome, seen) = ask(&stub.client());
    assert!(reason(outcome).contains("something else"));
    assert_eq!(seen, ["Zürich"]);
}

#[test]
fn a_stream_may_end_without_its_mark_but_not_without_a_reason() {
    let text = streamed(&["ok"]);
    let unmarked = text.strip_suffix("data: [DONE]\n\n").unwrap();
    assert_eq!(ask(&Stub::always(play(unmarked)).client()).0.unwrap().content, "ok");
    let unreasoned = format!("{}data: [DONE]\n\n", piece(json!({"content": "ok"})));
    assert!(reason(ask(&Stub::always(play(&unreasoned)).client()).0).contains("why the answer ended"));
    let stub = Stub::always(play(""));
    assert!(reason(ask(&stub.client()).0).contains("broke off"));
    assert_eq!(stub.count(), 4);
}

#[test]
fn an_error_amid_a_stream_is_the_outcome() {
    let report = |code: u16| event(&json!({"error": {"code": code, "message": "out of memory"}}));
    let refused = Stub::always(play(&report(400)));
    assert_eq!(reason(ask(&refused.client()).0), "status 400: out of memory");
    let passing = Stub::plays(vec![play(&report(500)), play(&streamed(&["ok"]))]);
    assert_eq!(ask(&passing.client()).0.unwrap().content, "ok");
    let garbage = Stub::always(play("data: {\"choices\": \n\n"));
    assert!(reason(ask(&garbage.client()).0).contains("no JSON"));
}

#[test]
fn the_caller_stops_a_stream_and_pays_for_what_came() {
    let endless = vec![Act::Send(STREAM.into()), Act::Endless(piece(json!({"content": "more "})).into_bytes())];
    let stub = Stub::always(endless);
    let client = stub.client();
    let mut seen = 0;
    let request = ChatRequest::new(vec![Message::user("Where?")], 16);
    let outcome = client.streaming(true).chat(&request, &mut |_| {
        seen += 1;
        seen < 3
    });
    assert_eq!((outcome, seen, stub.count()), (Err(ChatFailure::Stopped), 3, 1));
    let account = client.ledger().read();
    assert_eq!((account.estimated, account.completion_tokens, account.failures), (1, 8, 1));
}

#[test]
fn log_probabilities_come_piece_by_piece() {
    let token = |text: &str, logprob: f64| {
        let token = json!({"token": text, "logprob": logprob, "top_logprobs": [{"token": text, "logprob": logprob}]});
        event(&json!({"choices": [{"delta": {"content": text}, "logprobs": {"content": [token]}}]}))
    };
    let stub = Stub::always(play(&[token("a", -0.5), token("b", -1.5), end()].concat()));
    let request = ChatRequest { logprobs: Some(1), ..ChatRequest::new(vec![Message::user("?")], 4) };
    let reply = stub.client().streaming(true).chat(&request, &mut |_| true).unwrap();
    let logprobs: Vec<_> =
        reply.logprobs.iter().map(|token| (token.token.as_str(), token.logprob, token.top.len())).collect();
    assert_eq!(logprobs, [("a", -0.5, 1), ("b", -1.5, 1)]);
    assert_eq!((reply.finish, reply.usage), (Finish::Stop, Usage { prompt_tokens: 5, completion_tokens: 2 }));
}

#[test]
fn a_stream_that_falls_silent_is_given_up() {
    let stub = Stub::always(vec![Act::Send(format!("{STREAM}{}", piece(json!({"content": "a"}))).into()), Act::Hang]);
    let client = Client::new(ClientSettings { request_seconds: 0.2, ..stub.settings() }).unwrap();
    let (outcome, seen) = ask(&client);
    assert!(reason(outcome).contains("request_seconds"));
    assert_eq!(seen, ["a"]);
}
