//! Pieces of a tensor, a row a model: what a recipe does at a place it does to whole rows, which run over vectors.

use super::MergeError;

/// Places worked on at once: few enough that the rows of some models stay in the fastest cache.
pub(super) const BLOCK: usize = 512;

/// A tensor of finite numbers that can be read piece by piece, and as often as a recipe wants.
pub trait Source {
    /// Numbers of the tensor.
    fn places(&self) -> usize;
    /// Reads the numbers from a place on, one for each of `into`.
    fn read(&self, from: usize, into: &mut [f64]);
}

impl<T: Copy + Into<f64>> Source for &[T] {
    fn places(&self) -> usize {
        self.len()
    }

    fn read(&self, from: usize, into: &mut [f64]) {
        into.iter_mut().zip(&self[from..]).for_each(|(value, &number)| *value = number.into());
    }
}

/// One tensor of each model, and of the base if the recipe has one, all of one length.
#[derive(Clone)]
pub struct Sources<'a> {
    pub(super) base: Option<&'a dyn Source>,
    pub(super) models: Vec<&'a dyn Source>,
    pub(super) places: usize,
}

impl<'a> Sources<'a> {
    /// The tensors, which must hold nothing but finite numbers ([`Format::finite`](super::Format::finite) tells).
    ///
    /// # Errors
    /// If there is no model or lengths differ.
    pub fn new(base: Option<&'a dyn Source>, models: Vec<&'a dyn Source>) -> Result<Self, MergeError> {
        let Some(expected) = base.or(models.first().copied()).map(Source::places).filter(|_| !models.is_empty()) else {
            return Err(MergeError::Empty);
        };
        for (model, got) in models.iter().map(|model| model.places()).enumerate() {
            if got != expected {
                return Err(MergeError::Shape { model, got, expected });
            }
        }
        Ok(Sources { base, models, places: expected })
    }

    /// Places of the tensor.
    pub fn places(&self) -> usize {
        self.places
    }
}

/// Rows of one piece: the base's numbers and each model's distance from them (without a base, its numbers).
pub(super) struct Piece {
    pub base: Vec<f64>,
    pub deltas: Vec<Vec<f64>>,
    /// Room for the rows sorted place by place, and for their sums.
    sorted: Vec<Vec<f64>>,
    sums: Vec<f64>,
}

impl Piece {
    pub fn new(sources: &Sources) -> Self {
        let rows = || vec![Vec::with_capacity(BLOCK); sources.models.len()];
        Piece { base: Vec::with_capacity(BLOCK), deltas: rows(), sorted: rows(), sums: Vec::with_capacity(BLOCK) }
    }

    /// Reads the piece of `places` places from a place on.
    pub fn read(&mut self, sources: &Sources, from: usize, places: usize) {
        self.base.resize(places, 0.0);
        if let Some(base) = sources.base {
            base.read(from, &mut self.base);
        }
        for (row, model) in self.deltas.iter_mut().zip(&sources.models) {
            row.resize(places, 0.0);
            model.read(from, row);
            if sources.base.is_some() {
                row.iter_mut().zip(&self.base).for_each(|(delta, base)| *delta -= base);
            }
        }
    }

    /// The sum of deltas at each place, in order of size, so that the order of models changes nothing.
    pub fn sums_by_size(&mut self) -> &[f64] {
        add_by_size(&self.deltas, &mut self.sorted, &mut self.sums);
        &self.sums
    }

    /// Population variance of the deltas at each place, whatever their order; exactly 0 for equal ones.
    pub fn variances(&mut self, into: &mut [f64]) {
        let rows = add_by_size(&self.deltas, &mut self.sorted, &mut self.sums);
        let (Some(least), Some(most)) = (rows.first(), rows.last()) else { return };
        let count = rows.len() as f64;
        self.sums.iter_mut().for_each(|sum| *sum /= count);
        into.fill(0.0);
        for row in rows {
            for ((variance, value), mean) in into.iter_mut().zip(row).zip(&self.sums) {
                *variance += (value - mean) * (value - mean);
            }
        }
        for ((variance, least), most) in into.iter_mut().zip(least).zip(most) {
            *variance = if least == most { 0.0 } else { *variance / count };
            // A sum past the largest number leaves NaN, which has no place among scores.
            *variance = if variance.is_nan() { f64::INFINITY } else { *variance };
        }
    }
}

/// Sums the rows in order of size, and returns them in that order. Two need no sorting: their sum is the same either way.
fn add_by_size<'a>(rows: &'a [Vec<f64>], sorted: &'a mut [Vec<f64>], sums: &mut Vec<f64>) -> &'a [Vec<f64>] {
    let rows = if rows.len() < 3 {
        rows
    } else {
        sorted.iter_mut().zip(rows).for_each(|(sorted, row)| sorted.clone_from(row));
        sort(sorted);
        sorted
    };
    sums.clear();
    sums.resize(rows.first().map_or(0, Vec::len), 0.0);
    for row in rows {
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
    }
    rows
}

/// Sorts the values at each place: the same exchanges for all, so that they run over vectors.
fn sort(rows: &mut [Vec<f64>]) {
    for last in (1..rows.len()).rev() {
        for row in 0..last {
            let (low, high) = rows.split_at_mut(row + 1);
            for (a, b) in low[row].iter_mut().zip(&mut high[0]) {
                (*a, *b) = if *b < *a { (*b, *a) } else { (*a, *b) };
            }
        }
    }
}

/// Sums of what is merged at each place, and of its weights.
pub(super) struct Mix {
    pub sums: Vec<f64>,
    pub divisors: Vec<f64>,
    /// The elected sign.
    positive: Vec<bool>,
}

impl Mix {
    pub fn new() -> Self {
        Mix { sums: Vec::new(), divisors: Vec::new(), positive: Vec::new() }
    }

    /// Begins a piece. -0 is what adding changes nothing.
    pub fn start(&mut self, places: usize) {
        for row in [&mut self.sums, &mut self.divisors] {
            row.clear();
            row.resize(places, -0.0);
        }
    }

    /// Elects the sign of each sum; 0 counts as positive.
    pub fn elect(&mut self, sums: &[f64]) {
        self.positive.clear();
        self.positive.extend(sums.iter().map(|&sum| sum >= 0.0));
    }

    /// Adds `factor * delta` at every place.
    pub fn add(&mut self, deltas: &[f64], factor: f64) {
        self.sums.iter_mut().zip(deltas).for_each(|(sum, delta)| *sum += delta * factor);
    }

    /// Adds `factor * delta`, and the weight, where the delta has the elected sign.
    pub fn add_elected(&mut self, deltas: &[f64], factor: f64, weight: f64) {
        let rows = self.sums.iter_mut().zip(&mut self.divisors).zip(&self.positive).zip(deltas);
        for (((sum, divisor), &positive), &delta) in rows {
            let agrees = if positive { delta > 0.0 } else { delta < 0.0 };
            *sum += if agrees { delta * factor } else { -0.0 };
            *divisor += if agrees { weight } else { -0.0 };
        }
    }
}

/// Adds each row's squares at the marked places to its sum, place by place; two rows at a time, as the additions of one
/// wait for each other.
pub(super) fn add_squares(rows: &[Vec<f64>], marks: &[bool], sums: &mut [f64]) {
    for (rows, sums) in rows.chunks(2).zip(sums.chunks_mut(2)) {
        match (rows, sums) {
            ([a, b], [sum_a, sum_b]) => {
                for ((a, b), _) in a.iter().zip(b).zip(marks).filter(|(_, mark)| **mark) {
                    *sum_a += a * a;
                    *sum_b += b * b;
                }
            }
            ([a], [sum]) => a.iter().zip(marks).filter(|(_, mark)| **mark).for_each(|(a, _)| *sum += a * a),
            _ => unreachable!("pairs, and one at the end"),
        }
    }
}
