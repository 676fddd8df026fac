//! Times `similarity::ratio` on the pairs of `tests/golden/pairs.rs`, for `benches/peers/similarity.py`.
//!
//! For each line on standard input, `KIND SIZE REPEATS` with KIND a place in `KINDS`, one JSON line: the kind, the ratio, and
//! the least seconds a call of `ratio` and of a `Matcher` made before.

#[path = "../tests/golden/pairs.rs"]
mod pairs;

use longlab_kernels::similarity::{Matcher, ratio};
use std::hint::black_box;
use std::io::BufRead;
use std::time::Instant;

/// The least of some times in seconds: what else runs on the machine only ever adds.
fn least(repeats: usize, mut work: impl FnMut() -> f64) -> f64 {
    let time = |_| {
        let start = Instant::now();
        black_box(work());
        start.elapsed().as_secs_f64()
    };
    (0..repeats).map(time).fold(f64::INFINITY, f64::min)
}

fn answer(line: &str) -> String {
    let numbers: Vec<usize> = line.split_whitespace().map(|n| n.parse().expect("a number")).collect();
    let &[kind, size, repeats] = numbers.as_slice() else { panic!("expected KIND SIZE REPEATS, got {line}") };
    let (a, b) = pairs::timed(kind, size);
    let mut matcher = Matcher::new(&b);
    let seconds = least(repeats, || ratio(black_box(&a), black_box(&b)));
    let again = least(repeats, || matcher.ratio(black_box(&a)));
    let (name, value) = (pairs::KINDS[kind], ratio(&a, &b));
    format!(r#"{{"kind": "{name}", "ratio": {value:?}, "seconds": {seconds:e}, "matcher_seconds": {again:e}}}"#)
}

fn main() {
    for line in std::io::stdin().lock().lines() {
        println!("{}", answer(&line.expect("standard input is text")));
    }
}
