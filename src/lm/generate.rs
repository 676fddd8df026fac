//! Generation with a key/value cache: a prompt is computed once, its rows are decoded side by side.

use super::attention::{SharedKV, by_head, shared};
use super::layer::Layer;
use super::sample::Rows;
use super::{Decoder, LmError, Prefix};
use tch::{Device, Kind, Tensor};

/// How tokens are drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// Divides the logits; 0 takes the most probable token.
    pub temperature: f64,
    /// Mass of the nucleus that is drawn from, in (0, 1].
    pub top_p: f64,
    /// Longest answer.
    pub max_tokens: usize,
    /// The token that ends an answer.
    pub eos: i64,
}

/// Some answers to one prompt.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Tokens of the prompt.
    pub prompt: &'a [u32],
    /// How many answers.
    pub rows: usize,
    /// Address of the sample, handed to the draw.
    pub key: u64,
}

/// One answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Response {
    /// Its tokens, with the end token where it was reached.
    pub tokens: Vec<u32>,
    /// Log-probability of each token at the sampling temperature, in the full distribution (at temperature 1 for greedy).
    pub logprobs: Vec<f32>,
    /// Entropy in nats at each token, at the sampling temperature (at temperature 1 for greedy).
    pub entropies: Vec<f32>,
    /// Entropy in nats at each token, at temperature 1.
    pub entropies_one: Vec<f32>,
    /// Norm of the gradient of each token's log-probability in the logits, see [`super::Choice::slope`].
    pub slopes: Vec<f32>,
    /// Whether the end token was reached.
    pub finished: bool,
}

/// Answers to each request, in the order of the requests. `draw(key, row, position)` gives the uniform number in [0, 1) of a
/// token, so that neither the batch nor its order changes what is drawn. `batch` prompts are decoded side by side.
///
/// # Errors
/// An empty or too long prompt, a token outside the vocabulary, a sampling parameter outside its range, weights that have diverged.
pub fn generate(
    model: &Decoder,
    requests: &[Request],
    sampling: &Sampling,
    draw: &dyn Fn(u64, usize, usize) -> f64,
    batch: usize,
) -> Result<Vec<Vec<Response>>, LmError> {
    check(model, requests, sampling)?;
    let _no_grad = tch::no_grad_guard();
    let layers: Vec<Layer> = (0..model.config.num_hidden_layers).map(|index| model.merged_layer(index)).collect();
    let weights = Weights { layers: &layers, head: &model.head() };
    let mut answers: Vec<Vec<Response>> = requests.iter().map(|r| vec![Response::default(); r.rows]).collect();
    // Prompts of like length side by side: less padding.
    let mut order: Vec<usize> = (0..requests.len()).filter(|&i| requests[i].rows > 0).collect();
    order.sort_by_key(|&i| (requests[i].prompt.len(), i));
    for chunk in order.chunks(batch.max(1)) {
        let mut decoder = Decoding::new(model, weights, requests, chunk, sampling.max_tokens);
        for position in 0..sampling.max_tokens {
            let rows = Rows::new(&decoder.step(position), sampling.temperature)?;
            decoder.take(&rows, sampling, draw, position, &mut answers)?;
            if !decoder.compact() {
                break;
            }
        }
    }
    Ok(answers)
}

fn check(model: &Decoder, requests: &[Request], sampling: &Sampling) -> Result<(), LmError> {
    let (vocab, limit) = (model.config.vocab_size, model.config.max_position_embeddings);
    let wrong = |name, value, range| Err(LmError::Sampling { name, value, range });
    if !(sampling.temperature >= 0.0 && sampling.temperature.is_finite()) {
        return wrong("temperature", sampling.temperature, "0 or more");
    }
    if !(sampling.top_p > 0.0 && sampling.top_p <= 1.0) {
        return wrong("top_p", sampling.top_p, "above 0 and at most 1");
    }
    for (index, request) in requests.iter().enumerate() {
        if request.prompt.is_empty() {
            return Err(LmError::EmptyPrompt { request: index });
        }
        let tokens = request.prompt.len() + sampling.max_tokens;
        if tokens > limit {
            return Err(LmError::TooLong { request: index, tokens, limit });
        }
        if let Some(&token) = request.prompt.iter().find(|&&token| token as usize >= vocab) {
            return Err(LmError::Vocabulary { request: index, token, vocab });
        }
    }
    Ok(())
}

/// The weights in the type of the passes, cast once.
#[derive(Clone, Copy)]
struct Weights<'a> {
    layers: &'a [Layer],
    /// [V, D].
    head: &'a Tensor,
}

/// Some prompts in the midst of decoding. Every prompt has the same number of slots; a slot holds a live row or idles.
struct Decoding<'a> {
    model: &'a Decoder,
    weights: Weights<'a>,
    requests: &'a [Request<'a>],
    lanes: Vec<Lane>,
    prefix: Prefix,
    own: Vec<OwnKV>,
    /// Tokens that are kept in `own`.
    seen: i64,
}

struct Lane {
    request: usize,
    slots: Vec<Slot>,
}

#[derive(Clone, Copy)]
struct Slot {
    row: usize,
    live: bool,
    token: i64,
}

/// Keys and values of the rows' own tokens in one layer [P, K, G, Tmax, d].
struct OwnKV {
    k: Tensor,
    v: Tensor,
}

impl<'a> Decoding<'a> {
    fn new(
        model: &'a Decoder,
        weights: Weights<'a>,
        requests: &'a [Request<'a>],
        chunk: &[usize],
        room: usize,
    ) -> Self {
        let width = chunk.iter().map(|&i| requests[i].rows).max().unwrap_or(0);
        let lanes: Vec<Lane> = chunk.iter().map(|&request| Lane::new(request, &requests[request], width)).collect();
        let lens: Vec<usize> = chunk.iter().map(|&i| requests[i].prompt.len() - 1).collect();
        // One column at least, for libtorch has no keys of length 0; the mask hides it.
        let longest = lens.iter().copied().max().unwrap_or(0).max(1);
        let mut tokens = vec![0i64; chunk.len() * longest];
        for (lane, &request) in chunk.iter().enumerate() {
            let prompt = &requests[request].prompt[..lens[lane]];
            for (place, &token) in tokens[lane * longest..].iter_mut().zip(prompt) {
                *place = i64::from(token);
            }
        }
        let tokens = Tensor::from_slice(&tokens).reshape([chunk.len() as i64, longest as i64]);
        let prefix = model.prefix(&tokens, &lens);
        let size = [
            chunk.len() as i64,
            model.config.num_key_value_heads as i64,
            width as i64,
            room as i64,
            model.config.head_dim as i64,
        ];
        let empty = || Tensor::zeros(size, (model.kind(), Device::Cpu));
        let own = weights.layers.iter().map(|_| OwnKV { k: empty(), v: empty() }).collect();
        Decoding { model, weights, requests, lanes, prefix, own, seen: 0 }
    }

    /// Logits [P*G, V] of the next token of every slot.
    fn step(&mut self, position: usize) -> Tensor {
        let tokens: Vec<i64> = self.lanes.iter().flat_map(|lane| lane.slots.iter().map(|slot| slot.token)).collect();
        let tokens = Tensor::from_slice(&tokens).reshape([self.lanes.len() as i64, -1, 1]);
        let angles = self.model.angles_at(&self.prefix.lens, position);
        let mut x = self.model.embed(&tokens);
        let (at, config, mask) = (self.seen, &self.model.config, self.prefix.mask.as_ref());
        for ((layer, past), own) in self.weights.layers.iter().zip(&self.prefix.layers).zip(&self.own) {
            x = self.model.block(layer, &x, &angles, |q, k, v| {
                own.k.narrow(3, at, 1).copy_(&by_head(k));
                own.v.narrow(3, at, 1).copy_(&by_head(v));
                shared(config, q, past, mask, (&own.k.narrow(3, 0, at + 1), &own.v.narrow(3, 0, at + 1)), None)
            });
        }
        self.seen += 1;
        let hidden = self.model.last_norm(&x);
        let hidden = hidden.reshape([-1, self.model.config.hidden_size as i64]);
        hidden.linear::<&Tensor>(self.weights.head, None).to_kind(Kind::Float)
    }

    /// Draws a token for every live slot and writes it to its answer.
    fn take(
        &mut self,
        rows: &Rows,
        sampling: &Sampling,
        draw: &dyn Fn(u64, usize, usize) -> f64,
        position: usize,
        answers: &mut [Vec<Response>],
    ) -> Result<(), LmError> {
        let mut number = 0;
        for lane in &mut self.lanes {
            let (request, key) = (lane.request, self.requests[lane.request].key);
            for slot in &mut lane.slots {
                number += 1;
                if !slot.live {
                    continue;
                }
                let uniform = draw(key, slot.row, position);
                let choice = rows.choose(number - 1, sampling, uniform);
                let choice = choice.ok_or(LmError::NotFinite { request, position })?;
                let answer = &mut answers[request][slot.row];
                answer.tokens.push(choice.token);
                answer.logprobs.push(choice.logprob);
                answer.entropies.push(choice.entropy);
                answer.entropies_one.push(choice.entropy_one);
                answer.slopes.push(choice.slope);
                answer.finished = i64::from(choice.token) == sampling.eos;
                (slot.live, slot.token) = (!answer.finished, i64::from(choice.token));
            }
        }
        Ok(())
    }

    /// Lets finished prompts and rows leave once an eighth of the slots would be saved (the copy costs about as much as a step).
    /// False when nothing is left to decode.
    fn compact(&mut self) -> bool {
        let stay: Vec<usize> = (0..self.lanes.len()).filter(|&lane| self.lanes[lane].live() > 0).collect();
        let width = self.lanes.iter().map(Lane::live).max().unwrap_or(0);
        let old = self.lanes.first().map_or(0, |lane| lane.slots.len());
        if width > 0 && 8 * width * stay.len() <= 7 * old * self.lanes.len() {
            self.keep(&stay, width, old);
        }
        width > 0
    }

    fn keep(&mut self, stay: &[usize], width: usize, old: usize) {
        let heads = self.model.config.num_key_value_heads;
        let kept: Vec<Vec<usize>> = stay.iter().map(|&lane| self.lanes[lane].keep(width)).collect();
        let mut rows = Vec::with_capacity(stay.len() * heads * width);
        for (&lane, kept) in stay.iter().zip(&kept) {
            for head in 0..heads {
                rows.extend(kept.iter().map(|&slot| ((lane * heads + head) * old + slot) as i64));
            }
        }
        let rows = Tensor::from_slice(&rows);
        for own in &mut self.own {
            own.select(&rows, stay.len(), width, self.seen);
        }
        if stay.len() < self.lanes.len() {
            self.prefix.select(stay, heads);
        }
        let mut lanes: Vec<Option<Lane>> = std::mem::take(&mut self.lanes).into_iter().map(Some).collect();
        for (&lane, kept) in stay.iter().zip(&kept) {
            let Lane { request, slots } = lanes[lane].take().expect("a lane stays once");
            self.lanes.push(Lane { request, slots: kept.iter().map(|&slot| slots[slot]).collect() });
        }
    }
}

impl Lane {
    /// Rows of a request; slots beyond them idle.
    fn new(index: usize, request: &Request, width: usize) -> Self {
        let token = request.prompt.last().map_or(0, |&token| i64::from(token));
        Lane { request: index, slots: (0..width).map(|row| Slot { row, live: row < request.rows, token }).collect() }
    }

    fn live(&self) -> usize {
        self.slots.iter().filter(|slot| slot.live).count()
    }

    /// `width` slots: all live ones, then idle ones to fill up.
    fn keep(&self, width: usize) -> Vec<usize> {
        let mut slots: Vec<usize> = (0..self.slots.len()).collect();
        slots.sort_by_key(|&slot| !self.slots[slot].live);
        slots.truncate(width);
        slots
    }
}

impl OwnKV {
    /// Keeps `rows` of the flattened [P*K*G] and their first `seen` tokens.
    fn select(&mut self, rows: &Tensor, lanes: usize, width: usize, seen: i64) {
        for tensor in [&mut self.k, &mut self.v] {
            let size = tensor.size();
            let (heads, room, d) = (size[1], size[3], size[4]);
            let old = tensor.view([-1, room, d]).narrow(1, 0, seen).index_select(0, rows);
            let fresh = Tensor::zeros([lanes as i64, heads, width as i64, room, d], (tensor.kind(), Device::Cpu));
            fresh.narrow(3, 0, seen).copy_(&old.view([lanes as i64, heads, width as i64, seen, d]));
            *tensor = fresh;
        }
    }
}

impl Prefix {
    /// Keeps the prompts `stay`.
    fn select(&mut self, stay: &[usize], heads: usize) {
        let prompts = Tensor::from_slice(&stay.iter().map(|&p| p as i64).collect::<Vec<_>>());
        for layer in &mut self.layers {
            *layer = SharedKV {
                k_PKTd: layer.k_PKTd.index_select(0, &prompts),
                v_PKTd: layer.v_PKTd.index_select(0, &prompts),
            };
        }
        if let Some(mask) = &self.mask {
            let rows: Vec<i64> = stay.iter().flat_map(|&p| (0..heads).map(move |k| (p * heads + k) as i64)).collect();
            self.mask = Some(mask.index_select(0, &Tensor::from_slice(&rows)));
        }
        self.lens = stay.iter().map(|&p| self.lens[p]).collect();
    }
}
