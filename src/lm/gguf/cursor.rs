//! Little-endian numbers and texts out of bytes, never past their end.

use super::Fault;

/// Bytes that a key or a name may have; the format's own limit for keys.
const LONGEST_NAME: u64 = 65_535;

/// Where reading has come to.
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Cursor { bytes, at: 0 }
    }

    /// Bytes from the beginning.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Bytes that are left.
    pub fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub fn fault(&self, place: &str, reason: impl Into<String>) -> Fault {
        Fault { at: self.at as u64, place: place.to_owned(), reason: reason.into() }
    }

    /// The next `count` bytes.
    pub fn take(&mut self, count: u64, place: &str) -> Result<&'a [u8], Fault> {
        let left = self.left();
        let count = usize::try_from(count)
            .ok()
            .filter(|&count| count <= left)
            .ok_or_else(|| self.fault(place, format!("{count} bytes are announced, {left} are left in the file")))?;
        let taken = &self.bytes[self.at..self.at + count];
        self.at += count;
        Ok(taken)
    }

    pub fn fixed<const N: usize>(&mut self, place: &str) -> Result<[u8; N], Fault> {
        let mut fixed = [0; N];
        fixed.copy_from_slice(self.take(N as u64, place)?);
        Ok(fixed)
    }

    pub fn u32(&mut self, place: &str) -> Result<u32, Fault> {
        Ok(u32::from_le_bytes(self.fixed(place)?))
    }

    pub fn u64(&mut self, place: &str) -> Result<u64, Fault> {
        Ok(u64::from_le_bytes(self.fixed(place)?))
    }

    pub fn bool(&mut self, place: &str) -> Result<bool, Fault> {
        match self.fixed::<1>(place)? {
            [0] => Ok(false),
            [1] => Ok(true),
            [other] => Err(self.fault(place, format!("a truth value is 0 or 1, not {other}"))),
        }
    }

    pub fn text(&mut self, place: &str) -> Result<&'a str, Fault> {
        let length = self.u64(place)?;
        let bytes = self.take(length, place)?;
        str::from_utf8(bytes).map_err(|error| self.fault(place, format!("the text is not UTF-8 ({error})")))
    }

    /// A text that is a key or a name.
    pub fn name(&mut self, place: &str) -> Result<&'a str, Fault> {
        let name = self.text(place)?;
        match name.len() as u64 {
            0 => Err(self.fault(place, "the name is empty")),
            1..=LONGEST_NAME => Ok(name),
            length => Err(self.fault(place, format!("the name has {length} bytes, {LONGEST_NAME} are allowed"))),
        }
    }

    /// A count of things of which each takes `least` bytes or more: no more than the bytes that are left can hold.
    pub fn count(&mut self, least: usize, place: &str) -> Result<usize, Fault> {
        let count = self.u64(place)?;
        let room = self.left() / least;
        usize::try_from(count).ok().filter(|&count| count <= room).ok_or_else(|| {
            self.fault(place, format!("{count} are announced, the rest of the file has room for {room}"))
        })
    }
}
