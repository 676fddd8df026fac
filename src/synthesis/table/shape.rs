//! How results are written: after CorpusQA, numbers with two decimals and no unit, dates `YYYY-MM`, lists as JSON.

use crate::item::Shape;
use serde_json::Value;

/// How near to a tie of its second decimal a number may not be: whoever computes it otherwise may round it otherwise.
const TIE: f64 = 1e-6;

/// Largest number that is written.
const LARGEST: f64 = 1e15;

/// Most texts of a list.
const LONGEST: usize = 20;

/// Writes the result of a query.
///
/// # Errors
/// Why it is no answer: nothing, more than one, of another kind, or not sure in its last digit.
pub fn write(shape: Shape, rows: &[Vec<Value>]) -> Result<String, &'static str> {
    if shape == Shape::List {
        return list(rows);
    }
    let value = match rows {
        [] => return Err("the query gives nothing"),
        [row] if row.len() == 1 => &row[0],
        _ => return Err("the query gives more than one answer"),
    };
    match (shape, value) {
        (_, Value::Null) => Err("the query gives nothing"),
        (Shape::Count | Shape::Year, value) => whole(value),
        (Shape::Number, value) => decimals(value),
        (Shape::Percentage, value) => decimals(value).map(|text| format!("{text}%")),
        (Shape::Date, Value::String(text)) => text.get(..7).map(String::from).ok_or("no month"),
        (Shape::Text, Value::String(text)) if !text.trim().is_empty() => Ok(text.clone()),
        _ => Err("the query gives a value of another kind"),
    }
}

fn whole(value: &Value) -> Result<String, &'static str> {
    let number = value.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < LARGEST);
    number.map(|number| format!("{}", number as i64)).ok_or("no whole number")
}

fn decimals(value: &Value) -> Result<String, &'static str> {
    let number = value.as_f64().filter(|number| number.abs() < LARGEST).ok_or("no number, or too large a one")?;
    let cents = number.abs() * 100.0;
    if (cents.fract() - 0.5).abs() < TIE.max(cents * 1e-12) {
        return Err("rounds either way");
    }
    // -0.00 is 0.00.
    Ok(format!("{:.2}", if cents.round() == 0.0 { 0.0 } else { number }))
}

fn list(rows: &[Vec<Value>]) -> Result<String, &'static str> {
    let text = |row: &Vec<Value>| match row.as_slice() {
        [Value::String(text)] => Ok(text.clone()),
        _ => Err("the query gives a value of another kind"),
    };
    let mut texts = rows.iter().map(text).collect::<Result<Vec<String>, _>>()?;
    texts.sort_by(|one, other| one.to_lowercase().cmp(&other.to_lowercase()).then(one.cmp(other)));
    texts.dedup();
    match texts.len() {
        0 => Err("the query gives nothing"),
        count if count > LONGEST => Err("the query gives too long a list"),
        _ => serde_json::to_string(&texts).map_err(|_| "the query gives a value of another kind"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(shape: Shape, value: impl Into<Value>) -> Result<String, &'static str> {
        write(shape, &[vec![value.into()]])
    }

    #[test]
    fn numbers_have_two_decimals() {
        assert_eq!(one(Shape::Number, 2.0 / 3.0).unwrap(), "0.67");
        assert_eq!(one(Shape::Number, -0.001).unwrap(), "0.00");
        assert_eq!(one(Shape::Percentage, 12.5).unwrap(), "12.50%");
        assert_eq!(one(Shape::Number, 0.125), Err("rounds either way"));
        assert_eq!(one(Shape::Count, 3.0).unwrap(), "3");
        assert_eq!(one(Shape::Count, 3.5), Err("no whole number"));
    }

    #[test]
    fn dates_are_months_and_lists_are_in_order() {
        assert_eq!(one(Shape::Date, "2019-03-12").unwrap(), "2019-03");
        let rows = [vec![Value::from("b\"")], vec![Value::from("A")]];
        assert_eq!(write(Shape::List, &rows).unwrap(), r#"["A","b\""]"#);
    }

    #[test]
    fn no_answer_and_two_answers_are_none() {
        assert_eq!(write(Shape::Text, &[]), Err("the query gives nothing"));
        assert_eq!(one(Shape::Number, Value::Null), Err("the query gives nothing"));
        assert!(write(Shape::Text, &[vec![Value::from("a")], vec![Value::from("b")]]).is_err());
    }
}
