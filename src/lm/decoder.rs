//! The decoder: embedding, layers as its family has them, last norm, output layer. One code for training and rollouts.
//!
//! A prompt is computed once for all its continuations ([`Decoder::prefix`], [`Decoder::continuations`]), with gradients too.

use super::attention::{SharedKV, by_head, causal, own_causal, pad_mask, shared};
use super::layer::{Layer, Pass, unit};
use super::lora::{self, Lora};
use super::packed::{Packing, SAFE_SCORE};
use super::peft::Adapter;
use super::projection::Beside;
use super::rope::{Angles, Rope};
use super::weights::{self, Named, cast};
use super::{Checkpoint, Config, Family, LmError, llama, qwen3, qwen3_moe, save_weights};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use tch::{Kind, Tensor};

/// Up to this width the weights of norms are multiplied into the matrices for each pass: there the activations of a pass are larger
/// than the matrices.
const FOLDED_WIDTH: usize = 256;

/// A decoder on the CPU. Parameters are f32 where it is trained, whatever the type that it computes in; a model that only answers
/// may have them in bf16.
pub struct Decoder {
    /// Its family and shape.
    pub config: Config,
    /// All tensors of the model, sorted by name.
    weights: Vec<(String, Tensor)>,
    /// What is learned in place of them.
    lora: Option<Lora>,
    pub(super) rope: Rope,
    kind: Kind,
    /// Tokens of each expert, by layer.
    load: Vec<Rc<RefCell<Vec<u64>>>>,
}

/// Keys and values of a batch of prompts, all layers.
pub struct Prefix {
    pub(super) layers: Vec<SharedKV>,
    pub(super) mask: Option<Tensor>,
    pub(super) lens: Vec<usize>,
}

impl Decoder {
    /// Fresh weights: normal with deviation 0.02, output projections divided by sqrt(2 layers), norms 1. Each tensor has its own
    /// ChaCha stream, addressed by its name.
    ///
    /// # Errors
    /// A configuration that does not fit together.
    pub fn init(config: Config, seed: u64) -> Result<Self, LmError> {
        config.check().map_err(|reason| LmError::Config { path: "config".into(), reason })?;
        let deep = 0.02 / (2.0 * config.num_hidden_layers as f64).sqrt();
        let mut parameters = Vec::new();
        for (name, shape) in config.tensors() {
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

    /// Reads a checkpoint: a Hugging Face folder, or a GGUF file. Numbers of other types become f32.
    ///
    /// # Errors
    /// See [`Checkpoint::open`].
    pub fn load(path: &Path) -> Result<Self, LmError> {
        let checkpoint = Checkpoint::open(path)?;
        let parameters = weights::read(&checkpoint)?;
        Ok(Self::new(checkpoint.config().clone(), parameters))
    }

    /// Writes config.json and model.safetensors into a folder, which is made where it is missing.
    ///
    /// # Errors
    /// What the system says about the files.
    pub fn save(&self, dir: &Path) -> Result<(), LmError> {
        std::fs::create_dir_all(dir).map_err(|source| LmError::io(dir, source))?;
        self.config.save(&dir.join("config.json"))?;
        save_weights(&dir.join("model.safetensors"), &self.merged())
    }

    /// Reads a checkpoint to answer with, in bf16 and without gradients. Tensors that a folder stores in bf16 are mapped, not read:
    /// opening takes no time, memory is shared with other processes, and stays mapped until this one ends.
    ///
    /// # Errors
    /// See [`Checkpoint::open`].
    pub fn open(path: &Path) -> Result<Self, LmError> {
        let checkpoint = Checkpoint::open(path)?;
        let config = checkpoint.config().clone();
        Ok(Self::of(config, weights::map(checkpoint)?, Kind::BFloat16))
    }

    /// The decoder with activations, and with the matrices of each pass, in this type. Parameters, their gradients and the sums of norms
    /// stay in f32.
    pub fn computing_in(self, kind: Kind) -> Self {
        Decoder { rope: Rope::new(&self.config, kind), kind, ..self }
    }

    /// The decoder with its own tensors frozen and an adapter beside them, fresh from this seed: it changes nothing until it has learned.
    ///
    /// # Errors
    /// Targets that the model does not have.
    pub fn with_lora(self, adapter: &Adapter, seed: u64) -> Result<Self, LmError> {
        let lora = Lora::fresh(adapter, &self.weights, seed)?;
        Ok(self.frozen_beside(lora))
    }

    /// The decoder with its own tensors frozen and the adapter of a folder in PEFT's format beside them.
    ///
    /// # Errors
    /// Files that cannot be read, and adapters that belong to another model.
    pub fn with_adapter(self, folder: &Path) -> Result<Self, LmError> {
        let lora = Lora::load(folder, &lora::shapes(&self.weights))?;
        Ok(self.frozen_beside(lora))
    }

    fn frozen_beside(self, lora: Lora) -> Self {
        let weights = self.weights.into_iter().map(|(name, tensor)| (name, tensor.set_requires_grad(false))).collect();
        Decoder { weights, lora: Some(lora), ..self }
    }

    /// What stands beside frozen tensors, where they are frozen.
    pub fn lora(&self) -> Option<&Lora> {
        self.lora.as_ref()
    }

    fn new(config: Config, parameters: Vec<(String, Tensor)>) -> Self {
        let parameters = parameters.into_iter().map(|(name, tensor)| (name, tensor.set_requires_grad(true))).collect();
        Self::of(config, parameters, Kind::Float)
    }

    fn of(config: Config, weights: Vec<(String, Tensor)>, kind: Kind) -> Self {
        let load = (0..config.num_hidden_layers).map(|_| Rc::default()).collect();
        Decoder { rope: Rope::new(&config, kind), config, weights, lora: None, kind, load }
    }

    /// Type of the activations.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// How many tokens each expert of each layer got in the passes since the last call; empty for layers without experts.
    pub fn router_load(&self) -> Vec<Vec<u64>> {
        self.load.iter().map(|load| std::mem::take(&mut *load.borrow_mut())).collect()
    }

    /// What is learned, sorted by name; leaves that require gradients. All tensors by their Hugging Face names, or those of the adapter by
    /// PEFT's where there is one.
    pub fn parameters(&self) -> &[(String, Tensor)] {
        self.lora.as_ref().map_or(&self.weights[..], Lora::parameters)
    }

    /// All tensors of the model, sorted by name, with what an adapter adds to them; no gradients.
    pub fn merged(&self) -> Vec<(String, Tensor)> {
        let _no_grad = tch::no_grad_guard();
        let beside = |name: &str| self.lora.as_ref().and_then(|lora| lora.beside(name));
        let one = |(name, weight): &(String, Tensor)| {
            let merged = beside(name).map(|Beside { a, b }| weight + b.matmul(&a));
            (name.clone(), merged.unwrap_or_else(|| weight.detach()))
        };
        self.weights.iter().map(one).collect()
    }

    /// Keys and values of prompts, right-padded, causal: tokens [P, Tp] int64 of which the first `lens[p]` count. Gradients flow
    /// unless they are switched off.
    pub fn prefix(&self, tokens_PT: &Tensor, lens: &[usize]) -> Prefix {
        let length = tokens_PT.size()[1];
        let (angles, pass) = (self.rope.start(length), self.pass());
        let mut x = self.embed(tokens_PT);
        let mut layers = Vec::with_capacity(self.config.num_hidden_layers);
        for index in 0..self.config.num_hidden_layers {
            let layer = self.layer(index);
            let unit = layer.enter(&x, pass.eps);
            let (k, v) = layer.keys(&unit, &angles, &pass);
            let kv = SharedKV { k_PKTd: k.transpose(1, 2).contiguous(), v_PKTd: v.transpose(1, 2).contiguous() };
            // What the last layer adds to the stream is read by nobody.
            if index + 1 < self.config.num_hidden_layers {
                let q = layer.queries(&unit, &angles, &pass);
                x = layer.finish(&x, &causal(&self.config, &q, &kv), pass.eps);
            }
            layers.push(kv);
        }
        Prefix { layers, mask: pad_mask(&self.config, lens, length as usize, self.kind), lens: lens.to_vec() }
    }

    /// Hidden states after the final norm [P, G, Tr, D] of G continuations of each prompt, tokens [P, G, Tr] int64 right-padded.
    /// Positions of prompt p go on at `lens[p]`. A continuation sees its prompt and itself, never its siblings; gradients flow
    /// into the prefix.
    pub fn continuations(&self, prefix: &Prefix, tokens_PGT: &Tensor) -> Tensor {
        let length = tokens_PGT.size()[2];
        let angles = self.rope.after(&prefix.lens, 0, length as usize);
        let own_mask = own_causal(&self.config, length, self.kind);
        let mut x = self.embed(tokens_PGT);
        for (index, past) in prefix.layers.iter().enumerate() {
            x = self.block(&self.layer(index), &x, &angles, |q, k, v| {
                shared(&self.config, q, past, prefix.mask.as_ref(), (&by_head(k), &by_head(v)), Some(&own_mask))
            });
        }
        self.last_norm(&x)
    }

    /// Hidden states after the final norm [N, D] of continuations of any length, `rows[p]` those of prompt p, in the order of
    /// prompts, rows and tokens: what [`Decoder::continuations`] gives, without its pads and without their cost.
    pub fn continuations_packed(&self, prefix: &Prefix, rows: &[Vec<&[u32]>]) -> Tensor {
        let packing = Packing::new(&self.config, rows, &prefix.lens);
        let layers: Vec<Layer> = (0..self.config.num_hidden_layers).map(|index| self.layer(index)).collect();
        if self.kind != Kind::Float || layers.iter().any(|layer| layer.largest_score(self.config.head_dim) > SAFE_SCORE)
        {
            return self.continuations_padded(prefix, rows);
        }
        let real_PT1 = real_tokens(prefix.layers[0].k_PKTd.size()[2] as usize, &prefix.lens);
        let [p, n] = packing.shape;
        let angles = self.rope.at(&packing.places, &[p, n, 1, -1]);
        let mut x = self.embed(&packing.tokens_PN);
        for (layer, past) in layers.iter().zip(&prefix.layers) {
            x = self.block(layer, &x, &angles, |q, k, v| packing.attend(&self.config, (q, k, v), past, &real_PT1));
        }
        let flat = x.reshape([p * n, -1]);
        let flat = match &packing.real {
            Some(real) => Tensor::embedding(&flat, real, -1, false, false),
            None => flat,
        };
        self.last_norm(&flat)
    }

    /// The same through padded rows, for weights whose scores may be too large for sums without a maximum.
    fn continuations_padded(&self, prefix: &Prefix, rows: &[Vec<&[u32]>]) -> Tensor {
        let (tokens, real) = padded(rows);
        let hidden = self.continuations(prefix, &tokens);
        hidden.reshape([-1, self.config.hidden_size as i64]).index_select(0, &real)
    }

    /// Logits [.., V] of hidden states [.., D].
    pub fn logits(&self, hidden: &Tensor) -> Tensor {
        hidden.linear::<&Tensor>(&self.head(), None)
    }

    /// The output matrix [V, D] in the type of a pass.
    pub(super) fn head(&self) -> Tensor {
        cast(self.head_parameter(), self.kind)
    }

    /// The output matrix [V, D] as it is kept.
    pub fn head_parameter(&self) -> &Tensor {
        self.parameter(if self.config.tie_word_embeddings { "model.embed_tokens.weight" } else { "lm_head.weight" })
    }

    /// A whole layer; `attend` gets queries [.., T, H, d], keys and values [.., T, K, d] and gives [.., T, H*d].
    pub(super) fn block(
        &self,
        layer: &Layer,
        x: &Tensor,
        angles: &Angles,
        attend: impl FnOnce(&Tensor, &Tensor, &Tensor) -> Tensor,
    ) -> Tensor {
        let pass = self.pass();
        let unit = layer.enter(x, pass.eps);
        let q = layer.queries(&unit, angles, &pass);
        let (k, v) = layer.keys(&unit, angles, &pass);
        layer.finish(x, &attend(&q, &k, &v), pass.eps)
    }

    /// Angles of the position `offset` of the answers to prompts of these lengths.
    pub(super) fn angles_at(&self, lens: &[usize], offset: usize) -> Angles {
        self.rope.after(lens, offset, 1)
    }

    pub(super) fn embed(&self, tokens: &Tensor) -> Tensor {
        let rows = Tensor::embedding(self.parameter("model.embed_tokens.weight"), tokens, -1, false, false);
        cast(&rows, self.kind)
    }

    pub(super) fn last_norm(&self, x: &Tensor) -> Tensor {
        unit(x, self.config.rms_norm_eps) * cast(self.parameter("model.norm.weight"), self.kind)
    }

    /// The weights of layer `index` for one pass.
    pub(super) fn layer(&self, index: usize) -> Layer {
        self.layer_of(index, false)
    }

    /// The weights of layer `index` for many passes without gradients: adapters are added to their matrices.
    pub(super) fn merged_layer(&self, index: usize) -> Layer {
        self.layer_of(index, true)
    }

    fn layer_of(&self, index: usize, merged: bool) -> Layer {
        let lora = self.lora.as_ref();
        let weights = Named { parameters: &self.weights, layer: index, kind: self.kind, lora, merged };
        let (width, folded) = (self.config.head_dim, self.folds());
        match (self.config.family, self.config.experts_of(index)) {
            (Family::Llama, _) => llama::layer(&weights, width, folded),
            (_, Some(experts)) => qwen3_moe::layer(&weights, width, folded, experts, &self.load[index]),
            (_, None) => qwen3::layer(&weights, width, folded),
        }
    }

    fn folds(&self) -> bool {
        self.kind == Kind::Float && self.config.hidden_size <= FOLDED_WIDTH
    }

    pub(super) fn pass(&self) -> Pass<'_> {
        Pass { rope: &self.rope, eps: self.config.rms_norm_eps, width: self.config.head_dim as i64 }
    }

    fn parameter(&self, name: &str) -> &Tensor {
        weights::find(&self.weights, name)
    }
}

/// 1 for a token and 0 for a pad of prompts of these lengths, [P, Tp, 1].
pub(super) fn real_tokens(width: usize, lens: &[usize]) -> Tensor {
    let values: Vec<f32> = lens.iter().flat_map(|&len| (0..width).map(move |t| f32::from(u8::from(t < len)))).collect();
    Tensor::from_slice(&values).view([lens.len() as i64, width as i64, 1])
}

/// Rows as right-padded tokens [P, G, T], and the places of their tokens among the flattened [P*G*T].
pub(super) fn padded(rows: &[Vec<&[u32]>]) -> (Tensor, Tensor) {
    let group = rows.iter().map(Vec::len).max().unwrap_or(0).max(1);
    let longest = rows.iter().flatten().map(|row| row.len()).max().unwrap_or(0).max(1);
    let (mut tokens, mut real) = (vec![0i64; rows.len() * group * longest], Vec::new());
    for (p, rows) in rows.iter().enumerate() {
        for (g, row) in rows.iter().enumerate() {
            for (t, &token) in row.iter().enumerate() {
                let place = (p * group + g) * longest + t;
                tokens[place] = i64::from(token);
                real.push(place as i64);
            }
        }
    }
    (Tensor::from_slice(&tokens).view([rows.len() as i64, group as i64, longest as i64]), Tensor::from_slice(&real))
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
