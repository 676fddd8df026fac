//! From an experiment to its jobs, and back from the resolved text.

use super::{other_values, read, spec};
use longlab::spec::identity::Machine;
use longlab::spec::{AepoMode, Bound, Experiment, KEYS, Key, Settings, Variant, parse};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

fn machine() -> Machine {
    Machine { libtorch: "1".to_string(), cpu: "x".to_string() }
}

#[test]
fn a_variant_overrides_base_and_base_the_defaults() {
    let text = spec("\"train.steps\" = 7\ntrain.rate = 1\n[base.data.mix]\ndialogue = 0.5", "\"train.steps\" = 9");
    let settings = &read(&text).variants[0].settings;
    assert_eq!(settings.train.steps, 9);
    assert_eq!(settings.train.rate, 1.0);
    assert_eq!(settings.data.mix.dialogue, 0.5);
    assert_eq!(settings.train.prompts, 16);
}

/// The experiment as issue 2 writes it: a variant with bounds and without a mode is AEPO.
#[test]
fn bounds_without_a_mode_mean_the_latch() {
    let bounds = "\"aepo.low\" = \"1.1x\"\n\"aepo.high\" = \"2x\"";
    let on = read(&spec("", bounds));
    assert_eq!(on.variants[0].settings.aepo.mode, AepoMode::Latch);
    assert_eq!(on.variants[0].settings.aepo.high, Bound::Times(2.0));
    // Shared bounds switch nothing on, and a mode that is written is kept.
    assert_eq!(read(&spec(bounds, "")).variants[0].settings.aepo.mode, AepoMode::Off);
    let off = read(&spec("", &format!("{bounds}\n\"aepo.mode\" = \"off\"")));
    assert_eq!(off.variants[0].settings.aepo.mode, AepoMode::Off);
}

#[test]
fn the_row_of_a_variant_is_its_name_unless_it_says_otherwise() {
    let experiment = read(&spec("", "[[variant]]\nname = \"B\"\npaper = \"row\""));
    let rows: Vec<_> = experiment.variants.iter().map(|variant| variant.paper_row.as_str()).collect();
    assert_eq!(rows, ["A", "row"]);
}

/// Changes of a few keys, by their place in the table and in the list of their other values.
fn changes() -> impl Strategy<Value = Vec<(usize, usize)>> {
    prop::collection::vec((0..KEYS.len(), 0..3_usize), 0..6)
}

/// Settings with those changes. The base policy stays: kind base, which these tests use, needs none, and starts from scratch. So does the
/// dataset, which that kind may not have.
fn changed(changes: &[(usize, usize)]) -> Settings {
    let mut settings = Settings::default();
    for (key, value) in changes {
        let key: &Key = &KEYS[*key];
        if ["warm.from", "data.file"].contains(&key.path) {
            continue;
        }
        let values = other_values(key);
        key.set(&mut settings, &values[value % values.len()]).unwrap_or_else(|error| panic!("{error}"));
    }
    settings
}

fn experiment(variants: Vec<Settings>, seeds: BTreeSet<u64>) -> Experiment {
    let mut experiment = read(&spec("", "").replace("seeds", "kind = \"base\"\nseeds"));
    let variant = |(index, settings)| Variant { name: format!("v{index}"), paper_row: format!("r{index}"), settings };
    experiment.variants = variants.into_iter().enumerate().map(variant).collect();
    experiment.seeds = seeds.into_iter().collect();
    experiment
}

proptest! {
    /// As many jobs as variants x seeds, and the id is a function of what acts: never shared between seeds, always by equals.
    #[test]
    fn jobs_are_variants_times_seeds(
        variants in prop::collection::vec(changes(), 1..5),
        seeds in prop::collection::btree_set(0..1_000_000_u64, 1..5),
    ) {
        let variants: Vec<Settings> = variants.iter().map(|changes| changed(changes)).collect();
        let experiment = experiment(variants, seeds);
        let jobs = experiment.jobs_in(Path::new(""), &machine()).unwrap();
        prop_assert_eq!(jobs.len(), experiment.variants.len() * experiment.seeds.len());
        let mut by_id: BTreeMap<&str, &longlab::spec::Job> = BTreeMap::new();
        for job in &jobs {
            prop_assert_eq!(job.id.len(), 16);
            if let Some(same) = by_id.insert(&job.id, job) {
                prop_assert_eq!(same.seed, job.seed);
            }
        }
        for (a, b) in jobs.iter().zip(jobs.iter().skip(1)) {
            if a.seed == b.seed && a.settings == b.settings {
                prop_assert_eq!(&a.id, &b.id);
            }
        }
    }

    /// The resolved text says everything: reading it gives the same experiment, with the same ids.
    #[test]
    fn the_resolved_text_reads_back(
        changes in changes(),
        seeds in prop::collection::btree_set(0..u64::from(u32::MAX), 1..5),
    ) {
        let before = experiment(vec![changed(&changes)], seeds);
        let text = before.resolved();
        // Drawn values may contradict each other (a least length above the greatest), which reading refuses.
        if let Ok(after) = parse(&text, &before.path) {
            prop_assert_eq!(&after, &before);
            prop_assert_eq!(after.resolved(), text);
        } else {
            let error = parse(&text, &before.path).unwrap_err().to_string();
            let contradiction = ["is greater than", "is less than", "lies above", "does not divide", "is odd", "would be empty", "data.world is `english`", "spell.learn"];
            prop_assert!(contradiction.iter().any(|words| error.contains(words)), "{}", error);
        }
    }

    /// Job files hold settings as JSON.
    #[test]
    fn settings_survive_json(changes in changes()) {
        let settings = changed(&changes);
        let text = serde_json::to_string(&settings).unwrap();
        prop_assert_eq!(serde_json::from_str::<Settings>(&text).unwrap(), settings);
    }
}

#[test]
fn job_files_are_read_strictly() {
    let error = serde_json::from_str::<Settings>("{\"train\": {\"stepz\": 1}}").unwrap_err().to_string();
    assert!(error.contains("stepz"), "{error}");
    let error = serde_json::from_str::<Settings>("{\"aepo\": {\"mode\": \"latsch\"}}").unwrap_err().to_string();
    assert!(error.contains("`off`, `latch`, `band`"), "{error}");
}
