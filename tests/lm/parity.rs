//! The families against what transformers makes of the same weights (tests/goldens/lm, made by make.py there).

use super::{address, small, tokens, worst};
use longlab::lm::{Config, Decoder, Experts, Family, Request, Sampling, Scaling, generate};
use serde_json::Value;
use std::path::PathBuf;
use tch::{Kind, Tensor};

pub const MODELS: [&str; 6] = ["qwen3", "qwen3_yarn", "qwen3_moe", "qwen3_moe_mixed", "llama", "llama3"];

pub fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/lm").join(name)
}

struct Golden {
    model: Decoder,
    facts: Value,
}

fn golden(name: &str) -> Golden {
    tch::set_num_threads(1);
    let facts = std::fs::read_to_string(folder(name).join("facts.json")).unwrap();
    Golden { model: Decoder::load(&folder(name)).unwrap(), facts: serde_json::from_str(&facts).unwrap() }
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn ids(value: &Value) -> Vec<i64> {
    value.as_array().unwrap().iter().map(|id| id.as_i64().unwrap()).collect()
}

/// Logits [T, V] of a whole sequence: a continuation of nothing.
pub fn logits(model: &Decoder, tokens: &[i64]) -> Tensor {
    let nothing = model.prefix(&Tensor::from_slice(&[0i64]).view([1, 1]), &[0]);
    let hidden = model.continuations(&nothing, &Tensor::from_slice(tokens).view([1, 1, -1]));
    model.logits(&hidden.view([tokens.len() as i64, -1]))
}

/// The largest difference as a share of the largest number.
fn off(ours: &Tensor, facts: &[f64]) -> f64 {
    let facts = Tensor::from_slice(facts).to_kind(Kind::Float);
    worst(ours, &facts) / facts.abs().max().double_value(&[])
}

#[test]
fn logits_are_those_of_transformers() {
    for name in MODELS {
        let Golden { model, facts } = golden(name);
        let rows: Vec<Vec<i64>> = facts["tokens"].as_array().unwrap().iter().map(ids).collect();
        for (row, at, expected) in [(0, 11, 0), (1, 11, 1), (0, 3, 2)] {
            let error = off(&logits(&model, &rows[row]).get(at), &numbers(&facts["logits"][expected]));
            assert!(error < 1e-4, "{name}: {error}");
        }
        let error = off(&logits(&model, &ids(&facts["long_tokens"])).get(95), &numbers(&facts["long"]));
        assert!(error < 1e-4, "{name} at position 95: {error}");
    }
}

#[test]
fn loss_and_gradients_are_those_of_transformers() {
    for name in MODELS {
        let Golden { model, facts } = golden(name);
        let rows: Vec<Vec<i64>> = facts["tokens"].as_array().unwrap().iter().map(ids).collect();
        let parts: Vec<Tensor> = rows
            .iter()
            .map(|row| logits(&model, row).narrow(0, 0, 11).cross_entropy_for_logits(&Tensor::from_slice(&row[1..])))
            .collect();
        let loss = Tensor::stack(&parts, 0).mean(Kind::Float);
        let expected = facts["loss"].as_f64().unwrap();
        assert!((loss.double_value(&[]) - expected).abs() < 1e-4 * expected, "{name}");
        loss.backward();
        let gradients = facts["gradients"].as_object().unwrap();
        for (parameter, facts) in gradients {
            let (norm, sum) = (facts[0].as_f64().unwrap(), facts[1].as_f64().unwrap());
            let gradient = gradient(&model, parameter).to_kind(Kind::Double).flatten(0, -1);
            let signs = Tensor::arange(gradient.numel() as i64, (Kind::Int64, tch::Device::Cpu)).remainder(7) - 3;
            let ours = (gradient.norm().double_value(&[]), (&gradient * signs).sum(Kind::Double).double_value(&[]));
            // The sum has as many terms of either sign as the norm: its error is measured by the norm.
            assert!((ours.0 - norm).abs() < 1e-4 * norm, "{name} {parameter}: {} for {norm}", ours.0);
            assert!((ours.1 - sum).abs() < 1e-3 * norm, "{name} {parameter}: {} for {sum}", ours.1);
        }
        let count = model.parameters().len() - if name.contains("moe") { stacked(&model) } else { 0 };
        assert_eq!(gradients.len(), count, "{name}");
    }
}

/// How many tensors of ours stand in one of transformers', beyond the first of each.
fn stacked(model: &Decoder) -> usize {
    let experts = model.parameters().iter().filter(|(name, _)| name.contains(".experts.")).count();
    experts - 2 * experts / 24
}

/// The gradient of a parameter; transformers keeps the experts of a layer in one tensor, gate above up.
fn gradient(model: &Decoder, parameter: &str) -> Tensor {
    let get = |name: String| {
        let found = model.parameters().iter().find(|(known, _)| *known == name);
        &found.unwrap_or_else(|| panic!("no {name}")).1
    };
    let Some((layer, part)) = parameter.split_once(".experts.") else { return get(parameter.to_owned()).grad() };
    let parts: &[&str] = if part == "gate_up_proj" { &["gate_proj", "up_proj"] } else { &["down_proj"] };
    // An expert that no token chose has no gradient, there zero.
    let one = |expert: usize, part: &str| {
        let weight = get(format!("{layer}.experts.{expert}.{part}.weight"));
        if weight.grad().defined() { weight.grad() } else { weight.zeros_like() }
    };
    let experts: Vec<Tensor> =
        (0..8).map(|expert| Tensor::cat(&parts.iter().map(|part| one(expert, part)).collect::<Vec<_>>(), 0)).collect();
    Tensor::stack(&experts, 0)
}

#[test]
fn greedy_tokens_are_those_of_transformers() {
    for name in MODELS {
        let Golden { model, facts } = golden(name);
        let prompt: Vec<u32> = ids(&facts["tokens"][0]).iter().map(|&id| id as u32).collect();
        let sampling = Sampling { temperature: 0.0, top_p: 1.0, max_tokens: 128, eos: -1 };
        let request = Request { prompt: &prompt, rows: 1, key: 0 };
        let answers = generate(&model, &[request], &sampling, &address, 1).unwrap();
        let ours: Vec<i64> = answers[0][0].tokens.iter().map(|&id| i64::from(id)).collect();
        assert_eq!(ours, ids(&facts["greedy"]), "{name}");
    }
}

pub fn families() -> [Config; 3] {
    let experts = Experts {
        num_experts: 6,
        num_experts_per_tok: 2,
        moe_intermediate_size: 24,
        norm_topk_prob: true,
        dense_layers: vec![1],
    };
    [
        Config { family: Family::Llama, ..small() },
        Config { family: Family::Qwen3Moe, experts: Some(experts), ..small() },
        // Wide enough that the weights of norms are kept apart from the matrices.
        Config { hidden_size: 288, num_hidden_layers: 2, ..small() },
    ]
}

/// A prompt computed once with its continuations packed gives what each whole sequence gives.
#[test]
fn packed_continuations_equal_whole_sequences_in_every_family() {
    for config in families() {
        let model = super::model(config);
        let (prompt, rows) = (tokens(7, 1), [tokens(5, 2), tokens(3, 3)]);
        let prefix = model.prefix(&Tensor::from_slice(&prompt).view([1, 7]), &[7]);
        let short: Vec<Vec<u32>> = rows.iter().map(|row| row.iter().map(|&id| id as u32).collect()).collect();
        let packed = model.logits(&model.continuations_packed(&prefix, &[short.iter().map(|row| &row[..]).collect()]));
        let whole: Vec<Tensor> = rows
            .iter()
            .map(|row| {
                let all: Vec<i64> = prompt.iter().chain(row).copied().collect();
                logits(&model, &all).narrow(0, 7, row.len() as i64)
            })
            .collect();
        let whole = Tensor::cat(&whole, 0);
        assert!(worst(&packed, &whole) < 1e-4, "{:?}: {}", model.config.family, worst(&packed, &whole));
    }
}

#[test]
fn a_saved_model_of_every_family_comes_back() {
    for config in families() {
        let model = super::model(Config { tie_word_embeddings: false, ..config });
        let dir = tempfile::tempdir().unwrap();
        model.save(dir.path()).unwrap();
        let again = Decoder::load(dir.path()).unwrap();
        assert_eq!(again.config, model.config);
        for ((name, x), (other, y)) in model.parameters().iter().zip(again.parameters()) {
            assert!(name == other && x.equal(y), "{name}");
        }
    }
}

#[test]
fn the_load_of_the_router_counts_every_token_as_often_as_it_has_experts() {
    let [_, experts, _] = families();
    let model = super::model(experts);
    let nothing = model.prefix(&Tensor::from_slice(&[0i64]).view([1, 1]), &[0]);
    let _ = model.router_load();
    let _ = model.continuations(&nothing, &Tensor::from_slice(&tokens(10, 1)).view([1, 1, 10]));
    let load = model.router_load();
    assert_eq!(load.iter().map(|layer| layer.iter().sum::<u64>()).collect::<Vec<_>>(), [20, 0, 20]);
    assert_eq!(load[0].len(), 6);
    assert!(model.router_load().iter().all(Vec::is_empty), "taken");
}

/// A GGUF file that divides each frequency by 2 says what its folder calls linear scaling by 2, through both decoders.
#[test]
fn a_gguf_files_own_factors_scale_the_frequencies() {
    let place = |name: &str| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/model").join(name);
    let [file, linear] = ["llama_factors.gguf", "llama_factors"].map(|name| Decoder::load(&place(name)).unwrap());
    assert_eq!(file.config.rope_scaling, Some(Scaling::Factors { factors: vec![2.0; 2] }));
    assert_eq!(linear.config.rope_scaling, Some(Scaling::Linear { factor: 2.0 }));
    let refused = file.save(tempfile::tempdir().unwrap().path()).unwrap_err().to_string();
    assert!(refused.contains("factors of their own"), "{refused}");
    let tokens = [0, 1, 2, 2, 1, 0, 1, 1];
    assert!(logits(&file, &tokens).equal(&logits(&linear, &tokens)));
    let config = Config { rope_scaling: None, ..linear.config.clone() };
    let plain = tempfile::tempdir().unwrap();
    linear.save(plain.path()).unwrap();
    config.save(&plain.path().join("config.json")).unwrap();
    let plain = Decoder::load(plain.path()).unwrap();
    assert!(!logits(&plain, &tokens).equal(&logits(&linear, &tokens)), "the scaling shows");
}
