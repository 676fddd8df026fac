//! Rows of a matrix into tiles, as either operand of a product.

use super::Values;
use super::isa::{self, Isa, Tile};
use super::plan::Format;

/// Rows on their way into tiles.
#[derive(Default)]
pub(super) struct Source {
    rest: Vec<f32>,
    pieces: Vec<u16>,
}

/// At least `length` elements.
pub(super) fn room<T: Clone>(buffer: &mut Vec<T>, length: usize, fill: T) -> &mut [T] {
    if buffer.len() < length {
        buffer.resize(length, fill);
    }
    &mut buffer[..length]
}

/// Rows `from..to` of a matrix, as tiles of a left operand with as many rows (the sum runs along a row). Mirrored, they
/// are a right operand with as many columns. Missing rows and columns are 0.
pub(super) struct Rows<'a> {
    pub values: Values<'a>,
    pub width: usize,
    pub wide: usize,
    pub from: usize,
    pub to: usize,
}

impl Rows<'_> {
    /// As pieces of 16-bit numbers: row by row, calls `put(row, piece, numbers)`.
    fn halves(&self, isa: Isa, format: Format, source: &mut Source, mut put: impl FnMut(usize, usize, &[u16])) {
        for (at, row) in (self.from..self.to).enumerate() {
            let range = row * self.width..(row + 1) * self.width;
            match self.values {
                Values::Bf16(values) => put(at, 0, &values[range]),
                Values::F32(values) => {
                    source.rest.clear();
                    source.rest.extend_from_slice(&values[range]);
                    let piece = room(&mut source.pieces, self.width, 0);
                    for number in 0..format.pieces() {
                        isa::split(isa, &mut source.rest, piece);
                        put(at, number, piece);
                    }
                }
            }
        }
    }

    /// Left tiles: 16 rows by the width.
    pub(super) fn along(&self, isa: Isa, format: Format, source: &mut Source, outer: usize, tiles: &mut [Tile]) {
        let depth = self.wide / format.depth();
        let size = outer * depth;
        if self.to - self.from < 16 * outer || self.width < self.wide {
            tiles[..size * format.pieces()].fill(Tile::ZERO);
        }
        if let (Format::F32, Values::F32(values)) = (format, self.values) {
            for (at, row) in (self.from..self.to).enumerate() {
                for (tile, part) in
                    tiles[at / 16 * depth..].iter_mut().zip(values[row * self.width..][..self.width].chunks(16))
                {
                    put_f32(part, at % 16, tile);
                }
            }
            return;
        }
        self.halves(isa, format, source, |at, piece, row| {
            isa::copy_pairs(isa, row, at % 16, &mut tiles[piece * size + at / 16 * depth..][..depth]);
        });
    }

    /// Right tiles: the sum runs over rows, `deep` of them with padding.
    pub(super) fn across(&self, isa: Isa, format: Format, source: &mut Source, deep: usize, tiles: &mut [Tile]) {
        let depth = deep / format.depth();
        let size = self.wide / 16 * depth;
        if self.to - self.from < deep || self.width < self.wide {
            tiles[..size * format.pieces()].fill(Tile::ZERO);
        }
        if let (Format::F32, Values::F32(values)) = (format, self.values) {
            for (at, row) in (self.from..self.to).enumerate() {
                let parts = values[row * self.width..][..self.width].chunks(16);
                for (tile, part) in tiles[at / 16..].iter_mut().step_by(depth).zip(parts) {
                    put_f32(part, at % 16, tile);
                }
            }
            return;
        }
        // Two rows make one row of pairs; the first waits for the second, and 0 follows an odd last one.
        let mut waiting = vec![0u16; self.width * format.pieces()];
        let count = self.to - self.from;
        let none = vec![0u16; self.width];
        self.halves(isa, format, source, |at, piece, row| {
            let held = &mut waiting[piece * self.width..][..self.width];
            let place = &mut tiles[piece * size + at / 32..(piece + 1) * size];
            if at % 2 == 1 {
                isa::interleave(isa, [held, row], at % 32 / 2, depth, place);
            } else if at + 1 == count {
                isa::interleave(isa, [row, &none], at % 32 / 2, depth, place);
            } else {
                held.copy_from_slice(row);
            }
        });
    }
}

pub(super) fn put_f32(part: &[f32], row: usize, tile: &mut Tile) {
    for (out, value) in tile.0[16 * row..].iter_mut().zip(part) {
        *out = value.to_bits();
    }
}
