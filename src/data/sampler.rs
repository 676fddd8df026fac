//! Which samples make a batch: random, or the same number of each task type (section 4.2).
//!
//! A batch is a function of (seed, step) alone, so a resumed job sees the batches it would have seen.

use super::Sample;
use crate::spec::settings::SamplerKind;
use crate::task::TaskType;
use longlab_kernels::stream::{Address, Purpose};

/// Draws batches of sample numbers from a pool.
pub struct Sampler {
    kind: SamplerKind,
    seed: u64,
    batch: usize,
    all: Vec<usize>,
    by_task: Vec<Vec<usize>>,
}

impl Sampler {
    /// A sampler over a pool. Task types without samples take no part in balancing.
    pub fn new(kind: SamplerKind, seed: u64, batch: usize, pool: &[Sample]) -> Sampler {
        let of = |task: TaskType| (0..pool.len()).filter(|&i| pool[i].task == task).collect::<Vec<_>>();
        let by_task = TaskType::ALL.into_iter().map(of).filter(|samples| !samples.is_empty()).collect();
        Sampler { kind, seed, batch, all: (0..pool.len()).collect(), by_task }
    }

    /// Sample numbers of the batch of a step (steps count from 1).
    ///
    /// Random: the pool is shuffled once an epoch and read in order. Task-balanced: every task type has a shuffled list of its
    /// own that cycles; the slots that do not divide evenly go to the task types in turn, a different one first at each step.
    pub fn batch(&self, step: u64) -> Vec<usize> {
        let first = (step - 1) * self.batch as u64;
        match self.kind {
            SamplerKind::Random => (first..first + self.batch as u64).map(|n| self.nth(&self.all, 0, n)).collect(),
            SamplerKind::TaskBalanced => self.balanced(step),
        }
    }

    fn balanced(&self, step: u64) -> Vec<usize> {
        let tasks = self.by_task.len();
        let first = (step - 1) * self.batch as u64;
        let mut batch: Vec<usize> = (first..first + self.batch as u64)
            .map(|slot| {
                let task = (slot % tasks as u64) as usize;
                self.nth(&self.by_task[task], task as u64 + 1, slot / tasks as u64)
            })
            .collect();
        Address::new(self.seed, Purpose::Order).step(step as u32).sample(u64::MAX).stream().shuffle(&mut batch);
        batch
    }

    /// The n-th sample of an endless sequence of shuffled epochs over `list`.
    fn nth(&self, list: &[usize], lane: u64, n: u64) -> usize {
        let epoch = n / list.len() as u64;
        let mut order = list.to_vec();
        Address::new(self.seed, Purpose::Order).sample(lane).position(epoch as u32).stream().shuffle(&mut order);
        order[(n % list.len() as u64) as usize]
    }
}
