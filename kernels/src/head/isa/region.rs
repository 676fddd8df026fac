//! Rectangles of a matrix.

use super::Row;
use std::marker::PhantomData;

/// A rectangle of a matrix in memory. Its parts can be written by several threads.
///
/// ```
/// use longlab_kernels::linear::Region;
/// let mut values = [0.0; 6];
/// let (mut left, mut right) = Region::new(&mut values, 3).split_columns(1);
/// left.row(1).fill(1.0);
/// right.row(0).fill(2.0);
/// assert_eq!(values, [0.0, 2.0, 2.0, 1.0, 0.0, 0.0]);
/// ```
pub struct Region<'a> {
    at: *mut f32,
    rows: usize,
    columns: usize,
    /// Numbers from one row to the next.
    stride: usize,
    of: PhantomData<&'a mut [f32]>,
}

// SAFETY: nothing else reaches the numbers of a region, as with `&mut [f32]`.
unsafe impl Send for Region<'_> {}

impl<'a> Region<'a> {
    /// All of a matrix with so many columns, row after row.
    ///
    /// # Panics
    /// Without columns, or if the values are no whole rows.
    pub fn new(values: &'a mut [f32], columns: usize) -> Region<'a> {
        assert!(columns > 0 && values.len().is_multiple_of(columns), "whole rows");
        Region { rows: values.len() / columns, columns, stride: columns, at: values.as_mut_ptr(), of: PhantomData }
    }

    /// Rows of `panels` strips each.
    pub(crate) fn of_strips(strips: &'a mut [Row], panels: usize) -> Region<'a> {
        assert!(panels > 0 && strips.len().is_multiple_of(panels), "whole rows");
        let (rows, columns) = (strips.len() / panels, 32 * panels);
        Region { rows, columns, stride: columns, at: strips.as_mut_ptr().cast(), of: PhantomData }
    }

    /// Its rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Its columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// One row.
    ///
    /// # Panics
    /// Beyond the last.
    pub fn row(&mut self, row: usize) -> &mut [f32] {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        // SAFETY: the row lies in the matrix, and only this region reaches its columns.
        unsafe { std::slice::from_raw_parts_mut(self.at.add(row * self.stride), self.columns) }
    }

    /// The columns before `at`, and those from there on.
    ///
    /// # Panics
    /// If there are fewer.
    pub fn split_columns(self, at: usize) -> (Region<'a>, Region<'a>) {
        assert!(at <= self.columns, "column {at} of {}", self.columns);
        let right = Region { at: self.at.wrapping_add(at), columns: self.columns - at, ..self };
        (Region { columns: at, ..self }, right)
    }

    /// The rows before `at`, and those from there on.
    ///
    /// # Panics
    /// If there are fewer.
    pub fn split_rows(self, at: usize) -> (Region<'a>, Region<'a>) {
        assert!(at <= self.rows, "row {at} of {}", self.rows);
        let below = Region { at: self.at.wrapping_add(at * self.stride), rows: self.rows - at, ..self };
        (Region { rows: at, ..self }, below)
    }

    /// The first number, and numbers from one row to the next.
    pub(super) fn start(&mut self) -> (*mut f32, usize) {
        (self.at, self.stride)
    }
}
