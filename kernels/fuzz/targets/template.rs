//! Chat templates: a template, the messages as JSON, in two parts. What is rendered is bounded, and the same each time.
#![no_main]

use libfuzzer_sys::fuzz_target;
use longlab_fuzz::foreign::{may_panic, parts};
use longlab_fuzz::lm::chat::{Moment, Splitter, Template, split_thinking};
use serde_json::{Value, json};

/// Bytes of a prompt: what the fuel pays for, the inputs, and some.
const MOST: usize = 128 << 20;

fuzz_target!(|input: &[u8]| {
    may_panic();
    let mut parts = parts(input);
    let source = String::from_utf8_lossy(parts.next().unwrap_or_default());
    let given: Option<Vec<Value>> = parts.next().and_then(|text| serde_json::from_slice(text).ok());
    let messages = given.unwrap_or_else(|| {
        vec![
            json!({"role": "system", "content": "Be short."}),
            json!({"role": "user", "content": "Where is Bern? 東京 ~2^"}),
            json!({"role": "assistant", "content": "In Switzerland.", "reasoning_content": "Hm.",
                "tool_calls": [{"name": "f", "arguments": {"a": [1, 2.5, null, true]}}]}),
        ]
    });
    let template = match Template::new(&source) {
        Ok(template) => template.with("bos_token", "<s>").with("eos_token", "</s>"),
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let template =
        if source.len() % 2 == 0 { template.at(Moment::day("2026-11-22").expect("a day")) } else { template };
    let tools = [json!({"type": "function", "function": {"name": "f", "parameters": {}}})];
    match template.render(&messages, source.len() % 3 > 0, (source.len() % 5 == 0).then_some(&tools)) {
        Ok(prompt) => {
            assert!(prompt.len() <= MOST, "{} bytes", prompt.len());
            thinking(&prompt);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});

/// Thinking and answer of a text, whole and in pieces.
fn thinking(text: &str) {
    let split = split_thinking(text);
    assert!(split.thinking.len() + split.answer.len() <= text.len());
    if text.len() > 4096 {
        return;
    }
    let run = |pieces: &mut dyn Iterator<Item = &str>| {
        let mut splitter = Splitter::new(true);
        let (mut thinking, mut answer) = (String::new(), String::new());
        for part in pieces.map(|piece| splitter.push(piece)).collect::<Vec<_>>() {
            thinking += &part.thinking;
            answer += &part.answer;
        }
        let last = splitter.finish();
        (thinking + &last.thinking, answer + &last.answer)
    };
    let letters: Vec<String> = text.chars().map(String::from).collect();
    assert_eq!(run(&mut letters.iter().map(String::as_str)), run(&mut [text].into_iter()), "{text:?}");
}
