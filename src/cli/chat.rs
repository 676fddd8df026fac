//! `longlab chat`

mod dialogue;
mod voice;

use super::serve::DrawingArgs;
use super::{Exit, player, signals};
use crate::lm::engine::Limits;
use anyhow::{Result, ensure};
use dialogue::{Dialogue, Line};
use longlab_client::{ChatModel, Client, ClientSettings};
use std::io::{BufRead, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

/// Talk with a model, on this machine or behind a server
///
/// Each line is a message; the model sees the whole dialogue. Thinking is shown dimmed. Ctrl-C ends an answer, Ctrl-D the dialogue.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  longlab chat                                        SmolLM2-135M-Instruct, on this machine
  longlab chat --model checkpoints/step40 --temperature 0.7
  longlab chat --url http://127.0.0.1:8000/v1         longlab serve, vLLM, SGLang, llama.cpp
  printf 'Hello!\\nWho are you?\\n' | longlab chat      two messages, two answers

In the dialogue:
  /system TEXT   begin anew with this instruction
  /reset         begin anew
  /save FILE     write the dialogue as JSON
  /help          the commands
  /quit          leave")]
pub(super) struct ChatArgs {
    /// A Hugging Face folder, a GGUF file, a known model or org/name; with --url, the server's name for it
    #[arg(long)]
    model: Option<String>,
    /// An OpenAI-compatible server
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The environment variable that holds the server's key
    #[arg(long, value_name = "NAME", requires = "url")]
    key_variable: Option<String>,
    /// The instruction that the dialogue begins with
    #[arg(long, value_name = "TEXT")]
    system: Option<String>,
    /// Longest answer, tokens
    #[arg(long, value_name = "N", default_value_t = 1024)]
    max_tokens: usize,
    #[command(flatten)]
    drawing: DrawingArgs,
    /// Seed of the draws; each answer of a dialogue has its own
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Threads [default: one a core]
    #[arg(long, value_name = "N", conflicts_with = "url", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Leave the thinking out
    #[arg(long)]
    hide_thinking: bool,
}

/// Whether an answer comes, and whether it is to end.
static ANSWERS: AtomicBool = AtomicBool::new(false);
static STOP: AtomicBool = AtomicBool::new(false);

pub(super) fn run(args: &ChatArgs) -> Result<Exit> {
    ensure!(args.max_tokens > 0, "--max-tokens must be 1 or more");
    let wishes = args.drawing.wishes()?;
    let model = model(args)?;
    signals::interrupt(|| {
        STOP.store(true, Ordering::SeqCst);
        if !ANSWERS.load(Ordering::SeqCst) {
            eprint!("\n(Ctrl-D or /quit leaves)\n> ");
        }
    })?;
    let mut dialogue = Dialogue::new(model.as_ref(), wishes, args.max_tokens, args.seed, args.hide_thinking);
    dialogue.begin(args.system.as_deref());
    let terminal = std::io::stdin().is_terminal();
    if terminal {
        eprintln!("{}; /help names the commands", model.name());
    }
    let mut failed = false;
    loop {
        if terminal {
            eprint!("> ");
        }
        let mut text = String::new();
        if std::io::stdin().lock().read_line(&mut text)? == 0 {
            break;
        }
        match Line::of(text.trim_end_matches(['\n', '\r'])) {
            Line::Nothing => {}
            Line::Quit => break,
            Line::Help => eprintln!("{}", dialogue::HELP),
            Line::Unknown(name) => eprintln!("{name} is no command; {}", dialogue::HELP),
            Line::Begin(system) => dialogue.begin(system),
            Line::Save(path) => match dialogue.save(path) {
                Ok(()) => eprintln!("{} messages are in {path}", dialogue.len()),
                Err(error) => eprintln!("{path} cannot be written: {error}"),
            },
            Line::Say(text) => failed |= !answer(&mut dialogue, text)?,
        }
    }
    std::io::stdout().flush()?;
    // At a terminal the user has seen it, a script must be told.
    Ok(if failed && !terminal { Exit::Failed } else { Exit::Done })
}

/// Answers; a failure is told, and the dialogue goes on. Whether there was an answer.
fn answer(dialogue: &mut Dialogue, text: &str) -> Result<bool> {
    STOP.store(false, Ordering::SeqCst);
    ANSWERS.store(true, Ordering::SeqCst);
    let ended = dialogue.say(text, &mut std::io::stdout(), &STOP);
    ANSWERS.store(false, Ordering::SeqCst);
    if let Err(failure) = ended? {
        eprintln!("{failure}");
        return Ok(false);
    }
    Ok(true)
}

fn model(args: &ChatArgs) -> Result<Box<dyn ChatModel>> {
    if let Some(url) = &args.url {
        let settings = ClientSettings {
            model: args.model.clone(),
            key_variable: args.key_variable.clone(),
            stream: true,
            ..ClientSettings::of(url)
        };
        return Ok(Box::new(Client::new(settings)?));
    }
    let model = args.model.as_deref().unwrap_or("smol");
    // Nobody else waits while a prompt is read. The dialogue so far is kept.
    let limits = Limits { rows: 1, prefill: 1024, prefixes: 1, ..Limits::default() };
    let threads = args.threads.map_or_else(player::cores, usize::from);
    Ok(Box::new(player::local(model, threads, limits)?))
}
