//! Batches of rollouts as proptest draws them.

use proptest::collection::vec;
use proptest::prelude::*;

/// Rewards with their groups and tasks; a group belongs to one task, as a prompt does.
#[derive(Clone, Debug)]
pub struct Rewards {
    pub rewards: Vec<f64>,
    pub groups: Vec<usize>,
    pub tasks: Vec<usize>,
}

impl Rewards {
    /// The same rollouts in another order.
    pub fn permuted(&self, order: &[usize]) -> Rewards {
        let pick = |values: &[usize]| order.iter().map(|&i| values[i]).collect();
        let rewards = order.iter().map(|&i| self.rewards[i]).collect();
        Rewards { rewards, groups: pick(&self.groups), tasks: pick(&self.tasks) }
    }
}

/// Sparse (0 or 1) and dense rewards mixed, 1 to 5 groups of 1 to 6 rollouts.
pub fn rewards() -> impl Strategy<Value = Rewards> {
    let reward = prop_oneof![Just(0.0), Just(1.0), 0.0..=1.0f64];
    vec((0usize..3, vec(reward, 1..=6)), 1..=5).prop_map(|prompts| {
        let mut all = Rewards { rewards: vec![], groups: vec![], tasks: vec![] };
        for (group, (task, rewards)) in prompts.into_iter().enumerate() {
            all.groups.extend(vec![group; rewards.len()]);
            all.tasks.extend(vec![task; rewards.len()]);
            all.rewards.extend(rewards);
        }
        all
    })
}

/// Rewards with a random order of their rollouts.
pub fn rewards_and_order() -> impl Strategy<Value = (Rewards, Vec<usize>)> {
    rewards().prop_flat_map(|batch| {
        let order: Vec<usize> = (0..batch.rewards.len()).collect();
        (Just(batch), Just(order).prop_shuffle())
    })
}

/// Rollouts with advantages, tokens and masks.
#[derive(Clone, Debug)]
pub struct Batch {
    pub advantages: Vec<f64>,
    pub groups: Vec<usize>,
    pub micro: Vec<usize>,
    pub lengths: Vec<usize>,
    pub keep: Vec<Vec<bool>>,
    pub dropped: Vec<bool>,
    pub entropies: Vec<Vec<f32>>,
    pub logp: Vec<Vec<f64>>,
    pub old: Vec<Vec<f64>>,
}

type Token = (bool, f32, f64, f64);

/// 1 to 8 rollouts of 1 to 6 tokens; a third of the advantages are exactly 0.
pub fn batch() -> impl Strategy<Value = Batch> {
    let advantage = prop_oneof![Just(0.0), -3.0..-0.01f64, 0.01..3.0f64];
    let token = (any::<bool>(), 0.0..3.0f32, -3.0..-0.7f64, -0.6..0.6f64);
    let rollout = (advantage, 0usize..3, 0usize..2, any::<bool>(), vec(token, 1..=6));
    vec(rollout, 1..=8).prop_map(|rollouts| {
        let column = |pick: fn(&Token) -> f64| -> Vec<Vec<f64>> {
            rollouts.iter().map(|r| r.4.iter().map(pick).collect()).collect()
        };
        Batch {
            advantages: rollouts.iter().map(|r| r.0).collect(),
            groups: rollouts.iter().map(|r| r.1).collect(),
            micro: rollouts.iter().map(|r| r.2).collect(),
            dropped: rollouts.iter().map(|r| r.3).collect(),
            lengths: rollouts.iter().map(|r| r.4.len()).collect(),
            keep: rollouts.iter().map(|r| r.4.iter().map(|t| t.0).collect()).collect(),
            entropies: rollouts.iter().map(|r| r.4.iter().map(|t| t.1).collect()).collect(),
            logp: column(|t| t.2),
            old: column(|t| t.2 + t.3),
        }
    })
}

/// Equal up to rounding.
pub fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs()))
}
