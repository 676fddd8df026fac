//! Source code through tree-sitter.
#![no_main]

use libfuzzer_sys::fuzz_target;
use longlab_fuzz::documents::{file, read};

fuzz_target!(|input: &[u8]| {
    let (name, bytes) = file(input);
    read(name, bytes);
});
