//! A zip archive whose entries are read within limits.

use super::text_of;
use crate::error::Fault;
use crate::{Format, Limits};
use std::io::{Cursor, Read};
use zip::ZipArchive;

pub(super) struct Archive<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    ratio_of: &'a Limits,
    /// Bytes that may still come out.
    room: u64,
}

impl<'a> Archive<'a> {
    pub fn open(bytes: &'a [u8], limits: &'a Limits) -> Result<Self, Fault> {
        let zip = ZipArchive::new(Cursor::new(bytes)).map_err(|error| Fault::damaged(Format::Epub, error))?;
        if zip.len() > limits.entries {
            return Err(Fault::Entries { entries: zip.len(), limit: limits.entries });
        }
        Ok(Archive { zip, ratio_of: limits, room: limits.inflated_bytes })
    }

    /// Whether its chapters are locked against reading (fonts alone may be obfuscated in an open book).
    pub fn is_locked(&mut self) -> bool {
        self.zip.index_for_name("META-INF/rights.xml").is_some()
    }

    /// The text of an entry.
    pub fn text(&mut self, name: &str) -> Result<String, Fault> {
        let damaged = |error: &dyn std::fmt::Display| Fault::damaged(Format::Epub, format!("{name}: {error}"));
        let entry = self.zip.by_name(name).map_err(|error| damaged(&error))?;
        let compressed = entry.compressed_size();
        let mut bytes = Vec::new();
        // What the archive says of sizes is not believed.
        let done = entry.take(self.room + 1).read_to_end(&mut bytes);
        let inflated = bytes.len() as u64;
        if self.ratio_of.is_bomb(compressed, inflated) {
            return Err(Fault::Bomb { compressed, inflated, key: "ratio" });
        }
        if inflated > self.room {
            return Err(Fault::Bomb { compressed, inflated, key: "inflated_bytes" });
        }
        self.room -= inflated;
        done.map_err(|error| damaged(&error))?;
        text_of(&bytes)
    }
}
