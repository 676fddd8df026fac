//! What is done to each logit, written for lanes side by side: the compiler turns it into vectors of whatever width
//! [`super::isa`] compiles it for. `FMA` says whether a fused multiply-add is one instruction there.

use super::isa::{Dword, Row, Tile};

/// Rows whose f32 sums are added before they join an f64 sum.
const ROWS: usize = 64;

/// exp below this counts as 0: what is lost is under 2e-35 of the largest term, and no product is subnormal (slow).
pub(super) const CUT: f32 = -80.0;

#[inline(always)]
fn fma<const FMA: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

/// exp(x) of x <= 0 to about 2 units in the last place; 0 below [`CUT`]; NaN stays NaN. 2^n times a polynomial of degree
/// 6 in x - n ln 2 (the coefficients of Cephes' expf).
#[inline(always)]
pub(super) fn exp<const FMA: bool>(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0; // 1.5 * 2^23: adding it leaves the nearest integer in the low bits
    let shifted = fma::<FMA>(x, std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = fma::<FMA>(n, 2.121_944_4e-4, fma::<FMA>(n, -0.693_359_4, x));
    let mut p = 1.987_569_1e-4;
    for c in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        p = fma::<FMA>(p, r, c);
    }
    let power = f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
    let value = (fma::<FMA>(p, r * r, r) + 1.0) * power;
    if x < CUT { 0.0 } else { value }
}

/// ln(x) of a positive normal x to about 1e-7 (the coefficients of Cephes' logf); some finite number for 0.
#[inline(always)]
pub(super) fn ln<const FMA: bool>(x: f32) -> f32 {
    const HALF_ROOT: u32 = 0x3f35_04f3; // sqrt(1/2)
    let n = (x.to_bits().wrapping_sub(HALF_ROOT) as i32) >> 23;
    let f = f32::from_bits(x.to_bits().wrapping_sub((n << 23) as u32)) - 1.0;
    let mut p = 7.037_683_6e-2;
    for c in [
        -1.151_461e-1,
        1.167_699_9e-1,
        -1.242_014_1e-1,
        1.424_932_3e-1,
        -1.666_805_8e-1,
        2.000_071_5e-1,
        -2.499_999_4e-1,
        3.333_333e-1,
    ] {
        p = fma::<FMA>(p, f, c);
    }
    let square = f * f;
    fma::<FMA>(n as f32, std::f32::consts::LN_2, fma::<FMA>(p * square, f, fma::<FMA>(-0.5, square, f)))
}

/// The nearest bf16, ties to even; NaN stays NaN.
#[inline(always)]
pub(crate) fn bf16(x: f32) -> u16 {
    let bits = x.to_bits();
    let rounded = bits.wrapping_add(0x7fff).wrapping_add(bits >> 16 & 1);
    (if x.is_nan() { bits | 0x0040_0000 } else { rounded } >> 16) as u16
}

/// The number that bf16 bits stand for.
#[inline(always)]
pub(crate) fn widen(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

/// What one panel of the vocabulary adds to the softmax of 32 tokens, y = logit / temperature.
#[derive(Clone, Copy)]
pub(crate) struct Statistics {
    /// max y
    pub max: [f32; 32],
    /// sum of exp(y - max)
    pub sum: [f64; 32],
    /// sum of exp(y - max) (y - max)
    pub weighted: [f64; 32],
}

impl Statistics {
    pub(super) const ZERO: Statistics = Statistics { max: [0.0; 32], sum: [0.0; 32], weighted: [0.0; 32] };
}

/// The statistics of rows of logits, one row an entry of the vocabulary.
#[inline(always)]
pub(super) fn statistics<const FMA: bool>(rows: &[Row], inverse: f32) -> Statistics {
    let mut out = Statistics::ZERO;
    out.max = largest(rows);
    for max in &mut out.max {
        *max *= inverse;
    }
    for rows in rows.chunks(ROWS) {
        // Half of the lanes at a time: the sums stay in registers.
        for half in [0, 16] {
            let max: &[f32; 16] = out.max[half..half + 16].try_into().expect("16 lanes");
            let (mut sum, mut weighted) = ([0.0f32; 16], [0.0f32; 16]);
            for row in rows {
                let row: &[f32; 16] = row.0[half..half + 16].try_into().expect("16 lanes");
                for i in 0..16 {
                    let x = row[i] * inverse - max[i];
                    let e = exp::<FMA>(x);
                    sum[i] += e;
                    weighted[i] = fma::<FMA>(e, x, weighted[i]);
                }
            }
            for i in 0..16 {
                out.sum[half + i] += f64::from(sum[i]);
                out.weighted[half + i] += f64::from(weighted[i]);
            }
        }
    }
    out
}

#[inline(always)]
fn largest(rows: &[Row]) -> [f32; 32] {
    let mut max = [f32::NEG_INFINITY; 32];
    for row in rows {
        for (max, &value) in max.iter_mut().zip(&row.0) {
            *max = if value > *max { value } else { *max };
        }
    }
    max
}

/// exp(y - reference), rounded to bf16: what the backward pass needs of the logits, in half the bytes and with the
/// relative error of one rounding (a logit rounded to bf16 would have that error times its size).
#[inline(always)]
pub(super) fn exponentials<const FMA: bool>(rows: &[Row], inverse: f32, reference: &[f32; 32], kept: &mut [[u16; 32]]) {
    for (row, kept) in rows.iter().zip(kept) {
        for i in 0..32 {
            kept[i] = bf16(exp::<FMA>(row.0[i] * inverse - reference[i]));
        }
    }
}

/// A row's part of a softmax over neighbouring panels of scores, `height` rows from one to the next, of which the first `count` scores
/// count: exp(score - max) in bf16 into line `line` of a tile a panel, where max is the greatest of these scores and of `before`. Gives max,
/// and the sum of what was rounded. What is no number is never the greatest.
#[inline(always)]
pub(super) fn soften<const FMA: bool>(
    scores: &mut [Row],
    height: usize,
    count: usize,
    before: f32,
    tiles: &mut [Tile],
    line: usize,
) -> (f32, f32) {
    let panels = count.div_ceil(32);
    if !count.is_multiple_of(32) {
        scores[(panels - 1) * height].0[count % 32..].fill(f32::NEG_INFINITY);
    }
    let mut greatest = [f32::NEG_INFINITY; 16];
    for row in scores.iter().step_by(height).take(panels) {
        for half in row.0.as_chunks::<16>().0 {
            for (greatest, &score) in greatest.iter_mut().zip(half) {
                *greatest = if score > *greatest { score } else { *greatest };
            }
        }
    }
    let max = greatest.into_iter().fold(before, |max, score| if score > max { score } else { max });
    let mut sums = [0.0; 16];
    for (row, tile) in scores.iter().step_by(height).zip(tiles.iter_mut()).take(panels) {
        let mut weights = [0; 32];
        for half in 0..2 {
            for i in 0..16 {
                let weight = bf16(exp::<FMA>(row.0[16 * half + i] - max));
                weights[16 * half + i] = weight;
                sums[i] += widen(weight);
            }
        }
        for (out, weights) in tile.0[16 * line..16 * line + 16].iter_mut().zip(weights.as_chunks::<2>().0) {
            *out = pair(weights[0], weights[1]);
        }
    }
    for tile in &mut tiles[panels..] {
        tile.0[16 * line..16 * line + 16].fill(0);
    }
    // In halves: a sum of neighbours would be as long as all lanes.
    for half in [8, 4, 2, 1] {
        for i in 0..half {
            sums[i] += sums[half + i];
        }
    }
    (max, sums[0])
}

/// silu(gate) * up, in the place of the gate; silu(x) = x / (1 + exp(-x)).
#[inline(always)]
pub(super) fn swiglu<const FMA: bool>(gate: &mut [f32], up: &[f32]) {
    for (gate, &up) in gate.iter_mut().zip(up) {
        let x = *gate;
        let e = exp::<FMA>(-x.abs());
        *gate = x * (if x < 0.0 { e } else { 1.0 }) / (1.0 + e) * up;
    }
}

/// What the gradient of 32 tokens' logits needs: p (constant + slope ln p), see [`super`].
#[derive(Clone, Copy)]
pub(crate) struct Coefficients {
    /// 1 / temperature
    pub inverse: f32,
    /// max y over the vocabulary; of kept exponentials their reference less that
    pub max: [f32; 32],
    /// ln of the sum of exp(y - max)
    pub log: [f32; 32],
    /// -(dJ/dlogp + dJ/dentropy H) / T
    pub constant: [f32; 32],
    /// -dJ/dentropy / T
    pub slope: [f32; 32],
}

/// dJ/dlogit of rows of logits, without the target's share of dJ/dlogp.
#[inline(always)]
pub(super) fn gradient<const FMA: bool>(rows: &[Row], with: &Coefficients, out: &mut [Row]) {
    for (row, out) in rows.iter().zip(out) {
        for i in 0..32 {
            let x = (row.0[i] * with.inverse - with.max[i]) - with.log[i];
            out.0[i] = exp::<FMA>(x) * fma::<FMA>(with.slope[i], x, with.constant[i]);
        }
    }
}

/// The same of kept exponentials. Without an entropy gradient no logarithm is needed.
#[inline(always)]
pub(super) fn gradient_of_kept<const FMA: bool>(kept: &[[u16; 32]], with: &Coefficients, out: &mut [Row]) {
    let scale: [f32; 32] = std::array::from_fn(|i| exp::<FMA>(with.max[i] - with.log[i]));
    if with.slope.iter().all(|&slope| slope == 0.0) {
        for (kept, out) in kept.iter().zip(out) {
            for i in 0..32 {
                out.0[i] = widen(kept[i]) * scale[i] * with.constant[i];
            }
        }
        return;
    }
    for (kept, out) in kept.iter().zip(out) {
        for i in 0..32 {
            let e = widen(kept[i]);
            let x = (ln::<FMA>(e) + with.max[i]) - with.log[i];
            out.0[i] = e * scale[i] * fma::<FMA>(with.slope[i], x, with.constant[i]);
        }
    }
}

#[inline(always)]
fn pair(low: u16, high: u16) -> u32 {
    u32::from(low) | u32::from(high) << 16
}

/// 16 rows of 32 numbers as a left tile that sums over the lanes.
#[inline(always)]
pub(super) fn pair_lanes<const FMA: bool>(rows: &[Row], out: &mut Tile) {
    for (row, out) in rows.iter().zip(out.0.chunks_exact_mut(16)) {
        let halves = row.0.map(bf16);
        for i in 0..16 {
            out[i] = pair(halves[2 * i], halves[2 * i + 1]);
        }
    }
}

/// 32 rows, of each 16 lanes from `16 half` on, as pairs of rows [16 pairs][16 lanes].
#[inline(always)]
pub(super) fn pair_rows<const FMA: bool>(rows: &[Row], half: usize, out: &mut Tile) {
    for (rows, out) in rows.chunks_exact(2).zip(out.0.chunks_exact_mut(16)) {
        let low: &[f32; 16] = rows[0].0[16 * half..16 * half + 16].try_into().expect("16 lanes");
        let high: &[f32; 16] = rows[1].0[16 * half..16 * half + 16].try_into().expect("16 lanes");
        for i in 0..16 {
            out[i] = pair(bf16(low[i]), bf16(high[i]));
        }
    }
}

/// What rounding to bf16 leaves behind.
#[inline(always)]
pub(super) fn remainder<const FMA: bool>(rows: &mut [Row]) {
    for row in rows {
        for value in &mut row.0 {
            *value -= widen(bf16(*value));
        }
    }
}

/// The values rounded to bf16, and in their place what that leaves behind.
#[inline(always)]
pub(super) fn split<const FMA: bool>(values: &mut [f32], piece: &mut [u16]) {
    for (value, piece) in values.iter_mut().zip(piece) {
        *piece = bf16(*value);
        *value -= widen(*piece);
    }
}

/// A row of bf16 numbers into row `at` of the tiles side by side.
#[inline(always)]
pub(super) fn copy_pairs<const FMA: bool>(row: &[u16], at: usize, tiles: &mut [Tile]) {
    let whole = row.chunks_exact(32);
    let rest = whole.remainder();
    for (chunk, tile) in whole.zip(tiles.iter_mut()) {
        let out: &mut [u32; 16] = (&mut tile.0[16 * at..16 * at + 16]).try_into().expect("16 dwords");
        for i in 0..16 {
            out[i] = pair(chunk[2 * i], chunk[2 * i + 1]);
        }
    }
    if !rest.is_empty() {
        let out = &mut tiles[row.len() / 32].0[16 * at..16 * at + 16];
        for (out, chunk) in out.iter_mut().zip(rest.chunks(2)) {
            *out = pair(chunk[0], chunk.get(1).copied().unwrap_or(0));
        }
    }
}

/// Two rows of bf16 numbers as pairs into row `at` of right tiles, `depth` tiles from one to the next.
#[inline(always)]
pub(super) fn interleave<const FMA: bool>(rows: [&[u16]; 2], at: usize, depth: usize, tiles: &mut [Tile]) {
    let [low, high] = rows.map(|row| row.chunks_exact(16));
    let rest = [low.remainder(), high.remainder()];
    for ((low, high), tile) in low.zip(high).zip(tiles.iter_mut().step_by(depth)) {
        let out: &mut [u32; 16] = (&mut tile.0[16 * at..16 * at + 16]).try_into().expect("16 dwords");
        for i in 0..16 {
            out[i] = pair(low[i], high[i]);
        }
    }
    if !rest[0].is_empty() {
        let out = &mut tiles[rows[0].len() / 16 * depth].0[16 * at..16 * at + 16];
        for (out, (&low, &high)) in out.iter_mut().zip(rest[0].iter().zip(rest[1])) {
            *out = pair(low, high);
        }
    }
}

/// A strip's row into the output, or onto it.
#[inline(always)]
pub(super) fn flush<const FMA: bool>(row: &mut [f32], strip: &[f32], add: bool) {
    if add {
        for (out, value) in row.iter_mut().zip(strip) {
            *out += value;
        }
    } else {
        row.copy_from_slice(&strip[..row.len()]);
    }
}

/// A row in numbers that bf16 has, 32 of them in every `step`th line; 0 fills the last one.
#[inline(always)]
pub(super) fn rounded<const FMA: bool>(row: &[f32], lines: &mut [Row], step: usize) {
    let mut lines = lines.iter_mut().step_by(step);
    let (whole, rest) = row.as_chunks::<32>();
    for (numbers, line) in whole.iter().zip(&mut lines) {
        line.0.iter_mut().zip(numbers).for_each(|(out, &value)| *out = widen(bf16(value)));
    }
    if let (false, Some(line)) = (rest.is_empty(), lines.next()) {
        line.0 = [0.0; 32];
        line.0.iter_mut().zip(rest).for_each(|(out, &value)| *out = widen(bf16(value)));
    }
}

/// A strip's row into the output, rounded to bf16.
#[inline(always)]
pub(super) fn round<const FMA: bool>(row: &mut [u16], strip: &[f32]) {
    for (out, &value) in row.iter_mut().zip(strip) {
        *out = bf16(value);
    }
}

/// The first `rows` rows of 32 x 32 results of the packed operands, in plain Rust.
pub(super) fn block(
    rows: usize,
    left: [&[Tile]; 2],
    right: [&[Tile]; 2],
    dword: Dword,
    out: &mut [Row; 32],
    add: bool,
) {
    for (r, out) in out.iter_mut().enumerate().take(rows) {
        if !add {
            *out = Row::ZERO;
        }
        for (l, tile) in left[r / 16].iter().enumerate() {
            for k in 0..16 {
                let a = tile.0[16 * (r % 16) + k];
                for (half, out) in out.0.chunks_exact_mut(16).enumerate() {
                    let b = &right[half][l].0[16 * k..16 * k + 16];
                    add_dwords(dword, a, b, out);
                }
            }
        }
    }
}

#[inline(always)]
fn add_dwords(dword: Dword, a: u32, b: &[u32], out: &mut [f32]) {
    let [low, high] = [a << 16, a & 0xffff_0000].map(f32::from_bits);
    for (out, &b) in out.iter_mut().zip(b) {
        *out += match dword {
            Dword::F32 => f32::from_bits(a) * f32::from_bits(b),
            Dword::Bf16 => low * f32::from_bits(b << 16) + high * f32::from_bits(b & 0xffff_0000),
        };
    }
}
