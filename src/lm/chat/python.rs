//! Values as Python writes them: `str`, `repr` and `json.dumps`.

use minijinja::value::{Tuple, Value, ValueKind};
use minijinja::{Error, ErrorKind};

/// Levels of lists and dictionaries that are written; as many as serde_json reads.
const DEEPEST: usize = 128;

/// Bytes that are written of one value. A list that holds another twice, which holds another twice, has few parts and is endless on
/// paper.
const LONGEST: usize = 16 << 20;

fn room(depth: usize, out: &str) -> Result<(), Error> {
    let refuse = |what: String| Err(Error::new(ErrorKind::InvalidOperation, what));
    if depth > DEEPEST {
        return refuse(format!("a value is nested more than {DEEPEST} deep"));
    }
    if out.len() > LONGEST { refuse(format!("a value takes more than {LONGEST} bytes to write")) } else { Ok(()) }
}

/// `str(value)`; nothing for what is undefined, as Jinja has it.
pub(super) fn text(value: &Value) -> Result<String, Error> {
    match value.as_str() {
        Some(text) => Ok(text.to_owned()),
        None if value.is_undefined() => Ok(String::new()),
        None => {
            let mut written = String::new();
            repr(value, 0, &mut written)?;
            Ok(written)
        }
    }
}

fn repr(value: &Value, depth: usize, out: &mut String) -> Result<(), Error> {
    room(depth, out)?;
    match value.kind() {
        ValueKind::None => out.push_str("None"),
        ValueKind::Bool => out.push_str(if value.is_true() { "True" } else { "False" }),
        ValueKind::Number => out.push_str(&number(value, ["nan", "inf", "-inf"])?),
        ValueKind::String => quoted(value.as_str().unwrap_or_default(), out),
        ValueKind::Seq | ValueKind::Iterable => {
            let tuple = value.downcast_object_ref::<Tuple>().is_some();
            out.push(if tuple { '(' } else { '[' });
            let mut count = 0;
            for item in value.try_iter()? {
                out.push_str(if count > 0 { ", " } else { "" });
                repr(&item, depth + 1, out)?;
                count += 1;
            }
            out.push_str(if tuple && count == 1 { "," } else { "" });
            out.push(if tuple { ')' } else { ']' });
        }
        ValueKind::Map => {
            out.push('{');
            for (number, key) in value.try_iter()?.enumerate() {
                out.push_str(if number > 0 { ", " } else { "" });
                repr(&key, depth + 1, out)?;
                out.push_str(": ");
                repr(&value.get_item(&key)?, depth + 1, out)?;
            }
            out.push('}');
        }
        _ => out.push_str(&value.to_string()),
    }
    Ok(())
}

/// A text in quotes: single ones, unless only single ones stand in it.
fn quoted(text: &str, written: &mut String) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    written.push(quote);
    for letter in text.chars() {
        match letter {
            '\n' => written.push_str("\\n"),
            '\r' => written.push_str("\\r"),
            '\t' => written.push_str("\\t"),
            '\\' => written.push_str("\\\\"),
            letter if letter == quote => written.extend(['\\', letter]),
            letter if letter.is_control() => written.push_str(&format!("\\x{:02x}", u32::from(letter))),
            letter => written.push(letter),
        }
    }
    written.push(quote);
}

/// A number, with the words for what is not finite.
fn number(value: &Value, [nan, infinite, negative]: [&str; 3]) -> Result<String, Error> {
    if value.is_integer() {
        return Ok(value.to_string());
    }
    let number = f64::try_from(value.clone())?;
    Ok(if number.is_nan() {
        nan.to_owned()
    } else if number.is_infinite() {
        if number > 0.0 { infinite } else { negative }.to_owned()
    } else {
        float(number)
    })
}

/// `repr` of a finite float: its shortest digits, with an exponent below 1e-4 and from 1e16 on.
fn float(number: f64) -> String {
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = number.to_string();
        return if plain.contains('.') { plain } else { plain + ".0" };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// How `json.dumps` lays out a value.
#[derive(Default)]
pub(super) struct Layout {
    /// Letters outside ASCII as escapes.
    pub ascii: bool,
    /// What stands before an item, once a level; none for a single line.
    pub indent: Option<String>,
    /// Between items, and between a key and its value.
    pub separators: Option<Vec<String>>,
    /// Keys in their order as texts, not as given.
    pub sorted: bool,
}

/// `indent` as Python takes it: a number of spaces, or a text.
pub(super) fn indent(value: &Value) -> Result<Option<String>, Error> {
    if value.is_none() {
        return Ok(None);
    }
    let text = value.as_str().map(str::to_owned).or_else(|| Some(" ".repeat(value.as_usize()?.min(MOST + 1))));
    match text {
        Some(text) if text.len() <= MOST => Ok(Some(text)),
        _ => {
            let reason = format!("tojson: indent is a number up to {MOST} or a text of up to {MOST} bytes");
            Err(Error::new(ErrorKind::InvalidOperation, reason))
        }
    }
}

/// Bytes of an indent or a separator; more is no layout but an attack on the memory.
const MOST: usize = 64;

/// `separators` as Python takes them: between items, and between a key and its value.
pub(super) fn separators(both: Option<Vec<String>>) -> Result<Option<Vec<String>>, Error> {
    match both {
        Some(both) if both.len() != 2 || both.iter().any(|one| one.len() > MOST) => {
            let reason = format!("tojson: separators are two texts of up to {MOST} bytes");
            Err(Error::new(ErrorKind::InvalidOperation, reason))
        }
        both => Ok(both),
    }
}

/// Keys by what they are as texts.
fn sorted(keys: Vec<Value>) -> Result<Vec<Value>, Error> {
    let mut named = keys.into_iter().map(|key| Ok((text(&key)?, key))).collect::<Result<Vec<_>, Error>>()?;
    named.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(named.into_iter().map(|(_, key)| key).collect())
}

impl Layout {
    /// `json.dumps(value)`.
    ///
    /// # Errors
    /// What is no JSON, or too deep or long to write.
    pub fn dumps(&self, value: &Value) -> Result<String, Error> {
        let mut written = String::new();
        self.write(value, 0, &mut written)?;
        Ok(written)
    }

    fn write(&self, value: &Value, depth: usize, out: &mut String) -> Result<(), Error> {
        room(depth, out)?;
        match value.kind() {
            ValueKind::None => out.push_str("null"),
            ValueKind::Bool => out.push_str(if value.is_true() { "true" } else { "false" }),
            ValueKind::Number => out.push_str(&number(value, ["NaN", "Infinity", "-Infinity"])?),
            ValueKind::String => self.write_text(value.as_str().unwrap_or_default(), out),
            ValueKind::Seq | ValueKind::Iterable => {
                let items: Vec<Value> = value.try_iter()?.collect();
                self.write_all(['[', ']'], &items, depth, out, |item, out| self.write(item, depth + 1, out))?;
            }
            ValueKind::Map => {
                let mut keys: Vec<Value> = value.try_iter()?.collect();
                if self.sorted {
                    keys = sorted(keys)?;
                }
                self.write_all(['{', '}'], &keys, depth, out, |key, out| {
                    // Keys are texts in JSON; numbers and truth values become their JSON form.
                    match key.as_str() {
                        Some(text) => self.write_text(text, out),
                        None => self.write_text(&self.dumps(key)?, out),
                    }
                    out.push_str(self.separator(1, ": "));
                    self.write(&value.get_item(key)?, depth + 1, out)
                })?;
            }
            kind => {
                let reason = format!("tojson: a value of kind {kind} cannot be written as JSON");
                return Err(Error::new(ErrorKind::BadSerialization, reason));
            }
        }
        Ok(())
    }

    fn write_all(
        &self,
        [open, close]: [char; 2],
        items: &[Value],
        depth: usize,
        out: &mut String,
        mut write: impl FnMut(&Value, &mut String) -> Result<(), Error>,
    ) -> Result<(), Error> {
        out.push(open);
        for (number, item) in items.iter().enumerate() {
            if number > 0 {
                out.push_str(self.separator(0, if self.indent.is_some() { "," } else { ", " }));
            }
            self.write_break(depth + 1, out);
            write(item, out)?;
        }
        if !items.is_empty() {
            self.write_break(depth, out);
        }
        out.push(close);
        Ok(())
    }

    fn separator<'a>(&'a self, place: usize, otherwise: &'a str) -> &'a str {
        self.separators.as_ref().and_then(|both| both.get(place)).map_or(otherwise, String::as_str)
    }

    fn write_break(&self, depth: usize, out: &mut String) {
        if let Some(indent) = &self.indent {
            out.push('\n');
            out.extend(std::iter::repeat_n(indent.as_str(), depth));
        }
    }

    fn write_text(&self, text: &str, out: &mut String) {
        out.push('"');
        for letter in text.chars() {
            match letter {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\u{8}' => out.push_str("\\b"),
                '\u{c}' => out.push_str("\\f"),
                letter if letter < ' ' || self.ascii && !(' '..='~').contains(&letter) => {
                    for unit in letter.encode_utf16(&mut [0; 2]) {
                        out.push_str(&format!("\\u{unit:04x}"));
                    }
                }
                letter => out.push(letter),
            }
        }
        out.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_python_writes_them() {
        let pairs = [
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (0.1, "0.1"),
            (1e-4, "0.0001"),
            (1.5e-5, "1.5e-05"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.25e100, "1.25e+100"),
            (5e-324, "5e-324"),
        ];
        for (value, written) in pairs {
            assert_eq!(float(value), written);
        }
    }
}
