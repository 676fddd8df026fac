//! The question of a query, in all its wordings.

use super::family::Family;
use crate::error::Result;
use crate::item::Column;
use crate::prompt::{wording_at, wordings};
use serde_json::{Map, Value, json};

/// All wordings of a template's question over columns and what is compared with, each in every frame; never none.
///
/// # Errors
/// Where a wording does not render.
pub fn questions(family: &Family, columns: &[Column], parameters: &[Value]) -> Result<Vec<String>> {
    let mut questions = vec![];
    for ask in asks(family, columns, parameters)? {
        questions.extend(framed(columns, &ask)?);
    }
    Ok(questions)
}

/// All wordings of a template's question, without the frame that says which rows are meant.
///
/// # Errors
/// Where a wording does not render.
pub(super) fn asks(family: &Family, columns: &[Column], parameters: &[Value]) -> Result<Vec<String>> {
    let mut values: Map<String, Value> = Map::new();
    for (letter, column) in family.columns.chars().zip(columns) {
        values.insert(letter.into(), Value::from(headline(column)));
    }
    for (letter, value) in family.drawn.chars().zip(parameters) {
        values.insert(letter.into(), Value::from(plain(value)));
    }
    let values = Value::from(values);
    let name = format!("table/{}", family.name);
    (0..wordings(&name)).map(|at| wording_at(&name, at, &values)).collect()
}

/// A question over columns in every frame that says which rows are meant; never none.
///
/// # Errors
/// Where a wording does not render.
pub(super) fn framed(columns: &[Column], ask: &str) -> Result<Vec<String>> {
    let mut headlines: Vec<String> = columns.iter().map(headline).collect();
    headlines.sort();
    let values = json!({ "columns": headlines, "ask": ask });
    (0..wordings("table/scope")).map(|scope| wording_at("table/scope", scope, &values)).collect()
}

/// A column as a question names it.
pub(super) fn headline(column: &Column) -> String {
    match &column.unit {
        Some(unit) => format!("{} ({unit})", column.label),
        None => column.label.clone(),
    }
}

/// A parameter as a question names it: numbers without `.0`.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.as_f64().map_or_else(|| value.to_string(), |number| number.to_string()),
    }
}
