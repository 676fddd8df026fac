//! Rows of ranges, made a table.

use crate::document::{Cell, Table};
use crate::draft::Draft;
use std::ops::Range;

/// Columns of a table; cells further right are left out.
const COLUMNS: usize = 1000;

/// Cells that may still be read of a file, and rows that found no room.
pub(super) struct Cells {
    pub room: usize,
    pub left_out: usize,
}

/// A table while it is being read; the first row is its head.
pub(super) struct Grid {
    start: usize,
    rows: Vec<Vec<Range<usize>>>,
}

impl Grid {
    /// A table that begins at a byte.
    pub fn new(start: usize) -> Self {
        Grid { start, rows: Vec::new() }
    }

    /// Adds a row of cells.
    pub fn row(&mut self, mut cells: Vec<Range<usize>>) {
        cells.truncate(COLUMNS);
        self.rows.push(cells);
    }

    /// Puts the table into the draft if it has a head of two columns or more and a row. Short rows are filled with empty cells,
    /// long ones give the head further columns without a name. Cells that fill rows up take room too: one wide row makes many
    /// short ones wide.
    pub fn close(mut self, draft: &mut Draft, end: usize, title: &str, cells: &mut Cells) {
        let width = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        if width < 2 || self.rows.len() < 2 {
            return;
        }
        let kept = self.rows.len().min(cells.room / width);
        cells.left_out += self.rows.len() - kept;
        if kept < 2 {
            return;
        }
        cells.room -= kept * width;
        self.rows.truncate(kept);
        // An empty cell may stand before the white space in front of the first word.
        let start = self.rows.iter().flatten().map(|cell| cell.start).fold(self.start, usize::min);
        // And another behind the last.
        let end = self.rows.iter().flatten().map(|cell| cell.end).fold(end, usize::max);
        let mut rows = self.rows.iter().map(|row| filled(draft, row, width, self.start));
        let head = rows.next().unwrap_or_default();
        let rows: Vec<Vec<Cell>> = rows.collect();
        draft.tables.push(Table { title: title.to_owned(), head, rows, span: (start..end).into() });
    }
}

fn filled(draft: &Draft, row: &[Range<usize>], width: usize, start: usize) -> Vec<Cell> {
    let end = row.last().map_or(start, |last| last.end);
    let given = row.iter().cloned().map(|range| draft.cell(range));
    given.chain(std::iter::repeat_with(|| draft.cell(end..end))).take(width).collect()
}
