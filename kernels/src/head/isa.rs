//! Which instructions this machine has, and the inner loops written in them: the only file with `unsafe`.
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

use super::lanes;

/// One tile: 16 x 16 dwords, row after row.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Tile(pub [u32; 256]);

impl Tile {
    pub(super) const ZERO: Tile = Tile([0; 256]);
}

/// 32 numbers side by side: one row of a strip of results.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Row(pub [f32; 32]);

impl Row {
    pub(super) const ZERO: Row = Row([0.0; 32]);
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
        self == Isa::Plain || detect::has(self)
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
pub(super) struct Packed<'a> {
    pub tiles: &'a [Tile],
    pub outer: usize,
    pub depth: usize,
}

impl<'a> Packed<'a> {
    pub(super) fn new(tiles: &'a [Tile], outer: usize, depth: usize) -> Self {
        assert!(outer.is_multiple_of(2) && depth > 0 && tiles.len() >= outer * depth, "whole pairs of tiles");
        Packed { tiles, outer, depth }
    }
}

/// Tiles along the sum in one go: the two right columns (2 KB a step) stay in half of the first-level cache.
const DEPTH: usize = 10;

/// What the dwords of tiles hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dword {
    F32,
    Bf16,
}

/// out = left right, or out += left right. `out` holds strips of 32 columns, each `16 left.outer` rows.
pub(super) fn multiply(isa: Isa, dword: Dword, left: Packed<'_>, right: Packed<'_>, out: &mut [Row], add: bool) {
    assert!(isa.available(), "{isa:?} on this machine");
    assert_eq!(left.depth, right.depth, "one depth");
    let rows = 16 * left.outer;
    assert!(out.len() >= rows * (right.outer / 2), "room for every strip");
    let pieces = left.depth.div_ceil(DEPTH);
    let step = left.depth.div_ceil(pieces);
    let tiles = block::Session::new(isa, dword);
    for (pair, strip) in out.chunks_exact_mut(rows).take(right.outer / 2).enumerate() {
        for from in (0..left.depth).step_by(step) {
            let depth = step.min(left.depth - from);
            for (high, block) in strip.chunks_exact_mut(32).enumerate() {
                let at = |operand: &Packed<'_>, outer: usize| outer * operand.depth + from;
                let l = [at(&left, 2 * high), at(&left, 2 * high + 1)].map(|i| &left.tiles[i..i + depth]);
                let r = [at(&right, 2 * pair), at(&right, 2 * pair + 1)].map(|i| &right.tiles[i..i + depth]);
                tiles.block(l, r, block.try_into().expect("32 rows"), add || from > 0);
            }
        }
    }
}

/// Runs lane code of [`lanes`] compiled for the instruction set.
macro_rules! dispatch {
    ($($(#[$doc:meta])* $name:ident ( $($arg:ident : $type:ty),* ) $(-> $out:ty)?;)*) => {$(
        $(#[$doc])*
        pub(super) fn $name(isa: Isa, $($arg: $type),*) $(-> $out)? {
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
    /// See [`lanes::round`].
    round(row: &mut [u16], strip: &[f32]);
}

/// The 16 x 16 dwords mirrored at the diagonal.
pub(super) fn transpose(isa: Isa, tile: &mut Tile) {
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

mod block {
    //! One block of results: 32 x 32 from two left and two right rows of tiles.

    use super::{Dword, Isa, Row, Tile, lanes};

    /// An instruction set made ready on this thread: AMX needs its tiles configured.
    pub(super) struct Session {
        isa: Isa,
        dword: Dword,
    }

    impl Session {
        pub(super) fn new(isa: Isa, dword: Dword) -> Self {
            #[cfg(target_arch = "x86_64")]
            if isa == Isa::Amx && dword == Dword::Bf16 {
                // SAFETY: `multiply` has checked that AMX is available.
                unsafe { super::x86::configure() };
            }
            Session { isa, dword }
        }

        /// out (+)= left right for all `left[0].len()` tiles of the sum.
        pub(super) fn block(&self, left: [&[Tile]; 2], right: [&[Tile]; 2], out: &mut [Row; 32], add: bool) {
            #[cfg(target_arch = "x86_64")]
            {
                use super::x86;
                assert!(left.iter().chain(&right).all(|tiles| tiles.len() == left[0].len()), "one depth");
                // SAFETY: `multiply` has checked that the instruction set is available, the four operands have as many
                // tiles as the first, and AMX is configured.
                match (self.isa, self.dword) {
                    (Isa::Plain, _) => {}
                    (Isa::Avx2, Dword::F32) => return unsafe { x86::avx2_f32(left, right, out, add) },
                    (Isa::Avx2, Dword::Bf16) => return unsafe { x86::avx2_bf16(left, right, out, add) },
                    (_, Dword::F32) => return unsafe { x86::avx512_f32(left, right, out, add) },
                    (Isa::Avx512, Dword::Bf16) => return unsafe { x86::avx512_widened(left, right, out, add) },
                    (Isa::Avx512Bf16, Dword::Bf16) => return unsafe { x86::avx512_bf16(left, right, out, add) },
                    (Isa::Amx, Dword::Bf16) => return unsafe { x86::amx(left, right, out, add) },
                }
            }
            lanes::block(left, right, self.dword, out, add);
        }
    }

    impl Drop for Session {
        fn drop(&mut self) {
            #[cfg(target_arch = "x86_64")]
            if self.isa == Isa::Amx && self.dword == Dword::Bf16 {
                // SAFETY: the tiles were configured by `new` on this thread (the type is not Send in practice: it lives
                // within `multiply`).
                unsafe { super::x86::release() };
            }
        }
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod detect {
    pub(super) fn has(_: super::Isa) -> bool {
        false
    }
}

#[cfg(target_arch = "x86_64")]
mod detect {
    use super::Isa;
    use std::arch::is_x86_feature_detected as found;
    use std::sync::OnceLock;

    pub(super) fn has(isa: Isa) -> bool {
        static HAS: OnceLock<[bool; 5]> = OnceLock::new();
        HAS.get_or_init(|| Isa::ALL.map(look))[isa as usize]
    }

    fn look(isa: Isa) -> bool {
        let wide = || found!("avx512f") && found!("avx512bw") && found!("avx512dq") && found!("avx512vl");
        match isa {
            Isa::Plain => true,
            Isa::Avx2 => found!("avx2") && found!("fma"),
            Isa::Avx512 => look(Isa::Avx2) && wide(),
            Isa::Avx512Bf16 => look(Isa::Avx512) && found!("avx512bf16"),
            Isa::Amx => look(Isa::Avx512Bf16) && amx(),
        }
    }

    /// Whether the processor has AMX-BF16 (CPUID 7.0 EDX bits 22 and 24) and the kernel lets this process use it.
    fn amx() -> bool {
        let edx = std::arch::x86_64::__cpuid_count(7, 0).edx;
        edx >> 22 & 1 == 1 && edx >> 24 & 1 == 1 && permitted()
    }

    /// Asks Linux for the tile registers: arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA). They belong to the
    /// process; threads have them too.
    #[cfg(target_os = "linux")]
    fn permitted() -> bool {
        let answer: i64;
        // SAFETY: system call 158 with these arguments touches no memory of the process; `syscall` clobbers rcx and r11.
        unsafe {
            std::arch::asm!("syscall", inlateout("rax") 158i64 => answer, in("rdi") 0x1023, in("rsi") 18,
                out("rcx") _, out("r11") _, options(nostack));
        }
        answer == 0
    }

    #[cfg(not(target_os = "linux"))]
    fn permitted() -> bool {
        false
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
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
            /// out (+)= left right in vectors.
            ///
            /// # Safety
            /// The features are available; the operands are equally long.
            #[target_feature(enable = $features)]
            pub(super) unsafe fn $name(left: Operand<'_>, right: Operand<'_>, out: &mut [Row; 32], add: bool) {
                const GROUPS: usize = 32 / $lanes; // of columns
                for row in (0..32).step_by($rows) {
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

    vector_block!(
        avx512_widened,
        "avx512f",
        8,
        16,
        __m512,
        _mm512_setzero_ps,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        |sum, a, b| {
            let mask = _mm512_set1_epi32(0xffff_0000u32 as i32);
            let [low, high] = [a << 16, a & 0xffff_0000].map(|a| _mm512_set1_ps(f32::from_bits(a)));
            let bits = b.map(|b| _mm512_castps_si512(b));
            let b_low = bits.map(|b| _mm512_castsi512_ps(_mm512_slli_epi32::<16>(b)));
            let b_high = bits.map(|b| _mm512_castsi512_ps(_mm512_and_si512(b, mask)));
            [0, 1].map(|i| _mm512_fmadd_ps(high, b_high[i], _mm512_fmadd_ps(low, b_low[i], sum[i])))
        }
    );

    vector_block!(
        avx2_f32,
        "avx2,fma",
        4,
        8,
        __m256,
        _mm256_setzero_ps,
        _mm256_loadu_ps,
        _mm256_storeu_ps,
        |sum, a, b| {
            let a = _mm256_set1_ps(f32::from_bits(a));
            [_mm256_fmadd_ps(a, b[0], sum[0]), _mm256_fmadd_ps(a, b[1], sum[1])]
        }
    );

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
            let high =
                [_mm512_shuffle_i32x4::<0xee>(b[j], b[4 + j]), _mm512_shuffle_i32x4::<0xee>(b[8 + j], b[12 + j])];
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
}
