//! The streamed head: any shape is refused with a typed error or computed as plain mathematics has it, on every
//! instruction set, whatever is kept, with no access out of bounds.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use longlab_fuzz::numbers::{Number, about, all_same, number};
use longlab_kernels::head::{
    Gradient, Head, HeadError, Isa, Options, Values, Workspace, backward, forward, forward_backward,
};
use std::cell::RefCell;

thread_local! {
    /// One for all inputs: what an earlier one left must not matter.
    static SPACE: RefCell<Workspace> = RefCell::default();
}

#[derive(Debug)]
struct Input {
    hidden: Vec<f32>,
    weights: Vec<f32>,
    up: [Vec<f32>; 2],
    targets: Vec<u32>,
    width: usize,
    /// Hidden states and output matrix in bf16, and their gradients.
    half: [bool; 4],
    /// Lengths of logp, entropy and both gradients.
    out: [usize; 4],
    /// Whether numbers are so small that logits are exact.
    tame: bool,
    options: Options,
}

/// A few numbers over and over, each time a little different: large matrices from few bytes.
fn matrix(bytes: &mut Unstructured<'_>, size: usize, wild: bool) -> Result<Vec<f32>> {
    let few = [number(bytes, wild)?, number(bytes, wild)?, number(bytes, wild)?];
    let times = bytes.int_in_range(1..=7usize)?;
    let vary = |i: usize| (i * times % 5) as f64 / 4.0;
    Ok((0..size).map(|i| (few[i % 3] / 4.0 + vary(i)) as f32).collect())
}

fn size(bytes: &mut Unstructured<'_>) -> Result<usize> {
    Ok(*bytes.choose(&[1, 2, 3, 5, 15, 16, 17, 31, 32, 33, 63, 65, 0])?)
}

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Self> {
        let (tokens, width, wild) = (size(bytes)?, size(bytes)?, bytes.ratio(1, 4)?);
        let vocabulary = if bytes.ratio(1, 8)? { 700 } else { size(bytes)? };
        let sizes = [tokens * width, vocabulary * width, tokens, tokens];
        let mut exact = true;
        let mut length = |expected: usize, bytes: &mut Unstructured<'_>| -> Result<usize> {
            let got = about(bytes, expected)?;
            exact &= got == expected;
            Ok(got)
        };
        let out = [length(tokens, bytes)?, length(tokens, bytes)?, length(sizes[0], bytes)?, length(sizes[1], bytes)?];
        let columns = sizes.map(|size| length(size, bytes));
        let [hidden, weights, a, b] = columns;
        let (hidden, weights) = (matrix(bytes, hidden?, wild)?, matrix(bytes, weights?, wild)?);
        let up = [matrix(bytes, a?, wild)?, matrix(bytes, b?, wild)?];
        let seed = bytes.arbitrary::<u32>()?;
        let most = u32::try_from(vocabulary).unwrap_or(1).max(1);
        let mut targets: Vec<u32> = (0..tokens as u32).map(|i| seed.wrapping_mul(i + 1) % most).collect();
        if bytes.ratio(1, 16)? && tokens > 0 {
            targets[0] = seed;
        }
        let both: bool = bytes.arbitrary()?;
        let half = [both, if bytes.ratio(1, 32)? { !both } else { both }, bytes.arbitrary()?, bytes.arbitrary()?];
        let options = Options {
            temperature: if wild { bytes.arbitrary::<Number>()?.0 as f32 } else { *bytes.choose(&[1.0, 0.5, 2.0])? },
            threads: if bytes.ratio(1, 16)? { bytes.arbitrary()? } else { bytes.int_in_range(1..=3)? },
            isa: *bytes.choose(&Isa::ALL)?,
            kept_bytes: if bytes.ratio(1, 4)? { bytes.arbitrary()? } else { *bytes.choose(&[0, 30_000, 1 << 27])? },
        };
        Ok(Input { hidden, weights, up, targets, width, half, out, tame: !wild && exact, options })
    }
}

/// The upper half of an f32's bits, which loses nothing of tame numbers.
fn bf16(values: &[f32]) -> Vec<u16> {
    values.iter().map(|value| (value.to_bits() >> 16) as u16).collect()
}

fn widen(values: &[u16]) -> Vec<f32> {
    values.iter().map(|&bits| f32::from_bits(u32::from(bits) << 16)).collect()
}

/// A gradient of either kind.
enum Buffer {
    Single(Vec<f32>),
    Half(Vec<u16>),
}

impl Buffer {
    fn new(half: bool, length: usize) -> Buffer {
        if half { Buffer::Half(vec![0x4110; length]) } else { Buffer::Single(vec![9.0; length]) }
    }

    fn gradient(&mut self) -> Gradient<'_> {
        match self {
            Buffer::Single(values) => Gradient::F32(values),
            Buffer::Half(values) => Gradient::Bf16(values),
        }
    }

    fn values(self) -> Vec<f32> {
        match self {
            Buffer::Single(values) => values,
            Buffer::Half(values) => widen(&values),
        }
    }
}

/// logp, entropy, and the gradients of hidden states and output matrix.
type Out = [Vec<f32>; 4];

/// All three calls on one workspace, which must agree.
fn run(input: &Input, options: &Options, space: &mut Workspace) -> Result<Out, HeadError> {
    let narrow = [bf16(&input.hidden), bf16(&input.weights)];
    let hidden = if input.half[0] { Values::Bf16(&narrow[0]) } else { Values::F32(&input.hidden) };
    let weights = if input.half[1] { Values::Bf16(&narrow[1]) } else { Values::F32(&input.weights) };
    let head = Head { hidden, weights, width: input.width, targets: &input.targets };
    let column = || [vec![9.0; input.out[0]], vec![9.0; input.out[1]]];
    let [mut logp, mut entropy] = column();
    forward(&head, options, space, &mut logp, &mut entropy)?;
    let buffers = || [Buffer::new(input.half[2], input.out[2]), Buffer::new(input.half[3], input.out[3])];
    let ([mut again, mut more], [mut a, mut b]) = (column(), buffers());
    let up = |tokens: std::ops::Range<usize>, _: &[f32], _: &[f32], dlogp: &mut [f32], dentropy: &mut [f32]| {
        for (out, up) in [dlogp, dentropy].into_iter().zip(&input.up) {
            // An upstream column of another length is an error of `backward` alone.
            out.iter_mut().zip(up.iter().skip(tokens.start)).for_each(|(out, up)| *out = *up);
        }
    };
    let gradients = [a.gradient(), b.gradient()];
    forward_backward(&head, options, space, &mut again, &mut more, up, gradients)?;
    assert!(all_same(&logp, &again) && all_same(&entropy, &more), "one forward pass, whichever call");
    let [mut c, mut d] = buffers();
    backward(&head, options, space, &input.up[0], &input.up[1], [c.gradient(), d.gradient()])?;
    let (found, known) = ([a.values(), b.values()], [c.values(), d.values()]);
    assert!(found.iter().zip(&known).all(|(a, b)| all_same(a, b)), "one backward pass, whichever call");
    let [hidden, weights] = found;
    Ok([logp, entropy, hidden, weights])
}

/// The same in f64, for each number of both gradients the size of what it is summed of, and the largest logit.
fn plain(input: &Input, temperature: f64) -> ([Vec<f64>; 4], [Vec<f64>; 2], f64) {
    let (d, v) = (input.width, input.weights.len() / input.width);
    let wide = |values: &[f32]| values.iter().map(|&value| f64::from(value)).collect::<Vec<_>>();
    let (h, w) = (wide(&input.hidden), wide(&input.weights));
    let [mut logp, mut entropy, mut dh, mut dw] = [vec![], vec![], vec![0.0; h.len()], vec![0.0; w.len()]];
    let (mut sizes, mut most) = ([dh.clone(), dw.clone()], 0.0f64);
    for (token, &target) in input.targets.iter().enumerate() {
        let row = &h[token * d..(token + 1) * d];
        let y = (0..v).map(|e| row.iter().zip(&w[e * d..]).map(|(a, b)| a * b).sum::<f64>() / temperature);
        let y: Vec<f64> = y.collect();
        let max = y.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        most = y.iter().fold(most, |most, y| most.max(y.abs()));
        let log = y.iter().map(|y| (y - max).exp()).sum::<f64>().ln();
        let all: Vec<f64> = y.iter().map(|y| y - max - log).collect();
        let own = all.iter().map(|l| if l.exp() > 0.0 { -l.exp() * l } else { 0.0 }).sum::<f64>();
        let [a, b] = [0, 1].map(|i| f64::from(input.up[i][token]));
        for (e, l) in all.iter().enumerate() {
            let one = f64::from(u8::from(e == target as usize));
            let slope = (a * (one - l.exp()) - b * l.exp() * (l + own)) / temperature;
            let size = (a.abs() * (one + l.exp()) + b.abs() * l.exp() * (l.abs() + own)) / temperature;
            for k in 0..d {
                dh[token * d + k] += slope * w[e * d + k];
                dw[e * d + k] += slope * row[k];
                sizes[0][token * d + k] += (size * w[e * d + k]).abs();
                sizes[1][e * d + k] += (size * row[k]).abs();
            }
        }
        logp.push(all[target as usize]);
        entropy.push(own);
    }
    ([logp, entropy, dh, dw], sizes, most)
}

/// Every number within `factor` of its size.
fn near(got: &[f32], exact: &[f64], sizes: &[f64], factor: f64, what: &str) {
    for (place, ((&got, exact), size)) in got.iter().zip(exact).zip(sizes).enumerate() {
        let apart = (f64::from(got) - exact).abs();
        assert!(apart <= factor * size + 1e-7, "{what} {place}: {got} and {exact}, of size {size:e}");
    }
}

/// Whether the shapes, types and settings are fine.
fn sound(input: &Input) -> bool {
    let (tokens, width) = (input.targets.len(), input.width);
    let vocabulary = if width == 0 { 0 } else { input.weights.len() / width };
    let t = input.options.temperature;
    let lengths = [tokens, tokens, tokens * width, vocabulary * width];
    let columns = [input.hidden.len() == lengths[2], input.weights.len() == lengths[3], input.out == lengths];
    tokens > 0
        && vocabulary > 0
        && columns == [true; 3]
        && input.up.iter().all(|up| up.len() == tokens)
        && input.half[0] == input.half[1]
        && input.targets.iter().all(|&target| (target as usize) < vocabulary)
        && (t > 0.0 && t.is_finite() && (1.0 / t).is_finite())
        && input.options.threads > 0
        && input.options.isa.available()
}

fuzz_target!(|input: Input| {
    let result = SPACE.with_borrow_mut(|space| run(&input, &input.options, space));
    assert_eq!(result.is_ok(), sound(&input), "{:?}", result.err());
    let Ok(out) = result else { return };
    let one = Options { threads: 1, ..input.options };
    let fresh = run(&input, &one, &mut Workspace::default()).expect("it was fine");
    assert!(out.iter().zip(&fresh).all(|(a, b)| all_same(a, b)), "threads and earlier calls change no bit");
    if !input.tame {
        return;
    }
    let (exact, sizes, most) = plain(&input, f64::from(input.options.temperature));
    // Logits are exact but for the division; an exponential errs with its exponent.
    let value = 4e-6 + 3e-7 * most;
    let ones = vec![1.0; input.targets.len()];
    near(&out[0], &exact[0], &ones, 2.0 * value, "logp");
    near(&out[1], &exact[1], &ones, 2.0 * value * (1.0 + most), "entropy");
    let factor = |half: bool| value * (1.0 + most) + if half || input.half[0] { 1.6e-2 } else { 0.0 };
    near(&out[2], &exact[2], &sizes[0], factor(input.half[2]), "dJ/dh");
    near(&out[3], &exact[3], &sizes[1], factor(input.half[3]), "dJ/dW");
});
