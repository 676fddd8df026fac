//! AdamW: threads change no bit, the fused step is the plain one, clipping takes any norm.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use longlab_fuzz::numbers::{Number, all_same, same};
use longlab_kernels::adamw::{Arithmetic, Options, Pass, clip_scale, fused, norm, step};
use std::num::NonZeroUsize;

#[derive(Debug)]
struct Input {
    columns: [Vec<f32>; 4],
    steps: [u64; 2],
    options: Options,
    scale: f64,
    most: f64,
    single: bool,
    zero_grad: bool,
    threads: NonZeroUsize,
}

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Self> {
        // A few numbers over and over, so that lengths reach past a block of 4096.
        let size = *bytes.choose(&[0, 1, 5, 63, 65, 4095, 4096, 4097, 9000])?;
        let mut column = || -> Result<Vec<f32>> {
            let few: [Number; 3] = bytes.arbitrary()?;
            Ok((0..size).map(|i| few[i % 3].0 as f32).collect())
        };
        let columns = [column()?, column()?, column()?, column()?];
        let [rate, beta1, beta2, epsilon, weight_decay, scale, most] = bytes.arbitrary::<[Number; 7]>()?.map(|n| n.0);
        let options =
            if bytes.arbitrary()? { Options { rate, beta1, beta2, epsilon, weight_decay } } else { Options::default() };
        let steps = bytes.arbitrary::<[u64; 2]>()?.map(|step| step.max(1));
        let threads = NonZeroUsize::MIN.saturating_add(match bytes.int_in_range(0..=15)? {
            15 => bytes.arbitrary::<usize>()?,
            few => few % 4,
        });
        let (single, zero_grad) = bytes.arbitrary()?;
        Ok(Input { columns, steps, options, scale, most, single, zero_grad, threads })
    }
}

fn run(input: &Input, threads: NonZeroUsize, scale: f64) -> [Vec<f32>; 4] {
    let [mut p, mut g, mut m, mut v] = input.columns.clone();
    let arithmetic = if input.single { Arithmetic::Single } else { Arithmetic::Double };
    let pass = Pass { scale, arithmetic, zero_grad: input.zero_grad, threads };
    for t in input.steps {
        fused(&mut p, &mut g, &mut m, &mut v, t, &input.options, &pass);
    }
    [p, g, m, v]
}

fuzz_target!(|input: Input| {
    let grad = &input.columns[1];
    let (one, many) = (norm(grad, NonZeroUsize::MIN), norm(grad, input.threads));
    assert!(same(one, many), "{one} {many}");
    let squares: f64 = grad.iter().map(|&g| f64::from(g) * f64::from(g)).sum();
    assert!(same(one, squares.sqrt()) || (one - squares.sqrt()).abs() <= 1e-11 * one, "{one} {squares}");
    let clip = clip_scale(one, input.most);
    assert!(clip.is_nan() || clip <= 1.0, "{clip}");
    for scale in [input.scale, clip, 1.0] {
        let (one, many) = (run(&input, NonZeroUsize::MIN, scale), run(&input, input.threads, scale));
        assert!(one.iter().zip(&many).all(|(a, b)| all_same(a, b)), "threads change no bit");
        assert!(!input.zero_grad || one[1].iter().all(|&g| g == 0.0), "a zeroed gradient");
    }
    if !input.single && !input.zero_grad {
        let [mut p, g, mut m, mut v] = input.columns.clone();
        input.steps.iter().for_each(|&t| step(&mut p, &g, &mut m, &mut v, t, &input.options));
        let fused = run(&input, input.threads, 1.0);
        assert!([p, g, m, v].iter().zip(&fused).all(|(a, b)| all_same(a, b)), "fused and plain");
    }
});
