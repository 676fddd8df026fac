//! The page and the JSON of `longlab model`.

use longlab::lm::Checkpoint;
use longlab::lm::describe::Description;
use std::path::Path;

fn describe(name: &str, memory: u64, positions: Option<u64>) -> Description {
    let checkpoint = Checkpoint::open(&Path::new("tests/goldens/model").join(name)).unwrap();
    Description::new(&checkpoint, memory, positions)
}

#[test]
fn the_page_says_what_a_checkpoint_is_and_needs() {
    let page = describe("qwen3_moe.gguf", 1 << 30, Some(64)).to_string();
    let expected = std::fs::read_to_string("tests/goldens/model/describe.txt").unwrap();
    assert_eq!(page, expected, "{page}");
}

#[test]
fn both_formats_of_one_model_say_the_same_but_for_the_format() {
    for name in ["llama", "qwen3_moe"] {
        let folder = describe(name, 1 << 30, None);
        let file = describe(&format!("{name}.gguf"), 1 << 30, None);
        assert_eq!((folder.format, file.format), ("Hugging Face folder", "GGUF file"));
        assert_eq!(folder, Description { format: folder.format, ..file });
    }
}

#[test]
fn json_has_the_numbers_of_the_page() {
    let description = describe("llama", 1 << 30, None);
    let json = serde_json::to_value(&description).unwrap();
    assert_eq!(json["parameters"], description.parameters);
    assert_eq!(json["shape"]["family"], "llama");
    assert_eq!(json["stored"][0]["kind"], "F32");
    assert_eq!(json["stored"][0]["bytes"], 4 * description.parameters);
    assert_eq!(json["weights"]["bytes"], 2 * description.parameters);
    assert_eq!(json["training"][0]["total"], 16 * description.parameters);
    assert_eq!(json["serve"]["fits"], true);
    let longest = description.cache.last().unwrap();
    assert_eq!(longest.positions, description.shape.max_position_embeddings as u64);
    assert_eq!(longest.bytes, longest.positions * description.cache[0].bytes / description.cache[0].positions);
}

#[test]
fn a_machine_that_is_too_small_is_said_so() {
    let description = describe("llama", 1000, None);
    assert!(!description.serve.fits && !description.train.fits);
    let page = description.to_string();
    assert!(page.contains("Cannot serve") && page.contains("Cannot train"), "{page}");
}
