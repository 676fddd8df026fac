//! The question of a query, in all its wordings.

use super::family::Family;
use crate::error::Result;
use crate::item::Column;
use crate::prompt::{wording_at, wordings};
use serde_json::{Map, Value, json};

/// All wordings of a template's question over columns and what is compared with; never none.
///
/// # Errors
/// Where a wording does not render.
pub fn questions(family: &Family, columns: &[Column], parameters: &[Value]) -> Result<Vec<String>> {
    let mut values: Map<String, Value> = Map::new();
    for (letter, column) in family.columns.chars().zip(columns) {
        values.insert(letter.into(), Value::from(headline(column)));
    }
    for (letter, value) in family.drawn.chars().zip(parameters) {
        values.insert(letter.into(), Value::from(plain(value)));
    }
    let values = Value::from(values);
    let mut headlines: Vec<String> = columns.iter().map(headline).collect();
    headlines.sort();
    let name = format!("table/{}", family.name);
    let mut questions = vec![];
    for at in 0..wordings(&name) {
        let ask = wording_at(&name, at, &values)?;
        for scope in 0..wordings("table/scope") {
            questions.push(wording_at("table/scope", scope, &json!({ "columns": headlines, "ask": ask }))?);
        }
    }
    Ok(questions)
}

/// A column as a question names it.
fn headline(column: &Column) -> String {
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
