//! Many answers side by side: each as alone, whatever stands beside it; limits, and what becomes of answers that nobody wants.

use super::talk::folder;
use longlab::lm::engine::{Answers, Engine, Event, Failure, Finish, Limits, Refusal, Request};
use longlab::lm::infer::{Model, Sequence, Wanted};
use longlab::lm::{Checkpoint, Filters};
use longlab_client::{ChatFailure, ChatModel, ChatRequest, Message};
use longlab_kernels::stream::{Address, Purpose};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const FREE: Filters = Filters { temperature: 1.0, ..Filters::GREEDY };

fn engine(limits: Limits) -> Engine {
    Engine::load(folder(true).path(), 2, limits).unwrap()
}

/// What an engine said of an answer in the end.
#[derive(Clone, Debug, Default, PartialEq)]
struct Told {
    text: String,
    tokens: Vec<u32>,
    logprobs: Vec<f32>,
    finish: Option<Finish>,
    drawn: usize,
}

fn all(mut answers: Answers, rows: usize) -> Vec<Told> {
    let mut told = vec![Told::default(); rows];
    while let Some(event) = answers.wait() {
        match event.unwrap() {
            Event::More { row, text, tokens } => {
                told[row].text += &text;
                told[row].logprobs.extend(tokens.iter().filter_map(|drawn| Some(drawn.odds.as_ref()?.logprob)));
                told[row].tokens.extend(tokens.iter().map(|drawn| drawn.token));
            }
            Event::End { row, finish, drawn } => (told[row].finish, told[row].drawn) = (Some(finish), drawn),
        }
    }
    assert!(told.iter().all(|one| one.finish.is_some()), "every answer has an end");
    told
}

/// Waits for what another thread will do.
fn until(what: impl Fn() -> bool) {
    let begun = Instant::now();
    while !what() {
        assert!(begun.elapsed() < Duration::from_secs(120), "it never comes");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn number(gauge: &AtomicU64) -> u64 {
    gauge.load(Ordering::Relaxed)
}

/// Prompts of all lengths, some that begin alike, and all ways to draw.
fn mixed() -> Vec<Request> {
    let request = |number: usize| {
        let length = [3, 150, 120, 129, 1, 250][number % 6];
        let family = number / 6 % 3;
        let prompt = (0..length).map(|at| ((at * 31 + family * 7 + at * at * family) % 90) as u32).collect();
        let filters = [
            FREE,
            Filters { temperature: 0.7, top_p: 0.8, ..FREE },
            Filters { top_k: Some(5), min_p: 0.1, ..FREE },
            Filters::GREEDY,
        ][number % 4];
        let max_tokens = 1 + number * 13 % 60;
        Request {
            rows: 1 + number % 3,
            logprobs: number.is_multiple_of(2).then_some(number % 4),
            stops: if number.is_multiple_of(5) { vec!["a".to_owned(), "Zz".to_owned()] } else { Vec::new() },
            ..Request::new(prompt, filters, number as u64 * 1_000_003, max_tokens)
        }
    };
    (0..36).map(request).collect()
}

fn alone(requests: &[Request]) -> Vec<Vec<Told>> {
    let engine = engine(Limits { rows: 1, prefixes: 0, ..Limits::default() });
    requests.iter().map(|request| all(engine.ask(request.clone()).unwrap(), request.rows)).collect()
}

#[test]
fn answers_side_by_side_are_those_alone() {
    let requests = mixed();
    let expected = alone(&requests);
    for limits in [
        Limits { rows: 16, ..Limits::default() },
        Limits { rows: 5, prefill: 17, prefixes: 3, ..Limits::default() },
        Limits { rows: 40, prefixes: 0, ..Limits::default() },
        // Room for the longest answer and little else: answers make room and go on.
        Limits { rows: 12, positions: 5 * 128, ..Limits::default() },
    ] {
        let engine = engine(limits);
        let answers: Vec<Answers> = requests.iter().map(|request| engine.ask(request.clone()).unwrap()).collect();
        for ((answers, expected), request) in answers.into_iter().zip(&expected).zip(&requests) {
            assert_eq!(&all(answers, request.rows), expected, "{limits:?}");
        }
        let gauges = engine.gauges();
        assert_eq!(number(&gauges.paused) > 0, limits.positions < usize::MAX, "{limits:?}");
        assert!(number(&gauges.reused) > 0, "the answers of one request share its prompt: {limits:?}");
        until(|| number(&gauges.running) == 0);
        assert_eq!(number(&gauges.ended), requests.iter().map(|request| request.rows as u64).sum::<u64>());
        assert!(number(&gauges.positions) <= limits.positions as u64);
    }
}

/// The plain way: the model token by token, the draws at their addresses, the text in one piece.
#[test]
fn an_answer_is_what_the_plain_way_gives() {
    let dir = folder(true);
    let checkpoint = Checkpoint::open(dir.path()).unwrap();
    let (model, tokenizer) = (Model::load(&checkpoint, 1).unwrap(), checkpoint.tokenizer().unwrap());
    let request = Request { rows: 2, ..mixed().swap_remove(2) };
    let told = all(engine(Limits::default()).ask(request.clone()).unwrap(), 2);
    for (row, told) in told.into_iter().enumerate() {
        let mut sequence = Sequence::default();
        let mut logits = model.read(&mut [(&mut sequence, &request.prompt)], Wanted::Last);
        let mut tokens = Vec::new();
        while tokens.len() < request.max_tokens {
            let address = Address::new(request.seed, Purpose::Answer).rollout(row as u32);
            let uniform = address.position(tokens.len() as u32).stream().uniform();
            tokens.push(request.filters.draw(&logits, uniform).unwrap() as u32);
            logits = model.read(&mut [(&mut sequence, &tokens[tokens.len() - 1..])], Wanted::Last);
        }
        assert_eq!(told.text, tokenizer.decode(&tokens, true).unwrap());
        assert_eq!((told.tokens, told.finish, told.drawn), (tokens, Some(Finish::Length), request.max_tokens));
    }
}

#[test]
fn a_stop_ends_an_answer_before_it() {
    let engine = engine(Limits::default());
    let request = Request { logprobs: Some(2), ..Request::new(vec![1, 2, 3], FREE, 9, 60) };
    let free = all(engine.ask(request.clone()).unwrap(), 1).remove(0);
    let characters: Vec<char> = free.text.chars().collect();
    let stop: String = characters[20..24].iter().collect();
    let first = free.text.find(&stop).unwrap();
    let cut = all(engine.ask(Request { stops: vec![stop], ..request }).unwrap(), 1).remove(0);
    assert_eq!((cut.text.as_str(), cut.finish), (&free.text[..first], Some(Finish::Stop)));
    assert_eq!(cut.tokens, free.tokens[..cut.text.chars().count()], "a token a character");
    assert_eq!((cut.drawn, &cut.logprobs[..]), (cut.tokens.len() + 4, &free.logprobs[..cut.tokens.len()]));
}

#[test]
fn what_nobody_waits_for_goes() {
    let engine = engine(Limits { rows: 2, ..Limits::default() });
    let long = |seed| Request { rows: 3, ..Request::new(vec![5; 30], FREE, seed, 450) };
    let mut first = engine.ask(long(1)).unwrap();
    assert!(matches!(first.wait(), Some(Ok(Event::More { .. }))));
    let second = engine.ask(long(2)).unwrap();
    let short = Request::new(vec![1, 2, 3], FREE, 3, 20);
    let third = engine.ask(short.clone()).unwrap();
    drop((first, second));
    assert_eq!(all(third, 1), alone(&[short]).remove(0), "what was behind it comes");
    let gauges = engine.gauges();
    until(|| number(&gauges.running) + number(&gauges.waiting) == 0);
    assert_eq!((number(&gauges.ended), number(&gauges.dropped)), (1, 6));
}

#[test]
fn a_full_queue_is_said_and_empties() {
    let engine = engine(Limits { rows: 1, waiting: 3, ..Limits::default() });
    let long = || Request::new(vec![5; 30], FREE, 1, 450);
    let mut asked = Vec::new();
    let refusal = (0..10).find_map(|_| match engine.ask(long()) {
        Ok(answers) => {
            asked.push(answers);
            None
        }
        Err(refusal) => Some(refusal),
    });
    assert_eq!(refusal, Some(Refusal::Full { most: 3 }));
    assert!((3..=4).contains(&asked.len()), "one runs, three wait: {}", asked.len());
    asked.clear();
    until(|| number(&engine.gauges().running) + number(&engine.gauges().waiting) == 0);
    assert_eq!(all(engine.ask(Request { max_tokens: 5, ..long() }).unwrap(), 1)[0].drawn, 5);
}

#[test]
fn what_cannot_be_answered_is_refused_by_name() {
    let engine = engine(Limits { positions: 300, waiting: 4, ..Limits::default() });
    assert_eq!(engine.window(), 256, "whole pages of what may be held");
    let good = Request::new(vec![1; 10], FREE, 1, 5);
    let refusal = |request: Request| engine.ask(request).err().map(|refusal| refusal.to_string()).unwrap_or_default();
    for (request, words) in [
        (Request { prompt: Vec::new(), ..good.clone() }, "empty"),
        (Request { prompt: vec![96], ..good.clone() }, "token 96"),
        (Request { prompt: vec![1; 250], max_tokens: 7, ..good.clone() }, "256 positions"),
        (Request { max_tokens: usize::MAX, ..good.clone() }, "256 positions"),
        (Request { max_tokens: 0, ..good.clone() }, "`max_tokens`"),
        (Request { rows: 0, ..good.clone() }, "`n`"),
        (Request { rows: 5, ..good.clone() }, "`n`"),
        (Request { rows: usize::MAX, ..good.clone() }, "`n`"),
        (Request { logprobs: Some(21), ..good.clone() }, "`top_logprobs`"),
        (Request { stops: vec![String::new()], ..good.clone() }, "`stop`"),
        (Request { filters: Filters { top_p: 0.0, ..FREE }, ..good.clone() }, "`top_p`"),
    ] {
        let said = refusal(request);
        assert!(said.contains(words), "{said:?} does not name {words}");
    }
    assert_eq!(refusal(good), "");
}

#[test]
fn late_answers_fail_and_later_ones_do_not() {
    let engine = engine(Limits { rows: 1, ..Limits::default() });
    let request = Request::new(vec![5; 30], FREE, 1, 400);
    let soon = Some(Instant::now() + Duration::from_millis(2));
    let answers = || engine.ask(Request { deadline: soon, rows: 2, ..request.clone() }).unwrap();
    let (mut running, mut waiting) = (answers(), answers());
    let last = |answers: &mut Answers| {
        let mut last = None;
        while let Some(event) = answers.wait() {
            last = Some(event);
        }
        last
    };
    assert_eq!(last(&mut running), Some(Err(Failure::Late)));
    assert_eq!(last(&mut waiting), Some(Err(Failure::Late)));
    assert_eq!(all(engine.ask(Request { max_tokens: 5, ..request }).unwrap(), 1)[0].drawn, 5);
}

#[test]
fn a_closed_engine_ends_what_it_has_taken() {
    let engine = engine(Limits { rows: 1, ..Limits::default() });
    let request = Request { rows: 3, ..Request::new(vec![5; 30], FREE, 1, 40) };
    let answers = engine.ask(request.clone()).unwrap();
    engine.close();
    assert_eq!(engine.ask(request.clone()).err(), Some(Refusal::Closed));
    assert_eq!(all(answers, 3), alone(&[request]).remove(0));
}

#[test]
fn an_engine_that_goes_says_so() {
    let engine = engine(Limits::default());
    let mut answers = engine.ask(Request { rows: 2, ..Request::new(vec![5; 30], FREE, 1, 450) }).unwrap();
    drop(engine);
    let mut events = std::iter::from_fn(|| answers.wait()).collect::<Vec<_>>();
    assert_eq!(events.pop(), Some(Err(Failure::Stopped)));
    assert!(events.iter().all(Result::is_ok));
}

/// Writes NaN over a tensor of a folder.
fn damage(folder: &Path, name: &str) {
    let path = folder.join("model.safetensors");
    let mut bytes = std::fs::read(&path).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let [from, to] = [0, 1].map(|end| 8 + length + header[name]["data_offsets"][end].as_u64().unwrap() as usize);
    for number in bytes[from..to].chunks_exact_mut(4) {
        number.copy_from_slice(&f32::NAN.to_le_bytes());
    }
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn damaged_weights_fail_the_answer_and_not_the_engine() {
    let dir = folder(true);
    damage(dir.path(), "model.norm.weight");
    let engine = Engine::load(dir.path(), 1, Limits::default()).unwrap();
    for _ in 0..2 {
        let mut answers = engine.ask(Request { rows: 2, ..Request::new(vec![1, 2, 3], FREE, 1, 5) }).unwrap();
        assert_eq!(answers.wait(), Some(Err(Failure::NotFinite { position: 3 })));
        assert_eq!(answers.wait(), None);
    }
}

#[test]
fn the_next_turn_of_a_dialogue_finds_the_last_one_read() {
    let engine = engine(Limits::default());
    let mut messages = vec![Message::user("Who lives in Bern, and who does not? ".repeat(4))];
    let request =
        |messages: &[Message]| ChatRequest { temperature: Some(1.0), ..ChatRequest::new(messages.to_vec(), 30) };
    let first = engine.chat(&request(&messages), &mut |_| true).unwrap();
    messages.extend([Message::assistant(first.content), Message::user("Why?")]);
    let before = number(&engine.gauges().reused);
    let second = engine.chat(&request(&messages), &mut |_| true).unwrap();
    let found = number(&engine.gauges().reused) - before;
    assert!(found as usize >= first.usage.prompt_tokens, "{found} tokens were found read");
    let other = self::engine(Limits { prefixes: 0, ..Limits::default() });
    assert_eq!(other.chat(&request(&messages), &mut |_| true).unwrap().content, second.content);
}

#[test]
fn an_engine_is_a_chat_model() {
    let engine = engine(Limits::default()).named("micro");
    let model: &dyn ChatModel = &engine;
    let asked = ChatRequest {
        temperature: Some(1.0),
        logprobs: Some(2),
        seed: Some(4),
        ..ChatRequest::new(vec![Message::system("Be brief."), Message::user("Who lives in Bern?")], 25)
    };
    let mut seen = String::new();
    let reply = model.chat(&asked, &mut |piece| {
        seen += piece;
        true
    });
    let reply = reply.unwrap();
    assert_eq!((reply.content.as_str(), reply.reasoning.as_deref()), (seen.as_str(), None));
    assert_eq!((reply.model.as_str(), reply.finish), ("micro", longlab_client::Finish::Length));
    assert_eq!((reply.usage.completion_tokens, reply.logprobs.len()), (25, 25));
    assert_eq!(reply.usage.prompt_tokens, "system: Be brief.\nuser: Who lives in Bern?\nassistant:".len());
    assert_eq!(reply.logprobs.iter().map(|one| one.token.as_str()).collect::<String>(), seen);
    assert!(reply.logprobs.iter().all(|one| one.top.len() == 2 && one.logprob <= one.top[0].1));
    assert_eq!(model.chat(&asked, &mut |_| false), Err(ChatFailure::Stopped));
    let long = ChatRequest { max_tokens: 512, ..asked };
    assert!(
        matches!(model.chat(&long, &mut |_| true), Err(ChatFailure::Refused { reason }) if reason.contains("512 positions"))
    );
}

#[test]
fn thinking_that_the_template_opens_is_split_off() {
    let dir = folder(true);
    std::fs::write(dir.path().join("chat_template.jinja"), "{{ messages[0].content }}:<think>\n").unwrap();
    let engine = Engine::load(dir.path(), 1, Limits::default()).unwrap();
    let mut seen = String::new();
    let asked = ChatRequest { temperature: Some(1.0), ..ChatRequest::new(vec![Message::user("Why")], 12) };
    let reply = engine.chat(&asked, &mut |piece| {
        seen += piece;
        true
    });
    let reply = reply.unwrap();
    let thinking = seen.strip_prefix("<think>\n").unwrap();
    assert_eq!((reply.content.as_str(), reply.reasoning.as_deref()), ("", Some(thinking.trim_matches('\n'))));
}
