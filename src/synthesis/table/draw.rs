//! What a query compares with, drawn from the rows it is over.

use super::family::Family;
use crate::item::Row;
use longlab_kernels::stream::Stream;
use serde_json::Value;
use std::collections::BTreeMap;

/// Longest text that is compared with, characters.
const LONGEST: usize = 60;

/// Rows from which on a column of numbers must have three different ones.
const FEW: usize = 4;

/// Draws the parameters of a template, in their order.
///
/// # Errors
/// What the rows lack.
pub fn parameters(family: &Family, rows: &[Row], stream: &mut Stream) -> Result<Vec<Value>, &'static str> {
    let column = |letter| family.columns.find(letter);
    // A column of yes and no, or one that is the same throughout, orders and weighs nothing.
    let told_apart = |letter| column(letter).is_none_or(|at| numbers(rows, Some(at)).len() >= 3);
    if rows.len() >= FEW && !(told_apart('n') && told_apart('m')) {
        return Err("fewer than three different numbers");
    }
    let mut drawn: Vec<Value> = vec![];
    for letter in family.drawn.chars() {
        let value = match letter {
            'v' => repeated(&texts(rows, column('c')), None, stream)?,
            'w' => repeated(&texts(rows, column('c')), drawn.last(), stream)?,
            'x' => threshold(numbers(rows, column('n')), stream)?,
            'y' if family.drawn.contains('z') => years(rows, column('t'), stream)?.0,
            'y' => years(rows, column('t'), stream)?.1,
            'z' => later(rows, column('t'), drawn.last(), stream)?,
            'a' => named(rows, column('k'), column('n'), None, stream)?,
            'b' => named(rows, column('k'), column('n'), drawn.last(), stream)?,
            'i' => place(rows.len(), stream)?,
            _ => return Err("a template with a letter that is not known"),
        };
        drawn.push(value);
    }
    Ok(drawn)
}

fn texts(rows: &[Row], column: Option<usize>) -> BTreeMap<&str, usize> {
    let mut texts = BTreeMap::new();
    let values = column.into_iter().flat_map(|at| rows.iter().filter_map(move |row| row.values[at].as_str()));
    values.for_each(|text| *texts.entry(text).or_default() += 1);
    texts
}

fn numbers(rows: &[Row], column: Option<usize>) -> Vec<f64> {
    let mut numbers: Vec<f64> =
        column.into_iter().flat_map(|at| rows.iter().filter_map(move |row| row.values[at].as_f64())).collect();
    numbers.sort_by(f64::total_cmp);
    numbers.dedup();
    numbers
}

/// A text that stands in several rows, not in all, and is not the one given.
fn repeated(texts: &BTreeMap<&str, usize>, but: Option<&Value>, stream: &mut Stream) -> Result<Value, &'static str> {
    let other = |text: &str| but.and_then(Value::as_str) != Some(text);
    let short = |text: &str| text.chars().count() <= LONGEST;
    let fit: Vec<&str> = texts
        .iter()
        .filter(|(text, count)| **count >= 2 && short(text) && other(text))
        .map(|(text, _)| *text)
        .collect();
    if fit.is_empty() || texts.len() < 2 { Err("no text that repeats") } else { Ok(Value::from(*stream.pick(&fit))) }
}

/// A number that is neither the least nor the greatest.
fn threshold(numbers: Vec<f64>, stream: &mut Stream) -> Result<Value, &'static str> {
    match numbers.len() {
        0..=2 => Err("fewer than three different numbers"),
        count => Ok(Value::from(numbers[1 + stream.below(count - 2)])),
    }
}

/// Two years, the earlier first: neither the last year nor the first.
fn years(rows: &[Row], column: Option<usize>, stream: &mut Stream) -> Result<(Value, Value), &'static str> {
    let years = all_years(rows, column);
    match years.len() {
        0 | 1 => Err("fewer than two different years"),
        count => {
            let at = stream.below(count - 1);
            Ok((Value::from(years[at]), Value::from(years[at + 1])))
        }
    }
}

fn later(
    rows: &[Row],
    column: Option<usize>,
    than: Option<&Value>,
    stream: &mut Stream,
) -> Result<Value, &'static str> {
    let than = than.and_then(Value::as_u64).unwrap_or(0);
    let years: Vec<u64> = all_years(rows, column).into_iter().filter(|year| *year > than).collect();
    if years.is_empty() { Err("fewer than two different years") } else { Ok(Value::from(*stream.pick(&years))) }
}

fn all_years(rows: &[Row], column: Option<usize>) -> Vec<u64> {
    let year = |value: &Value| match value {
        Value::String(date) => date.get(..4).and_then(|year| year.parse().ok()),
        value => value.as_u64(),
    };
    let mut years: Vec<u64> =
        column.into_iter().flat_map(|at| rows.iter().filter_map(move |row| year(&row.values[at]))).collect();
    years.sort_unstable();
    years.dedup();
    years
}

/// The name of a row that has a number; another one than the one given, and with another number.
fn named(
    rows: &[Row],
    key: Option<usize>,
    number: Option<usize>,
    but: Option<&Value>,
    stream: &mut Stream,
) -> Result<Value, &'static str> {
    let (Some(key), Some(number)) = (key, number) else { return Err("a template without names") };
    let taken = rows.iter().find(|row| Some(&row.values[key]) == but).map(|row| &row.values[number]);
    let fit: Vec<&Value> = rows
        .iter()
        .filter(|row| {
            row.values[key].is_string() && row.values[number].is_number() && Some(&row.values[number]) != taken
        })
        .map(|row| &row.values[key])
        .collect();
    if fit.is_empty() { Err("no two rows of different numbers") } else { Ok((*stream.pick(&fit)).clone()) }
}

/// A place from the second to the fifth.
fn place(rows: usize, stream: &mut Stream) -> Result<Value, &'static str> {
    if rows < 4 { Err("too few rows for a ranking") } else { Ok(Value::from(stream.range(2..=5.min(rows - 2)))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use longlab_documents::Span;
    use longlab_kernels::stream::{Address, Purpose};
    use serde_json::json;

    #[test]
    fn what_only_tells_yes_from_no_is_not_ordered() {
        let rows = |numbers: &[f64]| -> Vec<Row> {
            let row =
                |number: &f64| Row { source: 0, values: vec![json!(number)], spans: vec![Span { start: 0, end: 0 }] };
            numbers.iter().map(row).collect()
        };
        let drawn = |numbers: &[f64]| {
            let stream = &mut Address::new(7, Purpose::World).stream();
            parameters(Family::named("top_share").unwrap(), &rows(numbers), stream).map(|drawn| drawn.len())
        };
        assert_eq!(drawn(&[0.0, 1.0, 1.0, 0.0, 1.0]), Err("fewer than three different numbers"));
        assert_eq!(drawn(&[1.0, 1.0, 1.0, 1.0]), Err("fewer than three different numbers"));
        assert_eq!(drawn(&[0.0, 1.0, 2.0, 1.0]), Ok(1));
    }
}
