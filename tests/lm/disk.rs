//! Weights and configurations on disk, fresh weights, the tokenizer.

use super::{get, model, small};
use longlab::lm::{Config, Decoder, build_wordpiece, pick};
use proptest::prelude::*;
use tch::{Kind, Tensor};

#[test]
fn saved_weights_come_back_byte_for_byte() {
    let model = model(small());
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    model.save(a.path()).unwrap();
    let again = Decoder::load(a.path()).unwrap();
    again.save(b.path()).unwrap();
    assert_eq!(again.config, model.config);
    for file in ["config.json", "model.safetensors"] {
        assert_eq!(std::fs::read(a.path().join(file)).unwrap(), std::fs::read(b.path().join(file)).unwrap(), "{file}");
    }
    for ((name, x), (other, y)) in model.parameters().iter().zip(again.parameters()) {
        assert_eq!(name, other);
        assert!(x.equal(y) && y.requires_grad(), "{name}");
    }
    assert_eq!(std::fs::read_dir(b.path()).unwrap().count(), 2, "no temporary file stays");
}

#[test]
fn damaged_and_foreign_weights_are_named() {
    let model = model(small());
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("model.safetensors");
    model.save(dir.path()).unwrap();
    let bytes = std::fs::read(&file).unwrap();
    let message = || Decoder::load(dir.path()).err().unwrap().to_string();
    for cut in [4, 100, bytes.len() / 2, bytes.len() - 1] {
        std::fs::write(&file, &bytes[..cut]).unwrap();
        assert!(message().contains("model.safetensors is damaged"), "{}", message());
    }
    std::fs::remove_file(&file).unwrap();
    assert!(message().contains("model.safetensors"));
    let change = |name: &str, tensor: Option<Tensor>, extra: bool| {
        let mut all: Vec<(String, Tensor)> =
            model.parameters().iter().map(|(n, t)| (n.clone(), t.shallow_clone())).collect();
        all.retain(|(n, _)| extra || n != name);
        all.extend(tensor.map(|tensor| (name.to_owned(), tensor)));
        longlab::lm::save_weights(&file, &all).unwrap();
    };
    change("model.norm.weight", None, false);
    assert!(message().contains("`model.norm.weight` is missing"));
    change("model.norm.bias", Some(Tensor::from_slice(&[1f32])), true);
    assert!(message().contains("unknown tensor `model.norm.bias`"));
    change("model.norm.weight", Some(Tensor::from_slice(&[1f32; 5])), false);
    assert!(message().contains("shape [5], the configuration asks for [32]"), "{}", message());
}

/// A folder whose tensors are of this type, all bytes zero.
fn folder_of(kind: safetensors::Dtype, bytes: usize) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let config = small();
    config.save(&dir.path().join("config.json")).unwrap();
    let model = model(config);
    let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = model
        .parameters()
        .iter()
        .map(|(n, t)| (n.clone(), t.size().iter().map(|&x| x as usize).collect(), vec![0u8; bytes * t.numel()]))
        .collect();
    let views =
        tensors.iter().map(|(n, s, b)| (n.as_str(), safetensors::tensor::TensorView::new(kind, s.clone(), b).unwrap()));
    std::fs::write(dir.path().join("model.safetensors"), safetensors::serialize(views, None).unwrap()).unwrap();
    dir
}

#[test]
fn half_precision_is_read_and_other_number_types_are_refused_by_name() {
    for kind in [safetensors::Dtype::BF16, safetensors::Dtype::F16] {
        let model = Decoder::load(folder_of(kind, 2).path()).unwrap();
        assert!(
            model.parameters().iter().all(|(_, t)| t.kind() == Kind::Float && t.abs().max().double_value(&[]) == 0.0)
        );
    }
    let message = Decoder::load(folder_of(safetensors::Dtype::F64, 8).path()).err().unwrap().to_string();
    assert!(message.contains("stored as F64") && message.contains("model."), "{message}");
}

#[test]
fn config_tolerates_foreign_keys_and_refuses_nonsense() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.json");
    small().save(&path).unwrap();
    let mut value: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    value["sliding_window"] = serde_json::json!(null);
    std::fs::write(&path, value.to_string()).unwrap();
    assert_eq!(Config::load(&path).unwrap(), small());
    for (key, bad, wanted) in
        [("num_key_value_heads", 3, "no multiple"), ("head_dim", 15, "even"), ("vocab_size", 0, "must be 1 to")]
    {
        let mut broken = value.clone();
        broken[key] = serde_json::json!(bad);
        std::fs::write(&path, broken.to_string()).unwrap();
        assert!(Config::load(&path).unwrap_err().to_string().contains(wanted), "{key}");
    }
}

#[test]
fn initial_weights_follow_the_seed_and_the_stated_deviation() {
    let (a, b, c) = (
        Decoder::init(Config::micro(700), 1).unwrap(),
        Decoder::init(Config::micro(700), 1).unwrap(),
        Decoder::init(small(), 1),
    );
    assert!(c.is_ok());
    for ((name, x), (_, y)) in a.parameters().iter().zip(b.parameters()) {
        assert!(x.equal(y), "{name}");
    }
    let deviation = |name: &str| get(&a, name).std(true).double_value(&[]);
    assert!((deviation("model.embed_tokens.weight") - 0.02).abs() < 2e-4);
    assert!((deviation("model.layers.2.self_attn.o_proj.weight") - 0.02 / 8f64.sqrt()).abs() < 2e-4);
    let other = Decoder::init(Config::micro(700), 2).unwrap();
    assert!(!get(&other, "model.embed_tokens.weight").equal(get(&a, "model.embed_tokens.weight")));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nucleus_is_the_smallest_set_with_the_mass(weights in prop::collection::vec(0.0f32..1.0, 1..60), top_p in 0.01f64..1.0, uniform in 0.0f64..1.0) {
        let total: f32 = weights.iter().sum();
        prop_assume!(total > 0.0);
        let p: Vec<f32> = weights.iter().map(|w| w / total).collect();
        let chosen = pick(&p, top_p, uniform).unwrap();
        // All that are more probable than the chosen one hold less than top_p: else the set would have ended before it.
        let before: f64 = p.iter().filter(|&&x| x > p[chosen]).map(|&x| f64::from(x)).sum();
        prop_assert!(before < top_p + 1e-6);
        prop_assert!(p[chosen] > 0.0);
        prop_assert_eq!(pick(&p, top_p, uniform), Some(chosen));
    }

    #[test]
    fn draws_follow_the_probabilities(uniform in 0.0f64..1.0) {
        let p = [0.2f32, 0.0, 0.5, 0.3];
        let wanted = if uniform < 0.2 { 0 } else if uniform < 0.7 { 2 } else { 3 };
        let edge = (uniform - 0.2).abs() < 1e-6 || (uniform - 0.7).abs() < 1e-6;
        prop_assert!(edge || pick(&p, 1.0, uniform) == Some(wanted));
    }

    #[test]
    fn canonical_text_comes_back(sentences in prop::collection::vec((prop::collection::vec(0usize..12, 1..8), 0usize..8), 1..5)) {
        let tokenizer = build_wordpiece(&WORDS, &["<think>", "</think>"]).unwrap();
        let text: Vec<String> = sentences.iter().map(|(words, form)| sentence(words, *form)).collect();
        let text = text.join(" ");
        let tokens = tokenizer.encode(&text).unwrap();
        prop_assert!(!tokens.contains(&tokenizer.id("<unk>").unwrap()));
        prop_assert_eq!(tokenizer.decode(&tokens, true).unwrap(), text);
    }
}

const WORDS: [&str; 13] = ["Anna", "lives", "in", "Rome", "do", "not", "2019", "revenue", "of", "A", "a", "is", "s"];

fn sentence(words: &[usize], form: usize) -> String {
    let plain: Vec<&str> = words.iter().map(|&w| WORDS[w]).collect();
    let text = plain.join(" ");
    match form {
        0 => format!("{text}."),
        1 => format!("{text}, 40375 {text}?"),
        2 => format!("Anna: {text}!"),
        3 => format!("{text} (A) (not {text})."),
        4 => format!("{text} | 7 | 120195 |"),
        5 => format!("<think> {text}: 12 + 5 = 17. </think>"),
        6 => format!("Anna's {text}; 12 - 5 is 7%"),
        _ => text,
    }
}

#[test]
fn tokenizer_keeps_words_whole_and_spells_numbers() {
    let tokenizer = build_wordpiece(&WORDS, &["<think>", "</think>"]).unwrap();
    let ids = |text: &str| tokenizer.encode(text).unwrap();
    assert_eq!(ids("2019"), [tokenizer.id("2019").unwrap()]);
    assert_eq!(ids("20195").len(), 2);
    assert_eq!(ids("375"), ["3", "##7", "##5"].map(|t| tokenizer.id(t).unwrap()));
    assert_eq!(ids("Zebra"), [tokenizer.id("<unk>").unwrap()]);
    assert_eq!(ids("<think>Anna</think>"), ids("<think> Anna </think>"));
    assert_eq!(tokenizer.decode(&ids("<think> Anna </think>"), false).unwrap(), "Anna");
    assert_eq!(tokenizer.decode(&ids("( A ) a|a , do not"), false).unwrap(), "(A) a | a, do not");
    assert_eq!(tokenizer.id("nowhere"), None);
    assert_eq!(tokenizer.vocab_size(), 3 + 20 + 14 + 13);
}

#[test]
fn tokenizer_survives_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (dir.path().join("a.json"), dir.path().join("b.json"));
    let tokenizer = build_wordpiece(&WORDS, &["<think>", "<eos>"]).unwrap();
    tokenizer.save(&a).unwrap();
    let again = longlab::lm::Tokenizer::load(&a).unwrap();
    again.save(&b).unwrap();
    assert_eq!(std::fs::read(&a).unwrap(), std::fs::read(&b).unwrap());
    let text = "<think> Anna lives in Rome (A): 375. <eos>";
    assert_eq!(tokenizer.encode(text).unwrap(), again.encode(text).unwrap());
    assert_eq!(again.decode(&again.encode(text).unwrap(), true).unwrap(), text);
    std::fs::write(&a, "{}").unwrap();
    assert!(longlab::lm::Tokenizer::load(&a).err().unwrap().to_string().contains("a.json"));
    assert!(build_wordpiece(&["<eos>"], &["<eos>"]).is_err());
}
