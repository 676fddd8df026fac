//! Policy losses as objectives to maximise, with their exact gradient in the log-probabilities.

/// A batch of tokens, rollouts by tokens. The shares come from [`super::token_shares`].
#[derive(Clone, Copy, Debug)]
pub struct Tokens<'a> {
    /// log pi_theta of each token.
    pub logp: &'a [Vec<f64>],
    /// log pi_old of each token, from the rollout policy.
    pub old: &'a [Vec<f64>],
    /// One advantage a rollout.
    pub advantages: &'a [f64],
    /// Share of each token in the mean; 0 where masked.
    pub shares: &'a [Vec<f64>],
}

impl Tokens<'_> {
    /// A number for each token, from its log-ratio log(pi_theta / pi_old), advantage and share.
    pub fn map(&self, each: impl Fn(f64, f64, f64) -> f64) -> Vec<Vec<f64>> {
        let row = |i: usize| {
            let token = |t: usize| each(self.logp[i][t] - self.old[i][t], self.advantages[i], self.shares[i][t]);
            (0..self.logp[i].len()).map(token).collect()
        };
        (0..self.logp.len()).map(row).collect()
    }
}

/// An objective J of the log-probabilities. Its `gradient` is exact, which the property suite checks by differences.
pub trait PolicyLoss {
    /// The name used in specs.
    fn name(&self) -> &'static str;
    /// J, to be maximised.
    fn objective(&self, tokens: &Tokens) -> f64;
    /// dJ / d log pi_theta of each token.
    fn gradient(&self, tokens: &Tokens) -> Vec<Vec<f64>>;
}

/// Eq. 4: sum of share * A * rho, with no clip. On-policy (rho = 1) its gradient is the token weight itself.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct OnPolicy;

impl PolicyLoss for OnPolicy {
    fn name(&self) -> &'static str {
        "on_policy"
    }

    fn objective(&self, tokens: &Tokens) -> f64 {
        tokens.map(|log_ratio, advantage, share| share * advantage * log_ratio.exp()).iter().flatten().sum()
    }

    fn gradient(&self, tokens: &Tokens) -> Vec<Vec<f64>> {
        tokens.map(|log_ratio, advantage, share| share * advantage * log_ratio.exp())
    }
}

/// The clipped surrogate of Eq. 2 without its KL term: min(rho A, clip(rho, 1 - low, 1 + high) A).
///
/// ```
/// use longlab_kernels::loss::{PolicyLoss, PpoClip, Tokens};
/// let clip = PpoClip { low: 0.2, high: 0.2 };
/// let (logp, old) = (vec![vec![1.5f64.ln(), 0.0]], vec![vec![0.0, 0.0]]);
/// let tokens = Tokens { logp: &logp, old: &old, advantages: &[2.0], shares: &[vec![0.5, 0.5]] };
/// assert_eq!(clip.objective(&tokens), 0.5 * 2.0 * 1.2 + 0.5 * 2.0);
/// assert_eq!(clip.gradient(&tokens), [[0.0, 1.0]]); // the first token is past the clip
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PpoClip {
    /// Lower clip distance (0.2 by custom).
    pub low: f64,
    /// Upper clip distance (0.2 by custom; DAPO raises it).
    pub high: f64,
}

impl PpoClip {
    /// True where the minimum picks the clipped, constant branch.
    fn clipped(&self, ratio: f64, advantage: f64) -> bool {
        (advantage > 0.0 && ratio > 1.0 + self.high) || (advantage < 0.0 && ratio < 1.0 - self.low)
    }
}

impl PolicyLoss for PpoClip {
    fn name(&self) -> &'static str {
        "ppo_clip"
    }

    fn objective(&self, tokens: &Tokens) -> f64 {
        let each = |log_ratio: f64, advantage: f64, share: f64| {
            let ratio = log_ratio.exp();
            let clamped = ratio.clamp(1.0 - self.low, 1.0 + self.high);
            share * (ratio * advantage).min(clamped * advantage)
        };
        tokens.map(each).iter().flatten().sum()
    }

    fn gradient(&self, tokens: &Tokens) -> Vec<Vec<f64>> {
        tokens.map(|log_ratio, advantage, share| {
            let ratio = log_ratio.exp();
            if self.clipped(ratio, advantage) { 0.0 } else { share * advantage * ratio }
        })
    }
}
