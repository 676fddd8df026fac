//! The difflib ratio on texts of 5,000 characters, each kind of `tests/golden/pairs.rs`.
#![allow(missing_docs)]

#[path = "../tests/golden/pairs.rs"]
mod pairs;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use longlab_kernels::similarity::{Matcher, ratio};
use std::hint::black_box;
use std::time::Duration;

const SIZE: usize = 5000;

fn kinds(c: &mut Criterion) {
    let mut group = c.benchmark_group("similarity");
    group.sample_size(20).warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_millis(600));
    group.throughput(Throughput::Elements(2 * SIZE as u64));
    for (kind, name) in pairs::KINDS.iter().enumerate() {
        let (a, b) = pairs::timed(kind, SIZE);
        group.bench_function(format!("{name}, ratio"), |bench| bench.iter(|| ratio(black_box(&a), black_box(&b))));
        let mut matcher = Matcher::new(&b);
        group.bench_function(format!("{name}, matcher"), |bench| bench.iter(|| matcher.ratio(black_box(&a))));
    }
    group.finish();
}

criterion_group!(benches, kinds);
criterion_main!(benches);
