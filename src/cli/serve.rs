//! `longlab serve --model M`

use super::{Exit, fetch, signals};
use crate::lab::machine::Machine;
use crate::lm::Checkpoint;
use crate::lm::engine::{Engine, Limits};
use crate::lm::needs::Float;
use crate::serve::{Preferred, Server, Settings};
use anyhow::{Context, Result, ensure};
use longlab_kernels::attention::POSITIONS;
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Serve a model to clients of OpenAI's API
///
/// Answers /v1/chat/completions, /v1/completions, /v1/models, /health and /metrics, whole or as streams, many at once. An answer depends on
/// its prompt and its seed, never on what is answered beside it. Ctrl-C lets running answers end; a second one does not wait.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  longlab serve                                       SmolLM2-135M-Instruct at http://127.0.0.1:8000/v1
  longlab serve --model checkpoints/step40 --port 9000 --max-rows 8
  longlab serve --host 0.0.0.0 --api-key-file keys    for others; one key a line
  LONGLAB_API_KEY=secret longlab serve --host 0.0.0.0
  curl localhost:8000/v1/chat/completions -H 'Content-Type: application/json' \\
    -d '{\"messages\": [{\"role\": \"user\", \"content\": \"What is the capital of Norway?\"}]}'

The guide is docs/serving.md.")]
pub(super) struct ServeArgs {
    /// A Hugging Face folder, a GGUF file, a known model or org/name
    #[arg(long, default_value = "smol")]
    model: String,
    /// What clients call the model [default: as --model, without the folders of a path]
    #[arg(long)]
    name: Option<String>,
    /// Address to listen at; 0.0.0.0 for all of the machine
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    host: IpAddr,
    /// Port; 0 for a free one
    #[arg(long, default_value_t = 8000)]
    port: u16,
    /// A key that lets requests in, as often as there are keys; other users of the machine can see it, a file is better
    #[arg(long, value_name = "KEY")]
    api_key: Vec<String>,
    /// A file of keys, one a line; LONGLAB_API_KEY holds one too
    #[arg(long, value_name = "FILE")]
    api_key_file: Vec<PathBuf>,
    /// An origin whose web pages may ask (https://chat.example), or * for all
    #[arg(long, value_name = "ORIGIN")]
    allow_origin: Vec<String>,
    /// Answers that are written side by side
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = count)]
    max_rows: usize,
    /// Answers that may wait; more are refused with status 429
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = count)]
    max_waiting: usize,
    /// Longest answer, tokens [default: what the model's window leaves]
    #[arg(long, value_name = "N", value_parser = count)]
    max_tokens: Option<usize>,
    /// Tokens whose keys and values are held, of all answers together [default: half of the memory that the weights leave]
    #[arg(long, value_name = "N", value_parser = count)]
    cache_tokens: Option<usize>,
    /// Tokens of prompts that are read between two tokens of running answers
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = count)]
    prompt_chunk: usize,
    /// Texts that are kept for others that begin alike; 0 has requests share nothing
    #[arg(long, value_name = "N", default_value_t = 32)]
    keep: usize,
    /// Threads [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    #[command(flatten)]
    drawing: DrawingArgs,
    /// Seconds that the answers of a request may take
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = seconds)]
    timeout: u64,
    /// Seconds that a client may take to send a request or to read on
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = seconds)]
    patience: u64,
    /// Seconds that running answers get when the server is stopped
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = seconds)]
    grace: u64,
    /// Largest request, MiB
    #[arg(long, value_name = "MIB", default_value_t = 8, value_parser = count)]
    max_body: usize,
}

/// How tokens are drawn where a request says nothing.
#[derive(clap::Args, Clone, Copy, Debug)]
pub(super) struct DrawingArgs {
    /// Divides the logits; 0 takes the most probable token [default: what the model's makers advise]
    #[arg(long, value_name = "T")]
    temperature: Option<f64>,
    /// Only the K most probable tokens are drawn from [default: what the model's makers advise]
    #[arg(long, value_name = "K")]
    top_k: Option<usize>,
    /// Mass of the nucleus that is drawn from [default: what the model's makers advise]
    #[arg(long, value_name = "P")]
    top_p: Option<f64>,
    /// Only tokens of at least this share of the most probable one's probability are drawn from
    #[arg(long, value_name = "P")]
    min_p: Option<f64>,
}

impl DrawingArgs {
    /// The wishes, if they can be followed.
    pub(super) fn wishes(self) -> Result<Preferred> {
        let DrawingArgs { temperature, top_k, top_p, min_p } = self;
        let wishes = Preferred { temperature, top_k, top_p, min_p };
        let wrong = wishes.over(crate::lm::Filters::GREEDY).check().err();
        let (name, range) = wrong.unwrap_or_default();
        ensure!(wrong.is_none(), "--{} must be {range}", name.replace('_', "-"));
        Ok(wishes)
    }
}

/// A number above zero.
fn count(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|&count| count > 0).ok_or_else(|| format!("{text:?} is no whole number above 0"))
}

/// A time that clocks can hold.
fn seconds(text: &str) -> Result<u64, String> {
    let within = text.parse().ok().filter(|seconds| (1..=31_536_000).contains(seconds));
    within.ok_or_else(|| format!("{text:?} is not within 1..31536000"))
}

pub(super) fn run(args: &ServeArgs) -> Result<Exit> {
    let settings = settings(args)?;
    let path = fetch::place(&args.model)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let limits = Limits {
        rows: args.max_rows,
        waiting: args.max_waiting,
        positions: args.cache_tokens.map_or_else(|| room(&path), Ok)?.max(POSITIONS),
        prefill: args.prompt_chunk,
        prefixes: args.keep,
    };
    let engine = Engine::load(&path, args.threads.map_or(cores, usize::from), limits)?.named(name(args));
    if !args.host.is_loopback() && settings.keys.is_empty() {
        eprintln!("everybody who reaches {} can ask: no key is set", args.host);
    }
    if !engine.texts().has_template() {
        eprintln!("the model has no chat template: /v1/completions works, /v1/chat/completions does not");
    }
    let engine = Arc::new(engine);
    let server = Server::start(Arc::clone(&engine), settings).with_context(|| format!("listening at {}", args.host))?;
    let (stop, stopped) = (server.stopper(), AtomicBool::new(false));
    signals::watch(move || {
        if stopped.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
        eprintln!("running answers may end; a second signal does not wait for them");
        stop();
    })?;
    println!("http://{}/v1", server.address());
    std::io::stdout().flush()?;
    eprintln!("serves {} with {} positions to an answer; Ctrl-C stops it", engine.name(), engine.window());
    server.wait();
    Ok(Exit::Done)
}

fn settings(args: &ServeArgs) -> Result<Settings> {
    let usual = Settings::default();
    let seconds = Duration::from_secs;
    Ok(Settings {
        address: SocketAddr::new(args.host, args.port),
        keys: keys(args)?,
        origins: args.allow_origin.clone(),
        filters: args.drawing.wishes()?,
        body: args.max_body.saturating_mul(1 << 20),
        max_tokens: args.max_tokens.unwrap_or(usual.max_tokens),
        answers: usual.answers.min(args.max_waiting),
        timeout: seconds(args.timeout),
        patience: seconds(args.patience),
        grace: seconds(args.grace),
        ..usual
    })
}

/// The keys of flags, files and environment.
fn keys(args: &ServeArgs) -> Result<Vec<String>> {
    let mut keys = args.api_key.clone();
    for path in &args.api_key_file {
        let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        let before = keys.len();
        keys.extend(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned));
        ensure!(keys.len() > before, "{} has no key; write one a line", path.display());
    }
    keys.extend(std::env::var("LONGLAB_API_KEY").ok());
    ensure!(keys.iter().all(|key| !key.trim().is_empty()), "a key is empty; whoever brings none would be let in");
    Ok(keys)
}

/// What clients call the model.
fn name(args: &ServeArgs) -> String {
    let own = || {
        let path = Path::new(&args.model);
        let last = if path.is_dir() { path.file_name() } else { path.file_stem() };
        last.filter(|_| path.exists()).map_or_else(|| args.model.clone(), |last| last.to_string_lossy().into_owned())
    };
    args.name.clone().unwrap_or_else(own)
}

/// Positions whose keys and values take half of the memory that the weights leave.
fn room(path: &Path) -> Result<usize> {
    let checkpoint = Checkpoint::open(path)?;
    let shape = checkpoint.config();
    let left = Machine::look().memory.saturating_sub(shape.weight_bytes(Float::Bf16));
    Ok((left / 2 / shape.cache_bytes_a_position(Float::Bf16).max(1)) as usize)
}
