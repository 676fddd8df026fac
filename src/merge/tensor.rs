//! One tensor of all models: read, checked, hashed, merged.

use super::plan::{Planned, format_of};
use super::{Merge, MergeFilesError};
use crate::shards::{Entry, Shards};
use longlab_kernels::merge::{Format, MergeError, Source, Sources};
use memmap2::{Mmap, UncheckedAdvice};
use std::cell::Cell;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Bytes that are looked at, or written, at once.
const CHUNK: usize = 1 << 20;
/// Bytes after which pages that have been read are given back: they would count as memory of this process.
const KEPT: usize = 4 << 20;

/// Where the result of a tensor goes.
pub(super) struct Place<'a> {
    pub file: &'a File,
    pub path: &'a Path,
}

/// Merges one tensor into its place, and returns the hash of its bytes in each model.
pub(super) fn merge(
    whole: &Merge,
    planned: &Planned,
    place: &Place,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Vec<blake3::Hash>, MergeFilesError> {
    let tensors: Vec<Mapped> = whole.folders.iter().map(|folder| Mapped::new(folder, &planned.name)).collect();
    let look = |(number, tensor): (usize, &Mapped)| tensor.look(&whole.title(number), progress);
    let failed = |cause| MergeFilesError::Numbers { name: planned.name.clone(), cause };
    let hashes = tensors.iter().enumerate().map(look).collect::<Result<Vec<_>, _>>().map_err(failed)?;
    match planned.format {
        Some(format) => {
            let out = Out { planned, place, format, bytes: Vec::with_capacity(CHUNK + CHUNK / 8), written: 0 };
            merge_numbers(whole, &tensors, out)?;
        }
        None => copy(whole, &tensors, &hashes, planned, place)?,
    }
    Ok(hashes)
}

fn merge_numbers(whole: &Merge, tensors: &[Mapped], mut out: Out) -> Result<(), MergeFilesError> {
    let failed = |cause| MergeFilesError::Numbers { name: out.planned.name.clone(), cause };
    let (base, models) = tensors.split_at(usize::from(whole.recipe.base.is_some()));
    let base = base.first().map(|base| base as &dyn Source);
    let sources = Sources::new(base, models.iter().map(|model| model as &dyn Source).collect()).map_err(failed)?;
    let name = &out.planned.name;
    whole.recipe.numbers(name).merge(&sources, |piece| out.push(piece)).and_then(|()| out.flush()).map_err(|stop| {
        match stop {
            Stop::Numbers(cause) => MergeFilesError::Numbers { name: name.clone(), cause },
            Stop::Files(error) => *error,
        }
    })
}

/// Why a merge stopped.
enum Stop {
    Numbers(MergeError),
    Files(Box<MergeFilesError>),
}

impl From<MergeError> for Stop {
    fn from(error: MergeError) -> Stop {
        Stop::Numbers(error)
    }
}

/// What is no floating-point number is copied, and must be the same everywhere.
fn copy(
    whole: &Merge,
    tensors: &[Mapped],
    hashes: &[blake3::Hash],
    planned: &Planned,
    place: &Place,
) -> Result<(), MergeFilesError> {
    if let Some(other) = hashes.iter().position(|hash| *hash != hashes[0]) {
        return Err(MergeFilesError::Unequal {
            name: planned.name.clone(),
            dtype: planned.dtype.to_string(),
            model: whole.folders[other].path.clone(),
            first: whole.folders[0].path.clone(),
        });
    }
    place.file.write_all_at(tensors[0].all(), planned.at).map_err(MergeFilesError::writing(place.path))
}

/// The numbers of a tensor on their way into the file.
struct Out<'a> {
    planned: &'a Planned,
    place: &'a Place<'a>,
    format: Format,
    bytes: Vec<u8>,
    written: usize,
}

impl Out<'_> {
    fn push(&mut self, piece: &[f64]) -> Result<(), Stop> {
        self.format.write(piece, &mut self.bytes);
        if self.bytes.len() < CHUNK { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> Result<(), Stop> {
        if let Err(error) = self.format.finite("", self.written / self.format.size(), &self.bytes) {
            let place = if let MergeError::NotFinite { place, .. } = error { place } else { 0 };
            let (name, dtype) = (self.planned.name.clone(), self.planned.dtype.to_string());
            return Err(Stop::Files(Box::new(MergeFilesError::Overflow { name, place, dtype })));
        }
        let at = self.planned.at + self.written as u64;
        let written: io::Result<()> = self.place.file.write_all_at(&self.bytes, at);
        written.map_err(|cause| Stop::Files(Box::new(MergeFilesError::writing(self.place.path)(cause))))?;
        self.written += self.bytes.len();
        self.bytes.clear();
        Ok(())
    }
}

/// A tensor in a mapped file. Reading goes forward, from the beginning as often as wanted; what lies behind is given back.
struct Mapped<'a> {
    file: &'a Mmap,
    bytes: Range<usize>,
    format: Option<Format>,
    /// Up to here, in the file, pages have been given back since reading last began.
    behind: Cell<usize>,
}

impl<'a> Mapped<'a> {
    fn new(folder: &'a Shards, name: &str) -> Self {
        let entry: &Entry = &folder.tensors[name];
        let (file, bytes) = (folder.file(entry), entry.bytes.clone());
        Mapped { file, behind: Cell::new(bytes.start), bytes, format: format_of(entry.dtype) }
    }

    fn all(&self) -> &[u8] {
        &self.file[self.bytes.clone()]
    }

    /// Hashes the bytes and checks the numbers.
    fn look(&self, title: &str, progress: &(dyn Fn(u64) + Sync)) -> Result<blake3::Hash, MergeError> {
        let mut hasher = blake3::Hasher::new();
        for (number, chunk) in self.all().chunks(CHUNK).enumerate() {
            self.reach(self.bytes.start + number * CHUNK);
            hasher.update(chunk);
            if let Some(format) = self.format {
                format.finite(title, number * CHUNK / format.size(), chunk)?;
            }
            progress(chunk.len() as u64);
        }
        Ok(hasher.finalize())
    }

    /// Told that reading has come to a byte of the file.
    fn reach(&self, byte: usize) {
        let behind = self.behind.get();
        if byte < behind {
            self.behind.set(byte);
        } else if byte >= behind + KEPT {
            self.give_back(behind..byte);
            self.behind.set(byte);
        }
    }

    fn give_back(&self, range: Range<usize>) {
        // SAFETY: the map is private and never written to, so the pages' contents are those of the file and come back from it.
        let given = unsafe { self.file.unchecked_advise_range(UncheckedAdvice::DontNeed, range.start, range.len()) };
        // It only saves memory; a system that refuses merges the same numbers.
        let _ = given;
    }
}

impl Source for Mapped<'_> {
    fn places(&self) -> usize {
        self.bytes.len() / self.format.map_or(1, Format::size)
    }

    fn read(&self, from: usize, into: &mut [f64]) {
        let format = self.format.expect("only numbers are merged");
        let start = self.bytes.start + from * format.size();
        self.reach(start);
        format.read(&self.file[start..self.bytes.end], into);
    }
}

impl Drop for Mapped<'_> {
    fn drop(&mut self) {
        self.give_back(self.bytes.clone());
    }
}
