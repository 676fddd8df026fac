//! What a pass does in a layer.

use super::room::{self, Room, sized};
use super::sequence::Sequence;
use super::team::{Crew, Team};
use longlab_kernels::attention::swiglu;
use longlab_kernels::linear::{Left, Matrix};
use std::ops::Range;

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

/// What goes through the layers, row after row.
pub(super) struct Stream {
    /// [rows, D]
    pub x: Vec<f32>,
    /// Queries, [rows, H d].
    pub q: Vec<f32>,
    /// Keys and values, [rows, K d].
    pub k: Vec<f32>,
    pub v: Vec<f32>,
    /// What was attended to, [rows, H d].
    pub attended: Vec<f32>,
}

impl Layer {
    /// Takes the stream through the layer of this number.
    pub(super) fn forward(&self, number: usize, stream: &mut Stream, pass: &Pass, sequences: &mut [&mut Sequence]) {
        let width = self.before.len();
        let (all, (block, crew)) = (pass.team.crew(), pass.team.blocks(stream.x.len() / width));
        let [q, k] = [&self.q, &self.k].map(|matrix| block * matrix.outputs());
        let keys = stream.k.chunks_mut(k).zip(stream.v.chunks_mut(k));
        let blocks = stream.x.chunks(block * width).zip(stream.q.chunks_mut(q)).zip(keys).enumerate();
        all.each(blocks, |(at, ((x, q), (k, v)))| {
            room::with(|room| self.ask(crew, at * block, x, [q, k, v], pass, room));
        });
        pass.keep(number, &stream.k, &stream.v, sequences);
        pass.attend(number, &stream.q, sequences, &mut stream.attended);
        all.each(stream.x.chunks_mut(block * width).zip(stream.attended.chunks(q)), |(x, attended)| {
            room::with(|room| self.answer(crew, x, attended, pass.eps, room));
        });
        if let Feed::Experts { router, blocks, top, normalised } = &self.feed {
            let mut unit = vec![0.0; stream.x.len()];
            normed(all, &stream.x, &self.between, pass.eps, &mut unit);
            let out = experts(&unit, width, router, blocks, *top, *normalised, pass.team);
            add(all, &mut stream.x, &out, width);
        }
    }

    /// Queries, keys and values of some rows, of which the first has this number.
    fn ask(&self, crew: Crew, first: usize, x: &[f32], qkv: [&mut [f32]; 3], pass: &Pass, room: &mut Room) {
        let Room { left, unit, .. } = room;
        let unit = sized(unit, x.len());
        normed(crew, x, &self.before, pass.eps, unit);
        let [q, k, v] = qkv;
        crew.products(left, unit, [&self.q, &self.k, &self.v], [&mut *q, &mut *k, v]);
        let norms = self.norms.as_ref();
        pass.turn(crew, first, q, pass.heads, norms.map(|norms| &norms[0]), (pass.width as f32).powf(-0.5));
        pass.turn(crew, first, k, pass.shared, norms.map(|norms| &norms[1]), 1.0);
    }

    /// What some rows take from the attention, and from the block after it where it is dense.
    fn answer(&self, crew: Crew, x: &mut [f32], attended: &[f32], eps: f64, room: &mut Room) {
        let width = self.before.len();
        let Room { left, unit, gate, up, out, .. } = room;
        let out = sized(out, x.len());
        crew.products(left, attended, [&self.o], [&mut *out]);
        add(crew, x, out, width);
        if let Feed::Dense(block) = &self.feed {
            let unit = sized(unit, x.len());
            normed(crew, x, &self.between, eps, unit);
            block.forward(crew, unit, left, [gate, up], out);
            add(crew, x, out, width);
        }
    }
}

impl Block {
    /// Rows x [rows, D] to `out`.
    fn forward(&self, crew: Crew, x: &[f32], left: &mut Left, inner: [&mut Vec<f32>; 2], out: &mut [f32]) {
        let (outputs, rows) = (self.gate.outputs(), x.len() / self.gate.width());
        let [gate, up] = inner.map(|buffer| sized(buffer, rows * outputs));
        crew.products(left, x, [&self.gate, &self.up], [&mut *gate, &mut *up]);
        crew.each_row(gate, outputs, |row, gate| swiglu(crew.isa, gate, &up[row * outputs..][..outputs]));
        crew.products(left, gate, [&self.down], [out]);
    }

    /// The same of as many rows as there are.
    fn shared_out(&self, x: &[f32], team: &Team) -> Vec<f32> {
        let width = self.gate.width();
        let (block, crew) = team.blocks(x.len() / width);
        let mut out = vec![0.0; x.len()];
        let work = |(x, out): (&[f32], &mut [f32])| {
            room::with(|Room { left, gate, up, .. }| self.forward(crew, x, left, [gate, up], out));
        };
        team.crew().each(x.chunks(block * width).zip(out.chunks_mut(block * width)), work);
        out
    }
}

impl Pass<'_> {
    /// Norms heads where there is a weight, scales them and turns them by their positions; the first row has this number.
    fn turn(&self, crew: Crew, first: usize, x: &mut [f32], heads: usize, norm: Option<&Vec<f32>>, scale: f32) {
        let half = self.width / 2;
        crew.each_row(x, heads * self.width, |row, x| {
            let angles = (first + row) * half..(first + row + 1) * half;
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
    let mut choices: Vec<Vec<(usize, f32)>> = vec![Vec::new(); unit.len() / width];
    team.crew().each(unit.chunks_exact(width).zip(&mut choices), |(row, choice)| {
        *choice = choose(row, router, top, normalised);
    });
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
        let outputs = block.shared_out(&rows, team);
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
pub(super) fn normed(crew: Crew, x: &[f32], weight: &[f32], eps: f64, out: &mut [f32]) {
    crew.each_row(out, weight.len(), |row, out| {
        out.copy_from_slice(&x[row * weight.len()..][..weight.len()]);
        norm_row(out, weight, eps);
    });
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

fn add(crew: Crew, x: &mut [f32], out: &[f32], width: usize) {
    crew.each_row(x, width, |row, x| x.iter_mut().zip(&out[row * width..][..width]).for_each(|(x, &y)| *x += y));
}
