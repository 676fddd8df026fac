//! Work shared out to threads. Who does what changes no result.

use longlab_kernels::head::Isa;
use longlab_kernels::linear::{Left, Matrix, Strip, gather};
use rayon::prelude::*;

/// Rows that are worth a thread of their own; with fewer, the panels of the matrix are shared out instead.
const ROWS: usize = 64;

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
        let mut out = matrices.map(|matrix| vec![0.0; rows * matrix.outputs()]);
        let block = rows.div_ceil(self.threads).next_multiple_of(32).min(512);
        if rows < ROWS || self.threads == 1 && rows <= 512 {
            let left = Left::new(x, width, self.isa);
            for (matrix, out) in matrices.into_iter().zip(&mut out) {
                self.by_panels(&left, matrix, out);
            }
            return out;
        }
        let lefts: Vec<Left> = x.par_chunks(block * width).map(|x| Left::new(x, width, self.isa)).collect();
        for (matrix, out) in matrices.into_iter().zip(&mut out) {
            let outputs = matrix.outputs();
            let work = |strips: &mut Vec<Strip>, (left, out): (&Left, &mut [f32])| {
                strips.resize(matrix.panels() * left.height(), Strip::default());
                matrix.product(left, 0, strips);
                spread(strips, left.height(), outputs, out);
            };
            lefts.par_iter().zip(out.par_chunks_mut(block * outputs)).for_each_init(Vec::new, work);
        }
        out
    }

    fn by_panels(&self, left: &Left, matrix: &Matrix, out: &mut [f32]) {
        let height = left.height();
        let mut strips = vec![Strip::default(); matrix.panels() * height];
        // Twice as many parts as threads: one that was late to start takes less.
        let part = matrix.panels().div_ceil(2 * self.threads);
        if self.threads == 1 {
            matrix.product(left, 0, &mut strips);
        } else {
            let parts = strips.par_chunks_mut(part * height).enumerate();
            parts.for_each(|(number, strips)| matrix.product(left, number * part, strips));
        }
        spread(&strips, height, matrix.outputs(), out);
    }
}

fn spread(strips: &[Strip], height: usize, outputs: usize, out: &mut [f32]) {
    for (row, out) in out.chunks_exact_mut(outputs).enumerate() {
        gather(strips, height, row, out);
    }
}

/// Calls `work` with the number of each row and the row; in parallel where there are many.
pub(super) fn each_row(x: &mut [f32], width: usize, work: impl Fn(usize, &mut [f32]) + Sync) {
    if x.len() < ROWS * width {
        x.chunks_exact_mut(width).enumerate().for_each(|(row, x)| work(row, x));
    } else {
        x.par_chunks_exact_mut(width).enumerate().for_each(|(row, x)| work(row, x));
    }
}
