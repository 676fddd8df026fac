//! The model of the micro scale, and config.json as it is written.

use super::checkpoint::{Config, Experts, Family, Scaling};
use super::{LmError, files};
use serde::Serialize;
use serde_json::{Value, json};
use std::path::Path;

impl Config {
    /// The model of the micro scale: a Qwen3 of width 128, 4 layers, 4 heads of 32 over 2 key/value heads, feed-forward 384, tied.
    ///
    /// ```
    /// let config = longlab::lm::Config::micro(700);
    /// assert_eq!(config.parameters(), 877_440);
    /// ```
    pub fn micro(vocab_size: usize) -> Self {
        Config {
            family: Family::Qwen3,
            vocab_size,
            hidden_size: 128,
            intermediate_size: 384,
            num_hidden_layers: 4,
            num_attention_heads: 4,
            num_key_value_heads: 2,
            head_dim: 32,
            rms_norm_eps: 1e-6,
            rope_theta: 10_000.0,
            rope_scaling: None,
            tie_word_embeddings: true,
            max_position_embeddings: 4096,
            experts: None,
        }
    }

    /// Writes config.json as transformers reads it.
    ///
    /// # Errors
    /// Frequencies with factors of their own, which config.json has no words for, and what the system says about the file.
    pub fn save(&self, path: &Path) -> Result<(), LmError> {
        if let Some(Scaling::Factors { .. }) = self.rope_scaling {
            let reason = "RoPE frequencies with factors of their own (of a GGUF file) cannot be written".to_owned();
            return Err(LmError::Config { path: path.to_owned(), reason });
        }
        let text = serde_json::to_string_pretty(&Written::new(self))
            .map_err(|error| LmError::Config { path: path.to_owned(), reason: error.to_string() })?;
        files::write_whole(path, format!("{text}\n").as_bytes())
    }
}

/// config.json, key by key in the order of the file.
#[derive(Serialize)]
struct Written<'a> {
    architectures: [&'static str; 1],
    model_type: &'static str,
    vocab_size: usize,
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_key_value_heads: usize,
    head_dim: usize,
    rms_norm_eps: f64,
    rope_theta: f64,
    tie_word_embeddings: bool,
    max_position_embeddings: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    rope_scaling: Option<Value>,
    #[serde(flatten)]
    experts: Option<WrittenExperts<'a>>,
}

#[derive(Serialize)]
struct WrittenExperts<'a> {
    num_experts: usize,
    num_experts_per_tok: usize,
    moe_intermediate_size: usize,
    norm_topk_prob: bool,
    mlp_only_layers: &'a [usize],
}

impl<'a> Written<'a> {
    fn new(config: &'a Config) -> Self {
        let (architecture, model_type) = match config.family {
            Family::Qwen3 => ("Qwen3ForCausalLM", "qwen3"),
            Family::Qwen3Moe => ("Qwen3MoeForCausalLM", "qwen3_moe"),
            Family::Llama => ("LlamaForCausalLM", "llama"),
        };
        Written {
            architectures: [architecture],
            model_type,
            vocab_size: config.vocab_size,
            hidden_size: config.hidden_size,
            intermediate_size: config.intermediate_size,
            num_hidden_layers: config.num_hidden_layers,
            num_attention_heads: config.num_attention_heads,
            num_key_value_heads: config.num_key_value_heads,
            head_dim: config.head_dim,
            rms_norm_eps: config.rms_norm_eps,
            rope_theta: config.rope_theta,
            tie_word_embeddings: config.tie_word_embeddings,
            max_position_embeddings: config.max_position_embeddings,
            rope_scaling: config.rope_scaling.as_ref().map(scaling),
            experts: config.experts.as_ref().map(WrittenExperts::new),
        }
    }
}

impl<'a> WrittenExperts<'a> {
    fn new(experts: &'a Experts) -> Self {
        WrittenExperts {
            num_experts: experts.num_experts,
            num_experts_per_tok: experts.num_experts_per_tok,
            moe_intermediate_size: experts.moe_intermediate_size,
            norm_topk_prob: experts.norm_topk_prob,
            mlp_only_layers: &experts.dense_layers,
        }
    }
}

/// As [`Scaling`] serialises, without what is not given.
fn scaling(scaling: &Scaling) -> Value {
    let mut value = json!(scaling);
    if let Value::Object(map) = &mut value {
        map.retain(|_, value| !value.is_null());
    }
    value
}
