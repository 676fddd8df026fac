//! Merging models, one tensor at a time: what comes out at a place depends on nothing but that tensor of each model, so
//! a caller may stream shards, and holds the tensors of one name (and a few numbers a place) at once.
//!
//! | recipe | here | source |
//! |---|---|---|
//! | weighted mean | [`linear`] | arXiv 2203.05482 |
//! | task arithmetic | [`Task::arithmetic`] | arXiv 2212.04089 |
//! | TIES | [`Task::ties`] | arXiv 2306.01708 |
//! | DARE, with or without TIES' signs | [`Task::dare`], [`Task::dare_ties`] | arXiv 2311.03099 |
//! | SCE | [`Sce`] | arXiv 2408.07990 |
//!
//! [`linear`], [`Task::arithmetic`] and DARE work place by place, so any piece of a tensor will do; TIES ranks the
//! places of a tensor and SCE weighs models by the whole of it, so they need it whole. Numbers are f32 (or bf16 widened
//! to f32) or f64; sums run in f64 and so do results.
//!
//! ```
//! use longlab_kernels::merge::{Sce, Task, Tensors, linear};
//! let (base, a, b) = ([0.0f32, 0.0, 0.0], [1.0f32, 0.5, 0.0], [-0.5f32, 0.5, 0.0]);
//! let models = [&a[..], &b[..]];
//! assert_eq!(linear(&models, &[3.0, 1.0])?, [0.625, 0.5, 0.0]);
//! let tensors = Tensors::new(&base, &models)?;
//! assert_eq!(Task::arithmetic().merge(&tensors, &[1.0, 1.0])?, [0.5, 1.0, 0.0]);
//! assert_eq!(Task::ties(1.0).merge(&tensors, &[1.0, 1.0])?, [1.0, 0.5, 0.0]);
//! assert_eq!(Sce::default().merge(&tensors)?, [1.0, 0.5, 0.0]);
//! # Ok::<(), longlab_kernels::merge::MergeError>(())
//! ```

use crate::stream::Address;
use std::cmp::Ordering;
use thiserror::Error;

/// Tensors or settings that nothing can be merged of.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum MergeError {
    /// There is no model.
    #[error("no models; give at least one")]
    Empty,
    /// A model's tensor has another number of places than the base (or, without one, the first model).
    #[error("model {model} has {got} numbers, expected {expected}; give the same tensor of each model")]
    Shape {
        /// Position of the model.
        model: usize,
        /// Its numbers.
        got: usize,
        /// Numbers of the base.
        expected: usize,
    },
    /// A number is NaN or infinite.
    #[error("{tensor} holds {value} at place {place}; give finite numbers")]
    NotFinite {
        /// `base`, or the model by its position.
        tensor: String,
        /// Position in the flat tensor.
        place: usize,
        /// The number.
        value: f64,
    },
    /// There are more or fewer weights than models.
    #[error("{got} weights for {expected} models; give one a model")]
    Weights {
        /// Number of weights.
        got: usize,
        /// Number of models.
        expected: usize,
    },
    /// A setting is outside its range.
    #[error("{name} is {value}; it {range}")]
    Setting {
        /// Its name.
        name: &'static str,
        /// Its value.
        value: f64,
        /// What it must be.
        range: &'static str,
    },
}

/// One tensor of the base and of each model, flat and of one length, every number finite.
#[derive(Clone, Copy, Debug)]
pub struct Tensors<'a, T> {
    base: &'a [T],
    models: &'a [&'a [T]],
}

impl<'a, T: Copy + Into<f64>> Tensors<'a, T> {
    /// The checked tensors.
    ///
    /// # Errors
    /// If there is no model, lengths differ, or a number is not finite.
    pub fn new(base: &'a [T], models: &'a [&'a [T]]) -> Result<Self, MergeError> {
        check(base.len(), models)?;
        finite("base", base)?;
        Ok(Tensors { base, models })
    }

    /// Places of the tensor.
    pub fn places(&self) -> usize {
        self.base.len()
    }

    /// Model minus base at a place, in the order of the models.
    fn deltas(&self, place: usize) -> impl Iterator<Item = f64> + '_ {
        let base = self.base(place);
        self.models.iter().map(move |model| model[place].into() - base)
    }

    fn base(&self, place: usize) -> f64 {
        self.base[place].into()
    }
}

fn check<T: Copy + Into<f64>>(expected: usize, models: &[&[T]]) -> Result<(), MergeError> {
    if models.is_empty() {
        return Err(MergeError::Empty);
    }
    for (model, tensor) in models.iter().enumerate() {
        if tensor.len() != expected {
            return Err(MergeError::Shape { model, got: tensor.len(), expected });
        }
        finite(&format!("model {model}"), tensor)?;
    }
    Ok(())
}

fn finite<T: Copy + Into<f64>>(tensor: &str, values: &[T]) -> Result<(), MergeError> {
    let bad = values.iter().map(|&value| value.into()).enumerate().find(|(_, value)| !value.is_finite());
    bad.map_or(Ok(()), |(place, value)| Err(MergeError::NotFinite { tensor: tensor.into(), place, value }))
}

fn setting(name: &'static str, value: f64, fine: bool, range: &'static str) -> Result<(), MergeError> {
    if fine { Ok(()) } else { Err(MergeError::Setting { name, value, range }) }
}

fn share(name: &'static str, value: f64) -> Result<(), MergeError> {
    setting(name, value, (0.0..=1.0).contains(&value), "lies in 0..=1")
}

fn check_weights(weights: &[f64], expected: usize) -> Result<(), MergeError> {
    if weights.len() != expected {
        return Err(MergeError::Weights { got: weights.len(), expected });
    }
    weights.iter().try_for_each(|&weight| setting("weight", weight, weight.is_finite(), "is finite"))
}

/// The weighted mean of the models, without a base (model soups; mergekit's `linear`).
///
/// # Errors
/// As [`Tensors::new`] and [`Task::merge`] have; or if the weights sum to 0.
pub fn linear<T: Copy + Into<f64>>(models: &[&[T]], weights: &[f64]) -> Result<Vec<f64>, MergeError> {
    let places = models.first().map_or(0, |model| model.len());
    check(places, models)?;
    check_weights(weights, models.len())?;
    let total: f64 = weights.iter().sum();
    setting("sum of the weights", total, total.abs() >= 1e-8, "must not be 0")?;
    let at = |place: usize| models.iter().zip(weights).map(|(model, w)| w * model[place].into()).sum::<f64>() / total;
    Ok((0..places).map(at).collect())
}

/// What is taken out of a model's delta before it is merged.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Trim {
    /// Nothing.
    #[default]
    None,
    /// All but the share of the tensor's places with the largest |delta| (TIES): rounded down, but at least one place;
    /// the earlier place where two are alike.
    Magnitude(f64),
    /// Each place with probability 1 - share, and what stays is divided by the share (DARE). Model i draws at the
    /// address with rollout i, place by place: give each tensor (or piece) an address of its own.
    ///
    /// mergekit draws from torch's global generator, and its `rescale` keeps the sum of |delta| in place of its
    /// expectation.
    Random(f64, Address),
}

impl Trim {
    fn check(self) -> Result<(), MergeError> {
        match self {
            Trim::None => Ok(()),
            Trim::Magnitude(density) => share("density", density),
            Trim::Random(density, _) => {
                setting("density", density, density > 0.0 && density <= 1.0, "is above 0 and at most 1")
            }
        }
    }

    /// What each place of a model's delta is multiplied by.
    fn factors<T: Copy + Into<f64>>(self, tensors: &Tensors<T>, model: usize) -> Vec<f64> {
        let places = tensors.places();
        match self {
            Trim::None => vec![1.0; places],
            Trim::Magnitude(density) if density <= 0.0 => vec![0.0; places],
            Trim::Magnitude(density) => {
                let size = |place: usize| {
                    let value: f64 = tensors.models[model][place].into();
                    (value - tensors.base(place)).abs()
                };
                let count = ((density * places as f64) as usize).max(1);
                largest((0..places).map(size).collect(), count).into_iter().map(f64::from).collect()
            }
            Trim::Random(density, address) => {
                let mut stream = address.rollout(model as u32).stream();
                (0..places).map(|_| if stream.chance(density) { 1.0 / density } else { 0.0 }).collect()
            }
        }
    }
}

/// base + scale * sum over models of weight * trimmed delta, and three ways to vary it (mergekit's generalized task
/// arithmetic).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Task {
    /// What is taken out of each delta.
    pub trim: Trim,
    /// Whether each place elects a sign (that of the weighted sum; 0 counts as positive) and only deltas of that sign
    /// are merged there.
    pub elect: bool,
    /// Whether the sum is divided by the weights of what was merged: with election place by place, else by all weights.
    pub normalize: bool,
    /// What the merged delta is multiplied by (`lambda` in the papers).
    pub scale: f64,
}

impl Task {
    /// Task arithmetic: the plain weighted sum.
    pub fn arithmetic() -> Self {
        Task { trim: Trim::None, elect: false, normalize: false, scale: 1.0 }
    }

    /// TIES: trim by size, elect signs, average what agrees.
    pub fn ties(density: f64) -> Self {
        Task { trim: Trim::Magnitude(density), elect: true, normalize: true, scale: 1.0 }
    }

    /// DARE: the weighted sum of randomly trimmed deltas.
    pub fn dare(density: f64, address: Address) -> Self {
        Task { trim: Trim::Random(density, address), ..Task::arithmetic() }
    }

    /// DARE's trimming with the election and average of TIES (mergekit's `dare_ties` averages only if told to).
    pub fn dare_ties(density: f64, address: Address) -> Self {
        Task { trim: Trim::Random(density, address), ..Task::ties(density) }
    }

    /// The merged tensor.
    ///
    /// # Errors
    /// If there is not one finite weight a model, or a density or scale is outside its range.
    pub fn merge<T: Copy + Into<f64>>(&self, tensors: &Tensors<T>, weights: &[f64]) -> Result<Vec<f64>, MergeError> {
        self.trim.check()?;
        setting("scale", self.scale, self.scale.is_finite(), "is finite")?;
        check_weights(weights, tensors.models.len())?;
        let factors: Vec<Vec<f64>> = (0..weights.len()).map(|model| self.trim.factors(tensors, model)).collect();
        let at = |place: usize| {
            let deltas = tensors.deltas(place).zip(&factors).map(|(delta, factors)| delta * factors[place]);
            let deltas: Vec<f64> = deltas.zip(weights).map(|(delta, weight)| delta * weight).collect();
            tensors.base(place) + self.scale * self.mixed(&deltas, weights)
        };
        Ok((0..tensors.places()).map(at).collect())
    }

    /// The merged delta of a place from the weighted deltas.
    fn mixed(&self, deltas: &[f64], weights: &[f64]) -> f64 {
        let elected = elected(deltas);
        let merged = |delta: f64| !self.elect || agrees(delta, elected);
        let chosen = || deltas.iter().zip(weights).filter(|(delta, _)| merged(**delta));
        let sum: f64 = chosen().map(|(delta, _)| delta).sum();
        if !self.normalize {
            return sum;
        }
        let divisor: f64 = chosen().map(|(_, weight)| weight).sum();
        let none = if self.elect { divisor == 0.0 } else { divisor.abs() < 1e-8 };
        if none { sum } else { sum / divisor }
    }
}

/// Where the two codes of SCE part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum SceReading {
    /// mergekit 0.1.5: only selected places are merged, the rest is the base; models whose mean squares sum to less
    /// than 1e-6 weigh the same, as models tuned with small steps do; and the divisor is at least 1e-6.
    #[default]
    Mergekit,
    /// The authors' fork (FuseAI): the selection serves the weights alone and all deltas are merged; both tests are
    /// against 0.
    Authors,
}

/// SCE (arXiv 2408.07990): select the places where models differ most, weigh models by their mean square there, elect a
/// sign at each place by the sum of deltas and erase what disagrees.
///
/// With one model, or equal ones, no place has a variance, so that a `select` under 1 selects nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sce {
    /// Share of the places of non-zero variance that is selected; 1 selects every place.
    pub select: f64,
    /// Whose code.
    pub reading: SceReading,
}

impl Default for Sce {
    /// Every place, mergekit's reading.
    fn default() -> Self {
        Sce { select: 1.0, reading: SceReading::Mergekit }
    }
}

/// What SCE decides before it merges.
#[derive(Clone, Debug, PartialEq)]
pub struct ScePlan {
    /// Whether each place is selected.
    pub selected: Vec<bool>,
    /// Weight of each model; they sum to 1.
    pub weights: Vec<f64>,
}

impl Sce {
    /// The merged tensor.
    ///
    /// # Errors
    /// If `select` is not in 0..=1.
    pub fn merge<T: Copy + Into<f64>>(&self, tensors: &Tensors<T>) -> Result<Vec<f64>, MergeError> {
        let plan = self.plan(tensors)?;
        let keeps = self.reading == SceReading::Mergekit;
        let at = |place: usize| {
            if keeps && !plan.selected[place] {
                return tensors.base(place);
            }
            let deltas: Vec<f64> = tensors.deltas(place).collect();
            tensors.base(place) + self.fused(&deltas, &plan.weights)
        };
        Ok((0..tensors.places()).map(at).collect())
    }

    /// Selected places and weights of a tensor.
    ///
    /// # Errors
    /// If `select` is not in 0..=1.
    pub fn plan<T: Copy + Into<f64>>(&self, tensors: &Tensors<T>) -> Result<ScePlan, MergeError> {
        share("select", self.select)?;
        let selected = self.selected(tensors);
        let weights = self.weights(tensors, &selected);
        Ok(ScePlan { selected, weights })
    }

    fn selected<T: Copy + Into<f64>>(&self, tensors: &Tensors<T>) -> Vec<bool> {
        if self.select >= 1.0 {
            return vec![true; tensors.places()];
        }
        let variances: Vec<f64> = (0..tensors.places()).map(|place| variance(tensors.deltas(place))).collect();
        let varied = variances.iter().filter(|&&variance| variance != 0.0).count();
        largest(variances, (self.select * varied as f64) as usize)
    }

    fn weights<T: Copy + Into<f64>>(&self, tensors: &Tensors<T>, selected: &[bool]) -> Vec<f64> {
        let mut squares = vec![0.0; tensors.models.len()];
        for place in (0..tensors.places()).filter(|&place| selected[place]) {
            squares.iter_mut().zip(tensors.deltas(place)).for_each(|(sum, delta)| *sum += delta * delta);
        }
        squares.iter_mut().for_each(|sum| *sum /= tensors.places().max(1) as f64);
        let total: f64 = squares.iter().sum();
        let alike = match self.reading {
            SceReading::Mergekit => total < 1e-6,
            SceReading::Authors => total == 0.0,
        };
        let weight = |square: f64| if alike { 1.0 / squares.len() as f64 } else { square / total };
        squares.iter().map(|&square| weight(square)).collect()
    }

    fn fused(&self, deltas: &[f64], weights: &[f64]) -> f64 {
        let elected = elected(deltas);
        let kept = || deltas.iter().zip(weights).filter(|(delta, _)| agrees(**delta, elected));
        let sum: f64 = kept().map(|(delta, weight)| delta * weight).sum();
        let divisor: f64 = kept().map(|(_, weight)| weight).sum();
        match self.reading {
            SceReading::Mergekit => sum / divisor.max(1e-6),
            SceReading::Authors if divisor == 0.0 => sum,
            SceReading::Authors => sum / divisor,
        }
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
fn largest(values: Vec<f64>, count: usize) -> Vec<bool> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::Purpose;

    fn text<T>(result: Result<T, MergeError>) -> String {
        result.map_or_else(|error| error.to_string(), |_| "fine".into())
    }

    #[test]
    fn errors_name_their_operands() {
        let (base, short, bad) = ([0.0f32, 1.0], [1.0f32], [1.0f32, f32::NAN]);
        assert_eq!(text(Tensors::new(&base, &[])), "no models; give at least one");
        assert_eq!(
            text(Tensors::new(&base, &[&base, &short])),
            "model 1 has 1 numbers, expected 2; give the same tensor of each model"
        );
        assert_eq!(text(Tensors::new(&base, &[&bad])), "model 0 holds NaN at place 1; give finite numbers");
        assert_eq!(text(Tensors::new(&bad, &[&base])), "base holds NaN at place 1; give finite numbers");
        assert_eq!(text(linear(&[&base[..]], &[1.0, 2.0])), "2 weights for 1 models; give one a model");
        assert_eq!(text(linear(&[&base[..], &base], &[1.0, -1.0])), "sum of the weights is 0; it must not be 0");
        assert_eq!(text(linear::<f32>(&[], &[])), "no models; give at least one");
        let models = [&base[..]];
        let tensors = Tensors::new(&base, &models).unwrap();
        assert_eq!(text(Sce { select: 1.5, ..Sce::default() }.merge(&tensors)), "select is 1.5; it lies in 0..=1");
        let dare = Task::dare(0.0, Address::new(0, Purpose::Test));
        assert_eq!(text(dare.merge(&tensors, &[1.0])), "density is 0; it is above 0 and at most 1");
        assert_eq!(text(Task::ties(0.5).merge(&tensors, &[f64::NAN])), "weight is NaN; it is finite");
    }

    #[test]
    fn an_empty_tensor_merges_to_nothing() {
        let base: [f32; 0] = [];
        let models: [&[f32]; 1] = [&[]];
        let tensors = Tensors::new(&base, &models).unwrap();
        assert!(Sce { select: 0.5, ..Sce::default() }.merge(&tensors).unwrap().is_empty());
        assert!(Task::ties(0.5).merge(&tensors, &[1.0]).unwrap().is_empty());
    }

    #[test]
    fn ties_trims_elects_and_averages() {
        let base = [1.0; 4];
        let (a, b) = ([5.0, 0.0, 1.5, 1.0], [-2.0, -1.0, 1.25, 1.1]);
        let models = [&a[..], &b[..]];
        let tensors = Tensors::new(&base, &models).unwrap();
        // Deltas 4, -1 | -3, -2 stay. Signs: + (4 - 3), - (-1 - 2).
        assert_eq!(Task::ties(0.5).merge(&tensors, &[1.0, 1.0]).unwrap(), [5.0, -0.5, 1.0, 1.0]);
        // Weights 1 and 3 turn the first sign: -3; the second is (-1 - 6) / 4.
        assert_eq!(Task::ties(0.5).merge(&tensors, &[1.0, 3.0]).unwrap(), [-2.0, -0.75, 1.0, 1.0]);
        let half = Task { scale: 0.5, ..Task::ties(0.5) };
        assert_eq!(half.merge(&tensors, &[1.0, 1.0]).unwrap(), [3.0, 0.25, 1.0, 1.0]);
    }

    #[test]
    fn dare_keeps_the_expectation_and_repeats_its_draws() {
        let (base, model) = (vec![0.0f32; 20_000], vec![1.0f32; 20_000]);
        let models = [&model[..], &model[..]];
        let tensors = Tensors::new(&base, &models).unwrap();
        let at = |seed| Task::dare(0.25, Address::new(seed, Purpose::Test)).merge(&tensors, &[1.0, 0.0]).unwrap();
        let merged = at(1);
        assert!(merged.iter().all(|&value| value == 0.0 || value == 4.0));
        assert!((merged.iter().sum::<f64>() / 20_000.0 - 1.0).abs() < 0.05);
        assert_eq!(merged, at(1));
        assert_ne!(merged, at(2));
        let both = Task::dare(0.25, Address::new(1, Purpose::Test)).merge(&tensors, &[1.0, 1.0]).unwrap();
        assert!(both.contains(&4.0), "models draw apart");
    }
}
