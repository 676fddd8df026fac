//! Times generation: `decode_time MODEL [BATCH] [PROMPT] [TOKENS] [THREADS]`, one line of JSON. `benches/peers/decode.py` calls it beside its peers.

use longlab::lm::{Decoder, Request, Sampling, generate};
use std::time::Instant;

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, default: usize| args.get(at).map_or(Ok(default), |text| text.parse());
    let (batch, prompt, tokens, threads) = (number(1, 32)?, number(2, 256)?, number(3, 64)?, number(4, 2)?);
    longlab::runtime::start(threads);
    let start = Instant::now();
    let model = Decoder::open(args[0].as_ref())?;
    let loaded = start.elapsed().as_secs_f64();
    let vocab = model.config.vocab_size;
    let prompts: Vec<Vec<u32>> =
        (0..batch).map(|row| (0..prompt).map(|at| ((row * 7919 + at * 104_729) % vocab) as u32).collect()).collect();
    let requests: Vec<Request> =
        prompts.iter().enumerate().map(|(key, prompt)| Request { prompt, rows: 1, key: key as u64 }).collect();
    let mut seconds = Vec::new();
    for max_tokens in [1, tokens, 1, tokens] {
        let sampling = Sampling { temperature: 0.0, top_p: 1.0, max_tokens, eos: -1 };
        let start = Instant::now();
        let answers = generate(&model, &requests, &sampling, &|_, _, _| 0.5, batch)?;
        anyhow::ensure!(answers.iter().all(|rows| rows[0].tokens.len() == max_tokens), "a row ended early");
        seconds.push(start.elapsed().as_secs_f64());
    }
    println!("{}", serde_json::json!({"load": loaded, "first": seconds[2], "all": seconds[3], "seconds": seconds}));
    Ok(())
}
