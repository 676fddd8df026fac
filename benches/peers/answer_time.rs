//! Times what answers without libtorch, and prints one line of JSON; `benches/peers/answers.py` runs it beside its peers.
//!
//!     answer_time MODEL --ids FILE [--tokens 64] [--threads 2] [--repeats 3]      the engine: prompts side by side, greedy
//!     answer_time MODEL --ids FILE --prefill [--threads 2] [--repeats 3]          one pass over each prompt, its last logits
//!
//! FILE holds the prompts' tokens: JSON, a list of lists.

use longlab::lm::engine::{Engine, Event, Limits, Request};
use longlab::lm::infer::{Model, Sequence, Wanted};
use longlab::lm::{Checkpoint, Filters};
use std::path::Path;
use std::time::Instant;

struct Arguments(Vec<String>);

impl Arguments {
    fn text(&self, name: &str) -> Option<&str> {
        let at = self.0.iter().position(|argument| argument == name)?;
        self.0.get(at + 1).map(String::as_str)
    }

    fn number(&self, name: &str, default: usize) -> usize {
        self.text(name).and_then(|text| text.parse().ok()).unwrap_or(default)
    }
}

/// The most resident memory so far, bytes (Linux; 0 elsewhere).
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<usize>().ok()).unwrap_or(0) * 1024
}

/// Greedy answers of exactly `tokens` tokens each.
fn answers(engine: &Engine, prompts: &[Vec<u32>], tokens: usize) -> Vec<Vec<u32>> {
    let requests = prompts.iter().map(|prompt| Request::new(prompt.clone(), Filters::GREEDY, 0, tokens)).collect();
    let mut answers = engine.ask_all(requests).expect("prompts that the model can read");
    let mut drawn = vec![Vec::new(); prompts.len()];
    while let Some(event) = answers.wait() {
        if let Event::More { row, tokens, .. } = event.expect("an answer") {
            drawn[row].extend(tokens.iter().map(|token| token.token));
        }
    }
    assert!(drawn.iter().all(|row| row.len() == tokens), "an answer ended before its length; take other prompts");
    drawn
}

fn engine(arguments: &Arguments, prompts: &[Vec<u32>], repeats: usize) -> serde_json::Value {
    let start = Instant::now();
    let limits = Limits { rows: prompts.len(), prefill: usize::MAX, prefixes: 0, ..Limits::default() };
    let engine = Engine::load(Path::new(&arguments.0[1]), arguments.number("--threads", 2), limits);
    let engine = engine.expect("a model");
    let load = start.elapsed().as_secs_f64();
    let tokens = arguments.number("--tokens", 64);
    let (mut first, mut all, mut drawn) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..repeats {
        let start = Instant::now();
        answers(&engine, prompts, 1);
        first.push(start.elapsed().as_secs_f64());
        let start = Instant::now();
        drawn = answers(&engine, prompts, tokens);
        all.push(start.elapsed().as_secs_f64());
    }
    serde_json::json!({"load": load, "first": first, "all": all, "tokens": drawn, "peak": peak()})
}

fn prefill(arguments: &Arguments, prompts: &[Vec<u32>], repeats: usize) -> serde_json::Value {
    let start = Instant::now();
    let checkpoint = Checkpoint::open(Path::new(&arguments.0[1])).expect("a model");
    let model = Model::load(&checkpoint, arguments.number("--threads", 2)).expect("a model");
    let load = start.elapsed().as_secs_f64();
    let before = peak();
    let read = |prompt: &[u32]| {
        let start = Instant::now();
        let mut sequence = Sequence::default();
        let logits = model.read(&mut [(&mut sequence, prompt)], Wanted::Last);
        (start.elapsed().as_secs_f64(), Filters::GREEDY.draw(&logits, 0.0))
    };
    let (mut all, mut next) = (Vec::new(), Vec::new());
    for prompt in prompts {
        let reads: Vec<_> = (0..repeats).map(|_| read(prompt)).collect();
        next.push(reads[0].1);
        all.push(reads.iter().map(|read| read.0).collect::<Vec<_>>());
    }
    serde_json::json!({"load": load, "all": all, "next": next, "before": before, "peak": peak()})
}

fn main() {
    longlab::runtime::start(1);
    let arguments = Arguments(std::env::args().collect());
    let ids = std::fs::read_to_string(arguments.text("--ids").expect("--ids FILE")).expect("a file of prompts");
    let prompts: Vec<Vec<u32>> = serde_json::from_str(&ids).expect("lists of tokens");
    let repeats = arguments.number("--repeats", 3);
    let whole = arguments.0.iter().any(|argument| argument == "--prefill");
    println!("{}", if whole { prefill } else { engine }(&arguments, &prompts, repeats));
}
