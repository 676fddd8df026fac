//! Work shared out to threads. Who does what changes no result.

use longlab_kernels::head::Isa;
use longlab_kernels::linear::{Left, Matrix, PANEL, Strip, gather};
use rayon::prelude::*;

/// Rows that are worth a thread of their own; with fewer, the panels of the matrix are shared out instead.
const ROWS: usize = 64;

/// Rows that go through a matrix together, and panels of it whose results for these rows still lie in the second-level cache when they are
/// put in their places.
const BLOCK: usize = 256;
const PANELS: usize = 16;

/// Numbers that are worth more than one thread.
const NUMBERS: usize = 1 << 15;

thread_local! {
    /// Strips of the last product: memory that is used again.
    static ROOM: std::cell::Cell<Vec<Strip>> = const { std::cell::Cell::new(Vec::new()) };
}

/// Some threads.
pub(super) struct Team {
    pool: rayon::ThreadPool,
    threads: usize,
    pub isa: Isa,
}

impl Team {
    /// A team of `threads` threads.
    pub(super) fn new(threads: usize) -> Result<Team, rayon::ThreadPoolBuildError> {
        let threads = threads.max(1);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
        Ok(Team { pool, threads, isa: Isa::best() })
    }

    /// Does the work of a pass inside the team.
    pub(super) fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.pool.install(work)
    }

    /// x W^T of rows x for each matrix, row after row.
    pub(super) fn products<const M: usize>(&self, x: &[f32], matrices: [&Matrix; M]) -> [Vec<f32>; M] {
        let width = matrices[0].width();
        let rows = x.len() / width;
        if rows < ROWS || self.threads == 1 && rows <= BLOCK {
            return self.by_panels(&Left::new(x, width, self.isa), matrices);
        }
        let mut out = matrices.map(|matrix| vec![0.0; rows * matrix.outputs()]);
        let block = rows.div_ceil(self.threads).next_multiple_of(32).min(BLOCK);
        let lefts: Vec<Left> = x.par_chunks(block * width).map(|x| Left::new(x, width, self.isa)).collect();
        for (matrix, out) in matrices.into_iter().zip(&mut out) {
            let outputs = matrix.outputs();
            let work = |strips: &mut Vec<Strip>, (left, out): (&Left, &mut [f32])| {
                for first in (0..matrix.panels()).step_by(PANELS) {
                    strips.resize(PANELS.min(matrix.panels() - first) * left.height(), Strip::default());
                    matrix.product(left, first, strips);
                    let columns = first * PANEL..outputs.min((first + PANELS) * PANEL);
                    let spread = |(row, out): (usize, &mut [f32])| {
                        gather(strips, left.height(), row, &mut out[columns.clone()]);
                    };
                    out.chunks_exact_mut(outputs).enumerate().for_each(spread);
                }
            };
            lefts.par_iter().zip(out.par_chunks_mut(block * outputs)).for_each_init(Vec::new, work);
        }
        out
    }

    /// All panels of all matrices are shared out at once.
    fn by_panels<const M: usize>(&self, left: &Left, matrices: [&Matrix; M]) -> [Vec<f32>; M] {
        let height = left.height();
        let panels: usize = matrices.iter().map(|matrix| matrix.panels()).sum();
        // More parts than threads: one that was late to start takes less. Whole pairs of panels, since those may be computed together.
        let part = panels.div_ceil(3 * self.threads).next_multiple_of(2);
        let mut strips = ROOM.take();
        strips.resize(strips.len().max(panels * height), Strip::default());
        let (mut parts, mut free) = (Vec::new(), &mut strips[..panels * height]);
        let mut begins = [0; M];
        for (at, matrix) in matrices.into_iter().enumerate() {
            begins[at] = panels * height - free.len();
            for first in (0..matrix.panels()).step_by(part) {
                let (own, rest) = free.split_at_mut(part.min(matrix.panels() - first) * height);
                parts.push((matrix, first, own));
                free = rest;
            }
        }
        let work = |(matrix, first, strips): (&Matrix, usize, &mut [Strip])| matrix.product(left, first, strips);
        if self.threads == 1 {
            parts.into_iter().for_each(work);
        } else {
            parts.into_par_iter().for_each(work);
        }
        let out = std::array::from_fn(|at| {
            let outputs = matrices[at].outputs();
            let mut out = vec![0.0; left.rows() * outputs];
            each_row(&mut out, outputs, |row, out| gather(&strips[begins[at]..], height, row, out));
            out
        });
        ROOM.set(strips);
        out
    }
}

/// Calls `work` with the number of each row and the row; in parallel where there are many.
pub(super) fn each_row(x: &mut [f32], width: usize, work: impl Fn(usize, &mut [f32]) + Sync) {
    if x.len() < NUMBERS {
        x.chunks_exact_mut(width).enumerate().for_each(|(row, x)| work(row, x));
    } else {
        let least = (NUMBERS / 8 / width).max(1);
        x.par_chunks_exact_mut(width).enumerate().with_min_len(least).for_each(|(row, x)| work(row, x));
    }
}
