//! Numbers in, numbers out: the mathematics of the lab, free of tensors, files, clocks and global state.
//!
//! | module | what it holds |
//! |---|---|
//! | [`stream`] | addressed randomness: every draw comes from a ChaCha stream keyed by where it is used |
//! | [`attention`] | causal attention over a cache of keys and values in pages |
//! | [`advantage`] | group-relative advantages (Eq. 3, Eq. 7) |
//! | [`baselines`] | other ways from rewards to advantages: REINFORCE++, OPO, GPG, Pass@k |
//! | [`gate`] | negative-gradient clipping (Eq. 8, Eq. 9) and the AEPO latch (Eq. 11) |
//! | [`head`] | the output head, streamed: log-probabilities, entropies and gradients without the matrix of logits |
//! | [`entropy_control`] | what else holds entropy: adaptive bonus, positives only, high-entropy tokens only |
//! | [`linear`] | products with a matrix that stays, for one row or many, with the same bits for each row |
//! | [`loss`] | token weights of the objective (Eq. 4, Eq. 8) and policy losses with exact gradients |
//! | [`merge`] | merging models tensor by tensor: linear, task arithmetic, TIES, DARE, SCE |
//! | [`properties`] | what must hold of any loss, advantage, gate or latch, to be called on one's own |
//! | [`adamw`] | the optimizer over explicit moments |
//! | [`self_play`] | rewards of questioner, responder and verifier on one policy (SPELL) |
//! | [`similarity`] | CPython's `difflib` ratio, the dense reward of dialogue tasks |
//! | [`stats`] | intervals, bootstraps, tests, power, variance components, the verdict on a claim |
//!
//! Equation numbers are those of QwenLong-L1.5 (arXiv 2512.12967v1).

pub mod adamw;
pub mod advantage;
pub mod attention;
pub mod baselines;
pub mod entropy_control;
pub mod gate;
pub mod head;
pub mod linear;
pub mod loss;
pub mod merge;
pub mod properties;
pub mod self_play;
pub mod similarity;
pub mod stats;
pub mod stream;
mod threads;

/// The examples of the README, run as doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
