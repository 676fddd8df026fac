//! Metadata and tensor names of a GGUF file to a shape and Hugging Face's names.

use super::{Config, Experts, Family, Scaling};
use crate::lm::gguf::{Header, Value};

/// The tensor of the frequencies' factors, which Hugging Face computes instead of storing them.
pub(super) const FACTORS: &str = "rope_freqs.weight";
const EMBEDDING: &str = "token_embd.weight";

/// The shape that a file's metadata gives.
pub(super) fn config(header: &Header) -> Result<Config, String> {
    let architecture = header.text("general.architecture").ok_or("metadata `general.architecture` is missing")?;
    let family = match architecture {
        "qwen3" => Family::Qwen3,
        "qwen3moe" => Family::Qwen3Moe,
        "llama" => Family::Llama,
        other => return Err(format!("general.architecture is `{other}`; qwen3, qwen3moe and llama are known")),
    };
    let keys = Keys { header, architecture };
    let embedding = header.tensors.get(EMBEDDING).ok_or("tensor `token_embd.weight` is missing")?;
    let heads = keys.size("attention.head_count")?;
    let width = keys.size("embedding_length")?;
    let head_dim = keys
        .find("attention.key_length")
        .map_or_else(|| Ok(width.checked_div(heads).unwrap_or(0)), |value| size(value, "attention.key_length"))?;
    let experts = experts(&keys, family)?;
    let shape = Config {
        family,
        vocab_size: embedding.rows(),
        hidden_size: width,
        // Files of models whose layers all have experts may leave it out.
        intermediate_size: keys
            .optional("feed_forward_length")?
            .or(experts.as_ref().map(|all| all.moe_intermediate_size))
            .unwrap_or(0),
        num_hidden_layers: keys.size("block_count")?,
        num_attention_heads: heads,
        num_key_value_heads: keys.optional("attention.head_count_kv")?.unwrap_or(heads),
        head_dim,
        rms_norm_eps: keys
            .float("attention.layer_norm_rms_epsilon")?
            .ok_or_else(|| keys.missing("attention.layer_norm_rms_epsilon"))?,
        rope_theta: keys.float("rope.freq_base")?.unwrap_or(10_000.0),
        rope_scaling: scaling(&keys)?,
        tie_word_embeddings: !header.tensors.contains_key("output.weight"),
        max_position_embeddings: keys.size("context_length")?,
        experts,
    };
    shape.check()?;
    Ok(shape)
}

/// The metadata under an architecture's name.
struct Keys<'a> {
    header: &'a Header,
    architecture: &'a str,
}

impl Keys<'_> {
    fn find(&self, key: &str) -> Option<&Value> {
        self.header.metadata.get(&format!("{}.{key}", self.architecture))
    }

    fn missing(&self, key: &str) -> String {
        format!("metadata `{}.{key}` is missing", self.architecture)
    }

    fn size(&self, key: &str) -> Result<usize, String> {
        self.optional(key)?.ok_or_else(|| self.missing(key))
    }

    fn optional(&self, key: &str) -> Result<Option<usize>, String> {
        self.find(key).map(|value| size(value, key)).transpose()
    }

    /// Through its shortest decimal: the f32 next to 1e-5 was written as 1e-5.
    fn float(&self, key: &str) -> Result<Option<f64>, String> {
        let Some(value) = self.find(key) else { return Ok(None) };
        let number = match value {
            Value::F32(number) => number.to_string().parse().ok(),
            value => value.as_f64(),
        };
        number.map(Some).ok_or_else(|| format!("metadata `{key}` is no floating-point number"))
    }
}

fn size(value: &Value, key: &str) -> Result<usize, String> {
    // Some models have a number a layer; those of the known families have one for all.
    let whole = value.as_u64().and_then(|value| usize::try_from(value).ok());
    whole.ok_or_else(|| format!("metadata `{key}` is no whole number"))
}

fn experts(keys: &Keys, family: Family) -> Result<Option<Experts>, String> {
    let count = keys.optional("expert_count")?.unwrap_or(0);
    match family {
        Family::Qwen3Moe => Ok(Some(Experts {
            num_experts: count,
            num_experts_per_tok: keys.size("expert_used_count")?,
            moe_intermediate_size: keys.size("expert_feed_forward_length")?,
            // llama.cpp does so for this architecture without a key for it.
            norm_topk_prob: true,
            dense_layers: Vec::new(),
        })),
        _ if count > 0 => Err(format!("a {family:?} model with {count} experts is not known")),
        _ => Ok(None),
    }
}

fn scaling(keys: &Keys) -> Result<Option<Scaling>, String> {
    let factor = || {
        let factor = keys.float("rope.scaling.factor")?;
        factor.filter(|factor| factor.is_finite() && *factor > 0.0).ok_or_else(|| keys.missing("rope.scaling.factor"))
    };
    let kind = keys.find("rope.scaling.type").and_then(Value::as_text);
    Ok(match kind {
        None | Some("none") => None,
        Some("linear") => Some(Scaling::Linear { factor: factor()? }),
        Some("yarn") => Some(Scaling::Yarn {
            factor: factor()?,
            original_max_position_embeddings: keys.size("rope.scaling.original_context_length")?,
            attention_factor: keys.float("rope.scaling.attn_factor")?,
            beta_fast: keys.float("rope.scaling.yarn_beta_fast")?.unwrap_or(32.0),
            beta_slow: keys.float("rope.scaling.yarn_beta_slow")?.unwrap_or(1.0),
        }),
        Some(other) => return Err(format!("rope scaling `{other}` is not known; linear and yarn are")),
    })
}

/// Where a tensor of Hugging Face's lies in a GGUF file.
pub(super) struct Part {
    pub tensor: String,
    /// Which expert's of all that lie in one tensor.
    pub expert: Option<usize>,
    /// Whether llama.cpp has permuted its rows.
    pub permuted: bool,
}

/// The GGUF tensor that holds a tensor of the given name.
///
/// # Errors
/// A name that no family has: this is asked for names of [`Config::tensors`] only.
pub(super) fn part(family: Family, name: &str) -> Result<Part, String> {
    let whole = |tensor: &str| Part { tensor: tensor.to_owned(), expert: None, permuted: false };
    match name {
        "model.embed_tokens.weight" => return Ok(whole(EMBEDDING)),
        "model.norm.weight" => return Ok(whole("output_norm.weight")),
        "lm_head.weight" => return Ok(whole("output.weight")),
        _ => {}
    }
    let unknown = || format!("no GGUF name is known for `{name}`");
    let inner = name.strip_prefix("model.layers.").and_then(|rest| rest.strip_suffix(".weight"));
    let (layer, part) = inner.and_then(|inner| inner.split_once('.')).ok_or_else(unknown)?;
    let (part, expert) = match part.strip_prefix("mlp.experts.").and_then(|rest| rest.split_once('.')) {
        Some((expert, part)) => (part, Some(expert.parse().map_err(|_| unknown())?)),
        None => (part, None),
    };
    let (stored, permuted) = match (part, expert) {
        ("gate_proj", Some(_)) => ("ffn_gate_exps", false),
        ("up_proj", Some(_)) => ("ffn_up_exps", false),
        ("down_proj", Some(_)) => ("ffn_down_exps", false),
        ("mlp.gate", None) => ("ffn_gate_inp", false),
        ("mlp.gate_proj", None) => ("ffn_gate", false),
        ("mlp.up_proj", None) => ("ffn_up", false),
        ("mlp.down_proj", None) => ("ffn_down", false),
        ("input_layernorm", None) => ("attn_norm", false),
        ("post_attention_layernorm", None) => ("ffn_norm", false),
        ("self_attn.q_norm", None) => ("attn_q_norm", false),
        ("self_attn.k_norm", None) => ("attn_k_norm", false),
        ("self_attn.q_proj", None) => ("attn_q", family == Family::Llama),
        ("self_attn.k_proj", None) => ("attn_k", family == Family::Llama),
        ("self_attn.v_proj", None) => ("attn_v", false),
        ("self_attn.o_proj", None) => ("attn_output", false),
        _ => return Err(unknown()),
    };
    Ok(Part { tensor: format!("blk.{layer}.{stored}.weight"), expert, permuted })
}

/// The row of a GGUF file in which row `row` of a permuted q or k weight lies.
///
/// Hugging Face turns the pairs (i, i + w/2) of a head of width w, llama.cpp's Llama the pairs (2i, 2i + 1); so llama.cpp stores the
/// rows of each head interleaved: row w/2·half + i of a head becomes row 2i + half.
pub(super) fn permuted_row(row: usize, head_dim: usize) -> usize {
    let (head, within) = (row / head_dim, row % head_dim);
    let (half, i) = (within / (head_dim / 2), within % (head_dim / 2));
    head * head_dim + 2 * i + half
}
