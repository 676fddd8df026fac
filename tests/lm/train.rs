//! Ways through a pass that must not change what is learned: layers computed again, the streamed output layer, adapters, bf16.

use super::parity::families;
use super::{model, worst};
use longlab::lm::{Adapter, Checkpoint, Config, Decoder, FolderNumbers, Request, Sampling, generate, write_folder};
use longlab::rl::batch::{Part, Row, Way, learn, pass};
use std::path::Path;
use tch::{Kind, Tensor};

const WAY: Way = Way { pad: 0, temperature: 0.7, again: false };
const AGAIN: Way = Way { again: true, ..WAY };

fn parts<'a>(prefixes: &'a [Vec<u32>; 2]) -> Vec<Part<'a>> {
    let rows = || vec![Row::response(7, &[11, 12, 13], &[0.5, -0.25, 0.0]), Row::response(7, &[14, 15], &[-1.0, 0.75])];
    let long = vec![Row::response(3, &[21, 22, 23, 24, 25], &[0.1, 0.0, 0.2, -0.3, 0.4])];
    vec![Part { prefix: &prefixes[0], rows: rows() }, Part { prefix: &prefixes[1], rows: long }]
}

fn prefixes() -> [Vec<u32>; 2] {
    [(20..40).collect(), (5..14).collect()]
}

/// Objective and gradients of a pass.
fn gradients(model: &Decoder, way: Way) -> (f64, Vec<(String, Tensor)>) {
    let prefixes = prefixes();
    let learned = learn(model, &parts(&prefixes), way, false).unwrap();
    let taken = model.parameters().iter().map(|(name, parameter)| {
        let mut gradient = parameter.grad();
        let copy = if gradient.defined() { gradient.copy() } else { parameter.zeros_like() };
        if gradient.defined() {
            let _ = gradient.zero_();
        }
        (name.clone(), copy)
    });
    (learned.objective, taken.collect())
}

fn all_alike(one: &[(String, Tensor)], other: &[(String, Tensor)], within: f64, what: &str) {
    let largest = one.iter().map(|(_, gradient)| gradient.abs().max().double_value(&[])).fold(0.0, f64::max);
    assert!(largest > 1e-3, "{what}: there is a gradient");
    for ((name, a), (_, b)) in one.iter().zip(other) {
        assert!(worst(a, b) <= within * largest, "{what}, {name}: {} of {largest}", worst(a, b));
    }
}

#[test]
fn layers_computed_again_give_the_same_gradients_in_every_family() {
    for config in families() {
        let model = model(config);
        let (plain, again) = (gradients(&model, WAY), gradients(&model, AGAIN));
        assert!((plain.0 - again.0).abs() < 1e-5 * plain.0.abs());
        all_alike(&plain.1, &again.1, 1e-5, &format!("{:?}", model.config.family));
    }
}

/// Beyond 8,192 entries the output layer is streamed; the same model with its last entries cut off is not, and their logits can be hidden
/// from it.
#[test]
fn the_streamed_output_layer_learns_what_the_matrix_of_logits_does() {
    for tied in [true, false] {
        let config = Config { vocab_size: 8200, tie_word_embeddings: tied, ..super::small() };
        let model = model(config);
        assert!(model.is_streamed());
        let prefixes = prefixes();
        let streamed = gradients(&model, WAY);
        let again = gradients(&model, AGAIN);
        let numbers = pass(&model, &parts(&prefixes), WAY, true).unwrap();
        // By hand: the whole matrix of logits through autograd.
        let rows: Vec<Vec<&[u32]>> = vec![vec![&[7, 11], &[7, 14]], vec![&[3, 21, 22, 23, 24]]];
        let mut padded = [0i64; 40];
        for (p, prefix) in prefixes.iter().enumerate() {
            padded[p * 20..p * 20 + prefix.len()].iter_mut().zip(prefix).for_each(|(to, &id)| *to = i64::from(id));
        }
        let prefix = model.prefix(&Tensor::from_slice(&padded).view([2, 20]), &[20, 9]);
        let hidden = model
            .continuations_packed(&prefix, &rows)
            .index_select(0, &Tensor::from_slice(&[0i64, 1, 2, 3, 4, 6, 7, 8]));
        let logs = (model.logits(&hidden) / 0.7).log_softmax(-1, Kind::Float);
        let targets = Tensor::from_slice(&[11i64, 12, 14, 15, 21, 23, 24, 25]).unsqueeze(-1);
        let logp = logs.gather(-1, &targets, false).squeeze_dim(-1);
        let entropy = -(logs.exp() * &logs).sum_dim_intlist(-1, false, Kind::Float);
        assert!(worst(&logp, &numbers.logp) < 1e-5);
        assert!(worst(&entropy, numbers.entropy.as_ref().unwrap()) < 1e-5);
        let weights = [0.5f32, -0.25, -1.0, 0.75, 0.1, 0.2, -0.3, 0.4];
        let objective = (&logp * Tensor::from_slice(&weights)).sum(Kind::Float);
        (-&objective).backward();
        let by_hand: Vec<(String, Tensor)> = taken(&model);
        assert!((objective.double_value(&[]) - streamed.0).abs() < 1e-5);
        all_alike(&by_hand, &streamed.1, 1e-5, "streamed");
        all_alike(&by_hand, &again.1, 1e-5, "streamed, layers again");
        // The same through gradients in log-probabilities and entropies.
        let ups: Vec<f32> = weights.iter().map(|weight| weight * 2.0 - 0.3).collect();
        let logs = (model.logits(
            &model
                .continuations_packed(&model.prefix(&Tensor::from_slice(&padded).view([2, 20]), &[20, 9]), &rows)
                .index_select(0, &Tensor::from_slice(&[0i64, 1, 2, 3, 4, 6, 7, 8])),
        ) / 0.7)
            .log_softmax(-1, Kind::Float);
        let logp = logs.gather(-1, &targets, false).squeeze_dim(-1);
        let entropy = -(logs.exp() * &logs).sum_dim_intlist(-1, false, Kind::Float);
        (-((logp * Tensor::from_slice(&weights)).sum(Kind::Float)
            + (entropy * Tensor::from_slice(&ups)).sum(Kind::Float)))
        .backward();
        let by_hand = taken(&model);
        numbers.backward(&weights, &ups).unwrap();
        all_alike(&by_hand, &taken(&model), 1e-5, "streamed, with entropies");
    }
}

fn taken(model: &Decoder) -> Vec<(String, Tensor)> {
    let one = |(name, parameter): &(String, Tensor)| {
        let mut gradient = parameter.grad();
        let copy = gradient.copy();
        let _ = gradient.zero_();
        (name.clone(), copy)
    };
    model.parameters().iter().map(one).collect()
}

fn adapter() -> Adapter {
    Adapter { rank: 3, alpha: 6.0, targets: vec!["q_proj".into(), "down_proj".into()] }
}

fn logits(model: &Decoder) -> Tensor {
    super::parity::logits(model, &super::tokens(12, 1)).detach()
}

#[test]
fn a_fresh_adapter_changes_nothing_and_learns_by_the_chain_rule() {
    let full = model(super::small());
    let plain = logits(&full);
    let (_, of_weights) = gradients(&full, WAY);
    let adapted = model(super::small()).with_lora(&adapter(), 4).unwrap();
    assert_eq!(worst(&plain, &logits(&adapted)), 0.0);
    assert_eq!(adapted.parameters().len(), 2 * 2 * 3, "A and B of two projections in three layers");
    // B away from 0, and the sum taken back from W: A learns too, and the pass stays where it was.
    let get = |name: &str| &adapted.parameters().iter().find(|(known, _)| known == name).unwrap().1;
    let names = |part: &str| {
        let module = format!("base_model.model.model.layers.1.{part}");
        [format!("{module}.lora_A.weight"), format!("{module}.lora_B.weight")]
    };
    let [a, b] = names("mlp.down_proj");
    let (a, b) = (get(&a), get(&b));
    let (_, of_adapter) = gradients(&adapted, WAY);
    let found = |name: &str| &of_adapter.iter().find(|(known, _)| known == name).unwrap().1;
    let of_w = &of_weights.iter().find(|(name, _)| name == "model.layers.1.mlp.down_proj.weight").unwrap().1;
    let scale = 6.0 / 3.0;
    let expected = of_w.matmul(&a.detach().tr()) * scale;
    let [name_a, name_b] = names("mlp.down_proj");
    assert!(worst(found(&name_b), &expected) < 1e-5 * expected.abs().max().double_value(&[]).max(1e-3));
    assert_eq!(found(&name_a).abs().max().double_value(&[]), 0.0, "B is 0 yet");
    tch::no_grad(|| {
        let _ = b.shallow_clone().fill_(0.01);
    });
    let (_, of_adapter) = gradients(&adapted, AGAIN);
    let of_a = &of_adapter.iter().find(|(known, _)| *known == name_a).unwrap().1;
    assert!(of_a.abs().max().double_value(&[]) > 0.0, "and now A learns");
    assert!(worst(&plain, &logits(&adapted)) > 1e-4, "what was learned shows");
}

#[test]
fn an_adapter_is_kept_in_pefts_format() {
    let adapted = model(super::small()).with_lora(&adapter(), 4).unwrap();
    tch::no_grad(|| {
        for (at, (_, tensor)) in adapted.parameters().iter().enumerate() {
            let _ = tensor.shallow_clone().g_add_scalar_(0.01 * at as f64);
        }
    });
    let dir = tempfile::tempdir().unwrap();
    adapted.lora().unwrap().save(dir.path(), "some/base").unwrap();
    let config: serde_json::Value =
        serde_json::from_slice(&std::fs::read(dir.path().join("adapter_config.json")).unwrap()).unwrap();
    assert_eq!((config["peft_type"].as_str(), config["r"].as_u64()), (Some("LORA"), Some(3)));
    assert_eq!(
        (config["lora_alpha"].as_f64(), config["base_model_name_or_path"].as_str()),
        (Some(6.0), Some("some/base"))
    );
    let again = model(super::small()).with_adapter(dir.path()).unwrap();
    assert_eq!(again.lora().unwrap().adapter(), &adapter());
    assert!(worst(&logits(&adapted), &logits(&again)) == 0.0);
    // Merged, it is a model like any other.
    let merged = tempfile::tempdir().unwrap();
    adapted.save(merged.path()).unwrap();
    assert!(worst(&logits(&adapted), &logits(&Decoder::load(merged.path()).unwrap())) < 1e-6);
    let wide = Config { hidden_size: 48, ..super::small() };
    let refused = model(wide).with_adapter(dir.path()).err().unwrap().to_string();
    assert!(refused.contains("lora_") && refused.contains("expected F32"), "{refused}");
    let none = Adapter { targets: vec!["qkv".into()], ..adapter() };
    let refused = model(super::small()).with_lora(&none, 1).err().unwrap().to_string();
    assert!(refused.contains("no projection `qkv`"), "{refused}");
}

#[test]
fn an_adapter_is_added_to_the_folder_that_is_written() {
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/micro/base");
    let adapted = Decoder::load(&base).unwrap().with_lora(&adapter(), 4).unwrap();
    tch::no_grad(|| {
        for (at, (_, tensor)) in adapted.parameters().iter().enumerate() {
            let _ = tensor.shallow_clone().g_add_scalar_(0.001 * (1 + at % 7) as f64);
        }
    });
    let dir = tempfile::tempdir().unwrap();
    let (beside, written) = (dir.path().join("adapter"), dir.path().join("written"));
    adapted.lora().unwrap().save(&beside, "micro").unwrap();
    let checkpoint = Checkpoint::open(&base).unwrap();
    write_folder(&checkpoint, Some(&beside), &written, FolderNumbers::F32).unwrap();
    let again = Decoder::load(&written).unwrap();
    for ((name, one), (_, other)) in adapted.merged().iter().zip(&again.merged()) {
        assert!(worst(one, other) < 1e-6, "{name}: {}", worst(one, other));
    }
    let plain = Decoder::load(&base).unwrap();
    let moved = again.merged().iter().zip(&plain.merged()).filter(|((_, a), (_, b))| worst(a, b) > 1e-4).count();
    assert_eq!(moved, 2 * plain.config.num_hidden_layers, "the targets have moved and nothing else");
    // In half the bits, as most adapters are published.
    let bytes = std::fs::read(beside.join("adapter_model.safetensors")).unwrap();
    let short = halved(&safetensors::SafeTensors::deserialize(&bytes).unwrap());
    std::fs::write(beside.join("adapter_model.safetensors"), short).unwrap();
    let short = Decoder::load(&base).unwrap().with_adapter(&beside).unwrap();
    for ((name, one), (_, other)) in adapted.parameters().iter().zip(short.parameters()) {
        let (apart, largest) = (worst(one, other), one.abs().max().double_value(&[]));
        // Seven bits stay behind the point.
        assert!(apart < largest / 128.0, "{name}: {apart} of {largest}");
    }
}

/// The same tensors in bf16, cut off.
fn halved(tensors: &safetensors::SafeTensors) -> Vec<u8> {
    use safetensors::tensor::{Dtype, TensorView};
    let upper =
        |data: &[u8]| data.as_chunks::<4>().0.iter().flat_map(|bytes| [bytes[2], bytes[3]]).collect::<Vec<u8>>();
    let held: Vec<_> =
        tensors.tensors().into_iter().map(|(name, view)| (name, view.shape().to_vec(), upper(view.data()))).collect();
    let views = held
        .iter()
        .map(|(name, shape, bytes)| (name.as_str(), TensorView::new(Dtype::BF16, shape.clone(), bytes).unwrap()));
    safetensors::tensor::serialize(views, None).unwrap()
}

/// The angle between two gradients, as one minus its cosine.
fn apart(one: &[(String, Tensor)], other: &[(String, Tensor)]) -> f64 {
    let flat = |all: &[(String, Tensor)]| {
        let rows: Vec<Tensor> = all.iter().map(|(_, gradient)| gradient.flatten(0, -1).to_kind(Kind::Double)).collect();
        Tensor::cat(&rows, 0)
    };
    let (a, b) = (flat(one), flat(other));
    1.0 - a.dot(&b).double_value(&[]) / (a.norm() * b.norm()).double_value(&[])
}

#[test]
fn in_bf16_gradients_and_weights_stay_in_f32_and_answers_are_drawn() {
    let [llama, experts, wide] = families();
    for config in [llama, experts, wide, super::small()] {
        let exact = model(config.clone());
        // How far rounding the weights alone turns the gradient: what 16 bits can do depends on the model.
        let rounded = model(config.clone());
        tch::no_grad(|| {
            for (_, tensor) in rounded.parameters() {
                let near = tensor.to_kind(Kind::BFloat16).to_kind(Kind::Float);
                tensor.shallow_clone().copy_(&near);
            }
        });
        let plain = gradients(&exact, WAY).1;
        let least = apart(&plain, &gradients(&rounded, WAY).1);
        let half = model(config).computing_in(Kind::BFloat16);
        let error = worst(&logits(&exact), &logits(&half).to_kind(Kind::Float));
        let size = logits(&exact).abs().max().double_value(&[]);
        assert!(error > 0.0 && error < 0.05 * size, "{error} of {size}");
        for way in [WAY, AGAIN] {
            let rough = gradients(&half, way).1;
            assert!(rough.iter().all(|(_, gradient)| gradient.kind() == Kind::Float));
            let found = apart(&plain, &rough);
            assert!(found < 0.03 && found < 40.0 * least, "{:?}: {found}, weights alone {least}", half.config.family);
        }
        let sampling = Sampling { temperature: 0.0, top_p: 1.0, max_tokens: 8, eos: -1 };
        let prompt: Vec<u32> = (1..9).collect();
        let request = Request { prompt: &prompt, rows: 2, key: 0 };
        let answers = generate(&half, &[request], &sampling, &|_, _, _| 0.5, 1).unwrap();
        assert_eq!(answers[0][0].tokens.len(), 8);
        assert_eq!(answers[0][0], answers[0][1]);
    }
}
