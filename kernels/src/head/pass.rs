//! The passes over a block of tokens: pack, statistics of each panel, merge, gradients of each group of panels.

use super::isa::{self, Isa, Packed, Row, Tile};
use super::lanes::{Coefficients, Statistics};
use super::plan::{Format, Plan};
use super::rows::{Rows, Source, put_f32, room};
use super::{Gradient, Values};
use crate::threads::share;

/// What one thread writes to.
#[derive(Default)]
pub(super) struct Scratch {
    left: Vec<Tile>,
    right: Vec<Tile>,
    logits: Vec<Row>,
    slopes: Vec<Row>,
    by_entry: Vec<Tile>,
    by_token: Vec<Tile>,
    sums: Vec<Row>,
    source: Source,
}

/// What stays from one pass to the next.
#[derive(Default)]
pub(super) struct Kept {
    pub logits: Vec<Row>,
    pub exponentials: Vec<[u16; 32]>,
}

/// The softmax of one token.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Softmax {
    pub max: f32,
    pub log: f32,
    pub logp: f32,
    pub entropy: f32,
}

/// What the second pass goes by: the block's hidden states and what the first pass found and kept, with dJ/dlogp and
/// dJ/dentropy of its tokens.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    pub hidden: &'a Hidden,
    pub found: &'a [Found],
    pub softmax: &'a [Softmax],
    pub up: [&'a [f32]; 2],
    pub kept: &'a Kept,
}

/// What 32 tokens learn from one panel.
#[derive(Clone, Copy)]
pub(super) struct Found {
    statistics: Statistics,
    /// y of the targets that lie in the panel
    target: [f32; 32],
}

impl Found {
    const NONE: Found = Found { statistics: Statistics::ZERO, target: [0.0; 32] };
}

/// out (+)= left right over all pieces.
fn product(
    isa: Isa,
    format: Format,
    left: (&[Tile], usize),
    right: (&[Tile], usize),
    depth: usize,
    out: &mut [Row],
    add: bool,
) {
    let mut add = add;
    for &(l, r) in format.products() {
        let left = Packed::new(&left.0[l * left.1 * depth..], left.1, depth);
        let right = Packed::new(&right.0[r * right.1 * depth..], right.1, depth);
        isa::multiply(isa, format.dword(), left, right, out, add);
        add = true;
    }
}

/// The hidden states of a block in tiles, both ways.
#[derive(Default)]
pub(super) struct Hidden {
    /// Right operands that sum over the width, one an 32 tokens.
    by_width: Vec<Tile>,
    /// Right operands that sum over tokens, one a chunk.
    by_token: Vec<Tile>,
}

/// A block of tokens with what is known of them.
pub(super) struct Block<'a> {
    pub isa: Isa,
    pub plan: Plan,
    pub inverse: f32,
    pub weights: Values<'a>,
    pub targets: &'a [u32],
}

impl Block<'_> {
    /// Groups of 32 tokens, the last one padded.
    pub(super) fn pairs(&self) -> usize {
        self.targets.len().div_ceil(32)
    }

    fn pair_tiles(&self) -> usize {
        self.plan.format.tiles(32, self.plan.wide)
    }

    fn chunk_tokens(&self, chunk: usize) -> usize {
        (self.targets.len().next_multiple_of(32) - chunk * self.plan.chunk).min(self.plan.chunk)
    }

    /// Pieces of work in the pass that has most of them.
    pub(super) fn shares(&self) -> usize {
        self.pairs().max(self.plan.panels)
    }

    fn chunks(&self) -> usize {
        self.targets.len().div_ceil(self.plan.chunk)
    }

    /// Packs the block's hidden states, which begin with token `from` of `values`.
    pub(super) fn pack(
        &self,
        values: Values<'_>,
        from: usize,
        both: bool,
        hidden: &mut Hidden,
        scratch: &mut [Scratch],
    ) {
        let Plan { format, width, wide, chunk, .. } = self.plan;
        let end = from + self.targets.len();
        let size = self.pair_tiles();
        let by_width = room(&mut hidden.by_width, self.pairs() * size, Tile::ZERO);
        share(scratch, by_width.chunks_exact_mut(size).enumerate(), |(pair, tiles), scratch| {
            let from = from + 32 * pair;
            let rows = Rows { values, width, wide, from, to: (from + 32).min(end) };
            rows.along(self.isa, format, &mut scratch.source, 2, tiles);
            for tile in tiles {
                isa::transpose(self.isa, tile);
            }
        });
        if both {
            let size = format.tiles(chunk, wide);
            let by_token = room(&mut hidden.by_token, self.chunks() * size, Tile::ZERO);
            share(scratch, by_token.chunks_exact_mut(size).enumerate(), |(number, tiles), scratch| {
                let from = from + chunk * number;
                let rows = Rows { values, width, wide, from, to: (from + chunk).min(end) };
                rows.across(self.isa, format, &mut scratch.source, self.chunk_tokens(number), tiles);
            });
        }
    }

    /// The first pass: statistics of each panel and 32 tokens, and what is kept of the logits.
    pub(super) fn forward(
        &self,
        hidden: &Hidden,
        found: &mut Vec<Found>,
        kept: Option<&mut Kept>,
        scratch: &mut [Scratch],
    ) {
        let (pairs, panels, panel) = (self.pairs(), self.plan.panels, self.plan.panel);
        let found = room(found, pairs * panels, Found::NONE);
        let (mut logits, mut exponentials): (&mut [Row], &mut [[u16; 32]]) = (&mut [], &mut []);
        if let Some(kept) = kept {
            if self.plan.format == Format::Bf16 {
                exponentials = room(&mut kept.exponentials, pairs * panels * panel, [0; 32]);
            } else {
                logits = room(&mut kept.logits, pairs * panels * panel, Row::ZERO);
            }
        }
        let logits = optional_chunks(logits, pairs * panel);
        let exponentials = optional_chunks(exponentials, pairs * panel);
        let items = found.chunks_exact_mut(pairs).zip(logits.zip(exponentials)).enumerate().take(panels);
        share(scratch, items, |(number, (found, (logits, exponentials))), scratch| {
            self.pack_left(number, scratch);
            for (pair, found) in found.iter_mut().enumerate() {
                self.logits(hidden, pair, scratch);
                let rows = &scratch.logits[..self.plan.entries(number).len()];
                *found = self.find(number, pair, rows);
                if let Some(logits) = logits.get_mut(pair * panel..(pair + 1) * panel) {
                    logits.copy_from_slice(&scratch.logits[..panel]);
                }
                if let Some(exponentials) = exponentials.get_mut(pair * panel..(pair + 1) * panel) {
                    isa::exponentials(self.isa, rows, self.inverse, &found.statistics.max, exponentials);
                }
            }
        });
    }

    /// A panel of the output matrix as left operand.
    fn pack_left(&self, panel: usize, scratch: &mut Scratch) {
        let Plan { format, width, wide, .. } = self.plan;
        let tiles = room(&mut scratch.left, format.tiles(self.plan.panel, wide), Tile::ZERO);
        let entries = self.plan.entries(panel);
        let rows = Rows { values: self.weights, width, wide, from: entries.start, to: entries.end };
        rows.along(self.isa, format, &mut scratch.source, self.plan.panel / 16, tiles);
    }

    /// The packed panel's logits of 32 tokens, before the temperature.
    fn logits(&self, hidden: &Hidden, pair: usize, scratch: &mut Scratch) {
        let Plan { format, wide, panel, .. } = self.plan;
        let size = self.pair_tiles();
        let right = &hidden.by_width[pair * size..(pair + 1) * size];
        let out = room(&mut scratch.logits, panel, Row::ZERO);
        product(self.isa, format, (&scratch.left, panel / 16), (right, 2), wide / format.depth(), out, false);
    }

    fn find(&self, panel: usize, pair: usize, rows: &[Row]) -> Found {
        let mut found = Found { statistics: isa::statistics(self.isa, rows, self.inverse), target: [0.0; 32] };
        for (lane, row) in self.targets_in(panel, pair) {
            found.target[lane] = rows[row].0[lane] * self.inverse;
        }
        found
    }

    /// Which of 32 tokens have their target in the panel, and in which of its rows.
    fn targets_in(&self, panel: usize, pair: usize) -> impl Iterator<Item = (usize, usize)> {
        let entries = self.plan.entries(panel);
        let targets = self.targets[32 * pair..].iter().take(32).enumerate();
        targets.filter_map(move |(lane, &target)| {
            let target = target as usize;
            entries.contains(&target).then(|| (lane, target - entries.start))
        })
    }

    /// The softmax of each token, over panels in their order.
    pub(super) fn merge(&self, found: &[Found], out: &mut Vec<Softmax>) {
        out.clear();
        out.extend(self.targets.iter().enumerate().map(|(token, &target)| {
            let own = target as usize / self.plan.panel;
            let at = |panel: usize| &found[panel * self.pairs() + token / 32];
            let lane = token % 32;
            let max = (0..self.plan.panels).map(|p| at(p).statistics.max[lane]).fold(f32::NEG_INFINITY, f32::max);
            let (mut sum, mut weighted) = (0.0f64, 0.0f64);
            for panel in 0..self.plan.panels {
                let part = &at(panel).statistics;
                let shift = f64::from(part.max[lane]) - f64::from(max);
                let scale = if shift == 0.0 { 1.0 } else { shift.exp() };
                sum += scale * part.sum[lane];
                if scale > 0.0 {
                    weighted += scale * (part.weighted[lane] + shift * part.sum[lane]);
                }
            }
            let log = sum.ln();
            let logp = f64::from(at(own).target[lane]) - f64::from(max) - log;
            Softmax { max, log: log as f32, logp: logp as f32, entropy: (log - weighted / sum) as f32 }
        }));
    }

    /// The second pass: gradients. `first` says whether the weights' gradient is written or added to.
    pub(super) fn backward(
        &self,
        given: &Given<'_>,
        sums: &mut Vec<Row>,
        weights: &mut Gradient<'_>,
        first: bool,
        scratch: &mut [Scratch],
    ) {
        let Plan { groups, wide, .. } = self.plan;
        let size = self.pairs() * 32 * (wide / 32);
        let sums = room(sums, groups * size, Row::ZERO);
        let ends: Vec<usize> =
            (0..groups).map(|g| self.plan.entries(self.plan.members(g).end - 1).end * self.plan.width).collect();
        let parts = weights.parts(&ends);
        let items = sums.chunks_exact_mut(size).zip(parts).enumerate();
        share(scratch, items, |(group, (sums, mut part)), scratch| {
            let start = self.plan.members(group).start;
            for panel in self.plan.members(group) {
                self.pack_right(panel, scratch);
                if !self.plan.keeps {
                    self.pack_left(panel, scratch);
                }
                let mut from = 0;
                for chunk in 0..self.chunks() {
                    self.slopes(given, panel, chunk, scratch);
                    let length = self.chunk_tokens(chunk) * (wide / 32);
                    self.products(given.hidden, chunk, panel > start, &mut sums[from..from + length], scratch);
                    from += length;
                }
                self.flush(panel, start, first, scratch, &mut part);
            }
        });
    }

    fn pack_right(&self, panel: usize, scratch: &mut Scratch) {
        let Plan { format, width, wide, .. } = self.plan;
        let tiles = room(&mut scratch.right, format.tiles(self.plan.panel, wide), Tile::ZERO);
        let entries = self.plan.entries(panel);
        let rows = Rows { values: self.weights, width, wide, from: entries.start, to: entries.end };
        rows.across(self.isa, format, &mut scratch.source, self.plan.panel, tiles);
    }

    /// dJ/dlogit of a panel and a chunk, as left operands of both products.
    fn slopes(&self, given: &Given<'_>, panel: usize, chunk: usize, scratch: &mut Scratch) {
        let &Given { hidden, found, softmax, up, kept } = given;
        let (rows, format) = (self.plan.panel, self.plan.format);
        let tokens = self.chunk_tokens(chunk);
        let size = format.tiles(rows, tokens);
        room(&mut scratch.by_entry, size, Tile::ZERO);
        room(&mut scratch.by_token, size, Tile::ZERO);
        let first = chunk * self.plan.chunk / 32;
        let valid = self.plan.entries(panel).len();
        for pair in first..first + tokens / 32 {
            let mut with = self.coefficients(pair, softmax, up);
            if !self.plan.keeps {
                self.logits(hidden, pair, scratch);
            }
            let out = room(&mut scratch.slopes, rows, Row::ZERO);
            out[valid..].fill(Row::ZERO);
            let at = (panel * self.pairs() + pair) * rows;
            if !self.plan.keeps {
                isa::gradient(self.isa, &scratch.logits[..valid], &with, out);
            } else if format == Format::Bf16 {
                let reference = &found[panel * self.pairs() + pair].statistics.max;
                with.max = std::array::from_fn(|i| reference[i] - with.max[i]);
                isa::gradient_of_kept(self.isa, &kept.exponentials[at..at + valid], &with, out);
            } else {
                isa::gradient(self.isa, &kept.logits[at..at + valid], &with, out);
            }
            for (lane, row) in self.targets_in(panel, pair) {
                out[row].0[lane] = self.target_slope(&softmax[32 * pair + lane], up.map(|up| up[32 * pair + lane]));
            }
            self.spread(pair - first, tokens, scratch);
        }
    }

    fn coefficients(&self, pair: usize, softmax: &[Softmax], up: [&[f32]; 2]) -> Coefficients {
        let (inverse, zero) = (self.inverse, [0.0; 32]);
        let mut with = Coefficients { inverse, max: zero, log: zero, constant: zero, slope: zero };
        let from = 32 * pair;
        for (lane, softmax) in softmax[from..].iter().take(32).enumerate() {
            let [logp, entropy] = up.map(|up| up[from + lane]);
            with.max[lane] = softmax.max;
            with.log[lane] = softmax.log;
            with.constant[lane] = -(logp + entropy * softmax.entropy) * inverse;
            with.slope[lane] = -entropy * inverse;
        }
        with
    }

    /// dJ/dlogit of the target: 1 - p without cancellation.
    fn target_slope(&self, softmax: &Softmax, [logp, entropy]: [f32; 2]) -> f32 {
        let p = softmax.logp.exp();
        (logp * -softmax.logp.exp_m1() - entropy * p * (softmax.logp + softmax.entropy)) * self.inverse
    }

    /// The slopes of 32 tokens into the tiles of both operands.
    fn spread(&self, pair: usize, tokens: usize, scratch: &mut Scratch) {
        let (rows, format) = (self.plan.panel, self.plan.format);
        let size = rows / 16 * (tokens / format.depth());
        let depths = [tokens / format.depth(), rows / format.depth()];
        for piece in 0..format.pieces() {
            let by_entry = &mut scratch.by_entry[piece * size..(piece + 1) * size];
            let by_token = &mut scratch.by_token[piece * size..(piece + 1) * size];
            if format == Format::F32 {
                self.spread_f32(pair, depths, &scratch.slopes[..rows], by_entry, by_token);
                continue;
            }
            for (high, rows) in scratch.slopes[..rows].chunks_exact(16).enumerate() {
                isa::pair_lanes(self.isa, rows, &mut by_entry[high * depths[0] + pair]);
            }
            for (deep, rows) in scratch.slopes[..rows].chunks_exact(32).enumerate() {
                for half in 0..2 {
                    let tile = &mut by_token[(2 * pair + half) * depths[1] + deep];
                    isa::pair_rows(self.isa, rows, half, tile);
                    isa::transpose(self.isa, tile);
                }
            }
            if piece + 1 < format.pieces() {
                isa::remainder(self.isa, &mut scratch.slopes[..rows]);
            }
        }
    }

    fn spread_f32(
        &self,
        pair: usize,
        depths: [usize; 2],
        slopes: &[Row],
        by_entry: &mut [Tile],
        by_token: &mut [Tile],
    ) {
        for (high, rows) in slopes.chunks_exact(16).enumerate() {
            for half in 0..2 {
                let entry = &mut by_entry[high * depths[0] + 2 * pair + half];
                for (at, row) in rows.iter().enumerate() {
                    put_f32(&row.0[16 * half..16 * half + 16], at, entry);
                }
                let token = &mut by_token[(2 * pair + half) * depths[1] + high];
                *token = *entry;
                isa::transpose(self.isa, token);
            }
        }
    }

    /// Both products of a panel and a chunk.
    fn products(&self, hidden: &Hidden, chunk: usize, add: bool, sums: &mut [Row], scratch: &mut Scratch) {
        let Plan { format, wide, panel: rows, .. } = self.plan;
        let tokens = self.chunk_tokens(chunk);
        let size = format.tiles(self.plan.chunk, wide);
        let hidden = &hidden.by_token[chunk * size..(chunk + 1) * size];
        let out = room(&mut scratch.sums, rows * (wide / 32), Row::ZERO);
        product(
            self.isa,
            format,
            (&scratch.by_entry, rows / 16),
            (hidden, wide / 16),
            tokens / format.depth(),
            out,
            chunk > 0,
        );
        let left = (&scratch.by_token[..], tokens / 16);
        product(self.isa, format, left, (&scratch.right, wide / 16), rows / format.depth(), sums, add);
    }

    /// The panel's gradient into the output.
    fn flush(&self, panel: usize, start: usize, first: bool, scratch: &Scratch, part: &mut Gradient<'_>) {
        let entries = self.plan.entries(panel);
        let skip = self.plan.entries(start).start;
        for (at, entry) in entries.enumerate() {
            let out = (entry - skip) * self.plan.width;
            for (strip, column) in (0..self.plan.width).step_by(32).enumerate() {
                let to = (column + 32).min(self.plan.width);
                let row = &scratch.sums[strip * self.plan.panel + at].0;
                part.put(self.isa, out + column..out + to, row, !first);
            }
        }
    }

    /// The hidden gradient: the sums of the groups, in their order.
    pub(super) fn hidden_gradient(&self, from: usize, sums: &[Row], out: &mut Gradient<'_>) {
        let Plan { groups, wide, width, .. } = self.plan;
        let size = self.pairs() * wide;
        for token in 0..self.targets.len() {
            let chunk = token / self.plan.chunk;
            let rows = self.chunk_tokens(chunk);
            let base = chunk * self.plan.chunk * (wide / 32) + token % self.plan.chunk;
            for (strip, column) in (0..width).step_by(32).enumerate() {
                let mut row = sums[base + strip * rows].0;
                for group in 1..groups {
                    isa::flush(self.isa, &mut row, &sums[group * size + base + strip * rows].0, true);
                }
                let at = (from + token) * width + column;
                out.put(self.isa, at..at + 32.min(width - column), &row, false);
            }
        }
    }
}

/// Chunks of a slice, or empty slices forever.
fn optional_chunks<T: Send>(slice: &mut [T], size: usize) -> impl Iterator<Item = &mut [T]> + Send {
    let some = !slice.is_empty();
    let empty = std::iter::repeat_with(|| -> &mut [T] { &mut [] }).take(if some { 0 } else { usize::MAX });
    slice.chunks_mut(size.max(1)).chain(empty)
}
