//! AdamW over a million parameters: fused, and as plain unfused passes.
#![allow(missing_docs)]

use criterion::{Bencher, Criterion, Throughput, criterion_group, criterion_main};
use longlab_kernels::adamw::{Arithmetic, Options, Pass, clip_scale, fused, norm, step};
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

const LEN: usize = 1_000_000;

/// What one would write first: a pass each for clipping, decay, both moments, the update and zeroing.
fn unfused(p: &mut [f32], g: &mut [f32], m: &mut [f32], v: &mut [f32], t: i32, scale: f64, o: &Options) {
    g.iter_mut().for_each(|g| *g = (f64::from(*g) * scale) as f32);
    p.iter_mut().for_each(|p| *p = (f64::from(*p) * (1.0 - o.rate * o.weight_decay)) as f32);
    m.iter_mut().zip(&*g).for_each(|(m, &g)| *m = (o.beta1 * f64::from(*m) + (1.0 - o.beta1) * f64::from(g)) as f32);
    let square = |g: f32| f64::from(g) * f64::from(g);
    v.iter_mut().zip(&*g).for_each(|(v, &g)| *v = (o.beta2 * f64::from(*v) + (1.0 - o.beta2) * square(g)) as f32);
    let (size, root) = (o.rate / (1.0 - o.beta1.powi(t)), (1.0 - o.beta2.powi(t)).sqrt());
    for ((p, &m), &v) in p.iter_mut().zip(&*m).zip(&*v) {
        *p = (f64::from(*p) - size * f64::from(m) / (f64::from(v).sqrt() / root + o.epsilon)) as f32;
    }
    g.fill(0.0);
}

/// Times work that uses a gradient up, each time on a new one: without, moments would decay to subnormal numbers, which
/// are slow and not what training sees.
fn on_new_gradients(bench: &mut Bencher, g: &mut [f32], mut work: impl FnMut(&mut [f32])) {
    bench.iter_custom(|times| {
        let time = |_| {
            g.fill(1e-3);
            let start = Instant::now();
            work(black_box(g));
            start.elapsed()
        };
        (0..times).map(time).sum()
    });
}

fn update(c: &mut Criterion) {
    let [mut p, mut g, mut m, mut v] = [0.5f32, 1e-3, 1e-4, 1e-6].map(|value| vec![value; LEN]);
    let options = Options::default();
    let mut group = c.benchmark_group("adamw");
    group.sample_size(20).warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(1));
    group.throughput(Throughput::Elements(LEN as u64));
    group.bench_function("unfused, clipped and zeroed", |bench| {
        on_new_gradients(bench, &mut g, |g| unfused(&mut p, g, &mut m, &mut v, 100, 0.5, &options));
    });
    g.fill(1e-3);
    group.bench_function("step", |bench| bench.iter(|| step(&mut p, black_box(&g), &mut m, &mut v, 100, &options)));
    for arithmetic in [Arithmetic::Double, Arithmetic::Single] {
        for threads in [1, 2].map(|threads| NonZeroUsize::new(threads).expect("not zero")) {
            let pass = Pass { scale: 0.5, zero_grad: true, arithmetic, threads };
            group.bench_function(format!("fused, clipped and zeroed, {arithmetic:?}, {threads} threads"), |bench| {
                on_new_gradients(bench, &mut g, |g| fused(&mut p, g, &mut m, &mut v, 100, &options, &pass));
            });
        }
    }
    g.fill(1e-3);
    group.bench_function("norm and scale", |bench| {
        bench.iter(|| clip_scale(norm(black_box(&g), NonZeroUsize::MIN), 1.0));
    });
    group.finish();
}

criterion_group!(benches, update);
criterion_main!(benches);
