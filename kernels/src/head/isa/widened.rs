//! Products of bf16 numbers where AVX-512 has no instruction for them: both sides are widened to f32, the left one once a call, so that
//! the inner loop broadcasts it from memory and does little besides multiplying and adding.
//!
//! A result's terms are added in the order of the sum, the lower half of each dword first, however many rows and panels are computed
//! together: it is the same to the last bit in any company.

use super::{Packed, Row};
use std::arch::x86_64::*;
use std::cell::RefCell;

/// Rows that are computed together: with one panel their sums fill 24 of the 32 registers.
const ROWS: usize = 12;

/// Numbers of a row in a tile.
const DEEP: usize = 32;

/// Tiles along the sum in one go: those of a panel and of a few groups of rows stay in the first-level cache.
const DEPTH: usize = 18;

/// Numbers of the left side that are widened at once: they stay in the second-level cache.
const WIDE: usize = 96 << 10;

/// Rows so few that two panels are computed together.
const SIDE: usize = 1;

/// Bytes that a column is fetched ahead.
const AHEAD: usize = 4096;

/// One row of a widened tile: the lower halves, then the upper ones.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Wide([f32; DEEP]);

thread_local! {
    static ROOM: RefCell<Vec<Wide>> = const { RefCell::new(Vec::new()) };
}

/// The first `wanted` rows of out = left right, or out += left right; see [`super::multiply`].
///
/// # Safety
/// AVX-512F is available; `out` has room for every strip.
pub(super) unsafe fn multiply(wanted: usize, left: Packed<'_>, right: Packed<'_>, out: &mut [Row], add: bool) {
    let (depth, height) = (left.depth, 16 * left.outer);
    let block = (WIDE / (DEEP * depth)).next_multiple_of(ROWS);
    ROOM.with_borrow_mut(|room| {
        for from in (0..wanted).step_by(block) {
            let rows = block.min(wanted - from);
            room.resize(room.len().max(rows * depth), Wide([0.0; DEEP]));
            let room = &mut room[..rows * depth];
            for (group, room) in (from..from + rows).step_by(ROWS).zip(room.chunks_mut(ROWS * depth)) {
                // SAFETY: the caller has AVX-512F.
                unsafe { widen(left, group, room) };
            }
            // SAFETY: as above; `room` holds the groups of these rows.
            unsafe { panels(room, from, rows, right, height, out, add) };
        }
    });
}

/// Widens as many rows of the left side as there is room for, tile after tile.
///
/// # Safety
/// AVX-512F is available.
#[target_feature(enable = "avx512f")]
unsafe fn widen(left: Packed<'_>, from: usize, room: &mut [Wide]) {
    let mask = _mm512_set1_epi32(0xffff_0000u32 as i32);
    for (depth, room) in room.chunks_exact_mut(room.len() / left.depth).enumerate() {
        for (row, wide) in (from..).zip(room) {
            let dwords = &left.tiles[row / 16 * left.depth + depth].0[16 * (row % 16)..][..16];
            // SAFETY: 16 dwords are read, 32 numbers written.
            unsafe {
                let dwords = _mm512_loadu_si512(dwords.as_ptr().cast());
                let [low, high] = [_mm512_slli_epi32::<16>(dwords), _mm512_and_si512(dwords, mask)];
                _mm512_store_ps(wide.0.as_mut_ptr(), _mm512_castsi512_ps(low));
                _mm512_store_ps(wide.0.as_mut_ptr().add(16), _mm512_castsi512_ps(high));
            }
        }
    }
}

/// All panels of some rows.
///
/// # Safety
/// AVX-512F is available; `room` holds `rows` rows in groups; `out` has room for strips of `height` rows.
unsafe fn panels(
    room: &[Wide],
    from: usize,
    rows: usize,
    right: Packed<'_>,
    height: usize,
    out: &mut [Row],
    add: bool,
) {
    let (depth, count) = (right.depth, right.outer / 2);
    assert!(room.len() == rows * depth && from + rows <= height && out.len() >= height * count, "room for every strip");
    // Few rows share a load of the right side among few sums: then several panels at once keep the adders busy.
    let side = if rows <= SIDE { 2 } else { 1 };
    let pieces = depth.div_ceil(DEPTH);
    let step = if rows <= ROWS { depth } else { depth.div_ceil(pieces) };
    let mut panel = 0;
    while panel < count {
        let together = if panel + side <= count { side } else { 1 };
        for begin in (0..depth).step_by(step) {
            let deep = step.min(depth - begin);
            for group in (0..rows).step_by(ROWS) {
                let tall = ROWS.min(rows - group);
                let place = Place { height, depth, deep, add: add || begin > 0 };
                // SAFETY: group `group` begins after so many rows of `depth` tiles each; panels `panel` and on are whole in
                // `right` and `out`.
                unsafe {
                    let left = room.as_ptr().add(group * depth + begin * tall);
                    let right = right.tiles.as_ptr().add(2 * panel * depth + begin).cast::<f32>();
                    let out = out.as_mut_ptr().add(panel * height + from + group);
                    run(tall, together, left, right, out, place);
                }
            }
        }
        panel += together;
    }
}

/// Where a block of results lies.
#[derive(Clone, Copy)]
struct Place {
    /// Rows from one panel of the results to the next.
    height: usize,
    /// Tiles from one column of the right side to the next.
    depth: usize,
    /// Tiles of the sum.
    deep: usize,
    add: bool,
}

/// Calls [`block`] for so many rows and panels.
///
/// # Safety
/// As [`block`].
unsafe fn run(rows: usize, panels: usize, left: *const Wide, right: *const f32, out: *mut Row, place: Place) {
    // SAFETY: the caller's.
    unsafe {
        match (rows, panels) {
            (1, 2) => block::<1, 2>(left, right, out, place),
            (2, 2) => block::<2, 2>(left, right, out, place),
            (3, 2) => block::<3, 2>(left, right, out, place),
            (4, 2) => block::<4, 2>(left, right, out, place),
            (5, 2) => block::<5, 2>(left, right, out, place),
            (1, _) => block::<1, 1>(left, right, out, place),
            (2, _) => block::<2, 1>(left, right, out, place),
            (3, _) => block::<3, 1>(left, right, out, place),
            (4, _) => block::<4, 1>(left, right, out, place),
            (5, _) => block::<5, 1>(left, right, out, place),
            (6, _) => block::<6, 1>(left, right, out, place),
            (7, _) => block::<7, 1>(left, right, out, place),
            (8, _) => block::<8, 1>(left, right, out, place),
            (9, _) => block::<9, 1>(left, right, out, place),
            (10, _) => block::<10, 1>(left, right, out, place),
            (11, _) => block::<11, 1>(left, right, out, place),
            (_, _) => block::<12, 1>(left, right, out, place),
        }
    }
}

/// Repeats a statement for the numbers below R. Loops over many vectors are not always unrolled, and then the sums are not in registers.
macro_rules! rows {
    ($count:ident, |$r:ident| $work:block) => { rows!(@ $count, $r, $work, 0 1 2 3 4 5 6 7 8 9 10 11) };
    (@ $count:ident, $r:ident, $work:block, $($number:literal)*) => {$(
        if $number < $count {
            let $r: usize = $number;
            $work
        }
    )*};
}

/// R rows of P panels.
///
/// # Safety
/// AVX-512F is available; `left` points to `deep` tiles of R widened rows, `right` to 2 P columns of as many tiles, `out` to P panels.
#[target_feature(enable = "avx512f")]
#[allow(clippy::needless_range_loop, reason = "the numbers of rows and panels are places too")]
unsafe fn block<const R: usize, const P: usize>(left: *const Wide, right: *const f32, out: *mut Row, place: Place) {
    let mask = _mm512_set1_epi32(0xffff_0000u32 as i32);
    let mut sums = [[[_mm512_setzero_ps(); 2]; P]; R];
    // SAFETY: all places are those of the function's contract: 256 dwords a tile, 32 numbers a row.
    unsafe {
        if place.add {
            for p in 0..P {
                let row = out.add(p * place.height).cast::<f32>();
                rows!(R, |r| { sums[r][p] = [_mm512_load_ps(row.add(32 * r)), _mm512_load_ps(row.add(32 * r + 16))] });
            }
        }
        for tile in 0..place.deep {
            let left = left.add(tile * R).cast::<f32>();
            let right = right.add(256 * tile);
            for k in 0..16 {
                for p in 0..P {
                    let at = right.add(512 * p * place.depth + 16 * k);
                    let bits = [at, at.add(256 * place.depth)].map(|at| {
                        _mm_prefetch::<_MM_HINT_T0>(at.wrapping_byte_add(AHEAD).cast());
                        _mm512_load_si512(at.cast())
                    });
                    let low = bits.map(|bits| _mm512_castsi512_ps(_mm512_slli_epi32::<16>(bits)));
                    let high = bits.map(|bits| _mm512_castsi512_ps(_mm512_and_si512(bits, mask)));
                    rows!(R, |r| {
                        let a = _mm512_set1_ps(*left.add(DEEP * r + k));
                        sums[r][p][0] = _mm512_fmadd_ps(a, low[0], sums[r][p][0]);
                        sums[r][p][1] = _mm512_fmadd_ps(a, low[1], sums[r][p][1]);
                    });
                    rows!(R, |r| {
                        let a = _mm512_set1_ps(*left.add(DEEP * r + 16 + k));
                        sums[r][p][0] = _mm512_fmadd_ps(a, high[0], sums[r][p][0]);
                        sums[r][p][1] = _mm512_fmadd_ps(a, high[1], sums[r][p][1]);
                    });
                }
            }
        }
        for p in 0..P {
            let row = out.add(p * place.height).cast::<f32>();
            rows!(R, |r| {
                _mm512_store_ps(row.add(32 * r), sums[r][p][0]);
                _mm512_store_ps(row.add(32 * r + 16), sums[r][p][1]);
            });
        }
    }
}
