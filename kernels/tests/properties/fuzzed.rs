//! What the fuzz targets found (docs/fuzzing.md), each once.

use longlab_kernels::adamw::{Options, Pass, fused, norm};
use longlab_kernels::advantage::{self, AdvantageError, try_advantages};
use longlab_kernels::head::{self, Head, Values, Workspace, forward};
use longlab_kernels::loss::{Batch, OnPolicy, PolicyLoss, Sum};
use longlab_kernels::merge::{Format, MergeError, Sce, Task, Tensors, linear};
use longlab_kernels::stream::{Address, Purpose, Stream};
use proptest::prelude::*;
use std::num::NonZeroUsize;

fn stream(seed: u64) -> Stream {
    Address::new(seed, Purpose::Test).stream()
}

/// The start of a shuffle that holds every number.
fn shuffled(stream: &mut Stream, n: usize, k: usize) -> Vec<usize> {
    let mut all: Vec<usize> = (0..n).collect();
    (0..k).for_each(|place| all.swap(place, place + stream.below(n - place)));
    all.truncate(k);
    all
}

#[test]
fn a_choice_out_of_very_many_holds_the_chosen_alone() {
    // Every number below n was held: a capacity overflow.
    assert_eq!(stream(0).choose_distinct(usize::MAX, 0), []);
    let chosen = stream(0).choose_distinct(usize::MAX, 3);
    assert!(chosen[0] != chosen[1] && chosen[1] != chosen[2] && chosen[0] != chosen[2]);
}

proptest! {
    #[test]
    fn a_choice_is_the_start_of_a_shuffle(seed: u64, n in 0usize..60, k in 0usize..60) {
        let k = k.min(n);
        prop_assert_eq!(stream(seed).choose_distinct(n, k), shuffled(&mut stream(seed), n, k));
    }
}

#[test]
fn no_more_threads_than_work() {
    // As many as were asked for were started, and the head made room for each.
    let threads = NonZeroUsize::MAX;
    assert_eq!(norm(&[3.0, -4.0], threads), 5.0);
    let (mut p, mut g, mut m, mut v) = ([1.0f32], [0.5f32], [0.0f32], [0.0f32]);
    fused(&mut p, &mut g, &mut m, &mut v, 1, &Options::default(), &Pass { threads, ..Pass::default() });
    assert!(p[0] < 1.0);
    let head = Head { hidden: Values::F32(&[1.0]), weights: Values::F32(&[0.5; 4]), width: 1, targets: &[3] };
    let options = head::Options { threads: usize::MAX, ..head::Options::default() };
    let (mut logp, mut entropy) = ([0.0], [0.0]);
    forward(&head, &options, &mut Workspace::default(), &mut logp, &mut entropy).unwrap();
    assert!((entropy[0] - 4f32.ln()).abs() < 1e-6);
}

#[test]
fn nan_of_any_payload_stays_nan() {
    // Rounding carried these two past infinity, to -0 and 0, in bf16; f16 made every NaN infinite.
    for bits in [0x7fff_ffff_ffff_ffffu64, 0xffff_ffff_ffff_ffff, 0x7ff8_0000_0000_0000, 0x7ff0_0000_0000_0001] {
        for format in [Format::F32, Format::F16, Format::Bf16] {
            let (mut bytes, mut back) = (Vec::new(), [0.0]);
            format.write(&[f64::from_bits(bits)], &mut bytes);
            format.read(&bytes, &mut back);
            assert!(back[0].is_nan(), "{format:?} of {bits:x} is {}", back[0]);
        }
    }
}

#[test]
fn weights_that_sum_to_infinity_are_refused() {
    // Divided by it, the mean of 0.1 and 0.1 was 0.
    let (models, weights) = ([&[0.1][..], &[0.1][..]], [1e308, 1e308]);
    let refused = |error: MergeError| matches!(error, MergeError::Setting { name: "sum of the weights", .. });
    assert!(linear(&models, &weights).is_err_and(refused));
    let tensors = Tensors::new(&[0.0], &models).unwrap();
    assert!(Task { normalize: true, ..Task::arithmetic() }.merge(&tensors, &weights).is_err_and(refused));
}

#[test]
fn a_merge_past_the_largest_number_is_an_error() {
    // Past 4096 places SCE ranked NaN among the variances, and did not find its place again.
    for places in [1, 5000] {
        let (mut base, mut model) = (vec![0.0; places], vec![1.0; places]);
        (base[0], model[0]) = (f64::MIN, f64::MAX);
        let models = [&model[..], &model[..], &base[..]];
        let overflow = |error: MergeError| matches!(error, MergeError::Overflow { place: 0, .. });
        let tensors = Tensors::new(&base, &models).unwrap();
        assert!(Task::arithmetic().merge(&tensors, &[1.0; 3]).is_err_and(overflow));
        assert!(linear(&models, &[1.0; 3]).is_err_and(overflow));
        assert!(Sce::default().merge(&tensors).is_err_and(overflow));
        let half = Sce { select: 0.5, ..Sce::default() }.merge(&tensors);
        // Half of one place is none, and the base stays.
        assert!(if places == 1 { half == Ok(base.clone()) } else { half.is_err_and(overflow) });
    }
}

#[test]
fn advantages_are_finite_or_an_error() {
    let got = try_advantages(&[1e308, 1e308, 0.0], &[0; 3], &[0; 3], &advantage::Options::default());
    assert!(matches!(got, Err(AdvantageError::Overflow { rollout: 0, .. })), "{got:?}");
}

#[test]
fn a_masked_token_has_no_slope_under_any_weight_of_a_sum() {
    let (logp, shares) = (vec![vec![-0.5, -0.5]], vec![vec![0.5, 0.0]]);
    let batch = Batch::new(&logp, &logp, &[1.0], &[0], &shares).unwrap();
    for weight in [f64::INFINITY, f64::NAN, 2.0] {
        let gradient = Sum::default().plus(weight, OnPolicy).gradient(&batch);
        assert_eq!(gradient.logp[0][1], 0.0, "weight {weight}");
        assert!(gradient.logp[0][0] != 0.0 && gradient.entropy == [[0.0, 0.0]]);
    }
}
