//! The Qwen3 decoder: RMSNorm, RoPE, grouped-query attention with QK-norm, SwiGLU. One code for training and rollouts.
//!
//! A prompt is computed once for all its continuations ([`Qwen3::prefix`], [`Qwen3::continuations`]), with gradients too.

use super::attention::{SharedKV, by_head, causal, own_causal, pad_mask, shared};
use super::rope::{Angles, Rope};
use super::{Config, LmError, load_weights, save_weights};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::path::Path;
use tch::Tensor;

/// A Qwen3 decoder with f32 parameters on the CPU.
pub struct Qwen3 {
    /// Its shape.
    pub config: Config,
    parameters: Vec<(String, Tensor)>,
    rope: Rope,
}

/// Keys and values of a batch of prompts, all layers.
pub struct Prefix {
    pub(super) layers: Vec<SharedKV>,
    pub(super) mask: Option<Tensor>,
    pub(super) lens: Vec<usize>,
}

/// One layer's weights as a pass uses them: the weights of the two norms are multiplied into the projections that follow, which
/// saves a pass over the activations, forward and backward.
pub(super) struct Layer {
    q: Tensor,
    k: Tensor,
    v: Tensor,
    o: Tensor,
    q_norm: Tensor,
    k_norm: Tensor,
    gate: Tensor,
    up: Tensor,
    down: Tensor,
}

impl Qwen3 {
    /// Fresh weights: normal with deviation 0.02, output projections divided by sqrt(2 layers), norms 1. Each tensor has its own
    /// ChaCha stream, addressed by its name.
    ///
    /// # Errors
    /// A configuration that does not fit together.
    pub fn init(config: Config, seed: u64) -> Result<Self, LmError> {
        config.check().map_err(|reason| LmError::Config { path: "config".into(), reason })?;
        let deep = 0.02 / (2.0 * config.num_hidden_layers as f64).sqrt();
        let mut parameters = Vec::new();
        for (name, shape) in config.shapes() {
            let count = shape.iter().product();
            let values = match name.as_str() {
                n if n.contains("norm") => vec![1.0; count],
                n if n.contains("o_proj") || n.contains("down_proj") => normal(seed, n, count, deep),
                n => normal(seed, n, count, 0.02),
            };
            let size: Vec<i64> = shape.iter().map(|&n| n as i64).collect();
            parameters.push((name, Tensor::f_from_slice(&values)?.f_reshape(size)?));
        }
        Ok(Self::new(config, parameters))
    }

    /// Reads config.json and model.safetensors of a folder.
    ///
    /// # Errors
    /// See [`Config::load`] and [`load_weights`].
    pub fn load(dir: &Path) -> Result<Self, LmError> {
        let config = Config::load(&dir.join("config.json"))?;
        let parameters = load_weights(&dir.join("model.safetensors"), &config)?;
        Ok(Self::new(config, parameters))
    }

    /// Writes config.json and model.safetensors into a folder, which is made where it is missing.
    ///
    /// # Errors
    /// What the system says about the files.
    pub fn save(&self, dir: &Path) -> Result<(), LmError> {
        std::fs::create_dir_all(dir).map_err(|source| LmError::io(dir, source))?;
        self.config.save(&dir.join("config.json"))?;
        save_weights(&dir.join("model.safetensors"), &self.parameters)
    }

    fn new(config: Config, parameters: Vec<(String, Tensor)>) -> Self {
        let parameters = parameters.into_iter().map(|(name, tensor)| (name, tensor.set_requires_grad(true))).collect();
        Qwen3 { rope: Rope::new(&config), config, parameters }
    }

    /// All parameters by their Hugging Face names, sorted; leaves that require gradients.
    pub fn parameters(&self) -> &[(String, Tensor)] {
        &self.parameters
    }

    /// Keys and values of prompts, right-padded, causal: tokens [P, Tp] int64 of which the first `lens[p]` count. Gradients flow
    /// unless they are switched off.
    pub fn prefix(&self, tokens_PT: &Tensor, lens: &[usize]) -> Prefix {
        let length = tokens_PT.size()[1];
        let angles = self.rope.start(length);
        let mut x = self.embed(tokens_PT);
        let mut layers = Vec::with_capacity(self.config.num_hidden_layers);
        for index in 0..self.config.num_hidden_layers {
            let layer = self.layer(index);
            let unit = self.unit(&x);
            let (k, v) = self.keys(&layer, &unit, &angles);
            let kv = SharedKV { k_PKTd: k.transpose(1, 2).contiguous(), v_PKTd: v.transpose(1, 2).contiguous() };
            // What the last layer adds to the stream is read by nobody.
            if index + 1 < self.config.num_hidden_layers {
                let q = self.queries(&layer, &unit, &angles);
                x = self.finish(&layer, &x, &causal(&self.config, &q, &kv));
            }
            layers.push(kv);
        }
        Prefix { layers, mask: pad_mask(&self.config, lens, length as usize), lens: lens.to_vec() }
    }

    /// Hidden states after the final norm [P, G, Tr, D] of G continuations of each prompt, tokens [P, G, Tr] int64 right-padded.
    /// Positions of prompt p go on at `lens[p]`. A continuation sees its prompt and itself, never its siblings; gradients flow
    /// into the prefix.
    pub fn continuations(&self, prefix: &Prefix, tokens_PGT: &Tensor) -> Tensor {
        let length = tokens_PGT.size()[2];
        let angles = self.rope.after(&prefix.lens, 0, length as usize);
        let own_mask = own_causal(&self.config, length);
        let mut x = self.embed(tokens_PGT);
        for (index, past) in prefix.layers.iter().enumerate() {
            x = self.block(&self.layer(index), &x, &angles, |q, k, v| {
                shared(&self.config, q, past, prefix.mask.as_ref(), (&by_head(k), &by_head(v)), Some(&own_mask))
            });
        }
        self.last_norm(&x)
    }

    /// Logits [.., V] of hidden states [.., D].
    pub fn logits(&self, hidden: &Tensor) -> Tensor {
        let name = if self.config.tie_word_embeddings { "model.embed_tokens.weight" } else { "lm_head.weight" };
        hidden.linear::<&Tensor>(self.parameter(name), None)
    }

    /// A whole layer; `attend` gets queries [.., T, H, d], keys and values [.., T, K, d] and gives [.., T, H*d].
    pub(super) fn block(
        &self,
        layer: &Layer,
        x: &Tensor,
        angles: &Angles,
        attend: impl FnOnce(&Tensor, &Tensor, &Tensor) -> Tensor,
    ) -> Tensor {
        let unit = self.unit(x);
        let q = self.queries(layer, &unit, angles);
        let (k, v) = self.keys(layer, &unit, angles);
        self.finish(layer, x, &attend(&q, &k, &v))
    }

    /// Angles of the position `offset` of the answers to prompts of these lengths.
    pub(super) fn angles_at(&self, lens: &[usize], offset: usize) -> Angles {
        self.rope.after(lens, offset, 1)
    }

    pub(super) fn embed(&self, tokens: &Tensor) -> Tensor {
        Tensor::embedding(self.parameter("model.embed_tokens.weight"), tokens, -1, false, false)
    }

    pub(super) fn last_norm(&self, x: &Tensor) -> Tensor {
        self.unit(x) * self.parameter("model.norm.weight")
    }

    /// The weights of layer `index` for one pass.
    pub(super) fn layer(&self, index: usize) -> Layer {
        let get = |part: &str| self.parameter(&format!("model.layers.{index}.{part}.weight"));
        let (before, between) = (get("input_layernorm"), get("post_attention_layernorm"));
        Layer {
            q: get("self_attn.q_proj") * before,
            k: get("self_attn.k_proj") * before,
            v: get("self_attn.v_proj") * before,
            o: get("self_attn.o_proj").shallow_clone(),
            q_norm: get("self_attn.q_norm").shallow_clone(),
            k_norm: get("self_attn.k_norm").shallow_clone(),
            gate: get("mlp.gate_proj") * between,
            up: get("mlp.up_proj") * between,
            down: get("mlp.down_proj").shallow_clone(),
        }
    }

    fn parameter(&self, name: &str) -> &Tensor {
        let found = self.parameters.binary_search_by(|(known, _)| known.as_str().cmp(name));
        &self.parameters[found.expect("init and load put in every tensor of Config::shapes")].1
    }

    fn queries(&self, layer: &Layer, unit: &Tensor, angles: &Angles) -> Tensor {
        let q = self.heads(&unit.linear::<&Tensor>(&layer.q, None));
        self.rope.apply(&(self.unit(&q) * &layer.q_norm), angles)
    }

    fn keys(&self, layer: &Layer, unit: &Tensor, angles: &Angles) -> (Tensor, Tensor) {
        let k = self.heads(&unit.linear::<&Tensor>(&layer.k, None));
        let v = self.heads(&unit.linear::<&Tensor>(&layer.v, None));
        (self.rope.apply(&(self.unit(&k) * &layer.k_norm), angles), v)
    }

    /// Adds the attention's and then the feed-forward block's output to the stream.
    fn finish(&self, layer: &Layer, x: &Tensor, attended: &Tensor) -> Tensor {
        let x = x + attended.linear::<&Tensor>(&layer.o, None);
        let unit = self.unit(&x);
        let gate = unit.linear::<&Tensor>(&layer.gate, None).silu();
        let inner = gate * unit.linear::<&Tensor>(&layer.up, None);
        x + inner.linear::<&Tensor>(&layer.down, None)
    }

    /// x over its root mean square in the last dimension (RMSNorm without its weight).
    fn unit(&self, x: &Tensor) -> Tensor {
        let square = (x * x).mean_dim(&[-1i64][..], true, None);
        x * (square + self.config.rms_norm_eps).rsqrt()
    }

    /// [.., heads*d] as [.., heads, d].
    fn heads(&self, x: &Tensor) -> Tensor {
        let mut size = x.size();
        let width = self.config.head_dim as i64;
        let heads = size.pop().expect("activations have a width") / width;
        size.extend([heads, width]);
        x.view(&size[..])
    }
}

/// `count` normal numbers from the stream of this seed and name (Box-Muller).
fn normal(seed: u64, name: &str, count: usize, deviation: f64) -> Vec<f32> {
    let mut key = [0u8; 32];
    key.copy_from_slice(blake3::hash(format!("weights\0{seed}\0{name}").as_bytes()).as_bytes());
    let mut random = ChaCha12Rng::from_seed(key);
    let mut uniform = move || ((random.next_u64() >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
    let mut values = Vec::with_capacity(count + 1);
    while values.len() < count {
        let (radius, angle) = ((-2.0 * uniform().ln()).sqrt(), std::f64::consts::TAU * uniform());
        values.push((deviation * radius * angle.cos()) as f32);
        values.push((deviation * radius * angle.sin()) as f32);
    }
    values.truncate(count);
    values
}
