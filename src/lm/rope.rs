//! Rotary positions in Hugging Face's half-rotation form: `x cos + rotate_half(x) sin`.

use super::Config;
use tch::{Device, Kind, Tensor};

/// Cosines and sines of all positions, and the matrix that turns a head by a half.
pub(super) struct Rope {
    cos_Td: Tensor,
    sin_Td: Tensor,
    turn_dd: Tensor,
}

/// Cosines and sines of some positions, shaped to be broadcast over heads.
pub(super) struct Angles {
    cos: Tensor,
    sin: Tensor,
}

impl Rope {
    pub(super) fn new(config: &Config) -> Self {
        let (positions, width) = (config.max_position_embeddings, config.head_dim);
        let half = width / 2;
        // f32 as in the reference implementation, or distant positions would turn by other angles.
        let frequency: Vec<f32> =
            (0..half).map(|i| (1.0 / config.rope_theta.powf(2.0 * i as f64 / width as f64)) as f32).collect();
        let angle = |i: usize| (i / width) as f32 * frequency[i % half];
        let table = |f: fn(f32) -> f32| {
            let values: Vec<f32> = (0..positions * width).map(|i| f(angle(i))).collect();
            Tensor::from_slice(&values).reshape([positions as i64, width as i64])
        };
        Rope { cos_Td: table(f32::cos), sin_Td: table(f32::sin), turn_dd: turn(half) }
    }

    /// Angles of positions 0..length, shaped [T, 1, d].
    pub(super) fn start(&self, length: i64) -> Angles {
        let rows = |table: &Tensor| table.narrow(0, 0, length).unsqueeze(1);
        Angles { cos: rows(&self.cos_Td), sin: rows(&self.sin_Td) }
    }

    /// Angles of `length` positions from `first[p]` + `offset` on, shaped [P, 1, T, 1, d].
    pub(super) fn after(&self, first: &[usize], offset: usize, length: usize) -> Angles {
        let places: Vec<i64> =
            first.iter().flat_map(|&start| (0..length).map(move |t| (start + offset + t) as i64)).collect();
        let places = Tensor::from_slice(&places);
        let shape = [first.len() as i64, 1, length as i64, 1, -1];
        let rows = |table: &Tensor| table.index_select(0, &places).reshape(shape);
        Angles { cos: rows(&self.cos_Td), sin: rows(&self.sin_Td) }
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
