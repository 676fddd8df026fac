//! Left sides of products that are held in f32, where there is no instruction for bf16.

use super::{Isa, Packed, Region, Row};

/// Rows that are computed together.
pub(crate) const GROUP: usize = 12;

/// Whether left sides are held in [`Lines`] on this instruction set.
pub(crate) fn widens(isa: Isa) -> bool {
    cfg!(target_arch = "x86_64") && isa == Isa::Avx512
}

/// Rows of numbers that bf16 has, in f32: groups of [`GROUP`] rows (the last of what is left), in each tile after tile of 32 numbers, in
/// each row after row.
#[derive(Default)]
pub(crate) struct Lines {
    lines: Vec<Row>,
    rows: usize,
    depth: usize,
}

/// How far groups of rows reach.
#[derive(Clone, Copy)]
pub(crate) enum Reach<'a> {
    /// All of them everywhere.
    All,
    /// Each group to so many panels; beyond them nothing is written.
    Panels(&'a [usize]),
    /// Each group to so many tiles of the sum, of which what follows is 0; for sums onto what is there.
    Depth(&'a [usize]),
}

impl Lines {
    /// Makes room for `rows` rows of `depth` tiles; what they hold is not said.
    pub(crate) fn size(&mut self, rows: usize, depth: usize) {
        (self.rows, self.depth) = (rows, depth);
        if self.lines.len() < rows * depth {
            self.lines.resize(rows * depth, Row::ZERO);
        }
    }

    /// The lines from the first tile of a row on, and how many there are from one of its tiles to the next.
    pub(crate) fn row(&mut self, row: usize) -> (&mut [Row], usize) {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        let group = row / GROUP * GROUP;
        (&mut self.lines[group * self.depth + row - group..self.rows * self.depth], GROUP.min(self.rows - group))
    }

    /// Rounds the rows of x [rows, width].
    pub(crate) fn pack(&mut self, isa: Isa, x: &[f32], width: usize) {
        self.size(x.len() / width, width.div_ceil(32));
        for (at, row) in x.chunks_exact(width).enumerate() {
            let (lines, step) = self.row(at);
            super::rounded(isa, row, lines, step);
        }
    }

    /// out = self right, or out += self right: whole panels of 32 columns.
    pub(crate) fn multiply(&self, isa: Isa, right: Packed<'_>, out: &mut Region<'_>, add: bool, reach: Reach<'_>) {
        assert!(widens(isa) && isa.available(), "{isa:?} on this machine");
        assert!(self.depth == right.depth && self.lines.len() >= self.rows * self.depth, "one depth");
        assert!(out.rows() >= self.rows && out.columns() >= 16 * right.outer, "room for every panel");
        let groups = self.rows.div_ceil(GROUP);
        assert!(
            match reach {
                Reach::All => true,
                Reach::Panels(to) => to.len() >= groups,
                Reach::Depth(to) => add && to.len() >= groups && to.iter().all(|&to| to <= self.depth),
            },
            "every group reaches somewhere"
        );
        let (at, row) = out.start();
        let place = super::Spot { at, row, panel: 32 };
        #[cfg(target_arch = "x86_64")]
        // SAFETY: AVX-512 is there, the lines hold the rows, and `out` has room for every panel.
        unsafe {
            super::widened::product(&self.lines[..self.rows * self.depth], self.rows, right, place, add, reach);
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = place;
    }
}
