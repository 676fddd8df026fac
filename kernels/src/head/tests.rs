use super::*;
use crate::stream::{Address, Purpose};
use proptest::prelude::*;

/// A head with all it needs, in f32; bf16 tests round it first.
struct Case {
    hidden: Vec<f32>,
    weights: Vec<f32>,
    targets: Vec<u32>,
    up: [Vec<f32>; 2],
    width: usize,
    temperature: f32,
}

/// Everything a call gives.
#[derive(Clone, Debug, Default, PartialEq)]
struct Out {
    logp: Vec<f32>,
    entropy: Vec<f32>,
    hidden: Vec<f32>,
    weights: Vec<f32>,
}

impl Case {
    fn new(tokens: usize, width: usize, vocabulary: usize, seed: u64) -> Case {
        let mut stream = Address::new(seed, Purpose::Test).stream();
        let mut draw = |count: usize, scale: f32| -> Vec<f32> {
            (0..count).map(|_| (stream.uniform() as f32 - 0.5) * scale).collect()
        };
        let (hidden, weights) = (draw(tokens * width, 3.0), draw(vocabulary * width, 8.0 / (width as f32).sqrt()));
        let up = [draw(tokens, 2.0), draw(tokens, 2.0)];
        let targets = (0..tokens).map(|_| stream.below(vocabulary) as u32).collect();
        Case { hidden, weights, targets, up, width, temperature: 0.7 }
    }

    /// Inputs that bf16 holds.
    fn rounded(mut self) -> Case {
        for values in [&mut self.hidden, &mut self.weights] {
            values.iter_mut().for_each(|value| *value = lanes::widen(lanes::bf16(*value)));
        }
        self
    }

    fn run(&self, half: bool, options: Options) -> Out {
        let options = Options { temperature: self.temperature, ..options };
        let narrow =
            [&self.hidden, &self.weights].map(|values| values.iter().map(|&v| lanes::bf16(v)).collect::<Vec<_>>());
        let (hidden, weights) = match half {
            true => (Values::Bf16(&narrow[0]), Values::Bf16(&narrow[1])),
            false => (Values::F32(&self.hidden), Values::F32(&self.weights)),
        };
        let head = Head { hidden, weights, width: self.width, targets: &self.targets };
        let n = self.targets.len();
        let mut out = Out {
            logp: vec![9.0; n],
            entropy: vec![9.0; n],
            hidden: vec![9.0; self.hidden.len()],
            weights: vec![9.0; self.weights.len()],
        };
        let mut space = Workspace::default();
        let (mut logp, mut entropy) = (vec![0.0; n], vec![0.0; n]);
        forward(&head, &options, &mut space, &mut logp, &mut entropy).expect("forward");
        let upstream = |tokens: Range<usize>, _: &[f32], _: &[f32], a: &mut [f32], b: &mut [f32]| {
            a.copy_from_slice(&self.up[0][tokens.clone()]);
            b.copy_from_slice(&self.up[1][tokens]);
        };
        let gradients = [Gradient::F32(&mut out.hidden), Gradient::F32(&mut out.weights)];
        forward_backward(&head, &options, &mut space, &mut out.logp, &mut out.entropy, upstream, gradients)
            .expect("both");
        assert_eq!((&out.logp, &out.entropy), (&logp, &entropy), "one forward pass, whichever call");
        out
    }

    fn exact(&self) -> Exact {
        Exact::of(self)
    }
}

/// The same in f64, logits and all.
struct Exact {
    logp: Vec<f64>,
    entropy: Vec<f64>,
    hidden: Vec<f64>,
    weights: Vec<f64>,
}

impl Exact {
    fn of(case: &Case) -> Exact {
        let (d, v) = (case.width, case.weights.len() / case.width);
        let f = |values: &[f32]| values.iter().map(|&value| f64::from(value)).collect::<Vec<_>>();
        let (h, w, t) = (f(&case.hidden), f(&case.weights), f64::from(case.temperature));
        let mut out = Exact { logp: vec![], entropy: vec![], hidden: vec![0.0; h.len()], weights: vec![0.0; w.len()] };
        for (token, &target) in case.targets.iter().enumerate() {
            let row = &h[token * d..(token + 1) * d];
            let y: Vec<f64> =
                (0..v).map(|e| row.iter().zip(&w[e * d..]).map(|(a, b)| a * b).sum::<f64>() / t).collect();
            let max = y.iter().copied().fold(f64::MIN, f64::max);
            let log = y.iter().map(|y| (y - max).exp()).sum::<f64>().ln();
            let lp: Vec<f64> = y.iter().map(|y| y - max - log).collect();
            let entropy: f64 = -lp.iter().map(|lp| if lp.exp() > 0.0 { lp.exp() * lp } else { 0.0 }).sum::<f64>();
            let [a, b] = [0, 1].map(|i| f64::from(case.up[i][token]));
            for (e, lp) in lp.iter().enumerate() {
                let one = if e == target as usize { 1.0 } else { 0.0 };
                let g = (a * (one - lp.exp()) - b * lp.exp() * (lp + entropy)) / t;
                for k in 0..d {
                    out.hidden[token * d + k] += g * w[e * d + k];
                    out.weights[e * d + k] += g * row[k];
                }
            }
            out.logp.push(lp[target as usize]);
            out.entropy.push(entropy);
        }
        out
    }
}

fn isas() -> impl Iterator<Item = Isa> {
    Isa::ALL.into_iter().filter(|isa| isa.available())
}

/// The largest difference, over the largest number.
fn apart(got: &[f32], exact: &[f64]) -> f64 {
    assert_eq!(got.len(), exact.len());
    let size = exact.iter().fold(0.0, |a: f64, b| a.max(b.abs())).max(1e-30);
    let difference =
        |(got, exact): (&f32, &f64)| if got.is_finite() { (f64::from(*got) - exact).abs() } else { f64::MAX };
    got.iter().zip(exact).map(difference).fold(0.0, f64::max) / size
}

fn assert_near(out: &Out, exact: &Exact, [values, gradients]: [f64; 2], what: &str) {
    let pairs = [(&out.logp, &exact.logp, values), (&out.entropy, &exact.entropy, values)];
    for (got, exact, bound) in
        pairs.into_iter().chain([(&out.hidden, &exact.hidden, gradients), (&out.weights, &exact.weights, gradients)])
    {
        let apart = apart(got, exact);
        assert!(apart <= bound, "{what}: {apart:e} > {bound:e}");
    }
}

const F32: [f64; 2] = [3e-6, 5e-6];
/// Products are exact in f32; gradients of logits are rounded to bf16 (and so are exponentials that are kept).
const BF16: [f64; 2] = [3e-6, 8e-3];

#[test]
fn every_instruction_set_agrees_with_f64() {
    for (tokens, width, vocabulary) in [(1, 1, 2), (1, 33, 7), (33, 70, 1100), (70, 16, 65), (40, 352, 97), (3, 5, 1)] {
        let case = Case::new(tokens, width, vocabulary, 1).rounded();
        let exact = case.exact();
        for isa in isas() {
            for kept_bytes in [0, 1 << 15, 1 << 27] {
                let options = Options { isa, kept_bytes, ..Options::default() };
                let what = format!("{isa:?} {tokens} x {width} x {vocabulary}, kept {kept_bytes}");
                assert_near(&case.run(false, options), &exact, F32, &what);
                assert_near(&case.run(true, options), &exact, BF16, &what);
            }
        }
    }
}

#[test]
fn f32_in_pieces_is_as_exact_as_f32() {
    // Inputs with all 24 bits, a sum long enough to err.
    let case = Case::new(35, 700, 130, 2);
    for isa in isas() {
        assert_near(&case.run(false, Options { isa, ..Options::default() }), &case.exact(), F32, &format!("{isa:?}"));
    }
}

#[test]
fn threads_change_no_bit() {
    let case = Case::new(150, 40, 3000, 3);
    for half in [false, true] {
        for kept_bytes in [0, 400_000, 1 << 27] {
            let run = |threads| case.run(half, Options { threads, kept_bytes, ..Options::default() });
            let one = run(1);
            assert!([2, 3, 5].into_iter().all(|threads| run(threads) == one), "bf16 {half}, kept {kept_bytes}");
        }
    }
}

#[test]
fn temperatures() {
    for temperature in [0.05, 0.5, 1.0, 3.0, 100.0] {
        let case = Case { temperature, ..Case::new(20, 24, 200, 4) };
        assert_near(&case.run(false, Options::default()), &case.exact(), [2e-5, 5e-5], &format!("T = {temperature}"));
    }
}

#[test]
fn extreme_logits_stay_finite() {
    let mut case = Case::new(40, 8, 600, 5);
    case.hidden.fill(0.0);
    case.hidden.iter_mut().step_by(8).for_each(|value| *value = 100.0);
    for (entry, row) in case.weights.chunks_mut(8).enumerate() {
        row[0] = [100.0, -100.0, 99.99, 0.0][entry % 4];
    }
    case.temperature = 1.0;
    let exact = case.exact();
    for isa in isas() {
        for half in [false, true] {
            let out = case.run(half, Options { isa, ..Options::default() });
            let all = [&out.logp, &out.entropy, &out.hidden, &out.weights];
            assert!(all.into_iter().flatten().all(|value| value.is_finite()), "{isa:?}");
            if !half {
                assert_near(&out, &exact, [1e-3, 1e-3], &format!("{isa:?}"));
            }
        }
    }
}

#[test]
fn gradients_are_central_differences() {
    let case = Case::new(3, 4, 9, 6);
    let out = case.run(false, Options::default());
    let objective = |case: &Case| {
        let exact = case.exact();
        let part =
            |up: &[f32], values: &[f64]| up.iter().zip(values).map(|(up, value)| f64::from(*up) * value).sum::<f64>();
        part(&case.up[0], &exact.logp) + part(&case.up[1], &exact.entropy)
    };
    for i in 0..case.weights.len() {
        let at = |by: f32| {
            let mut moved = Case::new(3, 4, 9, 6);
            moved.weights[i] += by;
            (f64::from(moved.weights[i]), objective(&moved))
        };
        let (low, high) = (at(-1e-3), at(1e-3));
        let slope = (high.1 - low.1) / (high.0 - low.0);
        assert!((slope - f64::from(out.weights[i])).abs() < 1e-4, "{i}: {slope} {}", out.weights[i]);
    }
}

#[test]
fn bf16_gradients_are_the_f32_ones_rounded_once() {
    let case = Case::new(70, 20, 500, 7).rounded();
    let narrow = [&case.hidden, &case.weights].map(|values| values.iter().map(|&v| lanes::bf16(v)).collect::<Vec<_>>());
    let head =
        Head { hidden: Values::Bf16(&narrow[0]), weights: Values::Bf16(&narrow[1]), width: 20, targets: &case.targets };
    let options = Options { temperature: case.temperature, kept_bytes: 0, ..Options::default() };
    let long = case.run(true, options);
    // Little is kept: more than one block, unless the gradient is to be rounded.
    for kept_bytes in [0, 32 * 512 * 2] {
        let (mut a, mut b) = (vec![0u16; case.hidden.len()], vec![0u16; case.weights.len()]);
        let mut space = Workspace::default();
        let out = [Gradient::Bf16(&mut a), Gradient::Bf16(&mut b)];
        backward(&head, &Options { kept_bytes, ..options }, &mut space, &case.up[0], &case.up[1], out)
            .expect("backward");
        let round = |values: &[f32]| values.iter().map(|&value| lanes::bf16(value)).collect::<Vec<_>>();
        assert_eq!((a, b), (round(&long.hidden), round(&long.weights)));
    }
}

#[test]
fn a_workspace_serves_any_shape() {
    let mut space = Workspace::default();
    for (tokens, width, vocabulary) in [(70, 40, 900), (5, 3, 40), (33, 64, 64), (100, 40, 900)] {
        let case = Case::new(tokens, width, vocabulary, 8);
        let head = Head {
            hidden: Values::F32(&case.hidden),
            weights: Values::F32(&case.weights),
            width,
            targets: &case.targets,
        };
        let options = Options { temperature: case.temperature, ..Options::default() };
        let (mut a, mut b) = (vec![0.0; case.hidden.len()], vec![0.0; case.weights.len()]);
        let out = [Gradient::F32(&mut a), Gradient::F32(&mut b)];
        backward(&head, &options, &mut space, &case.up[0], &case.up[1], out).expect("backward");
        let fresh = case.run(false, options);
        assert_eq!((a, b), (fresh.hidden, fresh.weights));
    }
}

#[test]
fn nan_comes_out_as_nan() {
    let mut case = Case::new(40, 8, 600, 9);
    case.hidden[3] = f32::NAN;
    for isa in isas() {
        for kept_bytes in [0, 1 << 27] {
            for half in [false, true] {
                let options = Options { temperature: 1.0, isa, kept_bytes, ..Options::default() };
                let narrow =
                    [&case.hidden, &case.weights].map(|v| v.iter().map(|&v| lanes::bf16(v)).collect::<Vec<_>>());
                let (hidden, weights) = match half {
                    true => (Values::Bf16(&narrow[0]), Values::Bf16(&narrow[1])),
                    false => (Values::F32(&case.hidden), Values::F32(&case.weights)),
                };
                let head = Head { hidden, weights, width: 8, targets: &case.targets };
                let (mut logp, mut entropy) = (vec![0.0; 40], vec![0.0; 40]);
                let (mut a, mut b) = (vec![0.0; 320], vec![0.0; 4800]);
                let up = |_: Range<usize>, _: &[f32], _: &[f32], a: &mut [f32], _: &mut [f32]| a.fill(1.0);
                let out = [Gradient::F32(&mut a), Gradient::F32(&mut b)];
                forward_backward(&head, &options, &mut Workspace::default(), &mut logp, &mut entropy, up, out)
                    .expect("ok");
                assert!(logp[0].is_nan() && entropy[0].is_nan() && a[0].is_nan(), "{isa:?}");
                assert!(
                    logp[1..].iter().all(|value| value.is_finite()) && a[8..].iter().all(|value| value.is_finite())
                );
            }
        }
    }
}

#[test]
fn errors_name_their_operand() {
    let (w, targets) = ([1.0f32; 6], [0u32, 2]);
    let head = Head { hidden: Values::F32(&w[..4]), weights: Values::F32(&w), width: 2, targets: &targets };
    let run = |head: &Head<'_>, options: Options, n: usize| {
        forward(head, &options, &mut Workspace::default(), &mut vec![0.0; n], &mut [0.0; 2]).expect_err("an error")
    };
    let fine = Options::default();
    let shape = |operand, got, expected, rows, columns| HeadError::Shape { operand, got, expected, rows, columns };
    assert_eq!(run(&Head { hidden: Values::F32(&w), ..head }, fine, 2), shape("hidden", 6, 4, 2, 2));
    assert_eq!(run(&Head { weights: Values::F32(&w[..5]), ..head }, fine, 2), shape("weights", 5, 4, 2, 2));
    assert_eq!(run(&head, fine, 3), shape("logp", 3, 2, 2, 1));
    assert_eq!(run(&Head { weights: Values::Bf16(&[0; 6]), ..head }, fine, 2), HeadError::Types);
    assert_eq!(run(&Head { targets: &[], ..head }, fine, 2), HeadError::Empty { what: "tokens" });
    assert_eq!(run(&Head { width: 0, ..head }, fine, 2), HeadError::Empty { what: "width" });
    assert_eq!(run(&Head { weights: Values::F32(&[]), ..head }, fine, 2), HeadError::Empty { what: "vocabulary" });
    let target = HeadError::Target { token: 1, target: 3, vocabulary: 3 };
    assert_eq!(run(&Head { targets: &[0, 3], ..head }, fine, 2), target);
    for value in [0.0, -1.0, f32::INFINITY, 1e-40] {
        let error = run(&head, Options { temperature: value, ..fine }, 2);
        assert_eq!(error, HeadError::Temperature { value });
    }
    assert_eq!(run(&head, Options { threads: 0, ..fine }, 2), HeadError::Threads);
    let mut short = [0.0; 5];
    let out = [Gradient::F32(&mut [0.0; 4]), Gradient::F32(&mut short)];
    let error = backward(&head, &fine, &mut Workspace::default(), &[0.0; 2], &[0.0; 2], out).expect_err("short");
    assert_eq!(error, shape("weights gradient", 5, 6, 3, 2));
}

#[test]
fn exp_and_ln_to_a_few_units_in_the_last_place() {
    for i in 0..80_000 {
        let x = -(i as f32) * 1e-3;
        let exact = f64::from(x).exp();
        for got in [lanes::exp::<true>(x), lanes::exp::<false>(x)] {
            assert!((f64::from(got) / exact - 1.0).abs() < 2.5e-7, "exp({x}) = {got}");
        }
        let y = lanes::exp::<true>(x);
        assert!((f64::from(lanes::ln::<true>(y)) - f64::from(y).ln()).abs() < 1e-6 + 1e-7 * f64::from(-x), "ln({y})");
    }
    assert_eq!(
        (lanes::exp::<true>(-81.0), lanes::exp::<true>(f32::NEG_INFINITY), lanes::exp::<true>(0.0)),
        (0.0, 0.0, 1.0)
    );
    assert!(lanes::exp::<true>(f32::NAN).is_nan() && lanes::ln::<true>(0.0).is_finite());
}

#[test]
fn rounds_to_nearest_even() {
    let bits = |bits: u32| lanes::bf16(f32::from_bits(bits));
    assert_eq!((bits(0x3f80_8000), bits(0x3f81_8000), bits(0x3f80_8001)), (0x3f80, 0x3f82, 0x3f81));
    assert!(lanes::widen(lanes::bf16(f32::NAN)).is_nan());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_shape_agrees_with_f64(
        tokens in 1usize..70, width in 1usize..90, vocabulary in 1usize..700, seed: u64, half: bool,
        isa in 0usize..5, kept_bytes in prop_oneof![Just(0usize), Just(100_000), Just(1 << 27)], threads in 1usize..4,
    ) {
        let isa = if Isa::ALL[isa].available() { Isa::ALL[isa] } else { Isa::Plain };
        let case = Case::new(tokens, width, vocabulary, seed).rounded();
        let out = case.run(half, Options { isa, kept_bytes, threads, ..Options::default() });
        // A gradient that cancels is small beside what it is summed of: looser than above.
        let bounds = if half { [1e-5, 3e-2] } else { [1e-5, 5e-5] };
        assert_near(&out, &case.exact(), bounds, &format!("{isa:?} {half} {tokens} x {width} x {vocabulary}"));
    }

    #[test]
    fn a_gradient_of_logits_sums_to_zero(tokens in 1usize..40, vocabulary in 2usize..300, seed: u64) {
        // Rows of W alike: the hidden gradient is their sum, 0.
        let mut case = Case::new(tokens, 3, vocabulary, seed);
        for row in case.weights.chunks_mut(3) {
            row.copy_from_slice(&[1.0, -2.0, 0.5]);
        }
        let out = case.run(false, Options::default());
        prop_assert!(out.hidden.iter().all(|value| value.abs() < 1e-4));
        prop_assert!(out.entropy.iter().all(|entropy| (entropy - (vocabulary as f32).ln()).abs() < 1e-5));
    }
}
