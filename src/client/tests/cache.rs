//! The cache: damage, threads, and what a client makes of it.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

mod stub;

use longlab_client::{
    Budget, Cache, ChatFailure, ChatModel, ChatReply, ChatRequest, Client, ClientSettings, Finish, Message, RequestKey,
    TokenLogprob, Usage, ask_all,
};
use proptest::prelude::*;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use stub::{STREAM, Stub, chat, response, streamed, whole};
use tempfile::TempDir;

fn key(number: usize) -> RequestKey {
    RequestKey::of("server", &json!({ "seed": number }))
}

fn reply(text: &str) -> ChatReply {
    let logprobs = vec![TokenLogprob { token: "\u{1F642}\n".into(), logprob: -0.1, top: vec![("a".into(), f32::MIN)] }];
    let (reasoning, usage) = (Some("thought \"it\"".into()), Usage { prompt_tokens: 3, completion_tokens: 1 });
    ChatReply { content: text.into(), reasoning, finish: Finish::Length, usage, model: "m".into(), logprobs }
}

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/cache.jsonl");
    (folder, path)
}

/// A cache of three answers: the bytes of its file, and where each line ends.
fn three(path: &Path) -> (Vec<u8>, Vec<usize>) {
    let cache = Cache::open(path).unwrap();
    for (number, text) in ["one", "zwei ü", "三"].into_iter().enumerate() {
        cache.put(&key(number), &reply(text)).unwrap();
    }
    let bytes = fs::read(path).unwrap();
    let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(place, _)| place + 1).collect();
    (bytes, ends)
}

#[test]
fn answers_are_the_same_after_opening_again() {
    let (_folder, path) = folder();
    three(&path);
    let cache = Cache::open(&path).unwrap();
    assert_eq!((cache.len(), cache.damaged(), cache.is_empty()), (3, 0, false));
    assert_eq!(cache.get(&key(1)).unwrap(), Some(reply("zwei ü")));
    assert_eq!(cache.get(&key(3)).unwrap(), None);
    for line in fs::read_to_string(&path).unwrap().lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).unwrap()["entry"]["reply"].is_object());
    }
}

#[test]
fn the_first_answer_stays() {
    let (_folder, path) = folder();
    let cache = Cache::open(&path).unwrap();
    assert_eq!(cache.put(&key(0), &reply("first")).unwrap(), reply("first"));
    assert_eq!(cache.put(&key(0), &reply("second")).unwrap(), reply("first"));
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 1);
}

#[test]
fn a_file_that_was_torn_anywhere_keeps_its_whole_lines_and_takes_new_ones() {
    let (folder, path) = folder();
    let (bytes, ends) = three(&path);
    let torn = &|first: usize| {
        let path = folder.path().join(first.to_string());
        (first..bytes.len()).step_by(8).for_each(|end| tear(&path, &bytes, &ends, end));
    };
    // Each one waits for the disk.
    std::thread::scope(|scope| (0..8).for_each(|first| drop(scope.spawn(move || torn(first)))));
}

fn tear(path: &Path, bytes: &[u8], ends: &[usize], end: usize) {
    fs::write(path, &bytes[..end]).unwrap();
    let cache = Cache::open(path).unwrap();
    let kept = ends.iter().filter(|&&line| line <= end).count();
    assert_eq!((cache.len(), cache.damaged()), (kept, 0), "torn at {end}");
    cache.put(&key(9), &reply("new")).unwrap();
    let again = Cache::open(path).unwrap();
    // A line that lost its line feed alone is whole again now.
    let mended = usize::from(ends.contains(&(end + 1)));
    let torn = usize::from(end > 0 && !ends.contains(&end) && mended == 0);
    assert_eq!((again.len(), again.damaged()), (kept + 1 + mended, torn), "torn at {end}");
    assert_eq!(again.get(&key(9)).unwrap(), Some(reply("new")));
}

#[test]
fn a_file_that_is_cut_while_it_is_open_is_read_again() {
    let (_folder, path) = folder();
    let (bytes, ends) = three(&path);
    let cache = Cache::open(&path).unwrap();
    fs::write(&path, &bytes[..ends[0]]).unwrap();
    assert_eq!(cache.get(&key(2)).unwrap(), None);
    assert_eq!(cache.get(&key(0)).unwrap(), Some(reply("one")));
    cache.put(&key(2), &reply("again")).unwrap();
    assert_eq!(Cache::open(&path).unwrap().get(&key(2)).unwrap(), Some(reply("again")));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn flipped_bytes_lose_their_lines_and_no_others(flips in prop::collection::vec((any::<prop::sample::Index>(), 1u8..=255), 1..4)) {
        let (_folder, path) = folder();
        let (mut bytes, ends) = three(&path);
        let mut hurt = [false; 3];
        for (place, mask) in flips {
            let place = place.index(bytes.len());
            bytes[place] ^= mask;
            let line = ends.iter().position(|&end| place < end).unwrap();
            hurt[line] = true;
            // A line feed that is gone joins a line to the next one.
            if place + 1 == ends[line] && line < 2 { hurt[line + 1] = true; }
        }
        fs::write(&path, &bytes).unwrap();
        let cache = Cache::open(&path).unwrap();
        for (number, text) in ["one", "zwei ü", "三"].into_iter().enumerate() {
            let found = cache.get(&key(number)).unwrap();
            prop_assert!(found.is_none() || found == Some(reply(text)), "never a wrong answer");
            prop_assert!(hurt[number] || found.is_some(), "line {} was whole", number);
        }
        prop_assert_eq!(cache.put(&key(7), &reply("new")).unwrap(), reply("new"));
        prop_assert_eq!(Cache::open(&path).unwrap().get(&key(7)).unwrap(), Some(reply("new")));
    }

    #[test]
    fn any_file_opens(bytes in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'{'), Just(b'"'), any::<u8>()], 0..400)) {
        let (_folder, path) = folder();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &bytes).unwrap();
        let cache = Cache::open(&path).unwrap();
        prop_assert!(cache.is_empty());
        cache.put(&key(0), &reply("new")).unwrap();
        prop_assert_eq!(cache.get(&key(0)).unwrap(), Some(reply("new")));
    }
}

#[test]
fn a_cache_that_cannot_be_opened_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let stub = Stub::always(vec![]);
    let made = Client::new(ClientSettings { cache: Some(folder.path().to_owned()), ..stub.settings() });
    assert!(made.err().unwrap().to_string().starts_with("request cache /"));
}

fn request(seed: u64) -> ChatRequest {
    ChatRequest { seed: Some(seed), ..ChatRequest::new(vec![Message::user("Where?")], 16) }
}

fn cached(stub: &Stub, path: &Path) -> Client {
    Client::new(ClientSettings { cache: Some(path.to_owned()), ..stub.settings() }).unwrap()
}

#[test]
fn the_same_request_is_sent_once_and_replayed_without_the_server() {
    let (_folder, path) = folder();
    let stub = Stub::start(|number, _| whole(&chat(&format!("answer {number}"))));
    let client = cached(&stub, &path);
    let ask = |client: &Client, seed| client.chat(&request(seed), &mut |_| true);
    let first = ask(&client, 1).unwrap();
    assert_eq!((ask(&client, 1).unwrap(), stub.count()), (first.clone(), 1));
    assert_ne!(ask(&client, 2).unwrap(), first);
    let budget = Budget { tokens: Some(0), cost: None };
    let settings = ClientSettings { cache: Some(path.clone()), budget, ..stub.settings() };
    let replay = Client::new(settings.clone()).unwrap();
    assert_eq!(ask(&replay, 1).unwrap(), first);
    assert!(matches!(ask(&replay, 3), Err(ChatFailure::Budget { .. })));
    let account = replay.ledger().read();
    assert_eq!((account.cache_hits, account.requests, account.prompt_tokens), (1, 0, 0));
    let other = Client::new(ClientSettings { identity: Some("another".into()), ..settings.clone() }).unwrap();
    assert!(matches!(ask(&other, 1), Err(ChatFailure::Budget { .. })));
    let other = Client::new(ClientSettings { model: Some("another".into()), ..settings }).unwrap();
    assert!(matches!(ask(&other, 1), Err(ChatFailure::Budget { .. })));
}

#[test]
fn a_streamed_answer_is_replayed_to_who_asks_for_it_whole() {
    let (_folder, path) = folder();
    let stub = Stub::always(vec![stub::Act::Send(format!("{STREAM}{}", streamed(&["Zü", "rich"])).into())]);
    let client = cached(&stub, &path);
    let streamed = client.streaming(true).chat(&request(1), &mut |_| true).unwrap();
    let mut seen = Vec::new();
    let replayed = client.chat(&request(1), &mut |text| {
        seen.push(text.to_owned());
        true
    });
    assert_eq!((replayed.unwrap(), seen, stub.count()), (streamed, vec!["Zürich".to_owned()], 1));
}

#[test]
fn threads_that_ask_the_same_at_once_send_it_once() {
    let (_folder, path) = folder();
    let stub = Stub::start(|number, asked| whole(&chat(&format!("{} {number}", asked.body["seed"]))));
    let client = cached(&stub, &path);
    let requests: Vec<_> = (0..40).map(|number| request(number / 8)).collect();
    let outcomes = ask_all(&client, &requests, 8, &mut |_| true);
    for (number, outcome) in outcomes.iter().enumerate() {
        assert_eq!(outcome, &outcomes[number / 8 * 8], "{number}");
        assert!(outcome.as_ref().unwrap().content.starts_with(&format!("{} ", number / 8)));
    }
    let account = client.ledger().read();
    assert_eq!((stub.count(), account.requests, account.cache_hits), (5, 5, 35));
    assert!(!path.with_file_name("cache.jsonl.asked").exists());
}

#[test]
fn two_clients_on_one_file_send_a_request_once() {
    let (_folder, path) = folder();
    let stub = Stub::start(|number, _| whole(&chat(&format!("answer {number}"))));
    let (clients, barrier) = ([cached(&stub, &path), cached(&stub, &path)], Barrier::new(2));
    let ask = |client: &Client| -> Vec<String> {
        let ask = |seed| {
            barrier.wait();
            client.chat(&request(seed), &mut |_| true).unwrap().content
        };
        (0..20).map(ask).collect()
    };
    let (one, other) = std::thread::scope(|scope| {
        let one = scope.spawn(|| ask(&clients[0]));
        let other = ask(&clients[1]);
        (one.join().unwrap(), other)
    });
    assert_eq!((one, stub.count()), (other, 20));
}

#[test]
fn failures_are_not_remembered() {
    let (_folder, path) = folder();
    let stub = Stub::plays(vec![
        response("400 Bad Request", "", "{}"),
        response("200 OK", "", "garbage"),
        whole(&json!({"choices": [{"message": {"content": "x"}, "finish_reason": "abort"}]})),
        whole(&chat("ok")),
    ]);
    let client = cached(&stub, &path);
    for _ in 0..3 {
        assert!(client.chat(&request(1), &mut |_| true).is_err());
        assert!(client.cache().unwrap().is_empty());
    }
    assert_eq!(client.chat(&request(1), &mut |_| true).unwrap().content, "ok");
    assert_eq!(client.cache().unwrap().len(), 1);
}

#[test]
fn an_answer_that_was_paid_for_is_remembered_even_if_its_caller_stops() {
    let (_folder, path) = folder();
    let stub = Stub::always(whole(&chat("ok")));
    let client = cached(&stub, &path);
    assert_eq!(client.chat(&request(1), &mut |_| false), Err(ChatFailure::Stopped));
    assert_eq!(client.chat(&request(1), &mut |_| true).unwrap().content, "ok");
    assert_eq!(stub.count(), 1);
}

#[test]
fn an_answer_that_cannot_be_written_down_is_given_all_the_same() {
    let (folder, _) = folder();
    let full = folder.path().join("cache.jsonl");
    std::os::unix::fs::symlink("/dev/full", &full).unwrap();
    let stub = Stub::always(whole(&chat("ok")));
    let client = cached(&stub, &full);
    assert_eq!(client.chat(&request(1), &mut |_| true).unwrap().content, "ok");
    assert_eq!(client.ledger().read().uncached, 1);
}
