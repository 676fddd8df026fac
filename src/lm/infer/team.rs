//! Work shared out to threads. Who does what changes no result.

use longlab_kernels::head::Isa;
use longlab_kernels::linear::{Left, Matrix, PANEL, Region};
use rayon::prelude::*;

/// Rows that are shared out in blocks; with fewer, the panels of each matrix are shared out instead.
const ROWS: usize = 96;

/// Rows of a block: those that a thread takes through a layer while their activations stay in its caches.
const BLOCK: usize = 128;

/// Numbers that are worth more than one thread.
const NUMBERS: usize = 1 << 15;

/// Some threads.
pub(super) struct Team {
    pool: rayon::ThreadPool,
    /// All of them.
    pub crew: Crew,
}

/// Those that do something together: all threads of a team, or one alone.
#[derive(Clone, Copy)]
pub(super) struct Crew {
    threads: usize,
    pub isa: Isa,
}

impl Team {
    /// A team of `threads` threads.
    pub(super) fn new(threads: usize) -> Result<Team, rayon::ThreadPoolBuildError> {
        let threads = threads.max(1);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
        Ok(Team { pool, crew: Crew { threads, isa: Isa::best() } })
    }

    /// Does the work of a pass inside the team.
    pub(super) fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.pool.install(work)
    }

    /// Rows of a block, and who works on it: each thread on its own, or, where there are few rows, all on a single block.
    pub(super) fn blocks(&self, rows: usize) -> (usize, Crew) {
        let threads = self.crew.threads;
        if rows < ROWS || threads == 1 && rows <= BLOCK {
            return (rows, self.crew);
        }
        let count = rows.div_ceil(BLOCK).next_multiple_of(threads);
        (rows.div_ceil(count), Crew { threads: 1, ..self.crew })
    }
}

impl Crew {
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
        if self.threads == 1 {
            return regions.for_each(|(matrix, out)| matrix.product(left, 0, out));
        }
        let panels: usize = matrices.iter().map(|matrix| matrix.panels()).sum();
        // More parts than threads: one that was late to start takes less. Whole pairs of panels, since those may be computed together.
        let part = panels.div_ceil(3 * self.threads).next_multiple_of(2);
        let mut parts = Vec::new();
        for (matrix, mut rest) in regions {
            for first in (0..matrix.panels()).step_by(part) {
                let columns = (part * PANEL).min(rest.columns());
                let (own, after) = rest.split_columns(columns);
                parts.push((matrix, first, own));
                rest = after;
            }
        }
        parts.into_par_iter().with_max_len(1).for_each(|(matrix, first, out)| matrix.product(left, first, out));
    }

    /// Calls `work` with the number of each row and the row; in parallel where there are many.
    pub(super) fn each_row(self, x: &mut [f32], width: usize, work: impl Fn(usize, &mut [f32]) + Sync) {
        if self.threads == 1 || x.len() < NUMBERS {
            x.chunks_exact_mut(width).enumerate().for_each(|(row, x)| work(row, x));
        } else {
            let least = (NUMBERS / 8 / width).max(1);
            x.par_chunks_exact_mut(width).enumerate().with_min_len(least).for_each(|(row, x)| work(row, x));
        }
    }
}
