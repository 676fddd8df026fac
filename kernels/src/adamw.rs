//! AdamW with explicit moments, so that a checkpoint can hold them.

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

/// One step, number `t` counting from 1, in place (Loshchilov and Hutter 2019, in the order of `torch.optim.AdamW`):
///
/// ```text
/// p <- p - rate * weight_decay * p
/// m <- beta1 m + (1 - beta1) g          v <- beta2 v + (1 - beta2) g^2
/// p <- p - rate / (1 - beta1^t) * m / ( sqrt(v) / sqrt(1 - beta2^t) + epsilon )
/// ```
///
/// Each element is computed in f64 and rounded once to f32, so it can differ from torch's f32 in the last bits.
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
    assert!(t > 0, "AdamW steps count from 1");
    assert_eq!(param.len(), grad.len(), "one gradient a parameter");
    assert_eq!((m.len(), v.len()), (param.len(), param.len()), "one moment of each kind a parameter");
    let &Options { rate, beta1, beta2, epsilon, weight_decay } = options;
    let size = rate / (1.0 - beta1.powf(t as f64));
    let root = (1.0 - beta2.powf(t as f64)).sqrt();
    for (((p, &g), m), v) in param.iter_mut().zip(grad).zip(m).zip(v) {
        let g = f64::from(g);
        let first = beta1 * f64::from(*m) + (1.0 - beta1) * g;
        let second = beta2 * f64::from(*v) + (1.0 - beta2) * g * g;
        let decayed = f64::from(*p) * (1.0 - rate * weight_decay);
        *p = (decayed - size * first / (second.sqrt() / root + epsilon)) as f32;
        *m = first as f32;
        *v = second as f32;
    }
}

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
}
