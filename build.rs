//! Lets every executable of the package find libtorch by its run path, and shows libtorch the symbol that opens MKL's AVX-512 code.

use std::path::{Path, PathBuf};

fn main() {
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    println!("cargo:rerun-if-changed=build.rs");
    let Some(root) = std::env::var_os("LIBTORCH").map(PathBuf::from) else {
        println!("cargo:warning=LIBTORCH is not set; run ./lab setup");
        return;
    };
    let lib = root.join("lib");
    if !lib.join("libtorch_cpu.so").exists() {
        println!("cargo:warning=no libtorch at {}; run ./lab setup", lib.display());
    }
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", lib.display());
    if root == Path::new(env!("CARGO_MANIFEST_DIR")).join(".libtorch/torch") {
        // From target/release and target/release/deps, so that a moved checkout still starts.
        for up in ["../..", "../../.."] {
            println!("cargo:rustc-link-arg=-Wl,-rpath,$ORIGIN/{up}/.libtorch/torch/lib");
        }
    }
    // Keep `mkl_serv_intel_cpu_true` (src/runtime.rs) in the executable and let libtorch see it.
    println!("cargo:rustc-link-arg=-Wl,--undefined=mkl_serv_intel_cpu_true");
    println!("cargo:rustc-link-arg=-Wl,--export-dynamic-symbol=mkl_serv_intel_cpu_true");
}
