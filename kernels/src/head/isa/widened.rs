//! Products of bf16 numbers where AVX-512 has no instruction for them: both sides are widened to f32, the left one once a call or before
//! it, the right one by the first rows that need it, so that the inner loop does little besides multiplying and adding.
//!
//! A result's terms are added in the order of the sum, however many rows and panels are computed together: it is the same to the last
//! bit in any company.

mod blocks;

use super::lines::{GROUP, Reach};
use super::{Packed, Row, Spot};
use blocks::{Place, block, run, run_again};
use std::arch::x86_64::*;
use std::cell::RefCell;

/// Rows that are computed together: with one panel their sums fill 24 of the 32 registers.
const ROWS: usize = GROUP;

/// Numbers of a row in a tile.
const DEEP: usize = 32;

/// Tiles along the sum in one go: those of a widened panel and of a group of rows stay in the first-level cache.
const DEPTH: usize = 8;

/// Numbers of the left side that are widened at once: they stay in the second-level cache.
const WIDE: usize = 96 << 10;

/// Rows so few that two panels are computed together.
const SIDE: usize = 1;

thread_local! {
    static LEFT: RefCell<Vec<Row>> = const { RefCell::new(Vec::new()) };
    static RIGHT: RefCell<Vec<Row>> = const { RefCell::new(Vec::new()) };
}

/// The first `wanted` rows of out = left right, or out += left right; see [`super::multiply`].
///
/// # Safety
/// AVX-512F is available; `out` has room for every strip.
pub(super) unsafe fn multiply(wanted: usize, left: Packed<'_>, right: Packed<'_>, out: &mut [Row], add: bool) {
    let (depth, height) = (left.depth, 16 * left.outer);
    assert!(wanted <= height && out.len() >= height * (right.outer / 2), "room for every strip");
    let block = (WIDE / (DEEP * depth)).next_multiple_of(ROWS);
    LEFT.with_borrow_mut(|room| {
        for from in (0..wanted).step_by(block) {
            let rows = block.min(wanted - from);
            room.resize(room.len().max(rows * depth), Row::ZERO);
            let room = &mut room[..rows * depth];
            for (group, room) in (from..from + rows).step_by(ROWS).zip(room.chunks_mut(ROWS * depth)) {
                // SAFETY: the caller has AVX-512F.
                unsafe { widen(left, group, room) };
            }
            let at = out[from..].as_mut_ptr().cast();
            // SAFETY: as above; `room` holds the groups of these rows, `out` a strip of `height` rows a panel.
            unsafe { product(room, rows, right, Spot { at, row: 32, panel: 32 * height }, add, Reach::All) };
        }
    });
}

/// Widens as many rows of the left side as there is room for, tile after tile.
///
/// # Safety
/// AVX-512F is available.
#[target_feature(enable = "avx512f")]
unsafe fn widen(left: Packed<'_>, from: usize, room: &mut [Row]) {
    let mask = _mm512_set1_epi32(0xffff_0000u32 as i32);
    let [first, second] = [0, 8].map(|from| {
        let places: [i32; 16] = std::array::from_fn(|i| from + i as i32 / 2 + 16 * (i as i32 % 2));
        // SAFETY: 16 dwords are read.
        unsafe { _mm512_loadu_si512(places.as_ptr().cast()) }
    });
    for (depth, room) in room.chunks_exact_mut(room.len() / left.depth).enumerate() {
        for (row, wide) in (from..).zip(room) {
            let dwords = &left.tiles[row / 16 * left.depth + depth].0[16 * (row % 16)..][..16];
            // SAFETY: 16 dwords are read, 32 numbers written.
            unsafe {
                let dwords = _mm512_loadu_si512(dwords.as_ptr().cast());
                let [low, high] = [_mm512_slli_epi32::<16>(dwords), _mm512_and_si512(dwords, mask)];
                let [low, high] = [first, second].map(|places| _mm512_permutex2var_epi32(low, places, high));
                _mm512_store_ps(wide.0.as_mut_ptr(), _mm512_castsi512_ps(low));
                _mm512_store_ps(wide.0.as_mut_ptr().add(16), _mm512_castsi512_ps(high));
            }
        }
    }
}

/// All panels of some rows, whose lines lie as in [`super::lines::Lines`].
///
/// # Safety
/// AVX-512F is available; `out` has room for the rows of every panel; `reach` says something of every group.
pub(super) unsafe fn product(lines: &[Row], rows: usize, right: Packed<'_>, out: Spot, add: bool, reach: Reach<'_>) {
    let (depth, count, groups) = (right.depth, right.outer / 2, rows.div_ceil(ROWS));
    assert!(lines.len() == rows * depth && right.tiles.len() >= 2 * count * depth, "lines of every row");
    // A single row shares a load of the right side among few sums: then several panels at once keep the adders busy.
    let side = if rows <= SIDE { 2 } else { 1 };
    let step = if groups == 1 { depth } else { depth.div_ceil(depth.div_ceil(DEPTH)) };
    RIGHT.with_borrow_mut(|room| {
        room.resize(room.len().max(DEEP * DEPTH), Row::ZERO);
        let room = room.as_mut_ptr().cast::<f32>();
        let mut panel = 0;
        while panel < count {
            let together = if panel + side <= count { side } else { 1 };
            for begin in (0..depth).step_by(step) {
                let whole = step.min(depth - begin);
                let (mut ready, mut again) = (0, 0);
                for group in 0..groups {
                    let deep = match reach {
                        Reach::Panels(to) if to[group] <= panel => 0,
                        Reach::Depth(to) => to[group].saturating_sub(begin).min(whole),
                        _ => whole,
                    };
                    if deep == 0 {
                        continue;
                    }
                    let tall = ROWS.min(rows - ROWS * group);
                    let place = Place { row: out.row, panel: out.panel, depth, deep, add: add || begin > 0 };
                    // SAFETY: group `group` begins after so many rows of `depth` lines each; panels `panel` and on are whole in `right`
                    // and `out`; there is room for the tiles of a step where there is more than one group.
                    unsafe {
                        let left = lines.as_ptr().add(ROWS * group * depth + begin * tall).cast::<f32>();
                        let tiles = right.tiles.as_ptr();
                        let own = tiles.add(2 * panel * depth + begin).cast::<f32>();
                        let out = out.at.add(panel * out.panel + ROWS * group * out.row);
                        if deep <= ready {
                            // The two columns that come next are fetched by the next two groups.
                            let next = if begin + step < depth { begin + step } else { 2 * depth };
                            let next = tiles.wrapping_add(2 * panel * depth + next + again * depth).cast::<f32>();
                            run_again(tall, left, room, if again < 2 { next } else { room.cast_const() }, out, place);
                            again += 1;
                        } else if group + 1 < groups && deep == whole {
                            block::<ROWS, 1, true>(left, own, room, out, place);
                            ready = whole;
                        } else {
                            run(tall, together, left, own, out, place);
                        }
                    }
                }
            }
            panel += together;
        }
    });
}
