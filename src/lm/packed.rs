//! Continuations of different lengths without padding between them, for training.
//!
//! All tokens of a prompt's continuations stand in one row, so that projections and the attention to the prompt see no pad; only
//! the attention of continuations to themselves, a small part, is padded. RMSNorm bounds the scores, so that the softmax needs no
//! maximum: numerators and denominators of both parts are plain sums, a denominator being one more column of the values (1 for a
//! token, 0 for a pad).

use super::Config;
use super::attention::{SharedKV, own_causal};
use tch::{Device, Kind, Tensor};

/// Scores up to this need no maximum subtracted: e^60 times a million tokens is far inside f32, and so is e^-60.
pub(super) const SAFE_SCORE: f64 = 60.0;

/// Where the tokens of packed continuations stand.
pub(super) struct Packing {
    /// Tokens [P, N], the continuations of a prompt one after the other.
    pub tokens_PN: Tensor,
    /// Position of each, as an index [P*N].
    pub places: Vec<i64>,
    /// Prompts and tokens a prompt.
    pub shape: [i64; 2],
    /// Rows of the flattened [P*N] that are no pads; None where all are.
    pub real: Option<Tensor>,
    /// Token of [P*N] at each place of the padded rows [R, T].
    spread: Tensor,
    /// Place in the padded rows of each token of [P*N].
    collect: Tensor,
    /// Rows and their longest.
    rows: [i64; 2],
    own_mask: Tensor,
}

impl Packing {
    /// Packs `rows[p]`, the continuations of prompt p, whose positions go on at `lens[p]`.
    pub(super) fn new(config: &Config, rows: &[Vec<&[u32]>], lens: &[usize]) -> Self {
        let width = rows.iter().map(|rows| rows.iter().map(|row| row.len()).sum()).max().unwrap_or(0).max(1);
        let longest = rows.iter().flatten().map(|row| row.len()).max().unwrap_or(0).max(1);
        let count: usize = rows.iter().map(Vec::len).sum();
        let size = rows.len() * width;
        let (mut tokens, mut places, mut collect) = (vec![0i64; size], vec![0i64; size], vec![0i64; size]);
        let (mut spread, mut real, mut row_number) = (vec![0i64; count * longest], Vec::new(), 0);
        for (p, (rows, &start)) in rows.iter().zip(lens).enumerate() {
            let mut at = p * width;
            for row in rows {
                for (t, &token) in row.iter().enumerate() {
                    let padded = row_number * longest + t;
                    (tokens[at], places[at], collect[at]) = (i64::from(token), (start + t) as i64, padded as i64);
                    spread[padded] = at as i64;
                    real.push(at as i64);
                    at += 1;
                }
                row_number += 1;
            }
        }
        let shape = [rows.len() as i64, width as i64];
        Packing {
            tokens_PN: Tensor::from_slice(&tokens).view(shape),
            places,
            shape,
            real: (real.len() < size).then(|| Tensor::from_slice(&real)),
            spread: Tensor::from_slice(&spread),
            collect: Tensor::from_slice(&collect),
            rows: [count as i64, longest as i64],
            own_mask: own_causal(config, longest as i64, Kind::Float),
        }
    }

    /// Attention of queries q [P, N, H, d] to the prompts and to own keys and values [P, N, K, d]; gives [P, N, H*d].
    pub(super) fn attend(
        &self,
        config: &Config,
        qkv: (&Tensor, &Tensor, &Tensor),
        prompts: &SharedKV,
        real_PT1: &Tensor,
    ) -> Tensor {
        let (heads, width) = (config.num_attention_heads as i64, config.head_dim as i64);
        let [p, n] = self.shape;
        let sums = self.far(config, qkv.0, prompts, real_PT1) + self.near(config, qkv).view([p, n, heads, width + 1]);
        let parts = sums.split_with_sizes([width, 1], -1);
        (&parts[0] / &parts[1]).reshape([p, n, heads * width])
    }

    /// Numerators and denominators [P, N, H, d+1] over the prompt's keys.
    fn far(&self, config: &Config, q: &Tensor, prompts: &SharedKV, real_PT1: &Tensor) -> Tensor {
        let (heads, k, d) = dimensions(config);
        let ([p, n], past) = (self.shape, prompts.k_PKTd.size()[2]);
        let q = q.view([p, n, k, heads / k, d]).permute([0, 2, 1, 3, 4]).reshape([p * k, -1, d]);
        let real = real_PT1.unsqueeze(1).expand([p, k, past, 1], false);
        let v = Tensor::cat(&[&prompts.v_PKTd * &real, real], -1).view([p * k, past, d + 1]);
        let weights = q.bmm(&prompts.k_PKTd.view([p * k, past, d]).transpose(1, 2)).exp_();
        weights.bmm(&v).view([p, k, n, heads / k, d + 1]).permute([0, 2, 1, 3, 4]).reshape([p, n, heads, d + 1])
    }

    /// Numerators and denominators [P*N, H*(d+1)] over the continuation's own keys.
    fn near(&self, config: &Config, (q, k, v): (&Tensor, &Tensor, &Tensor)) -> Tensor {
        let (heads, shared, d) = dimensions(config);
        let [r, t] = self.rows;
        let rep = heads / shared;
        let q = pick_rows(q, &self.spread).view([r, t, shared, rep, d]).permute([0, 2, 3, 1, 4]);
        let by_head = |x: &Tensor| pick_rows(x, &self.spread).view([r, t, shared, d]).transpose(1, 2);
        let k = by_head(k).reshape([r * shared, t, d]);
        let ones = Tensor::ones([r, shared, t, 1], (Kind::Float, Device::Cpu));
        let v = Tensor::cat(&[by_head(v), ones], -1).view([r * shared, t, d + 1]);
        let scores = self.own_mask.baddbmm(&q.reshape([r * shared, rep * t, d]), &k.transpose(1, 2), 1.0, 1.0);
        let sums = { scores }.exp_().bmm(&v).view([r, shared, rep, t, d + 1]).permute([0, 3, 1, 2, 4]);
        pick_rows(&sums.reshape([r * t, heads, d + 1]), &self.collect)
    }
}

fn dimensions(config: &Config) -> (i64, i64, i64) {
    (config.num_attention_heads as i64, config.num_key_value_heads as i64, config.head_dim as i64)
}

/// Rows of x [.., heads, d] flattened to [rows, heads*d]. An embedding, for its backward is the fastest of the gathers'.
pub(super) fn pick_rows(x: &Tensor, rows: &Tensor) -> Tensor {
    let size = x.size();
    let width: i64 = size[size.len() - 2..].iter().product();
    Tensor::embedding(&x.reshape([-1, width]), rows, -1, false, false)
}
