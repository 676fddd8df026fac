//! `longlab ask --doc FILE... QUESTION`

use super::{Exit, fetch};
use crate::lm::chat::split_thinking;
use crate::lm::talk::{Drawing, Talker};
use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::io::{IsTerminal, Read, Write};
use std::path::PathBuf;
use std::time::Instant;

/// Ask a question about documents, answered by a model on this machine
///
/// The documents and the question go into the prompt of QwenLong-L1.5's quick start. What does not fit the window is cut out of the
/// middle, and said. Thinking is shown dimmed on a terminal; the answer comes last.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  longlab ask --doc contract.txt \"When does it end?\"
  longlab ask --model checkpoints/step40 --doc a.md --doc b.md \"Which of both is older?\" --max-tokens 2000
  cat log.txt | longlab ask --doc - \"What failed first?\" --json
  longlab ask \"What is the capital of Norway?\"        without documents
Without --model, SmolLM2-135M-Instruct is fetched and used: small enough for any machine, and no expert.")]
pub(super) struct AskArgs {
    /// The question
    question: String,
    /// A text file, `-` for standard input; once for each document
    #[arg(long, value_name = "FILE")]
    doc: Vec<PathBuf>,
    /// A Hugging Face folder, a GGUF file, a known model or org/name
    #[arg(long, default_value = "smol")]
    model: String,
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
    let documents = args.doc.iter().map(read).collect::<Result<Vec<_>>>()?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let begun = Instant::now();
    let talker = Talker::load(&fetch::place(&args.model)?, args.threads.map_or(cores, usize::from))?;
    let loaded = begun.elapsed().as_secs_f64();
    let prompt = talker.prompt(&[("user", &message(&documents, &args.question))], args.max_tokens)?;
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
    if args.json {
        println!(
            "{}",
            serde_json::to_string_pretty(&json!({
                "answer": split.answer, "thinking": split.closed.then_some(split.thinking), "finished": answer.finished,
                "prompt_tokens": prompt.tokens.len(), "cut_tokens": prompt.cut, "answer_tokens": answer.tokens.len(),
                "load_seconds": loaded, "seconds": seconds,
            }))?
        );
        return Ok(Exit::Done);
    }
    if live {
        println!();
    } else {
        if split.closed && !args.hide_thinking {
            println!("{}\n", split.thinking);
        }
        println!("{}", split.answer);
    }
    let ended = if answer.finished { "" } else { "; cut off at --max-tokens" };
    let (read, wrote) = (prompt.tokens.len(), answer.tokens.len());
    eprintln!("{read} tokens read, {wrote} written in {seconds:.1} s{ended}");
    Ok(Exit::Done)
}

fn read(path: &PathBuf) -> Result<String> {
    let mut bytes = Vec::new();
    if path.as_os_str() == "-" {
        std::io::stdin().read_to_end(&mut bytes).context("reading standard input")?;
    } else {
        bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    }
    let text = String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
    text.with_context(|| format!("{} is no UTF-8 text; convert it first", path.display()))
}

/// The prompt of the paper's quick start; the question alone where there are no documents.
fn message(documents: &[String], question: &str) -> String {
    if documents.is_empty() {
        return question.to_string();
    }
    let text = documents.join("\n\n");
    format!(
        "Please read the following text and answer the question below.\n\n<text>\n{text}\n</text>\n\n{question}\n\n\
         Format your answer as follows: \"Therefore, the answer is (insert answer here)\"."
    )
}
