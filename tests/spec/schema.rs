//! The JSON Schema for editors says what the reader of specs says.

use longlab::spec::{KEYS, Settings, schema};
use serde_json::Value;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

fn read() -> Value {
    serde_json::from_str(&schema()).unwrap()
}

#[test]
fn the_committed_schema_is_the_generated_one() {
    let path = root().join("docs/experiment.schema.json");
    if std::env::var_os("LONGLAB_BLESS").is_some() {
        std::fs::write(&path, schema()).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == schema(),
        "docs/experiment.schema.json differs from src/spec/settings.rs; run LONGLAB_BLESS=1 cargo test --test spec schema"
    );
}

/// The part of JSON Schema that ours uses.
fn fits(value: &Value, schema: &Value, root: &Value) -> Result<(), String> {
    let fields = schema.as_object().ok_or("a schema is an object")?;
    for (word, rule) in fields {
        let fine = match word.as_str() {
            "$ref" => {
                let name = rule.as_str().unwrap_or_default().trim_start_matches("#/definitions/");
                fits(value, &root["definitions"][name], root)?;
                true
            }
            "type" => match rule.as_str().unwrap_or_default() {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "integer" => value.is_i64() || value.is_u64(),
                "number" => value.is_number(),
                other => panic!("type {other}"),
            },
            "enum" => rule.as_array().unwrap().contains(value),
            "anyOf" => rule.as_array().unwrap().iter().any(|one| fits(value, one, root).is_ok()),
            "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|number| number <= rule.as_f64().unwrap()),
            "minLength" => value.as_str().is_none_or(|text| text.chars().count() as u64 >= rule.as_u64().unwrap()),
            "maxLength" => value.as_str().is_none_or(|text| text.chars().count() as u64 <= rule.as_u64().unwrap()),
            "minItems" => value.as_array().is_none_or(|items| items.len() as u64 >= rule.as_u64().unwrap()),
            "items" => {
                value.as_array().into_iter().flatten().try_for_each(|item| fits(item, rule, root))?;
                true
            }
            "required" => rule.as_array().unwrap().iter().all(|name| value.get(name.as_str().unwrap()).is_some()),
            "properties" => {
                for (name, inner) in value.as_object().into_iter().flatten() {
                    if let Some(rule) = rule.get(name) {
                        fits(inner, rule, root).map_err(|error| format!("{name}: {error}"))?;
                    }
                }
                true
            }
            "additionalProperties" => {
                assert_eq!(rule, &Value::Bool(false));
                let known = schema["properties"].as_object().unwrap();
                value.as_object().into_iter().flatten().all(|(name, _)| known.contains_key(name))
            }
            // Patterns are checked by hand against the `jsonschema` package of Python, as docs/sweeps.md says.
            "pattern" | "uniqueItems" | "description" | "default" | "title" | "$schema" | "definitions" => true,
            other => panic!("the schema uses `{other}`, which this test does not know"),
        };
        if !fine {
            return Err(format!("{value} does not fit {word} {rule}"));
        }
    }
    Ok(())
}

fn check(text: &str) -> Result<(), String> {
    let table: toml::Table = text.parse().unwrap();
    let schema = read();
    fits(&serde_json::to_value(table).unwrap(), &schema, &schema)
}

#[test]
fn every_shipped_experiment_fits() {
    let mut seen = 0;
    for folder in ["experiments", "experiments/micro", "experiments/smol"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|end| end == "toml") {
                check(&std::fs::read_to_string(&path).unwrap())
                    .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                seen += 1;
            }
        }
    }
    assert!(seen >= 10, "{seen}");
}

#[test]
fn what_the_reader_refuses_does_not_fit() {
    let head = "[experiment]\nname = \"a\"\nseeds = [0]\n";
    for broken in [
        "[base]\n\"train.stepz\" = 1",
        "[base.train]\nsteps = -1",
        "[base]\n\"train.rate\" = \"fast\"",
        "[base]\n\"aepo.mode\" = \"on\"",
        "[[variant]]\n\"train.steps\" = 3",
        "[[axis]]\nname = \"x\"\nkey = \"train.rat\"\nvalues = [1]",
        "[[axis]]\nname = \"x\"\nkey = \"train.rate\"\nvalues = []",
        "[[exclude]]\nvariant = \"A\"",
        "[[override]]\nvariant = \"A\"\nset = { \"train.stepz\" = 1 }",
        "[[axis]]\nname = \"x\"\nkey = \"aepo.lag\"\nvalues = [0]\nwhen = { \"aepo.mode\" = [\"on\"] }",
        "[[claim]]\ntext = \"t\"\nbetter = \"A\"\nworse = \"B\"\nmeasure = \"average\"",
        "[wrong]",
    ] {
        check(&format!("{head}{broken}\n")).expect_err(broken);
    }
    check(&format!("{head}[base.data.mix]\ndialogue = 0.5\n[[variant]]\nname = \"A\"\n\"aepo.low\" = 0.1\n")).unwrap();
}

/// Each key is there three ways: as a definition, dotted in a table of settings, and inside its group.
#[test]
fn every_key_is_in_the_schema() {
    let schema = read();
    let base = &schema["definitions"]["settings"]["properties"];
    for key in KEYS {
        let definition = &schema["definitions"][key.path];
        assert!(definition["description"].as_str().unwrap().contains(key.doc), "{}", key.path);
        let default = serde_json::to_value(key.get(&Settings::default())).unwrap();
        assert_eq!(definition["default"], default, "{}", key.path);
        fits(&default, definition, &schema).unwrap_or_else(|error| panic!("{}: {error}", key.path));
        assert!(base[key.path].is_object(), "{}", key.path);
        let nested =
            key.path.split('.').fold(&schema["definitions"]["settings"], |table, name| &table["properties"][name]);
        assert_eq!(nested["$ref"], format!("#/definitions/{}", key.path));
    }
}
