//! The softmax of attention where left sides are held in f32.

use super::Row;
use std::arch::x86_64::*;

/// exp(x) of x <= 0 as [`super::lanes::exp`] has it, operation by operation.
#[inline]
#[target_feature(enable = "avx512f")]
fn exp(x: __m512) -> __m512 {
    let set = |value: f32| _mm512_set1_ps(value);
    let round = set(12_582_912.0);
    let shifted = _mm512_fmadd_ps(x, set(std::f32::consts::LOG2_E), round);
    let n = _mm512_sub_ps(shifted, round);
    let r = _mm512_fmadd_ps(n, set(2.121_944_4e-4), _mm512_fmadd_ps(n, set(-0.693_359_4), x));
    let mut p = set(1.987_569_1e-4);
    for c in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        p = _mm512_fmadd_ps(p, r, set(c));
    }
    let power = _mm512_slli_epi32::<23>(_mm512_add_epi32(_mm512_castps_si512(shifted), _mm512_set1_epi32(127)));
    let value = _mm512_add_ps(_mm512_fmadd_ps(p, _mm512_mul_ps(r, r), r), set(1.0));
    let counts = _mm512_cmp_ps_mask::<_CMP_NLT_UQ>(x, set(super::lanes::CUT));
    _mm512_maskz_mul_ps(counts, value, _mm512_castsi512_ps(power))
}

/// The nearest number that bf16 has, ties to even; NaN stays NaN.
#[inline]
#[target_feature(enable = "avx512f")]
fn nearest(x: __m512) -> __m512 {
    let bits = _mm512_castps_si512(x);
    let odd = _mm512_and_si512(_mm512_srli_epi32::<16>(bits), _mm512_set1_epi32(1));
    let rounded = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
    let none = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(x, x);
    let rounded = _mm512_mask_or_epi32(rounded, none, bits, _mm512_set1_epi32(0x0040_0000));
    _mm512_castsi512_ps(_mm512_and_si512(rounded, _mm512_set1_epi32(0xffff_0000u32 as i32)))
}

/// [`super::lanes::soften`] of a row of panels side by side, into every `step`th line.
///
/// # Safety
/// AVX-512F is available.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn soften(
    scores: &mut [Row],
    count: usize,
    before: f32,
    lines: &mut [Row],
    step: usize,
) -> (f32, f32) {
    let panels = count.div_ceil(32);
    if !count.is_multiple_of(32) {
        scores[panels - 1].0[count % 32..].fill(f32::NEG_INFINITY);
    }
    // SAFETY: 16 of the 32 numbers of a row.
    let load = |row: &Row, half: usize| unsafe { _mm512_load_ps(row.0.as_ptr().add(16 * half)) };
    let mut greatest = [_mm512_set1_ps(f32::NEG_INFINITY); 2];
    for row in &scores[..panels] {
        // Of a NaN and another number the second is taken.
        greatest = [_mm512_max_ps(load(row, 0), greatest[0]), _mm512_max_ps(load(row, 1), greatest[1])];
    }
    let greatest = _mm512_reduce_max_ps(_mm512_max_ps(greatest[0], greatest[1]));
    let max = if greatest > before { greatest } else { before };
    let all = _mm512_set1_ps(max);
    let mut sum = _mm512_setzero_ps();
    let (some, none) = scores.split_at(panels);
    let mut lines = lines.iter_mut().step_by(step);
    for (row, line) in some.iter().zip(&mut lines) {
        for half in 0..2 {
            let weight = nearest(exp(_mm512_sub_ps(load(row, half), all)));
            sum = _mm512_add_ps(sum, weight);
            // SAFETY: as for the loads.
            unsafe { _mm512_store_ps(line.0.as_mut_ptr().add(16 * half), weight) };
        }
    }
    for (_, line) in none.iter().zip(&mut lines) {
        line.0 = [0.0; 32];
    }
    let mut sums = [0.0; 16];
    // SAFETY: 16 numbers.
    unsafe { _mm512_storeu_ps(sums.as_mut_ptr(), sum) };
    for half in [8, 4, 2, 1] {
        for i in 0..half {
            sums[i] += sums[half + i];
        }
    }
    (max, sums[0])
}

#[cfg(test)]
mod tests {
    use super::super::{Isa, Tile, soften as in_tiles, soften_lines};
    use super::*;
    use crate::head::lanes::widen;

    /// The numbers that are meant to be the same: of NaN only that it is one.
    fn bits(x: f32) -> u32 {
        if x.is_nan() { f32::NAN.to_bits() } else { x.to_bits() }
    }

    #[test]
    fn weights_in_lines_are_those_in_tiles() {
        if !Isa::Avx512.available() {
            return;
        }
        let score = |at: usize, count: usize| match (at * 7919 + count) % 1021 {
            0..4 => f32::NAN,
            4..8 => f32::NEG_INFINITY,
            8..12 => 80.0,
            n => (n as f32 - 700.0) / 9.0,
        };
        for count in 0..=128 {
            for before in [f32::NEG_INFINITY, -3.0, 50.0] {
                let scores: [Row; 4] = std::array::from_fn(|p| Row(std::array::from_fn(|i| score(32 * p + i, count))));
                let (mut tiles, mut lines) = ([Tile([7; 256]); 4], [Row([7.0; 32]); 12]);
                let tiled = in_tiles(Isa::Avx512, &mut scores.clone(), 1, count, before, &mut tiles, 5);
                let lined = soften_lines(Isa::Avx512, &mut scores.clone(), count, before, &mut lines, 3);
                assert_eq!([tiled.0, tiled.1].map(bits), [lined.0, lined.1].map(bits), "{count} scores");
                for at in 0..128 {
                    let pair = tiles[at / 32].0[16 * 5 + at % 32 / 2];
                    let weight = widen((if at % 2 == 0 { pair } else { pair >> 16 }) as u16);
                    assert_eq!(bits(lines[at / 32 * 3].0[at % 32]), bits(weight), "score {at} of {count}");
                }
            }
        }
    }
}
