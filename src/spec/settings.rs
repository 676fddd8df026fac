//! Every setting of a job, resolved. Keys in a spec are the dotted paths of these fields.

use crate::task::TaskType;
use serde::{Deserialize, Serialize};

/// All settings of one cell.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    pub model: Model,
    pub data: Data,
    pub sampler: Sampler,
    pub rollout: Rollout,
    pub advantage: Advantage,
    pub loss: Loss,
    pub entropy: Entropy,
    pub gate: Gate,
    pub aepo: Aepo,
    pub train: Train,
    pub warm: Warm,
    pub eval: Eval,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Model {
    /// Folder of the base policy (config.json, model.safetensors, tokenizer.json).
    pub base: String,
    // The shape of a base that is built from scratch (kind = "base").
    pub width: usize,    // 128
    pub layers: usize,   // 4
    pub heads: usize,    // 4
    pub kv_heads: usize, // 2
    pub head_dim: usize, // 32
    pub ffn: usize,      // 384
    pub theta: f64,      // 10000.0
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Data {
    pub seed: u64,         // 1
    pub samples: usize,    // 1280
    pub min_tokens: usize, // 256
    pub max_tokens: usize, // 512
    pub mix: Mix,
}

/// Shares of the task types in the training pool; they are normalised to one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mix {
    pub multiple_choice: f64, // 0.30
    pub multi_hop: f64,       // 0.30
    pub reading: f64,         // 0.20
    pub dialogue: f64,        // 0.05
    pub numeric: f64,         // 0.15
}

/// random | task_balanced
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sampler {
    pub kind: SamplerKind, // random
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rollout {
    pub temperature: f64,  // 0.7
    pub top_p: f64,        // 0.95
    pub max_tokens: usize, // 96
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Advantage {
    pub scale: AdvantageScale, // group | batch | task_batch | none; default group
    pub epsilon: f64,          // 1e-6
    pub ddof: u32,             // 1
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Loss {
    pub normalizer: Normalizer, // group | micro_batch | global_batch; default group
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Entropy {
    pub measure: EntropyMeasure,         // sequence_mean | token_mean; default sequence_mean
    pub temperature: EntropyTemperature, // sampling | one; default sampling
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Gate {
    pub level: GateLevel,     // none | token | sequence; default none
    pub side: GateSide,       // high | low; default high
    pub threshold: Threshold, // "q0.8" (quantile of the batch's negatives) or nats
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Aepo {
    pub mode: AepoMode, // off | latch | band; default off
    pub low: Bound,     // "1.1x" (of the entropy at step 0) or nats
    pub high: Bound,    // "2x"
    pub removal: Removal, // mask | drop; default mask
    pub lag: u32,       // 0 | 1
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Train {
    pub steps: u64,            // 40
    pub prompts: usize,        // 16
    pub group: usize,          // 8
    pub rate: f64,             // 2e-4
    pub clip_norm: f64,        // 1.0
    pub weight_decay: f64,     // 0.01
    pub beta1: f64,            // 0.9
    pub beta2: f64,            // 0.999
    pub epsilon: f64,          // 1e-8
    pub micro_prompts: usize,  // 4: prompts in one forward and backward pass; changes the bits
    pub threads: usize,        // 1
    pub checkpoint_every: u64, // 10
}

/// The supervised warm start that makes a base policy (kind = "base").
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Warm {
    pub steps: u64,        // 2000
    pub contexts: usize,   // 16 contexts a step
    pub questions: usize,  // 8 questions a context
    pub rate: f64,         // 2e-3
    pub warmup: u64,       // 50
    pub start_tokens: usize, // 48: context length at step 0, grows linearly to data.max_tokens
    pub ramp: u64,         // 1200 steps until contexts are full-length
    pub long_share: f64,   // 0.1 share of late contexts drawn up to long_tokens
    pub long_tokens: usize, // 2048
    pub mistakes: f64,     // 0.3 share of traces with a wrong look-up
    pub detours: f64,      // 0.2 share of traces with a detour or second look
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Eval {
    pub seed: u64,         // 7
    pub items: usize,      // 100 items a suite
    pub answers: usize,    // 4 answers an item
    pub temperature: f64,  // 0.7
    pub top_p: f64,        // 0.95
    pub max_response: usize, // 96 tokens
    pub min_tokens: usize, // 256
    pub max_tokens: usize, // 512
    pub long_items: usize, // 20 items a suite in the long split; 0 for none
    pub long_min: usize,   // 1024
    pub long_max: usize,   // 2048
}
