//! `longlab ask --doc FILE... QUESTION`

use super::{Exit, fetch};
use crate::ask::{Documents, message};
use crate::lm::chat::split_thinking;
use crate::lm::talk::{Drawing, Talker};
use anyhow::{Result, ensure};
use longlab_client::{ChatModel, ChatRequest, Client, ClientSettings, Finish, Message};
use serde_json::json;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::Instant;

/// Ask a question about documents, answered by a model on this machine
///
/// The documents and the question go into the prompt of QwenLong-L1.5's quick start. What does not fit the window is cut out of the
/// middle, and said; with --retrieve only the passages that fit the question are read at all. Thinking is shown dimmed on a terminal; the
/// answer comes last. Documents are text, Markdown, HTML, PDF text, EPUB, CSV, JSON, notebooks, source code, or folders of them.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  longlab ask --doc contract.txt \"When does it end?\"
  longlab ask --model checkpoints/step40 --doc a.md --doc b.md \"Which of both is older?\" --max-tokens 2000
  cat log.txt | longlab ask --doc - \"What failed first?\" --json
  longlab ask --doc manual.pdf --doc src/ --retrieve 8 \"Which port does the server open?\"
  longlab ask --url http://127.0.0.1:8000 --model qwen --doc a.md \"Who wrote it?\"   a server's model
  longlab ask \"What is the capital of Norway?\"        without documents
Without --model, SmolLM2-135M-Instruct is fetched and used: small enough for any machine, and no expert.")]
pub(super) struct AskArgs {
    /// The question
    question: String,
    /// A file or a folder, `-` for standard input; once for each
    #[arg(long, value_name = "PATH")]
    doc: Vec<PathBuf>,
    /// Read only the K passages of the documents that fit the question best (BM25)
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..))]
    retrieve: Option<u32>,
    /// A Hugging Face folder, a GGUF file, a known model or org/name; with --url the name of the server's model [default: smol, or the
    /// server's first]
    #[arg(long)]
    model: Option<String>,
    /// Ask the model of an OpenAI-compatible server; a key is read from LONGLAB_API_KEY
    #[arg(long)]
    url: Option<String>,
    /// Longest answer, tokens
    #[arg(long, value_name = "N", default_value_t = 512)]
    max_tokens: usize,
    /// Divides the logits; 0 takes the most probable token [default: what the model's makers advise, or 0]
    #[arg(long, value_name = "T")]
    temperature: Option<f64>,
    /// Mass of the nucleus that is drawn from [default: what the model's makers advise, or 1]
    #[arg(long, value_name = "P")]
    top_p: Option<f64>,
    /// Seed of the draws: the same seed gives the same answer
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Threads [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Leave the thinking out
    #[arg(long)]
    hide_thinking: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &AskArgs) -> Result<Exit> {
    let temperature_fits = args.temperature.is_none_or(|t| t.is_finite() && t >= 0.0);
    ensure!(temperature_fits, "--temperature must be 0 or more");
    ensure!(args.top_p.is_none_or(|p| p > 0.0 && p <= 1.0), "--top-p must be above 0 and at most 1");
    ensure!(args.max_tokens > 0, "--max-tokens must be 1 or more");
    let message = read(args)?;
    if let Some(url) = &args.url {
        return ask_server(args, url, message);
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let begun = Instant::now();
    let talker =
        Talker::load(&fetch::place(args.model.as_deref().unwrap_or("smol"))?, args.threads.map_or(cores, usize::from))?;
    let loaded = begun.elapsed().as_secs_f64();
    let prompt = talker.prompt(&[("user", &message)], args.max_tokens)?;
    if prompt.cut > 0 {
        let (cut, window) = (prompt.cut, talker.window());
        eprintln!("{cut} tokens of the middle are left out: prompt and answer have {window} positions");
    }
    let drawing = Drawing {
        temperature: args.temperature.or(talker.advised.0).unwrap_or(0.0),
        top_p: args.top_p.or(talker.advised.1).unwrap_or(1.0),
        max_tokens: args.max_tokens,
        seed: args.seed,
    };
    // Thinking may come first: only a terminal that shows it gets the text as it grows.
    let live = !args.json && !args.hide_thinking && std::io::stdout().is_terminal();
    let begun = Instant::now();
    let answer = talker.answer(&prompt, &drawing, &mut |more| {
        if live {
            // A terminal that is gone ends the process at the next line.
            let _ = write!(std::io::stdout(), "{more}").and_then(|()| std::io::stdout().flush());
        }
    })?;
    let seconds = begun.elapsed().as_secs_f64();
    let split = split_thinking(&answer.text);
    Told {
        answer: split.answer,
        thinking: split.closed.then_some(split.thinking),
        finished: answer.finished,
        read: prompt.tokens.len(),
        cut: prompt.cut,
        wrote: answer.tokens.len(),
        loaded,
        seconds,
        live,
    }
    .show(args)
}

/// The documents, narrowed where that is asked for, and the question.
fn read(args: &AskArgs) -> Result<String> {
    let mut documents = Documents::default();
    args.doc.iter().try_for_each(|path| documents.add(path))?;
    if let Some(first) = documents.left_out.first() {
        eprintln!("{} files left out, the first: {first}", documents.left_out.len());
    }
    let texts = match args.retrieve {
        Some(most) => documents.narrowed(&args.question, most as usize),
        None => documents.texts(),
    };
    Ok(message(&texts, &args.question))
}

fn ask_server(args: &AskArgs, url: &str, message: String) -> Result<Exit> {
    let key = std::env::var("LONGLAB_API_KEY").is_ok().then(|| "LONGLAB_API_KEY".to_owned());
    let settings = ClientSettings { model: args.model.clone(), key_variable: key, ..ClientSettings::of(url) };
    let client = Client::new(settings)?.streaming(true);
    let mut request = ChatRequest::new(vec![Message::user(message)], args.max_tokens);
    (request.temperature, request.top_p, request.seed) = (args.temperature, args.top_p, Some(args.seed));
    let live = !args.json && !args.hide_thinking && std::io::stdout().is_terminal();
    let begun = Instant::now();
    let reply = client.chat(&request, &mut |more| {
        !live || write!(std::io::stdout(), "{more}").and_then(|()| std::io::stdout().flush()).is_ok()
    })?;
    Told {
        answer: &reply.content,
        thinking: reply.reasoning.as_deref(),
        finished: reply.finish == Finish::Stop,
        read: reply.usage.prompt_tokens,
        cut: 0,
        wrote: reply.usage.completion_tokens,
        loaded: 0.0,
        seconds: begun.elapsed().as_secs_f64(),
        live,
    }
    .show(args)
}

/// An answer with what it took.
struct Told<'a> {
    answer: &'a str,
    thinking: Option<&'a str>,
    finished: bool,
    read: usize,
    cut: usize,
    wrote: usize,
    loaded: f64,
    seconds: f64,
    /// Whether it was shown as it grew.
    live: bool,
}

impl Told<'_> {
    fn show(&self, args: &AskArgs) -> Result<Exit> {
        let Told { answer, thinking, finished, read, cut, wrote, loaded, seconds, live } = *self;
        if args.json {
            let told = json!({
                "answer": answer, "thinking": thinking, "finished": finished,
                "prompt_tokens": read, "cut_tokens": cut, "answer_tokens": wrote,
                "load_seconds": loaded, "seconds": seconds,
            });
            println!("{told:#}");
            return Ok(Exit::Done);
        }
        if live {
            println!();
        } else {
            if let Some(thinking) = thinking.filter(|_| !args.hide_thinking) {
                println!("{thinking}\n");
            }
            println!("{answer}");
        }
        let ended = if finished { "" } else { "; cut off at --max-tokens" };
        eprintln!("{read} tokens read, {wrote} written in {seconds:.1} s{ended}");
        Ok(Exit::Done)
    }
}
