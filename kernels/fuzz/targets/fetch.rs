//! What a fetch reads of strangers: a zip archive, of which one file is taken whole or nothing, and a hub's list of files, whose names
//! stay in their folder.
#![no_main]

use libfuzzer_sys::fuzz_target;
use longlab_fuzz::foreign::may_panic;
use longlab_fuzz::lm::fetch::{unpack, wanted};
use longlab_fuzz::lm::sound;
use std::fs;
use std::path::{Component, Path};

/// What the member of the seeds holds, and its SHA-256.
const CONTENT: &[u8] = b"hello\n";
const SHA256: &str = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";

fn archive(bytes: &[u8]) {
    let place = sound::folder();
    let inner = place.path().join("models");
    fs::create_dir(&inner).expect("a folder");
    let (archive, target) = (inner.join("archive.zip"), inner.join("model.gguf"));
    fs::write(&archive, bytes).expect("a file");
    let found = unpack(&archive, "a/model.gguf", CONTENT.len() as u64, SHA256, &target);
    let names = |folder: &Path| {
        let entries = fs::read_dir(folder).expect("a folder");
        let mut names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(place.path()), ["models"], "nothing beside the folder");
    match found {
        Ok(()) => {
            assert_eq!(fs::read(&target).expect("the file"), CONTENT);
            assert_eq!(names(&inner), ["archive.zip", "model.gguf"]);
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            assert_eq!(names(&inner), ["archive.zip"], "{error}");
        }
    }
}

fn list(bytes: &[u8]) {
    match wanted(bytes) {
        Ok(names) => {
            for name in names {
                let mut parts = Path::new(&name).components();
                assert!(matches!(parts.next(), Some(Component::Normal(part)) if !part.is_empty()), "{name:?}");
                assert!(parts.next().is_none(), "{name:?} lies in the top folder");
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fuzz_target!(|bytes: &[u8]| {
    may_panic();
    match bytes.strip_prefix(b"list\n") {
        Some(text) => list(text),
        None => archive(bytes),
    }
});
