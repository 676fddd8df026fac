//! The same specification and corpus give the same bytes.

use crate::world::{World, bytes};
use longlab_synthesis::verify::verify;
use longlab_synthesis::{Engine, Silent, dataset};

#[test]
fn threads_change_no_byte_and_all_items_are_sound() {
    let world = World::new();
    let made: Vec<_> = [1, 2, 5]
        .into_iter()
        .map(|threads| {
            let spec = world.spec(&format!("out{threads}"), "[engines.graph]\nitems = 8\n");
            world.run(&spec, threads, &mut Silent).unwrap()
        })
        .collect();
    let files = bytes(&made[0].folder);
    for other in &made[1..] {
        for ((name, ours), (other_name, theirs)) in files.iter().zip(bytes(&other.folder)) {
            // The card and the manifest name nothing of the output folder, so that they are equal too.
            assert!(*name == other_name && *ours == theirs, "{name} differs");
        }
    }
    let report = verify(&made[0].folder, Some(&world.path("tokenizer.json"))).unwrap();
    assert!(report.is_sound(), "{:#?}", report.findings);
    assert_eq!((report.items, report.sound, report.uncounted), (made[0].items, made[0].items, 0));
    for engine in [Engine::Graph, Engine::Table, Engine::Dialogue] {
        let mut count = 0;
        dataset::each(&made[0].folder, &mut |_, record| {
            count += usize::from(record.unwrap().item.engine == engine);
            Ok(true)
        })
        .unwrap();
        assert!(count >= 5, "{engine:?}: {count}\n{}", made[0].funnel.markdown());
    }
}

#[test]
fn another_seed_gives_another_set() {
    let world = World::new();
    let spec = world.spec("one", "");
    let mut other = world.spec("two", "");
    other.seed = 6;
    let (one, two) = (world.run(&spec, 2, &mut Silent).unwrap(), world.run(&other, 2, &mut Silent).unwrap());
    assert_ne!(one.hash, two.hash);
}

#[test]
fn prompts_have_the_lengths_that_were_drawn() {
    let world = World::new();
    let made = world.made("out", "");
    let mut off = vec![];
    dataset::each(&made.folder, &mut |_, record| {
        let record = record.unwrap();
        assert!(record.item.certificate.tokens <= 3_000);
        off.push(record.item.certificate.tokens as f64 / record.placed.target as f64);
        Ok(true)
    })
    .unwrap();
    let near = off.iter().filter(|share| (0.85..=1.0).contains(*share)).count();
    assert!(near * 10 >= off.len() * 8, "{near} of {}: {off:?}", off.len());
}
