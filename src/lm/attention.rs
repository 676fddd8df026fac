//! Attention of continuations to their prompt's shared prefix and to themselves.
//!
//! Queries come scaled by 1/sqrt(d): the weight of their norm carries the factor.

use super::Config;
use tch::{Device, Kind, Tensor};

/// Keys and values of one layer: of the prompts [P, K, Tp, d].
pub(super) struct SharedKV {
    pub k_PKTd: Tensor,
    pub v_PKTd: Tensor,
}

/// Causal attention inside right-padded prompts: q [P, T, H, d], k and v [P, T, K, d] to [P, T, H*d].
///
/// Pads stand at the end, so that the causal mask alone keeps them out of sight.
pub(super) fn causal(config: &Config, q: &Tensor, kv: &SharedKV) -> Tensor {
    let (prompts, length) = (q.size()[0], q.size()[1]);
    let k = per_query_head(config, &kv.k_PKTd);
    let v = per_query_head(config, &kv.v_PKTd);
    let out = Tensor::scaled_dot_product_attention::<&Tensor>(&q.transpose(1, 2), &k, &v, None, 0.0, true, 1.0, false);
    out.transpose(1, 2).reshape([prompts, length, -1])
}

fn per_query_head(config: &Config, x_PKTd: &Tensor) -> Tensor {
    let (p, k, t, d) = x_PKTd.size4().expect("keys have four dimensions");
    let shared = (config.num_attention_heads / config.num_key_value_heads) as i64;
    if shared == 1 {
        return x_PKTd.shallow_clone();
    }
    x_PKTd.unsqueeze(2).expand([p, k, shared, t, d], false).reshape([p, k * shared, t, d])
}

/// Attention of queries q [P, G, T, H, d] to the shared prefix and to own keys and values [P, K, G, S, d]; `own_mask` [T', S]
/// is added to the own scores (T' = queries of one head group, see [`own_causal`]). Gives [P, G, T, H*d].
///
/// The prefix is read once for all continuations of a prompt: their queries stand in one matrix against its keys.
pub(super) fn shared(
    config: &Config,
    q: &Tensor,
    prefix: &SharedKV,
    prefix_mask: Option<&Tensor>,
    own: (&Tensor, &Tensor),
    own_mask: Option<&Tensor>,
) -> Tensor {
    let size = q.size();
    let (p, g, t, h, d) = (size[0], size[1], size[2], size[3], size[4]);
    let k = config.num_key_value_heads as i64;
    let (rep, past, seen) = (h / k, prefix.k_PKTd.size()[2], own.0.size()[3]);
    let q = q.view([p, g, t, k, rep, d]).permute([0, 3, 1, 4, 2, 5]).contiguous();
    let rows = |x: &Tensor, width: i64| x.reshape([p * k, g * rep * t, width]);
    let groups = |x: &Tensor, width: i64| x.reshape([p * k * g, rep * t, width]);
    let keys = prefix.k_PKTd.view([p * k, past, d]).transpose(1, 2);
    let far = match prefix_mask {
        Some(mask) => mask.baddbmm(&rows(&q, d), &keys, 1.0, 1.0),
        None => rows(&q, d).bmm(&keys),
    };
    let own_keys = own.0.reshape([p * k * g, seen, d]).transpose(1, 2);
    let near = match own_mask {
        Some(mask) => mask.baddbmm(&groups(&q, d), &own_keys, 1.0, 1.0),
        None => groups(&q, d).bmm(&own_keys),
    };
    let weights = Tensor::cat(&[groups(&far, past), near], -1).softmax(-1, None);
    let parts = weights.split_with_sizes([past, seen], -1);
    let far = rows(&parts[0], past).bmm(&prefix.v_PKTd.view([p * k, past, d]));
    let near = groups(&parts[1], seen).bmm(&own.1.reshape([p * k * g, seen, d]));
    let out = far.view([p, k, g, rep, t, d]) + near.view([p, k, g, rep, t, d]);
    out.permute([0, 2, 4, 1, 3, 5]).reshape([p, g, t, h * d])
}

/// Own keys or values [P, G, T, K, d] as [P, K, G, T, d].
pub(super) fn by_head(x: &Tensor) -> Tensor {
    x.permute([0, 3, 1, 2, 4]).contiguous()
}

/// Mask [1, rep*T, T] that lets a continuation see itself up to the query.
pub(super) fn own_causal(config: &Config, length: i64, kind: Kind) -> Tensor {
    let rep = (config.num_attention_heads / config.num_key_value_heads) as i64;
    let above = Tensor::full([length, length], f64::NEG_INFINITY, (kind, Device::Cpu)).triu(1);
    above.repeat([rep, 1]).unsqueeze(0)
}

/// Mask [P*K, 1, Tp] that hides the pads of prompts; None where there are none.
pub(super) fn pad_mask(config: &Config, lens: &[usize], width: usize, kind: Kind) -> Option<Tensor> {
    if lens.iter().all(|&len| len == width) {
        return None;
    }
    let heads = config.num_key_value_heads;
    let mut values = Vec::with_capacity(lens.len() * heads * width);
    for &len in lens {
        for _ in 0..heads {
            values.extend((0..width).map(|t| if t < len { 0.0 } else { f32::NEG_INFINITY }));
        }
    }
    Some(Tensor::from_slice(&values).reshape([(lens.len() * heads) as i64, 1, width as i64]).to_kind(kind))
}
