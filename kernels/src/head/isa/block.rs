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

    /// out (+)= left right for all `left[0].len()` tiles of the sum, in the first `rows` rows at least.
    pub(super) fn block(&self, rows: usize, left: [&[Tile]; 2], right: [&[Tile]; 2], out: &mut [Row; 32], add: bool) {
        #[cfg(target_arch = "x86_64")]
        {
            use super::x86;
            assert!(left.iter().chain(&right).all(|tiles| tiles.len() == left[0].len()), "one depth");
            // SAFETY: `multiply` has checked that the instruction set is available, the four operands have as many
            // tiles as the first, and AMX is configured.
            match (self.isa, self.dword) {
                (Isa::Plain, _) => {}
                (Isa::Avx2, Dword::F32) => return unsafe { x86::avx2_f32(rows, left, right, out, add) },
                (Isa::Avx2, Dword::Bf16) => return unsafe { x86::avx2_bf16(rows, left, right, out, add) },
                (_, Dword::F32) => return unsafe { x86::avx512_f32(rows, left, right, out, add) },
                (Isa::Avx512, Dword::Bf16) => unreachable!("multiplied by `widened`"),
                (Isa::Avx512Bf16, Dword::Bf16) => return unsafe { x86::avx512_bf16(rows, left, right, out, add) },
                (Isa::Amx, Dword::Bf16) => return unsafe { x86::amx(left, right, out, add) },
            }
        }
        lanes::block(rows, left, right, self.dword, out, add);
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
