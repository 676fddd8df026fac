//! Answers of a small random model: the same for the same seed, cut to the window, and named errors.

use longlab::lm::talk::{Drawing, TalkError, Talker};
use std::fs;
use tempfile::TempDir;

const TEMPLATE: &str = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}";

/// The golden Llama with a tokenizer of 96 tokens, one for a character each, and a template.
pub fn folder(template: bool) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for file in ["config.json", "model.safetensors"] {
        fs::copy(format!("tests/goldens/lm/llama/{file}"), dir.path().join(file)).unwrap();
    }
    let signs = " .,:?\n!-'()@#$%&*+/;<=>[]^_{|}~\"é€";
    let characters: Vec<char> = ('a'..='z').chain('A'..='Z').chain('0'..='9').chain(signs.chars()).collect();
    assert_eq!(characters.len(), 96, "every row of the embedding has a text");
    let vocab: serde_json::Map<String, serde_json::Value> =
        characters.iter().enumerate().map(|(id, c)| (c.to_string(), id.into())).collect();
    let tokenizer = serde_json::json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null, "pre_tokenizer": null,
        "post_processor": null, "decoder": {"type": "Fuse"},
        "model": {"type": "BPE", "dropout": null, "unk_token": "?", "continuing_subword_prefix": null, "end_of_word_suffix": null,
            "fuse_unk": false, "byte_fallback": false, "vocab": vocab, "merges": []},
    });
    fs::write(dir.path().join("tokenizer.json"), tokenizer.to_string()).unwrap();
    if template {
        fs::write(dir.path().join("chat_template.jinja"), TEMPLATE).unwrap();
    }
    dir
}

const DRAWING: Drawing = Drawing { temperature: 1.0, top_p: 0.9, max_tokens: 20, seed: 4 };

#[test]
fn an_answer_follows_its_seed_and_is_seen_as_it_grows() {
    let dir = folder(true);
    let talker = Talker::load(dir.path(), 1).unwrap();
    let prompt = talker.prompt(&[("user", "Who lives in Bern?")], 20).unwrap();
    assert_eq!((prompt.tokens.len(), prompt.cut), ("user: Who lives in Bern?\nassistant:".len(), 0));
    let mut seen = String::new();
    let first = talker.answer(&prompt, &DRAWING, &mut |more| seen += more).unwrap();
    assert_eq!(first.text, seen);
    assert!(first.tokens.len() == 20 && !first.finished);
    let again = Talker::load(dir.path(), 2).unwrap().answer(&prompt, &DRAWING, &mut |_| {}).unwrap();
    assert_eq!(first, again, "on two threads");
    let other = talker.answer(&prompt, &Drawing { seed: 5, ..DRAWING }, &mut |_| {}).unwrap();
    assert_ne!(first.tokens, other.tokens);
    let greedy = |seed| talker.answer(&prompt, &Drawing { temperature: 0.0, seed, ..DRAWING }, &mut |_| {}).unwrap();
    assert_eq!(greedy(1), greedy(2));
}

#[test]
fn a_token_that_ends_answers_ends_them() {
    let dir = folder(true);
    let talker = Talker::load(dir.path(), 1).unwrap();
    let prompt = talker.prompt(&[("user", "a")], 20).unwrap();
    let free = talker.answer(&prompt, &DRAWING, &mut |_| {}).unwrap();
    let stop = free.tokens[7];
    fs::write(dir.path().join("generation_config.json"), format!("{{\"eos_token_id\": [{stop}]}}")).unwrap();
    let ended = Talker::load(dir.path(), 1).unwrap().answer(&prompt, &DRAWING, &mut |_| {}).unwrap();
    let first = free.tokens.iter().position(|&token| token == stop).unwrap();
    assert!(ended.finished);
    assert_eq!(ended.tokens, free.tokens[..first]);
}

#[test]
fn what_does_not_fit_is_cut_out_of_the_middle() {
    let dir = folder(true);
    let talker = Talker::load(dir.path(), 1).unwrap();
    assert_eq!(talker.window(), 512);
    let long = format!("{}{}{}", "a".repeat(400), "b".repeat(400), "c".repeat(400));
    let prompt = talker.prompt(&[("user", &long)], 12).unwrap();
    let whole = "user: \nassistant:".len() + 1200;
    assert_eq!((prompt.tokens.len(), prompt.cut), (500, whole - 500));
    assert!(!prompt.tokens.contains(&1), "the middle is gone");
    assert_eq!(
        prompt.tokens.iter().filter(|&&token| token == 0).count(),
        250 - 6 + 2,
        "half of the room, with those of assistant"
    );
    assert!(matches!(talker.prompt(&[("user", "a")], 512), Err(TalkError::Window { answer: 512, window: 512 })));
}

#[test]
fn a_model_without_a_template_says_so() {
    assert!(matches!(Talker::load(folder(false).path(), 1).err(), Some(TalkError::NoTemplate)));
}
