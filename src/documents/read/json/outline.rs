//! A JSON value as an outline: keys and values line by line, further in for what is further inside.

use super::super::Context;
use super::{TITLES, clean, is_table, scalar, table};
use crate::draft::{Draft, file_name};
use serde_json::{Map, Value};

/// Writes a value at the end of the draft.
pub(super) fn write(draft: &mut Draft, value: &Value, context: &mut Context) {
    let subject = file_name(context.source).to_owned();
    put(draft, value, &subject, "", 0, false, context);
}

/// `name: value` in a line of its own, and a note that says so.
pub(super) fn property(draft: &mut Draft, subject: &str, name: &str, value: &Value, depth: usize) {
    let name = clean(name);
    let start = draft.text.len() + 2 * depth;
    draft.text.push_str(&"  ".repeat(depth));
    draft.text.push_str(&format!("{name}: "));
    let from = draft.text.len();
    draft.text.push_str(&scalar(value));
    let end = draft.text.len();
    draft.text.push('\n');
    draft.note(subject, &name, from..end, start..end);
}

/// Writes a value. `begun`: whether the line has begun already. serde_json reads 128 levels at most.
fn put(draft: &mut Draft, value: &Value, subject: &str, name: &str, depth: usize, begun: bool, context: &mut Context) {
    match value {
        Value::Object(record) => object(draft, record, subject, depth, begun, context),
        Value::Array(rows) if is_table(rows) => {
            draft.text.push_str(if begun { "\n" } else { "" });
            table(draft, rows, name, context);
        }
        Value::Array(values) => {
            draft.text.push_str(if begun { "\n" } else { "" });
            for value in values {
                draft.text.push_str(&"  ".repeat(depth));
                draft.text.push_str("- ");
                item(draft, value, subject, name, depth, context);
            }
        }
        value => {
            draft.text.push_str(&scalar(value));
            draft.text.push('\n');
        }
    }
}

fn item(draft: &mut Draft, value: &Value, subject: &str, name: &str, depth: usize, context: &mut Context) {
    let from = draft.text.len();
    put(draft, value, subject, name, depth + 1, true, context);
    if !value.is_object() && !value.is_array() {
        let end = draft.text.len() - 1;
        draft.note(subject, name, from..end, from..end);
    }
}

fn object(
    draft: &mut Draft,
    record: &Map<String, Value>,
    subject: &str,
    depth: usize,
    begun: bool,
    context: &mut Context,
) {
    let own = TITLES.iter().find_map(|key| record.get(*key)?.as_str()).map(clean).filter(|own| !own.is_empty());
    let subject = own.as_deref().unwrap_or(subject);
    if record.is_empty() {
        draft.text.push('\n');
    }
    for (number, (name, value)) in record.iter().enumerate() {
        let inside = if begun && number == 0 { 0 } else { depth };
        if value.is_object() || value.is_array() {
            draft.text.push_str(&"  ".repeat(inside));
            draft.text.push_str(&format!("{}:\n", clean(name)));
            put(draft, value, subject, &clean(name), depth + 1, false, context);
        } else {
            property(draft, subject, name, value, inside);
        }
    }
}
