//! Qwen3: RMSNorm, RoPE, grouped-query attention with a norm on each head's queries and keys, SwiGLU. The micro scale is one of
//! these too.

use super::layer::{Heads, Layer};
use super::weights::Named;

/// The weights of a layer.
pub(super) fn layer(weights: &Named, head_dim: usize, folded: bool) -> Layer {
    Layer::dense(weights, folded, heads(weights, head_dim))
}

/// The norms of heads, with the scores' scale in that of the queries.
pub(super) fn heads(weights: &Named, head_dim: usize) -> Heads {
    Heads::Normed {
        q: weights.get("self_attn.q_norm") * (head_dim as f64).powf(-0.5),
        k: weights.get("self_attn.k_norm"),
    }
}
