//! AdamW.

use longlab_kernels::adamw::{Options, step};
use proptest::collection::vec;
use proptest::prelude::*;

proptest! {
    #[test]
    fn the_first_step_is_the_rate_against_the_gradients_sign(p in -2.0..2.0f32, size in 1e-3..100.0f32, up in any::<bool>(), rate in 1e-4..1e-1f64) {
        let (mut param, mut m, mut v) = ([p], [0.0], [0.0]);
        let grad = if up { -size } else { size };
        step(&mut param, &[grad], &mut m, &mut v, 1, &Options { rate, weight_decay: 0.0, ..Options::default() });
        let moved = f64::from(param[0]) - f64::from(p);
        prop_assert!((moved + rate * f64::from(grad.signum())).abs() < 1e-6, "{}", moved);
    }

    #[test]
    fn the_gradients_size_does_not_matter_without_epsilon(grads in vec(0.1..1.0f32, 1..8), power in -6i32..6) {
        let factor = 2f32.powi(power);
        let run = |factor: f32| {
            let (mut param, mut m, mut v) = ([1.0f32], [0.0], [0.0]);
            for (t, g) in grads.iter().enumerate() {
                step(&mut param, &[g * factor], &mut m, &mut v, t as u64 + 1, &Options { epsilon: 0.0, ..Options::default() });
            }
            param[0]
        };
        prop_assert!((run(1.0) - run(factor)).abs() < 1e-6);
    }

    #[test]
    fn splitting_a_parameter_changes_nothing(values in vec((-1.0..1.0f32, -1.0..1.0f32), 2..10), t in 1u64..100) {
        let grads: Vec<f32> = values.iter().map(|v| v.1).collect();
        let start = || (values.iter().map(|v| v.0).collect::<Vec<f32>>(), vec![0.1; values.len()], vec![0.2; values.len()]);
        let (mut p, mut m, mut v) = start();
        step(&mut p, &grads, &mut m, &mut v, t, &Options::default());
        let (mut q, mut n, mut w) = start();
        for i in 0..values.len() {
            step(&mut q[i..=i], &grads[i..=i], &mut n[i..=i], &mut w[i..=i], t, &Options::default());
        }
        prop_assert_eq!((p, m, v), (q, n, w));
    }
}
