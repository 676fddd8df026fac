//! Qwen3-MoE: Decoder's attention, and a choice of experts in place of the one feed-forward block.

use super::checkpoint;
use super::experts::Experts;
use super::layer::{Feed, Layer, Norm, SwiGlu};
use super::qwen3;
use super::weights::Named;
use std::cell::RefCell;
use std::rc::Rc;

/// The weights of a layer with experts. Its second norm is not folded into them: that would touch all experts for the few in use.
pub(super) fn layer(
    weights: &Named,
    head_dim: usize,
    folded: bool,
    experts: &checkpoint::Experts,
    load: &Rc<RefCell<Vec<u64>>>,
) -> Layer {
    let between = &weights.get("post_attention_layernorm");
    let block = |expert: usize| {
        let part = |name: &str| weights.projection(&format!("mlp.experts.{expert}.{name}"));
        SwiGlu { gate: part("gate_proj"), up: part("up_proj"), down: part("down_proj") }
    };
    let feed = Experts {
        router: weights.get("mlp.gate"),
        blocks: (0..experts.num_experts).map(block).collect(),
        top: experts.num_experts_per_tok as i64,
        normalised: experts.norm_topk_prob,
        load: load.clone(),
    };
    let heads = qwen3::heads(weights, head_dim);
    Layer::new(weights, folded, heads, Norm::new(between, false), Feed::Experts(feed))
}
