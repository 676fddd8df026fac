//! What a policy loss is: an objective to maximise with its exact gradient.

use super::batch::{Batch, BatchError};

/// dJ of a batch, B by T each; exactly 0 where masked.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradient {
    /// dJ / d log pi_theta of each token.
    pub logp: Vec<Vec<f64>>,
    /// dJ / dH of each token; all zero unless the loss reads entropies.
    pub entropy: Vec<Vec<f64>>,
}

impl Gradient {
    /// A gradient in the log-probabilities alone.
    pub fn of_logp(logp: Vec<Vec<f64>>) -> Self {
        let entropy = logp.iter().map(|row| vec![0.0; row.len()]).collect();
        Gradient { logp, entropy }
    }
}

/// Columns that a loss reads beside log-probabilities, advantages and shares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// log pi_ref ([`Batch::with_reference`]).
    pub reference: bool,
    /// Entropies of pi_theta ([`Batch::with_entropies`]).
    pub entropies: bool,
}

/// What theory says of a loss beyond what holds for all of them. The default is that of a policy gradient;
/// [`crate::properties::check`] tests each law that is claimed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Laws {
    /// Without advantage there is no gradient. Not so for a KL term or an entropy bonus.
    pub silent_without_advantage: bool,
    /// Advantages `c` times as large (c > 0) make J and its gradient `c` times as large.
    pub scales_with_advantage: bool,
    /// Where pi_theta = pi_old the gradient is REINFORCE's: share times advantage, if a rollout's shares are equal.
    pub reinforce_at_ratio_one: bool,
    /// A log-ratio d > 0 at which the clip surely acts: no gradient if every token has moved by d the way its advantage
    /// asks, some gradient, with the sign of the advantage, if every token has moved by d the other way.
    pub clips_at: Option<f64>,
}

impl Default for Laws {
    fn default() -> Self {
        Laws {
            silent_without_advantage: true,
            scales_with_advantage: true,
            reinforce_at_ratio_one: true,
            clips_at: None,
        }
    }
}

impl Laws {
    /// The laws of a term that does not read advantages.
    pub const TERM: Laws = Laws {
        silent_without_advantage: false,
        scales_with_advantage: false,
        reinforce_at_ratio_one: false,
        clips_at: None,
    };
}

/// An objective J of the log-probabilities (and entropies). A user's own loss implements `name`, `objective` and
/// `gradient`; the other methods are for losses that detach a factor, read more columns, or obey other laws.
///
/// ```
/// use longlab_kernels::loss::{Batch, Gradient, PolicyLoss};
/// /// Advantage-weighted log-likelihood.
/// struct Likelihood;
/// impl PolicyLoss for Likelihood {
///     fn name(&self) -> &'static str { "likelihood" }
///     fn objective(&self, batch: &Batch) -> f64 { batch.sum(|token| token.share * token.advantage * token.logp) }
///     fn gradient(&self, batch: &Batch) -> Gradient {
///         Gradient::of_logp(batch.map(|token| token.share * token.advantage))
///     }
/// }
/// assert!(longlab_kernels::properties::check(&Likelihood, &Default::default()).is_ok());
/// ```
pub trait PolicyLoss {
    /// The name used in specs.
    fn name(&self) -> &'static str;

    /// J, to be maximised. NaN if a column that the loss [`needs`](PolicyLoss::needs) is missing and a token counts.
    fn objective(&self, batch: &Batch) -> f64;

    /// The exact gradient of [`PolicyLoss::surrogate`] in `x`, at `x = at = batch`.
    fn gradient(&self, batch: &Batch) -> Gradient;

    /// J at `x` with every detached factor held at its value in `at`, a batch of the same shape and shares. Nothing is
    /// detached unless a loss says so, and then this is the objective.
    fn surrogate(&self, at: &Batch, x: &Batch) -> f64 {
        let _ = at;
        self.objective(x)
    }

    /// The columns it reads.
    fn needs(&self) -> Needs {
        Needs::default()
    }

    /// What theory says of it.
    fn laws(&self) -> Laws {
        Laws::default()
    }
}

impl<L: PolicyLoss + ?Sized> PolicyLoss for Box<L> {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn objective(&self, batch: &Batch) -> f64 {
        (**self).objective(batch)
    }

    fn gradient(&self, batch: &Batch) -> Gradient {
        (**self).gradient(batch)
    }

    fn surrogate(&self, at: &Batch, x: &Batch) -> f64 {
        (**self).surrogate(at, x)
    }

    fn needs(&self) -> Needs {
        (**self).needs()
    }

    fn laws(&self) -> Laws {
        (**self).laws()
    }
}

/// J and its gradient, once the batch is known to have every column that the loss reads.
///
/// ```
/// use longlab_kernels::loss::{Batch, EntropyBonus, evaluate};
/// let (logp, shares) = (vec![vec![-1.0]], vec![vec![1.0]]);
/// let batch = Batch::new(&logp, &logp, &[1.0], &[0], &shares).unwrap();
/// let error = evaluate(&EntropyBonus { coefficient: 0.01 }, &batch).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "entropy_bonus needs entropies, which the batch does not have; add it with Batch::with_entropies"
/// );
/// ```
///
/// # Errors
/// [`BatchError::Missing`] names the loss and the column.
pub fn evaluate(loss: &dyn PolicyLoss, batch: &Batch) -> Result<(f64, Gradient), BatchError> {
    let missing = |column| BatchError::Missing { loss: loss.name().to_string(), column };
    let needs = loss.needs();
    if needs.reference && batch.reference().is_none() {
        return Err(missing("reference"));
    }
    if needs.entropies && batch.entropies().is_none() {
        return Err(missing("entropies"));
    }
    Ok((loss.objective(batch), loss.gradient(batch)))
}
