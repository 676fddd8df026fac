//! Wordings and layouts: minijinja templates that are compiled in. Foreign text comes in as values and is never read as a template.

use crate::error::{Result, SynthesisError};
use crate::item::{Engine, Form, Item, Passage, Proof};
use longlab_client::Message;
use longlab_documents::Hash;
use longlab_kernels::stream::Stream;
use minijinja::Environment;
use serde::Serialize;
use std::sync::OnceLock;

/// Names and texts of the templates. A layout is one template; a file of wordings has one a line.
const TEMPLATES: [(&str, &str); 35] = [
    ("table/above_mean", include_str!("templates/table/above_mean.j2")),
    ("table/best_group", include_str!("templates/table/best_group.j2")),
    ("table/best_ratio", include_str!("templates/table/best_ratio.j2")),
    ("table/change", include_str!("templates/table/change.j2")),
    ("table/count_above", include_str!("templates/table/count_above.j2")),
    ("table/count_between", include_str!("templates/table/count_between.j2")),
    ("table/count_both", include_str!("templates/table/count_both.j2")),
    ("table/count_equal", include_str!("templates/table/count_equal.j2")),
    ("table/count_since", include_str!("templates/table/count_since.j2")),
    ("table/difference", include_str!("templates/table/difference.j2")),
    ("table/earliest", include_str!("templates/table/earliest.j2")),
    ("table/greatest", include_str!("templates/table/greatest.j2")),
    ("table/greatest_where", include_str!("templates/table/greatest_where.j2")),
    ("table/group_difference", include_str!("templates/table/group_difference.j2")),
    ("table/latest", include_str!("templates/table/latest.j2")),
    ("table/least", include_str!("templates/table/least.j2")),
    ("table/list_both", include_str!("templates/table/list_both.j2")),
    ("table/mean", include_str!("templates/table/mean.j2")),
    ("table/mean_since", include_str!("templates/table/mean_since.j2")),
    ("table/mean_where", include_str!("templates/table/mean_where.j2")),
    ("table/ranked", include_str!("templates/table/ranked.j2")),
    ("table/ratio", include_str!("templates/table/ratio.j2")),
    ("table/scope", include_str!("templates/table/scope.j2")),
    ("table/share_equal", include_str!("templates/table/share_equal.j2")),
    ("table/top_share", include_str!("templates/table/top_share.j2")),
    ("table/total", include_str!("templates/table/total.j2")),
    ("table/total_where", include_str!("templates/table/total_where.j2")),
    ("table/weighted_mean", include_str!("templates/table/weighted_mean.j2")),
    ("table/years_spanned", include_str!("templates/table/years_spanned.j2")),
    ("dialogue/question", include_str!("templates/dialogue/question.j2")),
    ("dialogue/request", include_str!("templates/dialogue/request.j2")),
    ("layout/card", include_str!("templates/layout/card.j2")),
    ("layout/choice", include_str!("templates/layout/choice.j2")),
    ("layout/corpusqa", include_str!("templates/layout/corpusqa.j2")),
    ("layout/reading", include_str!("templates/layout/reading.j2")),
];

/// The identity of all templates, for the keys of what is made with them.
pub fn version() -> String {
    let mut hasher = blake3::Hasher::new();
    TEMPLATES.iter().for_each(|(name, text)| {
        hasher.update(name.as_bytes());
        hasher.update(text.as_bytes());
    });
    hasher.finalize().to_hex().to_string()
}

/// The identity of the layouts that prompts are written in, for what is trained on them.
pub fn layouts() -> String {
    let mut hasher = blake3::Hasher::new();
    let layouts = TEMPLATES.iter().filter(|(name, _)| name.starts_with("layout/") && *name != "layout/card");
    layouts.for_each(|(name, text)| {
        hasher.update(name.as_bytes());
        hasher.update(text.as_bytes());
    });
    hasher.finalize().to_hex().to_string()
}

/// One of the wordings of a file, drawn and filled in.
///
/// # Errors
/// Where there is no such file, or a value is missing.
pub fn wording(name: &str, values: &impl Serialize, stream: &mut Stream) -> Result<String> {
    let wordings = wordings(name);
    if wordings == 0 {
        return Err(SynthesisError::Template { name: name.into(), reason: "there is no such file".into() });
    }
    render(&format!("{name}#{}", stream.below(wordings)), values)
}

/// A wording by its number, filled in.
///
/// # Errors
/// As [`wording`].
pub fn wording_at(name: &str, at: usize, values: &impl Serialize) -> Result<String> {
    render(&format!("{name}#{at}"), values)
}

/// How many wordings a file has.
pub fn wordings(name: &str) -> usize {
    let file = TEMPLATES.iter().find(|(own, _)| *own == name);
    file.map_or(0, |(_, text)| text.lines().filter(|line| !line.is_empty()).count())
}

/// The prompt of an item, its passages filled in: one message, or the turns of a conversation with the question last.
///
/// # Errors
/// Where a template does not render, or a conversation lacks requests.
pub fn messages(item: &Item) -> Result<Vec<Message>> {
    if let Proof::Turn { requests, .. } = &item.certificate.proof {
        let mut messages = vec![];
        for (request, Passage { text, .. }) in requests.iter().zip(&item.passages) {
            messages.extend([Message::user(request.as_str()), Message::assistant(text.as_str())]);
        }
        messages.push(Message::user(item.question.as_str()));
        return Ok(messages);
    }
    let layout = match (item.engine, item.form) {
        (Engine::Table, _) => "layout/corpusqa",
        (_, Form::MultipleChoice) => "layout/choice",
        _ => "layout/reading",
    };
    let text = render(layout, &serde_json::json!({ "passages": item.passages, "question": item.question }))?;
    Ok(vec![Message::user(text)])
}

/// What of a prompt is counted: the contents of its messages, an empty line between them. What a chat template adds is not part of it.
pub fn text(messages: &[Message]) -> String {
    messages.iter().map(|message| message.content.as_str()).collect::<Vec<_>>().join("\n\n")
}

/// A page of a layout, filled in.
///
/// # Errors
/// Where there is no such layout, or a value is missing.
pub fn page(name: &str, values: &impl Serialize) -> Result<String> {
    render(name, values)
}

/// Whether a question is a wording of a file with these values.
///
/// # Errors
/// Where a value is missing.
pub fn is_wording(question: &str, name: &str, values: &impl Serialize) -> Result<bool> {
    for at in 0..wordings(name) {
        if wording_at(name, at, values)? == question {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A border that a text cannot hold, since it is made of the text's own hash: what stands between two of them is shown to a model and orders nothing.
pub fn border(text: &str) -> String {
    format!("<<{}>>", &Hash::of(text).0[..16])
}

fn render(name: &str, values: &impl Serialize) -> Result<String> {
    let failed = |error: minijinja::Error| SynthesisError::Template { name: name.into(), reason: error.to_string() };
    let template = environment().get_template(name).map_err(failed)?;
    template.render(minijinja::value::Serde(values)).map_err(failed)
}

fn environment() -> &'static Environment<'static> {
    static ENVIRONMENT: OnceLock<Environment<'static>> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        for (name, text) in TEMPLATES {
            if name.starts_with("layout/") {
                environment.add_template(name, text).expect("a layout of ours compiles; a test compiles them all");
                continue;
            }
            for (at, line) in text.lines().filter(|line| !line.is_empty()).enumerate() {
                let added = environment.add_template_owned(format!("{name}#{at}"), line.to_string());
                added.expect("a wording of ours compiles; a test compiles them all");
            }
        }
        environment
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::family::FAMILIES;
    use std::collections::BTreeMap;

    #[test]
    fn every_family_has_wordings_that_name_all_it_has() {
        for family in FAMILIES {
            let name = format!("table/{}", family.name);
            let values: BTreeMap<String, String> = family
                .columns
                .chars()
                .chain(family.drawn.chars())
                .map(|letter| (letter.into(), format!("<{letter}>")))
                .collect();
            assert!(wordings(&name) >= 2, "{name}");
            for at in 0..wordings(&name) {
                let text = wording_at(&name, at, &values).unwrap();
                assert!(values.values().all(|value| text.contains(value.as_str())), "{name}: {text}");
                assert!(is_wording(&text, &name, &values).unwrap());
            }
        }
    }

    #[test]
    fn every_template_compiles() {
        assert!(TEMPLATES.iter().all(|(name, _)| {
            let name = if name.starts_with("layout/") { name.to_string() } else { format!("{name}#0") };
            environment().get_template(&name).is_ok()
        }));
    }

    #[test]
    fn a_missing_value_is_an_error() {
        assert!(wording_at("table/total", 0, &BTreeMap::<String, String>::new()).is_err());
    }
}
