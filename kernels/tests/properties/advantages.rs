//! Eq. 3, Eq. 7 and the batch std.

use crate::batches::{Rewards, close, rewards, rewards_and_order};
use longlab_kernels::advantage::{Options, Scale, advantages};
use proptest::prelude::*;

fn of(batch: &Rewards, options: &Options) -> Vec<f64> {
    advantages(&batch.rewards, &batch.groups, &batch.tasks, options)
}

fn scale() -> impl Strategy<Value = Scale> {
    prop_oneof![Just(Scale::Group), Just(Scale::Batch), Just(Scale::TaskBatch), Just(Scale::None)]
}

fn options() -> impl Strategy<Value = Options> {
    (scale(), prop_oneof![Just(0.0), Just(1e-6)], 0u32..2).prop_map(|(scale, epsilon, ddof)| Options {
        scale,
        epsilon,
        ddof,
        ..Options::default()
    })
}

fn spread(rewards: &[f64]) -> f64 {
    rewards.iter().copied().fold(0.0, f64::max) - rewards.iter().copied().fold(1.0, f64::min)
}

proptest! {
    #[test]
    fn order_does_not_matter((batch, order) in rewards_and_order(), options in options()) {
        // Rewards nearly alike divide rounding by a tiny deviation; the claim is about rewards that differ.
        prop_assume!(distinct(&batch));
        let (plain, moved) = (of(&batch, &options), of(&batch.permuted(&order), &options));
        for (place, &i) in order.iter().enumerate() {
            prop_assert!(close(moved[place], plain[i]), "{} {}", moved[place], plain[i]);
        }
    }

    #[test]
    fn names_of_groups_and_tasks_do_not_matter(batch in rewards(), options in options()) {
        // The new names keep their order, so that the sums run alike and the bits must agree.
        let renamed = Rewards {
            groups: batch.groups.iter().map(|g| 7 * g + 3).collect(),
            tasks: batch.tasks.iter().map(|t| 100 + t).collect(),
            ..batch.clone()
        };
        prop_assert_eq!(of(&batch, &options), of(&renamed, &options));
        let reversed = Rewards { groups: batch.groups.iter().map(|g| 9 - g).collect(), ..batch.clone() };
        prop_assert_eq!(of(&batch, &options), of(&reversed, &options));
    }

    #[test]
    fn equal_rewards_give_exactly_zero(reward in 0.0..=1.0f64, batch in rewards(), options in options()) {
        let rewards: Vec<f64> = batch.groups.iter().zip(&batch.rewards).map(|(&g, &r)| if g == 0 { reward } else { r }).collect();
        let got = of(&Rewards { rewards, ..batch.clone() }, &options);
        for (advantage, _) in got.iter().zip(&batch.groups).filter(|(_, g)| **g == 0) {
            prop_assert_eq!(*advantage, 0.0);
        }
    }

    #[test]
    fn always_finite_and_signed_by_the_group_mean(batch in rewards(), options in options()) {
        let plain = of(&batch, &Options { scale: Scale::None, ..options });
        for (advantage, difference) in of(&batch, &options).iter().zip(plain) {
            prop_assert!(advantage.is_finite());
            prop_assert_eq!(*advantage > 0.0, difference > 0.0);
            prop_assert_eq!(*advantage < 0.0, difference < 0.0);
        }
    }

    #[test]
    fn task_batch_with_one_task_is_batch(batch in rewards(), options in options()) {
        let single = Rewards { tasks: vec![4; batch.tasks.len()], ..batch };
        let task_batch = of(&single, &Options { scale: Scale::TaskBatch, ..options });
        prop_assert_eq!(task_batch, of(&single, &Options { scale: Scale::Batch, ..options }));
    }

    #[test]
    fn batch_with_one_group_is_group(batch in rewards(), options in options()) {
        let single = Rewards { groups: vec![0; batch.tasks.len()], ..batch };
        let group = of(&single, &Options { scale: Scale::Group, ..options });
        prop_assert_eq!(group, of(&single, &Options { scale: Scale::Batch, ..options }));
    }

    #[test]
    fn a_group_sums_to_zero(batch in rewards(), options in options()) {
        prop_assume!(distinct(&batch));
        let got = of(&batch, &options);
        for group in 0..5 {
            let sum: f64 = got.iter().zip(&batch.groups).filter(|(_, g)| **g == group).map(|(a, _)| a).sum();
            prop_assert!(sum.abs() < 1e-8, "group {} sums to {}", group, sum);
        }
    }

    #[test]
    fn scale_and_shift_cancel_without_epsilon(batch in rewards(), scale in scale(), factor in 0.5..20.0f64, shift in -3.0..3.0f64) {
        prop_assume!(distinct(&batch) && scale != Scale::None);
        // With too few members the divisor is 1 by rule, and the factor stays.
        prop_assume!(smallest_scope(&batch, scale) > 1);
        let options = Options { scale, epsilon: 0.0, ..Options::default() };
        let stretched = Rewards { rewards: batch.rewards.iter().map(|r| factor * r + shift).collect(), ..batch.clone() };
        for (plain, other) in of(&batch, &options).iter().zip(of(&stretched, &options)) {
            prop_assert!((plain - other).abs() < 1e-6, "{} {}", plain, other);
        }
    }

    #[test]
    fn group_scale_has_unit_deviation(batch in rewards()) {
        let got = of(&batch, &Options { scale: Scale::Group, epsilon: 0.0, ..Options::default() });
        for group in 0..5 {
            let of_group = |values: &[f64]| -> Vec<f64> {
                values.iter().zip(&batch.groups).filter(|(_, g)| **g == group).map(|(v, _)| *v).collect()
            };
            let (rewards, scaled) = (of_group(&batch.rewards), of_group(&got));
            if rewards.len() > 1 && spread(&rewards) > 1e-3 {
                let squares: f64 = scaled.iter().map(|a| a * a).sum();
                prop_assert!(close(squares, (scaled.len() - 1) as f64), "{}", squares);
            }
        }
    }
}

/// Every two rewards are equal or clearly apart.
fn distinct(batch: &Rewards) -> bool {
    let rewards = &batch.rewards;
    rewards.iter().all(|a| rewards.iter().all(|b| a == b || (a - b).abs() > 1e-3))
}

fn smallest_scope(batch: &Rewards, scale: Scale) -> usize {
    let scope = match scale {
        Scale::Group => batch.groups.clone(),
        Scale::TaskBatch => batch.tasks.clone(),
        Scale::Batch | Scale::None => vec![0; batch.groups.len()],
    };
    scope.iter().map(|key| scope.iter().filter(|other| *other == key).count()).min().unwrap_or(0)
}
