//! The decoder without libtorch against transformers' numbers, and against itself in other company.

use super::parity::{MODELS, folder};
use longlab::lm::infer::{Model, Sequence, Wanted};
use longlab::lm::{Checkpoint, Decoder, Request, Sampling, generate};
use serde_json::Value;
use tch::{Kind, Tensor};

fn load(name: &str, threads: usize) -> (Model, Value) {
    let facts = std::fs::read_to_string(folder(name).join("facts.json")).unwrap();
    let checkpoint = Checkpoint::open(&folder(name)).unwrap();
    (Model::load(&checkpoint, threads).unwrap(), serde_json::from_str(&facts).unwrap())
}

fn ids(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

fn last(model: &Model, tokens: &[u32]) -> Vec<f32> {
    model.read(&mut [(&mut Sequence::default(), tokens)], Wanted::Last)
}

/// transformers in bf16 is as far from f32 as `half` says; ours may not be farther. The logits in f32 are those of the other decoder, which
/// are transformers' (see `parity`).
#[test]
fn logits_are_those_in_f32_up_to_what_bf16_costs() {
    for name in MODELS {
        let (model, facts) = load(name, 2);
        let tokens = ids(&facts["long_tokens"]);
        let exact = whole(&Decoder::load(&folder(name)).unwrap(), &tokens);
        let ours = model.read(&mut [(&mut Sequence::default(), &tokens)], Wanted::All);
        let (mut error, mut size) = (0.0, 0.0);
        for (&ours, &exact) in ours.iter().zip(&exact) {
            (error, size) = (error + f64::from(ours - exact).powi(2), size + f64::from(exact).powi(2));
        }
        let (error, half) = ((error / size).sqrt(), facts["half"].as_f64().unwrap());
        assert!(error < half, "{name}: {error}, {half}");
        assert!(
            ours.len() == exact.len() && ours.ends_with(&last(&model, &tokens)),
            "{name}: the last of all is the last"
        );
    }
}

/// The folder of a golden model with its numbers in bf16.
fn in_bf16(name: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(folder(name).join("config.json"), dir.path().join("config.json")).unwrap();
    let model = Decoder::load(&folder(name)).unwrap();
    let bytes = |tensor: &Tensor| -> Vec<u8> {
        let bits = tensor.detach().to_kind(Kind::BFloat16).view_dtype(Kind::Int16).flatten(0, -1);
        Vec::<i16>::try_from(bits).unwrap().iter().flat_map(|bits| bits.to_le_bytes()).collect()
    };
    let tensors: Vec<(&str, Vec<usize>, Vec<u8>)> = model
        .parameters()
        .iter()
        .map(|(name, t)| (name.as_str(), t.size().iter().map(|&n| n as usize).collect(), bytes(t)))
        .collect();
    let views = tensors.iter().map(|(name, shape, bytes)| {
        (*name, safetensors::tensor::TensorView::new(safetensors::Dtype::BF16, shape.clone(), bytes).unwrap())
    });
    std::fs::write(dir.path().join("model.safetensors"), safetensors::serialize(views, None).unwrap()).unwrap();
    dir
}

/// The decoder of libtorch over mapped bf16: the same roundings as in transformers, in another order.
#[test]
fn a_mapped_bf16_folder_answers_as_transformers_in_bf16() {
    for name in ["qwen3_yarn", "qwen3_moe", "llama"] {
        let (_, facts) = load(name, 1);
        let (tokens, dir) = (ids(&facts["long_tokens"]), in_bf16(name));
        let model = Decoder::open(dir.path()).unwrap();
        assert!(model.kind() == Kind::BFloat16 && model.parameters().iter().all(|(_, t)| t.kind() == Kind::BFloat16));
        let exact = whole(&Decoder::load(&folder(name)).unwrap(), &tokens);
        let ours = whole(&model, &tokens);
        let error: f64 = ours.iter().zip(&exact).map(|(&a, &b)| f64::from(a - b).powi(2)).sum();
        let size: f64 = exact.iter().map(|&b| f64::from(b).powi(2)).sum();
        let (error, half) = ((error / size).sqrt(), facts["half"].as_f64().unwrap());
        assert!(error < 1.5 * half, "{name}: {error}, {half}");
        let sampling = Sampling { temperature: 1.0, top_p: 0.9, max_tokens: 5, eos: -1 };
        let request = Request { prompt: &tokens[..9], rows: 3, key: 1 };
        let answers = generate(&model, &[request], &sampling, &super::address, 1).unwrap();
        assert!(answers[0].iter().all(|row| row.tokens.len() == 5), "{name}");
    }
}

fn whole(model: &Decoder, tokens: &[u32]) -> Vec<f32> {
    let tokens: Vec<i64> = tokens.iter().map(|&token| i64::from(token)).collect();
    Vec::try_from(super::parity::logits(model, &tokens).to_kind(Kind::Float).flatten(0, -1)).unwrap()
}

#[test]
fn company_pieces_and_threads_change_no_bit() {
    for name in ["qwen3", "qwen3_moe", "llama"] {
        let (model, _) = load(name, 2);
        let (alone, _) = load(name, 1);
        let prompts: Vec<Vec<u32>> = [150usize, 3, 70]
            .iter()
            .map(|&n| (0..n as u32).map(|at| (at * 31 + 7 * n as u32) % 96).collect())
            .collect();
        let expected: Vec<Vec<f32>> = prompts.iter().map(|prompt| last(&alone, prompt)).collect();
        let mut sequences = vec![Sequence::default(); 3];
        // In two pieces, beside each other.
        let read = |sequences: &mut [Sequence], part: &dyn Fn(&[u32]) -> std::ops::Range<usize>| {
            let mut work: Vec<(&mut Sequence, &[u32])> =
                sequences.iter_mut().zip(&prompts).map(|(s, p)| (s, &p[part(p)])).collect();
            model.read(&mut work, Wanted::Last)
        };
        let _ = read(&mut sequences, &|prompt| 0..prompt.len() / 2);
        let logits = read(&mut sequences, &|prompt| prompt.len() / 2..prompt.len());
        for (row, expected) in logits.chunks_exact(96).zip(&expected) {
            assert_eq!(row, expected, "{name}");
        }
        assert_eq!(sequences.iter().map(Sequence::len).collect::<Vec<_>>(), [150, 3, 70]);
    }
}

#[test]
fn a_clone_goes_its_own_way() {
    let (model, _) = load("llama", 1);
    let prompt: Vec<u32> = (0..140).map(|at| at * 17 % 96).collect();
    let mut first = Sequence::default();
    model.read(&mut [(&mut first, &prompt)], Wanted::Last);
    let mut second = first.clone();
    let a = model.read(&mut [(&mut first, &[1, 2])], Wanted::Last);
    let b = model.read(&mut [(&mut second, &[3, 4])], Wanted::Last);
    let whole = |more: [u32; 2]| last(&model, &prompt.iter().copied().chain(more).collect::<Vec<_>>());
    assert_eq!(a, whole([1, 2]));
    assert_eq!(b, whole([3, 4]));
}
