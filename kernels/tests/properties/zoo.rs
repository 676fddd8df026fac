//! Every loss, advantage, gate and latch of the crate through the crate's own suite.

use longlab_kernels::advantage::{self, Centre, Scale, Single, advantages};
use longlab_kernels::entropy_control::mask_negatives;
use longlab_kernels::gate::{Latch, Level, Side, Threshold, clip_negatives};
use longlab_kernels::loss::*;
use longlab_kernels::properties::{
    AdvantageRule, Options, Property, check, check_advantages, check_gate, check_latch, check_one_task,
};
use longlab_kernels::stream::{Address, Purpose};

fn zoo() -> Vec<Box<dyn PolicyLoss>> {
    let mut zoo: Vec<Box<dyn PolicyLoss>> = vec![
        Box::new(Reinforce),
        Box::new(OnPolicy),
        Box::new(PpoClip::default()),
        Box::new(PpoClip::dapo()),
        Box::new(PpoClip::verl()),
        Box::new(PpoClip { dual: Some(1.5), ..PpoClip::default() }),
        Box::new(PpoClip { low: 0.9, high: 4.0, dual: None }),
        Box::new(Gspo::default()),
        Box::new(Gspo::token()),
        Box::new(Gspo { low: 0.2, high: 0.2, level: GspoLevel::Sequence }),
        Box::new(Gspo { low: 0.2, high: 0.2, level: GspoLevel::Token }),
        Box::new(Gmpo::default()),
        Box::new(Gmpo { low: 0.05, high: 0.1 }),
        Box::new(Cispo::default()),
        Box::new(Cispo { low: 0.2, high: 0.28 }),
        Box::new(Sapo::default()),
        Box::new(Sapo { positive: 0.5, negative: 3.0 }),
        Box::new(ClipCov::default()),
        Box::new(ClipCov { share: 0.3, least: 0.0, most: 9.0, ..ClipCov::default() }),
        Box::new(ClipCov { share: 0.3, least: 0.0, most: 9.0, draw: None, ..ClipCov::default() }),
        Box::new(KlCov::default()),
        Box::new(KlCov { share: 0.4, coefficient: 0.1 }),
        Box::new(PpoClip::trl(0.2, 0.28, Some(1.1))),
        Box::new(Dppo::default()),
        Box::new(Dppo { low: 1e-3, high: 2e-3, cut: 1.5, ..Dppo::default() }),
        Box::new(Dppo { divergence: Divergence::Kl, low: 1e-3, high: 1e-3, cut: 3.0 }),
        Box::new(Dro { beta: 0.5 }),
        Box::new(Vespo::default()),
        Box::new(Vespo { positive: (1.0, 0.5), negative: (0.5, 4.0) }),
        Box::new(UnbiasedKl { coefficient: 0.1, level: RatioLevel::Token }),
        Box::new(UnbiasedKl { coefficient: 0.1, level: RatioLevel::Sequence }),
        Box::new(EntropyBonus { coefficient: 0.01 }),
        Box::new(
            Sum::of(PpoClip::verl()).plus(1.0, KlPenalty::default()).plus(0.5, EntropyBonus { coefficient: 0.01 }),
        ),
        Box::new(Sum::default().plus(0.25, Cispo::default()).plus(0.75, OnPolicy)),
        Box::new(Sum::default()),
    ];
    for estimator in
        [KlEstimator::K1, KlEstimator::K2, KlEstimator::K3, KlEstimator::LowVariance, KlEstimator::Absolute]
    {
        for straight_through in [false, true] {
            zoo.push(Box::new(KlPenalty { coefficient: 0.1, estimator, straight_through }));
        }
    }
    zoo
}

#[test]
fn every_loss_passes() {
    for loss in zoo() {
        for seed in 0..3 {
            let report = check(loss.as_ref(), &Options { seed, ..Options::default() });
            let report = report.unwrap_or_else(|violation| panic!("{violation}"));
            assert!(report.slopes > 50 && report.held.len() + report.exempt.len() == 15, "{report}");
            assert!(report.corners * 20 < report.slopes, "{report}");
        }
    }
}

#[test]
fn laws_are_claimed_where_theory_has_them() {
    let exempt = |loss: &dyn PolicyLoss| check(loss, &Options::default()).unwrap().exempt;
    for loss in [&PpoClip::verl() as &dyn PolicyLoss, &Gspo::default(), &Gspo::token(), &Gmpo::default()] {
        assert_eq!(exempt(loss), [], "{}", loss.name());
    }
    for loss in [&OnPolicy as &dyn PolicyLoss, &Cispo::default(), &Sapo::default(), &Reinforce] {
        assert_eq!(exempt(loss), [Property::ClipSide], "{}", loss.name());
    }
    let advantage_free = [Property::ZeroAdvantage, Property::AdvantageScale, Property::RatioOne, Property::ClipSide];
    assert_eq!(exempt(&KlPenalty::default()), advantage_free);
}

#[test]
fn a_detached_factor_is_needed_for_the_differences_to_be_exact() {
    // The same objective and gradient as CISPO, without saying that the weight is detached.
    struct Undeclared;
    impl PolicyLoss for Undeclared {
        fn name(&self) -> &'static str {
            "undeclared"
        }
        fn objective(&self, batch: &Batch) -> f64 {
            Cispo::default().objective(batch)
        }
        fn gradient(&self, batch: &Batch) -> Gradient {
            Cispo::default().gradient(batch)
        }
    }
    assert_eq!(check(&Undeclared, &Options::default()).unwrap_err().property, Property::Differences);
}

#[test]
fn both_gspo_levels_agree_on_equal_shares() {
    let (logp, old) = (vec![vec![-1.0, -2.0, -3.0]], vec![vec![-1.1, -1.8, -2.9]]);
    let shares = vec![vec![0.2, 0.0, 0.2]];
    let batch = Batch::new(&logp, &old, &[1.5], &[0], &shares).unwrap();
    assert_eq!(Gspo::default().objective(&batch), Gspo::token().objective(&batch));
    assert_eq!(Gspo::default().gradient(&batch), Gspo::token().gradient(&batch));
}

#[test]
fn clip_cov_draws_at_its_address() {
    let logp: Vec<Vec<f64>> = (0..8).map(|i| (0..8).map(|t| -0.1 * f64::from(1 + i * 8 + t)).collect()).collect();
    let advantages: Vec<f64> = (0..8).map(|i| 3.5 - f64::from(i)).collect();
    let shares = vec![vec![1.0; 8]; 8];
    let batch = Batch::new(&logp, &logp, &advantages, &[0; 8], &shares).unwrap();
    let at = |step| {
        let draw = Some(Address::new(7, Purpose::Loss).step(step));
        ClipCov { share: 0.1, draw, ..ClipCov::default() }.selected(&batch)
    };
    assert_eq!(at(1), at(1));
    assert_ne!(at(1), at(2));
    assert_eq!(at(1).iter().flatten().filter(|&&silent| silent).count(), 6);
}

#[test]
fn every_advantage_passes() {
    for scale in [Scale::Group, Scale::Batch, Scale::TaskBatch, Scale::None] {
        for centre in [Centre::Group, Centre::LeaveOneOut] {
            for single in [Single::One, Single::Raw, Single::Zero, Single::Reward] {
                let options = advantage::Options { scale, centre, single, ..Default::default() };
                let of = |scale| {
                    move |r: &[f64], g: &[usize], t: &[usize]| {
                        advantages(r, g, t, &advantage::Options { scale, ..options })
                    }
                };
                let report = check_advantages("advantages", &of(scale), &Options::default());
                report.unwrap_or_else(|violation| panic!("{options:?}: {violation}"));
                check_one_task("task_batch", &of(Scale::TaskBatch), &of(Scale::Batch), &Options::default()).unwrap();
            }
        }
    }
    let batch = |r: &[f64], g: &[usize], t: &[usize]| advantages(r, g, t, &advantage::Options::default());
    let none = |r: &[f64], g: &[usize], t: &[usize]| advantages(r, g, t, &advantage::Options::dr_grpo());
    let violation = check_one_task("task_batch", &batch, &none, &Options::default()).unwrap_err();
    assert_eq!(violation.property, Property::OneTask);
}

#[test]
fn wrong_advantages_are_rejected() {
    let property = |f: AdvantageRule| check_advantages("wrong", f, &Options::default()).unwrap_err().property;
    assert_eq!(property(&|r, _, _| r[1..].to_vec()), Property::Length);
    assert_eq!(property(&|r, _, _| r.iter().map(|x| 1.0 / (x - x)).collect()), Property::Finite);
    assert_eq!(property(&|r, _, _| r.iter().map(|x| x - r[0]).collect()), Property::RolloutOrder);
    assert_eq!(property(&|r, _, _| r.to_vec()), Property::EqualRewards);
}

#[test]
fn every_gate_passes_and_high_entropy_tokens_touch_positives() {
    for level in [Level::None, Level::Token, Level::Sequence] {
        for side in [Side::High, Side::Low] {
            for threshold in [Threshold::Quantile(0.5), Threshold::Absolute(1.0)] {
                let gate = |a: &[f64], h: &[Vec<f32>]| clip_negatives(a, h, level, side, threshold);
                check_gate("clip_negatives", &gate, &Options::default()).unwrap();
            }
        }
    }
    let positives_only = |a: &[f64], h: &[Vec<f32>]| mask_negatives(a, &h.iter().map(Vec::len).collect::<Vec<_>>());
    check_gate("mask_negatives", &positives_only, &Options::default()).unwrap();
    let top = |_: &[f64], h: &[Vec<f32>]| longlab_kernels::entropy_control::top_entropy(h, 0.2);
    let violation = check_gate("top_entropy", &top, &Options::default()).unwrap_err();
    assert_eq!(violation.property, Property::PositivesUntouched);
}

#[test]
fn the_latch_passes_and_the_band_does_not() {
    let bounds = (0.14, 0.26);
    let latch = || -> Box<dyn FnMut(f64) -> bool> {
        let mut latch = Latch::default();
        Box::new(move |entropy| latch.step(entropy, bounds.0, bounds.1))
    };
    check_latch("latch", &latch, bounds, &Options::default()).unwrap();
    let band = || -> Box<dyn FnMut(f64) -> bool> { Box::new(move |entropy| bounds.0 < entropy && entropy < bounds.1) };
    assert_eq!(check_latch("band", &band, bounds, &Options::default()).unwrap_err().property, Property::Band);
    let inverted = || -> Box<dyn FnMut(f64) -> bool> {
        let mut latch = Latch::default();
        Box::new(move |entropy| !latch.step(entropy, bounds.0, bounds.1))
    };
    assert_eq!(check_latch("inverted", &inverted, bounds, &Options::default()).unwrap_err().property, Property::Sides);
    // A latch that all runs share remembers more than its own history.
    let shared = std::rc::Rc::new(std::cell::Cell::new(0u32));
    let counting = move || -> Box<dyn FnMut(f64) -> bool> {
        let shared = shared.clone();
        Box::new(move |_| {
            shared.set(shared.get() + 1);
            shared.get() == 7
        })
    };
    assert_eq!(
        check_latch("counting", &counting, bounds, &Options::default()).unwrap_err().property,
        Property::History
    );
}
