//! A pass whose layers are computed again on the way back: between the two ways only the stream before each layer is kept, so that memory
//! holds one layer's activations and not all of them, for a third more products.
//!
//! Prompts and their continuations go through each layer together: the continuations of a layer need nothing of the prompts but that
//! layer's keys and values. So a layer is a function of two streams, and its gradient is taken by itself: the layer is computed again with
//! gradients, and the sum of its outputs, weighted by the gradients that came back, is differentiated.

use super::attention::{SharedKV, by_head, causal, own_causal, pad_mask, shared};
use super::packed::{Packing, SAFE_SCORE};
use super::rope::Angles;
use super::{Decoder, decoder};
use tch::{Kind, Tensor};

/// Hidden states of continuations after the final norm, as a leaf of whatever comes after them.
pub struct Hidden<'a> {
    /// [N, D], in the order of prompts, rows and tokens; requires gradients.
    pub states: Tensor,
    way: Way<'a>,
}

enum Way<'a> {
    /// The states that the graph of the whole pass ends in.
    Graph(Tensor),
    Again(Box<Again<'a>>),
}

/// What is kept of a pass to compute its layers again.
struct Again<'a> {
    model: &'a Decoder,
    prompts_PT: Tensor,
    tokens: Tensor,
    attention: Attention,
    /// Streams of prompts and continuations before each layer, and after the last.
    streams: Vec<[Tensor; 2]>,
}

/// How continuations attend, and where their tokens stand.
struct Attention {
    before: Angles,
    own: Angles,
    rows: Rows,
}

enum Rows {
    Packed {
        packing: Packing,
        real_PT1: Tensor,
    },
    /// Padded rows, with the places of real tokens among them.
    Padded {
        mask: Option<Tensor>,
        own_mask: Tensor,
        real: Tensor,
    },
}

impl Decoder {
    /// Hidden states of continuations, `rows[p]` those of prompt p, as [`Decoder::continuations_packed`] gives them, cut off from the graph
    /// that made them: [`Hidden::backward`] takes gradients on. With `again` layers are computed twice and the graph is never whole.
    pub fn hidden<'a>(&'a self, prompts_PT: &Tensor, lens: &[usize], rows: &[Vec<&[u32]>], again: bool) -> Hidden<'a> {
        let leaf = |states: &Tensor| states.detach().set_requires_grad(true);
        if !again {
            let states = self.continuations_packed(&self.prefix(prompts_PT, lens), rows);
            return Hidden { states: leaf(&states), way: Way::Graph(states) };
        }
        let again = Again::new(self, prompts_PT, lens, rows);
        let states = tch::no_grad(|| again.last(&again.streams[again.streams.len() - 1][1]));
        Hidden { states: leaf(&states), way: Way::Again(Box::new(again)) }
    }
}

impl Hidden<'_> {
    /// Adds to the gradients of the parameters what follows from the gradient [N, D] of the states.
    pub fn backward(&self, gradient: &Tensor) {
        match &self.way {
            Way::Graph(states) => weighted(states, gradient).backward(),
            Way::Again(again) => again.backward(gradient),
        }
    }
}

/// The sum whose gradient in `output` is `gradient`.
fn weighted(output: &Tensor, gradient: &Tensor) -> Tensor {
    (output * gradient.to_kind(output.kind())).sum(Kind::Float)
}

impl<'a> Again<'a> {
    fn new(model: &'a Decoder, prompts_PT: &Tensor, lens: &[usize], rows: &[Vec<&[u32]>]) -> Self {
        let (attention, tokens) = Attention::new(model, prompts_PT.size()[1] as usize, lens, rows);
        let streams = Vec::with_capacity(model.config.num_hidden_layers + 1);
        let mut again = Again { model, prompts_PT: prompts_PT.shallow_clone(), tokens, attention, streams };
        tch::no_grad(|| {
            again.streams.push([model.embed(&again.prompts_PT), model.embed(&again.tokens)]);
            for index in 0..model.config.num_hidden_layers {
                let next = again.layer(index, &again.streams[index]);
                again.streams.push(next);
            }
        });
        again
    }

    /// Both streams after a layer. What the last layer makes of the prompts is read by nobody.
    fn layer(&self, index: usize, [x, own]: &[Tensor; 2]) -> [Tensor; 2] {
        let (layer, pass) = (self.model.layer(index), self.model.pass());
        let unit = layer.enter(x, pass.eps);
        let (k, v) = layer.keys(&unit, &self.attention.before, &pass);
        let kv = SharedKV { k_PKTd: k.transpose(1, 2).contiguous(), v_PKTd: v.transpose(1, 2).contiguous() };
        let prompts = if index + 1 < self.model.config.num_hidden_layers {
            let q = layer.queries(&unit, &self.attention.before, &pass);
            layer.finish(x, &causal(&self.model.config, &q, &kv), pass.eps)
        } else {
            x.detach()
        };
        let attend = |q: &Tensor, k: &Tensor, v: &Tensor| self.attention.attend(self.model, [q, k, v], &kv);
        [prompts, self.model.block(&layer, own, &self.attention.own, attend)]
    }

    /// Final states of the real tokens [N, D] from the stream of the continuations.
    fn last(&self, own: &Tensor) -> Tensor {
        let flat = own.reshape([-1, self.model.config.hidden_size as i64]);
        let real = match &self.attention.rows {
            Rows::Packed { packing, .. } => packing.real.as_ref(),
            Rows::Padded { real, .. } => Some(real),
        };
        self.model.last_norm(&real.map_or_else(|| flat.shallow_clone(), |real| flat.index_select(0, real)))
    }

    fn backward(&self, gradient: &Tensor) {
        let leaf = |stream: &Tensor| stream.detach().set_requires_grad(true);
        let own = leaf(&self.streams[self.streams.len() - 1][1]);
        weighted(&self.last(&own), gradient).backward();
        let (mut above, mut prompts_above) = (own.grad(), None);
        for index in (0..self.model.config.num_hidden_layers).rev() {
            let streams = [leaf(&self.streams[index][0]), leaf(&self.streams[index][1])];
            let [prompts, own] = self.layer(index, &streams);
            let mut sum = weighted(&own, &above);
            if let Some(gradient) = &prompts_above {
                sum += weighted(&prompts, gradient);
            }
            sum.backward();
            above = streams[1].grad();
            prompts_above = Some(streams[0].grad());
        }
        let mut sum = weighted(&self.model.embed(&self.tokens), &above);
        if let Some(gradient) = &prompts_above {
            sum += weighted(&self.model.embed(&self.prompts_PT), gradient);
        }
        // Frozen embeddings end here.
        if sum.requires_grad() {
            sum.backward();
        }
    }
}

impl Attention {
    /// The attention of these rows, and their tokens as it wants them.
    fn new(model: &Decoder, width: usize, lens: &[usize], rows: &[Vec<&[u32]>]) -> (Attention, Tensor) {
        let before = model.rope.start(width as i64);
        let largest = |index: usize| model.layer(index).largest_score(model.config.head_dim);
        let layers = 0..model.config.num_hidden_layers;
        if model.kind() == Kind::Float && tch::no_grad(|| layers.into_iter().all(|index| largest(index) <= SAFE_SCORE))
        {
            let packing = Packing::new(&model.config, rows, lens);
            let own = model.rope.at(&packing.places, &[packing.shape[0], packing.shape[1], 1, -1]);
            let (tokens, real_PT1) = (packing.tokens_PN.shallow_clone(), decoder::real_tokens(width, lens));
            return (Attention { before, own, rows: Rows::Packed { packing, real_PT1 } }, tokens);
        }
        let (tokens, real) = decoder::padded(rows);
        let length = tokens.size()[2];
        let rows = Rows::Padded {
            mask: pad_mask(&model.config, lens, width, model.kind()),
            own_mask: own_causal(&model.config, length, model.kind()),
            real,
        };
        (Attention { before, own: model.rope.after(lens, 0, length as usize), rows }, tokens)
    }

    fn attend(&self, model: &Decoder, [q, k, v]: [&Tensor; 3], prompts: &SharedKV) -> Tensor {
        match &self.rows {
            Rows::Packed { packing, real_PT1 } => packing.attend(&model.config, (q, k, v), prompts, real_PT1),
            Rows::Padded { mask, own_mask, .. } => {
                shared(&model.config, q, prompts, mask.as_ref(), (&by_head(k), &by_head(v)), Some(own_mask))
            }
        }
    }
}
