//! Group-relative advantages: Eq. 3 (group std), Eq. 7 (task-batch std) and the batch std they are compared with.
//!
//! ```
//! use longlab_kernels::advantage::{Options, Scale, advantages};
//! // Two prompts of two rollouts. Group std scales each prompt by itself; batch std keeps their relative size.
//! let rewards = [1.0, 0.0, 0.6, 0.4];
//! let (groups, tasks) = ([0, 0, 1, 1], [0, 0, 0, 0]);
//! let exact = Options { scale: Scale::Group, epsilon: 0.0, ddof: 1 };
//! let by_group = advantages(&rewards, &groups, &tasks, &exact);
//! assert!((by_group[0] - 0.5f64.sqrt()).abs() < 1e-12 && (by_group[2] - 0.5f64.sqrt()).abs() < 1e-12);
//! let by_batch = advantages(&rewards, &groups, &tasks, &Options { scale: Scale::Batch, ..exact });
//! assert!((by_batch[0] / by_batch[2] - 5.0).abs() < 1e-12);
//! ```

use std::collections::BTreeMap;

/// The rollouts over which the standard deviation of the rewards is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Scale {
    /// The rollouts of one prompt (Eq. 3).
    #[default]
    Group,
    /// The whole batch (the paper's Batch-std, Table 2; formula unpublished, as in REINFORCE++).
    Batch,
    /// The rollouts of one task type within the batch (Eq. 7).
    TaskBatch,
    /// No division (Dr. GRPO; verl's `norm_adv_by_std_in_grpo=False`).
    None,
}

/// How advantages are scaled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Scope of the standard deviation.
    pub scale: Scale,
    /// Added to the standard deviation (1e-6 in the reference code).
    pub epsilon: f64,
    /// Degrees of freedom taken off its divisor (1 in the reference code, torch's default).
    pub ddof: u32,
}

impl Default for Options {
    fn default() -> Self {
        Options { scale: Scale::Group, epsilon: 1e-6, ddof: 1 }
    }
}

/// One advantage a rollout: reward minus the mean of its group, over the standard deviation of its scope (Eq. 3, Eq. 7).
///
/// `groups` and `tasks` name each rollout's prompt and task type. The deviation is that of the rewards about their own mean
/// in the scope. A scope with too few members for a deviation (`n <= ddof`, or one member) divides by 1, as verl does, and not
/// by epsilon. A group of equal rewards gives exactly 0.0.
///
/// # Panics
/// If the three slices differ in length.
pub fn advantages(rewards: &[f64], groups: &[usize], tasks: &[usize], options: &Options) -> Vec<f64> {
    assert_eq!(rewards.len(), groups.len(), "one group index a rollout");
    assert_eq!(rewards.len(), tasks.len(), "one task index a rollout");
    let centres = moments(rewards, groups);
    let scope = match options.scale {
        Scale::Group => groups.to_vec(),
        Scale::TaskBatch => tasks.to_vec(),
        Scale::Batch | Scale::None => vec![0; rewards.len()],
    };
    let spreads = moments(rewards, &scope);
    let one = |i: usize| {
        let centre = &centres[&groups[i]];
        if centre.low == centre.high {
            return 0.0;
        }
        let divisor = match options.scale {
            Scale::None => 1.0,
            _ => spreads[&scope[i]].divisor(options),
        };
        (rewards[i] - centre.mean) / divisor
    };
    (0..rewards.len()).map(one).collect()
}

/// What is needed of the rewards of one scope.
struct Moments {
    count: usize,
    mean: f64,
    squares: f64,
    low: f64,
    high: f64,
}

impl Moments {
    fn of(values: &[f64]) -> Self {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        Moments {
            count: values.len(),
            mean,
            squares: values.iter().map(|v| (v - mean).powi(2)).sum(),
            low: values.iter().copied().fold(f64::INFINITY, f64::min),
            high: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        }
    }

    fn divisor(&self, options: &Options) -> f64 {
        let freedom = self.count as f64 - f64::from(options.ddof);
        if self.count < 2 || freedom <= 0.0 {
            return 1.0;
        }
        let divisor = (self.squares / freedom).sqrt() + options.epsilon;
        // Zero only if one prompt's rollouts are spread over several task indices and epsilon is 0: stay finite.
        if divisor > 0.0 { divisor } else { 1.0 }
    }
}

fn moments(rewards: &[f64], scope: &[usize]) -> BTreeMap<usize, Moments> {
    let mut members: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for (&reward, &key) in rewards.iter().zip(scope) {
        members.entry(key).or_default().push(reward);
    }
    members.into_iter().map(|(key, values)| (key, Moments::of(&values))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const REWARDS: [f64; 8] = [1.0, 0.0, 0.0, 1.0, 0.25, 0.75, 0.5, 0.5];
    const GROUPS: [usize; 8] = [0, 0, 1, 1, 2, 2, 3, 3];
    const TASKS: [usize; 8] = [0, 0, 0, 0, 1, 1, 1, 1];

    fn with(scale: Scale) -> Vec<f64> {
        advantages(&REWARDS, &GROUPS, &TASKS, &Options { scale, epsilon: 0.0, ddof: 1 })
    }

    #[test]
    fn task_batch_uses_the_task_alone() {
        // Task 0: rewards 1 0 0 1, squares about 0.5 sum to 1, over 3. Task 1: .25 .75 .5 .5, squares sum to 0.125, over 3.
        let got = with(Scale::TaskBatch);
        let (first, second) = (0.5 / (1.0f64 / 3.0).sqrt(), 0.25 / (0.125f64 / 3.0).sqrt());
        assert!((got[0] - first).abs() < 1e-12 && (got[4] + second).abs() < 1e-12, "{got:?}");
        assert_eq!(&got[6..], [0.0, 0.0]);
    }

    #[test]
    fn batch_std_is_about_the_batch_mean() {
        let mean = 0.5;
        let squares: f64 = REWARDS.iter().map(|r| (r - mean) * (r - mean)).sum();
        assert!((with(Scale::Batch)[0] - 0.5 / (squares / 7.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn no_scale_is_the_difference_from_the_mean() {
        assert_eq!(with(Scale::None), [0.5, -0.5, -0.5, 0.5, -0.25, 0.25, 0.0, 0.0]);
    }

    #[test]
    fn a_single_member_never_blows_up() {
        let alone = advantages(&[1.0], &[0], &[0], &Options::default());
        assert_eq!(alone, [0.0]);
        // Three tasks in one group: each task scope has one member, whose deviation counts as 1.
        let options = Options { scale: Scale::TaskBatch, ..Options::default() };
        let got = advantages(&[1.0, 0.5, 0.0], &[0, 0, 0], &[0, 1, 2], &options);
        assert_eq!(got, [0.5, 0.0, -0.5]);
    }

    #[test]
    fn equal_rewards_are_exactly_zero() {
        // 0.1 * 3 / 3 is not 0.1 in binary.
        assert_eq!(advantages(&[0.1; 3], &[0; 3], &[0; 3], &Options::default()), [0.0; 3]);
    }
}
