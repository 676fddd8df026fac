//! One GRPO step (rollout and update) at a fixed shape. With `--peer DIR N` it prints the seconds of N steps on the model and the prompts
//! of a folder as JSON, for `benches/peers/step.py`; else criterion measures the micro base.
#![allow(missing_docs)]

use criterion::{Criterion, criterion_group};
use longlab::lm::{Config, Decoder, Request, Sampling, generate};
use longlab::rl::batch::{Part, Row, Way, learn};
use longlab::rl::optimizer::{AdamW, clip_gradients};
use longlab::rl::receipt;
use longlab::spec::settings::Settings;
use serde::Deserialize;
use std::path::Path;
use std::time::{Duration, Instant};

/// What a step works on, as `step.py` writes it to `case.json`.
#[derive(Deserialize)]
struct Case {
    /// Token ids of each prompt.
    prompts: Vec<Vec<u32>>,
    /// Responses a prompt.
    group: usize,
    /// Tokens of each response.
    response: usize,
    /// Prompts of one forward and backward pass.
    micro_prompts: usize,
    threads: i32,
    /// Whether passes compute in bf16.
    #[serde(default)]
    bf16: bool,
    /// Whether layers are computed again on the way back.
    #[serde(default)]
    again: bool,
}

struct Times {
    rollout: Duration,
    update: Duration,
}

fn step(model: &Decoder, optimizer: &mut AdamW, case: &Case, n: usize) -> Times {
    let clock = Instant::now();
    let requests: Vec<Request> = (0..case.prompts.len())
        .map(|p| Request { prompt: &case.prompts[p], rows: case.group, key: (n * case.prompts.len() + p) as u64 })
        .collect();
    // No token ends a response: all have the full length, as the peer's.
    let sampling = Sampling { temperature: 0.7, top_p: 0.95, max_tokens: case.response, eos: -1 };
    let draw = |key: u64, row: usize, position: usize| {
        ((key * 1024 + row as u64) * 4096 + position as u64) as f64 * 0.618_034 % 1.0
    };
    let responses = generate(model, &requests, &sampling, &draw, case.prompts.len()).expect("the case fits the model");
    let rollout = clock.elapsed();
    let clock = Instant::now();
    let scale = 1.0 / (case.prompts.len() * case.group * case.response) as f32;
    for (prompts, responses) in case.prompts.chunks(case.micro_prompts).zip(responses.chunks(case.micro_prompts)) {
        let parts: Vec<Part> = prompts
            .iter()
            .zip(responses)
            .map(|(prompt, rows)| {
                let (last, prefix) = prompt.split_last().expect("prompts are not empty");
                let rows = rows.iter().enumerate().map(|(r, row)| {
                    let advantage = if r % 2 == 0 { 1.0 } else { -1.0 };
                    Row::response(*last, &row.tokens, &vec![advantage * scale; row.tokens.len()])
                });
                Part { prefix, rows: rows.collect() }
            })
            .collect();
        let way = Way { pad: 0, temperature: sampling.temperature, again: case.again };
        learn(model, &parts, way, false).expect("a pass");
    }
    clip_gradients(model.parameters(), 1.0);
    optimizer.step(model.parameters(), 1e-6);
    Times { rollout, update: clock.elapsed() }
}

fn peer(dir: &Path, steps: usize) {
    let text = std::fs::read_to_string(dir.join("case.json")).expect("case.json");
    let case: Case = serde_json::from_str(&text).expect("a case");
    tch::set_num_threads(case.threads);
    let model = Decoder::load(dir).expect("a model");
    let model = if case.bf16 { model.computing_in(tch::Kind::BFloat16) } else { model };
    let mut optimizer = AdamW::new(model.parameters(), &Settings::default().train);
    for n in 0..steps {
        let times = step(&model, &mut optimizer, &case, n);
        let seconds = serde_json::json!({"rollout": times.rollout.as_secs_f64(), "update": times.update.as_secs_f64()});
        println!("{seconds}");
    }
}

fn micro(c: &mut Criterion) {
    tch::set_num_threads(1);
    let vocabulary = 584;
    let model = Decoder::init(Config::micro(vocabulary), 1).expect("the micro shape is valid");
    let mut optimizer = AdamW::new(model.parameters(), &Settings::default().train);
    let prompt = |p: usize| (0..384).map(|t| ((t * t * 31 + p * 7) % vocabulary) as u32).collect();
    let prompts = (0..16).map(prompt).collect();
    let case = Case { prompts, group: 8, response: 32, micro_prompts: 4, threads: 1, bf16: false, again: false };
    let mut group = c.benchmark_group("step");
    group.sample_size(10).measurement_time(Duration::from_secs(10));
    group.bench_function("micro, 16 prompts of 384, 8 responses of 32", |b| {
        b.iter(|| step(&model, &mut optimizer, &case, 0))
    });
    // A step digests all gradients and all weights.
    group.bench_function("receipt of a micro step: gradients and weights", |b| {
        b.iter(|| [(); 2].map(|()| receipt::weights(model.parameters())))
    });
    group.finish();
}

criterion_group!(benches, micro);

fn main() {
    longlab::runtime::start(1);
    let args: Vec<String> = std::env::args().collect();
    match args.iter().position(|arg| arg == "--peer") {
        Some(at) => peer(Path::new(&args[at + 1]), args[at + 2].parse().expect("a number of steps")),
        None => {
            benches();
            Criterion::default().configure_from_args().final_summary();
        }
    }
}
