//! Causal attention over a cache of keys and values in pages: out = softmax(q K^T) V, one key/value head at a time.
//!
//! Keys, values and softmax weights are held in bf16, everything is summed in f32, and the matrix of scores never exists beyond one page
//! (the softmax is kept up page by page, as in FlashAttention, arXiv 2205.14135). Pages begin at fixed positions, so that a query's
//! result is the same to the last bit whether it is computed alone or beside others, for one token or in the midst of a prompt.
//!
//! ```
//! use longlab_kernels::attention::{Page, Scratch, attend};
//! use longlab_kernels::head::Isa;
//! let mut page = Page::new(2);
//! page.put(0, &[1.0, 0.0], &[4.0, 0.0]);
//! page.put(1, &[1.0, 0.0], &[0.0, 2.0]);
//! // Equal scores: the mean of both values; the second query sees the first key only.
//! let (queries, mut out) = ([3.0, 1.0, 3.0, 1.0], [0.0; 4]);
//! attend(Isa::best(), &queries, 2, &[2, 1], &[&page], &mut Scratch::default(), &mut out);
//! assert_eq!(out, [2.0, 1.0, 4.0, 0.0]);
//! ```

mod page;

use crate::head::Isa;
use crate::head::isa::{self, Dword, GROUP, Lines, Packed, Reach, Region, Row, Tile};
use crate::linear::Left;
pub use page::Page;

/// Positions of a page.
pub const POSITIONS: usize = 128;

/// Panels of 32 keys in a page.
const PANELS: usize = POSITIONS / 32;

/// Room that calls of [`attend`] use again.
#[derive(Default)]
pub struct Scratch {
    queries: Left,
    scores: Vec<Row>,
    weights: Weights,
    sums: Vec<Row>,
    running: Vec<Running>,
    /// Strips of a row in the sums: how many, how many from one row to the next, and from one of a row to the next.
    strips: [usize; 3],
    /// Panels of keys that each group of rows sees in a page.
    reach: Vec<usize>,
}

/// The weights of a page, as the left side of a product.
#[derive(Default)]
struct Weights {
    tiles: Vec<Tile>,
    /// In place of tiles where the instruction set widens.
    lines: Lines,
}

/// The softmax of a row so far.
#[derive(Clone, Copy)]
struct Running {
    max: f32,
    sum: f32,
}

/// Attention of queries [rows, width] (scaled already) to the positions of `pages` in order: row r sees the first `seen[r]` of them,
/// one at least. Writes out [rows, width].
///
/// # Panics
/// For sizes that do not fit each other, and rows that see nothing or more than there is.
pub fn attend(
    isa: Isa,
    queries: &[f32],
    width: usize,
    seen: &[usize],
    pages: &[&Page],
    scratch: &mut Scratch,
    out: &mut [f32],
) {
    assert!(queries.len() == seen.len() * width && out.len() == queries.len(), "one query and one output a row");
    assert!(
        seen.iter().all(|&seen| (1..=pages.len() * POSITIONS).contains(&seen)),
        "rows see a key, and no more than there are"
    );
    assert!(pages.iter().all(|page| page.width == width), "one width");
    scratch.begin(isa, queries, width);
    let most = seen.iter().max().copied().unwrap_or(0);
    for (number, page) in pages.iter().enumerate().take(most.div_ceil(POSITIONS)) {
        let begin = number * POSITIONS;
        scratch.look(begin, seen);
        page.fetch_values(seen.len());
        scratch.score(isa, page, (most - begin).min(POSITIONS));
        if let Some(next) = pages.get(number + 1) {
            next.fetch_keys(seen.len());
        }
        scratch.weigh(isa, begin, seen);
        scratch.add(isa, page);
    }
    for (row, out) in out.chunks_exact_mut(width).enumerate() {
        let scale = 1.0 / scratch.running[row].sum;
        for (out, strip) in out.chunks_mut(32).zip(scratch.sums_of(row)) {
            out.iter_mut().zip(&strip.0).for_each(|(out, sum)| *out = sum * scale);
        }
    }
}

impl Scratch {
    fn begin(&mut self, isa: Isa, queries: &[f32], width: usize) {
        self.queries.pack(queries, width, isa);
        let (rows, panels) = (self.queries.rows(), width.div_ceil(32));
        let height = if isa::widens(isa) {
            self.weights.lines.size(rows, PANELS);
            self.strips = [panels, panels, 1];
            rows
        } else {
            let height = self.queries.height();
            self.weights.tiles.resize(height / 16 * PANELS, Tile::ZERO);
            self.strips = [panels, 1, height];
            height
        };
        self.scores.resize(PANELS * height, Row::ZERO);
        self.sums.clear();
        self.sums.resize(panels * height, Row::ZERO);
        self.running.clear();
        self.running.resize(rows, Running { max: f32::NEG_INFINITY, sum: 0.0 });
    }

    /// How far each group of rows sees into a page.
    fn look(&mut self, begin: usize, seen: &[usize]) {
        self.reach.clear();
        self.reach.extend(seen.chunks(GROUP).map(|seen| {
            let most = seen.iter().max().copied().unwrap_or(0);
            most.saturating_sub(begin).min(POSITIONS).div_ceil(32)
        }));
    }

    /// Scores of the first `count` keys of a page, in whole panels.
    fn score(&mut self, isa: Isa, page: &Page, count: usize) {
        let panels = count.div_ceil(32);
        let right = Packed::new(&page.keys, 2 * panels, page.width.div_ceil(32));
        if isa::widens(isa) {
            let mut out = Region::of_strips(&mut self.scores, PANELS);
            self.queries.lines.multiply(isa, right, &mut out, false, Reach::Panels(&self.reach));
        } else {
            let (left, rows) = self.queries.packed();
            isa::multiply_first(isa, Dword::Bf16, rows, left, right, &mut self.scores, false);
        }
    }

    /// Turns scores into weights against the largest score of each row so far, and scales what was summed before to it.
    fn weigh(&mut self, isa: Isa, begin: usize, seen: &[usize]) {
        for (row, &seen) in seen.iter().enumerate() {
            if isa::widens(isa) && self.reach[row / GROUP] == 0 {
                continue;
            }
            let count = seen.saturating_sub(begin).min(POSITIONS);
            let before = self.running[row];
            let (max, sum) = self.soften(isa, row, count, before.max);
            let scale = if max > before.max { (before.max - max).exp() } else { 1.0 };
            if scale != 1.0 {
                self.sums_of(row).for_each(|strip| strip.0.iter_mut().for_each(|x| *x *= scale));
            }
            self.running[row] = Running { max, sum: before.sum * scale + sum };
        }
    }

    /// The weights of a row, their largest score or the one before, and their sum.
    fn soften(&mut self, isa: Isa, row: usize, count: usize, before: f32) -> (f32, f32) {
        if isa::widens(isa) {
            let (lines, step) = self.weights.lines.row(row);
            let scores = &mut self.scores[row * PANELS..][..PANELS];
            return isa::soften_lines(isa, scores, count, before, lines, step);
        }
        let tiles = &mut self.weights.tiles[row / 16 * PANELS..][..PANELS];
        isa::soften(isa, &mut self.scores[row..], self.queries.height(), count, before, tiles, row % 16)
    }

    /// Adds the weighted values of a page.
    fn add(&mut self, isa: Isa, page: &Page) {
        let panels = page.width.div_ceil(32);
        let right = Packed::new(&page.values, 2 * panels, PANELS);
        if isa::widens(isa) {
            let mut out = Region::of_strips(&mut self.sums, panels);
            self.weights.lines.multiply(isa, right, &mut out, true, Reach::Depth(&self.reach));
        } else {
            let left = Packed::new(&self.weights.tiles, self.queries.height() / 16, PANELS);
            isa::multiply_first(isa, Dword::Bf16, self.queries.rows(), left, right, &mut self.sums, true);
        }
    }

    /// The sums of a row.
    fn sums_of(&mut self, row: usize) -> impl Iterator<Item = &mut Row> {
        let [count, by_row, by_panel] = self.strips;
        self.sums[row * by_row..].iter_mut().step_by(by_panel).take(count)
    }
}

/// silu(gate) * up in the place of `gate`.
///
/// # Panics
/// If the lengths differ.
pub fn swiglu(isa: Isa, gate: &mut [f32], up: &[f32]) {
    assert_eq!(gate.len(), up.len(), "one length");
    isa::swiglu(isa, gate, up);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::lanes;

    fn numbers(count: usize, seed: u32) -> Vec<f32> {
        (0..count).map(|i| ((i as f32 * 12.9898 + seed as f32 * 78.233).sin() * 43_758.547).fract()).collect()
    }

    fn available() -> impl Iterator<Item = Isa> {
        Isa::ALL.into_iter().filter(|isa| isa.available())
    }

    fn pages(keys: &[f32], values: &[f32], width: usize) -> Vec<Page> {
        let rows = keys.len() / width;
        let mut pages: Vec<Page> = (0..rows.div_ceil(POSITIONS)).map(|_| Page::new(width)).collect();
        for at in 0..rows {
            let row = at * width..(at + 1) * width;
            pages[at / POSITIONS].put(at % POSITIONS, &keys[row.clone()], &values[row]);
        }
        pages
    }

    fn plain(query: &[f32], keys: &[f32], values: &[f32], seen: usize) -> Vec<f64> {
        let width = query.len();
        let round = |x: f32| f64::from(lanes::widen(lanes::bf16(x)));
        let score = |at: usize| -> f64 { (0..width).map(|k| round(query[k]) * round(keys[at * width + k])).sum() };
        let max = (0..seen).map(score).fold(f64::MIN, f64::max);
        let weights: Vec<f64> = (0..seen).map(|at| (score(at) - max).exp()).collect();
        let total: f64 = weights.iter().sum();
        let output = |k: usize| (0..seen).map(|at| weights[at] / total * round(values[at * width + k])).sum();
        (0..width).map(output).collect()
    }

    #[test]
    fn attention_is_that_of_the_rounded_numbers_on_every_instruction_set() {
        for (width, count) in [(64, 300), (8, 128), (40, 129), (128, 33)] {
            let (keys, values) = (numbers(count * width, 1), numbers(count * width, 2));
            let seen = [count, 1, count / 2, 128.min(count), count - 1];
            let queries: Vec<f32> = numbers(seen.len() * width, 3).iter().map(|x| 3.0 * x).collect();
            let pages = pages(&keys, &values, width);
            let pages: Vec<&Page> = pages.iter().collect();
            for isa in available() {
                let mut out = vec![0.0; queries.len()];
                attend(isa, &queries, width, &seen, &pages, &mut Scratch::default(), &mut out);
                for (row, &seen) in seen.iter().enumerate() {
                    let exact = plain(&queries[row * width..][..width], &keys, &values, seen);
                    for (value, exact) in out[row * width..].iter().zip(&exact) {
                        // Weights are rounded to eight bits, which the mean over them mostly takes away again.
                        assert!((f64::from(*value) - exact).abs() < 4e-3, "{isa:?} row {row}: {value} for {exact}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_query_has_the_same_bits_alone_and_beside_others() {
        let (width, count) = (64, 200);
        let pages = pages(&numbers(count * width, 4), &numbers(count * width, 5), width);
        let pages: Vec<&Page> = pages.iter().collect();
        let queries = numbers(70 * width, 6);
        // Rows that all see both pages, rows of which the first see one, and rows of which the first sees a key.
        for first in [131, 90, 1] {
            let seen: Vec<usize> = (0..70).map(|row| first + row).collect();
            for isa in available() {
                let mut scratch = Scratch::default();
                let mut all = vec![0.0; queries.len()];
                attend(isa, &queries, width, &seen, &pages, &mut scratch, &mut all);
                for row in [0, 5, 11, 12, 31, 32, 69] {
                    let mut one = vec![0.0; width];
                    let own = row * width..(row + 1) * width;
                    attend(isa, &queries[own.clone()], width, &seen[row..=row], &pages, &mut scratch, &mut one);
                    assert_eq!(one, all[own], "{isa:?} row {row}, {first} seen by the first");
                }
            }
        }
    }

    #[test]
    fn swiglu_is_silu_times_up() {
        let (gate, up) = ([-90.0, -3.0, -0.0, 0.5, 20.0, 100.0], [1.0, 2.0, 3.0, 4.0, -5.0, 1.0]);
        for isa in available() {
            let mut out = gate;
            swiglu(isa, &mut out, &up);
            for ((out, gate), up) in out.iter().zip(gate).zip(up) {
                let exact = f64::from(gate) / (1.0 + (-f64::from(gate)).exp()) * f64::from(up);
                assert!((f64::from(*out) - exact).abs() <= 1e-6 * exact.abs() + 1e-30, "{isa:?}: {out} for {exact}");
            }
        }
    }
}
