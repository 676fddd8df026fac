//! The language model room: one prefix for all continuations, cached generation, weights on disk, the tokenizer.
#![allow(non_snake_case, clippy::unwrap_used)]

#[path = "lm/disk.rs"]
mod disk;
#[path = "lm/infer.rs"]
mod infer;
#[path = "lm/parity.rs"]
mod parity;
#[path = "lm/train.rs"]
mod train;

use longlab::lm::{Config, Decoder, LmError, Request, Response, Sampling, generate};
use tch::{Kind, Tensor};

fn small() -> Config {
    Config {
        hidden_size: 32,
        intermediate_size: 48,
        num_hidden_layers: 3,
        head_dim: 16,
        max_position_embeddings: 128,
        ..Config::micro(50)
    }
}

/// A small model whose norm weights are not all 1 and whose probabilities are not all alike.
fn model(config: Config) -> Decoder {
    tch::set_num_threads(1);
    let model = Decoder::init(config, 7).unwrap();
    let _no_grad = tch::no_grad_guard();
    for (index, (name, tensor)) in model.parameters().iter().enumerate() {
        let noise =
            (Tensor::arange(tensor.numel() as i64, (Kind::Float, tch::Device::Cpu)) * (0.7 + index as f64)).sin();
        let noise = noise.view(&tensor.size()[..]) * if name.contains("norm") { 0.3 } else { 0.1 };
        let _ = tensor.shallow_clone().f_add_(&noise).unwrap();
    }
    model
}

fn get<'a>(model: &'a Decoder, name: &str) -> &'a Tensor {
    &model.parameters().iter().find(|(known, _)| known == name).unwrap().1
}

/// RMSNorm as in the reference implementation.
fn norm(x: &Tensor, weight: &Tensor, eps: f64) -> Tensor {
    let mean = x.square().mean_dim(&[-1i64][..], true, Kind::Float);
    weight * (x * (mean + eps).rsqrt())
}

fn rotate(x: &Tensor, theta: f64) -> Tensor {
    let (length, width) = (x.size()[0], x.size()[2]);
    let half = width / 2;
    let steps = Tensor::arange(half, (Kind::Float, tch::Device::Cpu)) * (-2.0 * theta.ln() / width as f64);
    let angles = Tensor::arange(length, (Kind::Float, tch::Device::Cpu)).unsqueeze(1) * steps.exp().unsqueeze(0);
    let angles = Tensor::cat(&[&angles, &angles], -1).unsqueeze(1);
    let turned = Tensor::cat(&[-x.narrow(2, half, half), x.narrow(2, 0, half)], -1);
    x * angles.cos() + turned * angles.sin()
}

/// Hidden states of one whole sequence, written plainly, layer by layer and head by head.
fn forward_plain(model: &Decoder, tokens: &[i64]) -> Tensor {
    let c = &model.config;
    let (heads, shared, width) = (c.num_attention_heads as i64, c.num_key_value_heads as i64, c.head_dim as i64);
    let length = tokens.len() as i64;
    let hide = Tensor::full([length, length], f64::NEG_INFINITY, (Kind::Float, tch::Device::Cpu)).triu(1);
    let mut x = get(model, "model.embed_tokens.weight").index_select(0, &Tensor::from_slice(tokens));
    for layer in 0..c.num_hidden_layers {
        let w = |part: &str| get(model, &format!("model.layers.{layer}.{part}.weight"));
        let h = norm(&x, w("input_layernorm"), c.rms_norm_eps);
        let project = |part: &str, n: i64| h.matmul(&w(part).tr()).view([length, n, width]);
        let q = rotate(&norm(&project("self_attn.q_proj", heads), w("self_attn.q_norm"), c.rms_norm_eps), c.rope_theta);
        let k =
            rotate(&norm(&project("self_attn.k_proj", shared), w("self_attn.k_norm"), c.rms_norm_eps), c.rope_theta);
        let v = project("self_attn.v_proj", shared);
        let outs: Vec<Tensor> = (0..heads)
            .map(|head| {
                let of = head / (heads / shared);
                let scores = q.select(1, head).matmul(&k.select(1, of).tr()) / (width as f64).sqrt() + &hide;
                scores.softmax(-1, Kind::Float).matmul(&v.select(1, of))
            })
            .collect();
        x = &x + Tensor::cat(&outs, -1).matmul(&w("self_attn.o_proj").tr());
        let h = norm(&x, w("post_attention_layernorm"), c.rms_norm_eps);
        let inner = h.matmul(&w("mlp.gate_proj").tr()).silu() * h.matmul(&w("mlp.up_proj").tr());
        x = &x + inner.matmul(&w("mlp.down_proj").tr());
    }
    norm(&x, get(model, "model.norm.weight"), c.rms_norm_eps)
}

fn tokens(count: usize, salt: usize) -> Vec<i64> {
    (0..count).map(|i| ((i * i * 7 + i * 3 + salt * 11) % 50) as i64).collect()
}

fn worst(a: &Tensor, b: &Tensor) -> f64 {
    (a - b).abs().max().double_value(&[])
}

/// Three prompts of different lengths, two continuations each; with the plain forward of each whole sequence beside it.
fn both_ways(model: &Decoder) -> (Vec<Tensor>, Vec<Tensor>) {
    let (lens, answer, rows) = ([9usize, 4, 0], 6usize, 2usize);
    let mut padded = vec![0i64; 3 * 9];
    let mut answers = Vec::new();
    let mut plain = Vec::new();
    for (p, &len) in lens.iter().enumerate() {
        let prompt = tokens(len, p);
        padded[p * 9..p * 9 + len].copy_from_slice(&prompt);
        for g in 0..rows {
            let own = tokens(answer, 5 + p * rows + g);
            let whole: Vec<i64> = prompt.iter().chain(&own).copied().collect();
            plain.push(forward_plain(model, &whole).narrow(0, len as i64, answer as i64));
            answers.extend(own);
        }
    }
    let prefix = model.prefix(&Tensor::from_slice(&padded).view([3, 9]), &lens);
    let hidden = model.continuations(&prefix, &Tensor::from_slice(&answers).view([3, rows as i64, answer as i64]));
    let split = (0..6).map(|i| hidden.select(0, i / 2).select(0, i % 2)).collect();
    (split, plain)
}

#[test]
fn shared_prefix_equals_plain_forward() {
    let model = model(small());
    let (ours, plain) = both_ways(&model);
    for (a, b) in ours.iter().zip(&plain) {
        assert!(worst(a, b) < 1e-5, "hidden states differ by {}", worst(a, b));
        assert!(worst(&model.logits(a), &model.logits(b)) < 1e-4);
    }
}

#[test]
fn gradients_through_the_prefix_equal_those_of_the_plain_forward() {
    let model = model(small());
    let loss = |hidden: &[Tensor]| {
        let all: Vec<Tensor> = hidden.iter().map(|h| model.logits(h).log_softmax(-1, Kind::Float)).collect();
        Tensor::stack(&all, 0).narrow(-1, 3, 2).mean(Kind::Float)
    };
    let (ours, plain) = both_ways(&model);
    let leaves: Vec<&Tensor> = model.parameters().iter().map(|(_, t)| t).collect();
    let a = Tensor::run_backward(&[loss(&ours)], &leaves, false, false);
    let b = Tensor::run_backward(&[loss(&plain)], &leaves, false, false);
    for (((name, _), a), b) in model.parameters().iter().zip(&a).zip(&b) {
        assert!(worst(a, b) < 1e-4 * (1.0 + b.abs().max().double_value(&[])), "{name}: {}", worst(a, b));
        assert!(b.abs().max().double_value(&[]) > 0.0, "{name} has no gradient");
    }
}

/// Three prompts (one of them a single token) with continuations of unequal number and length: packed, and plain beside it.
fn packed_and_plain(model: &Decoder) -> (Tensor, Tensor) {
    let lens = [9usize, 4, 0];
    let answers: Vec<Vec<Vec<u32>>> = [vec![6usize, 1, 3], vec![5], vec![2, 7]]
        .iter()
        .enumerate()
        .map(|(p, rows)| rows.iter().map(|&n| tokens(n, p + n).iter().map(|&t| t as u32).collect()).collect())
        .collect();
    let (mut padded, mut plain) = (vec![0i64; 3 * 9], Vec::new());
    for (p, &len) in lens.iter().enumerate() {
        let prompt = tokens(len, p);
        padded[p * 9..p * 9 + len].copy_from_slice(&prompt);
        for row in &answers[p] {
            let whole: Vec<i64> = prompt.iter().copied().chain(row.iter().map(|&t| i64::from(t))).collect();
            plain.push(forward_plain(model, &whole).narrow(0, len as i64, row.len() as i64));
        }
    }
    let prefix = model.prefix(&Tensor::from_slice(&padded).view([3, 9]), &lens);
    let rows: Vec<Vec<&[u32]>> = answers.iter().map(|rows| rows.iter().map(|row| &row[..]).collect()).collect();
    (model.continuations_packed(&prefix, &rows), Tensor::cat(&plain, 0))
}

fn same_values_and_gradients(model: &Decoder) {
    let (packed, plain) = packed_and_plain(model);
    assert_eq!(packed.size(), [24, 32]);
    assert!(worst(&packed, &plain) < 1e-5, "hidden states differ by {}", worst(&packed, &plain));
    let leaves: Vec<&Tensor> = model.parameters().iter().map(|(_, t)| t).collect();
    let loss = |hidden: &Tensor| model.logits(hidden).log_softmax(-1, Kind::Float).narrow(-1, 3, 2).mean(Kind::Float);
    let a = Tensor::run_backward(&[loss(&packed)], &leaves, false, false);
    let b = Tensor::run_backward(&[loss(&plain)], &leaves, false, false);
    for (((name, _), a), b) in model.parameters().iter().zip(&a).zip(&b) {
        assert!(worst(a, b) < 1e-4 * (1.0 + b.abs().max().double_value(&[])), "{name}: {}", worst(a, b));
    }
}

#[test]
fn packed_continuations_equal_the_plain_forward() {
    same_values_and_gradients(&model(small()));
}

/// Scores beyond what plain sums of exponentials can hold take the way with a maximum.
#[test]
fn packed_continuations_stand_large_scores() {
    let model = model(small());
    for name in ["q_norm", "k_norm"] {
        let weight = get(&model, &format!("model.layers.1.self_attn.{name}.weight")).shallow_clone();
        let _ = tch::no_grad(|| { weight }.fill_(6.0));
    }
    same_values_and_gradients(&model);
}

#[test]
fn untied_output_layer_is_used() {
    let model = model(Config { tie_word_embeddings: false, ..small() });
    assert!(model.parameters().iter().any(|(name, _)| name == "lm_head.weight"));
    let hidden = Tensor::ones([1, 32], (Kind::Float, tch::Device::Cpu));
    assert!(worst(&model.logits(&hidden), &hidden.matmul(&get(&model, "lm_head.weight").tr())) < 1e-5);
}

/// A number in [0, 1) that depends on the address only.
fn address(key: u64, row: usize, position: usize) -> f64 {
    let hash = blake3::hash(format!("{key} {row} {position}").as_bytes());
    u32::from_le_bytes(hash.as_bytes()[..4].try_into().unwrap()) as f64 / 4294967296.0
}

fn prompts() -> Vec<Vec<u32>> {
    [12usize, 1, 30, 5].iter().enumerate().map(|(p, &n)| tokens(n, p).iter().map(|&t| t as u32).collect()).collect()
}

fn run(model: &Decoder, sampling: &Sampling, batch: usize) -> Vec<Vec<Response>> {
    let prompts = prompts();
    let requests: Vec<Request> = prompts
        .iter()
        .enumerate()
        .map(|(p, prompt)| Request { prompt, rows: [4, 3, 5, 4][p], key: 100 + p as u64 })
        .collect();
    generate(model, &requests, sampling, &address, batch).unwrap()
}

/// Log-probabilities of an answer by one teacher-forced pass.
fn forced(model: &Decoder, prompt: &[u32], answer: &[u32], temperature: f64) -> (Vec<i64>, Vec<f64>, Vec<f64>) {
    let _no_grad = tch::no_grad_guard();
    let whole: Vec<i64> = prompt.iter().chain(answer).map(|&t| i64::from(t)).collect();
    let at = prompt.len() - 1;
    let prefix = model.prefix(&Tensor::from_slice(&whole[..at.max(1)]).view([1, -1]), &[at]);
    let own = Tensor::from_slice(&whole[at..whole.len() - 1]).view([1, 1, -1]);
    let logits = model.logits(&model.continuations(&prefix, &own)).view([answer.len() as i64, -1]);
    let log = (&logits / temperature).log_softmax(-1, Kind::Double);
    let entropy = -(log.exp() * &log).sum_dim_intlist(&[-1i64][..], false, Kind::Double);
    let best = logits.argmax(-1, false);
    let at = |i: usize| log.double_value(&[i as i64, i64::from(answer[i])]);
    let count = answer.len();
    (
        (0..count).map(|i| best.int64_value(&[i as i64])).collect(),
        (0..count).map(at).collect(),
        (0..count).map(|i| entropy.double_value(&[i as i64])).collect(),
    )
}

#[test]
fn cached_generation_equals_teacher_forcing() {
    let model = model(small());
    for temperature in [0.0, 0.7] {
        let sampling = Sampling { temperature, top_p: 0.95, max_tokens: 24, eos: 3 };
        let scale = if temperature == 0.0 { 1.0 } else { temperature };
        for (prompt, answers) in prompts().iter().zip(run(&model, &sampling, 3)) {
            for answer in answers {
                assert!(answer.tokens.len() == 24 || answer.finished);
                assert_eq!(answer.finished, answer.tokens.last() == Some(&3));
                let (best, logprobs, entropies) = forced(&model, prompt, &answer.tokens, scale);
                let (_, _, entropies_one) = forced(&model, prompt, &answer.tokens, 1.0);
                for i in 0..answer.tokens.len() {
                    assert!(temperature > 0.0 || best[i] == i64::from(answer.tokens[i]), "greedy token {i}");
                    assert!((f64::from(answer.logprobs[i]) - logprobs[i]).abs() < 1e-4);
                    assert!((f64::from(answer.entropies[i]) - entropies[i]).abs() < 1e-4);
                    assert!((f64::from(answer.entropies_one[i]) - entropies_one[i]).abs() < 1e-4);
                }
            }
        }
    }
}

#[test]
fn leaving_rows_and_batches_do_not_change_other_answers() {
    let model = model(small());
    let sampling = Sampling { temperature: 1.0, top_p: 1.0, max_tokens: 40, eos: 3 };
    let alone = run(&model, &sampling, 1);
    let lengths: Vec<usize> = alone.iter().flatten().map(|answer| answer.tokens.len()).collect();
    assert!(lengths.iter().min() < lengths.iter().max(), "rows must end at different times: {lengths:?}");
    assert!(
        alone.iter().flatten().any(|answer| !answer.finished) && alone.iter().flatten().any(|answer| answer.finished)
    );
    for batch in [2, 4] {
        let together = run(&model, &sampling, batch);
        for (a, b) in alone.iter().flatten().zip(together.iter().flatten()) {
            assert_eq!(a.tokens, b.tokens);
            assert!(a.logprobs.iter().zip(&b.logprobs).all(|(a, b)| (a - b).abs() < 1e-4));
        }
    }
    assert_eq!(run(&model, &sampling, 4), run(&model, &sampling, 4), "the same call gives the same bits");
}

#[test]
fn no_gradients_are_recorded_and_the_mode_is_restored() {
    let model = model(small());
    run(&model, &Sampling { temperature: 1.0, top_p: 1.0, max_tokens: 2, eos: 3 }, 4);
    assert!(model.logits(&Tensor::ones([1, 32], (Kind::Float, tch::Device::Cpu))).requires_grad());
}

#[test]
fn generation_refuses_bad_requests() {
    let model = model(small());
    let sampling = Sampling { temperature: 1.0, top_p: 1.0, max_tokens: 8, eos: 3 };
    let ask = |prompt: &[u32], sampling: &Sampling| {
        generate(&model, &[Request { prompt, rows: 1, key: 0 }], sampling, &address, 1).unwrap_err().to_string()
    };
    assert!(ask(&[], &sampling).contains("prompt is empty"));
    assert!(ask(&[50], &sampling).contains("token 50 is outside the vocabulary of 50"));
    assert!(ask(&[1; 121], &sampling).contains("129 tokens"));
    assert!(ask(&[1], &Sampling { top_p: 0.0, ..sampling }).contains("top_p is 0"));
    assert!(ask(&[1], &Sampling { temperature: f64::NAN, ..sampling }).contains("temperature"));
}

#[test]
fn diverged_weights_are_an_error() {
    let model = model(small());
    let _ = tch::no_grad(|| get(&model, "model.norm.weight").shallow_clone().fill_(f64::NAN));
    let sampling = Sampling { temperature: 1.0, top_p: 0.9, max_tokens: 8, eos: 3 };
    let answer = generate(&model, &[Request { prompt: &[1], rows: 1, key: 0 }], &sampling, &address, 1);
    assert!(matches!(answer, Err(LmError::NotFinite { request: 0, position: 0 })));
}
