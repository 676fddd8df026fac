//! The experiments that longlab ships.

use longlab::spec::{AepoMode, Experiment, GateLevel, GateSide, Kind, MEASURES, Settings, parse};
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments")
}

fn shipped(name: &str) -> Experiment {
    let path = folder().join(format!("{name}.toml"));
    let text = std::fs::read_to_string(&path).unwrap();
    let experiment = parse(&text, &path).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(experiment.name, name, "an experiment is named as its file");
    experiment
}

/// The rows of a published table.
fn rows(table: &str) -> Vec<String> {
    let mut reader = csv::Reader::from_path(folder().join("paper").join(format!("{table}.csv"))).unwrap();
    reader.records().map(|row| row.unwrap()[0].to_string()).collect()
}

/// The spec that builds the micro base policy keeps up with the keys.
#[test]
fn the_spec_of_the_base_policy_is_read() {
    let path = folder().join("micro/base.toml");
    let base = parse(&std::fs::read_to_string(&path).unwrap(), &path).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((base.kind, base.seeds.len(), base.variants.len()), (Kind::Base, 1, 1));
}

/// Every row of the paper's table is there, in its order, and every published curve is in the tree.
#[test]
fn every_published_row_has_its_variant() {
    for table in ["table2", "table4", "table5"] {
        let experiment = shipped(table);
        assert_eq!(experiment.paper.as_deref(), Some(table));
        let named: Vec<_> = experiment.variants.iter().map(|variant| variant.paper_row.clone()).collect();
        // A table may hold rows of our own beside the published ones.
        let published: Vec<_> = named.into_iter().filter(|row| rows(table).contains(row)).collect();
        assert_eq!(published, rows(table), "{table}");
        assert!(experiment.seeds.len() >= 5, "{table}");
        assert!(!experiment.claims.is_empty() && !experiment.figures.is_empty(), "{table}");
    }
    let quickstart = shipped("quickstart");
    let published = rows(quickstart.paper.as_deref().unwrap());
    assert!(quickstart.variants.iter().all(|variant| published.contains(&variant.paper_row)));
    for name in ["quickstart", "table2", "table4", "table5"] {
        for figure in shipped(name).figures {
            let path = folder().join("paper/figures").join(&figure.file);
            assert!(path.is_file(), "{name}: {}", path.display());
        }
    }
}

/// Variants of one table differ in what the table is about and in nothing else.
#[test]
fn variants_differ_only_in_what_they_are_named_for() {
    for (name, groups) in [
        ("quickstart", vec!["aepo."]),
        ("table5", vec!["aepo."]),
        ("table2", vec!["sampler.", "advantage."]),
        ("table4", vec!["gate."]),
    ] {
        let experiment = shipped(name);
        assert_eq!(experiment.kind, Kind::Rl);
        let grpo = &experiment.variants.iter().find(|variant| variant.name == "GRPO").unwrap().settings;
        for variant in &experiment.variants {
            for key in longlab::spec::KEYS {
                let free = key.path == "train.steps" || groups.iter().any(|group| key.path.starts_with(group));
                let same = key.get(&variant.settings) == key.get(grpo);
                assert!(free || same, "{name}: {} differs in {}", variant.name, key.path);
            }
        }
    }
}

#[test]
fn grpo_is_the_same_in_all_tables() {
    let grpo = |name: &str| shipped(name).variants.into_iter().find(|variant| variant.name == "GRPO").unwrap().settings;
    let mut default = Settings::default();
    default.train.steps = 40;
    for table in ["table2", "table4", "table5"] {
        assert_eq!(grpo(table), default, "{table}: its jobs would not be shared");
    }
}

#[test]
fn gates_and_latch_are_what_the_rows_say() {
    let aepo = &shipped("table5").variants[2].settings.aepo;
    assert_eq!(aepo.mode, AepoMode::Latch);
    let gates: Vec<_> = shipped("table4")
        .variants
        .iter()
        .map(|v| (v.settings.gate.level, v.settings.gate.side, v.settings.train.steps))
        .collect();
    let (token, sequence) = (GateLevel::Token, GateLevel::Sequence);
    assert_eq!(
        gates[2..],
        [
            (token, GateSide::Low, 40),
            (token, GateSide::High, 40),
            (sequence, GateSide::Low, 30),
            (sequence, GateSide::Low, 40),
            (sequence, GateSide::High, 40),
        ]
    );
    assert_eq!((gates[0].2, gates[1].0), (0, GateLevel::None));
    assert!(shipped("table4").claims.iter().all(|claim| MEASURES.contains(&claim.measure.as_str())));
}
