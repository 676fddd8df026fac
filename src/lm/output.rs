//! The output layer streamed over the vocabulary: log-probabilities, entropies and their gradients without the matrix of logits, which for
//! some thousand tokens over 49,152 entries would be the largest thing of a pass by far. The work is [`longlab_kernels::head`]'s.

use super::recompute::Hidden;
use super::{Decoder, LmError};
use longlab_kernels::head::{Gradient, Head, Isa, Options, Values, Workspace, forward, forward_backward};
use tch::{Kind, Tensor};

/// Vocabularies above this are streamed.
const LARGE: usize = 8192;

/// Rows of logits whose largest is sought at once.
const ROWS: i64 = 512;

/// Hidden states before the output layer, with the token that each should predict.
pub struct Output<'a> {
    model: &'a Decoder,
    hidden: Hidden<'a>,
    /// Places [N] of the states that predict something.
    places: Tensor,
    targets: Vec<u32>,
    options: Options,
}

/// Numbers of each target.
pub struct Numbers {
    /// Log-probabilities, nats.
    pub logp: Vec<f32>,
    /// Entropies of the distributions, nats.
    pub entropy: Vec<f32>,
}

impl Decoder {
    /// Whether its vocabulary is large enough to be streamed over.
    pub fn is_streamed(&self) -> bool {
        self.config.vocab_size > LARGE
    }
}

impl<'a> Output<'a> {
    /// The states at `places` predict `targets`, with logits divided by `temperature`.
    pub fn new(
        model: &'a Decoder,
        hidden: Hidden<'a>,
        places: &[i64],
        targets: Vec<u32>,
        temperature: f64,
    ) -> Output<'a> {
        let threads = tch::get_num_threads().max(1) as usize;
        let options = Options { temperature: temperature as f32, threads, isa: Isa::best(), ..Options::default() };
        Output { model, hidden, places: Tensor::from_slice(places), targets, options }
    }

    /// Log-probability and entropy of each target.
    ///
    /// # Errors
    /// A temperature that logits cannot be divided by.
    pub fn numbers(&self) -> Result<Numbers, LmError> {
        let mut numbers = self.empty();
        if !self.targets.is_empty() {
            let (states, head) = self.operands();
            let mut space = Workspace::default();
            forward(&self.head(&states, &head), &self.options, &mut space, &mut numbers.logp, &mut numbers.entropy)?;
        }
        Ok(numbers)
    }

    /// Most probable entry at each target's place.
    pub fn best(&self) -> Vec<u32> {
        let _no_grad = tch::no_grad_guard();
        let (states, head) = self.operands();
        let mut best = Vec::with_capacity(self.targets.len());
        for chunk in states.split(ROWS, 0) {
            let found = chunk.linear::<&Tensor>(&head, None).argmax(-1, false);
            let mut tokens = vec![0i64; found.numel()];
            found.copy_data(&mut tokens, found.numel());
            best.extend(tokens.into_iter().map(|token| token as u32));
        }
        best
    }

    /// Adds to the gradients of the parameters that of the sum of `logp` times log-probability and `entropy` times entropy. An empty
    /// `entropy` stands for zeros.
    ///
    /// # Errors
    /// See [`Output::numbers`].
    pub fn backward(&self, logp: &[f32], entropy: &[f32]) -> Result<Numbers, LmError> {
        let mut numbers = self.empty();
        if self.targets.is_empty() {
            return Ok(numbers);
        }
        let (states, head) = self.operands();
        let gradient = |tensor: &Tensor| Tensor::zeros_like(tensor).to_kind(Kind::Float);
        let (to_states, to_head) = (gradient(&states), gradient(&head));
        let upstream = |tokens: std::ops::Range<usize>, _: &[f32], _: &[f32], p: &mut [f32], e: &mut [f32]| {
            p.copy_from_slice(&logp[tokens.clone()]);
            if !entropy.is_empty() {
                e.copy_from_slice(&entropy[tokens]);
            }
        };
        forward_backward(
            &self.head(&states, &head),
            &self.options,
            &mut Workspace::default(),
            &mut numbers.logp,
            &mut numbers.entropy,
            upstream,
            [Gradient::F32(floats_mut(&to_states)), Gradient::F32(floats_mut(&to_head))],
        )?;
        self.take(&to_states, &to_head);
        Ok(numbers)
    }

    fn take(&self, to_states: &Tensor, to_head: &Tensor) {
        let parameter = self.model.head_parameter();
        if parameter.requires_grad() {
            (parameter * to_head).sum(Kind::Float).backward();
        }
        let all = Tensor::zeros_like(&self.hidden.states).to_kind(Kind::Float);
        self.hidden.backward(&all.index_add(0, &self.places, to_states));
    }

    /// States [N, D] and output matrix [V, D], contiguous and of one type.
    fn operands(&self) -> (Tensor, Tensor) {
        let _no_grad = tch::no_grad_guard();
        (self.hidden.states.index_select(0, &self.places).contiguous(), self.model.head().contiguous())
    }

    fn head<'t>(&'t self, states: &'t Tensor, head: &'t Tensor) -> Head<'t> {
        Head {
            hidden: values(states),
            weights: values(head),
            width: self.model.config.hidden_size,
            targets: &self.targets,
        }
    }

    fn empty(&self) -> Numbers {
        Numbers { logp: vec![0.0; self.targets.len()], entropy: vec![0.0; self.targets.len()] }
    }
}

/// The numbers of a contiguous CPU tensor of f32 or bf16.
fn values(tensor: &Tensor) -> Values<'_> {
    assert!(tensor.is_contiguous() && tensor.device() == tch::Device::Cpu, "operands are made contiguous on the CPU");
    let (data, count) = (tensor.data_ptr(), tensor.numel());
    // SAFETY: a contiguous CPU tensor has `count` numbers of its type at `data`, which live as long as it and are not written to while
    // the borrow lasts: nobody else holds the tensor.
    unsafe {
        match tensor.kind() {
            Kind::BFloat16 => Values::Bf16(std::slice::from_raw_parts(data.cast(), count)),
            kind => {
                assert_eq!(kind, Kind::Float, "a pass computes in f32 or bf16");
                Values::F32(std::slice::from_raw_parts(data.cast(), count))
            }
        }
    }
}

/// The numbers of a fresh f32 tensor on the CPU, to be written.
#[allow(clippy::mut_from_ref)]
fn floats_mut(tensor: &Tensor) -> &mut [f32] {
    assert!(tensor.is_contiguous() && tensor.kind() == Kind::Float, "gradients are made contiguous in f32");
    // SAFETY: as in `values`; the tensor was made by the caller, who borrows its numbers once.
    unsafe { std::slice::from_raw_parts_mut(tensor.data_ptr().cast(), tensor.numel()) }
}
