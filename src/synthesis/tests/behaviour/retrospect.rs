//! Hard items of an earlier stage come again.

use crate::world::{World, bytes};
use longlab_synthesis::dataset::{Record, Split, each};
use longlab_synthesis::verify::verify;
use longlab_synthesis::{Engine, Silent, Spec, Summary};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

fn records(folder: &Path) -> Vec<Record> {
    let mut records = vec![];
    each(folder, &mut |_, record| {
        records.push(record.unwrap());
        Ok(true)
    })
    .unwrap();
    records
}

/// An earlier stage over towers and homes, and rewards of its items: some never, some seldom, most often.
fn earlier(world: &World) -> Vec<Record> {
    let made = world.made("one", "[engines.graph]\nitems = 8\n");
    let records = records(&made.folder);
    let mut rewards = String::new();
    for (number, record) in records.iter().enumerate() {
        let rewards_of = [[0.0; 4], [0.25, 0.0, 0.0, 0.0], [1.0; 4]][number % 3];
        writeln!(rewards, "{{\"id\":\"{}\",\"rewards\":{rewards_of:?}}}", record.item.id.0).unwrap();
    }
    fs::write(world.path("rewards.jsonl"), rewards).unwrap();
    records
}

fn later(world: &World, out: &str, more: &str) -> Spec {
    let keys = format!("[retrospective]\ndataset = \"one/dataset\"\nrewards = \"rewards.jsonl\"\n{more}");
    let mut spec = world.spec(out, &keys);
    // Other questions, from other documents.
    (spec.seed, spec.engines.table) = (77, None);
    spec.corpus.folder = world.path("later");
    spec
}

fn made(world: &World, out: &str, more: &str) -> Summary {
    world.run(&later(world, out, more), 2, &mut Silent).unwrap()
}

fn world() -> World {
    let world = World::new();
    fs::create_dir(world.path("later")).unwrap();
    for number in 0..20 {
        let text = crate::world::prose(7_000 + number, 60);
        fs::write(world.path("later").join(format!("Chapter {number}.txt")), text).unwrap();
    }
    world
}

#[test]
fn hard_items_come_with_their_documents_and_are_proved_again() {
    let world = world();
    let earlier = earlier(&world);
    let made = made(&world, "two", "share = 0.5\n");
    let counts = made.funnel.counts("retrospect").unwrap();
    let own = made.funnel.counts("pick").unwrap().kept;
    let tests = earlier.iter().filter(|record| record.placed.split == Split::Test).count();
    assert_eq!((counts.taken, counts.kept), (earlier.len(), own.div_ceil(2)), "{counts:?}");
    assert_eq!(counts.dropped["was set aside for testing"], tests);
    assert!(counts.dropped["was never solved"] > 0 && counts.dropped["not drawn"] > 0, "{counts:?}");
    let report = verify(&made.folder, Some(&world.path("tokenizer.json"))).unwrap();
    assert!(report.is_sound(), "{:#?}", report.findings);
    let before: BTreeSet<_> = earlier.iter().map(|record| record.item.id.clone()).collect();
    let again: Vec<Record> =
        records(&made.folder).into_iter().filter(|record| before.contains(&record.item.id)).collect();
    assert_eq!((again.len(), report.items), (counts.kept, own + counts.kept));
    // Seldom solved ones weigh sixteen times as much as those that are always solved.
    let seldom = again.iter().filter(|record| record.placed.rate == Some((0, 4))).count();
    assert!(2 * seldom > again.len(), "{seldom} of {}", again.len());
    assert!(records(&made.folder).iter().any(|record| record.item.engine == Engine::Dialogue));
}

#[test]
fn rewards_and_keys_decide_and_the_same_is_drawn_again() {
    let world = world();
    earlier(&world);
    let (one, two) = (made(&world, "two", "share = 0.5\n"), made(&world, "three", "share = 0.5\n"));
    assert!(bytes(&one.folder) == bytes(&two.folder));
    let all = made(&world, "all", "share = 10.0\nunsolved = true\n");
    let counts = all.funnel.counts("retrospect").unwrap();
    assert!(
        !counts.dropped.contains_key("was never solved") && !counts.dropped.contains_key("not drawn"),
        "{counts:?}"
    );
    assert!(counts.remarks.keys().any(|remark| remark.contains("retrospective.share")), "{counts:?}");
    // Without rewards the rates of the checks count, and these items were never put to any.
    let mut spec = later(&world, "none", "");
    spec.retrospective.as_mut().unwrap().rewards = None;
    let none = world.run(&spec, 2, &mut Silent).unwrap();
    let counts = none.funnel.counts("retrospect").unwrap();
    assert!(counts.kept == 0 && counts.dropped["its reward is not known"] > 0, "{counts:?}");
}
