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
    /// Euclidean norm of the gradient of its log-probability in the logits over the temperature: that of one minus the probability at
    /// the token and the probabilities elsewhere; 0 to sqrt(2).
    pub slope: f32,
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
        let logprob = self.logprobs[span][token];
        Some(Choice {
            token: token as u32,
            logprob,
            entropy: self.entropies[row],
            entropy_one: self.entropies_one[row],
            slope: slope(probabilities, token, logprob),
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

/// The norm of the token's one-hot vector less the probabilities. 1 - p comes from the logarithm, which knows it where p is near 1.
fn slope(probabilities: &[f32], token: usize, logprob: f32) -> f32 {
    let own = f64::from(logprob).exp_m1();
    let others =
        probabilities.iter().enumerate().filter(|&(i, _)| i != token).map(|(_, &p)| f64::from(p) * f64::from(p));
    (own * own + others.sum::<f64>()).sqrt() as f32
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
    pick_above(probabilities, top_p, 0.0, uniform)
}

/// As [`pick`], and what lies below `least` goes out of the set that `top_p` leaves. `least` may not be above the largest number.
pub(super) fn pick_above(probabilities: &[f32], top_p: f64, least: f32, uniform: f64) -> Option<usize> {
    let total: f64 = probabilities.iter().map(|&p| f64::from(p)).sum();
    if !total.is_finite() || total <= 0.0 {
        return None;
    }
    if top_p >= 1.0 {
        let kept = || probabilities.iter().copied().enumerate().filter(|&(_, p)| p >= least);
        let mass = if least > 0.0 { kept().map(|(_, p)| f64::from(p)).sum() } else { total };
        return Some(inverse(kept(), uniform * mass));
    }
    let mut kept = nucleus(probabilities, top_p, total);
    kept.retain(|&(_, p)| p >= least);
    let mass: f64 = kept.iter().map(|&(_, p)| f64::from(p)).sum();
    Some(inverse(kept.into_iter(), uniform * mass))
}

/// The smallest set of most probable indices that holds `top_p` of the total, most probable first.
fn nucleus(probabilities: &[f32], top_p: f64, total: f64) -> Vec<(usize, f32)> {
    // All indices at or below this bound hold less than 1 - top_p together, so that no one of them is needed.
    let bound = ((1.0 - top_p) * total / probabilities.len() as f64) as f32;
    let floor = if top_p <= 0.0 { probabilities.iter().copied().fold(0.0, f32::max) } else { bound * 0.999 };
    let mut keys: Vec<u64> = (0u32..).zip(probabilities).filter(|&(_, &p)| p >= floor).map(rank).collect();
    keys.sort_unstable_by(|a, b| b.cmp(a));
    let unpack = |key: u64| (!(key as u32) as usize, f32::from_bits((key >> 32) as u32));
    let mut mass = 0.0;
    let enough = keys.iter().position(|&key| {
        mass += f64::from(unpack(key).1);
        mass >= top_p * total
    });
    keys.truncate(enough.map_or(keys.len(), |last| last + 1));
    keys.into_iter().map(unpack).collect()
}

/// A number by which indices sort as their probabilities do: positive floats sort like their bits; the index counts down, so that of
/// equals the first is the greatest.
pub(super) fn rank((index, p): (u32, &f32)) -> u64 {
    u64::from(p.to_bits()) << 32 | u64::from(!index)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slope_is_the_norm_of_the_gradient_that_autograd_finds() {
        let logits = [[0.3f32, -1.0, 2.0, 0.5], [30.0, 0.0, -5.0, 1.0]];
        for (temperature, uniform) in [(1.0, 0.1), (0.7, 0.9), (2.0, 0.5)] {
            let sampling = Sampling { temperature, top_p: 1.0, max_tokens: 1, eos: -1 };
            for row in logits {
                let rows = Rows::new(&Tensor::from_slice(&row).view([1, 4]), temperature).expect("logits");
                let choice = rows.choose(0, &sampling, uniform).expect("finite");
                // In f64, since 1 - p of a likely token is all rounding in f32.
                let scaled = Tensor::from_slice(&row).to_kind(Kind::Double) / temperature;
                let scaled = scaled.set_requires_grad(true);
                scaled.log_softmax(-1, None).get(i64::from(choice.token)).backward();
                let norm = scaled.grad().norm().double_value(&[]);
                // f32 logits cannot tell a probability from 1 below 6e-8.
                let error = (f64::from(choice.slope) - norm).abs();
                assert!(error < 1e-5 * norm + 1e-7, "{} is not {norm}", choice.slope);
            }
        }
    }
}
