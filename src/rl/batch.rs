//! From token rows to a differentiable number: the weighted sum of log-probabilities.

use crate::lm::Decoder;
use tch::{Kind, Tensor};

/// One continuation of a prompt: what is fed and what each position should predict, with the weight of its log-probability.
pub struct Row {
    /// Tokens fed; the first is the prompt's last token.
    pub inputs: Vec<u32>,
    /// Token that each position predicts; as long as `inputs`.
    pub targets: Vec<u32>,
    /// Coefficient of each position's log-probability; 0 for no gradient.
    pub weights: Vec<f32>,
}

impl Row {
    /// A response after a prompt: feeds `last` and the response but for its end, predicts the response.
    pub fn response(last: u32, response: &[u32], weights: &[f32]) -> Row {
        let mut inputs = vec![last];
        inputs.extend_from_slice(&response[..response.len().saturating_sub(1)]);
        Row { inputs, targets: response.to_vec(), weights: weights.to_vec() }
    }
}

/// A prompt (without its last token) and its continuations.
pub struct Part<'a> {
    /// Tokens that all rows share.
    pub prefix: &'a [u32],
    /// The rows.
    pub rows: Vec<Row>,
}

/// What a forward pass over some parts gives.
pub struct Forward {
    /// Sum over positions of weight times log-probability, differentiable.
    pub objective: Tensor,
    /// Positions with a weight.
    pub positions: Vec<Position>,
    /// Most probable token at each position, when asked for.
    pub best: Vec<u32>,
}

/// Place of a weighted position: part, row, index in the row.
pub type Position = (usize, usize, usize);

/// Log-probabilities, and entropies where asked for, of the positions that have a weight.
pub struct Pass {
    /// Log-probability of each target, `[positions]`, differentiable.
    pub logp: Tensor,
    /// Entropy at each position in nats, `[positions]`, differentiable.
    pub entropy: Option<Tensor>,
}

/// The positions of some parts that have a weight, as columns.
#[derive(Default)]
struct Wanted {
    flat: Vec<i64>,
    targets: Vec<i64>,
    weights: Vec<f32>,
    positions: Vec<Position>,
}

/// Hidden states of the positions that have a weight, prompts once, continuations after them. A row is fed no further than its
/// last weight; one without weights not at all.
fn hidden(model: &Decoder, parts: &[Part], pad: u32) -> (Tensor, Wanted) {
    let lens: Vec<usize> = parts.iter().map(|part| part.prefix.len()).collect();
    let prefixes: Vec<&[u32]> = parts.iter().map(|part| part.prefix).collect();
    let prefix = model.prefix(&padded(&prefixes, pad), &lens);
    let fed = |row: &Row| row.weights.iter().rposition(|&weight| weight != 0.0).map_or(0, |last| last + 1);
    let rows: Vec<Vec<&[u32]>> = parts
        .iter()
        .map(|part| part.rows.iter().map(|row| &row.inputs[..fed(row)]).filter(|r| !r.is_empty()).collect())
        .collect();
    let hidden = model.continuations_packed(&prefix, &rows);
    let mut wanted = Wanted::default();
    let mut token = 0i64;
    for (p, part) in parts.iter().enumerate() {
        for (r, row) in part.rows.iter().enumerate() {
            for (t, (&target, &weight)) in row.targets.iter().zip(&row.weights).take(fed(row)).enumerate() {
                if weight != 0.0 {
                    wanted.flat.push(token);
                    wanted.targets.push(i64::from(target));
                    wanted.weights.push(weight);
                    wanted.positions.push((p, r, t));
                }
                token += 1;
            }
        }
    }
    (hidden.index_select(0, &Tensor::from_slice(&wanted.flat)), wanted)
}

/// Log-probabilities over the vocabulary at a temperature (logits divided by it), as in verl.
fn log_probs(logits: Tensor, temperature: f64) -> Tensor {
    let scaled = if temperature == 1.0 { logits } else { logits / temperature };
    scaled.log_softmax(-1, Kind::Float)
}

fn chosen(log_probs: &Tensor, targets: &[i64]) -> Tensor {
    log_probs.gather(-1, &Tensor::from_slice(targets).unsqueeze(-1), false).squeeze_dim(-1)
}

/// Runs the model over the parts: logits only where a weight is not zero, the weighted log-probabilities summed.
pub fn forward(model: &Decoder, parts: &[Part], pad: u32, temperature: f64, want_best: bool) -> Forward {
    let (hidden, wanted) = hidden(model, parts, pad);
    let logits = model.logits(&hidden);
    let best = if want_best { tokens_of(&logits.detach().argmax(-1, false)) } else { vec![] };
    let chosen = chosen(&log_probs(logits, temperature), &wanted.targets);
    let objective = (chosen * Tensor::from_slice(&wanted.weights)).sum(Kind::Float);
    Forward { objective, positions: wanted.positions, best }
}

/// Runs the model over the parts and gives the numbers of each position that has a weight.
pub fn pass(model: &Decoder, parts: &[Part], pad: u32, temperature: f64, want_entropy: bool) -> Pass {
    let (hidden, wanted) = hidden(model, parts, pad);
    let log_probs = log_probs(model.logits(&hidden), temperature);
    let entropy = want_entropy.then(|| -(log_probs.exp() * &log_probs).sum_dim_intlist(-1, false, Kind::Float));
    Pass { logp: chosen(&log_probs, &wanted.targets), entropy }
}

fn tokens_of(tensor: &Tensor) -> Vec<u32> {
    let mut out = vec![0i64; tensor.numel()];
    tensor.copy_data(&mut out, tensor.numel());
    out.into_iter().map(|token| token as u32).collect()
}

/// Rows of different lengths as one right-padded `[rows, longest]` tensor of int64.
pub fn padded(rows: &[&[u32]], pad: u32) -> Tensor {
    let width = rows.iter().map(|row| row.len()).max().unwrap_or(0).max(1);
    let mut flat = vec![i64::from(pad); rows.len() * width];
    for (r, row) in rows.iter().enumerate() {
        for (t, &token) in row.iter().enumerate() {
            flat[r * width + t] = i64::from(token);
        }
    }
    Tensor::from_slice(&flat).view([rows.len() as i64, width as i64])
}
