//! `longlab serve` and `longlab chat` as they are started.

use super::socket::{get, post};
use super::talk::folder;
use longlab_client::Message;
use serde_json::json;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

fn longlab(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_longlab"));
    command.args(args).env_remove("LONGLAB_API_KEY");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A process that is ended with the test, however that ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    fn signal(&self, signal: i32) {
        // SAFETY: sends a signal to a process that this test started and has not waited for.
        assert_eq!(unsafe { libc::kill(self.0.id() as i32, signal) }, 0);
    }
}

/// Starts a server and waits for its address.
fn serve(model: &Path, more: &[&str]) -> (Running, SocketAddr) {
    let args =
        [&["serve", "--model", model.to_str().unwrap(), "--port", "0", "--name", "micro", "--threads", "1"], more]
            .concat();
    let mut child = longlab(&args).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("http://").and_then(|rest| rest.strip_suffix("/v1"));
    (Running(child), address.unwrap_or_else(|| panic!("no address: {line:?}")).parse().unwrap())
}

/// What `longlab chat` writes for some lines, and whether it was content.
fn chat(args: &[&str], lines: &str) -> (String, String, Option<i32>) {
    let mut child = longlab(&[&["chat", "--max-tokens", "20", "--temperature", "1"], args].concat()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code())
}

#[test]
fn a_server_is_started_asked_and_stopped_by_a_signal() {
    let dir = folder(true);
    let (mut server, address) = serve(dir.path(), &["--temperature", "0", "--max-tokens", "30"]);
    assert_eq!(get(address, "/v1/models").json()["data"][0]["id"], "micro");
    let body = json!({"messages": [{"role": "user", "content": "Why?"}]});
    let answer = post(address, "/v1/chat/completions", &body).json();
    assert_eq!(answer["usage"]["completion_tokens"], 30, "--max-tokens bounds what is not bounded");
    assert_eq!(
        answer["choices"],
        post(address, "/v1/chat/completions", &body).json()["choices"],
        "--temperature holds"
    );
    server.signal(libc::SIGTERM);
    assert_eq!(server.0.wait().unwrap().code(), Some(0));
}

#[test]
fn a_server_takes_its_keys_from_files() {
    let dir = folder(true);
    let keys = dir.path().join("keys");
    std::fs::write(&keys, "first\n\n second \n").unwrap();
    let (_server, address) = serve(dir.path(), &["--api-key-file", keys.to_str().unwrap()]);
    assert_eq!(get(address, "/v1/models").status, 401);
    std::fs::write(&keys, "\n").unwrap();
    let args = ["serve", "--model", dir.path().to_str().unwrap(), "--api-key-file", keys.to_str().unwrap()];
    let output = longlab(&args).output().unwrap();
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("has no key"));
}

/// The same dialogue with the model here and with the model behind a server.
#[test]
fn a_dialogue_is_the_same_here_and_there() {
    let dir = folder(true);
    let (here, there) = (dir.path().join("here.json"), dir.path().join("there.json"));
    let lines = |save: &Path| {
        format!(
            "Who lives in Bern?\n\n/system Be brief.\nWhy?\nWho?\n/save {}\n/nonsense\n/quit\nno more",
            save.display()
        )
    };
    let (answers, told, code) = chat(&["--model", dir.path().to_str().unwrap()], &lines(&here));
    assert_eq!((code, told.contains("/nonsense is no command")), (Some(0), true), "{told}");
    let saved: Vec<Message> = serde_json::from_slice(&std::fs::read(&here).unwrap()).unwrap();
    let roles: Vec<&str> = saved.iter().map(|message| message.role.as_str()).collect();
    assert_eq!(roles, ["system", "user", "assistant", "user", "assistant"]);
    assert!(answers.contains(&saved[2].content) && answers.contains(&saved[4].content));
    let (_server, address) = serve(dir.path(), &[]);
    let (again, ..) = chat(&["--url", &format!("http://{address}/v1")], &lines(&there));
    assert_eq!(again, answers);
    assert_eq!(std::fs::read(there).unwrap(), std::fs::read(here).unwrap());
}

#[test]
fn a_failed_answer_is_told_and_the_dialogue_goes_on() {
    let dir = folder(true);
    let lines = format!("{}\nWhy?\n", "a".repeat(600));
    let (answers, told, code) = chat(&["--model", dir.path().to_str().unwrap()], &lines);
    assert!(told.contains("512 positions") && !answers.trim().is_empty(), "{told}{answers}");
    assert_eq!(code, Some(1));
    let (_, told, code) = chat(&["--url", "http://127.0.0.1:9/v1", "--model", "none"], "");
    assert_eq!(code, Some(0), "a server that is named by hand is first asked when there is a question: {told}");
}

#[test]
fn ctrl_c_ends_an_answer_and_not_the_dialogue() {
    let dir = folder(true);
    let saved = dir.path().join("saved.json");
    let args = ["chat", "--model", dir.path().to_str().unwrap(), "--temperature", "1", "--max-tokens", "450"];
    let mut chat = Running(longlab(&args).stderr(Stdio::null()).spawn().unwrap());
    let mut stdin = chat.0.stdin.take().unwrap();
    let mut stdout = chat.0.stdout.take().unwrap();
    stdin.write_all(b"Why?\n").unwrap();
    let mut first = [0];
    stdout.read_exact(&mut first).unwrap();
    chat.signal(libc::SIGINT);
    stdin.write_all(format!("/save {}\n/reset\nWhy?\n/quit\n", saved.display()).as_bytes()).unwrap();
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(chat.0.wait().unwrap().code(), Some(0));
    let messages: Vec<Message> = serde_json::from_slice(&std::fs::read(saved).unwrap()).unwrap();
    // After the reset the same question has the same answer, this time to its end.
    let answers = char::from(first[0]).to_string() + &rest;
    let cut = messages[1].content.as_str();
    assert!(answers.starts_with(cut), "what was shown is what is remembered");
    assert!(
        answers.len() >= 2 * cut.len()
            && answers[cut.len()..].trim_start_matches('\n').starts_with(cut.trim_start_matches('\n'))
    );
}
