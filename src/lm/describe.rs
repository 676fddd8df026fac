//! What a checkpoint is and what it needs, as `longlab model` shows it: plain text, or the same numbers for JSON.

use super::needs::{Float, States, Training, Verdict, serve, size, train};
use super::{Checkpoint, Config, Experts, Family, Format, Scaling};
use serde::Serialize;
use std::fmt::{self, Display, Formatter};

/// Lengths whose cache is listed, in positions, as far as the model knows so many; its longest comes besides.
const LENGTHS: [u64; 4] = [2_048, 8_192, 32_768, 131_072];

/// Everything that is said of a checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Description {
    /// How it is stored.
    pub format: &'static str,
    /// Its shape.
    pub shape: Config,
    /// Parameters.
    pub parameters: u64,
    /// Parameters that a token goes through.
    pub active: u64,
    /// Parameters of the embedding, which are among both.
    pub embedding: u64,
    /// Tensors, numbers and bytes by stored type.
    pub stored: Vec<Stored>,
    /// Bytes of all tensors as they are stored.
    pub stored_bytes: u64,
    /// Bytes of the weights in memory, in the type that serving takes.
    pub weights: Weights,
    /// Bytes of the cache by length.
    pub cache: Vec<Cache>,
    /// What training keeps, without activations.
    pub training: Vec<Kept>,
    /// Whether it brings a chat template.
    pub template: bool,
    /// Bytes of memory that the verdicts are about.
    pub memory: u64,
    /// Whether that is enough to answer one text of `serve_positions` positions.
    pub serve: Verdict,
    /// The positions.
    pub serve_positions: u64,
    /// Whether it is enough to train.
    pub train: Verdict,
}

/// Numbers of one stored type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Stored {
    /// Name of the type.
    pub kind: &'static str,
    /// Tensors.
    pub tensors: u64,
    /// Numbers.
    pub numbers: u64,
    /// Bytes.
    pub bytes: u64,
}

/// Weights in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Weights {
    /// The type.
    pub float: Float,
    /// Bytes.
    pub bytes: u64,
}

/// The cache of one text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Cache {
    /// Its positions.
    pub positions: u64,
    /// Bytes, in bf16.
    pub bytes: u64,
}

/// What training keeps in one way to train.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// The way.
    pub training: Training,
    /// Bytes by what they are for.
    pub states: States,
    /// Bytes in all.
    pub total: u64,
}

impl Description {
    /// Describes a checkpoint for a machine with `memory` bytes that serves one text of `positions` positions (the model's longest where
    /// none are given) and trains in mixed precision.
    pub fn new(checkpoint: &Checkpoint, memory: u64, positions: Option<u64>) -> Self {
        let shape = checkpoint.config().clone();
        let longest = shape.max_position_embeddings as u64;
        let positions = positions.unwrap_or(longest);
        let weights = Weights { float: Float::Bf16, bytes: shape.weight_bytes(Float::Bf16) };
        let lengths = LENGTHS.into_iter().filter(|&length| length < longest).chain([longest]);
        let cache = |positions| Cache { positions, bytes: shape.cache_bytes(Float::Bf16, positions, 1) };
        let kept = |training| {
            let states = shape.states(training);
            Kept { training, states, total: states.total() }
        };
        Description {
            format: match checkpoint.format() {
                Format::HuggingFace => "Hugging Face folder",
                Format::Gguf => "GGUF file",
            },
            parameters: shape.parameters(),
            active: shape.active(),
            embedding: shape.embedding(),
            stored: stored(checkpoint),
            stored_bytes: checkpoint.bytes(),
            weights,
            cache: lengths.map(cache).collect(),
            training: vec![kept(Training::MIXED), kept(Training::F32)],
            template: checkpoint.settings().template.is_some(),
            memory,
            serve: serve(&shape, weights.bytes, Float::Bf16, positions, 1, memory),
            serve_positions: positions,
            train: train(&shape, Training::MIXED, memory),
            shape,
        }
    }
}

fn stored(checkpoint: &Checkpoint) -> Vec<Stored> {
    let tensors = |kind| checkpoint.tensors().values().filter(|tensor| tensor.kind == kind).count() as u64;
    let one = |(kind, numbers, bytes): (crate::lm::gguf::Kind, u64, u64)| Stored {
        kind: kind.name(),
        tensors: tensors(kind),
        numbers,
        bytes,
    };
    checkpoint.by_kind().into_iter().map(one).collect()
}

impl Display for Description {
    fn fmt(&self, page: &mut Formatter) -> fmt::Result {
        let shape = &self.shape;
        line(page, "family", &format!("{}, {}", family(shape.family), self.format))?;
        let active = match &shape.experts {
            Some(_) => format!(", {} active a token", counted(self.active)),
            None => String::new(),
        };
        let tied = if shape.tie_word_embeddings { "tied to the output layer" } else { "output layer apart" };
        line(page, "parameters", &format!("{}{active} ({})", counted(self.parameters), grouped(self.parameters)))?;
        line(
            page,
            "embedding",
            &format!("{} tokens x {}, {tied}", grouped(shape.vocab_size as u64), shape.hidden_size),
        )?;
        line(page, "layers", &layers(shape))?;
        line(page, "positions", &positions(shape))?;
        line(page, "chat template", if self.template { "yes" } else { "none" })?;
        for (number, stored) in self.stored.iter().enumerate() {
            let Stored { kind, tensors, numbers, bytes } = stored;
            let text = format!("{kind}: {tensors} tensors, {} numbers, {}", counted(*numbers), size(*bytes));
            line(page, if number == 0 { "stored" } else { "" }, &text)?;
        }
        line(page, "weights", &format!("{} in {}", size(self.weights.bytes), float(self.weights.float)))?;
        for (number, Cache { positions, bytes }) in self.cache.iter().enumerate() {
            let text = format!("{} for {} positions, bf16", size(*bytes), grouped(*positions));
            line(page, if number == 0 { "cache" } else { "" }, &text)?;
        }
        for (number, Kept { training, states, total }) in self.training.iter().enumerate() {
            let how = if training.master { "bf16 with f32 weights and moments" } else { "all in f32" };
            let text = format!(
                "{} {how}: weights {}, gradients {}, moments {}, copy {}",
                size(*total),
                size(states.weights),
                size(states.gradients),
                size(states.moments),
                size(states.master)
            );
            line(page, if number == 0 { "training" } else { "" }, &text)?;
        }
        line(page, "this machine", &self.serve.sentence)?;
        line(page, "", &self.train.sentence)
    }
}

/// A line of the page: what, and what of it.
fn line(page: &mut Formatter, what: &str, text: &str) -> fmt::Result {
    writeln!(page, "{what:<14}{text}")
}

fn family(family: Family) -> &'static str {
    match family {
        Family::Qwen3 => "Qwen3",
        Family::Qwen3Moe => "Qwen3-MoE",
        Family::Llama => "Llama",
    }
}

fn float(float: Float) -> &'static str {
    match float {
        Float::F32 => "f32",
        Float::F16 => "f16",
        Float::Bf16 => "bf16",
    }
}

fn layers(shape: &Config) -> String {
    let heads = format!(
        "{} of width {}, {} query and {} key/value heads of {}",
        shape.num_hidden_layers,
        shape.hidden_size,
        shape.num_attention_heads,
        shape.num_key_value_heads,
        shape.head_dim
    );
    match &shape.experts {
        None => format!("{heads}, feed-forward {}", shape.intermediate_size),
        Some(Experts { num_experts, num_experts_per_tok, moe_intermediate_size, .. }) => {
            format!("{heads}, {num_experts_per_tok} of {num_experts} experts of {moe_intermediate_size}")
        }
    }
}

fn positions(shape: &Config) -> String {
    let scaling = match &shape.rope_scaling {
        None => String::new(),
        Some(Scaling::Linear { factor }) => format!(", scaled linearly by {factor}"),
        Some(Scaling::Yarn { factor, .. }) => format!(", YaRN by {factor}"),
        Some(Scaling::Llama3 { factor, .. }) => format!(", Llama 3's scaling by {factor}"),
        Some(Scaling::Factors { .. }) => ", a factor for each frequency".to_owned(),
    };
    format!("{}, RoPE base {}{scaling}", grouped(shape.max_position_embeddings as u64), shape.rope_theta)
}

/// `4.02B`: three digits or so of thousands, millions or billions.
fn counted(number: u64) -> String {
    let value = number as f64;
    match number {
        0..1_000 => number.to_string(),
        1_000..1_000_000 => format!("{:.1}K", value / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1}M", value / 1e6),
        _ => format!("{:.2}B", value / 1e9),
    }
}

/// `4,022,468,096`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut written = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            written.push(',');
        }
        written.push(digit);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_short_and_whole() {
        assert_eq!([999, 1_500, 134_515_008, 4_022_468_096].map(counted), ["999", "1.5K", "134.5M", "4.02B"]);
        assert_eq!([0, 999, 1_000, 4_022_468_096].map(grouped), ["0", "999", "1,000", "4,022,468,096"]);
    }
}
