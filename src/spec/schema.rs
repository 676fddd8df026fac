//! The JSON Schema of an experiment file, `docs/experiment.schema.json`, from the declarations of the keys: editors complete and check by it.

use super::MEASURES;
use super::choice::{Kind, Scale, Scatter};
use super::key::Key;
use super::resources::{self, Resources};
use super::settings::{GROUPS, KEYS, Settings};
use serde_json::{Map, Value, json};

/// The schema (draft 7, which TOML editors read) as JSON, with a line feed at its end.
///
/// It knows types, ranges, choices and which keys there are; what hangs on several keys or on other files only `longlab plan` can tell.
///
/// ```
/// let schema: serde_json::Value = serde_json::from_str(&longlab::spec::schema()).unwrap();
/// assert_eq!(schema["definitions"]["train.group"]["maximum"], 1024);
/// ```
pub fn schema() -> String {
    let mut definitions: Map<String, Value> = KEYS.iter().map(|key| (key.path.to_string(), of_key(key))).collect();
    definitions.insert(SETTINGS.to_string(), settings(Map::new(), "Settings keys with their values.", &plain));
    definitions.insert(WHEN.to_string(), when());
    let root = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "longlab experiment",
        "description": "An experiment of longlab: variants x axes, seeds, claims. Made from src/spec/settings.rs; keys with their sources: docs/keys.md; sweeps: docs/sweeps.md.",
        "type": "object",
        "required": ["experiment"],
        "additionalProperties": false,
        "properties": sections(),
        "definitions": definitions,
    });
    let mut text = String::new();
    write(&mut text, &root, 0);
    text + "\n"
}

/// The definition of a table of settings; no key is called so, as theirs have dots.
const SETTINGS: &str = "settings";
/// The definition of a condition on keys.
const WHEN: &str = "when";

/// Writes what fits into a line on one line, so that the file can be read.
fn write(text: &mut String, value: &Value, depth: usize) {
    let short = value.to_string();
    let entries: Vec<(String, &Value)> = match value {
        Value::Object(map) => {
            map.iter().map(|(name, value)| (format!("{}: ", Value::from(name.as_str())), value)).collect()
        }
        Value::Array(items) => items.iter().map(|item| (String::new(), item)).collect(),
        _ => Vec::new(),
    };
    if entries.is_empty() || short.len() <= 140 {
        text.push_str(&short);
        return;
    }
    let (open, close) = if value.is_object() { ('{', '}') } else { ('[', ']') };
    text.push(open);
    for (index, (name, value)) in entries.iter().enumerate() {
        text.push_str(if index == 0 { "\n" } else { ",\n" });
        text.push_str(&"  ".repeat(depth + 1));
        text.push_str(name);
        write(text, value, depth + 1);
    }
    text.push('\n');
    text.push_str(&"  ".repeat(depth));
    text.push(close);
}

fn reference(definition: &str) -> Value {
    json!({ "$ref": format!("#/definitions/{definition}") })
}

fn sections() -> Value {
    let variant = json!({ "name": name("Its name, unique in the experiment."), "paper": text("Its row in the published table; its name if left out.") });
    json!({
        "extends": { "type": "string", "pattern": "\\.toml$", "description": "The experiment that this one lies over, relative to this file." },
        "experiment": head(),
        "base": reference(SETTINGS),
        "resources": resources(),
        "variant": list(settings(object(variant), "One row of the table.", &plain), &["name"]),
        "axis": list(axis(), &["name", "values"]),
        "include": list(rule(None), &["reason"]),
        "exclude": list(rule(None), &["reason"]),
        "override": list(rule(Some(reference(SETTINGS))), &["set"]),
        "claim": list(claim(), &["text", "better", "worse", "measure"]),
        "figure": list(figure(), &["title", "file", "unit"]),
    })
}

fn head() -> Value {
    json!({
        "type": "object",
        "required": ["name"],
        "additionalProperties": false,
        "properties": {
            "name": name("Names the folders of its results and reports."),
            "title": text("Heads its report."),
            "paper": text("The published table that it is held against: experiments/paper/<paper>.csv."),
            "scale": { "enum": Scale::NAMES, "default": Scale::Micro.name(), "description": "The size of model and machine that it is for; its preset is experiments/scales/<scale>.toml." },
            "kind": { "enum": Kind::NAMES, "default": Kind::Rl.name(), "description": "What its jobs make." },
            "seeds": { "type": "array", "minItems": 1, "uniqueItems": true, "items": { "type": "integer", "minimum": 0 }, "description": "Every cell runs under each of them." },
            "scatter": { "enum": Scatter::NAMES, "description": "The report shows entropy against gradient norm of these responses (Fig. 9)." },
        },
    })
}

fn resources() -> Value {
    let defaults = Resources::default();
    let key = |(name, least, most, about): &(&str, u64, u64, &str)| {
        let value = json!({ "type": "integer", "minimum": least, "maximum": most, "default": defaults.get(name), "description": about });
        (name.to_string(), value)
    };
    let about = "What a job needs of the machine that runs it; no part of its identity.";
    closed(Value::Object(resources::KEYS.iter().map(key).collect()), about)
}

fn axis() -> Value {
    let paths: Vec<&str> = KEYS.iter().map(|key| key.path).collect();
    closed(
        json!({
            "name": name("Names the axis in the names of cells."),
            "key": { "enum": paths, "description": "The key that is swept." },
            "keys": { "type": "array", "minItems": 1, "uniqueItems": true, "items": { "enum": paths }, "description": "Keys that move together: each value is a list with one entry a key." },
            "values": { "type": "array", "minItems": 1, "description": "The points of the axis." },
            "labels": { "type": "array", "minItems": 1, "items": { "type": "string" }, "description": "What the points are called; as they are written if left out. An empty one keeps a point out of the names of cells." },
            "variant": variants(),
            "when": reference(WHEN),
        }),
        "Keys swept over a list of values.",
    )
}

fn rule(set: Option<Value>) -> Value {
    let mut properties = object(json!({
        "variant": variants(),
        "axis": { "type": "object", "description": "Axis to label or value, or a list of them." },
        "when": reference(WHEN),
        "reason": text("Why; the plan prints it."),
    }));
    properties.extend(set.map(|set| ("set".to_string(), set)));
    closed(Value::Object(properties), "Some of the cells: all that is said must hold, and of several values one.")
}

fn claim() -> Value {
    closed(
        json!({
            "text": text("The statement in words."),
            "better": text("The variant, or cell, whose measure is claimed to be the greater one."),
            "worse": text("The variant, or cell, whose measure is claimed to be the smaller one."),
            "measure": { "enum": MEASURES },
        }),
        "A statement that the report judges, at each point that the two variants share.",
    )
}

fn figure() -> Value {
    closed(
        json!({
            "title": text("Heads the plot."),
            "file": text("A CSV file under experiments/paper/figures."),
            "unit": text("The unit of its values."),
        }),
        "Published curves shown in the report.",
    )
}

fn variants() -> Value {
    json!({ "anyOf": [{ "type": "string" }, { "type": "array", "minItems": 1, "items": { "type": "string" } }], "description": "A variant, or several." })
}

fn when() -> Value {
    let any_of = |key: &Key| json!({ "anyOf": [plain(key), { "type": "array", "minItems": 1, "items": plain(key) }] });
    settings(Map::new(), "Key to value, or to a list of values.", &any_of)
}

fn name(about: &str) -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": 100, "pattern": "^[^/\\\\:*?\"<>|]+$", "description": about })
}

fn text(about: &str) -> Value {
    json!({ "type": "string", "minLength": 1, "description": about })
}

fn list(mut items: Value, required: &[&str]) -> Value {
    items["required"] = json!(required);
    json!({ "type": "array", "items": items })
}

fn closed(properties: Value, about: &str) -> Value {
    json!({ "type": "object", "description": about, "additionalProperties": false, "properties": properties })
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn plain(key: &Key) -> Value {
    reference(key.path)
}

/// A table of settings: each key dotted and in quotes, or inside the table of its group.
fn settings(mut words: Map<String, Value>, about: &str, of: &dyn Fn(&Key) -> Value) -> Value {
    words.extend(KEYS.iter().map(|key| (key.path.to_string(), of(key))));
    words.extend(
        GROUPS
            .iter()
            .filter(|(path, _)| !path.contains('.'))
            .map(|(path, about)| (path.to_string(), group(path, about, of))),
    );
    closed(Value::Object(words), about)
}

/// The table of a group, with the groups inside it.
fn group(path: &str, about: &str, of: &dyn Fn(&Key) -> Value) -> Value {
    let inside = |other: &'static str| other.strip_prefix(path)?.strip_prefix('.').filter(|leaf| !leaf.contains('.'));
    let keys = KEYS.iter().filter_map(|key| Some((inside(key.path)?.to_string(), of(key))));
    let groups = GROUPS.iter().filter_map(|(other, about)| Some((inside(other)?.to_string(), group(other, about, of))));
    closed(Value::Object(keys.chain(groups).collect()), about.trim())
}

/// What a key may hold.
fn of_key(key: &Key) -> Value {
    let number = |value: f64| if key.kind == "integer" { json!(value as i64) } else { json!(value) };
    let mut schema = match key.kind {
        "integer" | "number" => json!({ "type": key.kind }),
        "choice" => json!({ "enum": key.choices }),
        "quantile or nats" => level("^q(0(\\.[0-9]+)?|1(\\.0+)?|\\.[0-9]+)$"),
        "factor or nats" => level("^[0-9]*\\.?[0-9]+([eE][-+]?[0-9]+)?x$"),
        _ => json!({ "type": "string", "minLength": 1 }),
    };
    if let Some((low, high)) = key.range {
        (schema["minimum"], schema["maximum"]) = (number(low), number(high));
    }
    schema["default"] = serde_json::to_value(key.get(&Settings::default())).unwrap_or(Value::Null);
    let unit = if key.unit.is_empty() { String::new() } else { format!(" Unit: {}.", key.unit) };
    schema["description"] = format!("{}{unit} Default from: {}.", key.doc, key.source).into();
    schema
}

/// A number of nats, as such or in quotes, or a relative form.
fn level(relative: &str) -> Value {
    json!({ "anyOf": [{ "type": "number", "minimum": 0 }, { "type": "string", "pattern": relative }, { "type": "string", "pattern": "^[0-9]*\\.?[0-9]+([eE][-+]?[0-9]+)?$" }] })
}
