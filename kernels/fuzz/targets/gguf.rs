//! GGUF files: bytes are a fault that names its place, or a header whose tensors lie in the file, a checkpoint, a tokenizer.
#![no_main]

use libfuzzer_sys::fuzz_target;
use longlab_fuzz::foreign::may_panic;
use longlab_fuzz::lm::checkpoint::{Checkpoint, Scaling, gguf_tokenizer};
use longlab_fuzz::lm::gguf::{Gguf, Header, dequantise};
use longlab_fuzz::lm::sound;
use std::path::Path;

/// Numbers of a tensor that are read.
const MOST: usize = 1 << 16;

fn header(bytes: &[u8], header: &Header) {
    let mut ends: Vec<_> = header.tensors.values().map(|info| (info.bytes.start, info.bytes.end)).collect();
    ends.sort_unstable();
    assert!(ends.windows(2).all(|pair| pair[0].1 <= pair[1].0), "tensors upon one another");
    for (name, info) in &header.tensors {
        assert!(info.bytes.start as u64 >= header.data && info.bytes.end <= bytes.len(), "{name} outside");
        assert_eq!(info.rows() * info.row_bytes(), info.bytes.len(), "{name}");
        let mut numbers = vec![0.0; (info.rows() * info.width()).min(MOST)];
        dequantise(info.kind, &bytes[info.bytes.clone()], &mut numbers);
    }
    match gguf_tokenizer(header) {
        Ok(tokenizer) => sound::tokenizer(&tokenizer),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fuzz_target!(|bytes: &[u8]| {
    may_panic();
    match Header::parse(bytes) {
        Ok(found) => header(bytes, &found),
        Err(fault) => return assert!(fault.at <= bytes.len() as u64 && !fault.reason.is_empty(), "{fault}"),
    }
    let place = sound::folder();
    let path = place.path().join("m.gguf");
    std::fs::write(&path, bytes).expect("a file");
    let file = Gguf::open(&path).expect("the header was read before");
    for (name, info) in file.header().tensors.iter().filter(|(_, info)| info.rows() * info.width() <= MOST) {
        let mut seen = 0;
        let read = file.stream::<longlab_fuzz::lm::gguf::GgufError>(name, 64, |row, numbers| {
            assert_eq!(row * info.width(), seen);
            seen += numbers.len();
            Ok(())
        });
        assert!(read.is_err() || seen == info.rows() * info.width(), "{name}");
    }
    check(&path);
});

fn check(path: &Path) {
    match Checkpoint::open(path) {
        Ok(checkpoint) => {
            if let Some(Scaling::Factors { factors }) = &checkpoint.config().rope_scaling {
                assert_eq!(factors.len(), checkpoint.config().head_dim / 2);
            }
            sound::checkpoint(&checkpoint);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
