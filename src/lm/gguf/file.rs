//! A mapped GGUF file, whose tensors are read some rows at a time.

use super::blocks::{half, q4_0, q4_1, q5_0, q5_1, q8_0, upper_half};
use super::k_blocks::{q4_k, q5_k, q6_k};
use super::{GgufError, Header, Info, Kind};
use memmap2::{Mmap, UncheckedAdvice};
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A GGUF file. Opening it reads the header; a tensor's bytes are read when its rows are asked for.
pub struct Gguf {
    path: PathBuf,
    map: Mmap,
    header: Header,
}

impl Gguf {
    /// Maps a file and reads its header.
    ///
    /// # Errors
    /// A file that cannot be read, or is no sound GGUF file.
    pub fn open(path: &Path) -> Result<Self, GgufError> {
        let file = File::open(path).map_err(GgufError::reading(path))?;
        // SAFETY: the map is only read, as bytes that mean nothing until checked. Who cuts the file short meanwhile ends this
        // process with SIGBUS, as with every mapped file; who writes to it changes the numbers that are read.
        let map = unsafe { Mmap::map(&file) }.map_err(GgufError::reading(path))?;
        let header = Header::parse(&map).map_err(|fault| GgufError::Damaged { path: path.to_owned(), fault })?;
        Ok(Gguf { path: path.to_owned(), map, header })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Metadata and tensors.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Where a tensor lies and how it is stored.
    ///
    /// # Errors
    /// A name that is not in the file.
    pub fn info(&self, name: &str) -> Result<&Info, GgufError> {
        let missing = || GgufError::Missing { path: self.path.clone(), name: name.to_owned() };
        self.header.tensors.get(name).ok_or_else(missing)
    }

    /// Reads rows of a tensor as f32, into as many numbers as they have.
    ///
    /// # Errors
    /// An unknown tensor, rows that it does not have, room of another size, or a type that is not read.
    pub fn read(&self, name: &str, rows: Range<usize>, into: &mut [f32]) -> Result<(), GgufError> {
        let info = self.info(name)?;
        let wrong = || GgufError::Rows {
            name: name.to_owned(),
            from: rows.start,
            to: rows.end,
            rows: info.rows(),
            width: info.width(),
            room: into.len(),
        };
        let count = rows.end.checked_sub(rows.start).filter(|_| rows.end <= info.rows()).ok_or_else(wrong)?;
        if count.checked_mul(info.width()) != Some(into.len()) {
            return Err(wrong());
        }
        let unsupported = || GgufError::Unsupported { name: name.to_owned(), kind: info.kind.name() };
        let start = info.bytes.start + rows.start * info.row_bytes();
        let bytes = &self.map[start..start + count * info.row_bytes()];
        if dequantise(info.kind, bytes, into) { Ok(()) } else { Err(unsupported()) }
    }

    /// Reads a whole tensor as f32, in pieces of about `room` numbers (one row at least), which are given to `see` with the
    /// number of their first row. What has been read is given back, so the process holds one piece, whatever the file's size.
    ///
    /// # Errors
    /// As [`Gguf::read`], and those of `see`.
    pub fn stream<E: From<GgufError>>(
        &self,
        name: &str,
        room: usize,
        mut see: impl FnMut(usize, &[f32]) -> Result<(), E>,
    ) -> Result<(), E> {
        let info = self.info(name)?;
        let (rows, width) = (info.rows(), info.width());
        let step = (room / width.max(1)).max(1);
        let mut piece = vec![0.0; step.min(rows) * width];
        for first in (0..rows).step_by(step) {
            let last = rows.min(first + step);
            let piece = &mut piece[..(last - first) * width];
            self.read(name, first..last, piece)?;
            see(first, piece)?;
            self.give_back(info.bytes.start + first * info.row_bytes()..info.bytes.start + last * info.row_bytes());
        }
        Ok(())
    }

    fn give_back(&self, range: Range<usize>) {
        // SAFETY: the map is private and never written to, so the pages' contents are those of the file and come back from it.
        let given = unsafe { self.map.unchecked_advise_range(UncheckedAdvice::DontNeed, range.start, range.len()) };
        // It only saves memory; a system that refuses reads the same numbers.
        let _ = given;
    }
}

/// Stored blocks to f32; false for a type that is not read. Whole blocks are converted, as many as both sides hold.
///
/// ```
/// use longlab::lm::gguf::{Kind, dequantise};
/// // One block of Q8_0: the scale 0.5 as a half float, then 32 signed bytes.
/// let mut block = vec![0x00, 0x38];
/// block.extend((0..32).map(|q| (q - 16i8) as u8));
/// let mut numbers = [0.0; 32];
/// assert!(dequantise(Kind::Q8_0, &block, &mut numbers));
/// assert_eq!(numbers[..3], [-8.0, -7.5, -7.0]);
/// ```
pub fn dequantise(kind: Kind, bytes: &[u8], into: &mut [f32]) -> bool {
    match kind {
        Kind::F32 => plain(bytes, into, f32::from_le_bytes),
        Kind::F16 => plain(bytes, into, half),
        Kind::Bf16 => plain(bytes, into, upper_half),
        Kind::Q4_0 => blocks(bytes, into, q4_0),
        Kind::Q4_1 => blocks(bytes, into, q4_1),
        Kind::Q5_0 => blocks(bytes, into, q5_0),
        Kind::Q5_1 => blocks(bytes, into, q5_1),
        Kind::Q8_0 => blocks(bytes, into, q8_0),
        Kind::Q4K => blocks(bytes, into, q4_k),
        Kind::Q5K => blocks(bytes, into, q5_k),
        Kind::Q6K => blocks(bytes, into, q6_k),
        Kind::Other(_) => return false,
    }
    true
}

fn plain<const N: usize>(bytes: &[u8], into: &mut [f32], number: impl Fn([u8; N]) -> f32) {
    for (x, &bytes) in into.iter_mut().zip(bytes.as_chunks::<N>().0) {
        *x = number(bytes);
    }
}

fn blocks<const N: usize, const B: usize>(bytes: &[u8], into: &mut [f32], block: impl Fn(&[u8; N], &mut [f32; B])) {
    for (bytes, out) in bytes.as_chunks::<N>().0.iter().zip(into.as_chunks_mut::<B>().0) {
        block(bytes, out);
    }
}
