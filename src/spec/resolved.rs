//! An experiment written out in full.

use super::settings::KEYS;
use super::{Experiment, Resources, Variant, resources};
use std::fmt::Display;
use toml::Value;

/// The experiment as TOML, every setting of every variant written out.
pub(super) fn write(experiment: &Experiment) -> String {
    let mut text = String::from("[experiment]\n");
    line(&mut text, "name", text_of(&experiment.name));
    line(&mut text, "title", text_of(&experiment.title));
    if let Some(paper) = &experiment.paper {
        line(&mut text, "paper", text_of(paper));
    }
    line(&mut text, "scale", text_of(experiment.scale.name()));
    line(&mut text, "kind", text_of(experiment.kind.name()));
    line(&mut text, "seeds", format!("{:?}", experiment.seeds));
    if let Some(scatter) = experiment.scatter {
        line(&mut text, "scatter", text_of(scatter.name()));
    }
    write_resources(&mut text, &experiment.resources);
    for variant in &experiment.variants {
        write_variant(&mut text, variant);
    }
    for claim in &experiment.claims {
        text.push_str("\n[[claim]]\n");
        line(&mut text, "text", text_of(&claim.text));
        line(&mut text, "better", text_of(&claim.better));
        line(&mut text, "worse", text_of(&claim.worse));
        line(&mut text, "measure", text_of(&claim.measure));
    }
    for figure in &experiment.figures {
        text.push_str("\n[[figure]]\n");
        line(&mut text, "title", text_of(&figure.title));
        line(&mut text, "file", text_of(&figure.file));
        line(&mut text, "unit", text_of(&figure.unit));
    }
    text
}

/// Resources that are not the defaults.
fn write_resources(text: &mut String, resources: &Resources) {
    if *resources != Resources::default() {
        text.push_str("\n[resources]\n");
        resources::KEYS.iter().for_each(|(name, ..)| line(text, name, resources.get(name)));
    }
}

fn write_variant(text: &mut String, variant: &Variant) {
    text.push_str("\n[[variant]]\n");
    line(text, "name", text_of(&variant.name));
    // Only what was said: a row that is not in the published table is refused when it is written out.
    if variant.paper_row != variant.name {
        line(text, "paper", text_of(&variant.paper_row));
    }
    for key in KEYS {
        line(text, &format!("\"{}\"", key.path), key.get(&variant.settings));
    }
}

fn text_of(text: &str) -> Value {
    Value::String(text.to_string())
}

fn line(text: &mut String, key: &str, value: impl Display) {
    text.push_str(&format!("{key} = {value}\n"));
}
