//! The metadata's types.

use super::Fault;
use super::cursor::Cursor;

/// Arrays within arrays, at most. No known file has more than one within another.
const DEEPEST: usize = 4;

/// A value of the metadata.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "each is named after its type")]
pub enum Value {
    U8(u8),
    I8(i8),
    U16(u16),
    I16(i16),
    U32(u32),
    I32(i32),
    U64(u64),
    I64(i64),
    F32(f32),
    F64(f64),
    Bool(bool),
    Text(String),
    Array(Array),
}

/// Values of one type.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "each is named after its type")]
pub enum Array {
    U8(Vec<u8>),
    I8(Vec<i8>),
    U16(Vec<u16>),
    I16(Vec<i16>),
    U32(Vec<u32>),
    I32(Vec<i32>),
    U64(Vec<u64>),
    I64(Vec<i64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
    Bool(Vec<bool>),
    Text(Vec<String>),
    Array(Vec<Array>),
}

impl Value {
    /// A whole number of any width that is not below zero.
    pub fn as_u64(&self) -> Option<u64> {
        match *self {
            Value::U8(value) => Some(value.into()),
            Value::U16(value) => Some(value.into()),
            Value::U32(value) => Some(value.into()),
            Value::U64(value) => Some(value),
            Value::I8(value) => value.try_into().ok(),
            Value::I16(value) => value.try_into().ok(),
            Value::I32(value) => value.try_into().ok(),
            Value::I64(value) => value.try_into().ok(),
            _ => None,
        }
    }

    /// A floating-point number of either width.
    pub fn as_f64(&self) -> Option<f64> {
        match *self {
            Value::F32(value) => Some(value.into()),
            Value::F64(value) => Some(value),
            _ => None,
        }
    }

    /// A text.
    pub fn as_text(&self) -> Option<&str> {
        if let Value::Text(text) = self { Some(text) } else { None }
    }

    /// A truth value.
    pub fn as_bool(&self) -> Option<bool> {
        if let Value::Bool(truth) = *self { Some(truth) } else { None }
    }

    /// Texts.
    pub fn as_texts(&self) -> Option<&[String]> {
        if let Value::Array(Array::Text(texts)) = self { Some(texts) } else { None }
    }

    /// Reads a value's type and the value.
    pub(super) fn read(cursor: &mut Cursor, place: &str) -> Result<Value, Fault> {
        let kind = cursor.u32(place)?;
        Ok(match kind {
            0 => Value::U8(u8::from_le_bytes(cursor.fixed(place)?)),
            1 => Value::I8(i8::from_le_bytes(cursor.fixed(place)?)),
            2 => Value::U16(u16::from_le_bytes(cursor.fixed(place)?)),
            3 => Value::I16(i16::from_le_bytes(cursor.fixed(place)?)),
            4 => Value::U32(u32::from_le_bytes(cursor.fixed(place)?)),
            5 => Value::I32(i32::from_le_bytes(cursor.fixed(place)?)),
            6 => Value::F32(f32::from_le_bytes(cursor.fixed(place)?)),
            7 => Value::Bool(cursor.bool(place)?),
            8 => Value::Text(cursor.text(place)?.to_owned()),
            9 => Value::Array(Array::read(cursor, place, 1)?),
            10 => Value::U64(u64::from_le_bytes(cursor.fixed(place)?)),
            11 => Value::I64(i64::from_le_bytes(cursor.fixed(place)?)),
            12 => Value::F64(f64::from_le_bytes(cursor.fixed(place)?)),
            other => return Err(unknown(cursor, place, other)),
        })
    }
}

impl Array {
    fn read(cursor: &mut Cursor, place: &str, depth: usize) -> Result<Array, Fault> {
        if depth > DEEPEST {
            return Err(cursor.fault(place, format!("arrays are nested more than {DEEPEST} deep")));
        }
        let kind = cursor.u32(place)?;
        Ok(match kind {
            0 => Array::U8(numbers(cursor, place, u8::from_le_bytes)?),
            1 => Array::I8(numbers(cursor, place, i8::from_le_bytes)?),
            2 => Array::U16(numbers(cursor, place, u16::from_le_bytes)?),
            3 => Array::I16(numbers(cursor, place, i16::from_le_bytes)?),
            4 => Array::U32(numbers(cursor, place, u32::from_le_bytes)?),
            5 => Array::I32(numbers(cursor, place, i32::from_le_bytes)?),
            6 => Array::F32(numbers(cursor, place, f32::from_le_bytes)?),
            7 => Array::Bool(items(cursor, 1, place, |cursor| cursor.bool(place))?),
            8 => Array::Text(items(cursor, 8, place, |cursor| Ok(cursor.text(place)?.to_owned()))?),
            9 => Array::Array(items(cursor, 12, place, |cursor| Array::read(cursor, place, depth + 1))?),
            10 => Array::U64(numbers(cursor, place, u64::from_le_bytes)?),
            11 => Array::I64(numbers(cursor, place, i64::from_le_bytes)?),
            12 => Array::F64(numbers(cursor, place, f64::from_le_bytes)?),
            other => return Err(unknown(cursor, place, other)),
        })
    }
}

fn unknown(cursor: &Cursor, place: &str, kind: u32) -> Fault {
    cursor.fault(place, format!("value type {kind} is not known (0 to 12 are)"))
}

fn numbers<T, const N: usize>(
    cursor: &mut Cursor,
    place: &str,
    number: impl Fn([u8; N]) -> T,
) -> Result<Vec<T>, Fault> {
    items(cursor, N, place, |cursor| Ok(number(cursor.fixed(place)?)))
}

/// A count and so many things. Memory is asked for as they come: what a thing takes here can be more than its bytes in the file.
fn items<T>(
    cursor: &mut Cursor,
    least: usize,
    place: &str,
    mut item: impl FnMut(&mut Cursor) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    let count = cursor.count(least, place)?;
    (0..count).map(|_| item(cursor)).collect()
}
