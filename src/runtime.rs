//! Process start-up: the allocator, MKL, CUDA and threads. All of it belongs to the whole process, so only `main` (and a test
//! that trains) calls [`start`].

use std::ffi::{CStr, c_int};

/// libtorch's MKL asks this before it uses AVX-512 code. Left alone it says no on AMD, and f32 products run at less than half
/// speed. The executable's definition wins in symbol lookup; `build.rs` keeps and exports it. Results differ in the last bits
/// with and without it, so it is always on.
#[unsafe(no_mangle)]
pub extern "C" fn mkl_serv_intel_cpu_true() -> c_int {
    1
}

/// Prepares this process for libtorch: keeps freed memory, loads CUDA where it is, and gives tensor operations `threads` threads
/// (0 leaves libtorch's own choice). Call it first thing in `main`, before any tensor is made.
///
/// ```
/// longlab::runtime::start(1);
/// assert_eq!(tch::get_num_threads(), 1);
/// ```
pub fn start(threads: usize) {
    keep_freed_memory();
    load_cuda();
    if let Ok(threads @ 1..) = i32::try_from(threads) {
        tch::set_num_threads(threads);
    }
}

/// Loads `libtorch_cuda.so` if the libtorch in use has it, and says whether it did. One binary so serves both libtorch sets.
pub fn load_cuda() -> bool {
    // SAFETY: the name is a C string; loading runs libtorch's own initialisers, which it is made for.
    let handle = unsafe { libc::dlopen(c"libtorch_cuda.so".as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL) };
    !handle.is_null()
}

/// Whether libtorch, when it asks for `mkl_serv_intel_cpu_true`, gets the answer of this executable.
pub fn mkl_switch_on() -> bool {
    let name = c"mkl_serv_intel_cpu_true";
    // SAFETY: looks a name up in the global scope, in the order in which the loader binds libtorch's own call.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    std::ptr::eq(found, mkl_serv_intel_cpu_true as *const libc::c_void)
}

/// The file of the libtorch that this process has loaded.
pub fn loaded_libtorch() -> Option<std::path::PathBuf> {
    // SAFETY: RTLD_NOLOAD only looks at what is loaded; the symbol is looked up in that library alone, and `dladdr` fills a plain
    // struct whose name points into the loader's own memory, which lives as long as the library.
    unsafe {
        let handle = libc::dlopen(c"libtorch_cpu.so".as_ptr(), libc::RTLD_NOW | libc::RTLD_NOLOAD);
        if handle.is_null() {
            return None;
        }
        let symbol = libc::dlsym(handle, c"mkl_serv_intel_cpu_true".as_ptr());
        let mut info: libc::Dl_info = std::mem::zeroed();
        let known = !symbol.is_null() && libc::dladdr(symbol, &mut info) != 0 && !info.dli_fname.is_null();
        known.then(|| CStr::from_ptr(info.dli_fname).to_string_lossy().into_owned().into())
    }
}

/// Freed blocks stay with the process. Memory that a virtual machine has never touched is slow to get, and a training step asks
/// for the same sizes again and again.
#[cfg(target_env = "gnu")]
fn keep_freed_memory() {
    const TOP_PAD: c_int = 256 << 20;
    // SAFETY: sets numbers of the allocator. An allocator that refuses one stays as it was, which is slower but right.
    unsafe {
        libc::mallopt(libc::M_MMAP_MAX, 0);
        libc::mallopt(libc::M_TRIM_THRESHOLD, c_int::MAX);
        libc::mallopt(libc::M_TOP_PAD, TOP_PAD);
    }
}

#[cfg(not(target_env = "gnu"))]
fn keep_freed_memory() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executable_answers_mkl() {
        let _ = tch::Tensor::from_slice(&[1f32]);
        assert!(mkl_switch_on(), "build.rs must export mkl_serv_intel_cpu_true");
    }

    #[test]
    fn libtorch_is_found_where_it_was_loaded_from() {
        let _ = tch::Tensor::from_slice(&[1f32]);
        let file = loaded_libtorch().expect("tests link libtorch");
        assert!(file.ends_with("lib/libtorch_cpu.so"), "{}", file.display());
        assert!(file.exists());
    }
}
