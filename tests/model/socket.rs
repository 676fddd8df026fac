//! A client without any library: what goes over the wire is what the tests say.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A response as it came.
#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Whether it came to its end.
    pub whole: bool,
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    /// The parts of a stream, and whether it said that it has ended.
    pub fn events(&self) -> (Vec<Value>, bool) {
        let text = self.text();
        let mut parts: Vec<&str> = text.split("\n\n").filter_map(|event| event.strip_prefix("data: ")).collect();
        let done = parts.last() == Some(&"[DONE]");
        parts.truncate(parts.len() - usize::from(done));
        (parts.into_iter().map(|part| serde_json::from_str(part).unwrap()).collect(), done)
    }
}

/// A connection.
pub struct Socket {
    stream: BufReader<TcpStream>,
}

impl Socket {
    pub fn open(address: SocketAddr) -> Socket {
        let stream = TcpStream::connect(address).unwrap();
        // Only so that a broken server does not hold up the tests for ever.
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        Socket { stream: BufReader::new(stream) }
    }

    /// Sends bytes; a server that has closed the connection reads none.
    pub fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Sends a request with its body's length.
    pub fn request(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) {
        let mut head = format!("{method} {path} HTTP/1.1\r\nContent-Length: {}\r\n", body.len());
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head += "Host: localhost\r\n";
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        // A server that refuses early may have closed the connection amid a large body.
        let _ = self.send(&[head.as_bytes(), b"\r\n", body].concat());
    }

    /// Posts JSON.
    pub fn post(&mut self, path: &str, body: &Value) {
        self.request("POST", path, &[("Content-Type", "application/json")], body.to_string().as_bytes());
    }

    /// Reads a line without its end; none where the connection was closed.
    pub fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.stream.read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => Some(line.trim_end().to_owned()),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// Reads a response to its end; none where the connection was closed before.
    pub fn read(&mut self) -> Option<Response> {
        let status = self.line()?.split(' ').nth(1)?.parse().unwrap();
        let mut headers = Vec::new();
        while let Some((name, value)) = self.line()?.split_once(": ") {
            headers.push((name.to_owned(), value.to_owned()));
        }
        let mut response = Response { status, headers, body: Vec::new(), whole: false };
        if response.header("transfer-encoding") == Some("chunked") {
            self.chunks(&mut response);
        } else {
            let length: usize = response.header("content-length").map_or(0, |length| length.parse().unwrap());
            response.whole = self.take(length, &mut response.body);
        }
        Some(response)
    }

    fn chunks(&mut self, response: &mut Response) {
        while let Some(length) = self.line().and_then(|line| usize::from_str_radix(&line, 16).ok()) {
            let mut end = Vec::new();
            let came = self.take(length, &mut response.body) && self.take(2, &mut end);
            if !came || length == 0 {
                response.whole = came;
                return;
            }
        }
    }

    fn take(&mut self, length: usize, into: &mut Vec<u8>) -> bool {
        matches!((&mut self.stream).take(length as u64).read_to_end(into), Ok(read) if read == length)
    }
}

/// One request on a connection of its own.
pub fn post(address: SocketAddr, path: &str, body: &Value) -> Response {
    let mut socket = Socket::open(address);
    socket.post(path, body);
    socket.read().unwrap()
}

pub fn get(address: SocketAddr, path: &str) -> Response {
    let mut socket = Socket::open(address);
    socket.request("GET", path, &[], b"");
    socket.read().unwrap()
}
