//! A run that was ended goes on to the same bytes.

use crate::world::{StopsAfter, World, bytes, is_stopped};
use longlab_synthesis::funnel::Counts;
use longlab_synthesis::{Observer, STAGES, Silent};
use std::fs;

/// Names of the stages that were run and of those that were found finished.
#[derive(Default)]
struct Seen {
    run: Vec<String>,
    found: Vec<String>,
}

impl Observer for Seen {
    fn ended(&mut self, stage: &str, _counts: &Counts, cached: bool) {
        if cached { self.found.push(stage.into()) } else { self.run.push(stage.into()) }
    }
}

#[test]
fn a_run_ended_anywhere_goes_on_to_the_same_bytes() {
    let world = World::new();
    let whole = bytes(&world.made("whole", "").folder);
    let spec = world.spec("out", "");
    let mut ended = 0;
    for calls in 1.. {
        // Each run gets one call further than the last before it is ended.
        let result = world.run(&spec, 2, &mut StopsAfter(calls));
        if is_stopped(&result) {
            ended += 1;
            continue;
        }
        let made = result.unwrap();
        assert!(bytes(&made.folder) == whole);
        break;
    }
    assert!(ended >= 3, "ended only {ended} times");
}

#[test]
fn every_stage_that_lost_a_file_is_made_again_and_the_others_are_not() {
    let world = World::new();
    let spec = world.spec("out", "");
    let whole = bytes(&world.made("out", "").folder);
    let stages = world.path("out").join(STAGES);
    let mut names: Vec<_> = fs::read_dir(&stages).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names.len(), 8, "{names:?}");
    for name in names {
        let folder = stages.join(&name);
        let file =
            ["items.jsonl", "documents.jsonl", "train.jsonl"].into_iter().find(|file| folder.join(file).exists());
        fs::remove_file(folder.join(file.unwrap())).unwrap();
        // What a killed writer leaves behind.
        fs::create_dir_all(stages.join("extend.part")).unwrap();
        fs::write(stages.join("extend.part").join("items.jsonl.tmp"), "torn").unwrap();
        let mut seen = Seen::default();
        let made = world.run(&spec, 2, &mut seen).unwrap();
        assert!(bytes(&made.folder) == whole);
        assert_eq!((seen.run.len(), seen.found.len()), (1, 7), "{name:?}: {:?}", seen.run);
    }
}

#[test]
fn what_did_not_change_is_not_made_again() {
    let world = World::new();
    world.made("out", "");
    let mut seen = Seen::default();
    world.run(&world.spec("out", "[difficulty]\nbins = 4\n"), 2, &mut seen).unwrap();
    assert_eq!(seen.found, ["corpus", "make-table", "make-dialogue", "extend", "check"]);
    assert!(seen.run.contains(&"difficulty".to_string()) && seen.run.contains(&"dataset".to_string()));
    world.file("essays/new.txt", &crate::world::prose(9_000, 30));
    let mut seen = Seen::default();
    world.run(&world.spec("out", ""), 2, &mut seen).unwrap();
    assert!(seen.run.contains(&"corpus".to_string()) && seen.found.is_empty());
}

#[test]
fn a_finished_run_runs_nothing() {
    let world = World::new();
    let spec = world.spec("out", "");
    world.run(&spec, 2, &mut Silent).unwrap();
    let mut seen = Seen::default();
    world.run(&spec, 2, &mut seen).unwrap();
    assert!(seen.run.is_empty() && seen.found.len() == 8, "{:?}", seen.run);
}
