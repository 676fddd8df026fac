//! Tokenizers made from GGUF metadata, against the ids and texts of make_tokenizer.py.

use longlab::lm::gguf::{Array, Gguf, Header, Value};
use longlab::lm::{Checkpoint, TokenizerError, gguf_tokenizer};
use proptest::prelude::*;
use std::path::{Path, PathBuf};
use tokenizers::Tokenizer;

const PRE: &str = "tokenizer.ggml.pre";
const TOKENS: &str = "tokenizer.ggml.tokens";
const MERGES: &str = "tokenizer.ggml.merges";

fn golden(name: &str) -> PathBuf {
    Path::new("tests/goldens/model").join(name)
}

fn json(name: &str) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(golden(name)).unwrap()).unwrap()
}

fn small() -> Header {
    Gguf::open(&golden("tokenizer.gguf")).unwrap().header().clone()
}

fn texts() -> Vec<String> {
    let whole = |text: &serde_json::Value| match text.as_str() {
        Some(text) => text.to_owned(),
        None => text["repeat"].as_str().unwrap().repeat(text["times"].as_u64().unwrap() as usize),
    };
    json("tokenizer_texts.json").as_array().unwrap().iter().map(whole).collect()
}

fn short(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex()[..16].to_owned()
}

/// Compares all ids and both decoded texts of one tokenizer.
fn check(tokenizer: &Tokenizer, rows: &serde_json::Value, name: &str) {
    for (number, (text, row)) in texts().iter().zip(rows.as_array().unwrap()).enumerate() {
        let ids = tokenizer.encode_fast(text.as_str(), false).unwrap().get_ids().to_vec();
        match row["ids"].as_array() {
            Some(expected) => {
                assert_eq!(serde_json::json!(ids), serde_json::json!(expected), "{name}, text {number}: {text:?}")
            }
            None => {
                let bytes: Vec<u8> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
                assert_eq!(short(&bytes), row["ids"], "{name}, text {number}");
            }
        }
        for (key, skip) in [("kept", false), ("skipped", true)] {
            let decoded = tokenizer.decode(&ids, skip).unwrap();
            let expected = row[key].as_str().unwrap_or(text);
            let same = decoded == expected || short(decoded.as_bytes()) == expected;
            assert!(same, "{name}, text {number}, {key}: {decoded:?}, expected {expected:?}");
        }
    }
}

fn with_splitting(mut header: Header, name: &str) -> Tokenizer {
    header.metadata.insert(PRE.to_owned(), Value::Text(name.to_owned()));
    gguf_tokenizer(&header).unwrap()
}

#[test]
fn a_small_vocabulary_gives_the_ids_of_transformers() {
    assert_eq!(texts().len(), 200);
    let rows = &json("tokenizer.json")["small"];
    for name in ["smollm", "qwen2", "llama-bpe"] {
        check(&with_splitting(small(), name), &rows[name], name);
    }
}

#[test]
fn a_tokenizer_survives_its_own_file() {
    for name in ["smollm", "qwen2", "llama-bpe", "gpt-2"] {
        let made = with_splitting(small(), name);
        let again = Tokenizer::from_bytes(made.to_string(false).unwrap()).unwrap();
        for text in texts().iter().filter(|text| text.len() < 500) {
            let ids = made.encode_fast(text.as_str(), false).unwrap().get_ids().to_vec();
            assert_eq!(again.encode_fast(text.as_str(), false).unwrap().get_ids(), ids, "{name}: {text:?}");
        }
    }
}

#[test]
fn first_and_last_tokens_are_put_around_if_the_file_asks() {
    let mut header = small();
    let ids = |header: &Header, special| {
        gguf_tokenizer(header).unwrap().encode_fast("a", special).unwrap().get_ids().to_vec()
    };
    let plain = ids(&header, true);
    for (flag, expected) in [("bos", vec![1]), ("eos", vec![2])] {
        let before = header.clone();
        header.metadata.insert(format!("tokenizer.ggml.add_{flag}_token"), Value::Bool(true));
        let around =
            if flag == "bos" { [expected, plain.clone()].concat() } else { [plain.clone(), expected].concat() };
        assert_eq!((ids(&header, true), ids(&header, false)), (around, plain.clone()));
        header = before;
    }
}

#[test]
fn what_does_not_fit_is_said() {
    let error = |change: &dyn Fn(&mut Header)| {
        let mut header = small();
        change(&mut header);
        gguf_tokenizer(&header).err().unwrap().to_string()
    };
    let text = |key: &'static str, value: &'static str| {
        move |header: &mut Header| drop(header.metadata.insert(key.to_owned(), Value::Text(value.to_owned())))
    };
    let edit = |key: &'static str, place: usize, value: &'static str| {
        move |header: &mut Header| {
            let Some(Value::Array(Array::Text(lines))) = header.metadata.get_mut(key) else { panic!("{key}") };
            lines[place] = value.to_owned();
        }
    };
    let cases = [
        (error(&text("tokenizer.ggml.model", "llama")), "metadata `tokenizer.ggml.model` is `llama`, known are gpt2"),
        (error(&text(PRE, "gpt-4o")), "metadata `tokenizer.ggml.pre` is `gpt-4o`, known are smollm, qwen2"),
        (error(&text(TOKENS, "none")), "metadata `tokenizer.ggml.tokens` is missing or of another type"),
        (
            error(&text("tokenizer.ggml.token_type", "none")),
            "metadata `tokenizer.ggml.token_type` is missing or of another",
        ),
        (error(&|header| drop(header.metadata.remove(MERGES))), "metadata `tokenizer.ggml.merges` is missing"),
        (error(&edit(TOKENS, 7, "<think>")), "token 7 (`<think>`): it is token 3 too"),
        (error(&edit(TOKENS, 7, "")), "token 7 (``): it is empty"),
        (error(&edit(MERGES, 3, "ab")), "merge 3 (`ab`): it is no pair"),
        (error(&edit(MERGES, 3, "ab \u{1f600}")), "a part of it is no token"),
        (error(&edit(MERGES, 3, "<think> <|endoftext|>")), "what it makes is no token"),
    ];
    for (found, expected) in cases {
        assert!(found.contains(expected), "{found}");
    }
}

/// A tokenizer of 705 tokens beside an embedding of fewer rows.
#[test]
fn a_tokenizer_that_does_not_fit_the_embedding_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["config.json", "model.safetensors"] {
        std::fs::copy(golden("llama").join(file), folder.path().join(file)).unwrap();
    }
    let checkpoint = Checkpoint::open(folder.path()).unwrap();
    let path = folder.path().join("tokenizer.json");
    assert!(matches!(checkpoint.tokenizer(), Err(TokenizerError::Checkpoint(_))));
    let made = gguf_tokenizer(&small()).unwrap().to_string(false).unwrap();
    std::fs::write(&path, &made).unwrap();
    let rows = checkpoint.config().vocab_size;
    let error = checkpoint.tokenizer().err().unwrap();
    assert!(matches!(error, TokenizerError::Embedding { rows: found, .. } if found == rows), "{error}");
    std::fs::write(&path, &made[..made.len() / 2]).unwrap();
    assert!(checkpoint.tokenizer().err().unwrap().to_string().contains("is damaged"));
    // Its merges make a token that is longer than all there are; the library indexes past its buffer.
    let hostile =
        r#"{"version":"1.0","added_tokens":[],"model":{"type":"BPE","vocab":{"a":0,"b":1},"merges":[["a","b"]]}}"#;
    std::fs::write(&path, hostile).unwrap();
    assert!(checkpoint.tokenizer().err().unwrap().to_string().contains("is damaged"));
}

proptest! {
    #[test]
    fn any_metadata_gives_a_tokenizer_or_an_error(
        tokens in prop::collection::vec("[ab]{0,3}|<x>", 0..12),
        merges in prop::collection::vec("[ab]{0,2} ?[ab]{0,2}", 0..6),
        types in prop::collection::vec(-1i32..8, 0..12),
        text in "[ab <x>0-9]{0,20}",
        splitting in prop::sample::select(vec!["smollm", "qwen2", "llama-bpe", "gpt-2", "other"]),
    ) {
        let mut header = small();
        header.metadata.insert(PRE.to_owned(), Value::Text(splitting.to_owned()));
        header.metadata.insert(TOKENS.to_owned(), Value::Array(Array::Text(tokens.clone())));
        header.metadata.insert(MERGES.to_owned(), Value::Array(Array::Text(merges)));
        header.metadata.insert("tokenizer.ggml.token_type".to_owned(), Value::Array(Array::I32(types)));
        if let Ok(tokenizer) = gguf_tokenizer(&header) {
            for &id in tokenizer.encode_fast(text.as_str(), true).unwrap().get_ids() {
                prop_assert!((id as usize) < tokens.len());
            }
        }
    }
}

/// Needs SmolLM2-135M-Instruct.Q4_1.gguf, which LONGLAB_SMOLLM2 names.
#[test]
#[ignore = "needs a file of 98 MB"]
fn smollm2_gives_the_ids_of_transformers() {
    let path = PathBuf::from(std::env::var_os("LONGLAB_SMOLLM2").expect("LONGLAB_SMOLLM2 names the file"));
    let rows = &json("tokenizer.json")["smollm2"];
    check(&Checkpoint::open(&path).unwrap().tokenizer().unwrap(), &rows["smollm"], "smollm");
    let header = Gguf::open(&path).unwrap().header().clone();
    for name in ["qwen2", "llama-bpe"] {
        check(&with_splitting(header.clone(), name), &rows[name], name);
    }
}
