//! Losses: how much each token counts (Eq. 4, Eq. 8), and policy losses with exact gradients in the log-probabilities.

mod policy;
mod weights;

pub use policy::{OnPolicy, PolicyLoss, PpoClip, Tokens};
pub use weights::{Normalizer, Rollouts, token_shares, token_weights};
