//! Work shared out to threads. Who does what changes no result.

use super::awake::Threads;
use longlab_kernels::head::Isa;
use longlab_kernels::linear::{Left, Matrix, PANEL, Region};

/// Rows that are shared out in blocks; with fewer, the panels of each matrix are shared out instead.
const ROWS: usize = 96;

/// Rows of a block: those that a thread takes through a layer while their activations stay in its caches.
const BLOCK: usize = 128;

/// Numbers that are worth more than one thread.
const NUMBERS: usize = 1 << 13;

/// Parts of a product for each thread: one that was late to start takes less.
const PARTS: usize = 10;

/// Some threads.
pub(super) struct Team {
    threads: Threads,
    isa: Isa,
}

/// Those that do something together: all threads of a team, or one alone.
#[derive(Clone, Copy)]
pub(super) struct Crew<'a> {
    threads: Option<&'a Threads>,
    pub isa: Isa,
}

impl Team {
    /// A team of `threads` threads.
    pub(super) fn new(threads: usize) -> std::io::Result<Team> {
        Ok(Team { threads: Threads::new(threads)?, isa: Isa::best() })
    }

    /// All of them.
    pub(super) fn crew(&self) -> Crew<'_> {
        Crew { threads: Some(&self.threads), isa: self.isa }
    }

    /// Rows of a block, and who works on it: each thread on its own, or, where there are few rows, all on a single block.
    pub(super) fn blocks(&self, rows: usize) -> (usize, Crew<'_>) {
        let threads = self.threads.count();
        if rows < ROWS || threads == 1 && rows <= BLOCK {
            return (rows, self.crew());
        }
        let count = rows.div_ceil(BLOCK).next_multiple_of(threads);
        (rows.div_ceil(count), Crew { threads: None, ..self.crew() })
    }
}

impl Crew<'_> {
    /// Does the work with each part.
    pub(super) fn each<T: Send>(self, parts: impl IntoIterator<Item = T>, work: impl Fn(T) + Sync) {
        match self.threads {
            Some(threads) => threads.each(parts, work),
            None => parts.into_iter().for_each(work),
        }
    }

    fn count(self) -> usize {
        self.threads.map_or(1, Threads::count)
    }

    /// x W^T of rows x for each matrix into each of `outs`, row after row.
    pub(super) fn products<const M: usize>(
        self,
        left: &mut Left,
        x: &[f32],
        matrices: [&Matrix; M],
        outs: [&mut [f32]; M],
    ) {
        left.pack(x, matrices[0].width(), self.isa);
        let (left, regions) = (&*left, matrices.into_iter().zip(outs));
        let regions = regions.map(|(matrix, out)| (matrix, Region::new(out, matrix.outputs())));
        if self.count() == 1 {
            return regions.for_each(|(matrix, out)| matrix.product(left, 0, out));
        }
        let panels: usize = matrices.iter().map(|matrix| matrix.panels()).sum();
        // Whole pairs of panels, since those may be computed together.
        let part = panels.div_ceil(PARTS * self.count()).next_multiple_of(2);
        let mut parts = Vec::new();
        for (matrix, mut rest) in regions {
            for first in (0..matrix.panels()).step_by(part) {
                let columns = (part * PANEL).min(rest.columns());
                let (own, after) = rest.split_columns(columns);
                parts.push((matrix, first, own));
                rest = after;
            }
        }
        self.each(parts, |(matrix, first, out)| matrix.product(left, first, out));
    }

    /// Calls `work` with the number of each row and the row; in parallel where there are many.
    pub(super) fn each_row(self, x: &mut [f32], width: usize, work: impl Fn(usize, &mut [f32]) + Sync) {
        let rows = x.len() / width;
        let part = if x.len() < NUMBERS { rows } else { rows.div_ceil(2 * self.count()) }.max(1);
        self.each(x.chunks_mut(part * width).enumerate(), |(at, some)| {
            some.chunks_exact_mut(width).enumerate().for_each(|(row, x)| work(at * part + row, x));
        });
    }
}
