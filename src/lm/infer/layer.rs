//! What a pass does in a layer.

use super::sequence::Sequence;
use super::team::{Team, each_row};
use longlab_kernels::attention::{Scratch, attend, swiglu};
use longlab_kernels::linear::Matrix;
use rayon::prelude::*;
use std::ops::Range;

/// Tokens of a prompt whose attention is one piece of work.
const QUERIES: usize = 64;

/// The packed weights of a layer.
pub(super) struct Layer {
    pub before: Vec<f32>,
    pub q: Matrix,
    pub k: Matrix,
    pub v: Matrix,
    pub o: Matrix,
    /// Weights of the norms of queries and keys, where there are such.
    pub norms: Option<[Vec<f32>; 2]>,
    pub between: Vec<f32>,
    pub feed: Feed,
}

/// The block after the attention.
pub(super) enum Feed {
    Dense(Block),
    Experts { router: Vec<f32>, blocks: Vec<Block>, top: usize, normalised: bool },
}

/// `down(silu(gate x) * up x)`.
pub(super) struct Block {
    pub gate: Matrix,
    pub up: Matrix,
    pub down: Matrix,
}

/// What all layers of a pass share.
pub(super) struct Pass<'a> {
    pub team: &'a Team,
    pub heads: usize,
    pub shared: usize,
    pub width: usize,
    pub eps: f64,
    /// Rows of each sequence, and the position of the first.
    pub spans: Vec<(Range<usize>, usize)>,
    /// Cosines and sines of each row, [rows, width / 2] each.
    pub turns: (Vec<f32>, Vec<f32>),
}

impl Layer {
    /// Takes the stream x [rows, D] through the layer of this number.
    pub(super) fn forward(&self, number: usize, x: &mut [f32], pass: &Pass, sequences: &mut [&mut Sequence]) {
        let width = self.before.len();
        let unit = normed(x, &self.before, pass.eps);
        let [mut q, mut k, v] = pass.team.products(&unit, [&self.q, &self.k, &self.v]);
        let norms = self.norms.as_ref();
        pass.turn(&mut q, norms.map(|norms| &norms[0]), (pass.width as f32).powf(-0.5));
        pass.turn(&mut k, norms.map(|norms| &norms[1]), 1.0);
        pass.keep(number, &k, &v, sequences);
        let attended = pass.attend(number, &q, sequences);
        let [out] = pass.team.products(&attended, [&self.o]);
        add(x, &out, width);
        let unit = normed(x, &self.between, pass.eps);
        let out = match &self.feed {
            Feed::Dense(block) => block.forward(&unit, pass.team),
            Feed::Experts { router, blocks, top, normalised } => {
                experts(&unit, width, router, blocks, *top, *normalised, pass.team)
            }
        };
        add(x, &out, width);
    }
}

impl Block {
    fn forward(&self, unit: &[f32], team: &Team) -> Vec<f32> {
        let [mut gate, up] = team.products(unit, [&self.gate, &self.up]);
        let inner = self.gate.outputs();
        each_row(&mut gate, inner, |row, gate| swiglu(team.isa, gate, &up[row * inner..][..inner]));
        let [out] = team.products(&gate, [&self.down]);
        out
    }
}

impl Pass<'_> {
    /// Norms heads where there is a weight, scales them and turns them by their positions.
    fn turn(&self, x: &mut [f32], norm: Option<&Vec<f32>>, scale: f32) {
        let (half, row_width) = (self.width / 2, x.len() / self.spans.last().map_or(1, |(rows, _)| rows.end));
        each_row(x, row_width, |row, x| {
            let angles = row * half..(row + 1) * half;
            let (cos, sin) = (&self.turns.0[angles.clone()], &self.turns.1[angles]);
            for head in x.chunks_exact_mut(self.width) {
                if let Some(weight) = norm {
                    norm_row(head, weight, self.eps);
                }
                let (low, high) = head.split_at_mut(half);
                for i in 0..half {
                    let (a, b) = (low[i] * scale, high[i] * scale);
                    (low[i], high[i]) = (a * cos[i] - b * sin[i], b * cos[i] + a * sin[i]);
                }
            }
        });
    }

    /// Puts new keys and values into the sequences.
    fn keep(&self, layer: usize, k: &[f32], v: &[f32], sequences: &mut [&mut Sequence]) {
        let row_width = self.shared * self.width;
        let put = |sequence: &mut Sequence, rows: &Range<usize>, first: usize| {
            for (at, row) in rows.clone().enumerate() {
                for head in 0..self.shared {
                    let place = row * row_width + head * self.width..row * row_width + (head + 1) * self.width;
                    sequence.put(layer * self.shared + head, first + at, &k[place.clone()], &v[place]);
                }
            }
        };
        sequences.par_iter_mut().zip(&self.spans).for_each(|(sequence, (rows, first))| put(sequence, rows, *first));
    }

    /// Attention of all rows, [rows, H d].
    fn attend(&self, layer: usize, q: &[f32], sequences: &[&mut Sequence]) -> Vec<f32> {
        let (row_width, group) = (self.heads * self.width, self.heads / self.shared);
        // A piece of work: some rows of a sequence, one key/value head.
        let pieces: Vec<(usize, Range<usize>, usize)> = self
            .spans
            .iter()
            .enumerate()
            .flat_map(|(number, (rows, _))| {
                rows.clone().step_by(QUERIES).flat_map(move |from| {
                    let part = from..(from + QUERIES).min(rows.end);
                    (0..self.shared).map(move |head| (number, part.clone(), head))
                })
            })
            .collect();
        let work = |scratch: &mut Scratch, (number, rows, head): &(usize, Range<usize>, usize)| {
            let (span, first) = &self.spans[*number];
            let place = |row: usize| row * row_width + head * group * self.width;
            let (mut queries, mut seen) = (Vec::new(), Vec::new());
            for row in rows.clone() {
                queries.extend_from_slice(&q[place(row)..][..group * self.width]);
                seen.resize(seen.len() + group, first + row - span.start + 1);
            }
            let pages = sequences[*number].pages(layer * self.shared + head);
            let mut out = vec![0.0; queries.len()];
            attend(self.team.isa, &queries, self.width, &seen, &pages, scratch, &mut out);
            out
        };
        let outputs: Vec<Vec<f32>> = pieces.par_iter().map_init(Scratch::default, work).collect();
        let mut attended = vec![0.0; q.len()];
        for ((_, rows, head), out) in pieces.into_iter().zip(outputs) {
            for (row, out) in rows.zip(out.chunks_exact(group * self.width)) {
                attended[row * row_width + head * group * self.width..][..out.len()].copy_from_slice(out);
            }
        }
        attended
    }
}

/// Sum of the chosen experts' outputs, weighted by their probabilities. Each token's terms are summed in the order of its experts' numbers.
fn experts(
    unit: &[f32],
    width: usize,
    router: &[f32],
    blocks: &[Block],
    top: usize,
    normalised: bool,
    team: &Team,
) -> Vec<f32> {
    let choices: Vec<Vec<(usize, f32)>> =
        unit.par_chunks_exact(width).map(|row| choose(row, router, top, normalised)).collect();
    let mut out = vec![0.0; unit.len()];
    for (number, block) in blocks.iter().enumerate() {
        let chosen: Vec<(usize, f32)> = (0..)
            .zip(&choices)
            .filter_map(|(row, choice)| {
                choice.iter().find(|(expert, _)| *expert == number).map(|(_, weight)| (row, *weight))
            })
            .collect();
        if chosen.is_empty() {
            continue;
        }
        let rows: Vec<f32> = chosen.iter().flat_map(|(row, _)| &unit[row * width..][..width]).copied().collect();
        let outputs = block.forward(&rows, team);
        for ((row, weight), output) in chosen.into_iter().zip(outputs.chunks_exact(width)) {
            out[row * width..][..width].iter_mut().zip(output).for_each(|(out, value)| *out += weight * value);
        }
    }
    out
}

/// The experts of a token and their weights, in the order of their numbers.
fn choose(row: &[f32], router: &[f32], top: usize, normalised: bool) -> Vec<(usize, f32)> {
    let dot = |weights: &[f32]| row.iter().zip(weights).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>();
    let logits: Vec<f64> = router.chunks_exact(row.len()).map(dot).collect();
    let max = logits.iter().copied().fold(f64::MIN, f64::max);
    let powers: Vec<f64> = logits.iter().map(|logit| (logit - max).exp()).collect();
    let mut order: Vec<usize> = (0..logits.len()).collect();
    order.sort_by(|&a, &b| powers[b].total_cmp(&powers[a]).then(a.cmp(&b)));
    order.truncate(top);
    let total: f64 = if normalised { order.iter().map(|&expert| powers[expert]).sum() } else { powers.iter().sum() };
    order.sort_unstable();
    order.into_iter().map(|expert| (expert, (powers[expert] / total) as f32)).collect()
}

/// RMSNorm of each row.
pub(super) fn normed(x: &[f32], weight: &[f32], eps: f64) -> Vec<f32> {
    let mut out = x.to_vec();
    each_row(&mut out, weight.len(), |_, row| norm_row(row, weight, eps));
    out
}

fn norm_row(row: &mut [f32], weight: &[f32], eps: f64) {
    // Sixteen sums side by side: they fit vectors, and a long row keeps its precision.
    let mut sums = [0f32; 16];
    let (chunks, rest) = row.as_chunks::<16>();
    chunks.iter().for_each(|chunk| sums.iter_mut().zip(chunk).for_each(|(sum, &x)| *sum += x * x));
    rest.iter().zip(&mut sums).for_each(|(&x, sum)| *sum += x * x);
    let mean = sums.iter().map(|&sum| f64::from(sum)).sum::<f64>() / row.len() as f64;
    let scale = (1.0 / (mean + eps).sqrt()) as f32;
    row.iter_mut().zip(weight).for_each(|(x, &weight)| *x = *x * scale * weight);
}

fn add(x: &mut [f32], out: &[f32], width: usize) {
    each_row(x, width, |row, x| x.iter_mut().zip(&out[row * width..][..width]).for_each(|(x, &y)| *x += y));
}
