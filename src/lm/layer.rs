//! One layer's weights as a pass uses them, and what a pass does with them. Which parts a layer has is said by its family's file:
//! [`super::qwen3`], [`super::qwen3_moe`], [`super::llama`].

use super::experts::Experts;
use super::projection::Projection;
use super::rope::{Angles, Rope};
use super::weights::Named;
use tch::{Kind, Tensor};

/// The weights of a layer.
pub(super) struct Layer {
    pub before: Norm,
    pub q: Projection,
    pub k: Projection,
    pub v: Projection,
    pub o: Projection,
    pub heads: Heads,
    pub between: Norm,
    pub feed: Feed,
}

/// The weight of an RMSNorm: multiplied into the projections that follow it, which saves a pass over the activations forward and
/// backward where these are larger than the matrices, or kept.
pub(super) enum Norm {
    Folded,
    Kept(Tensor),
}

impl Norm {
    /// The norm, and what its weight makes of a projection that follows.
    pub(super) fn new(weight: &Tensor, folded: bool) -> Norm {
        if folded { Norm::Folded } else { Norm::Kept(weight.shallow_clone()) }
    }

    fn apply(&self, unit: Tensor) -> Tensor {
        match self {
            Norm::Folded => unit,
            Norm::Kept(weight) => unit * weight,
        }
    }
}

/// What is done with queries and keys before they are turned; the scores' scale of 1/sqrt(d) is in here.
pub(super) enum Heads {
    /// RMSNorm of each head; the scale is in the weight of the queries' norm.
    Normed { q: Tensor, k: Tensor },
    /// Queries are scaled, keys stay.
    Plain { scale: f64 },
}

/// The block after the attention.
pub(super) enum Feed {
    Dense(SwiGlu),
    Experts(Experts),
}

/// `down(silu(gate x) * up x)`.
pub(super) struct SwiGlu {
    pub gate: Projection,
    pub up: Projection,
    pub down: Projection,
}

impl SwiGlu {
    pub(super) fn forward(&self, unit: &Tensor) -> Tensor {
        let inner = self.gate.of(unit).silu() * self.up.of(unit);
        self.down.of(&inner)
    }
}

impl Layer {
    /// A layer with one feed-forward block.
    pub(super) fn dense(weights: &Named, folded: bool, heads: Heads) -> Layer {
        let between = &weights.get("post_attention_layernorm");
        let feed = SwiGlu {
            gate: weights.projection("mlp.gate_proj").after(between, folded),
            up: weights.projection("mlp.up_proj").after(between, folded),
            down: weights.projection("mlp.down_proj"),
        };
        Layer::new(weights, folded, heads, Norm::new(between, folded), Feed::Dense(feed))
    }

    /// A layer of these heads and this feed-forward block.
    pub(super) fn new(weights: &Named, folded: bool, heads: Heads, between: Norm, feed: Feed) -> Layer {
        let before = &weights.get("input_layernorm");
        let projection = |name: &str| weights.projection(name).after(before, folded);
        Layer {
            q: projection("self_attn.q_proj"),
            k: projection("self_attn.k_proj"),
            v: projection("self_attn.v_proj"),
            o: weights.projection("self_attn.o_proj"),
            before: Norm::new(before, folded),
            heads,
            between,
            feed,
        }
    }

    /// A bound on the scores' size: RMSNorm makes a head at most sqrt(d) long, and RoPE only turns it. Without norms there is none.
    pub(super) fn largest_score(&self, width: usize) -> f64 {
        let largest = |weight: &Tensor| weight.detach().abs().max().double_value(&[]);
        match &self.heads {
            Heads::Normed { q, k } => largest(q) * largest(k) * width as f64,
            Heads::Plain { .. } => f64::INFINITY,
        }
    }

    /// The stream over its root mean square, as the projections of the attention want it.
    pub(super) fn enter(&self, x: &Tensor, eps: f64) -> Tensor {
        self.before.apply(unit(x, eps))
    }

    /// Queries [.., T, H, d], turned and scaled.
    pub(super) fn queries(&self, unit_in: &Tensor, angles: &Angles, pass: &Pass) -> Tensor {
        let q = heads(&self.q.of(unit_in), pass.width);
        let q = match &self.heads {
            Heads::Normed { q: weight, .. } => unit(&q, pass.eps) * weight,
            Heads::Plain { scale } => q * *scale,
        };
        pass.rope.apply(&q, angles)
    }

    /// Keys, turned, and values [.., T, K, d].
    pub(super) fn keys(&self, unit_in: &Tensor, angles: &Angles, pass: &Pass) -> (Tensor, Tensor) {
        let k = heads(&self.k.of(unit_in), pass.width);
        let v = heads(&self.v.of(unit_in), pass.width);
        let k = match &self.heads {
            Heads::Normed { k: weight, .. } => unit(&k, pass.eps) * weight,
            Heads::Plain { .. } => k,
        };
        (pass.rope.apply(&k, angles), v)
    }

    /// Adds the attention's and then the feed-forward block's output to the stream.
    pub(super) fn finish(&self, x: &Tensor, attended: &Tensor, eps: f64) -> Tensor {
        let x = x + self.o.of(attended);
        let unit = self.between.apply(unit(&x, eps));
        x + match &self.feed {
            Feed::Dense(block) => block.forward(&unit),
            Feed::Experts(experts) => experts.forward(&unit),
        }
    }
}

/// What all layers of a pass share.
pub(super) struct Pass<'a> {
    pub rope: &'a Rope,
    /// Added to mean squares.
    pub eps: f64,
    /// Width of a head.
    pub width: i64,
}

/// x over its root mean square in the last dimension (RMSNorm without its weight), in f32 whatever the type.
pub(super) fn unit(x: &Tensor, eps: f64) -> Tensor {
    let kind = x.kind();
    if kind == Kind::Float {
        let square = (x * x).mean_dim(&[-1i64][..], true, None);
        return x * (square + eps).rsqrt();
    }
    unit(&x.to_kind(Kind::Float), eps).to_kind(kind)
}

/// [.., heads*d] as [.., heads, d].
fn heads(x: &Tensor, width: i64) -> Tensor {
    let mut size = x.size();
    let heads = size.pop().expect("activations have a width") / width;
    size.extend([heads, width]);
    x.view(&size[..])
}
