//! `[[axis]]`: keys swept over a list of values.

use super::check;
use super::error::{SpecError, Spot};
use super::key::{Key, short};
use super::layer::{Assignment, sized, unknown};
use super::part::{Part, Text, kind_of};
use super::settings::Settings;
use std::collections::{HashMap, HashSet};
use toml::Spanned;
use toml::de::DeValue;

/// An axis as it is written.
pub(super) struct AxisDraft<'a> {
    pub name: String,
    pub spot: Spot<'a>,
    /// The keys that it sets, all of them at each point.
    pub keys: Vec<&'static Key>,
    pub points: Vec<Point<'a>>,
    /// The table, for the condition under which the axis applies.
    pub part: Part<'a>,
}

/// One value of an axis.
pub(super) struct Point<'a> {
    /// What it is called.
    pub label: String,
    /// Whether the names of cells say so; not where the label is written as an empty text.
    pub named: bool,
    pub assignments: Vec<Assignment<'a>>,
}

const WORDS: &[&str] = &["name", "key", "keys", "values", "labels", "when", "variant"];

/// Reads an axis; its condition is read later, when all variants are known.
pub(super) fn read<'a>(part: Part<'a>) -> Result<AxisDraft<'a>, SpecError> {
    part.known(WORDS)?;
    let (name, spot) = part.required("name")?;
    check::label(&spot, "axis", &name)?;
    let keys = read_keys(part)?;
    let points = read_points(part, &keys)?;
    let keys = keys.into_iter().map(|(key, _)| key).collect();
    Ok(AxisDraft { name, spot, keys, points, part })
}

type SpottedKey<'a> = (&'static Key, Spot<'a>);

fn read_keys<'a>(part: Part<'a>) -> Result<Vec<SpottedKey<'a>>, SpecError> {
    let texts = match (part.texts("key")?, part.texts("keys")?) {
        (Some(_), Some(keys)) => {
            return Err(keys[0]
                .1
                .error("the axis has `key` and `keys`", "write key = for one, keys = for several that move together"));
        }
        (None, None) => {
            return Err(part.missing("key", "add key = \"train.rate\", or keys = [...] for several that move together"));
        }
        (Some(texts), None) | (None, Some(texts)) => texts,
    };
    let mut keys: Vec<SpottedKey<'a>> = Vec::new();
    for text in texts {
        let (key, spot) = read_key(text)?;
        if keys.iter().any(|(other, _)| other.path == key.path) {
            return Err(spot.error(format!("the axis names `{}` twice", key.path), "name each key once"));
        }
        keys.push((key, spot));
    }
    Ok(keys)
}

fn read_key(text: Text<'_>) -> Result<SpottedKey<'_>, SpecError> {
    let (path, spot) = text;
    if ["seed", "seeds", "experiment.seed", "experiment.seeds"].contains(&path.as_str()) {
        let help =
            "write seeds = [0, 1, 2] in [experiment]: every cell runs under each of them, and reports keep them apart";
        return Err(spot.error("seeds are the experiment's own axis", help));
    }
    match Key::find(&path) {
        Some(key) => Ok((key, spot)),
        None => Err(unknown(spot.source, spot.span, &path, &[])),
    }
}

fn read_points<'a>(part: Part<'a>, keys: &[SpottedKey<'a>]) -> Result<Vec<Point<'a>>, SpecError> {
    let Some(values) = part.list("values")? else {
        return Err(part.missing("values", "add values = [...], one for each point of the axis"));
    };
    let labels = read_labels(part, values.len())?;
    let mut points: Vec<Point<'a>> = Vec::new();
    // The settings that a point holds and what it is called, each to its place in the list.
    let (mut holds, mut called) = (HashMap::new(), HashSet::new());
    for (index, value) in values.iter().enumerate() {
        let assignments = read_values(part, keys, value)?;
        let written = labels.as_ref().map(|labels| labels[index].clone()).filter(|(label, _)| !label.is_empty());
        let named = written.is_some() || labels.is_none();
        let (label, spot) = match written {
            Some(label) => label,
            None => (default_label(&assignments)?, part.spot_of(value)),
        };
        check::label(&spot, "label", &label)?;
        let held = assignments.iter().map(Assignment::held).collect::<Result<Vec<_>, _>>()?;
        if let Some(first) = holds.insert(format!("{held:?}"), index) {
            let message = format!("the value stands twice, first as `{}`", points[first].label);
            return Err(part.spot_of(value).error(message, "write each value once"));
        }
        if !called.insert(label.clone()) {
            let help = "give each value a label of its own: labels = [...]";
            return Err(spot.error(format!("two values are called `{label}`"), help));
        }
        points.push(Point { label, named, assignments });
    }
    Ok(points)
}

/// The labels, one a value; an empty one keeps the point out of the names of cells.
fn read_labels<'a>(part: Part<'a>, values: usize) -> Result<Option<Vec<Text<'a>>>, SpecError> {
    let Some(items) = part.list("labels")? else {
        return Ok(None);
    };
    if items.len() != values {
        let message = format!("the axis has {values} values and {} labels", items.len());
        return Err(part.spot_of(&items[0]).error(message, "give each value one label, or leave `labels` out"));
    }
    let label = |item: &Spanned<DeValue<'_>>| match item.get_ref().as_str() {
        Some(text) => Ok((text.to_string(), part.spot_of(item))),
        None => {
            let message = format!("a label is a text, found {}", kind_of(item));
            Err(part.spot_of(item).error(message, "put it in quotes"))
        }
    };
    items.iter().map(label).collect::<Result<_, _>>().map(Some)
}

/// The settings of one point; those of several keys stand in a list.
fn read_values<'a>(
    part: Part<'a>,
    keys: &[SpottedKey<'a>],
    value: &Spanned<DeValue<'_>>,
) -> Result<Vec<Assignment<'a>>, SpecError> {
    let single = part.table.contains_key("key") && keys.len() == 1;
    let items: Vec<&Spanned<DeValue<'_>>> = match value.get_ref().as_array() {
        _ if single => vec![value],
        Some(items) => items.iter().collect(),
        None => {
            let message = format!("a value of several keys is a list, found {}", kind_of(value));
            return Err(part.spot_of(value).error(message, format!("write one value for each of {}", names(keys))));
        }
    };
    if items.len() != keys.len() {
        let message = format!("{} values for {} keys", items.len(), keys.len());
        return Err(part.spot_of(value).error(message, format!("write one value for each of {}", names(keys))));
    }
    let mut assignments = Vec::new();
    for ((key, name), item) in keys.iter().zip(items) {
        let value = sized(part.source, item)?;
        let assignment = Assignment { key, value, spot: part.spot_of(item), name: name.clone() };
        assignment.apply(&mut Settings::default())?;
        assignments.push(assignment);
    }
    Ok(assignments)
}

fn names(keys: &[SpottedKey<'_>]) -> String {
    super::choice::listed(&keys.iter().map(|(key, _)| key.path).collect::<Vec<_>>())
}

/// The values as they are written; those of several keys with a plus between them.
fn default_label(assignments: &[Assignment<'_>]) -> Result<String, SpecError> {
    let mut words = Vec::new();
    for assignment in assignments {
        words.push(match assignment.held()? {
            toml::Value::String(text) => text,
            toml::Value::Float(number) => short(number),
            other => other.to_string(),
        });
    }
    Ok(words.join("+"))
}
