//! One line of the cache.

use super::RequestKey;
use crate::ChatReply;
use serde::{Deserialize, Serialize};

const BEFORE_SUM: &[u8] = br#"{"blake3":""#;
const BEFORE_ENTRY: &[u8] = br#"","entry":"#;
const SUM_DIGITS: usize = 32;

#[derive(Serialize)]
struct Entry<'a> {
    key: String,
    reply: &'a ChatReply,
}

#[derive(Deserialize)]
struct KeyOnly<'a> {
    key: &'a str,
}

#[derive(Deserialize)]
struct ReplyOnly {
    reply: ChatReply,
}

/// A line with its line feed.
pub(super) fn encode(key: &RequestKey, reply: &ChatReply) -> serde_json::Result<Vec<u8>> {
    let entry = serde_json::to_vec(&Entry { key: key.to_string(), reply })?;
    Ok([BEFORE_SUM, checksum(&entry).as_bytes(), BEFORE_ENTRY, &entry, b"}\n"].concat())
}

/// The key of a line without its line feed; none if it is damaged.
pub(super) fn key(line: &[u8]) -> Option<RequestKey> {
    let entry = serde_json::from_slice::<KeyOnly>(entry(line)?).ok()?;
    RequestKey::parse(entry.key)
}

/// The answer of a line without its line feed; none if it is damaged.
pub(super) fn reply(line: &[u8]) -> Option<ChatReply> {
    serde_json::from_slice::<ReplyOnly>(entry(line)?).ok().map(|entry| entry.reply)
}

fn entry(line: &[u8]) -> Option<&[u8]> {
    let (sum, rest) = line.strip_prefix(BEFORE_SUM)?.split_at_checked(SUM_DIGITS)?;
    let entry = rest.strip_prefix(BEFORE_ENTRY)?.strip_suffix(b"}")?;
    (sum == checksum(entry).as_bytes()).then_some(entry)
}

fn checksum(entry: &[u8]) -> String {
    blake3::hash(entry).to_hex()[..SUM_DIGITS].to_owned()
}
