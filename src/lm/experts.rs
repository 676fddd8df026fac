//! A mixture of experts: each token goes through the few blocks that its router gives the largest probability.

use super::layer::SwiGlu;
use std::cell::RefCell;
use tch::{Kind, Tensor};

/// The experts of a layer.
pub(super) struct Experts {
    /// [E, D].
    pub router: Tensor,
    pub blocks: Vec<SwiGlu>,
    /// Experts a token.
    pub top: i64,
    /// Whether the chosen probabilities are scaled to sum to one.
    pub normalised: bool,
    /// Tokens that each expert got since the load was last taken.
    pub load: std::rc::Rc<RefCell<Vec<u64>>>,
}

impl Experts {
    /// Sum of the chosen experts' outputs, weighted by their probabilities: [.., D] to [.., D].
    ///
    /// Tokens are sorted by expert, so that each expert is one product over its own; then put back and summed in the order of their
    /// rank, which no batch changes.
    pub(super) fn forward(&self, x: &Tensor) -> Tensor {
        let size = x.size();
        let width = size[size.len() - 1];
        let x = x.reshape([-1, width]);
        let (weights, chosen) = self.choose(&x);
        let (_, order) = chosen.reshape([-1]).sort_stable(true, 0, false);
        let counts = self.count(&chosen);
        let tokens = order.divide_scalar_mode(self.top, "floor");
        let mut outputs = Vec::new();
        let mut at = 0;
        for (block, &count) in self.blocks.iter().zip(&counts) {
            if count > 0 {
                outputs.push(block.forward(&x.index_select(0, &tokens.narrow(0, at, count))));
                at += count;
            }
        }
        let back = order.argsort(0, false);
        let ranked = Tensor::cat(&outputs, 0).index_select(0, &back).view([-1, self.top, width]);
        let weights = weights.to_kind(x.kind()).unsqueeze(-1);
        (ranked * weights).sum_dim_intlist(&[1i64][..], false, None).reshape(&size[..])
    }

    /// Weights (f32) and numbers of the chosen experts, both [N, top].
    fn choose(&self, x: &Tensor) -> (Tensor, Tensor) {
        let logits = x.linear::<&Tensor>(&self.router, None);
        let (weights, chosen) = logits.softmax(-1, Kind::Float).topk(self.top, -1, true, true);
        if self.normalised {
            let sum = weights.sum_dim_intlist(&[-1i64][..], true, None);
            return (weights / sum, chosen);
        }
        (weights, chosen)
    }

    /// Tokens of each expert.
    fn count(&self, chosen: &Tensor) -> Vec<i64> {
        let counts = chosen.reshape([-1]).bincount::<&Tensor>(None, self.blocks.len() as i64);
        let counts = Vec::<i64>::try_from(counts).expect("counts are whole numbers in one row");
        let mut load = self.load.borrow_mut();
        load.resize(counts.len(), 0);
        load.iter_mut().zip(&counts).for_each(|(sum, &count)| *sum += count as u64);
        counts
    }
}
