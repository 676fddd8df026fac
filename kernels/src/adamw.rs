//! AdamW with explicit moments, so that a checkpoint can hold them.
//!
//! All buffers are flat `f32`. [`step`] and [`fused`] share one loop; [`norm`] and [`clip_scale`] give the scale that clips.

use crate::threads;
use std::num::NonZeroUsize;

/// The settings of one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Learning rate.
    pub rate: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the corrected second moment.
    pub epsilon: f64,
    /// Decoupled weight decay; the parameter shrinks by `rate * weight_decay` of itself.
    pub weight_decay: f64,
}

impl Default for Options {
    /// The defaults of `torch.optim.AdamW`.
    fn default() -> Self {
        Options { rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 1e-2 }
    }
}

/// What a step is computed in. Parameters, gradients and moments are f32 in memory either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arithmetic {
    /// f64, rounded once an element: the bits of [`step`].
    Double,
    /// f32 throughout, as torch does it: every operation rounds. Its bits are the same on every vector unit and number of
    /// threads too, but they are not torch's. Moments that decay below 1e-38 (gradients that stay 0) make it many times slower,
    /// as any f32 code that keeps subnormal numbers.
    Single,
}

/// What a fused step does besides AdamW.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pass {
    /// Every gradient is multiplied by this first, in f64: 1 for none, or what clipping asks for, see [`clip_scale`].
    pub scale: f64,
    /// What the step is computed in.
    pub arithmetic: Arithmetic,
    /// Leave zeros in the gradient, for the next accumulation.
    pub zero_grad: bool,
    /// Threads to work on, the caller's included. The results do not depend on it.
    pub threads: NonZeroUsize,
}

impl Default for Pass {
    /// No scale, f64, the gradient is left as it is, one thread.
    fn default() -> Self {
        Pass { scale: 1.0, arithmetic: Arithmetic::Double, zero_grad: false, threads: NonZeroUsize::MIN }
    }
}

/// One step, number `t` counting from 1, in place (Loshchilov and Hutter 2019, in the order of `torch.optim.AdamW`):
///
/// ```text
/// p <- p - rate * weight_decay * p
/// m <- beta1 m + (1 - beta1) g          v <- beta2 v + (1 - beta2) g^2
/// p <- p - rate / (1 - beta1^t) * m / ( sqrt(v) / sqrt(1 - beta2^t) + epsilon )
/// ```
///
/// Each element is computed in f64 and rounded once to f32, so it can differ from torch's f32 in the last bits. The slices
/// are flat and of one length; what belongs to which tensor does not matter. The vector unit is found at run time (AVX-512,
/// AVX2, or what the build targets) and has no say in the results.
///
/// ```
/// use longlab_kernels::adamw::{Options, step};
/// let (mut p, mut m, mut v) = ([1.0f32], [0.0f32], [0.0f32]);
/// step(&mut p, &[0.5], &mut m, &mut v, 1, &Options { rate: 0.1, weight_decay: 0.0, ..Options::default() });
/// assert!((p[0] - 0.9).abs() < 1e-6); // the first step is the rate, whatever the gradient's size
/// ```
///
/// # Panics
/// If the slices differ in length or `t` is 0.
pub fn step(param: &mut [f32], grad: &[f32], m: &mut [f32], v: &mut [f32], t: u64, options: &Options) {
    check(t, [param.len(), grad.len(), m.len(), v.len()]);
    apply_double(&Rule::new(t, options, 1.0), param, grad, m, v);
}

/// [`step`] with `pass.scale` g in place of g, in one pass over memory: clipping and zeroing the gradient cost no further
/// one. In f64 and with scale 1 the results are those of [`step`], bit for bit; on any number of threads they are the same.
///
/// ```
/// use longlab_kernels::adamw::{Options, Pass, clip_scale, fused, norm};
/// use std::num::NonZeroUsize;
/// let (mut p, mut m, mut v) = (vec![1.0f32; 2], vec![0.0f32; 2], vec![0.0f32; 2]);
/// let mut grad = vec![3.0f32, 4.0];
/// let threads = NonZeroUsize::new(2).unwrap();
/// let scale = clip_scale(norm(&grad, threads), 1.0); // the norm is 5
/// let pass = Pass { scale, zero_grad: true, threads, ..Pass::default() };
/// fused(&mut p, &mut grad, &mut m, &mut v, 1, &Options::default(), &pass);
/// assert!((m[0] - 0.06).abs() < 1e-6); // 0.1 of 3 / 5
/// assert_eq!(grad, [0.0, 0.0]);
/// ```
///
/// # Panics
/// If the slices differ in length, `t` is 0, or a thread cannot be started.
pub fn fused(
    param: &mut [f32],
    grad: &mut [f32],
    m: &mut [f32],
    v: &mut [f32],
    t: u64,
    options: &Options,
    pass: &Pass,
) {
    check(t, [param.len(), grad.len(), m.len(), v.len()]);
    let rule = Rule::new(t, options, pass.scale);
    let apply = match pass.arithmetic {
        Arithmetic::Double => apply_double,
        Arithmetic::Single => apply_single,
    };
    let part = part(param.len(), pass.threads);
    let parts = param.chunks_mut(part).zip(grad.chunks_mut(part)).zip(m.chunks_mut(part).zip(v.chunks_mut(part)));
    threads::share(&mut vec![(); pass.threads.get()], parts, |((param, grad), (m, v)), ()| {
        let blocks =
            param.chunks_mut(BLOCK).zip(grad.chunks_mut(BLOCK)).zip(m.chunks_mut(BLOCK).zip(v.chunks_mut(BLOCK)));
        for ((param, grad), (m, v)) in blocks {
            apply(&rule, param, grad, m, v);
            if pass.zero_grad {
                grad.fill(0.0); // still in the first cache
            }
        }
    });
}

/// The L2 norm of a flat gradient, `sqrt(sum g^2)`, in the gradient's unit: squares and sums in f64.
///
/// Always the same additions in the same order: 64 interleaved sums in each 4096 elements, then over those blocks. So
/// threads and vector units have no say in the bits. An infinite or NaN element makes the norm infinite or NaN.
///
/// ```
/// use longlab_kernels::adamw::norm;
/// assert_eq!(norm(&[3.0, -4.0], std::num::NonZeroUsize::MIN), 5.0);
/// assert_eq!(norm(&[], std::num::NonZeroUsize::MIN), 0.0);
/// ```
///
/// # Panics
/// If a thread cannot be started.
pub fn norm(grad: &[f32], threads: NonZeroUsize) -> f64 {
    let part = part(grad.len(), threads);
    let mut sums = vec![0.0f64; grad.len().div_ceil(BLOCK)];
    let parts = grad.chunks(part).zip(sums.chunks_mut(part / BLOCK));
    threads::share(&mut vec![(); threads.get()], parts, |(grad, sums), ()| {
        for (block, sum) in grad.chunks(BLOCK).zip(sums) {
            *sum = squares(block);
        }
    });
    sums.iter().sum::<f64>().sqrt()
}

/// The factor that brings a gradient of this norm down to `most`, as `torch.nn.utils.clip_grad_norm_` has it:
/// min(1, most / (norm + 1e-6)). A norm of NaN gives NaN, so that it shows.
///
/// ```
/// use longlab_kernels::adamw::clip_scale;
/// assert_eq!(clip_scale(0.5, 1.0), 1.0);
/// assert!((clip_scale(4.0, 1.0) - 0.25).abs() < 1e-6);
/// ```
pub fn clip_scale(norm: f64, most: f64) -> f64 {
    let scale = most / (norm + 1e-6);
    if scale > 1.0 { 1.0 } else { scale }
}

/// Elements worked on together: four slices of them fit into the second cache, one into the first.
const BLOCK: usize = 4096;

fn check(t: u64, [param, grad, m, v]: [usize; 4]) {
    assert!(t > 0, "AdamW steps count from 1");
    assert_eq!(param, grad, "one gradient a parameter");
    assert_eq!((m, v), (param, param), "one moment of each kind a parameter");
}

/// Elements a thread, in whole blocks and at least one.
fn part(len: usize, threads: NonZeroUsize) -> usize {
    len.div_ceil(BLOCK).div_ceil(threads.get()).max(1) * BLOCK
}

/// The numbers of one step, worked out once.
#[derive(Clone, Copy)]
struct Rule {
    scale: f64,
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    /// What is left of a parameter after decay.
    kept: f64,
    /// The rate over the first moment's correction.
    size: f64,
    /// The root of the second moment's correction.
    root: f64,
}

impl Rule {
    fn new(t: u64, options: &Options, scale: f64) -> Self {
        let &Options { rate, beta1, beta2, epsilon, weight_decay } = options;
        let size = rate / (1.0 - beta1.powf(t as f64));
        let root = (1.0 - beta2.powf(t as f64)).sqrt();
        Rule { scale, beta1, beta2, epsilon, kept: 1.0 - rate * weight_decay, size, root }
    }
}

/// A function compiled once for each vector unit, the best of which is chosen at run time. The body is safe code that
/// fuses and reorders nothing, so all give the same bits.
macro_rules! vectorised {
    ($(#[$doc:meta])* fn $name:ident($($arg:ident: $kind:ty),*) $(-> $out:ty)? $body:block) => {
        $(#[$doc])*
        fn $name($($arg: $kind),*) $(-> $out)? {
            #[inline(always)]
            fn plain($($arg: $kind),*) $(-> $out)? $body
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f")]
            fn avx512($($arg: $kind),*) $(-> $out)? { plain($($arg),*) }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2")]
            fn avx2($($arg: $kind),*) $(-> $out)? { plain($($arg),*) }
            #[cfg(target_arch = "x86_64")]
            {
                if is_x86_feature_detected!("avx512f") {
                    // SAFETY: the processor has AVX-512F, which is all the function needs beyond a safe one.
                    return unsafe { avx512($($arg),*) };
                }
                if is_x86_feature_detected!("avx2") {
                    // SAFETY: the processor has AVX2, which is all the function needs beyond a safe one.
                    return unsafe { avx2($($arg),*) };
                }
            }
            plain($($arg),*)
        }
    };
}

vectorised! {
/// The step in f64, rounded once.
fn apply_double(rule: &Rule, param: &mut [f32], grad: &[f32], m: &mut [f32], v: &mut [f32]) {
    let &Rule { scale, beta1, beta2, epsilon, kept, size, root } = rule;
    for (((p, &g), m), v) in param.iter_mut().zip(grad).zip(m).zip(v) {
        let g = f64::from(g) * scale;
        let first = beta1 * f64::from(*m) + (1.0 - beta1) * g;
        let second = beta2 * f64::from(*v) + (1.0 - beta2) * g * g;
        let decayed = f64::from(*p) * kept;
        *p = (decayed - size * first / (second.sqrt() / root + epsilon)) as f32;
        *m = first as f32;
        *v = second as f32;
    }
}
}

vectorised! {
/// The step in f32, with constants rounded from f64 and one division fewer.
fn apply_single(rule: &Rule, param: &mut [f32], grad: &[f32], m: &mut [f32], v: &mut [f32]) {
    let &Rule { scale, beta1, beta2, epsilon, kept, size, root } = rule;
    let (rest1, rest2, upright) = ((1.0 - beta1) as f32, (1.0 - beta2) as f32, (1.0 / root) as f32);
    let [scale, beta1, beta2, epsilon, kept, size] = [scale, beta1, beta2, epsilon, kept, size].map(|x| x as f32);
    for (((p, &g), m), v) in param.iter_mut().zip(grad).zip(m).zip(v) {
        let g = g * scale;
        let first = beta1 * *m + rest1 * g;
        let second = beta2 * *v + rest2 * g * g;
        *p = *p * kept - size * first / (second.sqrt() * upright + epsilon);
        *m = first;
        *v = second;
    }
}
}

vectorised! {
/// The sum of squares in lanes, element k in lane k modulo their number, lanes added in order.
fn squares(block: &[f32]) -> f64 {
    // As many lanes as keep the loop over them a loop, which is what the compiler vectorises.
    let mut lanes = [0.0f64; LANES];
    let (chunks, rest) = block.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, &g) in lanes.iter_mut().zip(chunk) {
            *lane += f64::from(g) * f64::from(g);
        }
    }
    for (lane, &g) in lanes.iter_mut().zip(rest) {
        *lane += f64::from(g) * f64::from(g);
    }
    lanes.iter().sum()
}
}

/// Interleaved sums of [`norm`].
const LANES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_steps_by_hand() {
        // Worked out by tests/golden/adamw.py in 50 digits.
        let options = Options { rate: 0.01, weight_decay: 0.1, ..Options::default() };
        let (mut p, mut m, mut v) = ([1.0f32, -0.5], [0.0f32; 2], [0.0f32; 2]);
        for (t, grad) in [[0.5f32, -0.25], [-1.0, 0.125], [0.25, 2.0]].into_iter().enumerate() {
            step(&mut p, &grad, &mut m, &mut v, t as u64 + 1, &options);
        }
        let expected = [0.992_047_269_998, -0.491_902_838_846];
        for (got, expected) in p.iter().zip(expected) {
            assert!((f64::from(*got) - expected).abs() < 2e-7, "{got} {expected}");
        }
    }

    #[test]
    fn a_zero_gradient_only_decays() {
        let (mut p, mut m, mut v) = ([2.0f32], [0.0f32], [0.0f32]);
        step(&mut p, &[0.0], &mut m, &mut v, 1, &Options { rate: 0.5, weight_decay: 0.5, ..Options::default() });
        assert_eq!((p, m, v), ([1.5], [0.0], [0.0]));
    }

    /// `len` elements of every kind, of all magnitudes, zeros among them.
    fn buffers(len: usize) -> [Vec<f32>; 4] {
        let wave = |salt: f32| move |k: usize| ((k as f32 + salt) * 0.37).sin() * 10f32.powi(k as i32 % 9 - 6);
        let of = |salt| (0..len).map(wave(salt)).collect::<Vec<f32>>();
        let second = (0..len).map(wave(3.0)).map(|x| x * x).collect();
        [of(0.0), of(1.0), of(2.0), second]
    }

    /// The step as it is written in the books, in f64, element by element; nothing here is vectorised.
    fn by_the_book(p: &mut f32, g: f64, m: &mut f32, v: &mut f32, t: u64, o: &Options) {
        let first = o.beta1 * f64::from(*m) + (1.0 - o.beta1) * g;
        let second = o.beta2 * f64::from(*v) + (1.0 - o.beta2) * g * g;
        let (size, root) = (o.rate / (1.0 - o.beta1.powf(t as f64)), (1.0 - o.beta2.powf(t as f64)).sqrt());
        let decayed = f64::from(*p) * (1.0 - o.rate * o.weight_decay);
        *p = (decayed - size * first / (second.sqrt() / root + o.epsilon)) as f32;
        (*m, *v) = (first as f32, second as f32);
    }

    #[test]
    fn lengths_and_thread_counts_give_the_bits_of_one_element_at_a_time() {
        let options = Options { rate: 0.01, ..Options::default() };
        for len in [0, 1, 7, 16, 31, BLOCK - 1, BLOCK, 3 * BLOCK + 5] {
            let [mut p, grad, mut m, mut v] = buffers(len);
            for k in 0..len {
                by_the_book(&mut p[k], f64::from(grad[k]) * 0.7, &mut m[k], &mut v[k], 3, &options);
            }
            for threads in [1, 2, 3, 64] {
                let threads = NonZeroUsize::new(threads).unwrap();
                let [mut q, mut g, mut n, mut w] = buffers(len);
                let pass = Pass { scale: 0.7, zero_grad: true, threads, ..Pass::default() };
                fused(&mut q, &mut g, &mut n, &mut w, 3, &options, &pass);
                assert_eq!((&p, &m, &v), (&q, &n, &w));
                assert!(g.iter().all(|&g| g == 0.0));
            }
        }
    }

    #[test]
    fn single_stays_near_double_and_its_bits_do_not_depend_on_length_or_threads() {
        let one = Pass { arithmetic: Arithmetic::Single, ..Pass::default() };
        let len = 2 * BLOCK + 19;
        let ([mut p, mut g, mut m, mut v], [mut q, _, mut n, mut w]) = (buffers(len), buffers(len));
        step(&mut q, &g, &mut n, &mut w, 3, &Options::default());
        fused(&mut p, &mut g, &mut m, &mut v, 3, &Options::default(), &one);
        for (x, y) in p.iter().zip(&q).chain(m.iter().zip(&n)).chain(v.iter().zip(&w)) {
            assert!((x - y).abs() <= 1e-5 * y.abs() + 1e-8, "{x} {y}");
        }
        let [mut q, _, mut n, mut w] = buffers(len);
        for k in 0..len {
            let all = k..=k;
            let t = (&mut q[all.clone()], &mut g[all.clone()], &mut n[all.clone()], &mut w[all]);
            fused(t.0, t.1, t.2, t.3, 3, &Options::default(), &one);
        }
        assert_eq!((p, m, v), (q, n, w));
    }

    #[test]
    fn the_norm_adds_in_one_order() {
        for len in [1, 63, 64, 65, BLOCK, 5 * BLOCK + 100] {
            let [_, grad, ..] = buffers(len);
            let block = |block: &[f32]| {
                let lane =
                    |k: usize| block.iter().skip(k).step_by(LANES).fold(0.0, |sum, &g| sum + f64::from(g).powi(2));
                (0..LANES).map(lane).sum::<f64>()
            };
            let expected = grad.chunks(BLOCK).map(block).sum::<f64>().sqrt();
            for threads in [1, 2, 5] {
                assert_eq!(norm(&grad, NonZeroUsize::new(threads).unwrap()).to_bits(), expected.to_bits());
            }
        }
    }

    #[test]
    fn bits_are_those_of_the_first_release() {
        // Folded by the loop as it was before it was split into blocks and vector units.
        let [mut p, grad, mut m, mut v] = buffers(1000);
        for t in 1..=5 {
            step(&mut p, &grad, &mut m, &mut v, t, &Options::default());
        }
        let fold = |values: &[f32]| {
            values.iter().fold(0u64, |sum, x| sum.wrapping_mul(31).wrapping_add(u64::from(x.to_bits())))
        };
        assert_eq!([fold(&p), fold(&m), fold(&v)], [12534498691955176309, 17867322680903144239, 8170262811052199763]);
    }

    #[test]
    fn norms_that_are_not_numbers_show() {
        let one = NonZeroUsize::MIN;
        assert!(norm(&[1.0, f32::NAN], one).is_nan());
        assert_eq!(norm(&[1.0, f32::INFINITY], one), f64::INFINITY);
        assert_eq!(norm(&[f32::MAX; 4], one), 2.0 * f64::from(f32::MAX));
        assert!(clip_scale(f64::NAN, 1.0).is_nan());
        assert_eq!(clip_scale(f64::INFINITY, 1.0), 0.0);
    }
}
