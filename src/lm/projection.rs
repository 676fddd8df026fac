//! A linear map of a layer: a matrix, and the two thin ones that are learned beside it where it is frozen.

use tch::Tensor;

/// `x W^T`, or `x W^T + (x A^T) B^T`.
pub(super) struct Projection {
    /// [out, in].
    weight: Tensor,
    beside: Option<Beside>,
}

/// What an adapter adds.
pub(super) struct Beside {
    /// [r, in], with the scale `alpha / r` in it.
    pub a: Tensor,
    /// [out, r].
    pub b: Tensor,
}

impl Projection {
    pub(super) fn new(weight: Tensor, beside: Option<Beside>) -> Self {
        Projection { weight, beside }
    }

    /// The projection that follows a norm of this weight, with the weight multiplied into it where it is folded.
    pub(super) fn after(self, norm: &Tensor, folded: bool) -> Self {
        if !folded {
            return self;
        }
        let beside = self.beside.map(|Beside { a, b }| Beside { a: a * norm, b });
        Projection { weight: self.weight * norm, beside }
    }

    /// One matrix for both, for passes that are many and small: each saves two thin products.
    pub(super) fn merged(self) -> Self {
        let weight = match self.beside {
            Some(Beside { a, b }) => self.weight + b.matmul(&a),
            None => self.weight,
        };
        Projection { weight, beside: None }
    }

    /// What it makes of x [.., in]: [.., out].
    pub(super) fn of(&self, x: &Tensor) -> Tensor {
        let Some(Beside { a, b }) = &self.beside else {
            return x.linear::<&Tensor>(&self.weight, None);
        };
        let mut size = x.size();
        let inputs = size.pop().expect("activations have a width");
        size.push(b.size()[0]);
        // Gradients of the frozen matrix are never computed, nor is the sum of the matrices: a third of the products of a pass.
        let rows = x.reshape([-1, inputs]);
        let own = rows.linear::<&Tensor>(&self.weight, None);
        own.addmm(&rows.linear::<&Tensor>(a, None), &b.transpose(0, 1)).view(&size[..])
    }
}
