//! Asks an OpenAI-compatible server, and prints a line of JSON for each question, and the ledger at last.
//!
//! `ask URL [--model M] [--key VARIABLE] [--cache FILE] [--tokens N] [--temperature X] [--seed N] [--logprobs N] [--tries N]
//! [--threads N] [--check] [--stream] [--judge PREDICTED GOLD] QUESTION...`
//!
//! `--check` looks first whether the server lists the model. `--stream` shows the text on standard error as it grows. `--judge` asks
//! whether the two answers to the question agree.

use longlab_client::{Case, ChatModel, ChatRequest, Client, ClientSettings, Judge, Message, ask_all};
use serde_json::{Value, json};
use std::error::Error;
use std::process::ExitCode;

struct Arguments {
    settings: ClientSettings,
    request: ChatRequest,
    questions: Vec<String>,
    answers: Option<(String, String)>,
    threads: usize,
    check: bool,
}

fn arguments(mut all: impl Iterator<Item = String>) -> Result<Arguments, Box<dyn Error>> {
    let url = all.next().ok_or("give the server's address and a question")?;
    let (mut settings, mut request) = (ClientSettings::of(url), ChatRequest::new(Vec::new(), 64));
    request.temperature = Some(0.0);
    let (mut questions, mut answers, mut threads, mut check) = (Vec::new(), None, 1, false);
    while let Some(word) = all.next() {
        let mut value = || all.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            "--model" => settings.model = Some(value()?),
            "--key" => settings.key_variable = Some(value()?),
            "--cache" => settings.cache = Some(value()?.into()),
            "--tries" => settings.retry.tries = value()?.parse()?,
            "--tokens" => request.max_tokens = value()?.parse()?,
            "--temperature" => request.temperature = Some(value()?.parse()?),
            "--seed" => request.seed = Some(value()?.parse()?),
            "--logprobs" => request.logprobs = Some(value()?.parse()?),
            "--threads" => threads = value()?.parse()?,
            "--judge" => answers = Some((value()?, value()?)),
            "--stream" => settings.stream = true,
            "--check" => check = true,
            _ => questions.push(word),
        }
    }
    Ok(Arguments { settings, request, questions, answers, threads, check })
}

fn run() -> Result<bool, Box<dyn Error>> {
    let given = arguments(std::env::args().skip(1))?;
    let client = Client::new(given.settings)?;
    if given.check {
        client.check()?;
    }
    let request = |question| ChatRequest { messages: vec![Message::user(question)], ..given.request.clone() };
    let requests: Vec<_> = given.questions.iter().map(request).collect();
    let mut good = true;
    let mut print = |outcome: Result<Value, String>| {
        good &= outcome.is_ok();
        println!("{}", outcome.unwrap_or_else(|failure| json!({ "failure": failure })));
    };
    if let Some((predicted, gold)) = given.answers {
        for question in given.questions {
            let case = Case { question, predicted: predicted.clone(), gold: gold.clone() };
            print(Ok(json!(Judge::new(&client).judge(&case))));
        }
    } else if let ([request], true) = (requests.as_slice(), given.threads == 1) {
        let mut pieces = 0;
        let outcome = client.chat(request, &mut |text| {
            eprint!("{text}");
            pieces += 1;
            true
        });
        eprintln!();
        print(outcome.map(|reply| json!({ "reply": reply, "pieces": pieces })).map_err(|failure| failure.to_string()));
    } else {
        for outcome in ask_all(&client, &requests, given.threads, &mut |_| true) {
            print(outcome.map(|reply| json!({ "reply": reply })).map_err(|failure| failure.to_string()));
        }
    }
    println!("{}", json!({ "ledger": **client.ledger() }));
    Ok(good)
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}
