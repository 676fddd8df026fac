//! Inner loops in AVX2, AVX-512 and AMX.

use super::{Row, Tile};
use std::arch::asm;
use std::arch::x86_64::*;

type Operand<'a> = [&'a [Tile]; 2];

/// The tile configuration: palette 1, eight tiles of 16 rows of 64 bytes.
#[repr(C, align(64))]
struct Config([u8; 64]);

static CONFIG: Config = {
    let mut bytes = [0; 64];
    bytes[0] = 1;
    let mut tile = 0;
    while tile < 8 {
        bytes[16 + 2 * tile] = 64;
        bytes[48 + tile] = 16;
        tile += 1;
    }
    Config(bytes)
};

/// Configures the tiles of this thread.
///
/// # Safety
/// AMX is available.
pub(super) unsafe fn configure() {
    // SAFETY: reads the 64 bytes of CONFIG; every tile register is declared as changed.
    unsafe {
        asm!("ldtilecfg [{0}]", in(reg) &raw const CONFIG, options(nostack, readonly),
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _);
    }
}

/// Gives the tiles back, so that context switches save no tile data.
///
/// # Safety
/// AMX is available.
pub(super) unsafe fn release() {
    // SAFETY: touches tile registers only.
    unsafe {
        asm!("tilerelease", options(nostack, nomem),
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _);
    }
}

/// 32 x 32 results in four tile registers, the whole sum within one piece of assembly, so that no tile is live
/// outside it.
///
/// # Safety
/// AMX is available and configured; the operands are equally long and not empty.
pub(super) unsafe fn amx(left: Operand<'_>, right: Operand<'_>, out: &mut [Row; 32], add: bool) {
    // SAFETY: reads left[0].len() tiles from each operand, reads and writes the 32 rows of 128 bytes of `out`.
    unsafe {
        asm!(
            "test {add}, {add}",
            "jz 2f",
            "tileloadd tmm0, [{c} + {wide}]",
            "tileloadd tmm1, [{c} + {wide} + 64]",
            "tileloadd tmm2, [{d} + {wide}]",
            "tileloadd tmm3, [{d} + {wide} + 64]",
            "jmp 3f",
            "2:",
            "tilezero tmm0",
            "tilezero tmm1",
            "tilezero tmm2",
            "tilezero tmm3",
            "3:",
            "tileloadd tmm4, [{a0} + {at}]",
            "tileloadd tmm6, [{b0} + {at}]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tileloadd tmm7, [{b1} + {at}]",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tileloadd tmm5, [{a1} + {at}]",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            "add {a0}, 1024",
            "add {a1}, 1024",
            "add {b0}, 1024",
            "add {b1}, 1024",
            "dec {n}",
            "jnz 3b",
            "tilestored [{c} + {wide}], tmm0",
            "tilestored [{c} + {wide} + 64], tmm1",
            "tilestored [{d} + {wide}], tmm2",
            "tilestored [{d} + {wide} + 64], tmm3",
            add = in(reg) u64::from(add),
            c = in(reg) out.as_mut_ptr(),
            d = in(reg) out.as_mut_ptr().add(16),
            wide = in(reg) 128u64,
            at = in(reg) 64u64,
            a0 = inout(reg) left[0].as_ptr() => _,
            a1 = inout(reg) left[1].as_ptr() => _,
            b0 = inout(reg) right[0].as_ptr() => _,
            b1 = inout(reg) right[1].as_ptr() => _,
            n = inout(reg) left[0].len() => _,
            options(nostack),
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
        );
    }
}

/// A block of vector code: `$rows` rows x 2 halves of 16 columns in registers, for all 32 rows in turn. `$step` adds
/// one dword of the sum; a vector holds `$lanes` columns.
macro_rules! vector_block {
    ($name:ident, $features:literal, $rows:literal, $lanes:literal, $vector:ty, $zero:ident, $load:ident, $store:ident,
     |$sum:ident, $a:ident, $b:ident| $step:expr) => {
        /// out (+)= left right in vectors, in the first `rows` rows at least.
        ///
        /// # Safety
        /// The features are available; the operands are equally long.
        #[target_feature(enable = $features)]
        pub(super) unsafe fn $name(rows: usize, left: Operand<'_>, right: Operand<'_>, out: &mut [Row; 32], add: bool) {
            const GROUPS: usize = 32 / $lanes; // of columns
            for row in (0..rows.min(32)).step_by($rows) {
                for group in (0..GROUPS).step_by(2) {
                    // Two vectors of columns: both halves of a 16-lane block, or the two 8-lane halves of a tile.
                    let column = |i: usize| $lanes * (group + i);
                    let mut sums: [[$vector; 2]; $rows] = [[$zero(); 2]; $rows];
                    if add {
                        for (r, sum) in sums.iter_mut().enumerate() {
                            for (i, sum) in sum.iter_mut().enumerate() {
                                // SAFETY: column(i) + lanes <= 32 numbers of the row.
                                *sum = unsafe { $load(out[row + r].0.as_ptr().add(column(i))) };
                            }
                        }
                    }
                    let tiles = left[row / 16];
                    for (depth, tile) in tiles.iter().enumerate() {
                        // SAFETY: the right operands are as long as the left one; a tile holds 256 dwords, of which
                        // row % 16 + r < 16 rows of 16 are read.
                        unsafe {
                            let base = tile.0.as_ptr().add(16 * (row % 16));
                            let b0 = right[column(0) / 16].get_unchecked(depth).0.as_ptr().add(column(0) % 16);
                            let b1 = right[column(1) / 16].get_unchecked(depth).0.as_ptr().add(column(1) % 16);
                            for k in 0..16 {
                                let $b = [b0.add(16 * k), b1.add(16 * k)];
                                let $b = [$load($b[0].cast()), $load($b[1].cast())];
                                for r in 0..$rows {
                                    let $a = *base.add(16 * r + k);
                                    let $sum = sums[r];
                                    sums[r] = $step;
                                }
                            }
                        }
                    }
                    for (r, sum) in sums.iter().enumerate() {
                        for (i, sum) in sum.iter().enumerate() {
                            // SAFETY: as for the loads.
                            unsafe { $store(out[row + r].0.as_mut_ptr().add(column(i)), *sum) };
                        }
                    }
                }
            }
        }
    };
}

vector_block!(
    avx512_f32,
    "avx512f",
    8,
    16,
    __m512,
    _mm512_setzero_ps,
    _mm512_loadu_ps,
    _mm512_storeu_ps,
    |sum, a, b| {
        let a = _mm512_set1_ps(f32::from_bits(a));
        [_mm512_fmadd_ps(a, b[0], sum[0]), _mm512_fmadd_ps(a, b[1], sum[1])]
    }
);

vector_block!(
    avx512_bf16,
    "avx512f,avx512bf16",
    8,
    16,
    __m512,
    _mm512_setzero_ps,
    _mm512_loadu_ps,
    _mm512_storeu_ps,
    |sum, a, b| {
        let a = pairs(_mm512_set1_epi32(a as i32));
        let b = b.map(|b| pairs(_mm512_castps_si512(b)));
        [_mm512_dpbf16_ps(sum[0], a, b[0]), _mm512_dpbf16_ps(sum[1], a, b[1])]
    }
);

vector_block!(avx2_f32, "avx2,fma", 4, 8, __m256, _mm256_setzero_ps, _mm256_loadu_ps, _mm256_storeu_ps, |sum, a, b| {
    let a = _mm256_set1_ps(f32::from_bits(a));
    [_mm256_fmadd_ps(a, b[0], sum[0]), _mm256_fmadd_ps(a, b[1], sum[1])]
});

vector_block!(
    avx2_bf16,
    "avx2,fma",
    4,
    8,
    __m256,
    _mm256_setzero_ps,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    |sum, a, b| {
        let mask = _mm256_set1_epi32(0xffff_0000u32 as i32);
        let [low, high] = [a << 16, a & 0xffff_0000].map(|a| _mm256_set1_ps(f32::from_bits(a)));
        let bits = b.map(|b| _mm256_castps_si256(b));
        let b_low = bits.map(|b| _mm256_castsi256_ps(_mm256_slli_epi32::<16>(b)));
        let b_high = bits.map(|b| _mm256_castsi256_ps(_mm256_and_si256(b, mask)));
        [0, 1].map(|i| _mm256_fmadd_ps(high, b_high[i], _mm256_fmadd_ps(low, b_low[i], sum[i])))
    }
);

#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn pairs(bits: __m512i) -> __m512bh {
    // SAFETY: both are 512 bits without invalid patterns.
    unsafe { std::mem::transmute(bits) }
}

/// 16 x 16 dwords transposed: dwords and quadwords within 128-bit parts, then the parts themselves.
///
/// # Safety
/// AVX-512F is available.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn transpose(tile: &mut Tile) {
    let at = tile.0.as_mut_ptr();
    // SAFETY: 16 aligned vectors of the tile.
    let rows: [__m512i; 16] = std::array::from_fn(|i| unsafe { _mm512_load_si512(at.add(16 * i).cast()) });
    let mut a = rows;
    for i in 0..8 {
        a[2 * i] = _mm512_unpacklo_epi32(rows[2 * i], rows[2 * i + 1]);
        a[2 * i + 1] = _mm512_unpackhi_epi32(rows[2 * i], rows[2 * i + 1]);
    }
    let mut b = a;
    for i in 0..4 {
        b[4 * i] = _mm512_unpacklo_epi64(a[4 * i], a[4 * i + 2]);
        b[4 * i + 1] = _mm512_unpackhi_epi64(a[4 * i], a[4 * i + 2]);
        b[4 * i + 2] = _mm512_unpacklo_epi64(a[4 * i + 1], a[4 * i + 3]);
        b[4 * i + 3] = _mm512_unpackhi_epi64(a[4 * i + 1], a[4 * i + 3]);
    }
    // b[4 i + j], part p: column 4 p + j of rows 4 i to 4 i + 3.
    for j in 0..4 {
        let low = [_mm512_shuffle_i32x4::<0x44>(b[j], b[4 + j]), _mm512_shuffle_i32x4::<0x44>(b[8 + j], b[12 + j])];
        let high = [_mm512_shuffle_i32x4::<0xee>(b[j], b[4 + j]), _mm512_shuffle_i32x4::<0xee>(b[8 + j], b[12 + j])];
        let columns = [
            _mm512_shuffle_i32x4::<0x88>(low[0], low[1]),
            _mm512_shuffle_i32x4::<0xdd>(low[0], low[1]),
            _mm512_shuffle_i32x4::<0x88>(high[0], high[1]),
            _mm512_shuffle_i32x4::<0xdd>(high[0], high[1]),
        ];
        for (p, column) in columns.into_iter().enumerate() {
            // SAFETY: row 4 p + j of the tile.
            unsafe { _mm512_store_si512(at.add(16 * (4 * p + j)).cast(), column) };
        }
    }
}
