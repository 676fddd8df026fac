//! The shape of a model, as Hugging Face writes it to config.json.

use super::{LmError, files};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Shape of a Qwen3 decoder; field names are those of Hugging Face's config.json.
///
/// ```
/// let config = longlab::lm::Config::micro(700);
/// assert_eq!(config.parameters(), 876_928);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Always `["Qwen3ForCausalLM"]`.
    #[serde(default = "architectures")]
    pub architectures: Vec<String>,
    /// Always `qwen3`.
    #[serde(default = "model_type")]
    pub model_type: String,
    /// Tokens in the vocabulary (V).
    pub vocab_size: usize,
    /// Width of the residual stream (D).
    pub hidden_size: usize,
    /// Width inside the feed-forward block.
    pub intermediate_size: usize,
    /// Layers.
    pub num_hidden_layers: usize,
    /// Query heads (H).
    pub num_attention_heads: usize,
    /// Key/value heads (K), a divisor of H.
    pub num_key_value_heads: usize,
    /// Width of a head; even, for RoPE turns pairs.
    pub head_dim: usize,
    /// Added to the mean square in RMSNorm.
    #[serde(default = "rms_norm_eps")]
    pub rms_norm_eps: f64,
    /// Base of the RoPE frequencies.
    #[serde(default = "rope_theta")]
    pub rope_theta: f64,
    /// Whether the output layer is the embedding.
    #[serde(default)]
    pub tie_word_embeddings: bool,
    /// Positions the model knows.
    #[serde(default = "max_position_embeddings")]
    pub max_position_embeddings: usize,
}

fn architectures() -> Vec<String> {
    vec!["Qwen3ForCausalLM".into()]
}
fn model_type() -> String {
    "qwen3".into()
}
fn rms_norm_eps() -> f64 {
    1e-6
}
fn rope_theta() -> f64 {
    10_000.0
}
fn max_position_embeddings() -> usize {
    32_768
}

impl Config {
    /// The model of the micro scale: width 128, 4 layers, 4 heads of 32 over 2 key/value heads, feed-forward 384, tied.
    pub fn micro(vocab_size: usize) -> Self {
        Config {
            architectures: architectures(),
            model_type: model_type(),
            vocab_size,
            hidden_size: 128,
            intermediate_size: 384,
            num_hidden_layers: 4,
            num_attention_heads: 4,
            num_key_value_heads: 2,
            head_dim: 32,
            rms_norm_eps: rms_norm_eps(),
            rope_theta: rope_theta(),
            tie_word_embeddings: true,
            max_position_embeddings: 4096,
        }
    }

    /// Number of parameters, the embedding counted once where it is tied.
    pub fn parameters(&self) -> usize {
        self.shapes().iter().map(|(_, shape)| shape.iter().product::<usize>()).sum()
    }

    /// Reads config.json; keys that this model does not use are passed over.
    pub fn load(path: &Path) -> Result<Self, LmError> {
        let text = std::fs::read_to_string(path).map_err(|source| LmError::io(path, source))?;
        let refuse = |reason: String| LmError::Config { path: path.to_owned(), reason };
        let config: Config = serde_json::from_str(&text).map_err(|error| refuse(error.to_string()))?;
        config.check().map_err(refuse)?;
        Ok(config)
    }

    /// Writes config.json.
    pub fn save(&self, path: &Path) -> Result<(), LmError> {
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| LmError::Config { path: path.to_owned(), reason: error.to_string() })?;
        files::write_whole(path, format!("{text}\n").as_bytes())
    }

    /// Says what in the numbers does not fit together.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.model_type != "qwen3" {
            return Err(format!("model_type is `{}`, only `qwen3` is known", self.model_type));
        }
        for (name, value) in [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_key_value_heads", self.num_key_value_heads),
            ("max_position_embeddings", self.max_position_embeddings),
        ] {
            if value == 0 {
                return Err(format!("{name} is 0, it must be at least 1"));
            }
        }
        let (heads, shared) = (self.num_attention_heads, self.num_key_value_heads);
        if heads == 0 || heads % shared != 0 {
            return Err(format!("num_attention_heads {heads} is no multiple of num_key_value_heads {shared}"));
        }
        if self.head_dim == 0 || self.head_dim % 2 != 0 {
            return Err(format!("head_dim is {}, it must be even", self.head_dim));
        }
        Ok(())
    }

    /// Name and shape of every tensor, sorted by name.
    pub(super) fn shapes(&self) -> Vec<(String, Vec<usize>)> {
        let (d, f) = (self.hidden_size, self.intermediate_size);
        let queries = self.num_attention_heads * self.head_dim;
        let keys = self.num_key_value_heads * self.head_dim;
        let mut all = vec![
            ("model.embed_tokens.weight".to_owned(), vec![self.vocab_size, d]),
            ("model.norm.weight".to_owned(), vec![d]),
        ];
        if !self.tie_word_embeddings {
            all.push(("lm_head.weight".to_owned(), vec![self.vocab_size, d]));
        }
        for layer in 0..self.num_hidden_layers {
            let parts = [
                ("input_layernorm", vec![d]),
                ("mlp.down_proj", vec![d, f]),
                ("mlp.gate_proj", vec![f, d]),
                ("mlp.up_proj", vec![f, d]),
                ("post_attention_layernorm", vec![d]),
                ("self_attn.k_norm", vec![self.head_dim]),
                ("self_attn.k_proj", vec![keys, d]),
                ("self_attn.o_proj", vec![d, queries]),
                ("self_attn.q_norm", vec![self.head_dim]),
                ("self_attn.q_proj", vec![queries, d]),
                ("self_attn.v_proj", vec![keys, d]),
            ];
            all.extend(parts.map(|(part, shape)| (format!("model.layers.{layer}.{part}.weight"), shape)));
        }
        all.sort();
        all
    }
}
