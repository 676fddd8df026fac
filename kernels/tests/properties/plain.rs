//! The recipes in their plainest form, a place at a time over whole vectors: what the streaming ones must give to the last
//! bit.

use longlab_kernels::merge::{Sce, SceReading, Task, Trim};
use std::cmp::Ordering;

/// One tensor of the base and of each model.
pub struct Plain {
    pub base: Vec<f64>,
    pub models: Vec<Vec<f64>>,
}

impl Plain {
    fn places(&self) -> usize {
        self.base.len()
    }

    fn deltas(&self, place: usize) -> impl Iterator<Item = f64> + '_ {
        self.models.iter().map(move |model| model[place] - self.base[place])
    }

    pub fn linear(&self, weights: &[f64]) -> Vec<f64> {
        let total: f64 = weights.iter().sum();
        let at = |place: usize| self.models.iter().zip(weights).map(|(model, w)| w * model[place]).sum::<f64>() / total;
        (0..self.places()).map(at).collect()
    }

    pub fn task(&self, task: &Task, weights: &[f64]) -> Vec<f64> {
        let factors: Vec<Vec<f64>> = (0..weights.len()).map(|model| self.factors(task.trim, model)).collect();
        let at = |place: usize| {
            let deltas = self.deltas(place).zip(&factors).map(|(delta, factors)| delta * factors[place]);
            let deltas: Vec<f64> = deltas.zip(weights).map(|(delta, weight)| delta * weight).collect();
            self.base[place] + task.scale * mixed(task, &deltas, weights)
        };
        (0..self.places()).map(at).collect()
    }

    /// What each place of a model's delta is multiplied by.
    fn factors(&self, trim: Trim, model: usize) -> Vec<f64> {
        let places = self.places();
        match trim {
            Trim::None => vec![1.0; places],
            Trim::Magnitude(density) if density <= 0.0 => vec![0.0; places],
            Trim::Magnitude(density) => {
                let size = |place: usize| (self.models[model][place] - self.base[place]).abs();
                let count = ((density * places as f64) as usize).max(1);
                largest(&(0..places).map(size).collect::<Vec<_>>(), count).into_iter().map(f64::from).collect()
            }
            Trim::Random(density, address) => {
                let mut stream = address.rollout(model as u32).stream();
                (0..places).map(|_| if stream.chance(density) { 1.0 / density } else { 0.0 }).collect()
            }
        }
    }

    pub fn sce(&self, sce: &Sce) -> Vec<f64> {
        let selected = self.selected(sce);
        let weights = self.weights(sce, &selected);
        let keeps = sce.reading == SceReading::Mergekit;
        let at = |place: usize| {
            if keeps && !selected[place] {
                return self.base[place];
            }
            let deltas: Vec<f64> = self.deltas(place).collect();
            self.base[place] + fused(sce, &deltas, &weights)
        };
        (0..self.places()).map(at).collect()
    }

    pub fn selected(&self, sce: &Sce) -> Vec<bool> {
        if sce.select >= 1.0 {
            return vec![true; self.places()];
        }
        let variances: Vec<f64> = (0..self.places()).map(|place| variance(self.deltas(place))).collect();
        let varied = variances.iter().filter(|&&variance| variance != 0.0).count();
        largest(&variances, (sce.select * varied as f64) as usize)
    }

    pub fn weights(&self, sce: &Sce, selected: &[bool]) -> Vec<f64> {
        let mut squares = vec![0.0; self.models.len()];
        for place in (0..self.places()).filter(|&place| selected[place]) {
            squares.iter_mut().zip(self.deltas(place)).for_each(|(sum, delta)| *sum += delta * delta);
        }
        squares.iter_mut().for_each(|sum| *sum /= self.places().max(1) as f64);
        let total: f64 = squares.iter().sum();
        let alike = match sce.reading {
            SceReading::Mergekit => total < 1e-6,
            SceReading::Authors => total == 0.0,
        };
        let weight = |square: f64| if alike { 1.0 / squares.len() as f64 } else { square / total };
        squares.iter().map(|&square| weight(square)).collect()
    }
}

/// The merged delta of a place from the weighted deltas.
fn mixed(task: &Task, deltas: &[f64], weights: &[f64]) -> f64 {
    let elected = elected(deltas);
    let merged = |delta: f64| !task.elect || agrees(delta, elected);
    let chosen = || deltas.iter().zip(weights).filter(|(delta, _)| merged(**delta));
    let sum: f64 = chosen().map(|(delta, _)| delta).sum();
    if !task.normalize {
        return sum;
    }
    let divisor: f64 = chosen().map(|(_, weight)| weight).sum();
    let none = if task.elect { divisor == 0.0 } else { divisor.abs() < 1e-8 };
    if none { sum } else { sum / divisor }
}

fn fused(sce: &Sce, deltas: &[f64], weights: &[f64]) -> f64 {
    let elected = elected(deltas);
    let kept = || deltas.iter().zip(weights).filter(|(delta, _)| agrees(**delta, elected));
    let sum: f64 = kept().map(|(delta, weight)| delta * weight).sum();
    let divisor: f64 = kept().map(|(_, weight)| weight).sum();
    match sce.reading {
        SceReading::Mergekit => sum / divisor.max(1e-6),
        SceReading::Authors if divisor == 0.0 => sum,
        SceReading::Authors => sum / divisor,
    }
}

/// The sign of a sum: 1 or -1, and 1 for 0. Summed in order of size, so that the order of models changes nothing.
fn elected(deltas: &[f64]) -> f64 {
    if sum_by_size(deltas.to_vec()) >= 0.0 { 1.0 } else { -1.0 }
}

fn agrees(delta: f64, sign: f64) -> bool {
    delta != 0.0 && delta.signum() == sign
}

fn sum_by_size(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.iter().sum()
}

/// Population variance, whatever the order; exactly 0 for equal values.
fn variance(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    if values.first() == values.last() {
        return 0.0;
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64
}

/// Marks the `count` largest values, the earlier of two that are alike.
fn largest(values: &[f64], count: usize) -> Vec<bool> {
    let mut marks = vec![false; values.len()];
    let before = |a: &usize, b: &usize| -> Ordering { values[*b].total_cmp(&values[*a]).then(a.cmp(b)) };
    let mut order: Vec<usize> = (0..values.len()).collect();
    let count = count.min(order.len());
    if count > 0 && count < order.len() {
        order.select_nth_unstable_by(count - 1, before);
    }
    order.into_iter().take(count).for_each(|place| marks[place] = true);
    marks
}
