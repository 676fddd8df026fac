//! Several processes on one cache: each request is sent once among them all.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

mod stub;

use longlab_client::{Cache, ChatModel, ChatRequest, Client, ClientSettings, Message};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use stub::{Stub, chat, whole};

const URL: &str = "LONGLAB_TEST_URL";
const CACHE: &str = "LONGLAB_TEST_CACHE";
const REQUESTS: u64 = 25;

/// What each process has for an answer to every request.
fn answers(url: String, cache: PathBuf) -> Vec<String> {
    let settings = ClientSettings { model: Some("m".into()), cache: Some(cache), ..ClientSettings::of(url) };
    let client = Client::new(settings).unwrap();
    let ask = |seed| {
        let request = ChatRequest { seed: Some(seed), ..ChatRequest::new(vec![Message::user("?")], 4) };
        client.chat(&request, &mut |_| true).unwrap().content
    };
    (0..REQUESTS).map(ask).collect()
}

#[test]
#[ignore = "one of the processes of the test below, which starts it"]
fn one_of_several_processes() {
    let answers = answers(std::env::var(URL).unwrap(), std::env::var_os(CACHE).unwrap().into());
    println!("answers {}", serde_json::to_string(&answers).unwrap());
}

#[test]
fn processes_that_ask_the_same_send_it_once_and_have_the_same_answer() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache.jsonl");
    let stub = Stub::start(|number, asked| whole(&chat(&format!("{} {number}", asked.body["seed"]))));
    let child = || {
        Command::new(std::env::current_exe().unwrap())
            .args(["one_of_several_processes", "--exact", "--ignored", "--nocapture"])
            .env(URL, &stub.url)
            .env(CACHE, &cache)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let children: Vec<_> = (0..3).map(|_| child()).collect();
    let mine = answers(stub.url.clone(), cache.clone());
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        let line = text.lines().find_map(|line| line.split_once("answers ")).unwrap().1;
        assert_eq!(serde_json::from_str::<Vec<String>>(line).unwrap(), mine);
    }
    assert_eq!(stub.count() as u64, REQUESTS);
    let cache = Cache::open(&cache).unwrap();
    assert_eq!((cache.len() as u64, cache.damaged()), (REQUESTS, 0));
}
