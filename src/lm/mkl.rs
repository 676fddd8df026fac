//! The switch that opens MKL's AVX-512 code on processors that are not Intel's.

use std::ffi::c_int;

/// libtorch's MKL asks this before it uses AVX-512 code; on AMD its own copy answers no, and f32 products run at less than half
/// speed. The executable's definition wins (build.rs exports it). On or off changes the last bits of results, so it is always on.
#[unsafe(no_mangle)]
pub extern "C" fn mkl_serv_intel_cpu_true() -> c_int {
    1
}
