//! Losses: how much each token counts (Eq. 4, Eq. 8), and policy losses with exact gradients in the log-probabilities.
//!
//! | loss | source | verl 0.9.1 | TRL 1.16 |
//! |---|---|---|---|
//! | [`Reinforce`] | Williams 1992 | `gpg` | - |
//! | [`OnPolicy`] | Eq. 4 | - | - |
//! | [`PpoClip`] | Eq. 2; arXiv 1707.06347, 1912.09729 (dual clip) | `vanilla` | `grpo`, `bnpo`, `dapo`, `dr_grpo`, `delta` |
//! | [`PpoClip::dapo`] | arXiv 2503.14476 | `clip_ratio_high` | `epsilon_high` |
//! | [`PpoClip::dr_grpo`] | arXiv 2503.20783 | `seq-mean-token-sum-norm` | `dr_grpo` |
//! | [`Gspo`] | arXiv 2507.18071 | `gspo` | `importance_sampling_level` |
//! | [`Gmpo`] | arXiv 2507.20673 | `geo_mean` | experimental |
//! | [`Cispo`] | arXiv 2506.13585 | `cispo` | `cispo` |
//! | [`Sapo`] | arXiv 2511.20347 | `sapo` | `sapo` |
//! | [`ClipCov`], [`KlCov`] | arXiv 2505.22617 | `clip_cov`, `kl_cov` | - |
//! | [`Dppo`] | arXiv 2602.04879 | `dppo_tv`, `dppo_kl` | - |
//! | [`Dro`] | arXiv 2405.19107 | `dro` | - |
//! | [`Vespo`] | arXiv 2602.10693 | - | `vespo` |
//! | [`Gspo`] with [`Normalizer::SequenceSum`] of 1 | LUSPO, arXiv 2602.05261 | `gspo` | `luspo` |
//! | [`EntropyBonus`] | Williams and Peng 1991 | `entropy_coeff` | `entropy_coef` |
//! | [`KlPenalty`] | Eq. 2; Schulman 2020 | `kl_loss_type` | `beta` (K3) |
//! | [`UnbiasedKl`] | arXiv 2512.02556 | - | `use_bias_correction_kl` |
//!
//! J is maximised: verl's and TRL's losses are -J. Log-ratios are bounded by [`LOG_RATIO_BOUND`].

mod batch;
mod covariance;
mod dppo;
mod policy;
mod ratio;
mod sequence;
mod soft;
mod term;
mod unbiased;
mod vespo;
mod weights;

pub use batch::{Batch, BatchError, LOG_RATIO_BOUND, LOGP_TOLERANCE, Token};
pub use covariance::{ClipCov, KlCov};
pub use dppo::{Divergence, Dppo, Dro};
pub use policy::{Gradient, Laws, Needs, PolicyLoss, evaluate};
pub use ratio::{OnPolicy, PpoClip, Reinforce};
pub use sequence::{Gmpo, Gspo, GspoLevel};
pub use soft::{Cispo, Sapo};
pub use term::{EntropyBonus, KlEstimator, KlPenalty, Sum};
pub use unbiased::{RatioLevel, UnbiasedKl};
pub use vespo::Vespo;
pub use weights::{Normalizer, Rollouts, token_shares, token_weights};
