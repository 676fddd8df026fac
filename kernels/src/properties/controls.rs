//! The suite for advantages, gates and latches.

use super::draw::{pick, stream};
use super::{Options, Property, Report, Violation};
use crate::stream::Stream;

/// Rewards of rollouts with the prompt (`groups`) and task of each, as [`crate::advantage::advantages`] takes them.
pub type AdvantageRule<'a> = &'a dyn Fn(&[f64], &[usize], &[usize]) -> Vec<f64>;

/// Puts an advantage through [`Property::Length`], [`Property::Finite`], [`Property::RolloutOrder`] and
/// [`Property::EqualRewards`] (a prompt of two or more equal rewards gets exactly 0).
///
/// ```
/// use longlab_kernels::advantage::{Options, advantages};
/// use longlab_kernels::properties::check_advantages;
/// let eq_3 = |rewards: &[f64], groups: &[usize], tasks: &[usize]| {
///     advantages(rewards, groups, tasks, &Options::default())
/// };
/// assert_eq!(check_advantages("eq_3", &eq_3, &Default::default()).unwrap().held.len(), 4);
/// ```
///
/// # Errors
/// The first property that a batch breaks.
pub fn check_advantages(name: &str, advantages: AdvantageRule, options: &Options) -> Result<Report, Violation> {
    let mut search = Search::new(name, options);
    search.each(
        &[Property::Length, Property::Finite, Property::RolloutOrder, Property::EqualRewards],
        |property, stream| {
            let (rewards, groups, tasks) = rewards(stream);
            let plain = advantages(&rewards, &groups, &tasks);
            match property {
                Property::Length if plain.len() != rewards.len() => {
                    Err(format!("{} advantages for {} rewards", plain.len(), rewards.len()))
                }
                Property::Finite => match plain.iter().position(|advantage| !advantage.is_finite()) {
                    Some(i) => Err(format!("reward {} of rollout {i} gets {}", rewards[i], plain[i])),
                    None => Ok(()),
                },
                Property::RolloutOrder => {
                    let mut order: Vec<usize> = (0..rewards.len()).collect();
                    stream.shuffle(&mut order);
                    let moved = advantages(&pick(&rewards, &order), &pick(&groups, &order), &pick(&tasks, &order));
                    compare(&moved, &pick(&plain, &order), 1e-9)
                }
                Property::EqualRewards => {
                    let level = |i: usize| if groups[i] == groups[0] { rewards[0] } else { rewards[i] };
                    let rewards: Vec<f64> = (0..rewards.len()).map(level).collect();
                    let got = advantages(&rewards, &groups, &tasks);
                    let alone = groups.iter().filter(|&&group| group == groups[0]).count() < 2;
                    match (0..got.len()).find(|&i| groups[i] == groups[0] && got[i] != 0.0) {
                        Some(i) if !alone => Err(format!("rollout {i} of a prompt of equal rewards gets {}", got[i])),
                        _ => Ok(()),
                    }
                }
                _ => Ok(()),
            }
        },
    )
}

/// [`Property::OneTask`]: task-batch scaling of a batch with one task is batch scaling.
///
/// # Errors
/// The first batch on which the two differ.
pub fn check_one_task(
    name: &str,
    task_batch: AdvantageRule,
    batch: AdvantageRule,
    options: &Options,
) -> Result<Report, Violation> {
    Search::new(name, options).each(&[Property::OneTask], |_, stream| {
        let (rewards, groups, _) = rewards(stream);
        let tasks = vec![4; rewards.len()];
        compare(&task_batch(&rewards, &groups, &tasks), &batch(&rewards, &groups, &tasks), 1e-12)
    })
}

/// Which tokens keep their gradient, from the advantages and the token entropies of each rollout.
pub type GateRule<'a> = &'a dyn Fn(&[f64], &[Vec<f32>]) -> Vec<Vec<bool>>;

/// Puts a gate through [`Property::Length`], [`Property::PositivesUntouched`] and [`Property::RolloutOrder`].
///
/// ```
/// use longlab_kernels::gate::{Level, Side, Threshold, clip_negatives};
/// use longlab_kernels::properties::{Property, check_gate};
/// let eq_9 = |advantages: &[f64], entropies: &[Vec<f32>]| {
///     clip_negatives(advantages, entropies, Level::Token, Side::High, Threshold::Quantile(0.8))
/// };
/// assert!(check_gate("eq_9", &eq_9, &Default::default()).is_ok());
/// let everything = |_: &[f64], entropies: &[Vec<f32>]| entropies.iter().map(|row| vec![false; row.len()]).collect();
/// let violation = check_gate("everything", &everything, &Default::default()).unwrap_err();
/// assert_eq!(violation.property, Property::PositivesUntouched);
/// ```
///
/// # Errors
/// The first property that a batch breaks.
pub fn check_gate(name: &str, gate: GateRule, options: &Options) -> Result<Report, Violation> {
    let mut search = Search::new(name, options);
    search.each(&[Property::Length, Property::PositivesUntouched, Property::RolloutOrder], |property, stream| {
        let lengths: Vec<usize> = (0..stream.range(1..=7)).map(|_| stream.range(1..=6)).collect();
        let advantages: Vec<f64> = lengths.iter().map(|_| *stream.pick(&[-1.5, -0.5, 0.0, 0.7, 2.0])).collect();
        let row = |&n: &usize| (0..n).map(|_| 3.0 * stream.uniform() as f32).collect();
        let entropies: Vec<Vec<f32>> = lengths.iter().map(row).collect();
        let keep = gate(&advantages, &entropies);
        match property {
            Property::Length => {
                let got: Vec<usize> = keep.iter().map(Vec::len).collect();
                if got == lengths { Ok(()) } else { Err(format!("rows of {got:?} tokens for rollouts of {lengths:?}")) }
            }
            Property::PositivesUntouched => {
                let touched = |i: &usize| advantages[*i] > 0.0 && keep[*i].contains(&false);
                match (0..keep.len()).find(touched) {
                    Some(i) => Err(format!("rollout {i} of advantage {} loses tokens", advantages[i])),
                    None => Ok(()),
                }
            }
            Property::RolloutOrder => {
                let mut order: Vec<usize> = (0..lengths.len()).collect();
                stream.shuffle(&mut order);
                let moved = gate(&pick(&advantages, &order), &pick(&entropies, &order));
                if moved == pick(&keep, &order) { Ok(()) } else { Err(format!("another mask in the order {order:?}")) }
            }
            _ => Ok(()),
        }
    })
}

/// Puts a two-threshold latch through [`Property::History`] (two runs over the same entropies agree),
/// [`Property::Band`] (it never switches while low <= H <= high) and [`Property::Sides`] (on above, off below). `make`
/// gives a fresh latch: a function from a batch entropy to whether negatives are removed.
///
/// ```
/// use longlab_kernels::gate::Latch;
/// use longlab_kernels::properties::check_latch;
/// let make = || -> Box<dyn FnMut(f64) -> bool> {
///     let mut latch = Latch::default();
///     Box::new(move |entropy| latch.step(entropy, 0.14, 0.26))
/// };
/// assert!(check_latch("aepo", &make, (0.14, 0.26), &Default::default()).is_ok());
/// ```
///
/// # Errors
/// The first property that a path of entropies breaks.
pub fn check_latch(
    name: &str,
    make: &dyn Fn() -> Box<dyn FnMut(f64) -> bool>,
    (low, high): (f64, f64),
    options: &Options,
) -> Result<Report, Violation> {
    Search::new(name, options).each(&[Property::History, Property::Band, Property::Sides], |property, stream| {
        let path: Vec<f64> = (0..40).map(|_| low + (high - low) * (3.0 * stream.uniform() - 1.0)).collect();
        let run = || -> Vec<bool> { path.iter().copied().map(make()).collect() };
        let states = run();
        match property {
            Property::History if run() != states => Err("two runs over the same entropies differ".into()),
            Property::Band => match (1..path.len()).find(|&k| inside(path[k], low, high) && states[k] != states[k - 1])
            {
                Some(k) => Err(format!("it switches at entropy {}, inside {low}..={high}", path[k])),
                None => Ok(()),
            },
            Property::Sides => {
                match (0..path.len()).find(|&k| !inside(path[k], low, high) && states[k] != (path[k] > high)) {
                    Some(k) => Err(format!("it is {} at entropy {}, outside {low}..={high}", states[k], path[k])),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    })
}

fn inside(entropy: f64, low: f64, high: f64) -> bool {
    (low..=high).contains(&entropy)
}

/// Random batches for each property in turn.
struct Search<'a> {
    name: &'a str,
    options: &'a Options,
}

impl<'a> Search<'a> {
    fn new(name: &'a str, options: &'a Options) -> Self {
        Search { name, options }
    }

    fn each(
        &mut self,
        properties: &[Property],
        mut test: impl FnMut(Property, &mut Stream) -> Result<(), String>,
    ) -> Result<Report, Violation> {
        let (name, seed) = (self.name.to_string(), self.options.seed);
        for &property in properties {
            for batch in 0..self.options.batches {
                let verdict = test(property, &mut stream(seed, batch));
                verdict.map_err(|detail| Violation { name: name.clone(), property, seed, batch, detail })?;
            }
        }
        Ok(Report { name, held: properties.to_vec(), exempt: Vec::new(), slopes: 0, corners: 0 })
    }
}

/// Sparse and dense rewards of 1 to 4 prompts of 1 to 6 rollouts; a prompt belongs to one task. Two rewards are equal
/// or at least 1/16 apart.
fn rewards(stream: &mut Stream) -> (Vec<f64>, Vec<usize>, Vec<usize>) {
    let (mut rewards, mut groups, mut tasks) = (Vec::new(), Vec::new(), Vec::new());
    for group in 0..stream.range(1..=4) {
        let task = stream.below(3);
        for _ in 0..stream.range(1..=6) {
            rewards.push(stream.below(17) as f64 / 16.0);
            groups.push(group);
            tasks.push(task);
        }
    }
    (rewards, groups, tasks)
}

fn compare(got: &[f64], expected: &[f64], tolerance: f64) -> Result<(), String> {
    let close = |(got, expected): (&f64, &f64)| (got - expected).abs() <= tolerance * (1.0 + expected.abs());
    let same = got.len() == expected.len() && got.iter().zip(expected).all(close);
    if same { Ok(()) } else { Err(format!("{got:?} and the expected {expected:?} differ")) }
}
