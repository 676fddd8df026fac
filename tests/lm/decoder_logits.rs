//! What the decoder that trains makes of a prompt, in f32: `tests/lm/check_wide.py` compares it with transformers.
//!
//!     decoder_logits MODEL --ids FILE --into FILE [--tokens 16]
//!
//! The first file holds the prompt: JSON, a list of tokens. Its logits [T, V] go into the second, f32 in little endian; the greedy
//! continuation is printed as JSON.

use longlab::lm::{Decoder, Request, Sampling, generate};
use std::path::Path;
use tch::{Kind, Tensor};

fn main() {
    longlab::runtime::start(2);
    let arguments: Vec<String> = std::env::args().collect();
    let after = |name: &str| arguments.iter().skip_while(|argument| *argument != name).nth(1);
    let ids = std::fs::read_to_string(after("--ids").expect("--ids FILE")).expect("a file of tokens");
    let prompt: Vec<u32> = serde_json::from_str(&ids).expect("a list of tokens");
    let max_tokens = after("--tokens").map_or(16, |tokens| tokens.parse().expect("a number"));
    let model = Decoder::load(Path::new(&arguments[1])).expect("a model");
    let _quiet = tch::no_grad_guard();
    let nothing = model.prefix(&Tensor::from_slice(&[0i64]).view([1, 1]), &[0]);
    let tokens: Vec<i64> = prompt.iter().map(|&token| i64::from(token)).collect();
    let hidden = model.continuations(&nothing, &Tensor::from_slice(&tokens).view([1, 1, -1]));
    let logits = model.logits(&hidden.view([tokens.len() as i64, -1])).to_kind(Kind::Float).flatten(0, -1);
    let bytes: Vec<u8> =
        Vec::<f32>::try_from(logits).expect("numbers").iter().flat_map(|number| number.to_le_bytes()).collect();
    std::fs::write(after("--into").expect("--into FILE"), bytes).expect("room for the logits");
    let sampling = Sampling { temperature: 0.0, top_p: 1.0, max_tokens, eos: -1 };
    let request = Request { prompt: &prompt, rows: 1, key: 0 };
    let answers = generate(&model, &[request], &sampling, &|_, _, _| 0.0, 1).expect("an answer");
    let load: Vec<usize> =
        model.router_load().iter().map(|layer| layer.iter().filter(|&&count| count > 0).count()).collect();
    println!("{}", serde_json::json!({"tokens": answers[0][0].tokens, "experts_used": load}));
}
