//! config.json to a shape.

use super::{CheckpointError, Config, Experts, Family, Scaling};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::Path;

/// What is read of config.json; keys that change nothing here are passed over.
#[derive(Deserialize)]
struct Raw {
    model_type: String,
    vocab_size: usize,
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    rms_norm_eps: f64,
    /// Beside the others until transformers 4, within `rope_parameters` since 5.
    rope_theta: Option<f64>,
    rope_scaling: Option<Rope>,
    rope_parameters: Option<Rope>,
    #[serde(default)]
    tie_word_embeddings: bool,
    max_position_embeddings: usize,
    #[serde(default)]
    attention_bias: bool,
    #[serde(default)]
    mlp_bias: bool,
    /// `num_local_experts` in what transformers 5 writes.
    #[serde(alias = "num_local_experts")]
    num_experts: Option<usize>,
    num_experts_per_tok: Option<usize>,
    moe_intermediate_size: Option<usize>,
    #[serde(default)]
    norm_topk_prob: bool,
    #[serde(default)]
    mlp_only_layers: BTreeSet<usize>,
    decoder_sparse_step: Option<usize>,
}

#[derive(Deserialize)]
struct Rope {
    #[serde(alias = "type")]
    rope_type: Option<String>,
    rope_theta: Option<f64>,
    factor: Option<f64>,
    original_max_position_embeddings: Option<usize>,
    #[serde(alias = "attn_factor")]
    attention_factor: Option<f64>,
    beta_fast: Option<f64>,
    beta_slow: Option<f64>,
    low_freq_factor: Option<f64>,
    high_freq_factor: Option<f64>,
}

impl Config {
    /// Reads config.json of a Hugging Face folder.
    ///
    /// # Errors
    /// A file that cannot be read, numbers that do not fit together, or an architecture that is not known.
    pub fn load(path: &Path) -> Result<Config, CheckpointError> {
        let text = std::fs::read(path).map_err(CheckpointError::reading(path))?;
        let config: Raw = serde_json::from_slice(&text).map_err(|error| CheckpointError::config(path, error))?;
        let shape = config.config().map_err(|reason| CheckpointError::config(path, reason))?;
        shape.check().map_err(|reason| CheckpointError::config(path, reason))?;
        Ok(shape)
    }
}

impl Raw {
    fn config(self) -> Result<Config, String> {
        let family = match self.model_type.as_str() {
            "qwen3" => Family::Qwen3,
            "qwen3_moe" => Family::Qwen3Moe,
            "llama" => Family::Llama,
            other => return Err(format!("model_type is `{other}`; qwen3, qwen3_moe and llama are known")),
        };
        if self.attention_bias || self.mlp_bias {
            return Err("attention_bias or mlp_bias is true; only models without biases are read".to_owned());
        }
        let experts = if family == Family::Qwen3Moe { Some(self.experts()?) } else { None };
        let rope = self.rope_parameters.as_ref().or(self.rope_scaling.as_ref());
        let theta = self.rope_theta.or(rope.and_then(|rope| rope.rope_theta)).unwrap_or(10_000.0);
        let rope_scaling = rope.map_or(Ok(None), |rope| rope.scaling(self.max_position_embeddings))?;
        // Qwen3's own default of 128 is written out in all its files; Llama's is the width over the heads.
        let head_dim =
            self.head_dim.unwrap_or_else(|| self.hidden_size.checked_div(self.num_attention_heads).unwrap_or(0));
        Ok(Config {
            family,
            vocab_size: self.vocab_size,
            hidden_size: self.hidden_size,
            intermediate_size: self.intermediate_size,
            num_hidden_layers: self.num_hidden_layers,
            num_attention_heads: self.num_attention_heads,
            num_key_value_heads: self.num_key_value_heads.unwrap_or(self.num_attention_heads),
            head_dim,
            rms_norm_eps: self.rms_norm_eps,
            rope_theta: theta,
            rope_scaling,
            tie_word_embeddings: self.tie_word_embeddings,
            max_position_embeddings: self.max_position_embeddings,
            experts,
        })
    }

    fn experts(&self) -> Result<Experts, String> {
        let need = |size: Option<usize>, name: &str| size.ok_or_else(|| format!("{name} is missing"));
        // Every `decoder_sparse_step`-th layer has experts, counted from 1, unless it is listed as dense; 0 means none has.
        let step = self.decoder_sparse_step.unwrap_or(1);
        let dense =
            |layer: usize| self.mlp_only_layers.contains(&layer) || step == 0 || !(layer + 1).is_multiple_of(step);
        Ok(Experts {
            num_experts: need(self.num_experts, "num_experts")?,
            num_experts_per_tok: need(self.num_experts_per_tok, "num_experts_per_tok")?,
            moe_intermediate_size: need(self.moe_intermediate_size, "moe_intermediate_size")?,
            norm_topk_prob: self.norm_topk_prob,
            dense_layers: (0..self.num_hidden_layers.min(1 << 16)).filter(|&layer| dense(layer)).collect(),
        })
    }
}

impl Rope {
    fn scaling(&self, positions: usize) -> Result<Option<Scaling>, String> {
        let need = |value: Option<f64>, name: &str| {
            value
                .filter(|value| value.is_finite() && *value > 0.0)
                .ok_or_else(|| format!("rope scaling: {name} is {value:?}, a number above zero is needed"))
        };
        let original_max_position_embeddings = self.original_max_position_embeddings.unwrap_or(positions);
        Ok(Some(match self.rope_type.as_deref() {
            None | Some("default") => return Ok(None),
            Some("linear") => Scaling::Linear { factor: need(self.factor, "factor")? },
            Some("yarn") => Scaling::Yarn {
                factor: need(self.factor, "factor")?,
                original_max_position_embeddings,
                attention_factor: self.attention_factor,
                beta_fast: self.beta_fast.unwrap_or(32.0),
                beta_slow: self.beta_slow.unwrap_or(1.0),
            },
            Some("llama3") => Scaling::Llama3 {
                factor: need(self.factor, "factor")?,
                low_freq_factor: need(self.low_freq_factor, "low_freq_factor")?,
                high_freq_factor: need(self.high_freq_factor, "high_freq_factor")?,
                original_max_position_embeddings,
            },
            Some(other) => {
                return Err(format!("rope scaling `{other}` is not known; linear, yarn and llama3 are"));
            }
        }))
    }
}
