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
mod number;
mod select;

use crate::stream::{Address, Stream};
use block::{BLOCK, Mix, Piece, add_squares};
pub use block::{Source, Sources};
pub use number::Format;
use select::{Threshold, threshold};
use std::ops::Range;
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
    /// A recipe of distances from a base has none.
    #[error("no base; {recipe} merges what each model added to one")]
    NoBase {
        /// The recipe.
        recipe: &'static str,
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
    /// numbers are those of [`linear`], [`Task::merge`] and [`Sce::merge`].
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
            merged.extend_from_slice(piece);
            Ok::<(), MergeError>(())
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

    /// What is to be done to a model's deltas, piece by piece in order.
    fn trimmer(self, sources: &Sources, model: usize) -> Trimmer {
        match self {
            Trim::None => Trimmer::Nothing,
            Trim::Magnitude(density) if density <= 0.0 => Trimmer::All,
            Trim::Magnitude(density) => {
                let alone = &Sources { models: vec![sources.models[model]], ..sources.clone() };
                let mut piece = Piece::new(alone);
                let sizes = |from: usize, into: &mut [f64]| {
                    piece.read(alone, from, into.len());
                    into.iter_mut().zip(&piece.deltas[0]).for_each(|(size, delta)| *size = delta.abs());
                };
                let count = ((density * sources.places() as f64) as usize).max(1);
                Trimmer::Small(threshold(sources.places(), sizes, |_| count), Vec::new(), Vec::new())
            }
            Trim::Random(density, address) => Trimmer::Drawn(density, Box::new(address.rollout(model as u32).stream())),
        }
    }
}

/// [`Trim`] at work on one model.
enum Trimmer {
    Nothing,
    All,
    /// Whatever is not marked; sizes and marks of a piece.
    Small(Threshold, Vec<f64>, Vec<bool>),
    Drawn(f64, Box<Stream>),
}

impl Trimmer {
    fn trim(&mut self, deltas: &mut [f64]) {
        match self {
            Trimmer::Nothing => {}
            Trimmer::All => deltas.iter_mut().for_each(|delta| *delta *= 0.0),
            Trimmer::Small(threshold, sizes, marks) => {
                sizes.clear();
                sizes.extend(deltas.iter().map(|delta| delta.abs()));
                marks.resize(deltas.len(), false);
                threshold.mark(sizes, marks);
                deltas.iter_mut().zip(marks).for_each(|(delta, mark)| *delta *= f64::from(*mark));
            }
            Trimmer::Drawn(density, stream) => {
                let mut factor = || if stream.chance(*density) { 1.0 / *density } else { 0.0 };
                deltas.iter_mut().for_each(|delta| *delta *= factor());
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
        Recipe::Task(*self, weights.to_vec()).whole(&tensors.sources())
    }

    fn check(&self, weights: &[f64], models: usize) -> Result<(), MergeError> {
        self.trim.check()?;
        setting("scale", self.scale, self.scale.is_finite(), "is finite")?;
        check_weights(weights, models)
    }

    fn mix<E>(
        &self,
        sources: &Sources,
        weights: &[f64],
        mut out: impl FnMut(&[f64]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut trimmers: Vec<Trimmer> = (0..weights.len()).map(|model| self.trim.trimmer(sources, model)).collect();
        let (mut piece, mut mix) = (Piece::new(sources), Mix::new());
        for places in pieces(sources.places()) {
            piece.read(sources, places.start, places.len());
            for ((row, trimmer), weight) in piece.deltas.iter_mut().zip(&mut trimmers).zip(weights) {
                trimmer.trim(row);
                row.iter_mut().for_each(|delta| *delta *= weight);
            }
            mix.start(places.len());
            self.add(&mut piece, weights, &mut mix);
            self.finish(&piece.base, weights, &mut mix);
            out(&mix.sums)?;
        }
        Ok(())
    }

    fn add(&self, piece: &mut Piece, weights: &[f64], mix: &mut Mix) {
        if !self.elect {
            return piece.deltas.iter().for_each(|row| mix.add(row, 1.0));
        }
        mix.elect(piece.sums_by_size());
        piece.deltas.iter().zip(weights).for_each(|(row, &weight)| mix.add_elected(row, 1.0, weight));
    }

    /// From sums of deltas to the merged numbers.
    fn finish(&self, base: &[f64], weights: &[f64], mix: &mut Mix) {
        if self.normalize && self.elect {
            let rows = mix.sums.iter_mut().zip(&mix.divisors);
            rows.for_each(|(sum, &divisor)| *sum = if divisor == 0.0 { *sum } else { *sum / divisor });
        } else if self.normalize {
            let divisor: f64 = weights.iter().sum();
            let divisor = if divisor.abs() < 1e-8 { 1.0 } else { divisor };
            mix.sums.iter_mut().for_each(|sum| *sum /= divisor);
        }
        mix.sums.iter_mut().zip(base).for_each(|(sum, base)| *sum = base + self.scale * *sum);
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
        Recipe::Sce(*self).whole(&tensors.sources())
    }

    /// Selected places and weights of a tensor.
    ///
    /// # Errors
    /// If `select` is not in 0..=1.
    pub fn plan<T: Copy + Into<f64>>(&self, tensors: &Tensors<T>) -> Result<ScePlan, MergeError> {
        share("select", self.select)?;
        let sources = &tensors.sources();
        let selection = self.selection(sources);
        let weights = self.weights(sources, selection.clone());
        let (mut piece, mut selection, mut selected) = (Piece::new(sources), selection, Vec::new());
        for places in pieces(sources.places()) {
            piece.read(sources, places.start, places.len());
            selected.extend_from_slice(selection.mark(&mut piece, places.len()));
        }
        Ok(ScePlan { selected, weights })
    }

    fn selection(&self, sources: &Sources) -> Selection {
        if self.select >= 1.0 {
            return Selection { threshold: None, variances: Vec::new(), marks: Vec::new() };
        }
        let mut piece = Piece::new(sources);
        let variances = |from: usize, into: &mut [f64]| {
            piece.read(sources, from, into.len());
            piece.variances(into);
        };
        let threshold = threshold(sources.places(), variances, |varied| (self.select * varied as f64) as usize);
        Selection { threshold: Some(threshold), variances: Vec::new(), marks: Vec::new() }
    }

    fn weights(&self, sources: &Sources, mut selection: Selection) -> Vec<f64> {
        let (mut piece, mut squares) = (Piece::new(sources), vec![0.0; sources.models.len()]);
        for places in pieces(sources.places()) {
            piece.read(sources, places.start, places.len());
            let marks = selection.mark(&mut piece, places.len());
            add_squares(&piece.deltas, marks, &mut squares);
        }
        squares.iter_mut().for_each(|sum| *sum /= sources.places().max(1) as f64);
        let total: f64 = squares.iter().sum();
        let alike = match self.reading {
            SceReading::Mergekit => total < 1e-6,
            SceReading::Authors => total == 0.0,
        };
        let weight = |square: f64| if alike { 1.0 / squares.len() as f64 } else { square / total };
        squares.iter().map(|&square| weight(square)).collect()
    }

    fn fuse<E>(&self, sources: &Sources, mut out: impl FnMut(&[f64]) -> Result<(), E>) -> Result<(), E> {
        let mut selection = self.selection(sources);
        let weights = self.weights(sources, selection.clone());
        let (mut piece, mut mix) = (Piece::new(sources), Mix::new());
        for places in pieces(sources.places()) {
            piece.read(sources, places.start, places.len());
            mix.start(places.len());
            mix.elect(piece.sums_by_size());
            piece.deltas.iter().zip(&weights).for_each(|(row, &weight)| mix.add_elected(row, weight, weight));
            self.finish(&piece.base, &mut mix);
            if self.reading == SceReading::Mergekit {
                let marks = selection.mark(&mut piece, places.len());
                let base = &piece.base;
                let rows = mix.sums.iter_mut().zip(base).zip(marks);
                rows.for_each(|((value, &base), &mark)| *value = if mark { *value } else { base });
            }
            out(&mix.sums)?;
        }
        Ok(())
    }

    /// From sums of deltas to the merged numbers.
    fn finish(&self, base: &[f64], mix: &mut Mix) {
        let rows = mix.sums.iter_mut().zip(&mix.divisors).zip(base);
        match self.reading {
            SceReading::Mergekit => rows.for_each(|((sum, divisor), base)| *sum = base + *sum / divisor.max(1e-6)),
            SceReading::Authors => rows.for_each(|((sum, &divisor), base)| {
                *sum = base + if divisor == 0.0 { *sum } else { *sum / divisor };
            }),
        }
    }
}

/// Which places SCE selects, told piece by piece in order.
#[derive(Clone)]
struct Selection {
    /// None selects every place.
    threshold: Option<Threshold>,
    variances: Vec<f64>,
    marks: Vec<bool>,
}

impl Selection {
    fn mark(&mut self, piece: &mut Piece, places: usize) -> &[bool] {
        self.marks.resize(places, true);
        if let Some(threshold) = &mut self.threshold {
            self.variances.resize(places, 0.0);
            piece.variances(&mut self.variances);
            threshold.mark(&self.variances, &mut self.marks);
        }
        &self.marks
    }
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
