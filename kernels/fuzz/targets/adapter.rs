//! Adapters in PEFT's format: a configuration, the header of the matrices with their place in the file, in two parts.
#![no_main]

use libfuzzer_sys::fuzz_target;
use longlab_fuzz::foreign::{may_panic, parts};
use longlab_fuzz::lm::peft::StoredAdapter;
use longlab_fuzz::lm::sound;
use std::fs;

fuzz_target!(|input: &[u8]| {
    may_panic();
    let place = sound::folder();
    let mut parts = parts(input);
    let (config, header) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let rest: Vec<u8> = parts.flatten().copied().collect();
    // A header's length is as it should be, unless the rest begins with another.
    let (length, data) = match rest.strip_prefix(b"!") {
        Some(lie) if lie.len() >= 8 => lie.split_at(8),
        _ => (&(header.len() as u64).to_le_bytes()[..], &rest[..]),
    };
    fs::write(place.path().join("adapter_config.json"), config).expect("a file");
    fs::write(place.path().join("adapter_model.safetensors"), [length, header, data].concat()).expect("a file");
    let stored = match StoredAdapter::open(place.path()) {
        Ok(stored) => stored,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let rank = stored.adapter().rank;
    let _ = stored.ends(2);
    for (part, shape) in [("lora_A", [rank, 4]), ("lora_B", [2, rank])] {
        match stored.matrix("model.layers.0.self_attn.q_proj.weight", part, shape) {
            Ok(numbers) => assert_eq!(Some(numbers.len()), shape[0].checked_mul(shape[1])),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
});
