//! SCE: select, calculate, erase.

use super::block::{Mix, Piece, add_squares};
use super::error::share;
use super::select::{Threshold, threshold};
use super::{MergeError, Recipe, Sources, Tensors, pieces};

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
    /// If `select` is not in 0..=1, or a merged number overflows f64.
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

    pub(super) fn fuse<E>(&self, sources: &Sources, mut out: impl FnMut(&[f64]) -> Result<(), E>) -> Result<(), E> {
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
