//! Answers of servers: whole or as events, in any pieces, and the words of errors. The first line is the content type.
#![no_main]

use libfuzzer_sys::fuzz_target;
use longlab_client::fuzzing::{answer, refusal, remembered};
use longlab_client::{ChatRequest, Message};
use longlab_fuzz::foreign::{halves, may_panic, parts};
use std::path::Path;
use std::sync::LazyLock;

/// The longest body that is read.
const LARGEST: u64 = 4096;

static REQUEST: LazyLock<ChatRequest> = LazyLock::new(|| ChatRequest::new(vec![Message::user("Where is Bern?")], 8));

fuzz_target!(|input: &[u8]| {
    may_panic();
    let (kind, body) = halves(input, b'\n');
    let (kind, body) = (String::from_utf8_lossy(kind), body.unwrap_or_default());
    let (words, _) = refusal(body);
    assert!(!words.contains(|letter: char| letter.is_control()), "{words:?} moves the terminal");
    let pieces: Vec<&[u8]> = parts(body).collect();
    let whole = pieces.concat();
    let mut request = REQUEST.clone();
    request.logprobs = (whole.len() % 3 == 0).then_some(whole.len() % 4);
    let (found, shown) = answer(&kind, &pieces, LARGEST, &request);
    let (again, seen) = answer(&kind, &[&whole], LARGEST, &request);
    assert_eq!(found, again, "the same bytes in one piece");
    assert!(whole.len() as u64 <= LARGEST || found.is_err(), "more than the largest body");
    match found {
        Ok(reply) => {
            assert_eq!(shown, seen);
            assert!(reply.logprobs.iter().all(|token| token.logprob.is_finite() && token.top.len() < 4), "{reply:?}");
            assert!(reply.logprobs.is_empty() || request.logprobs.is_some());
            if whole.len().is_multiple_of(64) {
                let memory = Path::new("/dev/shm");
                let place = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
                let kept = remembered(place.expect("a folder").path(), &reply).expect("a file");
                assert_eq!(kept, Some(reply), "what is remembered");
            }
        }
        Err(reason) => assert!(!reason.is_empty()),
    }
});
