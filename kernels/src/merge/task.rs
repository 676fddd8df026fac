//! Recipes of what models added to a base: task arithmetic, TIES, DARE.

use super::block::{Mix, Piece};
use super::error::{check_weights, setting, share};
use super::select::{Threshold, threshold};
use super::{MergeError, Recipe, Sources, Tensors, pieces};
use crate::stream::{Address, Stream};

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
    /// If there is not one finite weight a model, their sum is not finite, a density or scale is outside its range, or a
    /// merged number overflows f64.
    pub fn merge<T: Copy + Into<f64>>(&self, tensors: &Tensors<T>, weights: &[f64]) -> Result<Vec<f64>, MergeError> {
        Recipe::Task(*self, weights.to_vec()).whole(&tensors.sources())
    }

    pub(super) fn check(&self, weights: &[f64], models: usize) -> Result<(), MergeError> {
        self.trim.check()?;
        setting("scale", self.scale, self.scale.is_finite(), "is finite")?;
        check_weights(weights, models)
    }

    pub(super) fn mix<E>(
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
