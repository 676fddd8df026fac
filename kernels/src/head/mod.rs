//! The output head of a language model, streamed: log-probability and entropy of each token and both gradients, without
//! the matrix of logits.
//!
//! Hidden states h [tokens, width] and output matrix W [vocabulary, width] in; with y = h W^T / T, p = softmax(y) and
//! target v of each token:
//!
//! ```text
//! logp    = y_v - ln sum_w exp(y_w)                                                      nats
//! entropy = H = -sum_w p_w ln p_w = ln sum_w exp(y_w) - sum_w p_w y_w                    nats
//! dJ/dlogit_w = [ dJ/dlogp (1{w = v} - p_w) - dJ/dentropy p_w (ln p_w + H) ] / T         logit = y T
//! dJ/dh = dJ/dlogit W        dJ/dW = (dJ/dlogit)^T h
//! ```
//!
//! | call | passes over W | products of tokens x width x vocabulary |
//! |---|---|---|
//! | [`forward`] | 1 a block | 1 |
//! | [`forward_backward`], exponentials kept | 2 a block | 3 |
//! | [`forward_backward`], nothing kept | 2 a block | 4 |
//! | [`backward`] | as [`forward_backward`] | as [`forward_backward`] |
//!
//! The logits of 32 tokens and a panel of at most 512 entries of the vocabulary exist at a time, in the cache, and in f32
//! whatever the inputs are. For the backward pass either each panel's exp(y - max) stays, in bf16 (f32 inputs: the logits
//! in f32), for one block of tokens of at most [`Options::kept_bytes`]; or the logits are computed again. Fused
//! cross-entropy kernels made the idea common (Liger, arXiv 2410.10989; Cut Cross-Entropy, arXiv 2411.09009, which keeps
//! nothing); here the entropy, its gradient and an upstream gradient for each token come with it, as policy gradients
//! need them.
//!
//! ```
//! use longlab_kernels::head::{Gradient, Head, Options, Values, Workspace, forward_backward};
//! // One token, width 1, vocabulary 2, logits ln 3 and 0: probabilities 3/4 and 1/4.
//! let hidden = [3.0f32.ln()];
//! let weights = [1.0f32, 0.0];
//! let head = Head { hidden: Values::F32(&hidden), weights: Values::F32(&weights), width: 1, targets: &[0] };
//! let (mut logp, mut entropy) = ([0.0], [0.0]);
//! let (mut dh, mut dw) = ([0.0], [0.0; 2]);
//! // J = logp: dJ/dlogits are 1 - 3/4 and -1/4.
//! let upstream = |_: std::ops::Range<usize>, _: &[f32], _: &[f32], dlogp: &mut [f32], _: &mut [f32]| dlogp.fill(1.0);
//! let out = [Gradient::F32(&mut dh), Gradient::F32(&mut dw)];
//! let mut space = Workspace::default();
//! forward_backward(&head, &Options::default(), &mut space, &mut logp, &mut entropy, upstream, out)?;
//! assert!((logp[0] - 0.75f32.ln()).abs() < 1e-6 && (entropy[0] - 0.562335).abs() < 1e-6);
//! assert!((dh[0] - 0.25).abs() < 1e-6 && (dw[0] - 0.25 * 3.0f32.ln()).abs() < 1e-6 && (dw[1] + dw[0]).abs() < 1e-6);
//! # Ok::<(), longlab_kernels::head::HeadError>(())
//! ```

pub(crate) mod isa;
pub(crate) mod lanes;
mod pass;
mod plan;
mod rows;
#[cfg(test)]
mod tests;

pub use isa::Isa;
use pass::{Block, Found, Given, Hidden, Kept, Scratch, Softmax};
use plan::Plan;
use std::ops::Range;
use thiserror::Error;

/// A matrix in memory, row after row.
#[derive(Clone, Copy, Debug)]
pub enum Values<'a> {
    /// f32; products are summed in f32.
    F32(&'a [f32]),
    /// bf16 as bit patterns (the upper half of an f32's); products are summed in f32.
    Bf16(&'a [u16]),
}

impl Values<'_> {
    /// Numbers in the matrix.
    pub fn len(&self) -> usize {
        match self {
            Values::F32(values) => values.len(),
            Values::Bf16(values) => values.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Where a gradient goes; what was there before is overwritten. It is summed in f32 in either case.
#[derive(Debug)]
pub enum Gradient<'a> {
    /// f32
    F32(&'a mut [f32]),
    /// bf16 bit patterns, rounded once at the end.
    Bf16(&'a mut [u16]),
}

impl Gradient<'_> {
    /// Numbers in the matrix.
    pub fn len(&self) -> usize {
        match self {
            Gradient::F32(values) => values.len(),
            Gradient::Bf16(values) => values.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Parts that end where `ends` says.
    fn parts(&mut self, ends: &[usize]) -> Vec<Gradient<'_>> {
        fn cut<'s, T>(slice: &'s mut [T], ends: &[usize]) -> Vec<&'s mut [T]> {
            let (mut rest, mut at) = (slice, 0);
            let mut parts = Vec::with_capacity(ends.len());
            for &end in ends {
                let (part, after) = rest.split_at_mut(end - at);
                parts.push(part);
                (rest, at) = (after, end);
            }
            parts
        }
        match self {
            Gradient::F32(values) => cut(values, ends).into_iter().map(Gradient::F32).collect(),
            Gradient::Bf16(values) => cut(values, ends).into_iter().map(Gradient::Bf16).collect(),
        }
    }

    /// Part of a row.
    fn put(&mut self, isa: Isa, at: Range<usize>, strip: &[f32], add: bool) {
        match self {
            Gradient::F32(values) => isa::flush(isa, &mut values[at], strip, add),
            Gradient::Bf16(values) => isa::round(isa, &mut values[at], strip),
        }
    }
}

/// The inputs.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// Hidden states, [tokens, width].
    pub hidden: Values<'a>,
    /// Output matrix, [vocabulary, width], in the type of the hidden states.
    pub weights: Values<'a>,
    /// Numbers in a hidden state.
    pub width: usize,
    /// One entry of the vocabulary a token.
    pub targets: &'a [u32],
}

impl Head<'_> {
    /// Number of tokens.
    pub fn tokens(&self) -> usize {
        self.targets.len()
    }

    /// Entries of the vocabulary.
    pub fn vocabulary(&self) -> usize {
        self.weights.len() / self.width.max(1)
    }
}

/// How a head is computed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// T: logits are divided by it. Finite and above 0, so that the largest logit stays the largest.
    pub temperature: f32,
    /// Threads, at least 1; no more are started than there is work for. Results do not depend on it, bit for bit. The
    /// backward pass has work for at most 8.
    pub threads: usize,
    /// Instructions of the inner loops. Results of different sets differ in the last bits.
    pub isa: Isa,
    /// Most bytes of logits or their exponentials kept between the passes of [`forward_backward`]. More mean longer blocks
    /// of tokens, each of which reads W twice and adds to its whole gradient. 0: nothing is kept, logits are computed
    /// twice.
    pub kept_bytes: usize,
}

impl Default for Options {
    /// Temperature 1, one thread, the best instructions, 128 MiB.
    fn default() -> Self {
        Options { temperature: 1.0, threads: 1, isa: Isa::best(), kept_bytes: 128 << 20 }
    }
}

/// Inputs that no head can be computed of.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum HeadError {
    /// There are no tokens, the width is 0, or the output matrix has no row.
    #[error("{what} is 0; give at least one")]
    Empty {
        /// `tokens`, `width` or `vocabulary`.
        what: &'static str,
    },
    /// A slice has another length than the shapes ask for.
    #[error("{operand} has {got} numbers, expected {expected}: {rows} rows of {columns}")]
    Shape {
        /// Which one.
        operand: &'static str,
        /// Its length.
        got: usize,
        /// The length it should have.
        expected: usize,
        /// Rows that were expected.
        rows: usize,
        /// Columns that were expected.
        columns: usize,
    },
    /// Hidden states are f32 and the output matrix bf16, or the other way round.
    #[error("hidden states and output matrix differ in type; give both as f32 or both as bf16")]
    Types,
    /// A target is no entry of the vocabulary.
    #[error("target of token {token} is {target}; the vocabulary has {vocabulary} entries, counted from 0")]
    Target {
        /// Position of the token.
        token: usize,
        /// Its target.
        target: u32,
        /// Entries of the vocabulary.
        vocabulary: usize,
    },
    /// The temperature is 0, negative, NaN or infinite, or too small to divide by.
    #[error("temperature is {value}; it is finite and above 0, and so is what 1 over it gives")]
    Temperature {
        /// The temperature.
        value: f32,
    },
    /// No thread is to do the work.
    #[error("0 threads; give at least one")]
    Threads,
    /// The machine lacks the instructions.
    #[error("{isa:?} is not available here; the best that is is {best:?}")]
    Unavailable {
        /// What was asked for.
        isa: Isa,
        /// What there is.
        best: Isa,
    },
}

/// Memory that calls share, so that the second one finds it in place. It grows to the largest call.
#[derive(Default)]
pub struct Workspace {
    hidden: Hidden,
    found: Vec<Found>,
    kept: Kept,
    softmax: Vec<Softmax>,
    sums: Vec<isa::Row>,
    upstream: [Vec<f32>; 2],
    scratch: Vec<Scratch>,
}

impl std::fmt::Debug for Workspace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Workspace").field("threads", &self.scratch.len()).finish_non_exhaustive()
    }
}

impl Workspace {
    fn threads(&mut self, threads: usize) {
        if self.scratch.len() < threads {
            self.scratch.resize_with(threads, Scratch::default);
        }
    }
}

/// Log-probability of each token's target and entropy of each token's distribution, in nats.
///
/// ```
/// use longlab_kernels::head::{Head, Options, Values, Workspace, forward};
/// // Two tokens of a uniform distribution over four entries: ln 1/4 and ln 4, at any temperature.
/// let head = Head { hidden: Values::F32(&[1.0, 2.0]), weights: Values::F32(&[0.5; 4]), width: 1, targets: &[0, 3] };
/// let (mut logp, mut entropy) = ([0.0; 2], [0.0; 2]);
/// let options = Options { temperature: 0.5, ..Options::default() };
/// forward(&head, &options, &mut Workspace::default(), &mut logp, &mut entropy)?;
/// assert!(logp.iter().zip(entropy).all(|(logp, entropy)| (logp + 4f32.ln()).abs() < 1e-6 && (logp + entropy).abs() < 1e-6));
/// # Ok::<(), longlab_kernels::head::HeadError>(())
/// ```
///
/// # Errors
/// See [`HeadError`]. NaN and infinities in the inputs are no error; they come out as NaN.
pub fn forward(
    head: &Head<'_>,
    options: &Options,
    space: &mut Workspace,
    logp: &mut [f32],
    entropy: &mut [f32],
) -> Result<(), HeadError> {
    check(head, options)?;
    check_tokens(head, &[("logp", logp), ("entropy", entropy)])?;
    let plan =
        Plan::new(head.weights, head.width, head.vocabulary(), head.tokens(), &Options { kept_bytes: 0, ..*options });
    for from in (0..head.tokens()).step_by(plan.block) {
        let tokens = from..(from + plan.block).min(head.tokens());
        let block = block(head, options, plan, tokens.clone());
        space.first_pass(&block, head, from, false, options.threads);
        space.tell(&mut logp[tokens.clone()], &mut entropy[tokens]);
    }
    Ok(())
}

/// The forward pass and both gradients of any J of the log-probabilities and entropies.
///
/// Tokens come in blocks. When a block's `logp` and `entropy` are known,
/// `upstream(tokens, logp, entropy, dlogp, dentropy)` is called with its range of tokens and writes dJ/dlogp and
/// dJ/dentropy of each (both are 0 before). `gradients` are those of hidden states and output matrix.
///
/// With the output matrix's gradient in bf16 and more than one block, nothing is kept and all tokens are one block, so
/// that each number is rounded once.
///
/// # Errors
/// See [`HeadError`]. NaN and infinities in the inputs are no error; they come out as NaN.
pub fn forward_backward(
    head: &Head<'_>,
    options: &Options,
    space: &mut Workspace,
    logp: &mut [f32],
    entropy: &mut [f32],
    mut upstream: impl FnMut(Range<usize>, &[f32], &[f32], &mut [f32], &mut [f32]),
    gradients: [Gradient<'_>; 2],
) -> Result<(), HeadError> {
    check(head, options)?;
    check_tokens(head, &[("logp", logp), ("entropy", entropy)])?;
    check_gradients(head, &gradients)?;
    let [mut hidden, mut weights] = gradients;
    let size = if matches!(weights, Gradient::Bf16(_)) { Plan::in_one } else { Plan::new };
    let plan = size(head.weights, head.width, head.vocabulary(), head.tokens(), options);
    for from in (0..head.tokens()).step_by(plan.block) {
        let tokens = from..(from + plan.block).min(head.tokens());
        let block = block(head, options, plan, tokens.clone());
        space.first_pass(&block, head, from, true, options.threads);
        let (logp, entropy) = (&mut logp[tokens.clone()], &mut entropy[tokens.clone()]);
        space.tell(logp, entropy);
        let [dlogp, dentropy] = &mut space.upstream;
        for up in [&mut *dlogp, &mut *dentropy] {
            up.clear();
            up.resize(tokens.len(), 0.0);
        }
        upstream(tokens, logp, entropy, dlogp, dentropy);
        space.second_pass(&block, from, &mut hidden, &mut weights, options.threads);
    }
    Ok(())
}

/// The gradients alone, of known dJ/dlogp and dJ/dentropy. It costs what [`forward_backward`] does: the logits are
/// computed once more either way.
///
/// # Errors
/// See [`HeadError`].
pub fn backward(
    head: &Head<'_>,
    options: &Options,
    space: &mut Workspace,
    dlogp: &[f32],
    dentropy: &[f32],
    gradients: [Gradient<'_>; 2],
) -> Result<(), HeadError> {
    check(head, options)?;
    check_tokens(head, &[("dlogp", dlogp), ("dentropy", dentropy)])?;
    let mut unused = vec![0.0; 2 * head.tokens()];
    let (logp, entropy) = unused.split_at_mut(head.tokens());
    let known = |tokens: Range<usize>, _: &[f32], _: &[f32], a: &mut [f32], b: &mut [f32]| {
        a.copy_from_slice(&dlogp[tokens.clone()]);
        b.copy_from_slice(&dentropy[tokens]);
    };
    forward_backward(head, options, space, logp, entropy, known, gradients)
}

fn block<'a>(head: &Head<'a>, options: &Options, plan: Plan, tokens: Range<usize>) -> Block<'a> {
    let targets = &head.targets[tokens];
    Block { isa: options.isa, plan, inverse: 1.0 / options.temperature, weights: head.weights, targets }
}

impl Workspace {
    fn first_pass(&mut self, block: &Block<'_>, head: &Head<'_>, from: usize, gradients: bool, threads: usize) {
        let threads = threads.min(block.shares());
        self.threads(threads);
        let scratch = &mut self.scratch[..threads];
        block.pack(head.hidden, from, gradients, &mut self.hidden, scratch);
        let kept = (gradients && block.plan.keeps).then_some(&mut self.kept);
        block.forward(&self.hidden, &mut self.found, kept, scratch);
        block.merge(&self.found, &mut self.softmax);
    }

    fn tell(&self, logp: &mut [f32], entropy: &mut [f32]) {
        for ((logp, entropy), softmax) in logp.iter_mut().zip(entropy).zip(&self.softmax) {
            (*logp, *entropy) = (softmax.logp, softmax.entropy);
        }
    }

    fn second_pass(
        &mut self,
        block: &Block<'_>,
        from: usize,
        hidden: &mut Gradient<'_>,
        weights: &mut Gradient<'_>,
        threads: usize,
    ) {
        let up = [&self.upstream[0][..], &self.upstream[1][..]];
        let scratch = &mut self.scratch[..threads.min(block.shares())];
        let given = Given { hidden: &self.hidden, found: &self.found, softmax: &self.softmax, up, kept: &self.kept };
        block.backward(&given, &mut self.sums, weights, from == 0, scratch);
        block.hidden_gradient(from, &self.sums, hidden);
    }
}

fn check(head: &Head<'_>, options: &Options) -> Result<(), HeadError> {
    for (what, size) in [("tokens", head.tokens()), ("width", head.width), ("vocabulary", head.vocabulary())] {
        if size == 0 {
            return Err(HeadError::Empty { what });
        }
    }
    check_shape("hidden", head.hidden.len(), head.tokens(), head.width)?;
    check_shape("weights", head.weights.len(), head.vocabulary(), head.width)?;
    if matches!(head.hidden, Values::F32(_)) != matches!(head.weights, Values::F32(_)) {
        return Err(HeadError::Types);
    }
    let vocabulary = head.vocabulary();
    if let Some((token, &target)) = head.targets.iter().enumerate().find(|(_, target)| **target as usize >= vocabulary)
    {
        return Err(HeadError::Target { token, target, vocabulary });
    }
    let value = options.temperature;
    if !(value > 0.0 && value.is_finite() && (1.0 / value).is_finite()) {
        return Err(HeadError::Temperature { value });
    }
    if options.threads == 0 {
        return Err(HeadError::Threads);
    }
    if !options.isa.available() {
        return Err(HeadError::Unavailable { isa: options.isa, best: Isa::best() });
    }
    Ok(())
}

fn check_shape(operand: &'static str, got: usize, rows: usize, columns: usize) -> Result<(), HeadError> {
    let expected = rows.saturating_mul(columns);
    if got == expected { Ok(()) } else { Err(HeadError::Shape { operand, got, expected, rows, columns }) }
}

fn check_tokens(head: &Head<'_>, columns: &[(&'static str, &[f32])]) -> Result<(), HeadError> {
    columns.iter().try_for_each(|(operand, column)| check_shape(operand, column.len(), head.tokens(), 1))
}

fn check_gradients(head: &Head<'_>, [hidden, weights]: &[Gradient<'_>; 2]) -> Result<(), HeadError> {
    check_shape("hidden gradient", hidden.len(), head.tokens(), head.width)?;
    check_shape("weights gradient", weights.len(), head.vocabulary(), head.width)
}
