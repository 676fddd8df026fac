//! What may be put into a namespace.
//!
//! Namespaces are the only values of a template that change. By them a template can build a value that holds itself, or lists in lists
//! as deep as its fuel lasts; the engine writes and frees values by recursion and would overflow the stack. So each value on its way
//! into a namespace is looked through.

use minijinja::value::{Value, ValueKind};
use minijinja::{Error, ErrorKind, State};

/// Levels of lists and dictionaries that a namespace may hold.
const DEEPEST: usize = 64;

/// Values that are looked at for one unit of fuel.
const A_UNIT: u64 = 8;

/// Gives the value back, or says why it may not be kept.
pub(super) fn check(state: &State, value: Value) -> Result<Value, Error> {
    let mut seen = 0;
    look(state, &value, 0, &mut seen)?;
    Ok(value)
}

fn look(state: &State, value: &Value, depth: usize, seen: &mut u64) -> Result<(), Error> {
    let refuse = |reason: String| Err(Error::new(ErrorKind::InvalidOperation, reason));
    *seen += 1;
    if seen.is_multiple_of(A_UNIT) {
        state.consume_fuel(1)?;
    }
    if depth > DEEPEST {
        return refuse(format!("a namespace holds values of up to {DEEPEST} levels, this one has more"));
    }
    if value.as_object().is_some_and(|object| object.type_name().ends_with("::Namespace")) {
        return refuse("a namespace cannot hold a namespace".to_owned());
    }
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => {
            value.try_iter()?.try_for_each(|item| look(state, &item, depth + 1, seen))
        }
        ValueKind::Map => value.try_iter()?.try_for_each(|key| look(state, &value.get_item(&key)?, depth + 1, seen)),
        _ => Ok(()),
    }
}
