//! Times the fused AdamW step, for `benches/peers/adamw.py`.
//!
//! For each line on standard input, `PARAMETERS THREADS REPEATS`, one JSON line: the least seconds of [`fused`] in f64
//! and in f32, and of [`norm`]. Buffers are kept between lines of one length.

use longlab_kernels::adamw::{Arithmetic, Options, Pass, fused, norm};
use std::hint::black_box;
use std::io::BufRead;
use std::num::NonZeroUsize;
use std::time::Instant;

/// The least of some times in seconds: what else runs on the machine only ever adds.
fn least(repeats: usize, mut work: impl FnMut()) -> f64 {
    let time = |_| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64()
    };
    (0..repeats).map(time).fold(f64::INFINITY, f64::min)
}

fn answer(line: &str, buffers: &mut [Vec<f32>; 4]) -> String {
    let numbers: Vec<usize> = line.split_whitespace().map(|n| n.parse().expect("a number")).collect();
    let &[len, threads, repeats] = numbers.as_slice() else {
        panic!("expected PARAMETERS THREADS REPEATS, got {line}")
    };
    if buffers[0].len() != len {
        *buffers = [0.5, 1e-3, 1e-4, 1e-6].map(|value| vec![value; len]);
    }
    let [p, g, m, v] = buffers;
    let threads = NonZeroUsize::new(threads).expect("at least one thread");
    let pass = Pass { threads, ..Pass::default() };
    let seconds = least(repeats, || fused(p, black_box(g), m, v, 100, &Options::default(), &pass));
    let single = Pass { arithmetic: Arithmetic::Single, ..pass };
    let single_seconds = least(repeats, || fused(p, black_box(g), m, v, 100, &Options::default(), &single));
    let norm_seconds = least(repeats, || {
        black_box(norm(black_box(g), threads));
    });
    format!(r#"{{"seconds": {seconds:e}, "single_seconds": {single_seconds:e}, "norm_seconds": {norm_seconds:e}}}"#)
}

fn main() {
    let mut buffers = [const { Vec::new() }; 4];
    for line in std::io::stdin().lock().lines() {
        println!("{}", answer(&line.expect("standard input is text"), &mut buffers));
    }
}
