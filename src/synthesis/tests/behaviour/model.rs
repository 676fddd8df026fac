//! Checks by a model, with a stand-in for one.

use crate::testing::Model;
use crate::world::{Holds, World, bytes};
use longlab_client::ChatRequest;
use longlab_synthesis::{Silent, SynthesisError, dataset};
use std::sync::atomic::Ordering;

/// All that was said, so that what stands in the documents is answered; and by heart the keeper's home of one tower.
fn reads(request: &ChatRequest) -> String {
    let all: Vec<&str> = request.messages.iter().map(|message| message.content.as_str()).collect();
    let by_heart = if all.concat().contains("Amber Tower") { "Arden" } else { "" };
    format!("{} {by_heart}", all.join(" "))
}

const CHECKS: &str = "[checks]\ngrounding = 1\nrobustness = 2\n[engines.graph]\nitems = 8\n";

#[test]
fn what_is_known_by_heart_and_what_is_never_answered_is_dropped() {
    let world = World::new();
    let reading = Model::new(reads, usize::MAX);
    let spec = world.spec("out", CHECKS);
    let made = world.run_with(&spec, 2, &mut Silent, Some((&reading, &Holds))).unwrap();
    let counts = made.funnel.counts("check").unwrap();
    assert!(counts.dropped["answered without its documents (knowledge grounding)"] >= 1, "{counts:?}");
    // Sums stand nowhere in the documents, and a turn never stands there behind its prefix.
    assert!(counts.dropped["never answered with its documents (contextual robustness)"] >= 5, "{counts:?}");
    dataset::each(&made.folder, &mut |_, record| {
        let record = record.unwrap();
        assert!(!record.item.question.contains("Amber Tower"));
        assert_eq!(record.placed.rate, Some((2, 2)));
        assert_eq!(record.item.certificate.work.last().unwrap().model.as_deref(), Some("stand-in"));
        Ok(true)
    })
    .unwrap();
}

#[test]
fn a_server_that_dies_loses_nothing() {
    let world = World::new();
    let whole = {
        let healthy = Model::new(reads, usize::MAX);
        let made = world.run_with(&world.spec("whole", CHECKS), 2, &mut Silent, Some((&healthy, &Holds))).unwrap();
        (bytes(&made.folder), healthy.calls.load(Ordering::SeqCst))
    };
    let dying = Model::new(reads, 20);
    let spec = world.spec("out", CHECKS);
    let error = world.run_with(&spec, 2, &mut Silent, Some((&dying, &Holds))).unwrap_err();
    let SynthesisError::Model { kept, .. } = &error else { panic!("{error}") };
    assert!(*kept == 20 && error.to_string().contains("the server is gone"), "{error}");
    let healthy = Model::new(reads, usize::MAX);
    let made = world.run_with(&spec, 2, &mut Silent, Some((&healthy, &Holds))).unwrap();
    assert!(bytes(&made.folder) == whole.0);
    assert_eq!(healthy.calls.load(Ordering::SeqCst), whole.1 - 20);
}
