//! The batch that every policy loss reads.

use thiserror::Error;

/// Largest log-ratio log(pi_theta / pi_old) that counts, either way: beyond it the ratio stays at exp(+-20) and its
/// slope is 0, as in verl's `vanilla`, `sapo` and `cispo` losses. Keeps every loss finite.
pub const LOG_RATIO_BOUND: f64 = 20.0;

/// How far above 0 a log-probability may lie and still count as rounding (nats).
pub const LOGP_TOLERANCE: f64 = 1e-4;

/// Tokens of a batch, rollouts (B) by tokens (T, may differ between rollouts). Made by [`Batch::new`], which checks it,
/// so that no loss can meet rows of another shape or a number that is not one. Masked tokens (share 0) may hold
/// anything.
///
/// ```
/// use longlab_kernels::loss::{Batch, BatchError};
/// let (logp, old, shares) = (vec![vec![-1.0, -2.0]], vec![vec![-1.0, -2.5]], vec![vec![0.5, 0.5]]);
/// let batch = Batch::new(&logp, &old, &[1.0], &[0], &shares)?;
/// assert_eq!(batch.tokens().map(|token| token.log_ratio()).collect::<Vec<_>>(), [0.0, 0.5]);
/// let error = Batch::new(&logp, &old, &[f64::NAN], &[0], &shares).unwrap_err();
/// assert_eq!(error.to_string(), "advantage of rollout 0 is NaN; give a finite number");
/// # Ok::<(), BatchError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    logp: &'a [Vec<f64>],
    old: &'a [Vec<f64>],
    reference: Option<&'a [Vec<f64>]>,
    entropies: Option<&'a [Vec<f64>]>,
    advantages: &'a [f64],
    groups: &'a [usize],
    shares: &'a [Vec<f64>],
}

/// A batch that no loss can be computed of.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum BatchError {
    /// A column has another number of rollouts than `logp`.
    #[error("{column} has {got} rollouts, logp has {expected}; give one entry a rollout")]
    Rollouts {
        /// Name of the column.
        column: &'static str,
        /// Its rollouts.
        got: usize,
        /// Rollouts of `logp`.
        expected: usize,
    },
    /// A row has another number of tokens than that of `logp`.
    #[error("{column} of rollout {rollout} has {got} tokens, logp has {expected}; give one number a token")]
    Tokens {
        /// Name of the column.
        column: &'static str,
        /// Position of the rollout.
        rollout: usize,
        /// Its tokens.
        got: usize,
        /// Tokens of the same rollout in `logp`.
        expected: usize,
    },
    /// An advantage is NaN or infinite.
    #[error("advantage of rollout {rollout} is {value}; give a finite number")]
    Advantage {
        /// Position of the rollout.
        rollout: usize,
        /// The advantage.
        value: f64,
    },
    /// A share is negative, NaN or infinite.
    #[error("share of token {token} of rollout {rollout} is {value}; shares are finite and at least 0")]
    Share {
        /// Position of the rollout.
        rollout: usize,
        /// Position of the token.
        token: usize,
        /// The share.
        value: f64,
    },
    /// A log-probability that counts is not finite or lies above 0 by more than [`LOGP_TOLERANCE`].
    #[error("{column} of token {token} of rollout {rollout} is {value}; log-probabilities are finite and at most 0")]
    LogProbability {
        /// Name of the column.
        column: &'static str,
        /// Position of the rollout.
        rollout: usize,
        /// Position of the token.
        token: usize,
        /// The log-probability.
        value: f64,
    },
    /// An entropy that counts is not finite or lies below 0 by more than [`LOGP_TOLERANCE`].
    #[error("entropy of token {token} of rollout {rollout} is {value}; entropies are finite and at least 0 nats")]
    Entropy {
        /// Position of the rollout.
        rollout: usize,
        /// Position of the token.
        token: usize,
        /// The entropy in nats.
        value: f64,
    },
    /// A loss reads a column that the batch does not have.
    #[error("{loss} needs {column}, which the batch does not have; add it with Batch::with_{column}")]
    Missing {
        /// Name of the loss.
        loss: String,
        /// The column: `reference` or `entropies`.
        column: &'static str,
    },
}

impl<'a> Batch<'a> {
    /// A batch of log pi_theta (`logp`) and log pi_old of each token, one advantage and one prompt (`groups`) a
    /// rollout, and the share of each token in the mean (from [`super::token_shares`]; 0 = masked).
    ///
    /// # Errors
    /// If shapes differ, an advantage or share is no finite number, or an unmasked log-probability is none (or above
    /// 0).
    pub fn new(
        logp: &'a [Vec<f64>],
        old: &'a [Vec<f64>],
        advantages: &'a [f64],
        groups: &'a [usize],
        shares: &'a [Vec<f64>],
    ) -> Result<Self, BatchError> {
        let batch = Batch { logp, old, reference: None, entropies: None, advantages, groups, shares };
        batch.same_rollouts("advantages", advantages.len())?;
        batch.same_rollouts("groups", groups.len())?;
        batch.same_shape("shares", shares)?;
        if let Some((rollout, &value)) = advantages.iter().enumerate().find(|(_, value)| !value.is_finite()) {
            return Err(BatchError::Advantage { rollout, value });
        }
        for (rollout, token, value) in cells(shares) {
            if !(value.is_finite() && value >= 0.0) {
                return Err(BatchError::Share { rollout, token, value });
            }
        }
        batch.log_probabilities("logp", logp)?;
        batch.log_probabilities("old", old)?;
        Ok(batch)
    }

    /// The batch with log pi_ref of each token, which a KL term needs.
    ///
    /// # Errors
    /// As [`Batch::new`] has for `logp`.
    pub fn with_reference(self, reference: &'a [Vec<f64>]) -> Result<Self, BatchError> {
        self.log_probabilities("reference", reference)?;
        Ok(Batch { reference: Some(reference), ..self })
    }

    /// The batch with the entropy H of pi_theta at each token (nats), which an entropy bonus needs.
    ///
    /// # Errors
    /// If the shape differs or an unmasked entropy is negative or not finite.
    pub fn with_entropies(self, entropies: &'a [Vec<f64>]) -> Result<Self, BatchError> {
        self.same_shape("entropies", entropies)?;
        for (rollout, token, value) in cells(entropies).filter(|&(i, t, _)| self.shares[i][t] != 0.0) {
            if !(value.is_finite() && value >= -LOGP_TOLERANCE) {
                return Err(BatchError::Entropy { rollout, token, value });
            }
        }
        Ok(Batch { entropies: Some(entropies), ..self })
    }

    /// The batch at other log-probabilities of the policy: what an objective is differentiated by.
    ///
    /// # Errors
    /// As [`Batch::new`] has for `logp`.
    pub fn with_logp(self, logp: &'a [Vec<f64>]) -> Result<Self, BatchError> {
        self.log_probabilities("logp", logp)?;
        Ok(Batch { logp, ..self })
    }

    /// log pi_theta of each token, B by T.
    pub fn logp(&self) -> &'a [Vec<f64>] {
        self.logp
    }

    /// log pi_old of each token, from the rollout policy, B by T.
    pub fn old(&self) -> &'a [Vec<f64>] {
        self.old
    }

    /// log pi_ref of each token, B by T, if there is a reference policy.
    pub fn reference(&self) -> Option<&'a [Vec<f64>]> {
        self.reference
    }

    /// Entropy of pi_theta at each token in nats, B by T, if it was measured.
    pub fn entropies(&self) -> Option<&'a [Vec<f64>]> {
        self.entropies
    }

    /// One advantage a rollout.
    pub fn advantages(&self) -> &'a [f64] {
        self.advantages
    }

    /// Prompt of each rollout.
    pub fn groups(&self) -> &'a [usize] {
        self.groups
    }

    /// Share of each token in the mean, B by T; 0 where masked.
    pub fn shares(&self) -> &'a [Vec<f64>] {
        self.shares
    }

    /// The tokens that count (share above 0), rollout by rollout.
    pub fn tokens(&self) -> impl Iterator<Item = Token> + use<'a> {
        let batch = *self;
        (0..batch.logp.len()).flat_map(move |rollout| batch.rollout(rollout))
    }

    /// The tokens of one rollout that count.
    pub fn rollout(&self, rollout: usize) -> impl Iterator<Item = Token> + use<'a> {
        let batch = *self;
        let row = batch.shares[rollout].iter().enumerate();
        row.filter(|(_, share)| **share != 0.0).map(move |(position, &share)| Token {
            rollout,
            position,
            share,
            advantage: batch.advantages[rollout],
            logp: batch.logp[rollout][position],
            old: batch.old[rollout][position],
            reference: batch.reference.map_or(f64::NAN, |rows| rows[rollout][position]),
            entropy: batch.entropies.map_or(f64::NAN, |rows| rows[rollout][position]),
        })
    }

    /// The sum of a number over the tokens that count.
    pub fn sum(&self, each: impl Fn(&Token) -> f64) -> f64 {
        self.tokens().map(|token| each(&token)).sum()
    }

    /// A number for each token that counts, B by T; exactly 0 where masked.
    pub fn map(&self, each: impl Fn(&Token) -> f64) -> Vec<Vec<f64>> {
        let mut rows = self.zeros();
        for token in self.tokens() {
            rows[token.rollout][token.position] = each(&token);
        }
        rows
    }

    /// Zeros of the batch's shape.
    pub fn zeros(&self) -> Vec<Vec<f64>> {
        self.logp.iter().map(|row| vec![0.0; row.len()]).collect()
    }

    fn same_rollouts(&self, column: &'static str, got: usize) -> Result<(), BatchError> {
        let expected = self.logp.len();
        if got == expected { Ok(()) } else { Err(BatchError::Rollouts { column, got, expected }) }
    }

    fn same_shape(&self, column: &'static str, rows: &[Vec<f64>]) -> Result<(), BatchError> {
        self.same_rollouts(column, rows.len())?;
        for (rollout, (row, expected)) in rows.iter().zip(self.logp).enumerate() {
            if row.len() != expected.len() {
                return Err(BatchError::Tokens { column, rollout, got: row.len(), expected: expected.len() });
            }
        }
        Ok(())
    }

    fn log_probabilities(&self, column: &'static str, rows: &[Vec<f64>]) -> Result<(), BatchError> {
        self.same_shape(column, rows)?;
        for (rollout, token, value) in cells(rows).filter(|&(i, t, _)| self.shares[i][t] != 0.0) {
            if !(value.is_finite() && value <= LOGP_TOLERANCE) {
                return Err(BatchError::LogProbability { column, rollout, token, value });
            }
        }
        Ok(())
    }
}

/// Rollout, token and value of each cell.
fn cells(rows: &[Vec<f64>]) -> impl Iterator<Item = (usize, usize, f64)> + '_ {
    rows.iter().enumerate().flat_map(|(i, row)| row.iter().enumerate().map(move |(t, &value)| (i, t, value)))
}

/// One token that counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Token {
    /// Position of its rollout in the batch.
    pub rollout: usize,
    /// Position in its rollout.
    pub position: usize,
    /// Share in the mean, above 0.
    pub share: f64,
    /// Advantage of its rollout.
    pub advantage: f64,
    /// log pi_theta.
    pub logp: f64,
    /// log pi_old.
    pub old: f64,
    /// log pi_ref; NaN if the batch has no reference.
    pub reference: f64,
    /// Entropy of pi_theta in nats; NaN if the batch has none.
    pub entropy: f64,
}

impl Token {
    /// log(pi_theta / pi_old), held within [`LOG_RATIO_BOUND`].
    pub fn log_ratio(&self) -> f64 {
        bounded(self.logp - self.old, -LOG_RATIO_BOUND, LOG_RATIO_BOUND)
    }

    /// rho = pi_theta / pi_old.
    pub fn ratio(&self) -> f64 {
        self.log_ratio().exp()
    }

    /// d log-ratio / d log pi_theta: 1, or 0 beyond [`LOG_RATIO_BOUND`].
    pub fn log_slope(&self) -> f64 {
        if (self.logp - self.old).abs() <= LOG_RATIO_BOUND { 1.0 } else { 0.0 }
    }

    /// d rho / d log pi_theta: rho, or 0 beyond [`LOG_RATIO_BOUND`].
    pub fn slope(&self) -> f64 {
        self.ratio() * self.log_slope()
    }
}

/// `x` held in low..=high; unlike `f64::clamp` it takes any bounds without a panic (the upper one wins).
pub(crate) fn bounded(x: f64, low: f64, high: f64) -> f64 {
    x.max(low).min(high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_their_operands() {
        let (two, one) = (vec![vec![-1.0, -1.0]], vec![vec![-1.0]]);
        let shares = vec![vec![0.5, 0.5]];
        let text = |result: Result<Batch, BatchError>| result.map_or_else(|e| e.to_string(), |_| "fine".into());
        assert_eq!(
            text(Batch::new(&two, &one, &[1.0], &[0], &shares)),
            "old of rollout 0 has 1 tokens, logp has 2; give one number a token"
        );
        assert_eq!(
            text(Batch::new(&two, &two, &[1.0, 2.0], &[0], &shares)),
            "advantages has 2 rollouts, logp has 1; give one entry a rollout"
        );
        assert_eq!(
            text(Batch::new(&[vec![-1.0, 0.5]], &two, &[1.0], &[0], &shares)),
            "logp of token 1 of rollout 0 is 0.5; log-probabilities are finite and at most 0"
        );
        let negative = vec![vec![0.5, -0.5]];
        assert!(
            text(Batch::new(&two, &two, &[1.0], &[0], &negative)).starts_with("share of token 1 of rollout 0 is -0.5")
        );
        let batch = Batch::new(&two, &two, &[1.0], &[0], &shares);
        assert!(text(batch.and_then(|b| b.with_entropies(&two))).starts_with("entropy of token 0 of rollout 0 is -1"));
    }

    #[test]
    fn masked_tokens_may_hold_anything() {
        let (logp, old) = (vec![vec![f64::NEG_INFINITY, -1.0]], vec![vec![f64::NAN, -1.0]]);
        let shares = vec![vec![0.0, 1.0]];
        let batch = Batch::new(&logp, &old, &[1.0], &[0], &shares).unwrap();
        assert_eq!(batch.map(Token::ratio), [[0.0, 1.0]]);
    }

    #[test]
    fn the_log_ratio_is_bounded_and_flat_beyond() {
        let (logp, old, shares) = (vec![vec![-1e4, -1.0]], vec![vec![-1.0, -1e4]], vec![vec![0.5; 2]]);
        let batch = Batch::new(&logp, &old, &[1.0], &[0], &shares).unwrap();
        assert_eq!(batch.map(Token::log_ratio), [[-20.0, 20.0]]);
        assert_eq!(batch.map(Token::slope), [[0.0, 0.0]]);
    }
}
