//! Clients that do harm, on purpose or not, and the server's end: nobody else notices.

use super::serve::{CHAT, serve, serve_folder};
use super::socket::{Socket, get, post};
use super::talk::folder;
use longlab::lm::engine::Limits;
use longlab::serve::Settings;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

fn short(seed: u64) -> Value {
    json!({"messages": [{"role": "user", "content": "Why?"}], "max_tokens": 8, "seed": seed})
}

/// As long as the window allows, with parts as large as they get.
fn endless() -> Value {
    json!({"messages": [{"role": "user", "content": "Why?"}], "max_tokens": 480, "seed": 1, "stream": true, "n": 16, "logprobs": true,
        "top_logprobs": 20})
}

fn metric(address: SocketAddr, name: &str) -> u64 {
    let page = get(address, "/metrics").text();
    let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).unwrap();
    value.parse().unwrap()
}

/// Waits until a number of the server is as it should be.
pub fn until(address: SocketAddr, name: &str, fits: impl Fn(u64) -> bool) {
    let begun = Instant::now();
    while !fits(metric(address, name)) {
        assert!(begun.elapsed() < Duration::from_secs(120), "{name} stays {}", metric(address, name));
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn patient(milliseconds: u64) -> Settings {
    Settings { patience: Duration::from_millis(milliseconds), ..Settings::default() }
}

/// Sends an endless request and reads the head and the first part of its answer.
fn begun(address: SocketAddr, body: &Value) -> Socket {
    let mut socket = Socket::open(address);
    socket.post(CHAT, body);
    while !socket.line().unwrap().starts_with("data: ") {}
    socket
}

#[test]
fn a_client_that_stops_reading_costs_itself_alone() {
    let (_server, address) = serve(Limits::default(), patient(1_500));
    let mut stuck = begun(address, &endless());
    assert_eq!(post(address, CHAT, &short(1)).status, 200, "others are answered meanwhile");
    until(address, "longlab_running_answers", |running| running == 0);
    assert_eq!(metric(address, "longlab_dropped_answers_total"), 0, "its answers are written and do not wait for it");
    until(address, "longlab_connections", |connections| connections == 1);
    let mut rest = 0;
    while let Some(line) = stuck.line() {
        rest += 1;
        assert_ne!(line, "data: [DONE]", "the server gave it up");
    }
    assert!(rest > 0, "what had been sent is there");
    assert_eq!(post(address, CHAT, &short(2)).status, 200);
}

#[test]
fn a_client_that_vanishes_takes_its_answers_with_it() {
    // A window so long that no answer ends by itself before the client is gone.
    let (model, window) = (folder(true), 100_000);
    let path = model.path().join("config.json");
    let mut config: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    config["max_position_embeddings"] = window.into();
    std::fs::write(path, config.to_string()).unwrap();
    let limits = Limits { rows: 8, ..Limits::default() };
    let (_server, address) = serve_folder(model.path(), limits, Settings::default());
    let mut body = endless();
    body["max_tokens"] = (window - 1000).into();
    drop(begun(address, &body));
    until(address, "longlab_dropped_answers_total", |dropped| dropped == 16);
    // One that waits for a whole answer, too.
    let mut whole = Socket::open(address);
    body["stream"] = false.into();
    whole.post(CHAT, &body);
    until(address, "longlab_running_answers", |running| running == 8);
    drop(whole);
    until(address, "longlab_dropped_answers_total", |dropped| dropped == 32);
    until(address, "longlab_running_answers", |running| running == 0);
    assert_eq!(metric(address, "longlab_waiting_answers"), 0);
    assert_eq!(metric(address, "longlab_answers_total"), 0);
    assert_eq!(post(address, CHAT, &short(1)).status, 200);
}

#[test]
fn a_request_that_drips_in_is_cut_off() {
    let (_server, address) = serve(Limits::default(), patient(400));
    let mut silent = Socket::open(address);
    let mut dripping = Socket::open(address);
    let mut half = Socket::open(address);
    half.send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{")
        .unwrap();
    // A header that never ends, a byte at a time: each byte comes in time, the request does not.
    let begun = Instant::now();
    let mut header = b"GET /health HTTP/1.1\r\nX-Slow: ".iter().chain(std::iter::repeat(&b'a'));
    while dripping.send(&[*header.next().unwrap()]).is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(120), "it is never cut off");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(silent.read().is_none(), "one that says nothing is cut off too");
    assert_eq!(half.read().unwrap().status, 408);
    until(address, "longlab_connections", |connections| connections == 1);
    assert_eq!(post(address, CHAT, &short(1)).status, 200);
}

#[test]
fn bodies_are_bounded() {
    let (_server, address) = serve(Limits::default(), Settings { body: 2_000, ..Settings::default() });
    let json = ("Content-Type", "application/json");
    let mut announced = Socket::open(address);
    announced
        .send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99999999999999\r\n\r\n")
        .unwrap();
    assert_eq!(announced.read().unwrap().status, 413, "before any of it has come");
    let mut chunked = Socket::open(address);
    chunked
        .send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        .unwrap();
    for _ in 0..30 {
        // The server may have closed the connection already.
        let _ = chunked.send(format!("64\r\n{}\r\n", "a".repeat(100)).as_bytes());
    }
    assert!(chunked.read().is_none_or(|response| response.status == 413), "a body that tells no length");
    let mut header = Socket::open(address);
    header.request("POST", CHAT, &[json, ("X-Large", &"a".repeat(1 << 20))], b"{}");
    assert!(header.read().is_none_or(|response| response.status == 431));
    let mut body = short(1);
    body["user"] = "a".repeat(1_500).into();
    assert_eq!(post(address, CHAT, &body).status, 200);
    body["user"] = "a".repeat(2_500).into();
    assert_eq!(post(address, CHAT, &body).status, 413);
}

#[test]
fn keys_are_asked_for_and_compared() {
    let keys = vec!["first key".to_owned(), "second".to_owned()];
    let (_server, address) = serve(Limits::default(), Settings { keys, ..Settings::default() });
    let status = |path: &str, key: Option<&str>| {
        let mut socket = Socket::open(address);
        let value = key.map(|key| format!("Bearer {key}"));
        let headers: Vec<_> = value.iter().map(|value| ("Authorization", value.as_str())).collect();
        socket.request("GET", path, &headers, b"");
        let response = socket.read().unwrap();
        assert_eq!(response.status == 401, response.header("www-authenticate").is_some());
        response.status
    };
    assert_eq!(status("/v1/models", Some("first key")), 200);
    assert_eq!(status("/v1/models", Some("second")), 200);
    for wrong in [None, Some("third"), Some("secon"), Some("secondd"), Some("")] {
        assert_eq!(status("/v1/models", wrong), 401, "{wrong:?}");
        assert_eq!(status("/metrics", wrong), 401, "{wrong:?}");
        assert_eq!(status("/nowhere", wrong), 401, "{wrong:?}");
    }
    assert_eq!(status("/health", None), 200);
}

#[test]
fn pages_from_elsewhere_may_ask_where_that_was_wished() {
    let ask = |address: SocketAddr, method: &str, origin: &str| {
        let mut socket = Socket::open(address);
        let headers =
            [("Origin", origin), ("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "x-a")];
        socket.request(method, "/v1/models", &headers, b"");
        let response = socket.read().unwrap();
        let leave = response.header("access-control-allow-origin").map(str::to_owned);
        (response.status, leave, response.header("access-control-allow-headers").map(str::to_owned))
    };
    let (_closed, address) = serve(Limits::default(), Settings::default());
    assert_eq!(ask(address, "OPTIONS", "https://chat.example"), (405, None, None));
    assert_eq!(ask(address, "GET", "https://chat.example"), (200, None, None));
    let origins = vec!["https://chat.example".to_owned()];
    let keys = vec!["key".to_owned()];
    let (_open, address) = serve(Limits::default(), Settings { origins, keys, ..Settings::default() });
    let known = Some("https://chat.example".to_owned());
    assert_eq!(
        ask(address, "OPTIONS", "https://chat.example"),
        (204, known.clone(), Some("x-a".to_owned())),
        "without a key"
    );
    assert_eq!(ask(address, "GET", "https://chat.example"), (401, known, None));
    assert_eq!(ask(address, "OPTIONS", "https://evil.example"), (401, None, None));
    let (_all, address) = serve(Limits::default(), Settings { origins: vec!["*".to_owned()], ..Settings::default() });
    assert_eq!(ask(address, "GET", "https://any.example"), (200, Some("https://any.example".to_owned()), None));
}

#[test]
fn a_full_server_says_so_and_goes_on() {
    let (_server, address) = serve(Limits { rows: 1, waiting: 16, ..Limits::default() }, Settings::default());
    let running = begun(address, &endless());
    let refused = post(address, CHAT, &endless());
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("1")));
    assert_eq!(refused.json()["error"]["type"], "rate_limit_error");
    drop(running);
    until(address, "longlab_running_answers", |running| running == 0);
    assert_eq!(post(address, CHAT, &short(1)).status, 200);
}

#[test]
fn answers_have_their_time() {
    let settings = Settings { timeout: Duration::from_millis(50), ..Settings::default() };
    let (_server, address) = serve(Limits::default(), settings);
    let mut body = endless();
    let stream = post(address, CHAT, &body);
    let (parts, done) = stream.events();
    assert_eq!((stream.status, done), (200, false));
    assert_eq!(parts.last().unwrap()["error"]["type"], "server_error");
    body["stream"] = false.into();
    assert_eq!(post(address, CHAT, &body).status, 504);
}

#[test]
fn a_server_that_stops_lets_running_answers_end() {
    let (server, address) = serve(Limits::default(), Settings::default());
    let mut running = begun(address, &endless());
    let mut idle = Socket::open(address);
    idle.request("GET", "/health", &[], b"");
    assert_eq!(idle.read().unwrap().status, 200);
    let mut late = Socket::open(address);
    late.send(b"POST /v1/chat/completions HTTP/1.1\r\n").unwrap();
    server.stop();
    assert!(idle.read().is_none(), "a connection without a request is closed");
    let _ = late.send(b"Host: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
    assert!(late.read().is_none_or(|response| response.status == 503), "a request that comes now is refused");
    let mut last = String::new();
    while let Some(line) = running.line() {
        if line.starts_with("data: ") {
            last = line;
        }
        if last == "data: [DONE]" {
            break;
        }
    }
    assert_eq!(last, "data: [DONE]");
    server.wait();
    assert!(std::net::TcpStream::connect(address).is_err());
}

#[test]
fn a_server_whose_grace_is_over_ends() {
    let (server, address) =
        serve(Limits::default(), Settings { grace: Duration::from_millis(10), ..Settings::default() });
    let mut running = begun(address, &endless());
    server.stop();
    server.wait();
    let lines: Vec<String> = std::iter::from_fn(|| running.line()).collect();
    assert!(!lines.iter().any(|line| line == "data: [DONE]"), "the stream is broken off");
}
