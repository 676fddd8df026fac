//! Speed of the two things a training step does with the model, on one thread.
#![allow(non_snake_case, missing_docs)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use longlab::lm::{Config, Decoder, Request, Sampling, generate};
use std::time::Duration;
use tch::Tensor;

fn tokens(shape: &[i64], salt: i64) -> Tensor {
    let count: i64 = shape.iter().product();
    let values: Vec<i64> = (0..count).map(|i| (i * i * 31 + i * 7 + salt) % 700).collect();
    Tensor::from_slice(&values).view(shape)
}

/// 4 prompts x 8 continuations, 384 + 64 tokens, forward and backward.
fn update(c: &mut Criterion) {
    tch::set_num_threads(1);
    let model = Decoder::init(Config::micro(700), 1).expect("the micro shape is valid");
    let leaves: Vec<&Tensor> = model.parameters().iter().map(|(_, t)| t).collect();
    let (prompts, answers) = (tokens(&[4, 384], 1), tokens(&[4, 8, 64], 2));
    let mut group = c.benchmark_group("lm");
    group.sample_size(10).measurement_time(Duration::from_secs(5)).throughput(Throughput::Elements(4 * 384 + 32 * 64));
    group.bench_function("update", |b| {
        b.iter(|| {
            let prefix = model.prefix(&prompts, &[384, 380, 370, 360]);
            let hidden = model.continuations(&prefix, &answers);
            let logits = model.logits(&hidden).view([-1, 700]);
            let loss = logits.cross_entropy_for_logits(&answers.view([-1]));
            Tensor::run_backward(&[loss], &leaves, false, false)
        });
    });
    group.finish();
}

/// 16 prompts x 8 rows x 64 tokens.
fn rollout(c: &mut Criterion) {
    tch::set_num_threads(1);
    let model = Decoder::init(Config::micro(700), 1).expect("the micro shape is valid");
    let prompts: Vec<Vec<u32>> = (0..16)
        .map(|p| {
            Vec::<i64>::try_from(tokens(&[300 + 10 * p], p)).expect("int64").into_iter().map(|t| t as u32).collect()
        })
        .collect();
    let requests: Vec<Request> =
        prompts.iter().enumerate().map(|(p, prompt)| Request { prompt, rows: 8, key: p as u64 }).collect();
    let sampling = Sampling { temperature: 0.7, top_p: 0.95, max_tokens: 64, eos: -1 };
    let draw = |key: u64, row: usize, position: usize| {
        ((key * 8 + row as u64) * 64 + position as u64) as f64 * 0.618_034 % 1.0
    };
    let mut group = c.benchmark_group("lm");
    group.sample_size(10).measurement_time(Duration::from_secs(5)).throughput(Throughput::Elements(16 * 8 * 64));
    for batch in [8, 16] {
        group.bench_function(format!("rollout, {batch} prompts side by side"), |b| {
            b.iter(|| generate(&model, &requests, &sampling, &draw, batch));
        });
    }
    group.finish();
}

criterion_group!(benches, update, rollout);
criterion_main!(benches);
