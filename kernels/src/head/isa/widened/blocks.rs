//! Blocks of results whose sums fill the registers.

use super::DEEP;
use std::arch::x86_64::*;

/// Bytes that a column is fetched ahead.
const AHEAD: usize = 4096;

/// Where a block of results lies.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// Numbers from one row of the results to the next.
    pub row: usize,
    /// Numbers from one panel of the results to the next.
    pub panel: usize,
    /// Tiles from one column of the right side to the next.
    pub depth: usize,
    /// Tiles of the sum.
    pub deep: usize,
    pub add: bool,
}

/// Calls [`block`] for so many rows and panels.
///
/// # Safety
/// As [`block`].
pub(super) unsafe fn run(rows: usize, panels: usize, left: *const f32, right: *const f32, out: *mut f32, place: Place) {
    let none = std::ptr::null_mut();
    // SAFETY: the caller's.
    unsafe {
        match (rows, panels) {
            (1, 2) => block::<1, 2, false>(left, right, none, out, place),
            (1, _) => block::<1, 1, false>(left, right, none, out, place),
            (2, _) => block::<2, 1, false>(left, right, none, out, place),
            (3, _) => block::<3, 1, false>(left, right, none, out, place),
            (4, _) => block::<4, 1, false>(left, right, none, out, place),
            (5, _) => block::<5, 1, false>(left, right, none, out, place),
            (6, _) => block::<6, 1, false>(left, right, none, out, place),
            (7, _) => block::<7, 1, false>(left, right, none, out, place),
            (8, _) => block::<8, 1, false>(left, right, none, out, place),
            (9, _) => block::<9, 1, false>(left, right, none, out, place),
            (10, _) => block::<10, 1, false>(left, right, none, out, place),
            (11, _) => block::<11, 1, false>(left, right, none, out, place),
            (_, _) => block::<12, 1, false>(left, right, none, out, place),
        }
    }
}

/// Calls [`block_again`] for so many rows.
///
/// # Safety
/// As [`block_again`].
pub(super) unsafe fn run_again(
    rows: usize,
    left: *const f32,
    room: *const f32,
    next: *const f32,
    out: *mut f32,
    place: Place,
) {
    // SAFETY: the caller's.
    unsafe {
        match rows {
            1 => block_again::<1>(left, room, next, out, place),
            2 => block_again::<2>(left, room, next, out, place),
            3 => block_again::<3>(left, room, next, out, place),
            4 => block_again::<4>(left, room, next, out, place),
            5 => block_again::<5>(left, room, next, out, place),
            6 => block_again::<6>(left, room, next, out, place),
            7 => block_again::<7>(left, room, next, out, place),
            8 => block_again::<8>(left, room, next, out, place),
            9 => block_again::<9>(left, room, next, out, place),
            10 => block_again::<10>(left, room, next, out, place),
            11 => block_again::<11>(left, room, next, out, place),
            _ => block_again::<12>(left, room, next, out, place),
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

/// R rows of P panels; where they are kept, the widened numbers go to `room`, 32 columns after 32 columns.
///
/// # Safety
/// AVX-512F is available; `left` points to `deep` tiles of R lines, `right` to 2 P columns of as many tiles, `out` to P panels; where
/// numbers are kept, P is 1 and `room` has 1024 of them a tile.
#[target_feature(enable = "avx512f")]
#[allow(clippy::needless_range_loop, reason = "the numbers of rows and panels are places too")]
pub(super) unsafe fn block<const R: usize, const P: usize, const KEEP: bool>(
    left: *const f32,
    right: *const f32,
    room: *mut f32,
    out: *mut f32,
    place: Place,
) {
    let mask = _mm512_set1_epi32(0xffff_0000u32 as i32);
    let mut sums = [[[_mm512_setzero_ps(); 2]; P]; R];
    // SAFETY: all places are those of the function's contract: 256 dwords a tile, 32 numbers a line.
    unsafe {
        if place.add {
            for p in 0..P {
                let at = out.add(p * place.panel);
                rows!(R, |r| {
                    let at = at.add(r * place.row);
                    sums[r][p] = [_mm512_loadu_ps(at), _mm512_loadu_ps(at.add(16))];
                });
            }
        }
        for tile in 0..place.deep {
            let left = left.add(DEEP * R * tile);
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
                    if KEEP {
                        let room = room.add(DEEP * (DEEP * tile + 2 * k));
                        _mm512_store_ps(room, low[0]);
                        _mm512_store_ps(room.add(16), low[1]);
                        _mm512_store_ps(room.add(32), high[0]);
                        _mm512_store_ps(room.add(48), high[1]);
                    }
                    rows!(R, |r| {
                        let a = _mm512_set1_ps(*left.add(DEEP * r + 2 * k));
                        sums[r][p][0] = _mm512_fmadd_ps(a, low[0], sums[r][p][0]);
                        sums[r][p][1] = _mm512_fmadd_ps(a, low[1], sums[r][p][1]);
                    });
                    rows!(R, |r| {
                        let a = _mm512_set1_ps(*left.add(DEEP * r + 2 * k + 1));
                        sums[r][p][0] = _mm512_fmadd_ps(a, high[0], sums[r][p][0]);
                        sums[r][p][1] = _mm512_fmadd_ps(a, high[1], sums[r][p][1]);
                    });
                }
            }
        }
        for p in 0..P {
            let at = out.add(p * place.panel);
            rows!(R, |r| {
                let at = at.add(r * place.row);
                _mm512_storeu_ps(at, sums[r][p][0]);
                _mm512_storeu_ps(at.add(16), sums[r][p][1]);
            });
        }
    }
}

/// R rows of a panel that [`block`] has kept widened; `next` is fetched meanwhile, a line of the cache for each pair of terms.
///
/// # Safety
/// AVX-512F is available; `left` points to `deep` tiles of R lines, `room` to as many tiles of 1024 numbers, `out` to a panel.
#[target_feature(enable = "avx512f")]
#[allow(clippy::needless_range_loop, reason = "the numbers of rows are places too")]
unsafe fn block_again<const R: usize>(
    left: *const f32,
    room: *const f32,
    next: *const f32,
    out: *mut f32,
    place: Place,
) {
    let mut sums = [[_mm512_setzero_ps(); 2]; R];
    // SAFETY: all places are those of the function's contract; a fetch ahead may go anywhere.
    unsafe {
        if place.add {
            rows!(R, |r| {
                let at = out.add(r * place.row);
                sums[r] = [_mm512_loadu_ps(at), _mm512_loadu_ps(at.add(16))];
            });
        }
        for tile in 0..place.deep {
            let (left, room) = (left.add(DEEP * R * tile), room.add(DEEP * DEEP * tile));
            for k in 0..16 {
                _mm_prefetch::<_MM_HINT_T1>(next.wrapping_add(256 * tile + 16 * k).cast());
                for k in [2 * k, 2 * k + 1] {
                    let room = room.add(DEEP * k);
                    let right = [_mm512_load_ps(room), _mm512_load_ps(room.add(16))];
                    rows!(R, |r| {
                        let a = _mm512_set1_ps(*left.add(DEEP * r + k));
                        sums[r][0] = _mm512_fmadd_ps(a, right[0], sums[r][0]);
                        sums[r][1] = _mm512_fmadd_ps(a, right[1], sums[r][1]);
                    });
                }
            }
        }
        rows!(R, |r| {
            let at = out.add(r * place.row);
            _mm512_storeu_ps(at, sums[r][0]);
            _mm512_storeu_ps(at.add(16), sums[r][1]);
        });
    }
}
