//! Llama (SmolLM2 among others): as Qwen3, without norms on heads.

use super::layer::{Heads, Layer};
use super::weights::Named;

/// The weights of a layer.
pub(super) fn layer(weights: &Named, head_dim: usize, folded: bool) -> Layer {
    Layer::dense(weights, folded, Heads::Plain { scale: (head_dim as f64).powf(-0.5) })
}
