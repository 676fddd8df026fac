//! Picks tokens from probabilities with a given uniform number: nothing here consumes randomness.

use super::{LmError, Sampling};
use tch::{Kind, Tensor};

/// A picked token with what the distribution says about it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    /// The token.
    pub token: u32,
    /// Its log-probability in nats at the sampling temperature, in the full distribution (before top-p).
    pub logprob: f32,
    /// Entropy in nats at the sampling temperature.
    pub entropy: f32,
    /// Entropy in nats at temperature 1.
    pub entropy_one: f32,
}

/// Distributions of a batch of rows, copied out of libtorch.
pub(super) struct Rows {
    vocab: usize,
    probabilities: Vec<f32>,
    logprobs: Vec<f32>,
    entropies: Vec<f32>,
    entropies_one: Vec<f32>,
}

impl Rows {
    /// From logits [N, V]. Temperature 0 is greedy; its log-probabilities and entropies are those of temperature 1.
    pub(super) fn new(logits: &Tensor, temperature: f64) -> Result<Self, LmError> {
        let (_, vocab) = logits.size2()?;
        let plain = temperature == 0.0 || temperature == 1.0;
        let (one, one_p, entropies_one) = distribution(logits)?;
        let (logprobs, probabilities, entropies) =
            if plain { (one, one_p, entropies_one.shallow_clone()) } else { distribution(&(logits / temperature))? };
        Ok(Rows {
            vocab: vocab as usize,
            probabilities: copy(&probabilities)?,
            logprobs: copy(&logprobs)?,
            entropies: copy(&entropies)?,
            entropies_one: copy(&entropies_one)?,
        })
    }

    /// The token of one row for a uniform number in [0, 1); None where the probabilities are not finite.
    pub(super) fn choose(&self, row: usize, sampling: &Sampling, uniform: f64) -> Option<Choice> {
        let span = row * self.vocab..(row + 1) * self.vocab;
        let probabilities = &self.probabilities[span.clone()];
        let token = if sampling.temperature == 0.0 {
            pick(probabilities, 0.0, 0.0)
        } else {
            pick(probabilities, sampling.top_p, uniform)
        }?;
        Some(Choice {
            token: token as u32,
            logprob: self.logprobs[span][token],
            entropy: self.entropies[row],
            entropy_one: self.entropies_one[row],
        })
    }
}

/// Log-probabilities, probabilities and entropies of logits [N, V].
fn distribution(logits: &Tensor) -> Result<(Tensor, Tensor, Tensor), LmError> {
    let logprobs = logits.f_log_softmax(-1, None)?;
    let probabilities = logprobs.f_exp()?;
    let entropies = (&probabilities * &logprobs).f_sum_dim_intlist(&[-1i64][..], false, None)?.f_neg()?;
    Ok((logprobs, probabilities, entropies))
}

fn copy(tensor: &Tensor) -> Result<Vec<f32>, LmError> {
    let tensor = tensor.f_to_kind(Kind::Float)?.f_contiguous()?;
    let mut values = vec![0f32; tensor.numel()];
    tensor.f_copy_data(&mut values, tensor.numel())?;
    Ok(values)
}

/// Index drawn by inverse distribution function from the smallest set of most probable indices that holds `top_p` of the mass (at
/// least one index; equal probabilities in the order of their index). None where the probabilities are not finite.
///
/// ```
/// use longlab::lm::pick;
/// let p = [0.1, 0.6, 0.3];
/// assert_eq!(pick(&p, 1.0, 0.05), Some(0));
/// assert_eq!(pick(&p, 0.5, 0.99), Some(1)); // 0.6 alone holds half of the mass
/// assert_eq!(pick(&p, 0.9, 0.70), Some(2)); // 0.6 / 0.9 < 0.70
/// ```
pub fn pick(probabilities: &[f32], top_p: f64, uniform: f64) -> Option<usize> {
    let total: f64 = probabilities.iter().map(|&p| f64::from(p)).sum();
    if !total.is_finite() || total <= 0.0 {
        return None;
    }
    if top_p >= 1.0 {
        let all = probabilities.iter().enumerate().map(|(i, &p)| (i, p));
        return Some(inverse(all, uniform * total));
    }
    // All indices at or below this bound hold less than 1 - top_p together, so that no one of them is needed.
    let bound = ((1.0 - top_p) * total / probabilities.len() as f64) as f32;
    let floor = if top_p <= 0.0 { probabilities.iter().copied().fold(0.0, f32::max) } else { bound * 0.999 };
    let mut nucleus: Vec<(usize, f32)> =
        probabilities.iter().enumerate().filter(|&(_, &p)| p >= floor).map(|(i, &p)| (i, p)).collect();
    nucleus.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let mut mass = 0.0;
    let enough = nucleus.iter().position(|&(_, p)| {
        mass += f64::from(p);
        mass >= top_p * total
    });
    nucleus.truncate(enough.map_or(nucleus.len(), |last| last + 1));
    Some(inverse(nucleus.into_iter(), uniform * mass))
}

/// The first index at which the running sum passes `target`; the last possible one where rounding leaves the sum short.
fn inverse(probabilities: impl Iterator<Item = (usize, f32)>, target: f64) -> usize {
    let (mut sum, mut last) = (0.0, 0);
    for (index, p) in probabilities {
        if p > 0.0 {
            last = index;
        }
        sum += f64::from(p);
        if sum > target {
            break;
        }
    }
    last
}
