//! The streamed output head at a small shape, each instruction set that the machine has. The shapes of the comparison
//! with PyTorch take `benches/peers/head_compare.py`.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use longlab_kernels::head::{Gradient, Head, Isa, Options, Values, Workspace, backward, forward};
use longlab_kernels::stream::{Address, Purpose};

const SHAPE: [usize; 3] = [256, 576, 8192]; // tokens, width, vocabulary

fn random(count: usize, seed: u64) -> Vec<f32> {
    let mut stream = Address::new(seed, Purpose::Test).stream();
    (0..count).map(|_| stream.uniform() as f32 - 0.5).collect()
}

fn head(criterion: &mut Criterion) {
    let [tokens, width, vocabulary] = SHAPE;
    let (hidden, weights) = (random(tokens * width, 1), random(vocabulary * width, 2));
    let narrow =
        [&hidden, &weights].map(|values| values.iter().map(|v| (v.to_bits() >> 16) as u16).collect::<Vec<_>>());
    let targets: Vec<u32> = (0..tokens as u32).collect();
    let up = vec![1.0; tokens];
    let (mut logp, mut entropy) = (vec![0.0; tokens], vec![0.0; tokens]);
    let (mut dh, mut dw) = (vec![0.0; hidden.len()], vec![0.0; weights.len()]);
    let flops = 2 * tokens * width * vocabulary;
    for isa in Isa::ALL.into_iter().filter(|isa| *isa != Isa::Plain && isa.available()) {
        for half in [false, true] {
            let (hidden, weights) = match half {
                true => (Values::Bf16(&narrow[0]), Values::Bf16(&narrow[1])),
                false => (Values::F32(&hidden), Values::F32(&weights)),
            };
            let head = Head { hidden, weights, width, targets: &targets };
            let options = Options { isa, ..Options::default() };
            let mut space = Workspace::default();
            let mut group = criterion.benchmark_group(format!("head {isa:?} {}", if half { "bf16" } else { "f32" }));
            group.sample_size(10).throughput(Throughput::Elements(flops as u64));
            group.bench_function("forward", |bencher| {
                bencher.iter(|| forward(&head, &options, &mut space, &mut logp, &mut entropy).expect("a head"));
            });
            group.throughput(Throughput::Elements(3 * flops as u64));
            group.bench_function("both", |bencher| {
                bencher.iter(|| {
                    let out = [Gradient::F32(&mut dh), Gradient::F32(&mut dw)];
                    backward(&head, &options, &mut space, &up, &up, out).expect("a head");
                });
            });
            group.finish();
        }
    }
}

criterion_group!(benches, head);
criterion_main!(benches);
