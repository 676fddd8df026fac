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
//! TIES ranks the places of a tensor and SCE weighs models by the whole of it, so they need it whole; the others work place
//! by place, and any piece of a tensor will do. Numbers are f32, f64, or what [`Format`] reads; sums run in f64 and so do
//! results.
//!
//! What is too large to be held goes through [`Recipe::merge`]: it reads its [`Sources`] in pieces, a few times over, and
//! gives the result in pieces, the same numbers to the last bit.
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

mod block;
mod error;
mod number;
mod sce;
mod select;
mod task;

use block::{BLOCK, Mix, Piece};
pub use block::{Source, Sources};
pub use error::MergeError;
use error::{check_weights, setting, share};
pub use number::Format;
pub use sce::{Sce, ScePlan, SceReading};
use std::ops::Range;
pub use task::{Task, Trim};

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

    fn sources(&self) -> Sources<'_> {
        let models = self.models.iter().map(|model| model as &dyn Source).collect();
        Sources::new(Some(&self.base), models).expect("checked when they were put together")
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

/// A recipe and all it needs besides the tensors.
#[derive(Clone, Debug, PartialEq)]
pub enum Recipe {
    /// The weighted mean of the models, by their weights, without a base ([`linear`]).
    Linear(Vec<f64>),
    /// What models added to the base, by their weights.
    Task(Task, Vec<f64>),
    /// SCE, which weighs the models itself.
    Sce(Sce),
}

impl Recipe {
    /// Whether it merges distances from a base.
    pub fn needs_base(&self) -> bool {
        !matches!(self, Recipe::Linear(_))
    }

    /// Checks every setting against the number of models.
    ///
    /// # Errors
    /// If a setting is outside its range, or there is not one weight a model.
    pub fn check(&self, models: usize) -> Result<(), MergeError> {
        match self {
            Recipe::Linear(weights) => mean_divisor(weights, models).map(|_| ()),
            Recipe::Task(task, weights) => task.check(weights, models),
            Recipe::Sce(sce) => share("select", sce.select),
        }
    }

    /// Merges a tensor and gives the result to `out` piece by piece, in order; at most a few megabytes are held. The
    /// numbers are those of [`linear`], [`Task::merge`] and [`Sce::merge`]; what overflows f64, an error there, reaches
    /// `out` as an infinity or NaN.
    ///
    /// # Errors
    /// If a setting is outside its range, there is not one weight a model, or a base is wanted and missing; and the first
    /// error of `out`.
    pub fn merge<E: From<MergeError>>(
        &self,
        sources: &Sources,
        out: impl FnMut(&[f64]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.check(sources.models.len())?;
        if self.needs_base() && sources.base.is_none() {
            let recipe = if let Recipe::Sce(_) = self { "SCE" } else { "task arithmetic" };
            return Err(MergeError::NoBase { recipe }.into());
        }
        match self {
            Recipe::Linear(weights) => mean(sources, weights, out),
            Recipe::Task(task, weights) => task.mix(sources, weights, out),
            Recipe::Sce(sce) => sce.fuse(sources, out),
        }
    }

    fn whole(&self, sources: &Sources) -> Result<Vec<f64>, MergeError> {
        let mut merged = Vec::with_capacity(sources.places());
        self.merge(sources, |piece| {
            if let Some(at) = piece.iter().position(|value| !value.is_finite()) {
                return Err(MergeError::Overflow { place: merged.len() + at, value: piece[at] });
            }
            merged.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(merged)
    }
}

/// The places of each piece, in order.
fn pieces(places: usize) -> impl Iterator<Item = Range<usize>> {
    (0..places).step_by(BLOCK).map(move |from| from..places.min(from + BLOCK))
}

/// The weighted mean of the models, without a base (model soups; mergekit's `linear`).
///
/// # Errors
/// As [`Tensors::new`] and [`Task::merge`] have; or if the weights sum to 0.
pub fn linear<T: Copy + Into<f64>>(models: &[&[T]], weights: &[f64]) -> Result<Vec<f64>, MergeError> {
    check(models.first().map_or(0, |model| model.len()), models)?;
    let sources = Sources::new(None, models.iter().map(|model| model as &dyn Source).collect())?;
    Recipe::Linear(weights.to_vec()).whole(&sources)
}

/// What a weighted sum of models is divided by.
fn mean_divisor(weights: &[f64], models: usize) -> Result<f64, MergeError> {
    check_weights(weights, models)?;
    let total: f64 = weights.iter().sum();
    setting("sum of the weights", total, total.abs() >= 1e-8, "must not be 0")?;
    Ok(total)
}

fn mean<E: From<MergeError>>(
    sources: &Sources,
    weights: &[f64],
    mut out: impl FnMut(&[f64]) -> Result<(), E>,
) -> Result<(), E> {
    let total = mean_divisor(weights, sources.models.len())?;
    let sources = &Sources { base: None, ..sources.clone() };
    let (mut piece, mut mix) = (Piece::new(sources), Mix::new());
    for places in pieces(sources.places()) {
        piece.read(sources, places.start, places.len());
        mix.start(places.len());
        piece.deltas.iter().zip(weights).for_each(|(row, &weight)| mix.add(row, weight));
        mix.sums.iter_mut().for_each(|sum| *sum /= total);
        out(&mix.sums)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::{Address, Purpose};

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
