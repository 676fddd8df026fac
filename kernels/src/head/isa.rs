//! Which instructions this machine has, and the inner loops written in them: with the files below it the only code here with `unsafe`.
//!
//! A product works on tiles of 16 x 16 dwords (1 KB, aligned to a cache line). A dword is one f32, or two bf16 that are
//! neighbours along the summed dimension, so that every instruction set reads the same format:
//!
//! ```text
//! left  tile  [16 rows][16 dwords of the sum]      right tile  [16 dwords of the sum][16 columns]
//! ```
//!
//! What is safe to call is decided once: an [`Isa`] other than plain exists only where [`Isa::available`] found it.

#![allow(unsafe_code)]

mod block;
#[cfg(target_arch = "x86_64")]
mod detect;
mod lines;
mod region;
#[cfg(target_arch = "x86_64")]
mod soft;
#[cfg(target_arch = "x86_64")]
mod widened;
#[cfg(target_arch = "x86_64")]
mod x86;

use super::lanes;
pub(crate) use lines::{GROUP, Lines, Reach, widens};
pub use region::Region;

/// One tile: 16 x 16 dwords, row after row.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct Tile(pub [u32; 256]);

impl Tile {
    pub(crate) const ZERO: Tile = Tile([0; 256]);
}

/// 32 numbers side by side: one row of a strip of results.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(64))]
pub struct Row(pub [f32; 32]);

impl Row {
    pub(crate) const ZERO: Row = Row([0.0; 32]);
}

impl Default for Row {
    fn default() -> Self {
        Row::ZERO
    }
}

/// The instruction set of the inner loops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Isa {
    /// Plain Rust, on any machine.
    Plain,
    /// AVX2 and FMA, 8 lanes; bf16 pairs are widened to f32.
    Avx2,
    /// AVX-512, 16 lanes; bf16 pairs are widened to f32.
    Avx512,
    /// AVX-512 with `vdpbf16ps` for bf16 (f32 as [`Isa::Avx512`]).
    Avx512Bf16,
    /// AMX tiles: `tdpbf16ps` for bf16, and for f32 in bf16 pieces.
    Amx,
}

impl Isa {
    /// Every instruction set, the slowest first.
    pub const ALL: [Isa; 5] = [Isa::Plain, Isa::Avx2, Isa::Avx512, Isa::Avx512Bf16, Isa::Amx];

    /// Whether this machine and its kernel have it.
    pub fn available(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        return detect::has(self);
        #[cfg(not(target_arch = "x86_64"))]
        return self == Isa::Plain;
    }

    /// The fastest one of this machine.
    ///
    /// ```
    /// use longlab_kernels::head::Isa;
    /// assert!(Isa::best().available() && Isa::Plain.available());
    /// ```
    pub fn best() -> Isa {
        Isa::ALL.into_iter().rev().find(|isa| isa.available()).unwrap_or(Isa::Plain)
    }
}

/// A packed operand: `outer` rows (left) or columns (right) of tiles, `depth` tiles along the sum, depth innermost.
#[derive(Clone, Copy)]
pub(crate) struct Packed<'a> {
    pub tiles: &'a [Tile],
    pub outer: usize,
    pub depth: usize,
}

impl<'a> Packed<'a> {
    pub(crate) fn new(tiles: &'a [Tile], outer: usize, depth: usize) -> Self {
        assert!(outer.is_multiple_of(2) && depth > 0 && tiles.len() >= outer * depth, "whole pairs of tiles");
        Packed { tiles, outer, depth }
    }
}

/// Where results go.
#[derive(Clone, Copy)]
struct Spot {
    at: *mut f32,
    /// Numbers from one row to the next.
    row: usize,
    /// Numbers from one panel of 32 columns to the next.
    panel: usize,
}

/// Tiles along the sum in one go: the two right columns (2 KB a step) stay in half of the first-level cache.
const DEPTH: usize = 10;

/// What the dwords of tiles hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dword {
    F32,
    Bf16,
}

/// out = left right, or out += left right. `out` holds strips of 32 columns, each `16 left.outer` rows.
pub(crate) fn multiply(isa: Isa, dword: Dword, left: Packed<'_>, right: Packed<'_>, out: &mut [Row], add: bool) {
    multiply_first(isa, dword, 16 * left.outer, left, right, out, add);
}

/// [`multiply`], of which the first `wanted` rows count: what the others are is not said.
pub(crate) fn multiply_first(
    isa: Isa,
    dword: Dword,
    wanted: usize,
    left: Packed<'_>,
    right: Packed<'_>,
    out: &mut [Row],
    add: bool,
) {
    assert!(isa.available(), "{isa:?} on this machine");
    assert_eq!(left.depth, right.depth, "one depth");
    let rows = 16 * left.outer;
    assert!(out.len() >= rows * (right.outer / 2), "room for every strip");
    #[cfg(target_arch = "x86_64")]
    if (isa, dword) == (Isa::Avx512, Dword::Bf16) {
        // SAFETY: AVX-512 is there, and `out` has room.
        return unsafe { widened::multiply(wanted, left, right, out, add) };
    }
    let pieces = left.depth.div_ceil(DEPTH);
    let step = left.depth.div_ceil(pieces);
    let tiles = block::Session::new(isa, dword);
    for (pair, strip) in out.chunks_exact_mut(rows).take(right.outer / 2).enumerate() {
        for from in (0..left.depth).step_by(step) {
            let depth = step.min(left.depth - from);
            for (high, block) in strip.chunks_exact_mut(32).enumerate().take(wanted.div_ceil(32)) {
                let at = |operand: &Packed<'_>, outer: usize| outer * operand.depth + from;
                let l = [at(&left, 2 * high), at(&left, 2 * high + 1)].map(|i| &left.tiles[i..i + depth]);
                let r = [at(&right, 2 * pair), at(&right, 2 * pair + 1)].map(|i| &right.tiles[i..i + depth]);
                let rows = (wanted - 32 * high).min(32);
                tiles.block(rows, l, r, block.try_into().expect("32 rows"), add || from > 0);
            }
        }
    }
}

/// Runs lane code of [`lanes`] compiled for the instruction set.
macro_rules! dispatch {
    ($($(#[$doc:meta])* $name:ident ( $($arg:ident : $type:ty),* ) $(-> $out:ty)?;)*) => {$(
        $(#[$doc])*
        pub(crate) fn $name(isa: Isa, $($arg: $type),*) $(-> $out)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,fma")]
                fn avx2($($arg: $type),*) $(-> $out)? {
                    lanes::$name::<true>($($arg),*)
                }
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,fma")]
                fn avx512($($arg: $type),*) $(-> $out)? {
                    lanes::$name::<true>($($arg),*)
                }
                assert!(isa.available(), "{isa:?} on this machine");
                // SAFETY: `available` has found the features that each function is compiled for.
                match isa {
                    Isa::Plain => {}
                    Isa::Avx2 => return unsafe { avx2($($arg),*) },
                    Isa::Avx512 | Isa::Avx512Bf16 | Isa::Amx => return unsafe { avx512($($arg),*) },
                }
            }
            let _ = isa;
            lanes::$name::<false>($($arg),*)
        }
    )*};
}

dispatch! {
    /// See [`lanes::statistics`].
    statistics(rows: &[Row], inverse: f32) -> lanes::Statistics;
    /// See [`lanes::exponentials`].
    exponentials(rows: &[Row], inverse: f32, reference: &[f32; 32], kept: &mut [[u16; 32]]);
    /// See [`lanes::gradient`].
    gradient(rows: &[Row], coefficients: &lanes::Coefficients, out: &mut [Row]);
    /// See [`lanes::gradient_of_kept`].
    gradient_of_kept(kept: &[[u16; 32]], coefficients: &lanes::Coefficients, out: &mut [Row]);
    /// See [`lanes::soften`].
    soften(scores: &mut [Row], height: usize, count: usize, before: f32, tiles: &mut [Tile], line: usize) -> (f32, f32);
    /// See [`lanes::swiglu`].
    swiglu(gate: &mut [f32], up: &[f32]);
    /// See [`lanes::pair_lanes`].
    pair_lanes(rows: &[Row], out: &mut Tile);
    /// See [`lanes::pair_rows`].
    pair_rows(rows: &[Row], half: usize, out: &mut Tile);
    /// See [`lanes::remainder`].
    remainder(rows: &mut [Row]);
    /// See [`lanes::split`].
    split(values: &mut [f32], piece: &mut [u16]);
    /// See [`lanes::copy_pairs`].
    copy_pairs(row: &[u16], at: usize, tiles: &mut [Tile]);
    /// See [`lanes::interleave`].
    interleave(rows: [&[u16]; 2], at: usize, depth: usize, tiles: &mut [Tile]);
    /// See [`lanes::flush`].
    flush(row: &mut [f32], strip: &[f32], add: bool);
    /// See [`lanes::rounded`].
    rounded(row: &[f32], lines: &mut [Row], step: usize);
    /// See [`lanes::round`].
    round(row: &mut [u16], strip: &[f32]);
}

/// [`soften`] of a row of panels side by side, its weights in f32 in every `step`th line, where left sides are held so.
pub(crate) fn soften_lines(
    isa: Isa,
    scores: &mut [Row],
    count: usize,
    before: f32,
    lines: &mut [Row],
    step: usize,
) -> (f32, f32) {
    assert!(widens(isa) && isa.available(), "{isa:?} on this machine");
    #[cfg(target_arch = "x86_64")]
    // SAFETY: AVX-512 is there.
    return unsafe { soft::soften(scores, count, before, lines, step) };
    #[cfg(not(target_arch = "x86_64"))]
    unreachable!("no instruction set of this machine widens: {count} {before} {step} {} {}", scores.len(), lines.len());
}

/// Asks for tiles that will be needed soon.
pub(crate) fn fetch(tiles: &[Tile]) {
    for line in tiles.iter().flat_map(|tile| tile.0.as_chunks::<16>().0) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: it reads nothing that the program sees.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast());
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = line;
    }
}

/// The 16 x 16 dwords mirrored at the diagonal.
pub(crate) fn transpose(isa: Isa, tile: &mut Tile) {
    #[cfg(target_arch = "x86_64")]
    if isa >= Isa::Avx512 {
        assert!(isa.available(), "{isa:?} on this machine");
        // SAFETY: AVX-512 is there.
        return unsafe { x86::transpose(tile) };
    }
    let _ = isa;
    for i in 0..16 {
        for j in 0..i {
            tile.0.swap(16 * i + j, 16 * j + i);
        }
    }
}
