//! The shape of a decoder: what its configuration says, and which tensors follow from it.

use serde::Serialize;

/// Architectures that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Dense, with a norm on each head's queries and keys.
    Qwen3,
    /// As Qwen3, with a choice of experts in place of one feed-forward block.
    Qwen3Moe,
    /// Dense, without norms on heads.
    Llama,
}

/// Config of a decoder; field names are those of Hugging Face's config.json.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Config {
    /// Architecture.
    pub family: Family,
    /// Tokens in the vocabulary (V), the padding of the embedding included.
    pub vocab_size: usize,
    /// Width of the residual stream (D).
    pub hidden_size: usize,
    /// Width inside the feed-forward block of dense layers.
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
    pub rms_norm_eps: f64,
    /// Base of the RoPE frequencies.
    pub rope_theta: f64,
    /// How the frequencies are changed for longer texts, if at all.
    pub rope_scaling: Option<Scaling>,
    /// Whether the output layer is the embedding.
    pub tie_word_embeddings: bool,
    /// Positions the model knows.
    pub max_position_embeddings: usize,
    /// Experts, where there are any.
    pub experts: Option<Experts>,
}

/// Experts of a layer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Experts {
    /// Experts a layer.
    pub num_experts: usize,
    /// Experts that a token goes through.
    pub num_experts_per_tok: usize,
    /// Width inside an expert.
    pub moe_intermediate_size: usize,
    /// Whether the chosen experts' weights are scaled to sum to one.
    pub norm_topk_prob: bool,
    /// Layers that have one feed-forward block all the same.
    pub dense_layers: Vec<usize>,
}

/// A change of the RoPE frequencies.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "rope_type", rename_all = "snake_case")]
pub enum Scaling {
    /// All frequencies divided by the factor.
    Linear {
        /// The factor.
        factor: f64,
    },
    /// YaRN: high frequencies kept, low ones divided by the factor, between the two a ramp (arXiv 2309.00071).
    Yarn {
        /// The factor.
        factor: f64,
        /// Positions before scaling.
        original_max_position_embeddings: usize,
        /// Scale of the attention's logits; 0.1 ln(factor) + 1 where none is given.
        attention_factor: Option<f64>,
        /// Turns over the original positions above which a frequency is kept.
        beta_fast: f64,
        /// Turns over the original positions below which a frequency is divided.
        beta_slow: f64,
    },
    /// Llama 3.1's ramp between kept and divided frequencies.
    Llama3 {
        /// The factor.
        factor: f64,
        /// Turns over the original positions below which a frequency is divided.
        low_freq_factor: f64,
        /// Turns over the original positions above which a frequency is kept.
        high_freq_factor: f64,
        /// Positions before scaling.
        original_max_position_embeddings: usize,
    },
    /// Each frequency divided by a number of its own: what a GGUF file says by its tensor `rope_freqs.weight`.
    Factors {
        /// A number for each pair.
        factors: Vec<f32>,
    },
}

impl Config {
    /// Number of parameters, the embedding counted once where it is tied.
    pub fn parameters(&self) -> u64 {
        self.total() as u64
    }

    /// As [`Config::parameters`], of sizes whose product need not fit.
    fn total(&self) -> u128 {
        let head = if self.tie_word_embeddings { 0 } else { self.embedding() };
        let layers = (0..self.num_hidden_layers).map(|layer| self.layer(layer, |experts| experts.num_experts));
        u128::from(self.embedding()) + u128::from(head) + self.hidden_size as u128 + layers.sum::<u128>()
    }

    /// Number of parameters that a token goes through: those of the chosen experts only. Embedding and output layer are counted
    /// whole, as the published numbers of Qwen3 do.
    pub fn active(&self) -> u64 {
        let idle = |layer| {
            self.layer(layer, |experts| experts.num_experts) - self.layer(layer, |experts| experts.num_experts_per_tok)
        };
        (self.total() - (0..self.num_hidden_layers).map(idle).sum::<u128>()) as u64
    }

    /// Number of parameters of the embedding.
    pub fn embedding(&self) -> u64 {
        self.vocab_size as u64 * self.hidden_size as u64
    }

    fn layer(&self, layer: usize, experts: impl Fn(&Experts) -> usize) -> u128 {
        let count = |shape: &[usize]| shape.iter().map(|&size| size as u128).product::<u128>();
        let common: u128 = self.common().iter().map(|(_, shape)| count(shape)).sum();
        let d = self.hidden_size as u128;
        match self.experts_of(layer) {
            None => common + 3 * d * self.intermediate_size as u128,
            Some(all) => {
                let one = 3 * d * all.moe_intermediate_size as u128;
                common + d * all.num_experts as u128 + one * experts(all) as u128
            }
        }
    }

    /// The experts of a layer, if it has any.
    pub fn experts_of(&self, layer: usize) -> Option<&Experts> {
        self.experts.as_ref().filter(|experts| !experts.dense_layers.contains(&layer))
    }

    /// Name (Hugging Face's) and shape of every tensor, sorted by name.
    pub fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        let mut all: Vec<_> = self.each_tensor().collect();
        all.sort();
        all
    }

    /// As [`Config::tensors`], one after the other, layer by layer: a configuration alone, without the files that belong to it, can ask for
    /// millions.
    pub(super) fn each_tensor(&self) -> impl Iterator<Item = (String, Vec<usize>)> + '_ {
        let d = self.hidden_size;
        let head = (!self.tie_word_embeddings).then(|| ("lm_head.weight".to_owned(), vec![self.vocab_size, d]));
        let outer = [
            ("model.embed_tokens.weight".to_owned(), vec![self.vocab_size, d]),
            ("model.norm.weight".to_owned(), vec![d]),
        ];
        let layers = (0..self.num_hidden_layers).flat_map(move |layer| {
            let parts = self.common().into_iter().map(|(part, shape)| (part.to_owned(), shape));
            let parts = parts.chain(self.feed_forward(layer));
            parts.map(move |(part, shape)| (format!("model.layers.{layer}.{part}.weight"), shape))
        });
        outer.into_iter().chain(head).chain(layers)
    }

    /// What every layer has, but for its feed-forward block.
    fn common(&self) -> Vec<(&'static str, Vec<usize>)> {
        let d = self.hidden_size;
        let queries = self.num_attention_heads * self.head_dim;
        let keys = self.num_key_value_heads * self.head_dim;
        let mut parts = vec![
            ("input_layernorm", vec![d]),
            ("post_attention_layernorm", vec![d]),
            ("self_attn.k_proj", vec![keys, d]),
            ("self_attn.o_proj", vec![d, queries]),
            ("self_attn.q_proj", vec![queries, d]),
            ("self_attn.v_proj", vec![keys, d]),
        ];
        if self.family != Family::Llama {
            parts.push(("self_attn.k_norm", vec![self.head_dim]));
            parts.push(("self_attn.q_norm", vec![self.head_dim]));
        }
        parts
    }

    fn feed_forward(&self, layer: usize) -> Vec<(String, Vec<usize>)> {
        let d = self.hidden_size;
        let block = |at: String, f: usize| {
            [("down_proj", vec![d, f]), ("gate_proj", vec![f, d]), ("up_proj", vec![f, d])]
                .map(|(part, shape)| (format!("{at}.{part}"), shape))
        };
        let Some(experts) = self.experts_of(layer) else {
            return block("mlp".to_owned(), self.intermediate_size).into();
        };
        let mut parts = vec![("mlp.gate".to_owned(), vec![experts.num_experts, d])];
        for expert in 0..experts.num_experts {
            parts.extend(block(format!("mlp.experts.{expert}"), experts.moe_intermediate_size));
        }
        parts
    }

    /// Says what in the numbers does not fit together, or would not fit any machine.
    pub(in crate::lm) fn check(&self) -> Result<(), String> {
        let experts = self.experts.as_ref();
        let sizes = [
            ("vocab_size", Some(self.vocab_size)),
            ("hidden_size", Some(self.hidden_size)),
            ("intermediate_size", Some(self.intermediate_size)),
            ("num_hidden_layers", Some(self.num_hidden_layers)),
            ("num_attention_heads", Some(self.num_attention_heads)),
            ("num_key_value_heads", Some(self.num_key_value_heads)),
            ("head_dim", Some(self.head_dim)),
            ("max_position_embeddings", Some(self.max_position_embeddings)),
            ("num_experts", experts.map(|experts| experts.num_experts)),
            ("num_experts_per_tok", experts.map(|experts| experts.num_experts_per_tok)),
            ("moe_intermediate_size", experts.map(|experts| experts.moe_intermediate_size)),
        ];
        for (name, size) in sizes {
            let (size, most) = (size.unwrap_or(1), most(name));
            if !(1..=most).contains(&size) {
                return Err(format!("{name} is {size}, it must be 1 to {most}"));
            }
        }
        let (heads, shared) = (self.num_attention_heads, self.num_key_value_heads);
        if !heads.is_multiple_of(shared) {
            return Err(format!("num_attention_heads {heads} is no multiple of num_key_value_heads {shared}"));
        }
        if !self.head_dim.is_multiple_of(2) {
            return Err(format!("head_dim is {}, it must be even", self.head_dim));
        }
        for (name, number) in [("rms_norm_eps", self.rms_norm_eps), ("rope_theta", self.rope_theta)] {
            above_zero(name, number)?;
        }
        self.rope_scaling.as_ref().map_or(Ok(()), Scaling::check)?;
        let parameters = self.total();
        if parameters > PARAMETERS {
            return Err(format!("the sizes make {parameters} parameters; no model has more than {PARAMETERS}"));
        }
        match experts {
            Some(all) if all.num_experts_per_tok > all.num_experts => Err(format!(
                "num_experts_per_tok {} is more than num_experts {}",
                all.num_experts_per_tok, all.num_experts
            )),
            _ => Ok(()),
        }
    }
}

impl Scaling {
    fn check(&self) -> Result<(), String> {
        let check = |numbers: &[(&str, f64)]| numbers.iter().try_for_each(|&(name, number)| above_zero(name, number));
        match self {
            Scaling::Linear { factor } => check(&[("factor", *factor)]),
            Scaling::Yarn {
                factor,
                original_max_position_embeddings: original,
                attention_factor,
                beta_fast,
                beta_slow,
            } => check(&[
                ("factor", *factor),
                ("original_max_position_embeddings", *original as f64),
                ("attention_factor", attention_factor.unwrap_or(1.0)),
                ("beta_fast", *beta_fast),
                ("beta_slow", *beta_slow),
            ]),
            Scaling::Llama3 {
                factor,
                low_freq_factor: low,
                high_freq_factor: high,
                original_max_position_embeddings,
            } => {
                let original = *original_max_position_embeddings as f64;
                check(&[
                    ("factor", *factor),
                    ("low_freq_factor", *low),
                    ("high_freq_factor", *high),
                    ("original_max_position_embeddings", original),
                ])?;
                // The ramp between them is divided by their distance.
                if low < high {
                    Ok(())
                } else {
                    Err(format!("low_freq_factor {low} is not below high_freq_factor {high}"))
                }
            }
            Scaling::Factors { factors } => {
                factors.iter().try_for_each(|&factor| above_zero("factor", f64::from(factor)))
            }
        }
    }
}

/// Parameters of the largest model that is believed: their bytes can be counted in any format.
const PARAMETERS: u128 = 1 << 56;

/// A number that others are divided by, or a root is taken of; one that is none would make every number of a model NaN.
fn above_zero(name: &str, number: f64) -> Result<(), String> {
    let good = number.is_finite() && number > 0.0;
    if good { Ok(()) } else { Err(format!("{name} is {number}, a number above zero is needed")) }
}

/// Far above every known model, and low enough that no product of them overflows and no list of tensors fills the memory.
fn most(name: &str) -> usize {
    match name {
        "num_hidden_layers" | "num_experts" | "num_experts_per_tok" => 1 << 10,
        "num_attention_heads" | "num_key_value_heads" | "head_dim" => 1 << 12,
        "max_position_embeddings" => 1 << 32,
        _ => 1 << 24,
    }
}
