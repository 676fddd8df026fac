//! Stored blocks to f32: plain numbers and blocks of 32.
//!
//! Each formula is computed in f32, operation by operation in the order of ggml's reference (`ggml-quants.c`,
//! `dequantize_row_*`), so that the numbers are the same to the last bit. d is a block's scale and m its least number.

/// A half float's value; every one has an exact f32.
pub(super) fn half(bytes: [u8; 2]) -> f32 {
    let bits = u32::from(u16::from_le_bytes(bytes));
    let (sign, exponent, fraction) = ((bits & 0x8000) << 16, (bits >> 10) & 0x1f, bits & 0x3ff);
    match exponent {
        // Zero and the numbers below 2^-14: fraction · 2^-24, exact in f32.
        0 => f32::from_bits(sign | (fraction as f32 * 2f32.powi(-24)).to_bits()),
        0x1f => f32::from_bits(sign | 0x7f80_0000 | fraction << 13),
        _ => f32::from_bits(sign | (exponent + 127 - 15) << 23 | fraction << 13),
    }
}

/// A bfloat16 is the upper half of an f32.
pub(super) fn upper_half(bytes: [u8; 2]) -> f32 {
    f32::from_bits(u32::from(u16::from_le_bytes(bytes)) << 16)
}

/// x = d (q - 8); the first sixteen q in the lower halves of the bytes, the others in the upper.
pub(super) fn q4_0(block: &[u8; 18], out: &mut [f32; 32]) {
    let [d0, d1, packed @ ..] = block;
    let d = half([*d0, *d1]);
    for (i, &byte) in packed.iter().enumerate() {
        out[i] = d * (i16::from(byte & 15) - 8) as f32;
        out[i + 16] = d * (i16::from(byte >> 4) - 8) as f32;
    }
}

/// x = d q + m.
pub(super) fn q4_1(block: &[u8; 20], out: &mut [f32; 32]) {
    let [d0, d1, m0, m1, packed @ ..] = block;
    let (d, m) = (half([*d0, *d1]), half([*m0, *m1]));
    for (i, &byte) in packed.iter().enumerate() {
        out[i] = d * f32::from(byte & 15) + m;
        out[i + 16] = d * f32::from(byte >> 4) + m;
    }
}

/// x = d (q - 16); the fifth bits of all q stand together.
pub(super) fn q5_0(block: &[u8; 22], out: &mut [f32; 32]) {
    let [d0, d1, h0, h1, h2, h3, packed @ ..] = block;
    let d = half([*d0, *d1]);
    for (i, q) in five_bits([*h0, *h1, *h2, *h3], packed).into_iter().enumerate() {
        out[i] = d * (i16::from(q) - 16) as f32;
    }
}

/// x = d q + m, q of five bits.
pub(super) fn q5_1(block: &[u8; 24], out: &mut [f32; 32]) {
    let [d0, d1, m0, m1, h0, h1, h2, h3, packed @ ..] = block;
    let (d, m) = (half([*d0, *d1]), half([*m0, *m1]));
    for (i, q) in five_bits([*h0, *h1, *h2, *h3], packed).into_iter().enumerate() {
        out[i] = d * f32::from(q) + m;
    }
}

fn five_bits(high: [u8; 4], packed: &[u8; 16]) -> [u8; 32] {
    let high = u32::from_le_bytes(high);
    let fifth = |i: usize| ((high >> i & 1) as u8) << 4;
    std::array::from_fn(|i| if i < 16 { packed[i] & 15 | fifth(i) } else { packed[i - 16] >> 4 | fifth(i) })
}

/// x = d q, q a signed byte.
pub(super) fn q8_0(block: &[u8; 34], out: &mut [f32; 32]) {
    let [d0, d1, q @ ..] = block;
    let d = half([*d0, *d1]);
    for (x, &q) in out.iter_mut().zip(q) {
        *x = f32::from(q as i8) * d;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_floats_have_their_values() {
        let known = [
            (0x0000, 0.0),
            (0x0001, 2f32.powi(-24)),
            (0x03ff, 1023.0 * 2f32.powi(-24)),
            (0x0400, 2f32.powi(-14)),
            (0x3c00, 1.0),
            (0x3555, 0.333_251_95),
            (0x7bff, 65504.0),
            (0x7c00, f32::INFINITY),
            (0xc000, -2.0),
        ];
        for (bits, value) in known {
            assert_eq!(half(u16::to_le_bytes(bits)), value, "{bits:#06x}");
        }
        assert!(half(u16::to_le_bytes(0x8000)).is_sign_negative());
        assert!(half(u16::to_le_bytes(0x7e00)).is_nan());
        assert_eq!(upper_half([0x80, 0xbf]), -1.0);
    }

    #[test]
    fn halves_of_bytes_lie_sixteen_apart() {
        let mut block = [0; 18];
        block[..2].copy_from_slice(&0x3c00u16.to_le_bytes());
        block[2] = 0xf1;
        let mut out = [0.0; 32];
        q4_0(&block, &mut out);
        assert_eq!((out[0], out[16], out[1]), (-7.0, 7.0, -8.0));
    }
}
