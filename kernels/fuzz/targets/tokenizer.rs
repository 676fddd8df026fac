//! tokenizer.json: a tokenizer whose tokens exist, or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use longlab_fuzz::foreign::may_panic;
use longlab_fuzz::lm::checkpoint::read_tokenizer;
use longlab_fuzz::lm::sound;

fuzz_target!(|bytes: &[u8]| {
    may_panic();
    let place = sound::folder();
    let path = place.path().join("tokenizer.json");
    std::fs::write(&path, bytes).expect("a file");
    match read_tokenizer(&path) {
        Ok(tokenizer) => sound::tokenizer(&tokenizer),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
