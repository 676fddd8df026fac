//! The experiments that longlab ships.

use longlab::spec::{AepoMode, Experiment, GateLevel, GateSide, Kind, MEASURES, Settings, World, load_in, parse};
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments")
}

fn shipped(name: &str) -> Experiment {
    let (path, root) = (folder().join(format!("{name}.toml")), Path::new(env!("CARGO_MANIFEST_DIR")));
    // The weights of scale smol are not shipped: all but the folder of its base policy is read.
    let experiment = match name.starts_with("smol") {
        true => parse(&std::fs::read_to_string(&path).unwrap(), &path),
        false => load_in(&path, root),
    };
    let experiment = experiment.unwrap_or_else(|error| panic!("{error}"));
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

/// So does the one of the smol base policy, which goes on from a pretrained model; the table reads what it makes.
#[test]
fn the_smol_base_goes_on_from_a_pretrained_policy() {
    let half = |name: &str| {
        let path = folder().join(name);
        parse(&std::fs::read_to_string(&path).unwrap(), &path).unwrap_or_else(|error| panic!("{error}"))
    };
    let (reader, base) = (half("smol/reader.toml"), half("smol/base.toml"));
    let from = |half: &Experiment| half.variants[0].settings.begins_from(Kind::Base).map(str::to_owned);
    assert_eq!((reader.kind, reader.scale.name(), from(&reader)), (Kind::Base, "smol", Some("models/smol".into())));
    assert_eq!((base.kind, base.scale.name(), from(&base)), (Kind::Base, "smol", Some("models/smol-reader".into())));
    let own = &base.variants[0].settings;
    let table = shipped("smol_table5");
    assert_eq!(table.seeds.len(), 3);
    let published: Vec<_> =
        table.variants.iter().map(|variant| &variant.paper_row).filter(|row| rows("table5").contains(row)).collect();
    assert_eq!(published.len(), 3);
    for variant in &table.variants {
        let settings = &variant.settings;
        // Contexts are a little shorter than those of the warm start, and the same otherwise.
        let lengths = (own.data.min_tokens, own.data.max_tokens);
        assert!(settings.data.max_tokens <= lengths.1);
        let mut data = settings.data.clone();
        (data.min_tokens, data.max_tokens) = lengths;
        assert_eq!((settings.model.base.as_str(), &data), ("models/smol-base", &own.data));
        assert_eq!((settings.data.world, settings.rollout.max_tokens), (World::English, own.rollout.max_tokens));
        assert!(settings.train.steps == 30 || variant.name == "base");
    }
}

/// So does the one of the base policy of self-play, which goes on from the micro base and learns the roles.
#[test]
fn the_base_of_self_play_learns_the_roles() {
    let path = folder().join("spell/base.toml");
    let base = parse(&std::fs::read_to_string(&path).unwrap(), &path).unwrap_or_else(|error| panic!("{error}"));
    let settings = &base.variants[0].settings;
    assert_eq!((base.kind, settings.begins_from(Kind::Base)), (Kind::Base, Some("experiments/micro/base")));
    assert!(settings.warm.riddles > 0 && settings.warm.verdicts > 0);
    assert!(shipped("spell").variants.iter().all(|variant| variant.settings.model.base == "experiments/spell/base"));
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
        ("smol_table5", vec!["aepo.", "sampler.", "advantage."]),
        ("spell", vec!["spell."]),
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

fn names(experiment: &Experiment) -> Vec<&str> {
    experiment.variants.iter().map(|variant| variant.name.as_str()).collect()
}

/// Every spec is read, with five seeds or more where it is about the paper.
#[test]
fn every_experiment_is_read() {
    let mut seen = 0;
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "toml") {
            let experiment = shipped(&path.file_stem().unwrap().to_string_lossy());
            let short =
                ["quickstart", "rivals", "smol_table5", "smol_documents", "spell"].contains(&experiment.name.as_str());
            assert!(short || experiment.seeds.len() >= 5, "{}", experiment.name);
            let scale = if experiment.name.starts_with("smol") { "smol" } else { "micro" };
            assert_eq!(experiment.scale.name(), scale);
            seen += 1;
        }
    }
    assert!(seen >= 10, "{seen}");
}

/// The figures read the runs of the tables as curves: no job of theirs is another one.
#[test]
fn the_figures_of_the_ablations_need_no_jobs_of_their_own() {
    for (figure, table) in [("figure8", "table2"), ("figure10", "table4")] {
        let (figure, table) = (shipped(figure), shipped(table));
        assert_eq!((&figure.paper, &figure.seeds), (&table.paper, &table.seeds));
        for variant in &figure.variants {
            assert!(table.variants.contains(variant), "{}", variant.name);
        }
        assert!(figure.variants.len() < table.variants.len() && figure.title != table.title);
        assert!(!figure.grid.excluded.is_empty());
    }
    assert_eq!(names(&shipped("figure8")), ["GRPO", "task-balanced", "task-balanced, task-batch-std"]);
    assert!(!names(&shipped("figure10")).contains(&"base"));
}

#[test]
fn the_long_run_is_as_long_as_the_published_one() {
    let figure11 = shipped("figure11");
    assert_eq!(names(&figure11), ["GRPO", "AEPO", "AEPO, tight"]);
    let curve = std::fs::read_to_string(folder().join("paper/figures/fig11_aepo_entropy_30b.csv")).unwrap();
    let steps = curve.lines().count() as u64 - 1;
    assert!(figure11.variants.iter().all(|variant| variant.settings.train.steps == steps), "{steps}");
}

/// The readings are a star: each AEPO differs from the first in one key, and has its GRPO to be compared with.
#[test]
fn each_reading_differs_in_one_place() {
    let experiment = shipped("ambiguities");
    let expected = [
        "GRPO",
        "GRPO, epsilon=0",
        "GRPO, std=n",
        "GRPO, normalizer=micro-batch",
        "GRPO, normalizer=batch",
        "AEPO",
        "AEPO, epsilon=0",
        "AEPO, std=n",
        "AEPO, normalizer=micro-batch",
        "AEPO, normalizer=batch",
        "AEPO, temperature=one",
        "AEPO, measure=tokens",
        "AEPO, lag=1",
        "AEPO, removal=drop",
        "AEPO, mode=band",
    ];
    assert_eq!(names(&experiment), expected);
    let of = |name: &str| experiment.variants.iter().find(|variant| variant.name == name).unwrap();
    for variant in &experiment.variants {
        let first = &of(if variant.name.starts_with("GRPO") { "GRPO" } else { "AEPO" }).settings;
        let differ = longlab::spec::KEYS.iter().filter(|key| key.get(&variant.settings) != key.get(first)).count();
        assert_eq!(differ, usize::from(variant.name.contains('=')), "{}", variant.name);
    }
    let asked: Vec<_> = experiment.claims.iter().filter(|claim| claim.measure == "avg").collect();
    assert_eq!(asked.len(), 10);
    let shared: Vec<&str> = asked.iter().map(|claim| claim.worse.as_str()).collect();
    let grpo = ["GRPO", "GRPO, epsilon=0", "GRPO, std=n", "GRPO, normalizer=micro-batch", "GRPO, normalizer=batch"];
    assert_eq!(shared, [&grpo[..], &["GRPO"; 5]].concat());
    // The grid has 384 readings of AEPO and 12 of GRPO; those that are not there say why.
    assert_eq!(experiment.grid.excluded.len(), 384 + 12 - 15);
    assert!(
        experiment
            .grid
            .excluded
            .iter()
            .all(|out| out.reason.starts_with("no [[include]] is about it (ambiguities.toml:"))
    );
}
