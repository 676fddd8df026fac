//! What a GGUF file says it holds, checked against its length.

use super::cursor::Cursor;
use super::{Fault, Kind, Value};
use std::collections::BTreeMap;
use std::ops::Range;

/// Where tensors begin, if the metadata does not say otherwise: at multiples of so many bytes.
const ALIGNMENT: u64 = 32;
/// Dimensions of a tensor, at most.
const DIMENSIONS: u32 = 4;
/// What a metadata entry takes at least: a name of one byte with its length, a type, a value of one byte.
const LEAST_ENTRY: usize = 8 + 1 + 4 + 1;
/// What a tensor's description takes at least: a name, a count of dimensions and one of them, a type, an offset.
const LEAST_TENSOR: usize = 8 + 1 + 4 + 8 + 4 + 8;

/// Metadata and tensors of a GGUF file.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// 2 or 3.
    pub version: u32,
    /// By key.
    pub metadata: BTreeMap<String, Value>,
    /// By name.
    pub tensors: BTreeMap<String, Info>,
    /// Where the tensors' part of the file begins, in bytes.
    pub data: u64,
}

/// Where a tensor lies and how it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// How the numbers are stored.
    pub kind: Kind,
    /// Row-major, as Hugging Face counts: the length of a row comes last. (In the file it comes first.)
    pub shape: Vec<usize>,
    /// Its bytes in the file.
    pub bytes: Range<usize>,
}

impl Info {
    /// Numbers a row.
    pub fn width(&self) -> usize {
        self.shape.last().copied().unwrap_or(0)
    }

    /// Rows, over all dimensions but the last.
    pub fn rows(&self) -> usize {
        self.shape.split_last().map_or(0, |(_, outer)| outer.iter().product())
    }

    /// Bytes a row.
    pub fn row_bytes(&self) -> usize {
        self.width() / self.kind.block() * self.kind.bytes()
    }
}

/// A tensor whose place in the file has not been checked yet.
struct Announced {
    name: String,
    kind: Kind,
    shape: Vec<usize>,
    size: u64,
    offset: u64,
}

impl Header {
    /// Reads the beginning of a file. All of the file's bytes are needed, since every place is checked against them; none of the
    /// tensors' bytes is looked at.
    ///
    /// # Errors
    /// The place, and what does not fit there.
    pub fn parse(bytes: &[u8]) -> Result<Header, Fault> {
        let mut cursor = Cursor::new(bytes);
        let version = version(&mut cursor)?;
        let tensors = cursor.count(LEAST_TENSOR, "number of tensors")?;
        let entries = cursor.count(LEAST_ENTRY, "number of metadata entries")?;
        let metadata = metadata(&mut cursor, entries)?;
        let announced = (0..tensors).map(|number| announced(&mut cursor, number)).collect::<Result<Vec<_>, _>>()?;
        let alignment = alignment(&cursor, &metadata)?;
        let data = (cursor.at() as u64).checked_next_multiple_of(alignment);
        let data = data.ok_or_else(|| cursor.fault("alignment", "the tensors would begin past any file"))?;
        let tensors = placed(&cursor, announced, data, alignment, bytes.len() as u64)?;
        Ok(Header { version, metadata, tensors, data })
    }

    /// A text of the metadata.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.metadata.get(key)?.as_text()
    }

    /// A whole number of the metadata.
    pub fn number(&self, key: &str) -> Option<u64> {
        self.metadata.get(key)?.as_u64()
    }

    /// A floating-point number of the metadata.
    pub fn float(&self, key: &str) -> Option<f64> {
        self.metadata.get(key)?.as_f64()
    }
}

fn version(cursor: &mut Cursor) -> Result<u32, Fault> {
    let magic = cursor.fixed::<4>("first four bytes")?;
    if &magic != b"GGUF" {
        return Err(cursor.fault("first four bytes", format!("a GGUF file begins with GGUF, this one with {magic:?}")));
    }
    let version = cursor.u32("version")?;
    match version {
        2 | 3 => Ok(version),
        _ if (2..=3).contains(&version.swap_bytes()) => {
            Err(cursor.fault("version", "the file is big-endian; make it again for a little-endian machine"))
        }
        _ => Err(cursor.fault("version", format!("version {version} is not read (2 and 3 are); convert the file"))),
    }
}

fn metadata(cursor: &mut Cursor, entries: usize) -> Result<BTreeMap<String, Value>, Fault> {
    let mut metadata = BTreeMap::new();
    for number in 0..entries {
        let key = cursor.name(&format!("key of metadata entry {number}"))?;
        let place = format!("metadata `{key}`");
        let value = Value::read(cursor, &place)?;
        if metadata.insert(key.to_owned(), value).is_some() {
            return Err(cursor.fault(&place, "the key is there twice"));
        }
    }
    Ok(metadata)
}

fn announced(cursor: &mut Cursor, number: usize) -> Result<Announced, Fault> {
    let name = cursor.name(&format!("name of tensor {number}"))?.to_owned();
    let place = format!("tensor `{name}`");
    let count = cursor.u32(&place)?;
    if !(1..=DIMENSIONS).contains(&count) {
        return Err(cursor.fault(&place, format!("it has {count} dimensions, 1 to {DIMENSIONS} are allowed")));
    }
    let sizes = (0..count).map(|_| cursor.u64(&place)).collect::<Result<Vec<_>, _>>()?;
    let stored = cursor.u32(&place)?;
    let kind = Kind::from_number(stored)
        .ok_or_else(|| cursor.fault(&place, format!("stored type {stored} is not known; convert the file")))?;
    let offset = cursor.u64(&place)?;
    if sizes.contains(&0) {
        return Err(cursor.fault(&place, format!("its sizes {sizes:?} hold a zero")));
    }
    // In the file the row's length comes first.
    if !sizes[0].is_multiple_of(kind.block() as u64) {
        let reason = format!("rows of {} numbers are no whole blocks of {} ({})", sizes[0], kind.block(), kind.name());
        return Err(cursor.fault(&place, reason));
    }
    let numbers = sizes.iter().try_fold(1u64, |product, &size| product.checked_mul(size));
    let size = numbers.and_then(|numbers| kind.size(numbers));
    let shape = sizes.iter().rev().map(|&size| usize::try_from(size).ok()).collect::<Option<Vec<_>>>();
    let (Some(size), Some(shape)) = (size, shape) else {
        return Err(cursor.fault(&place, format!("the sizes {sizes:?} come to more than can be counted")));
    };
    Ok(Announced { name, kind, shape, size, offset })
}

fn alignment(cursor: &Cursor, metadata: &BTreeMap<String, Value>) -> Result<u64, Fault> {
    let Some(value) = metadata.get("general.alignment") else { return Ok(ALIGNMENT) };
    let power = value.as_u64().filter(|value| value.is_power_of_two());
    power.ok_or_else(|| cursor.fault("metadata `general.alignment`", format!("{value:?} is no power of two")))
}

/// Puts tensors at their places, which must lie in the file and not upon one another.
fn placed(
    cursor: &Cursor,
    mut announced: Vec<Announced>,
    data: u64,
    alignment: u64,
    length: u64,
) -> Result<BTreeMap<String, Info>, Fault> {
    announced.sort_by_key(|tensor| (tensor.offset, tensor.size));
    let mut tensors = BTreeMap::new();
    let mut free = data;
    for Announced { name, kind, shape, size, offset } in announced {
        let place = format!("tensor `{name}`");
        if !offset.is_multiple_of(alignment) {
            return Err(cursor.fault(&place, format!("its offset {offset} is no multiple of {alignment}")));
        }
        let ends = data.checked_add(offset).and_then(|start| Some((start, start.checked_add(size)?)));
        let Some((start, end)) = ends.filter(|&(_, end)| end <= length) else {
            let reason = format!("{size} bytes at offset {offset} reach beyond the end of the file ({length} bytes)");
            return Err(cursor.fault(&place, reason));
        };
        if start < free {
            return Err(cursor.fault(&place, format!("it begins at byte {start}, another tensor ends at {free}")));
        }
        free = end;
        let info = Info { kind, shape, bytes: start as usize..end as usize };
        if tensors.insert(name, info).is_some() {
            return Err(cursor.fault(&place, "the name is there twice"));
        }
    }
    Ok(tensors)
}
