//! What nothing can be merged of, and the checks that say so.

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
    /// A merged number is past the largest f64, or was made of one that is.
    #[error("the merged tensor holds {value} at place {place}; give smaller numbers, weights or scale")]
    Overflow {
        /// Position in the flat tensor.
        place: usize,
        /// What came out: an infinity or NaN.
        value: f64,
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

pub(super) fn setting(name: &'static str, value: f64, fine: bool, range: &'static str) -> Result<(), MergeError> {
    if fine { Ok(()) } else { Err(MergeError::Setting { name, value, range }) }
}

pub(super) fn share(name: &'static str, value: f64) -> Result<(), MergeError> {
    setting(name, value, (0.0..=1.0).contains(&value), "lies in 0..=1")
}

pub(super) fn check_weights(weights: &[f64], expected: usize) -> Result<(), MergeError> {
    if weights.len() != expected {
        return Err(MergeError::Weights { got: weights.len(), expected });
    }
    weights.iter().try_for_each(|&weight| setting("weight", weight, weight.is_finite(), "is finite"))?;
    // A mean is divided by it, and by infinity all is 0.
    let total: f64 = weights.iter().sum();
    setting("sum of the weights", total, total.is_finite(), "is finite")
}
