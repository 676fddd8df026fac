//! Products with a matrix that stays: y = x W^T for the weights W [outputs, width] of a layer and rows x [rows, width].
//!
//! The matrix is packed once, in bf16; rows are rounded to bf16, products are summed in f32. A row's result is the same to the last bit
//! whatever rows stand beside it and whoever computes which panel: what a language model answers to one request does not depend on the
//! others that it serves. With few rows the time is that of reading the matrix once, with many that of the products.
//!
//! ```
//! use longlab_kernels::head::Isa;
//! use longlab_kernels::linear::{Left, Matrix, Strip};
//! // Two outputs over three inputs.
//! let weights: [[f32; 3]; 2] = [[1.0, 0.0, 2.0], [0.5, -1.0, 0.0]];
//! let matrix = Matrix::new(2, 3, Isa::best(), |output, row| row.copy_from_slice(&weights[output]));
//! let left = Left::new(&[1.0, 2.0, 3.0, 0.0, 1.0, 0.0], 3, Isa::best());
//! let mut out = vec![Strip::default(); matrix.panels() * left.height()];
//! matrix.product(&left, 0, &mut out);
//! assert_eq!((out[0].0[0], out[0].0[1]), (7.0, -1.5));
//! assert_eq!((out[1].0[0], out[1].0[1]), (0.0, -1.0));
//! let mut row = [0.0; 3];
//! matrix.row(1, &mut row);
//! assert_eq!(row, [0.5, -1.0, 0.0]);
//! ```

use crate::head::Isa;
use crate::head::isa::{self, Dword, Packed, Tile};
use crate::head::lanes;

/// One row's results in one panel: 32 neighbouring outputs.
pub use crate::head::isa::Row as Strip;

/// Outputs of a panel.
pub const PANEL: usize = 32;

/// Inputs in one tile of the sum.
const DEEP: usize = 32;

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

    /// The panels from `first` on, as many as `out` has room for: of each panel [`Left::height`] strips, one a row of `left`.
    ///
    /// # Panics
    /// If `left` has another width, `out` is not whole panels, or goes beyond the last one.
    pub fn product(&self, left: &Left, first: usize, out: &mut [Strip]) {
        assert_eq!(left.width, self.width, "one width");
        assert!(out.len().is_multiple_of(left.height()), "whole panels");
        let (depth, panels) = (self.width.div_ceil(DEEP), out.len() / left.height());
        let tiles = &self.tiles[2 * depth * first..2 * depth * (first + panels)];
        let right = Packed::new(tiles, 2 * panels, depth);
        let (packed, rows) = left.packed();
        isa::multiply_first(self.isa, Dword::Bf16, rows, packed, right, out, false);
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
        let depth = width.div_ceil(DEEP);
        self.tiles.clear();
        self.tiles.resize(self.height() / 16 * depth, Tile::ZERO);
        self.halves.resize(width, 0);
        for (at, row) in x.chunks_exact(width).enumerate() {
            isa::round(isa, &mut self.halves, row);
            isa::copy_pairs(isa, &self.halves, at % 16, &mut self.tiles[at / 16 * depth..][..depth]);
        }
    }

    /// The operand, and how many rows of it count.
    pub(crate) fn packed(&self) -> (Packed<'_>, usize) {
        (Packed::new(&self.tiles, self.height() / 16, self.width.div_ceil(DEEP)), self.rows)
    }

    /// Rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Rows with padding: strips of a panel.
    pub fn height(&self) -> usize {
        self.rows.next_multiple_of(32)
    }
}

/// Copies row `row` out of panels of `height` strips each, as many numbers as `into` has.
///
/// # Panics
/// If the panels hold fewer.
pub fn gather(strips: &[Strip], height: usize, row: usize, into: &mut [f32]) {
    let mut strips = strips.iter().skip(row).step_by(height);
    let (whole, rest) = into.as_chunks_mut::<PANEL>();
    let missing = "as many panels as numbers";
    whole.iter_mut().for_each(|into| *into = strips.next().expect(missing).0);
    if !rest.is_empty() {
        rest.copy_from_slice(&strips.next().expect(missing).0[..rest.len()]);
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
        let mut out = vec![Strip([f32::NAN; 32]); matrix.panels() * left.height()];
        matrix.product(&left, 0, &mut out);
        let rows = 0..left.rows();
        rows.map(|row| {
            let mut values = vec![0.0; matrix.outputs()];
            gather(&out, left.height(), row, &mut values);
            values
        })
        .collect()
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
                let mut parts = vec![Strip::default(); matrix.panels() * left.height()];
                for (panel, part) in parts.chunks_mut(left.height()).enumerate() {
                    matrix.product(&left, panel, part);
                }
                let mut row = vec![0.0; outputs];
                gather(&parts, left.height(), 49, &mut row);
                assert_eq!(row, all[49], "{isa:?}");
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
