//! From token rows to a differentiable number: the weighted sum of log-probabilities.

use crate::lm::{Decoder, Hidden, LmError, Output};
use crate::spec::settings::{Recompute, Settings};
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

/// How passes are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Way {
    /// The token that fills rows.
    pub pad: u32,
    /// Divides the logits.
    pub temperature: f64,
    /// Whether layers are computed again on the way back.
    pub again: bool,
}

impl Way {
    /// That of the settings, at a temperature.
    pub fn of(settings: &Settings, pad: u32, temperature: f64) -> Way {
        Way { pad, temperature, again: settings.train.recompute == Recompute::Layers }
    }
}

/// What a pass over some parts gave, once its gradient was taken.
pub struct Learned {
    /// Sum over positions of weight times log-probability.
    pub objective: f64,
    /// Positions with a weight.
    pub positions: Vec<Position>,
    /// Most probable token at each position, when asked for.
    pub best: Vec<u32>,
}

/// Place of a weighted position: part, row, index in the row.
pub type Position = (usize, usize, usize);

/// Log-probabilities, and entropies where asked for, of the positions that have a weight.
pub struct Pass<'a> {
    /// Log-probability of each target, `[positions]`.
    pub logp: Tensor,
    /// Entropy at each position in nats, `[positions]`.
    pub entropy: Option<Tensor>,
    back: Back<'a>,
}

/// What leads from the numbers of a pass back to the parameters.
enum Back<'a> {
    /// The graph that made them.
    Graph,
    /// The graph of the output layer, then the layers computed again.
    Again(Hidden<'a>),
    /// The streamed output layer, then the layers.
    Streamed(Output<'a>),
}

impl Pass<'_> {
    /// Adds to the gradients of the parameters that of the sum of these numbers times log-probabilities and entropies, downhill.
    ///
    /// # Errors
    /// A temperature that logits cannot be divided by.
    pub fn backward(self, logp: &[f32], entropy: &[f32]) -> Result<(), LmError> {
        if let Back::Streamed(output) = &self.back {
            let down = |values: &[f32]| values.iter().map(|value| -value).collect::<Vec<_>>();
            output.backward(&down(logp), &down(entropy))?;
            return Ok(());
        }
        let mut sum = (&self.logp * Tensor::from_slice(logp)).sum(Kind::Float);
        if let Some(entropies) = &self.entropy {
            sum += (entropies * Tensor::from_slice(entropy)).sum(Kind::Float);
        }
        (-sum).backward();
        if let Back::Again(hidden) = &self.back {
            hidden.backward(&hidden.states.grad());
        }
        Ok(())
    }
}

/// The positions of some parts that have a weight, as columns.
#[derive(Default)]
struct Wanted {
    flat: Vec<i64>,
    targets: Vec<i64>,
    weights: Vec<f32>,
    positions: Vec<Position>,
}

/// Prompts, the rows that are fed, and what is wanted of them. A row is fed no further than its last weight; one without weights not at
/// all.
struct Fed<'p> {
    prompts: Tensor,
    lens: Vec<usize>,
    rows: Vec<Vec<&'p [u32]>>,
    wanted: Wanted,
}

fn fed<'p>(parts: &'p [Part], pad: u32) -> Fed<'p> {
    let lens = parts.iter().map(|part| part.prefix.len()).collect();
    let prefixes: Vec<&[u32]> = parts.iter().map(|part| part.prefix).collect();
    let fed = |row: &Row| row.weights.iter().rposition(|&weight| weight != 0.0).map_or(0, |last| last + 1);
    let rows = parts
        .iter()
        .map(|part| part.rows.iter().map(|row| &row.inputs[..fed(row)]).filter(|r| !r.is_empty()).collect())
        .collect();
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
    Fed { prompts: padded(&prefixes, pad), lens, rows, wanted }
}

/// Log-probabilities over the vocabulary at a temperature (logits divided by it), as in verl.
fn log_probs(logits: Tensor, temperature: f64) -> Tensor {
    let scaled = if temperature == 1.0 { logits } else { logits / temperature };
    scaled.log_softmax(-1, Kind::Float)
}

fn chosen(log_probs: &Tensor, targets: &[i64]) -> Tensor {
    log_probs.gather(-1, &Tensor::from_slice(targets).unsqueeze(-1), false).squeeze_dim(-1)
}

/// Runs the model over the parts and adds the gradient of the weighted log-probabilities' sum, downhill, to those of the parameters.
///
/// # Errors
/// A temperature that logits cannot be divided by.
pub fn learn(model: &Decoder, parts: &[Part], way: Way, want_best: bool) -> Result<Learned, LmError> {
    let fed = fed(parts, way.pad);
    if model.is_streamed() {
        let (output, wanted) = (streamed(model, &fed, way), fed.wanted);
        let best = if want_best { output.best() } else { vec![] };
        let down: Vec<f32> = wanted.weights.iter().map(|weight| -weight).collect();
        let numbers = output.backward(&down, &[])?;
        let terms =
            numbers.logp.iter().zip(&wanted.weights).map(|(&logp, &weight)| f64::from(logp) * f64::from(weight));
        return Ok(Learned { objective: terms.sum(), positions: wanted.positions, best });
    }
    let ((hidden, back), wanted) = (graph(model, &fed, way), fed.wanted);
    let logits = model.logits(&hidden);
    let best = if want_best { tokens_of(&logits.detach().argmax(-1, false)) } else { vec![] };
    let chosen = chosen(&log_probs(logits, way.temperature), &wanted.targets);
    let objective = (chosen * Tensor::from_slice(&wanted.weights)).sum(Kind::Float);
    (-&objective).backward();
    if let Back::Again(hidden) = &back {
        hidden.backward(&hidden.states.grad());
    }
    Ok(Learned { objective: objective.double_value(&[]), positions: wanted.positions, best })
}

/// Runs the model over the parts and gives the numbers of each position that has a weight.
///
/// # Errors
/// A temperature that logits cannot be divided by.
pub fn pass<'a>(model: &'a Decoder, parts: &[Part], way: Way, want_entropy: bool) -> Result<Pass<'a>, LmError> {
    let fed = fed(parts, way.pad);
    if model.is_streamed() {
        let output = streamed(model, &fed, way);
        let numbers = output.numbers()?;
        let entropy = want_entropy.then(|| Tensor::from_slice(&numbers.entropy));
        return Ok(Pass { logp: Tensor::from_slice(&numbers.logp), entropy, back: Back::Streamed(output) });
    }
    let (hidden, back) = graph(model, &fed, way);
    let log_probs = log_probs(model.logits(&hidden), way.temperature);
    let entropy = want_entropy.then(|| -(log_probs.exp() * &log_probs).sum_dim_intlist(-1, false, Kind::Float));
    Ok(Pass { logp: chosen(&log_probs, &fed.wanted.targets), entropy, back })
}

/// Hidden states [positions, D] of the positions that have a weight, in the graph that leads back from them.
fn graph<'a>(model: &'a Decoder, fed: &Fed, way: Way) -> (Tensor, Back<'a>) {
    let places = Tensor::from_slice(&fed.wanted.flat);
    if way.again {
        let hidden = model.hidden(&fed.prompts, &fed.lens, &fed.rows, true);
        return (hidden.states.index_select(0, &places), Back::Again(hidden));
    }
    let hidden = model.continuations_packed(&model.prefix(&fed.prompts, &fed.lens), &fed.rows);
    (hidden.index_select(0, &places), Back::Graph)
}

fn streamed<'a>(model: &'a Decoder, fed: &Fed, way: Way) -> Output<'a> {
    let targets = fed.wanted.targets.iter().map(|&target| target as u32).collect();
    let hidden = model.hidden(&fed.prompts, &fed.lens, &fed.rows, way.again);
    Output::new(model, hidden, &fed.wanted.flat, targets, way.temperature)
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
