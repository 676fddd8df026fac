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

use crate::head::Isa;
use crate::head::isa::{self, Dword, Packed, Row, Tile};
use crate::head::lanes;
use crate::linear::Left;

/// Positions of a page.
pub const POSITIONS: usize = 128;

/// Panels of 32 keys in a page.
const PANELS: usize = POSITIONS / 32;

/// Keys and values of one head at [`POSITIONS`] neighbouring positions.
#[derive(Clone)]
pub struct Page {
    /// Right tiles of the scores: the sum runs over the width, a column is a key.
    keys: Vec<Tile>,
    /// Right tiles of the output: the sum runs over positions, a column is a number of the values.
    values: Vec<Tile>,
    width: usize,
}

impl Page {
    /// An empty page for heads of `width` numbers.
    ///
    /// # Panics
    /// Without width.
    pub fn new(width: usize) -> Page {
        assert!(width > 0, "heads have a width");
        let (keys, values) = (2 * PANELS * width.div_ceil(32), 2 * width.div_ceil(32) * PANELS);
        Page { keys: vec![Tile::ZERO; keys], values: vec![Tile::ZERO; values], width }
    }

    /// Bytes of a page.
    pub fn bytes(&self) -> usize {
        size_of_val(self.keys.as_slice()) + size_of_val(self.values.as_slice())
    }

    /// Puts key and value of a position of this page (0 to [`POSITIONS`] - 1), rounded to bf16.
    ///
    /// # Panics
    /// Beyond the page, or for another width.
    pub fn put(&mut self, at: usize, key: &[f32], value: &[f32]) {
        assert!(at < POSITIONS && key.len() == self.width && value.len() == self.width, "one head at one position");
        let depth = self.width.div_ceil(32);
        for (number, &key) in key.iter().enumerate() {
            let tile = &mut self.keys[at / 16 * depth + number / 32];
            half(&mut tile.0[number % 32 / 2 * 16 + at % 16], number % 2, key);
        }
        for (number, &value) in value.iter().enumerate() {
            let tile = &mut self.values[number / 16 * PANELS + at / 32];
            half(&mut tile.0[at % 32 / 2 * 16 + number % 16], at % 2, value);
        }
    }
}

/// Puts a number in the lower or upper half of a dword.
fn half(dword: &mut u32, upper: usize, value: f32) {
    let bits = u32::from(lanes::bf16(value));
    *dword = if upper == 1 { *dword & 0xffff | bits << 16 } else { *dword & 0xffff_0000 | bits };
}

/// Room that calls of [`attend`] use again.
#[derive(Default)]
pub struct Scratch {
    queries: Left,
    scores: Vec<Row>,
    weights: Vec<Tile>,
    sums: Vec<Row>,
    running: Vec<Running>,
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
        scratch.score(isa, page, (most - begin).min(POSITIONS));
        scratch.weigh(isa, begin, seen);
        scratch.add(isa, page);
    }
    let height = scratch.queries.height();
    for (row, out) in out.chunks_exact_mut(width).enumerate() {
        crate::linear::gather(&scratch.sums, height, row, out);
        let scale = 1.0 / scratch.running[row].sum;
        out.iter_mut().for_each(|value| *value *= scale);
    }
}

impl Scratch {
    fn begin(&mut self, isa: Isa, queries: &[f32], width: usize) {
        self.queries.pack(queries, width, isa);
        let height = self.queries.height();
        self.scores.resize(PANELS * height, Row::ZERO);
        self.weights.resize(height / 16 * PANELS, Tile::ZERO);
        self.sums.clear();
        self.sums.resize(width.div_ceil(32) * height, Row::ZERO);
        self.running.clear();
        self.running.resize(self.queries.rows(), Running { max: f32::NEG_INFINITY, sum: 0.0 });
    }

    /// Scores of the first `count` keys of a page, in whole panels.
    fn score(&mut self, isa: Isa, page: &Page, count: usize) {
        let (left, rows) = self.queries.packed();
        let panels = count.div_ceil(32);
        let right = Packed::new(&page.keys, 2 * panels, left.depth);
        isa::multiply_first(isa, Dword::Bf16, rows, left, right, &mut self.scores, false);
    }

    /// Turns scores into weights against the largest score of each row so far, and scales what was summed before to it.
    fn weigh(&mut self, isa: Isa, begin: usize, seen: &[usize]) {
        let height = self.queries.height();
        for (row, (running, &seen)) in self.running.iter_mut().zip(seen).enumerate() {
            let count = seen.saturating_sub(begin).min(POSITIONS);
            let tiles = &mut self.weights[row / 16 * PANELS..][..PANELS];
            let (max, sum) = isa::soften(isa, &mut self.scores[row..], height, count, running.max, tiles, row % 16);
            let scale = if max > running.max { (running.max - max).exp() } else { 1.0 };
            if scale != 1.0 {
                self.sums
                    .iter_mut()
                    .skip(row)
                    .step_by(height)
                    .for_each(|strip| strip.0.iter_mut().for_each(|x| *x *= scale));
            }
            *running = Running { max, sum: running.sum * scale + sum };
        }
    }

    /// Adds the weighted values of a page.
    fn add(&mut self, isa: Isa, page: &Page) {
        let left = Packed::new(&self.weights, self.queries.height() / 16, PANELS);
        let right = Packed::new(&page.values, 2 * page.width.div_ceil(32), PANELS);
        isa::multiply_first(isa, Dword::Bf16, self.queries.rows(), left, right, &mut self.sums, true);
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
        let seen: Vec<usize> = (0..70).map(|row| 131 + row).collect();
        for isa in available() {
            let mut scratch = Scratch::default();
            let mut all = vec![0.0; queries.len()];
            attend(isa, &queries, width, &seen, &pages, &mut scratch, &mut all);
            for row in [0, 5, 31, 32, 69] {
                let mut one = vec![0.0; width];
                let own = row * width..(row + 1) * width;
                attend(isa, &queries[own.clone()], width, &seen[row..=row], &pages, &mut scratch, &mut one);
                assert_eq!(one, all[own], "{isa:?} row {row}");
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
