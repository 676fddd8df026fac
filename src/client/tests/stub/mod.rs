//! A server in the test that plays whatever it is told.

#![allow(dead_code)]

use longlab_client::{Client, ClientSettings, Retry};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A request that came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub body: Value,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The last message's text.
    pub fn question(&self) -> &str {
        self.body["messages"].as_array().and_then(|all| all.last()?["content"].as_str()).unwrap_or_default()
    }
}

/// What the server does, one after the other. Afterwards it closes the connection, or waits for the next request on it after `Stay`.
#[derive(Clone, Debug)]
pub enum Act {
    Send(Vec<u8>),
    /// Again and again, until the client is gone.
    Endless(Vec<u8>),
    Pause(Duration),
    /// Silence until the client is gone.
    Hang,
    Stay,
}

/// A server; it plays `play(number of the request from 0, request)`.
pub struct Stub {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Stub {
    pub fn start(play: impl Fn(usize, &Asked) -> Vec<Act> + Send + Sync + 'static) -> Stub {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let (asked, play) = (Arc::new(Mutex::new(Vec::new())), Arc::new(play));
        let all = asked.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (all, play) = (all.clone(), play.clone());
                thread::spawn(move || serve(stream.unwrap(), &all, &*play));
            }
        });
        Stub { url, asked }
    }

    /// The same every time.
    pub fn always(acts: Vec<Act>) -> Stub {
        Stub::start(move |_, _| acts.clone())
    }

    /// One after the other; the last one again and again.
    pub fn plays(plays: Vec<Vec<Act>>) -> Stub {
        Stub::start(move |number, _| plays[number.min(plays.len() - 1)].clone())
    }

    /// What has been asked.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    /// Settings for this server, with short pauses.
    pub fn settings(&self) -> ClientSettings {
        let retry = Retry { tries: 4, pause_seconds: 0.001, longest_pause_seconds: 1.5 };
        ClientSettings { model: Some("m".into()), retry, request_seconds: 20.0, ..ClientSettings::of(&self.url) }
    }

    pub fn client(&self) -> Client {
        Client::new(self.settings()).unwrap()
    }
}

fn serve(stream: TcpStream, all: &Mutex<Vec<Asked>>, play: &(impl Fn(usize, &Asked) -> Vec<Act> + ?Sized)) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    while let Some(asked) = read_request(&mut reader) {
        let number = {
            let mut all = all.lock().unwrap();
            all.push(asked.clone());
            all.len() - 1
        };
        let mut stay = false;
        for act in play(number, &asked) {
            let done = match act {
                Act::Send(bytes) => stream.write_all(&bytes),
                Act::Endless(bytes) => {
                    while stream.write_all(&bytes).is_ok() {}
                    return;
                }
                Act::Pause(time) => {
                    thread::sleep(time);
                    Ok(())
                }
                Act::Hang => {
                    while reader.read(&mut [0; 64]).is_ok_and(|count| count > 0) {}
                    return;
                }
                Act::Stay => {
                    stay = true;
                    Ok(())
                }
            };
            if done.is_err() {
                return;
            }
        }
        if !stay {
            return;
        }
    }
}

fn read_request(reader: &mut impl BufRead) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|&count| count > 0)?;
    let (mut headers, mut length) = (Vec::new(), 0);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim().split_once(':') else { break };
        let (name, value) = (name.to_lowercase(), value.trim().to_owned());
        if name == "content-length" {
            length = value.parse().unwrap();
        }
        headers.push((name, value));
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Some(Asked { line: line.trim().to_owned(), headers, body })
}

/// A response with its length.
pub fn response(status: &str, headers: &str, body: &str) -> Vec<Act> {
    let length = body.len();
    vec![
        Act::Send(format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}").into_bytes()),
        Act::Stay,
    ]
}

/// A good answer as JSON.
pub fn whole(body: &Value) -> Vec<Act> {
    response("200 OK", "content-type: application/json\r\n", &body.to_string())
}

/// The body of an answer with 5 tokens of prompt and 2 of answer.
pub fn chat(content: &str) -> Value {
    let message = json!({"role": "assistant", "content": content});
    json!({
        "id": "1", "object": "chat.completion", "model": "served", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
    })
}

/// The beginning of a stream.
pub const STREAM: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

/// An event of a stream.
pub fn event(data: &Value) -> String {
    format!("data: {data}\n\n")
}

/// A piece of an answer.
pub fn piece(delta: Value) -> String {
    event(&json!({"model": "served", "choices": [{"index": 0, "delta": delta, "finish_reason": null}], "usage": null}))
}

/// What ends an answer: why, the tokens, and the mark of the end.
pub fn end() -> String {
    let last = event(&json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}));
    let usage = event(&json!({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2}}));
    format!("{last}{usage}data: [DONE]\n\n")
}

/// A stream that says these pieces.
pub fn streamed(pieces: &[&str]) -> String {
    let pieces: String = pieces.iter().map(|text| piece(json!({"content": text}))).collect();
    format!("{}{pieces}{}", piece(json!({"role": "assistant", "content": ""})), end())
}
