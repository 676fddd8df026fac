//! Speed of the recipes on one tensor of bf16 numbers, one thread.
#![allow(missing_docs)]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use longlab_kernels::merge::{Format, MergeError, Recipe, Sce, Source, Sources, Task};
use longlab_kernels::stream::{Address, Purpose};
use std::hint::black_box;
use std::time::Duration;

/// A tensor as it lies in a file.
struct Bytes(Vec<u8>);

impl Source for Bytes {
    fn places(&self) -> usize {
        self.0.len() / Format::Bf16.size()
    }

    fn read(&self, from: usize, into: &mut [f64]) {
        Format::Bf16.read(&self.0[from * Format::Bf16.size()..], into);
    }
}

/// The size of an attention matrix of a 1B model: 2048 x 2048.
const PLACES: usize = 1 << 22;

fn normal(position: u32) -> impl Iterator<Item = f64> {
    let mut stream = Address::new(1, Purpose::Test).position(position).stream();
    std::iter::from_fn(move || Some(stream.normal()))
}

fn tensor(values: impl Iterator<Item = f64>) -> Bytes {
    let (values, mut bytes) = (values.take(PLACES).collect::<Vec<_>>(), Vec::new());
    Format::Bf16.write(&values, &mut bytes);
    Bytes(bytes)
}

fn recipes(c: &mut Criterion) {
    let base = tensor(normal(0).map(|x| 0.04 * x));
    let models = [1, 2].map(|model| tensor(normal(0).zip(normal(model)).map(|(x, y)| 0.04 * x + 0.002 * y)));
    let sources =
        Sources::new(Some(&base), models.iter().map(|model| model as &dyn Source).collect()).expect("tensors");
    let weights = || vec![1.0; models.len()];
    let cases = [
        ("linear", Recipe::Linear(weights())),
        ("task_arithmetic", Recipe::Task(Task::arithmetic(), weights())),
        ("ties_0.2", Recipe::Task(Task::ties(0.2), weights())),
        ("dare_0.2", Recipe::Task(Task::dare(0.2, Address::new(0, Purpose::Test)), weights())),
        ("sce_1", Recipe::Sce(Sce::default())),
        ("sce_0.1", Recipe::Sce(Sce { select: 0.1, ..Sce::default() })),
    ];
    let mut group = c.benchmark_group("merge");
    group.sample_size(10).measurement_time(Duration::from_secs(3)).throughput(Throughput::Elements(PLACES as u64));
    for (name, recipe) in cases {
        group.bench_function(BenchmarkId::from_parameter(name), |b| {
            let mut bytes = Vec::new();
            b.iter(|| {
                recipe.merge(&sources, |piece| {
                    bytes.clear();
                    Format::Bf16.write(black_box(piece), &mut bytes);
                    Ok::<(), MergeError>(())
                })
            });
        });
    }
    group.finish();
}

criterion_group!(benches, recipes);
criterion_main!(benches);
