//! The sizes of panels, chunks and blocks. They depend on shapes and options, never on the number of threads, so that
//! every sum is taken in the same order however many there are.

use super::isa::Dword;
use super::{Isa, Options, Values};

/// Bytes of a panel of the output matrix in tiles: what fits the second-level cache beside a strip of logits.
const PANEL_BYTES: usize = 1_310_720;
/// Most entries of the vocabulary in a panel.
const PANEL_ROWS: usize = 512;
/// Most tokens of one product with a panel.
const CHUNK_TOKENS: usize = 512;
/// Bytes of the sums of the hidden gradient over all groups.
const SUM_BYTES: usize = 24 << 20;
/// Most groups, and so most threads that a backward pass has work for.
const GROUPS: usize = 8;
/// Most tokens in a block that keeps nothing.
const BLOCK_TOKENS: usize = 8192;

/// How numbers are held in tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    F32,
    Bf16,
    /// f32 as a sum of so many bf16 numbers.
    Pieces(usize),
}

/// Left and right piece of each product of [`Format::Pieces`], the smallest first.
const PRODUCTS: [(usize, usize); 6] = [(0, 2), (2, 0), (1, 1), (0, 1), (1, 0), (0, 0)];

impl Format {
    pub(super) fn of(values: Values<'_>, options: &Options) -> Format {
        match values {
            Values::Bf16(_) => Format::Bf16,
            Values::F32(_) if options.isa == Isa::Amx => Format::Pieces(3),
            Values::F32(_) => Format::F32,
        }
    }

    pub(super) fn dword(self) -> Dword {
        if self == Format::F32 { Dword::F32 } else { Dword::Bf16 }
    }

    /// Numbers of a sum in one tile.
    pub(super) fn depth(self) -> usize {
        if self == Format::F32 { 16 } else { 32 }
    }

    pub(super) fn pieces(self) -> usize {
        if let Format::Pieces(n) = self { n } else { 1 }
    }

    pub(super) fn products(self) -> &'static [(usize, usize)] {
        match self {
            Format::Pieces(3) => &PRODUCTS,
            Format::Pieces(2) => &PRODUCTS[3..],
            _ => &PRODUCTS[5..],
        }
    }

    /// Tiles of a matrix, all pieces.
    pub(super) fn tiles(self, outer: usize, inner: usize) -> usize {
        outer / 16 * (inner / self.depth()) * self.pieces()
    }
}

/// The plan of a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub format: Format,
    pub width: usize,
    /// Width rounded up to whole pairs of tiles.
    pub wide: usize,
    pub vocabulary: usize,
    /// Rows of a panel, a multiple of 32.
    pub panel: usize,
    pub panels: usize,
    /// Tokens of a block (the last one may be shorter).
    pub block: usize,
    /// Tokens of a chunk, a multiple of 32.
    pub chunk: usize,
    pub groups: usize,
    /// Whether logits (f32) or their exponentials (bf16) are kept between the passes.
    pub keeps: bool,
}

impl Plan {
    pub(super) fn new(values: Values<'_>, width: usize, vocabulary: usize, tokens: usize, options: &Options) -> Plan {
        let format = Format::of(values, options);
        let wide = width.next_multiple_of(32);
        let row_bytes = format.tiles(16, wide) * 1024 / 16;
        let panel = (PANEL_BYTES / row_bytes / 32 * 32).clamp(64, PANEL_ROWS).min(vocabulary.next_multiple_of(32));
        let panels = vocabulary.div_ceil(panel);
        let per_token = panels * panel * if format == Format::Bf16 { 2 } else { 4 };
        let room = options.kept_bytes / per_token / 32 * 32;
        let keeps = room > 0;
        let most = if keeps { room } else { BLOCK_TOKENS };
        let block = evenly(tokens, most);
        let chunk = evenly(block, CHUNK_TOKENS);
        let groups = (SUM_BYTES / (block * wide * 4)).clamp(1, GROUPS).min(panels);
        Plan { format, width, wide, vocabulary, panel, panels, block, chunk, groups, keeps }
    }

    /// One block of all tokens, nothing kept: every gradient is summed in f32 and written once.
    pub(super) fn in_one(
        values: Values<'_>,
        width: usize,
        vocabulary: usize,
        tokens: usize,
        options: &Options,
    ) -> Plan {
        let plan = Plan::new(values, width, vocabulary, tokens, options);
        if plan.block >= tokens {
            return plan;
        }
        let block = tokens.next_multiple_of(32);
        let groups = (SUM_BYTES / (block * plan.wide * 4)).clamp(1, GROUPS).min(plan.panels);
        Plan { block, chunk: evenly(block, CHUNK_TOKENS), groups, keeps: false, ..plan }
    }

    /// Entries of the vocabulary in a panel.
    pub(super) fn entries(&self, panel: usize) -> std::ops::Range<usize> {
        panel * self.panel..((panel + 1) * self.panel).min(self.vocabulary)
    }

    /// Panels of a group.
    pub(super) fn members(&self, group: usize) -> std::ops::Range<usize> {
        self.panels * group / self.groups..self.panels * (group + 1) / self.groups
    }
}

/// The size of pieces of at most `most`, a multiple of 32, that divide `all` about evenly.
fn evenly(all: usize, most: usize) -> usize {
    all.div_ceil(all.div_ceil(most)).next_multiple_of(32)
}
