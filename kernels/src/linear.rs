//! Products with a matrix that stays: y = x W^T for the weights W [outputs, width] of a layer and rows x [rows, width].
//!
//! The matrix is packed once, in bf16; rows are rounded to bf16, products are summed in f32. A row's result is the same to the last bit
//! whatever rows stand beside it and whoever computes which panel: what a language model answers to one request does not depend on the
//! others that it serves. With few rows the time is that of reading the matrix once, with many that of the products.
//!
//! ```
//! use longlab_kernels::head::Isa;
//! use longlab_kernels::linear::{Left, Matrix, Region};
//! // Two outputs over three inputs.
//! let weights: [[f32; 3]; 2] = [[1.0, 0.0, 2.0], [0.5, -1.0, 0.0]];
//! let matrix = Matrix::new(2, 3, Isa::best(), |output, row| row.copy_from_slice(&weights[output]));
//! let left = Left::new(&[1.0, 2.0, 3.0, 0.0, 1.0, 0.0], 3, Isa::best());
//! let mut out = [0.0; 4];
//! matrix.product(&left, 0, Region::new(&mut out, 2));
//! assert_eq!(out, [7.0, -1.5, 0.0, -1.0]);
//! let mut row = [0.0; 3];
//! matrix.row(1, &mut row);
//! assert_eq!(row, [0.5, -1.0, 0.0]);
//! ```

use crate::head::Isa;
use crate::head::isa::{self, Dword, Lines, Packed, Reach, Row, Tile};
use crate::head::lanes;
use std::cell::RefCell;

pub use crate::head::isa::Region;

/// Outputs of a panel.
pub const PANEL: usize = 32;

/// Inputs in one tile of the sum.
const DEEP: usize = 32;

/// Panels whose results still lie in the second-level cache when they are put in their places.
const PANELS: usize = 16;

thread_local! {
    static ROOM: RefCell<Vec<Row>> = const { RefCell::new(Vec::new()) };
}

/// A packed matrix.
pub struct Matrix {
    tiles: Vec<Tile>,
    outputs: usize,
    width: usize,
    isa: Isa,
}

impl Matrix {
    /// Packs `outputs` rows of `width` numbers each, which `read` gives one by one in order.
    ///
    /// # Panics
    /// Without outputs or width, or on an instruction set that this machine does not have.
    pub fn new(outputs: usize, width: usize, isa: Isa, mut read: impl FnMut(usize, &mut [f32])) -> Matrix {
        assert!(outputs > 0 && width > 0, "a matrix of {outputs} x {width}");
        let depth = width.div_ceil(DEEP);
        let mut tiles = vec![Tile::ZERO; outputs.div_ceil(PANEL) * 2 * depth];
        let (mut row, mut halves) = (vec![0.0; width], vec![0; width]);
        for output in 0..outputs {
            read(output, &mut row);
            isa::round(isa, &mut halves, &row);
            isa::copy_pairs(isa, &halves, output % 16, &mut tiles[output / 16 * depth..][..depth]);
        }
        tiles.iter_mut().for_each(|tile| isa::transpose(isa, tile));
        Matrix { tiles, outputs, width, isa }
    }

    /// Rows of the matrix.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Numbers in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Panels of [`PANEL`] outputs; the last one's missing outputs are 0.
    pub fn panels(&self) -> usize {
        self.outputs.div_ceil(PANEL)
    }

    /// Bytes that the packed matrix takes.
    pub fn bytes(&self) -> usize {
        size_of_val(self.tiles.as_slice())
    }

    /// Products of the rows of `left` with the outputs from panel `first` on, as many as `out` has columns: it has a row for each row of
    /// `left`, and whole panels unless it reaches the last output.
    ///
    /// # Panics
    /// If `left` has another width or was packed for another instruction set, `out` has other rows, or goes beyond the last output.
    pub fn product(&self, left: &Left, first: usize, mut out: Region<'_>) {
        assert_eq!((left.width, out.rows()), (self.width, left.rows), "one width, a row for each row");
        let end = first * PANEL + out.columns();
        assert!(end == self.outputs || end < self.outputs && out.columns().is_multiple_of(PANEL), "whole panels");
        let (whole, panels) = (out.columns() / PANEL, out.columns().div_ceil(PANEL));
        if !isa::widens(self.isa) {
            for from in (0..panels).step_by(PANELS) {
                self.strips(left, first + from, PANELS.min(panels - from), from * PANEL, &mut out);
            }
            return;
        }
        if whole > 0 {
            left.lines.multiply(self.isa, self.columns(first, whole), &mut out, false, Reach::All);
        }
        if whole < panels {
            ROOM.with_borrow_mut(|room| {
                room.resize(room.len().max(left.rows), Row::ZERO);
                let right = self.columns(first + whole, 1);
                let mut strip = Region::of_strips(&mut room[..left.rows], 1);
                left.lines.multiply(self.isa, right, &mut strip, false, Reach::All);
                gather(room, left.rows, whole * PANEL, &mut out);
            });
        }
    }

    /// Some panels, through strips, into the columns from `column` on.
    fn strips(&self, left: &Left, first: usize, panels: usize, column: usize, out: &mut Region<'_>) {
        ROOM.with_borrow_mut(|room| {
            let (packed, rows) = left.packed();
            let height = left.height();
            room.resize(room.len().max(panels * height), Row::ZERO);
            let room = &mut room[..panels * height];
            isa::multiply_first(self.isa, Dword::Bf16, rows, packed, self.columns(first, panels), room, false);
            gather(room, height, column, out);
        });
    }

    /// Right tiles of some panels.
    fn columns(&self, first: usize, panels: usize) -> Packed<'_> {
        let depth = self.width.div_ceil(DEEP);
        Packed::new(&self.tiles[2 * depth * first..2 * depth * (first + panels)], 2 * panels, depth)
    }

    /// One row of the matrix, as it was rounded.
    ///
    /// # Panics
    /// Beyond the last output, or with room of another size than the width.
    pub fn row(&self, output: usize, into: &mut [f32]) {
        assert!(output < self.outputs && into.len() == self.width, "row {output} of {} x {}", self.outputs, self.width);
        let depth = self.width.div_ceil(DEEP);
        let tiles = &self.tiles[output / 16 * depth..][..depth];
        for (at, value) in into.iter_mut().enumerate() {
            let pair = tiles[at / DEEP].0[at % DEEP / 2 * 16 + output % 16];
            *value = lanes::widen((if at % 2 == 0 { pair } else { pair >> 16 }) as u16);
        }
    }
}

/// Rows packed to be multiplied with matrices.
#[derive(Default)]
pub struct Left {
    tiles: Vec<Tile>,
    halves: Vec<u16>,
    /// In place of tiles where the instruction set widens.
    pub(crate) lines: Lines,
    rows: usize,
    width: usize,
}

impl Left {
    /// Packs the rows of x [rows, width], rounded to bf16.
    ///
    /// # Panics
    /// If x is empty or no whole number of rows.
    pub fn new(x: &[f32], width: usize, isa: Isa) -> Left {
        let mut left = Left::default();
        left.pack(x, width, isa);
        left
    }

    /// [`Left::new`] in place.
    ///
    /// # Panics
    /// As [`Left::new`].
    pub fn pack(&mut self, x: &[f32], width: usize, isa: Isa) {
        assert!(!x.is_empty() && width > 0 && x.len().is_multiple_of(width), "whole rows");
        (self.rows, self.width) = (x.len() / width, width);
        self.tiles.clear();
        if isa::widens(isa) {
            return self.lines.pack(isa, x, width);
        }
        self.lines.size(0, 0);
        let depth = width.div_ceil(DEEP);
        self.tiles.resize(self.height() / 16 * depth, Tile::ZERO);
        self.halves.resize(width, 0);
        for (at, row) in x.chunks_exact(width).enumerate() {
            isa::round(isa, &mut self.halves, row);
            isa::copy_pairs(isa, &self.halves, at % 16, &mut self.tiles[at / 16 * depth..][..depth]);
        }
    }

    /// The operand in tiles, and how many rows of it count.
    pub(crate) fn packed(&self) -> (Packed<'_>, usize) {
        (Packed::new(&self.tiles, self.height() / 16, self.width.div_ceil(DEEP)), self.rows)
    }

    /// Rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Rows with padding: strips of a panel.
    pub(crate) fn height(&self) -> usize {
        self.rows.next_multiple_of(32)
    }
}

/// Puts panels of `height` strips each into the columns from `column` on.
fn gather(strips: &[Row], height: usize, column: usize, out: &mut Region<'_>) {
    for row in 0..out.rows() {
        let strips = strips.iter().skip(row).step_by(height);
        for (into, strip) in out.row(row)[column..].chunks_mut(PANEL).zip(strips) {
            into.copy_from_slice(&strip.0[..into.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, seed: u64) -> Vec<f32> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / 8_388_608.0 - 1.0
        };
        (0..count).map(|_| next()).collect()
    }

    fn round(x: f32) -> f64 {
        f64::from(lanes::widen(lanes::bf16(x)))
    }

    fn product(matrix: &Matrix, x: &[f32]) -> Vec<Vec<f32>> {
        let left = Left::new(x, matrix.width(), matrix.isa);
        let mut out = vec![f32::NAN; left.rows() * matrix.outputs()];
        matrix.product(&left, 0, Region::new(&mut out, matrix.outputs()));
        out.chunks_exact(matrix.outputs()).map(<[f32]>::to_vec).collect()
    }

    fn available() -> impl Iterator<Item = Isa> {
        Isa::ALL.into_iter().filter(|isa| isa.available())
    }

    #[test]
    fn every_instruction_set_gives_the_products_of_the_rounded_numbers() {
        for (rows, outputs, width) in [(1, 1, 1), (3, 40, 70), (33, 64, 576), (16, 17, 33), (150, 33, 700)] {
            let (x, w) = (numbers(rows * width, 1), numbers(outputs * width, 2));
            for isa in available() {
                let matrix = Matrix::new(outputs, width, isa, |at, row| row.copy_from_slice(&w[at * width..][..width]));
                for (row, values) in product(&matrix, &x).iter().enumerate() {
                    for (output, &value) in values.iter().enumerate() {
                        let terms = (0..width).map(|k| round(x[row * width + k]) * round(w[output * width + k]));
                        let (exact, size) = terms.fold((0.0, 0.0), |(sum, size), t| (sum + t, size + f64::abs(t)));
                        let error = (f64::from(value) - exact).abs();
                        assert!(error <= 1e-6 * size * (width as f64).sqrt(), "{isa:?}: {value} for {exact}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_row_has_the_same_bits_alone_and_in_any_company_and_panels_may_be_shared_out() {
        for (outputs, width, rows) in [(100, 90, 50), (70, 700, 150)] {
            let (w, x) = (numbers(outputs * width, 3), numbers(rows * width, 4));
            for isa in available() {
                let matrix = Matrix::new(outputs, width, isa, |at, row| row.copy_from_slice(&w[at * width..][..width]));
                let all = product(&matrix, &x);
                for row in [0, 7, 31, 32, 49, rows - 1] {
                    assert_eq!(product(&matrix, &x[row * width..][..width])[0], all[row], "{isa:?} row {row}");
                }
                // Every number of rows that a block of products may have.
                for count in 2..14 {
                    let few = product(&matrix, &x[20 * width..][..count * width]);
                    assert_eq!(few, all[20..20 + count], "{isa:?} {count} rows");
                }
                let left = Left::new(&x, width, isa);
                let mut parts = vec![f32::NAN; rows * outputs];
                let mut rest = Region::new(&mut parts, outputs);
                for panel in 0..matrix.panels() {
                    let (part, after) = rest.split_columns(PANEL.min(outputs - panel * PANEL));
                    matrix.product(&left, panel, part);
                    rest = after;
                }
                assert_eq!(parts, all.concat(), "{isa:?}");
            }
        }
    }

    #[test]
    fn rows_come_back_as_they_were_rounded() {
        let w = numbers(37 * 45, 5);
        let matrix = Matrix::new(37, 45, Isa::best(), |at, row| row.copy_from_slice(&w[at * 45..][..45]));
        let mut row = vec![0.0; 45];
        for output in [0, 15, 16, 36] {
            matrix.row(output, &mut row);
            let expected: Vec<f32> = w[output * 45..][..45].iter().map(|&x| round(x) as f32).collect();
            assert_eq!(row, expected);
        }
    }
}
