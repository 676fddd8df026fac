//! Rotary positions in Hugging Face's half-rotation form: `x cos + rotate_half(x) sin`.

use super::Config;
use super::checkpoint::Scaling;
use std::f64::consts::TAU;
use tch::{Device, Kind, Tensor};

/// The frequencies of a head's pairs, and the matrix that turns a head by a half.
pub(super) struct Rope {
    frequencies: Vec<f32>,
    /// Factor of cosines and sines (YaRN's attention factor).
    length: f32,
    turn_dd: Tensor,
    kind: Kind,
}

/// Cosines and sines of some positions, shaped to be broadcast over heads.
pub(super) struct Angles {
    cos: Tensor,
    sin: Tensor,
}

impl Rope {
    /// For activations of type `kind`.
    pub(super) fn new(config: &Config, kind: Kind) -> Self {
        let (frequencies, length) = frequencies(config);
        Rope { frequencies, length: length as f32, turn_dd: turn(config.head_dim / 2).to_kind(kind), kind }
    }

    /// Angles of positions 0..length, shaped [T, 1, d].
    pub(super) fn start(&self, length: i64) -> Angles {
        self.at(&(0..length).collect::<Vec<_>>(), &[length, 1, -1])
    }

    /// Angles of `length` positions from `first[p]` + `offset` on, shaped [P, 1, T, 1, d].
    pub(super) fn after(&self, first: &[usize], offset: usize, length: usize) -> Angles {
        let places: Vec<i64> =
            first.iter().flat_map(|&start| (0..length).map(move |t| (start + offset + t) as i64)).collect();
        self.at(&places, &[first.len() as i64, 1, length as i64, 1, -1])
    }

    /// Angles of the given positions, in a shape that ends in [1, d].
    pub(super) fn at(&self, places: &[i64], shape: &[i64]) -> Angles {
        let (half, width) = (self.frequencies.len(), 2 * self.frequencies.len());
        let (mut cos, mut sin) = (vec![0f32; places.len() * width], vec![0f32; places.len() * width]);
        for (row, &place) in places.iter().enumerate() {
            for (pair, &frequency) in self.frequencies.iter().enumerate() {
                // f32 as in the reference implementation, or distant positions would turn by other angles.
                let (s, c) = (place as f32 * frequency).sin_cos();
                for column in [pair, pair + half] {
                    (cos[row * width + column], sin[row * width + column]) = (c * self.length, s * self.length);
                }
            }
        }
        let rows = |values: &[f32]| Tensor::from_slice(values).reshape(shape).to_kind(self.kind);
        Angles { cos: rows(&cos), sin: rows(&sin) }
    }

    /// Turns heads `x` [.., T, heads, d] by their positions.
    pub(super) fn apply(&self, x: &Tensor, angles: &Angles) -> Tensor {
        // A product with a fixed matrix costs less than two slices and a concatenation, forward and backward.
        let turned = x.matmul(&self.turn_dd);
        (x * &angles.cos).addcmul(&turned, &angles.sin)
    }
}

/// The matrix R with `x R` = `rotate_half(x)` = (-second half, first half).
fn turn(half: usize) -> Tensor {
    let matrix = Tensor::zeros([2 * half as i64, 2 * half as i64], (Kind::Float, Device::Cpu));
    for i in 0..half as i64 {
        let other = i + half as i64;
        let _ = matrix.get(other).get(i).fill_(-1.0);
        let _ = matrix.get(i).get(other).fill_(1.0);
    }
    matrix
}

/// Radians a position of each pair, and the factor of cosines and sines.
pub(super) fn frequencies(config: &Config) -> (Vec<f32>, f64) {
    let plain = |i: usize| 1.0 / config.rope_theta.powf(2.0 * i as f64 / config.head_dim as f64);
    let pairs = 0..config.head_dim / 2;
    let scaled = |change: &dyn Fn(usize, f64) -> f64| pairs.clone().map(|i| change(i, plain(i)) as f32).collect();
    match &config.rope_scaling {
        None => (scaled(&|_, f| f), 1.0),
        Some(Scaling::Linear { factor }) => (scaled(&|_, f| f / factor), 1.0),
        Some(Scaling::Yarn { factor, original_max_position_embeddings, attention_factor, beta_fast, beta_slow }) => {
            let ramp = Ramp::new(config, *original_max_position_embeddings as f64, *beta_fast, *beta_slow);
            let length = attention_factor.unwrap_or(if *factor <= 1.0 { 1.0 } else { 0.1 * factor.ln() + 1.0 });
            (scaled(&|i, f| f / factor * ramp.at(i) + f * (1.0 - ramp.at(i))), length)
        }
        Some(Scaling::Llama3 { factor, low_freq_factor, high_freq_factor, original_max_position_embeddings }) => {
            let change = |_, f: f64| {
                let turns = *original_max_position_embeddings as f64 * f / TAU;
                let keep = ((turns - low_freq_factor) / (high_freq_factor - low_freq_factor)).clamp(0.0, 1.0);
                (1.0 - keep) * f / factor + keep * f
            };
            (scaled(&change), 1.0)
        }
        Some(Scaling::Factors { factors }) => (scaled(&|i, f| f / f64::from(factors[i])), 1.0),
    }
}

/// YaRN's ramp over the pairs (arXiv 2309.00071, Eq. 23): 0 where a frequency is kept, 1 where it is divided.
struct Ramp {
    low: f64,
    high: f64,
}

impl Ramp {
    fn new(config: &Config, positions: f64, fast: f64, slow: f64) -> Self {
        let width = config.head_dim as f64;
        // The pair that makes so many turns over the original positions.
        let pair = |turns: f64| width * (positions / (turns * TAU)).ln() / (2.0 * config.rope_theta.ln());
        let (low, high) = (pair(fast).floor().max(0.0), pair(slow).ceil().min(width - 1.0));
        Ramp { low, high: if high > low { high } else { low + 0.001 } }
    }

    fn at(&self, pair: usize) -> f64 {
        ((pair as f64 - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }
}
