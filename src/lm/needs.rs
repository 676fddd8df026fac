//! What a checkpoint needs of a machine's memory, in bytes, as pure functions of its shape.
//!
//! With N parameters, L layers, K key/value heads of width w, T positions, S texts at once, and b bytes a number:
//!
//! - weights: N·b. In a mixture of experts all of them, since any may be chosen next.
//! - cache: 2·L·K·w·b·T·S, keys and values of each layer. Query heads that share key/value heads share the cache.
//! - gradients: N·b; the optimiser's moments (AdamW): 2·N·b; a copy of the weights in f32, where they are kept in less: 4·N.
//!
//! What a step needs besides (activations, logits, the runtime's own) depends on batch and code; it is not in these numbers,
//! and the verdicts say so.

use super::gguf::Kind;
use super::{Checkpoint, Config};
use serde::Serialize;

/// How numbers are kept in memory while a model runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Float {
    /// 32 bits.
    F32,
    /// 16 bits, IEEE.
    F16,
    /// 16 bits, the upper half of an f32.
    Bf16,
}

impl Float {
    /// Bytes a number.
    pub fn bytes(self) -> u64 {
        match self {
            Float::F32 => 4,
            Float::F16 | Float::Bf16 => 2,
        }
    }
}

/// What training keeps for each parameter, and in what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Training {
    /// The weights that the model computes with.
    pub weights: Float,
    /// Gradients.
    pub gradients: Float,
    /// Both of AdamW's moments.
    pub moments: Float,
    /// Whether the optimiser keeps the weights in f32 besides.
    pub master: bool,
}

impl Training {
    /// Everything in f32: 16 bytes a parameter.
    pub const F32: Training =
        Training { weights: Float::F32, gradients: Float::F32, moments: Float::F32, master: false };
    /// Weights and gradients in bf16, moments and a copy of the weights in f32: 16 bytes a parameter too.
    pub const MIXED: Training =
        Training { weights: Float::Bf16, gradients: Float::Bf16, moments: Float::F32, master: true };
}

/// Bytes of what training keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct States {
    /// The weights that the model computes with.
    pub weights: u64,
    /// Gradients.
    pub gradients: u64,
    /// Both of AdamW's moments.
    pub moments: u64,
    /// The optimiser's own copy of the weights; 0 where there is none.
    pub master: u64,
}

impl States {
    /// Bytes in all.
    pub fn total(&self) -> u64 {
        self.weights + self.gradients + self.moments + self.master
    }
}

impl Config {
    /// Bytes of the weights, all in one type.
    pub fn weight_bytes(&self, float: Float) -> u64 {
        self.parameters() * float.bytes()
    }

    /// Bytes that one position of one text takes in the cache.
    ///
    /// ```
    /// # use longlab::lm::{Family, Config, needs::Float};
    /// # let shape = Config { family: Family::Qwen3, vocab_size: 151_936, hidden_size: 2560, intermediate_size: 9728,
    /// #     num_hidden_layers: 36, num_attention_heads: 32, num_key_value_heads: 8, head_dim: 128, rms_norm_eps: 1e-6,
    /// #     rope_theta: 5e6, rope_scaling: None, tie_word_embeddings: true, max_position_embeddings: 262_144, experts: None };
    /// // Qwen3-4B: 2 · 36 layers · 8 heads · 128 · 2 bytes.
    /// assert_eq!(shape.cache_bytes_a_position(Float::Bf16), 147_456);
    /// ```
    pub fn cache_bytes_a_position(&self, float: Float) -> u64 {
        2 * (self.num_hidden_layers * self.num_key_value_heads * self.head_dim) as u64 * float.bytes()
    }

    /// Bytes of the cache of so many texts of so many positions each; the largest number if there are too many to count.
    pub fn cache_bytes(&self, float: Float, positions: u64, texts: u64) -> u64 {
        self.cache_bytes_a_position(float).saturating_mul(positions).saturating_mul(texts)
    }

    /// Bytes that training keeps, without activations.
    pub fn states(&self, training: Training) -> States {
        let count = self.parameters();
        States {
            weights: count * training.weights.bytes(),
            gradients: count * training.gradients.bytes(),
            moments: 2 * count * training.moments.bytes(),
            master: if training.master { 4 * count } else { 0 },
        }
    }
}

impl Checkpoint {
    /// Numbers and bytes by stored type, in the order of the types.
    pub fn by_kind(&self) -> Vec<(Kind, u64, u64)> {
        let mut all: Vec<(Kind, u64, u64)> = Vec::new();
        for tensor in self.tensors().values() {
            let numbers = tensor.shape.iter().map(|&size| size as u64).product::<u64>();
            match all.iter_mut().find(|(kind, ..)| *kind == tensor.kind) {
                Some((_, count, bytes)) => (*count, *bytes) = (*count + numbers, *bytes + tensor.bytes),
                None => all.push((tensor.kind, numbers, tensor.bytes)),
            }
        }
        all.sort_unstable_by_key(|&(kind, ..)| kind);
        all
    }
}

/// Whether something fits into memory, and a sentence that says so with its numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Whether it fits.
    pub fits: bool,
    /// The sentence.
    pub sentence: String,
}

/// Whether a machine with `memory` bytes can answer with the model: weights of `weights` bytes and the cache of `texts` texts of
/// `positions` positions.
pub fn serve(shape: &Config, weights: u64, cache: Float, positions: u64, texts: u64, memory: u64) -> Verdict {
    let known = shape.max_position_embeddings as u64;
    if positions > known {
        let sentence = format!("Cannot serve {positions} positions: the model knows {known}.");
        return Verdict { fits: false, sentence };
    }
    let needed = weights.saturating_add(shape.cache_bytes(cache, positions, texts));
    let what = format!(
        "{} of weights and {} of cache for {texts} × {positions} positions",
        size(weights),
        size(needed - weights)
    );
    if needed <= memory {
        let sentence = format!("Can serve: {what} leave {} of {} for all else.", size(memory - needed), size(memory));
        return Verdict { fits: true, sentence };
    }
    // Room for the cache, in positions of one text.
    let room = memory.saturating_sub(weights) / shape.cache_bytes_a_position(cache);
    let mend = if room == 0 {
        "the weights alone do not fit; take a smaller model or a stored type of fewer bits".to_owned()
    } else {
        format!("one text of {} positions would fit", room.min(known))
    };
    let sentence = format!("Cannot serve: {what} are {} more than {}; {mend}.", size(needed - memory), size(memory));
    Verdict { fits: false, sentence }
}

/// Whether a machine with `memory` bytes can hold what training keeps.
pub fn train(shape: &Config, training: Training, memory: u64) -> Verdict {
    let states = shape.states(training);
    let master = if training.master { format!(", {} of weights in f32", size(states.master)) } else { String::new() };
    let what = format!(
        "{} of weights, {} of gradients, {} of moments{master}",
        size(states.weights),
        size(states.gradients),
        size(states.moments)
    );
    let needed = states.total();
    let fits = needed <= memory;
    let sentence = if fits {
        format!("Can train if activations fit into {} of {}: {what}.", size(memory - needed), size(memory))
    } else {
        format!("Cannot train: {what} are {} more than {}.", size(needed - memory), size(memory))
    };
    Verdict { fits, sentence }
}

/// `1.5 GiB`: three digits or so of the largest unit that leaves 1 or more.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    // 1023.95 would be written as 1024.0.
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_written_in_their_unit() {
        let written = [0, 1023, 1024, 1536, 1 << 20, (1 << 20) - 1, 8_044_936_192, u64::MAX].map(size);
        assert_eq!(written, ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "1.0 MiB", "1.0 MiB", "7.5 GiB", "16.0 EiB"]);
    }
}
