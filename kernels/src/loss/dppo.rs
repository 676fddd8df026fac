//! DPPO and DRO: what holds the policy near the old one is a divergence, not a bound on the ratio.

use super::batch::{Batch, Token};
use super::policy::{Gradient, Laws, PolicyLoss};

/// Added inside the logarithm of DPPO's binary KL, so that a probability of 1 is no division by 0 (verl's).
const KL_FLOOR: f64 = 1e-8;

/// How far a token's probability p has moved from that of the old policy, q.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Divergence {
    /// Binary total variation |p - q| (verl's `dppo_tv`).
    #[default]
    TotalVariation,
    /// Binary KL q log(q / p) + (1 - q) log((1 - q) / (1 - p)) in nats, 1e-8 added to both of the last two
    /// probabilities (verl's `dppo_kl`).
    Kl,
}

impl Divergence {
    fn of(self, token: &Token) -> f64 {
        let (p, q) = (probability(token.logp), probability(token.old));
        match self {
            Divergence::TotalVariation => (p - q).abs(),
            Divergence::Kl => {
                q * (token.old - token.logp) + (1.0 - q) * ((1.0 - q + KL_FLOOR) / (1.0 - p + KL_FLOOR)).ln()
            }
        }
    }
}

/// DPPO (arXiv 2602.04879): `share * sg[min(rho, cut) M] * A * log pi_theta`, where the mask M silences a token whose
/// probability has moved further than allowed in the direction that its advantage asks for. Divergence and mask are
/// detached. An advantage of 0 has no gradient either way.
///
/// ```
/// use longlab_kernels::loss::{Batch, Dppo, PolicyLoss};
/// let (logp, old) = (vec![vec![0.5f64.ln(), 0.02f64.ln()]], vec![vec![0.25f64.ln(), 0.01f64.ln()]]);
/// let shares = vec![vec![0.5, 0.5]];
/// let batch = Batch::new(&logp, &old, &[1.0], &[0], &shares).unwrap();
/// // Both ratios are 2, but only the first token's probability has moved by more than 0.2.
/// let gradient = Dppo::default().gradient(&batch).logp;
/// assert!(gradient[0][0] == 0.0 && (gradient[0][1] - 1.0).abs() < 1e-15);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dppo {
    /// What is measured.
    pub divergence: Divergence,
    /// Largest divergence downwards, where A <= 0.
    pub low: f64,
    /// Largest divergence upwards, where A > 0.
    pub high: f64,
    /// Largest ratio that counts as a weight.
    pub cut: f64,
}

impl Default for Dppo {
    /// Total variation of 0.2 either way, weights up to 20 (what verl falls back to; its configuration class says 3).
    fn default() -> Self {
        Dppo { divergence: Divergence::TotalVariation, low: 0.2, high: 0.2, cut: 20.0 }
    }
}

impl Dppo {
    /// The factor that is constant in the gradient.
    fn weight(&self, token: &Token) -> f64 {
        let (up, most) = if token.advantage > 0.0 { (true, self.high) } else { (false, self.low) };
        let asked = if up { token.logp > token.old } else { token.logp < token.old };
        if asked && self.divergence.of(token) > most {
            return 0.0;
        }
        token.share * token.ratio().min(self.cut) * token.advantage
    }
}

impl PolicyLoss for Dppo {
    fn name(&self) -> &'static str {
        match self.divergence {
            Divergence::TotalVariation => "dppo_tv",
            Divergence::Kl => "dppo_kl",
        }
    }

    fn objective(&self, batch: &Batch) -> f64 {
        self.surrogate(batch, batch)
    }

    fn gradient(&self, batch: &Batch) -> Gradient {
        Gradient::of_logp(batch.map(|token| self.weight(token)))
    }

    fn surrogate(&self, at: &Batch, x: &Batch) -> f64 {
        at.tokens().zip(x.tokens()).map(|(frozen, token)| self.weight(&frozen) * token.logp).sum()
    }
}

/// DRO (arXiv 2405.19107): share * (A log pi_theta - beta / 2 * (log pi_theta - log pi_old)^2), as verl's `dro`. The
/// log-ratio is not bounded, here or there: its square stays finite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dro {
    /// Weight of the squared log-ratio, above 0.
    pub beta: f64,
}

impl PolicyLoss for Dro {
    fn name(&self) -> &'static str {
        "dro"
    }

    fn objective(&self, batch: &Batch) -> f64 {
        batch.sum(|token| {
            let moved = token.logp - token.old;
            token.share * (token.advantage * token.logp - 0.5 * self.beta * moved * moved)
        })
    }

    fn gradient(&self, batch: &Batch) -> Gradient {
        Gradient::of_logp(batch.map(|token| token.share * (token.advantage - self.beta * (token.logp - token.old))))
    }

    fn laws(&self) -> Laws {
        Laws { silent_without_advantage: false, scales_with_advantage: false, ..Laws::default() }
    }
}

/// exp of a log-probability; rounding may have put it above 0.
fn probability(logp: f64) -> f64 {
    logp.exp().min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weight(loss: Dppo, logp: f64, old: f64, advantage: f64) -> f64 {
        let (logp, old, shares) = (vec![vec![logp]], vec![vec![old]], vec![vec![1.0]]);
        loss.gradient(&Batch::new(&logp, &old, &[advantage], &[0], &shares).unwrap()).logp[0][0]
    }

    #[test]
    fn a_token_is_silenced_only_on_its_own_way() {
        for divergence in [Divergence::TotalVariation, Divergence::Kl] {
            let loss = Dppo { divergence, low: 0.01, high: 0.01, cut: 1.5 };
            let (far, near) = (-0.1, -2.0);
            assert_eq!(weight(loss, far, near, 1.0), 0.0, "{divergence:?}");
            assert_eq!(weight(loss, far, near, -1.0), -1.5, "{divergence:?}");
            assert_eq!(weight(loss, near, far, -1.0), 0.0, "{divergence:?}");
            assert!((weight(loss, near, far, 1.0) - (-1.9f64).exp()).abs() < 1e-15, "{divergence:?}");
        }
    }

    #[test]
    fn a_certain_token_stays_finite() {
        let loss = Dppo { divergence: Divergence::Kl, ..Dppo::default() };
        assert_eq!(weight(loss, 0.0, 0.0, 2.0), 2.0);
        assert!(weight(loss, 5e-5, -3.0, 2.0).is_finite());
    }

    #[test]
    fn dro_pulls_back_what_has_moved() {
        let (logp, old, shares) = (vec![vec![-1.0]], vec![vec![-3.0]], vec![vec![0.5]]);
        let batch = Batch::new(&logp, &old, &[1.0], &[0], &shares).unwrap();
        let loss = Dro { beta: 0.25 };
        assert_eq!((loss.objective(&batch), loss.gradient(&batch).logp[0][0]), (-0.75, 0.25));
    }
}
