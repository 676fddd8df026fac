//! The reader of experiment files: every text gives an experiment or an error that points into it, and an experiment
//! written out reads the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use longlab_fuzz::spec;
use longlab_fuzz::spec::suggest::{distance, nearest};
use std::path::Path;

fn level<T: std::str::FromStr + PartialEq + Copy + std::fmt::Debug>(text: &str)
where
    T: serde::Serialize + serde::de::DeserializeOwned,
{
    let Ok(read) = text.parse::<T>() else { return };
    let written = serde_json::to_string(&read).expect("a level is a text or a number");
    let again: T = serde_json::from_str(&written).expect("what was written");
    assert_eq!(read, again, "{text:?} is written {written}");
}

fuzz_target!(|text: &str| {
    level::<spec::Threshold>(text);
    level::<spec::Bound>(text);
    if text.len() < 64 {
        let near = nearest(text, spec::KEYS.iter().map(|key| key.path));
        assert!(near.is_none_or(|near| distance(near, near) == 0));
    }
    match spec::parse(text, Path::new("fuzzed.toml")) {
        Ok(experiment) => {
            let resolved = experiment.resolved();
            let again = spec::parse(&resolved, Path::new("fuzzed.toml")).expect("what was written out can be read");
            // Cells are written out one by one: what they came from is gone.
            let flat = |mut experiment: spec::Experiment| {
                experiment.grid = spec::Grid::default();
                experiment.claims.iter_mut().for_each(|claim| claim.at = None);
                experiment
            };
            assert_eq!(flat(experiment), flat(again), "{resolved}");
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            let spec::SpecError::Mistake(mistake) = error else { panic!("no file was read: {error}") };
            assert!(mistake.line >= 1 && mistake.line <= text.matches('\n').count() + 1, "{mistake}");
        }
    }
});
