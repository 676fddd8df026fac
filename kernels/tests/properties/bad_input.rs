//! Nothing on the checked surface panics, whatever it is given.

use longlab_kernels::advantage::{Centre, Options, Scale, Single, try_advantages};
use longlab_kernels::entropy_control::{AdaptiveBonus, BonusState, drop_negatives, mask_negatives, top_entropy};
use longlab_kernels::loss::*;
use proptest::collection::vec;
use proptest::prelude::*;

/// Any number, with those that break things drawn often.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -3.0..0.0f64,
        1 => any::<f64>(),
        1 => prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(0.0), Just(-1e4), Just(1e308)],
    ]
}

fn rows() -> impl Strategy<Value = Vec<Vec<f64>>> {
    vec(vec(number(), 0..4), 0..4)
}

/// Numbers in the shape of the rows.
fn like(rows: &[Vec<f64>], of: &[f64]) -> Vec<Vec<f64>> {
    rows.iter().enumerate().map(|(i, row)| (0..row.len()).map(|t| of[(i * 7 + t) % of.len()]).collect()).collect()
}

fn losses(p: [f64; 3]) -> Vec<Box<dyn PolicyLoss>> {
    let [a, b, c] = p;
    vec![
        Box::new(Reinforce),
        Box::new(OnPolicy),
        Box::new(PpoClip { low: a, high: b, dual: Some(c) }),
        Box::new(Gspo { low: a, high: b, level: GspoLevel::Sequence }),
        Box::new(Gspo { low: a, high: b, level: GspoLevel::Token }),
        Box::new(Gmpo { low: a, high: b }),
        Box::new(Cispo { low: a, high: b }),
        Box::new(Sapo { positive: a, negative: b }),
        Box::new(ClipCov { low: a, high: b, share: c, least: b, most: a, ..ClipCov::default() }),
        Box::new(KlCov { share: a, coefficient: b }),
        Box::new(EntropyBonus { coefficient: a }),
        Box::new(KlPenalty { coefficient: a, estimator: KlEstimator::LowVariance, straight_through: true }),
    ]
}

proptest! {
    #[test]
    fn a_batch_is_made_or_refused(
        logp in rows(), old in rows(), shares in rows(), more in rows(),
        advantages in vec(number(), 0..4), groups in vec(0usize..3, 0..4),
    ) {
        if let Ok(batch) = Batch::new(&logp, &old, &advantages, &groups, &shares) {
            let _ = batch.with_reference(&more).and_then(|b| b.with_entropies(&more)).and_then(|b| b.with_logp(&more));
        }
    }

    #[test]
    fn a_batch_that_was_made_never_panics(
        logp in vec(vec(-1e4..0.0f64, 0..4), 0..4), pool in vec(number(), 5..9), p in [number(), number(), number()],
        advantages in vec(-3.0..3.0f64, 4), whole in any::<bool>(),
    ) {
        let shares = like(&logp, &[0.5, 0.0, 0.25, 1.0]);
        let (old, other) = (like(&logp, &[-1.0, -3.0]), like(&logp, &pool));
        let groups = vec![0; logp.len()];
        let batch = Batch::new(&logp, &old, &advantages[..logp.len()], &groups, &shares).unwrap();
        let entropies = like(&logp, &[0.0, 1.0]);
        let batch = if whole { batch.with_reference(&old).unwrap().with_entropies(&entropies).unwrap() } else { batch };
        for loss in losses(p) {
            // Missing columns are an error from the checked front door, and NaN behind it.
            let needs = loss.needs();
            prop_assert_eq!(evaluate(loss.as_ref(), &batch).is_err(), !whole && (needs.reference || needs.entropies));
            loss.objective(&batch);
            let gradient = loss.gradient(&batch);
            prop_assert!(gradient.logp.iter().flatten().count() == other.iter().flatten().count());
            loss.surrogate(&batch, &batch);
            loss.laws();
        }
    }

    #[test]
    fn sound_parameters_give_finite_numbers(
        logp in vec(vec(-1e4..0.0f64, 1..4), 1..4), old in vec(-1e4..0.0f64, 3..9), advantages in vec(-3.0..3.0f64, 4),
    ) {
        let (shares, old) = (like(&logp, &[0.5, 0.0, 0.25, 1.0]), like(&logp, &old));
        let groups = vec![0; logp.len()];
        let batch = Batch::new(&logp, &old, &advantages[..logp.len()], &groups, &shares).unwrap();
        let batch = batch.with_reference(&old).unwrap().with_entropies(&shares).unwrap();
        for loss in losses([0.2, 0.28, 3.0]) {
            let (objective, gradient) = evaluate(loss.as_ref(), &batch).unwrap();
            prop_assert!(objective.is_finite(), "{} {}", loss.name(), objective);
            prop_assert!(gradient.logp.iter().flatten().all(|slope| slope.is_finite()), "{}", loss.name());
        }
    }

    #[test]
    fn advantages_are_made_or_refused(
        rewards in vec(number(), 0..6), groups in vec(0usize..3, 0..6), tasks in vec(0usize..3, 0..6),
        epsilon in number(), ddof in 0u32..9, scale in 0usize..4, centre in 0usize..2, single in 0usize..3,
    ) {
        let options = Options {
            scale: [Scale::Group, Scale::Batch, Scale::TaskBatch, Scale::None][scale],
            epsilon,
            ddof,
            centre: [Centre::Group, Centre::LeaveOneOut][centre],
            single: [Single::One, Single::Raw, Single::Zero][single],
        };
        if let Ok(advantages) = try_advantages(&rewards, &groups, &tasks, &options) {
            prop_assert_eq!(advantages.len(), rewards.len());
        }
    }

    #[test]
    fn entropy_control_takes_anything(
        entropies in vec(vec(any::<f32>(), 0..4), 0..4), share in number(), advantages in vec(number(), 0..5),
        lengths in vec(0usize..4, 0..5), entropy in number(), coefficient in number(),
    ) {
        let keep = top_entropy(&entropies, share);
        prop_assert_eq!(keep.iter().flatten().count(), entropies.iter().flatten().count());
        drop_negatives(&advantages);
        mask_negatives(&advantages, &lengths);
        let rule = AdaptiveBonus { target: share, step: coefficient, least: entropy, most: share };
        let state = rule.next(BonusState { coefficient, entropy: None }, entropy);
        rule.applied(state);
    }
}
