//! Group-relative advantages: Eq. 3 (group std), Eq. 7 (task-batch std) and the batch std they are compared with.
//!
//! ```
//! use longlab_kernels::advantage::{Options, Scale, advantages};
//! // Two prompts of two rollouts. Group std scales each prompt by itself; batch std keeps their relative size.
//! let rewards = [1.0, 0.0, 0.6, 0.4];
//! let (groups, tasks) = ([0, 0, 1, 1], [0, 0, 0, 0]);
//! let exact = Options { epsilon: 0.0, ..Options::default() };
//! let by_group = advantages(&rewards, &groups, &tasks, &exact);
//! assert!((by_group[0] - 0.5f64.sqrt()).abs() < 1e-12 && (by_group[2] - 0.5f64.sqrt()).abs() < 1e-12);
//! let by_batch = advantages(&rewards, &groups, &tasks, &Options { scale: Scale::Batch, ..exact });
//! assert!((by_batch[0] / by_batch[2] - 5.0).abs() < 1e-12);
//! ```

use std::collections::BTreeMap;
use thiserror::Error;

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

/// What is taken off a reward.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Centre {
    /// The mean of the prompt's rollouts (Eq. 3).
    #[default]
    Group,
    /// The mean of the prompt's other rollouts (RLOO, arXiv 2402.14740): n / (n - 1) times the difference from the mean
    /// of all.
    LeaveOneOut,
}

/// What becomes of a rollout without others to compare with: a scope too small for a deviation (`n <= ddof`, or one
/// member).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Single {
    /// The deviation counts as 1. A prompt's lone rollout is its own mean, so that its advantage is 0.
    #[default]
    One,
    /// The deviation is 0 and the divisor epsilon; the mean of a prompt's lone rollout is 0. This is how the released
    /// task-norm code reads: a reward of 1 becomes an advantage of 1e6.
    Raw,
    /// The advantage is 0.
    Zero,
    /// The mean of a prompt's lone rollout is 0 and the deviation counts as 1: its advantage is the reward over 1 +
    /// epsilon, or the reward itself under [`Scale::None`] (verl's `grpo` and `rloo`).
    Reward,
}

/// How advantages are centred and scaled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Scope of the standard deviation.
    pub scale: Scale,
    /// Added to the standard deviation (1e-6 in the reference code and verl, 1e-4 in TRL).
    pub epsilon: f64,
    /// Degrees of freedom taken off its divisor (1 in the reference code, torch's default).
    pub ddof: u32,
    /// What is taken off a reward.
    pub centre: Centre,
    /// The rule for scopes too small for a deviation.
    pub single: Single,
}

impl Default for Options {
    fn default() -> Self {
        Options { scale: Scale::Group, epsilon: 1e-6, ddof: 1, centre: Centre::Group, single: Single::One }
    }
}

impl Options {
    /// Dr. GRPO (arXiv 2503.20783): the difference from the group's mean, undivided.
    pub fn dr_grpo() -> Self {
        Options { scale: Scale::None, ..Options::default() }
    }

    /// RLOO (arXiv 2402.14740): the difference from the mean of the others, undivided (verl's `rloo_vectorized`; its
    /// `rloo` has [`Single::Reward`] too, so that a lone rollout keeps its reward where here it gets 0).
    ///
    /// ```
    /// use longlab_kernels::advantage::{Options, advantages};
    /// assert_eq!(advantages(&[1.0, 0.0, 0.5], &[0; 3], &[0; 3], &Options::rloo()), [0.75, -0.75, 0.0]);
    /// ```
    pub fn rloo() -> Self {
        Options { scale: Scale::None, centre: Centre::LeaveOneOut, ..Options::default() }
    }
}

/// Rewards that no advantage can be computed of.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum AdvantageError {
    /// There are no rollouts.
    #[error("no rewards; give at least one rollout")]
    Empty,
    /// A column has another length than the rewards.
    #[error("{got} {column} for {expected} rewards; give one a rollout")]
    Length {
        /// `groups` or `tasks`.
        column: &'static str,
        /// Its length.
        got: usize,
        /// Number of rewards.
        expected: usize,
    },
    /// A reward is NaN or infinite.
    #[error("reward of rollout {rollout} is {value}; give a finite number")]
    Reward {
        /// Position of the rollout.
        rollout: usize,
        /// The reward.
        value: f64,
    },
    /// Epsilon is negative, NaN or infinite.
    #[error("epsilon is {value}; it is finite and at least 0")]
    Epsilon {
        /// The epsilon.
        value: f64,
    },
    /// Finite rewards gave an advantage that is not.
    #[error("advantage of rollout {rollout} comes out as {value}; scale the rewards down or give a larger epsilon")]
    Overflow {
        /// Position of the rollout.
        rollout: usize,
        /// What came out: an infinity or NaN.
        value: f64,
    },
}

/// [`advantages`] of rewards that are checked first.
///
/// ```
/// use longlab_kernels::advantage::{AdvantageError, Options, try_advantages};
/// let error = try_advantages(&[1.0, f64::INFINITY], &[0, 0], &[0, 0], &Options::default());
/// assert_eq!(error, Err(AdvantageError::Reward { rollout: 1, value: f64::INFINITY }));
/// ```
///
/// # Errors
/// If there is no reward, a reward is no finite number, the lengths differ, epsilon is no finite number of at least 0, or
/// an advantage overflows.
pub fn try_advantages(
    rewards: &[f64],
    groups: &[usize],
    tasks: &[usize],
    options: &Options,
) -> Result<Vec<f64>, AdvantageError> {
    if rewards.is_empty() {
        return Err(AdvantageError::Empty);
    }
    for (column, got) in [("groups", groups.len()), ("tasks", tasks.len())] {
        if got != rewards.len() {
            return Err(AdvantageError::Length { column, got, expected: rewards.len() });
        }
    }
    if let Some((rollout, &value)) = rewards.iter().enumerate().find(|(_, reward)| !reward.is_finite()) {
        return Err(AdvantageError::Reward { rollout, value });
    }
    if !(options.epsilon.is_finite() && options.epsilon >= 0.0) {
        return Err(AdvantageError::Epsilon { value: options.epsilon });
    }
    let advantages = advantages(rewards, groups, tasks, options);
    match advantages.iter().enumerate().find(|(_, advantage)| !advantage.is_finite()) {
        Some((rollout, &value)) => Err(AdvantageError::Overflow { rollout, value }),
        None => Ok(advantages),
    }
}

/// One advantage a rollout: reward minus the mean of its group, over the standard deviation of its scope (Eq. 3, Eq.
/// 7).
///
/// `groups` and `tasks` name each rollout's prompt and task type. The deviation is that of the rewards about their own
/// mean in the scope. A scope with too few members for a deviation (`n <= ddof`, or one member) follows
/// [`Options::single`]: by default it divides by 1, as verl does, and not by epsilon. A group of two or more equal
/// rewards gives exactly 0.0.
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
    let one = |i: usize| centres[&groups[i]].difference(rewards[i], options) / spreads[&scope[i]].divisor(options);
    // A quotient by infinity, where there is no deviation and the rule says 0, may be -0.0.
    (0..rewards.len()).map(|i| one(i) + 0.0).collect()
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

    /// The reward of one rollout of this group without the group's centre.
    fn difference(&self, reward: f64, options: &Options) -> f64 {
        if self.count == 1 && matches!(options.single, Single::Raw | Single::Reward) {
            return reward;
        }
        if self.low == self.high {
            return 0.0;
        }
        let n = self.count as f64;
        match options.centre {
            Centre::Group => reward - self.mean,
            Centre::LeaveOneOut => (reward - self.mean) * n / (n - 1.0),
        }
    }

    /// What a difference is divided by; infinite where the rule of [`Single::Zero`] holds.
    fn divisor(&self, options: &Options) -> f64 {
        let freedom = self.count as f64 - f64::from(options.ddof);
        let deviation = match options.single {
            _ if options.scale == Scale::None => return 1.0,
            _ if self.count > 1 && freedom > 0.0 => (self.squares / freedom).sqrt(),
            Single::One => return 1.0,
            Single::Raw => 0.0,
            Single::Reward => 1.0,
            Single::Zero => return f64::INFINITY,
        };
        let divisor = deviation + options.epsilon;
        // Zero only without epsilon, for one prompt's rollouts over several task indices or a raw lone one: stay
        // finite.
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
        advantages(&REWARDS, &GROUPS, &TASKS, &Options { scale, epsilon: 0.0, ..Options::default() })
    }

    #[test]
    fn task_batch_uses_the_task_alone() {
        // Task 0: rewards 1 0 0 1, squares about 0.5 sum to 1, over 3. Task 1: .25 .75 .5 .5, squares sum to 0.125,
        // over 3.
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

    #[test]
    fn the_single_rule_has_four_readings() {
        let of = |single| {
            let options = Options { scale: Scale::TaskBatch, single, ..Options::default() };
            // Prompt 0 has two rollouts in task 0; prompt 1 is one rollout alone in task 1.
            advantages(&[1.0, 0.0, 1.0], &[0, 0, 1], &[0, 0, 1], &options)[2]
        };
        assert_eq!(of(Single::One), 0.0);
        assert_eq!(of(Single::Zero), 0.0);
        assert!((of(Single::Raw) - 1e6).abs() < 1e-3);
        // A prompt of two rollouts, each alone in its task: only here do `One` and `Zero` differ.
        let split = |single| {
            let options = Options { scale: Scale::TaskBatch, single, ..Options::default() };
            advantages(&[1.0, 0.0], &[0, 0], &[0, 1], &options)
        };
        assert_eq!(split(Single::One), [0.5, -0.5]);
        assert_eq!(split(Single::Zero), [0.0, 0.0]);
        assert!((split(Single::Reward)[0] - 0.5).abs() < 1e-6);
        assert!((of(Single::Reward) - 1.0 / (1.0 + 1e-6)).abs() < 1e-15);
        assert!((split(Single::Raw)[0] - 5e5).abs() < 1e-3);
    }

    #[test]
    fn leave_one_out_compares_with_the_others() {
        let got = advantages(&[1.0, 0.0, 0.0, 1.0], &[0, 0, 0, 1], &[0; 4], &Options::rloo());
        assert!((got[0] - 1.0).abs() < 1e-15 && (got[1] + 0.5).abs() < 1e-15, "{got:?}");
        assert_eq!(got[3], 0.0);
    }

    #[test]
    fn bad_input_is_a_typed_error() {
        let check = |rewards: &[f64], groups: &[usize], options: &Options| {
            try_advantages(rewards, groups, &vec![0; rewards.len()], options).map_err(|e| e.to_string())
        };
        let options = Options::default();
        assert_eq!(check(&[], &[], &options), Err("no rewards; give at least one rollout".into()));
        assert_eq!(check(&[1.0], &[0, 1], &options), Err("2 groups for 1 rewards; give one a rollout".into()));
        assert_eq!(check(&[f64::NAN], &[0], &options), Err("reward of rollout 0 is NaN; give a finite number".into()));
        let negative = Options { epsilon: -1.0, ..options };
        assert_eq!(check(&[1.0], &[0], &negative), Err("epsilon is -1; it is finite and at least 0".into()));
        assert_eq!(check(&[1.0, 1.0], &[0, 0], &options), Ok(vec![0.0, 0.0]));
    }
}
