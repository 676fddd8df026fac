//! What the processor and its kernel have.

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
