//! Stored blocks to f32: the blocks of 256, whose scales are stored in a few bits themselves. The order of operations is that of
//! ggml's reference, as in [`super::blocks`].

use super::blocks::half;

/// Q4_K: eight groups of 32; x = (d s) q - (e t), with s and t six-bit numbers of the group.
pub(super) fn q4_k(block: &[u8; 144], out: &mut [f32; 256]) {
    let [d0, d1, e0, e1, rest @ ..] = block;
    let (d, e) = (half([*d0, *d1]), half([*e0, *e1]));
    let (scales, packed) = rest.split_at(12);
    for (group, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
        let (s, t) = scale_and_least(scales, group);
        let (scale, least) = (d * f32::from(s), e * f32::from(t));
        for (x, &byte) in out.iter_mut().zip(&packed[group / 2 * 32..]) {
            let q = if group % 2 == 0 { byte & 15 } else { byte >> 4 };
            *x = scale * f32::from(q) - least;
        }
    }
}

/// Q5_K: as Q4_K, with a fifth bit: bit `group` of byte i belongs to the i-th number of the group.
pub(super) fn q5_k(block: &[u8; 176], out: &mut [f32; 256]) {
    let [d0, d1, e0, e1, rest @ ..] = block;
    let (d, e) = (half([*d0, *d1]), half([*e0, *e1]));
    let (scales, rest) = rest.split_at(12);
    let (high, packed) = rest.split_at(32);
    for (group, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
        let (s, t) = scale_and_least(scales, group);
        let (scale, least) = (d * f32::from(s), e * f32::from(t));
        for ((x, &byte), &high) in out.iter_mut().zip(&packed[group / 2 * 32..]).zip(high) {
            let low = if group % 2 == 0 { byte & 15 } else { byte >> 4 };
            *x = scale * f32::from(low | (high >> group & 1) << 4) - least;
        }
    }
}

/// Six bits each of s and t. The first four groups have theirs in bytes 0-3 and 4-7; the others have the lower four bits in bytes
/// 8-11 and the upper two on top of the first four's.
fn scale_and_least(scales: &[u8], group: usize) -> (u8, u8) {
    if group < 4 {
        (scales[group] & 63, scales[group + 4] & 63)
    } else {
        let both = scales[group + 4];
        (both & 15 | scales[group - 4] >> 6 << 4, both >> 4 | scales[group] >> 6 << 4)
    }
}

/// Q6_K: sixteen groups of 16; x = (d s) (q - 32), with s a signed byte. In each half of the block, q's lower four bits stand
/// in 64 bytes (the lower halves are numbers 0-63, the upper 64-127), its upper two in 32 bytes (two bits for each 32 numbers).
pub(super) fn q6_k(block: &[u8; 210], out: &mut [f32; 256]) {
    let (low, rest) = block.split_at(128);
    let (high, rest) = rest.split_at(64);
    let (scales, d) = rest.split_at(16);
    let d = half([d[0], d[1]]);
    for (place, x) in out.iter_mut().enumerate() {
        let (part, i) = (place / 128, place % 128);
        let byte = low[part * 64 + i % 64];
        let lower = if i < 64 { byte & 15 } else { byte >> 4 };
        let upper = high[part * 32 + i % 32] >> (i / 32 * 2) & 3;
        let scale = d * f32::from(scales[place / 16] as i8);
        *x = scale * (i16::from(lower | upper << 4) - 32) as f32;
    }
}
