//! The training pool: samples of the five task types in stated shares, the same for every seed of an experiment.

use super::Sample;
use crate::spec::settings::{Data, Mix};
use crate::task::TaskType;
use longlab_kernels::stream::{Address, Purpose};

/// Number of samples a task type gets: largest remainders, so the counts add up to `total`.
pub fn counts(mix: &Mix, total: usize) -> [usize; 5] {
    let shares = TaskType::ALL.map(|task| share(mix, task));
    let sum: f64 = shares.iter().sum();
    let exact = shares.map(|s| s / sum * total as f64);
    let mut counts = exact.map(|e| e as usize);
    let mut order = [0, 1, 2, 3, 4];
    order.sort_by(|&a, &b| (exact[b] - counts[b] as f64).total_cmp(&(exact[a] - counts[a] as f64)));
    let missing = total - counts.iter().sum::<usize>();
    for &task in order.iter().take(missing) {
        counts[task] += 1;
    }
    counts
}

/// The share of a task type in a mix, not normalised.
pub fn share(mix: &Mix, task: TaskType) -> f64 {
    match task {
        TaskType::MultipleChoice => mix.multiple_choice,
        TaskType::MultiHop => mix.multi_hop,
        TaskType::Reading => mix.reading,
        TaskType::Dialogue => mix.dialogue,
        TaskType::Numeric => mix.numeric,
    }
}

/// Draws the pool; `make` draws one sample (address, id, task type, tokens).
pub fn draw(data: &Data, make: impl Fn(Address, u64, TaskType, (usize, usize)) -> Sample) -> Vec<Sample> {
    let address = Address::new(data.seed, Purpose::Pool);
    let per_task = counts(&data.mix, data.samples);
    let tasks = TaskType::ALL.iter().zip(per_task).flat_map(|(&task, n)| std::iter::repeat_n(task, n));
    tasks.enumerate().map(|(id, task)| make(address, id as u64, task, (data.min_tokens, data.max_tokens))).collect()
}
