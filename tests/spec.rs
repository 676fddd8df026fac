//! The experiment file from outside: errors, the shipped experiments, the reference page, expansion and identity.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

#[path = "spec/broken.rs"]
mod broken;
#[path = "spec/errors.rs"]
mod errors;
#[path = "spec/expansion.rs"]
mod expansion;
#[path = "spec/extends.rs"]
mod extends;
#[path = "spec/files.rs"]
mod files;
#[path = "spec/grid.rs"]
mod grid;
#[path = "spec/identity.rs"]
mod identity;
#[path = "spec/plan.rs"]
mod plan;
#[path = "spec/power.rs"]
mod power;
#[path = "spec/scales.rs"]
mod scales;
#[path = "spec/schema.rs"]
mod schema;
#[path = "spec/shipped.rs"]
mod shipped;

use longlab::spec::{Experiment, KEYS, Key, Mistake, Settings, SpecError, parse};
use std::path::Path;

/// A small experiment with `base` under `[base]` and `rest` after a first variant `A`.
fn spec(base: &str, rest: &str) -> String {
    format!("[experiment]\nname = \"demo\"\nseeds = [0, 1]\n\n[base]\n{base}\n\n[[variant]]\nname = \"A\"\n{rest}\n")
}

fn read(text: &str) -> Experiment {
    parse(text, Path::new("demo.toml")).unwrap_or_else(|error| panic!("{error}"))
}

/// The mistake in `text`.
fn mistake(text: &str) -> Mistake {
    match parse(text, Path::new("demo.toml")) {
        Err(SpecError::Mistake(mistake)) => *mistake,
        other => panic!("expected a mistake, got {other:?}"),
    }
}

/// Values that `key` can hold, its default not among them.
fn other_values(key: &Key) -> Vec<toml::Value> {
    let default = key.get(&Settings::default());
    let mut values: Vec<toml::Value> = match (key.kind, key.range) {
        ("integer", Some((low, high))) => {
            [low, high, low + 1.0].map(|number| toml::Value::Integer(number as i64)).to_vec()
        }
        ("number", Some((low, high))) => [low, (low + high) / 2.0, high].map(toml::Value::Float).to_vec(),
        ("choice", _) => key.choices.iter().map(|choice| toml::Value::from(*choice)).collect(),
        ("quantile or nats", _) => vec!["q0.25".into(), 0.5.into()],
        ("factor or nats", _) => vec!["1.5x".into(), 0.5.into()],
        ("text", _) => vec!["another/base".into()],
        (kind, range) => panic!("{}: no values known for {kind} {range:?}", key.path),
    };
    values.retain(|value| *value != default);
    assert!(!values.is_empty(), "{} can hold nothing but its default", key.path);
    values
}

#[test]
fn reference_page_is_the_rendered_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/keys.md");
    let page = longlab::spec::reference();
    if std::env::var_os("LONGLAB_BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == page,
        "docs/keys.md differs from src/spec/settings.rs; run LONGLAB_BLESS=1 cargo test --test spec reference"
    );
}

#[test]
fn every_key_is_declared_soundly() {
    let mut seen = std::collections::BTreeSet::new();
    for key in KEYS {
        assert!(seen.insert(key.path), "{} is declared twice", key.path);
        assert!(!key.doc.is_empty() && !key.source.is_empty(), "{} has no doc or source", key.path);
        assert_eq!(key.range.is_some(), ["integer", "number"].contains(&key.kind), "{}: range", key.path);
        assert_eq!(key.choices.is_empty(), key.kind != "choice", "{}: choices", key.path);
        // The default is allowed, and putting it changes nothing.
        let mut settings = Settings::default();
        key.set(&mut settings, &key.get(&Settings::default())).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(settings, Settings::default(), "{}", key.path);
        for value in other_values(key) {
            key.set(&mut settings, &value).unwrap_or_else(|error| panic!("{}: {error}", key.path));
            assert_eq!(key.get(&settings), value, "{}", key.path);
        }
    }
}

/// Fields that the table of keys does not reach could be written in a job file and in no experiment.
#[test]
fn the_table_of_keys_covers_the_structs() {
    fn leaves(value: &serde_json::Value, path: &str, found: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(fields) => fields.iter().for_each(|(name, value)| {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                leaves(value, &path, found);
            }),
            _ => found.push(path.to_string()),
        }
    }
    let mut found = Vec::new();
    leaves(&serde_json::to_value(Settings::default()).unwrap(), "", &mut found);
    let mut keys: Vec<_> = KEYS.iter().map(|key| key.path.to_string()).collect();
    found.sort();
    keys.sort();
    assert_eq!(found, keys);
}
