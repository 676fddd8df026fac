//! Methods of Python's texts that minijinja-contrib lacks, and what all of them cost.
//!
//! The engine charges a method's result once it is there. A method whose result can be far larger than what it is given is charged
//! before, from the sizes, so that no template fills the memory by one call.

use super::python;
use minijinja::value::{Tuple, Value, from_args};
use minijinja::{Error, ErrorKind, State};

/// Bytes that one unit of fuel pays for, as the engine counts.
const BYTES_A_UNIT: usize = 64;

/// Digits that a width in `format` may have.
const WIDEST: usize = 4;

/// Called for a method that the engine itself does not know.
pub(super) fn call(state: &mut State, value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    if let Some(text) = value.as_str() {
        pay(state, text.len())?;
        prepay(state, text, method, args)?;
        if let Some(result) = own(state, text, method, args) {
            return result;
        }
    }
    minijinja_contrib::pycompat::unknown_method_callback(state, value, method, args)
}

fn pay(state: &State, bytes: usize) -> Result<(), Error> {
    state.consume_fuel((bytes / BYTES_A_UNIT) as u64)
}

/// Charges what a method is about to make, if that can be much. Arguments that do not fit are left to the method itself.
fn prepay(state: &State, text: &str, method: &str, args: &[Value]) -> Result<(), Error> {
    let part = |number: usize| args.get(number).and_then(Value::as_str);
    match method {
        "replace" => {
            let (Some(old), Some(new)) = (part(0), part(1)) else { return Ok(()) };
            pay(state, text.matches(old).count().saturating_mul(new.len()))
        }
        // Each part takes a value's room.
        "split" => {
            let parts = part(0).map_or_else(|| text.split_whitespace().count(), |by| text.matches(by).count());
            state.consume_fuel(parts as u64)
        }
        "splitlines" => state.consume_fuel(text.lines().count() as u64),
        "format" if text.split(|letter: char| !letter.is_ascii_digit()).any(|digits| digits.len() > WIDEST) => {
            Err(refuse(format!("format: a width of more than {WIDEST} digits")))
        }
        _ => Ok(()),
    }
}

fn own(state: &State, text: &str, method: &str, args: &[Value]) -> Option<Result<Value, Error>> {
    Some(match method {
        "removeprefix" => from_args(args).map(|(part,): (&str,)| text.strip_prefix(part).unwrap_or(text).into()),
        "removesuffix" => from_args(args).map(|(part,): (&str,)| text.strip_suffix(part).unwrap_or(text).into()),
        "partition" => {
            from_args(args).and_then(|(part,): (&str,)| parts(part, text.split_once(part), || [text, "", ""]))
        }
        "rpartition" => {
            from_args(args).and_then(|(part,): (&str,)| parts(part, text.rsplit_once(part), || ["", "", text]))
        }
        "title" => from_args(args).map(|(): ()| title(text).into()),
        "join" => from_args(args).and_then(|(items,): (&Value,)| join(state, text, items)),
        _ => return None,
    })
}

fn parts<'a>(
    part: &'a str,
    found: Option<(&'a str, &'a str)>,
    otherwise: impl Fn() -> [&'a str; 3],
) -> Result<Value, Error> {
    if part.is_empty() {
        return Err(refuse("empty separator".to_owned()));
    }
    let parts = found.map_or_else(otherwise, |(before, after)| [before, part, after]);
    Ok(Value::from(Tuple::from(parts.map(Value::from))))
}

/// Jinja's filter `join`: items as they are written, by an attribute of them if one is named.
pub(super) fn join_filter(
    state: &State,
    items: &Value,
    between: Option<&str>,
    attribute: Option<&str>,
) -> Result<Value, Error> {
    let between = between.unwrap_or_default();
    let mut joined = String::new();
    for (number, item) in items.try_iter()?.enumerate() {
        let item = attribute.map_or(Ok(item.clone()), |name| item.get_attr(name))?;
        let text = python::text(&item)?;
        state.consume_fuel(1)?;
        pay(state, between.len() + text.len())?;
        if number > 0 {
            joined.push_str(between);
        }
        joined.push_str(&text);
    }
    Ok(joined.into())
}

/// Python's `title`: a letter after what is no letter is upper case, all others are lower case.
fn title(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let mut within = false;
    for letter in text.chars() {
        if within {
            written.extend(letter.to_lowercase());
        } else {
            written.extend(letter.to_uppercase());
        }
        within = letter.is_alphabetic();
    }
    written
}

/// Python's `join`, which takes texts only.
fn join(state: &State, between: &str, items: &Value) -> Result<Value, Error> {
    let mut joined = String::new();
    for (number, item) in items.try_iter()?.enumerate() {
        let text = item.as_str().ok_or_else(|| {
            refuse(format!("sequence item {number}: a text is expected, this is of kind {}", item.kind()))
        })?;
        state.consume_fuel(1)?;
        pay(state, between.len() + text.len())?;
        if number > 0 {
            joined.push_str(between);
        }
        joined.push_str(text);
    }
    Ok(joined.into())
}

fn refuse(reason: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, reason)
}
