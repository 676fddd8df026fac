//! Keys and values in memory.

use super::{PANELS, POSITIONS};
use crate::head::isa::{self, GROUP, Tile};
use crate::head::lanes;

/// Tiles that are fetched before they are needed: the products fetch the others themselves.
const FETCH: usize = 8;

/// Keys and values of one head at [`POSITIONS`] neighbouring positions.
#[derive(Clone)]
pub struct Page {
    /// Right tiles of the scores: the sum runs over the width, a column is a key.
    pub(super) keys: Vec<Tile>,
    /// Right tiles of the output: the sum runs over positions, a column is a number of the values.
    pub(super) values: Vec<Tile>,
    pub(super) width: usize,
}

impl Page {
    /// An empty page for heads of `width` numbers.
    ///
    /// # Panics
    /// Without width.
    pub fn new(width: usize) -> Page {
        assert!(width > 0, "heads have a width");
        let (keys, values) = (2 * PANELS * width.div_ceil(32), 2 * width.div_ceil(32) * PANELS);
        Page { keys: vec![Tile::ZERO; keys], values: vec![Tile::ZERO; values], width }
    }

    /// Bytes of a page.
    pub fn bytes(&self) -> usize {
        size_of_val(self.keys.as_slice()) + size_of_val(self.values.as_slice())
    }

    /// Fetches what a product with the values begins with. Where many rows share a page, waiting for it costs little.
    pub(super) fn fetch_values(&self, rows: usize) {
        if rows <= GROUP {
            isa::fetch(&self.values[..FETCH.min(self.values.len())]);
        }
    }

    /// Fetches what a product with the keys begins with.
    pub(super) fn fetch_keys(&self, rows: usize) {
        if rows <= GROUP {
            isa::fetch(&self.keys[..FETCH.min(self.keys.len())]);
        }
    }

    /// Puts key and value of a position of this page (0 to [`POSITIONS`] - 1), rounded to bf16.
    ///
    /// # Panics
    /// Beyond the page, or for another width.
    pub fn put(&mut self, at: usize, key: &[f32], value: &[f32]) {
        assert!(at < POSITIONS && key.len() == self.width && value.len() == self.width, "one head at one position");
        let depth = self.width.div_ceil(32);
        for (tile, key) in self.keys[at / 16 * depth..].iter_mut().zip(key.chunks(32)) {
            for (dwords, pair) in tile.0.chunks_exact_mut(16).zip(key.chunks(2)) {
                dwords[at % 16] = pair.iter().rev().fold(0, |dword, &key| dword << 16 | u32::from(lanes::bf16(key)));
            }
        }
        let (keep, shift) = if at % 2 == 1 { (0xffff, 16) } else { (0xffff_0000, 0) };
        for (tile, value) in self.values[at / 32..].iter_mut().step_by(PANELS).zip(value.chunks(16)) {
            for (dword, &value) in tile.0[at % 32 / 2 * 16..].iter_mut().zip(value) {
                *dword = *dword & keep | u32::from(lanes::bf16(value)) << shift;
            }
        }
    }
}
