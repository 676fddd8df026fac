//! What fuzz targets reach of a server's answers. Compiled by cargo-fuzz alone (`--cfg fuzzing`).

use crate::draft::Draft;
use crate::http::{Answer, Bounded, Wire};
use crate::show::Show;
use crate::trouble::{clean, words_of_body};
use crate::{Cache, ChatReply, ChatRequest, ClientSettings, retry};
use std::collections::VecDeque;
use std::io::{self, BufReader, Read};
use std::sync::LazyLock;
use std::time::SystemTime;

/// No request is ever sent there.
static WIRE: LazyLock<Wire> = LazyLock::new(|| {
    let settings = ClientSettings::of("http://127.0.0.1:1/v1");
    Wire::new(&settings, settings.url.clone()).expect("settings without a key")
});

/// A body that comes in pieces.
struct Pieces(VecDeque<Vec<u8>>);

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Some(piece) = self.0.front_mut() else { return Ok(0) };
        let count = piece.as_slice().read(into)?;
        piece.drain(..count);
        if piece.is_empty() {
            self.0.pop_front();
        }
        Ok(count)
    }
}

/// What comes of a body of a content type, and what was shown on the way. `largest` is the longest body that is read.
pub fn answer(
    kind: &str,
    pieces: &[&[u8]],
    largest: u64,
    request: &ChatRequest,
) -> (Result<ChatReply, String>, String) {
    // A piece without bytes would be taken for the end.
    let pieces = pieces.iter().filter(|piece| !piece.is_empty()).map(|piece| piece.to_vec()).collect();
    let bounded = Bounded::of(Box::new(Pieces(pieces)), largest);
    let mut shown = String::new();
    let mut see = |text: &str| {
        shown.push_str(text);
        true
    };
    let mut show = Show::new(&mut see);
    let body = Answer { kind: clean(kind), body: BufReader::new(bounded) };
    let draft = Draft::read(&WIRE, body, kind.starts_with("text/event-stream"), &mut show);
    let reply = draft.and_then(|draft| draft.reply(request, "m")).map_err(|trouble| format!("{trouble:?}"));
    (reply, shown)
}

/// The words of an error's body, and whether its beginning asks for a pause.
pub fn refusal(body: &[u8]) -> (String, bool) {
    let header = String::from_utf8_lossy(&body[..body.len().min(40)]);
    (words_of_body(body), retry::asked(&header, SystemTime::now()).is_some())
}

/// A reply through the request cache's line and back.
pub fn remembered(folder: &std::path::Path, reply: &ChatReply) -> io::Result<Option<ChatReply>> {
    let key = crate::RequestKey::of("server", &serde_json::json!({ "seed": 1 }));
    let path = folder.join("answers.jsonl");
    Cache::open(&path)?.put(&key, reply)?;
    let read = Cache::open(&path)?.get(&key);
    std::fs::remove_file(path)?;
    read
}
