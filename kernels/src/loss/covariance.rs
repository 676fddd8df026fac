//! Clip-Cov and KL-Cov (arXiv 2505.22617): tokens whose advantage and log-probability vary together drive entropy down,
//! so they are silenced or held back. The covariance only selects; it is detached.

use super::batch::{Batch, Token};
use super::policy::{Gradient, Laws, PolicyLoss};
use super::ratio::clipped;
use crate::stream::{Address, Purpose};
use std::cmp::Ordering;

/// Clip-Cov: the clipped surrogate without the gradient of a few tokens whose covariance (A - mean A)(log pi_theta -
/// mean log pi_theta), means over the tokens that count, lies strictly between two bounds. Tokens that the clip
/// silences already are not chosen. The choice is drawn, at an address, from the candidates in order of covariance: the
/// order of rollouts does not matter.
///
/// verl's `clip_cov` draws from torch's global generator, from the same candidates as many tokens, and does not bound
/// the log-ratio. The 1e-8 it adds to counts is lost in f32.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClipCov {
    /// Lower clip distance of the ratio.
    pub low: f64,
    /// Upper clip distance of the ratio.
    pub high: f64,
    /// Share of the batch's tokens that is silenced (rounded down, but at least one token).
    pub share: f64,
    /// Covariances below or on this are left alone.
    pub least: f64,
    /// Covariances above or on this are left alone.
    pub most: f64,
    /// Where the draw belongs; none takes the largest covariances in place of a draw.
    pub draw: Option<Address>,
}

impl Default for ClipCov {
    /// Share 2e-4 and bounds 1 and 5 (verl's and the authors' code), clip 0.2, draw at step 0 of seed 0.
    fn default() -> Self {
        let draw = Some(Address::new(0, Purpose::Loss));
        ClipCov { low: 0.2, high: 0.2, share: 2e-4, least: 1.0, most: 5.0, draw }
    }
}

impl ClipCov {
    /// Which tokens are silenced, B by T.
    pub fn selected(&self, batch: &Batch) -> Vec<Vec<bool>> {
        let ranked = ranked(batch);
        let count = count(self.share, ranked.len());
        let candidate = |(covariance, token): &(f64, Token)| {
            let past_clip =
                clipped(token.ratio(), token.advantage, self.low, self.high).1 == 0.0 && token.advantage != 0.0;
            *covariance > self.least && *covariance < self.most && !past_clip
        };
        let candidates: Vec<Token> = ranked.into_iter().filter(candidate).map(|(_, token)| token).collect();
        let count = count.min(candidates.len());
        let places = match self.draw {
            Some(address) => address.stream().choose_distinct(candidates.len(), count),
            None => (0..count).collect(),
        };
        marked(batch, places.into_iter().map(|place| candidates[place]))
    }
}

impl PolicyLoss for ClipCov {
    fn name(&self) -> &'static str {
        "clip_cov"
    }

    fn objective(&self, batch: &Batch) -> f64 {
        self.surrogate(batch, batch)
    }

    fn gradient(&self, batch: &Batch) -> Gradient {
        let silent = self.selected(batch);
        Gradient::of_logp(batch.map(|token| {
            let slope = clipped(token.ratio(), token.advantage, self.low, self.high).1;
            if silent[token.rollout][token.position] { 0.0 } else { token.share * slope * token.slope() }
        }))
    }

    fn surrogate(&self, at: &Batch, x: &Batch) -> f64 {
        let silent = self.selected(at);
        x.sum(|token| {
            let value = clipped(token.ratio(), token.advantage, self.low, self.high).0;
            if silent[token.rollout][token.position] { 0.0 } else { token.share * value }
        })
    }

    fn laws(&self) -> Laws {
        Laws { scales_with_advantage: false, reinforce_at_ratio_one: false, ..Laws::default() }
    }
}

/// KL-Cov: share * (A rho - coefficient * |log rho| where selected). Selected is the share of tokens with the
/// largest covariance. No clip, as in verl's `kl_cov`, which does
/// not bound the log-ratio either.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KlCov {
    /// Share of the batch's tokens that is held back (rounded down, but at least one token).
    pub share: f64,
    /// Weight of their |log rho|.
    pub coefficient: f64,
}

impl Default for KlCov {
    /// Share 2e-4 and coefficient 1 (the documented default of verl's `kl_cov`; its configuration class has 0.1).
    fn default() -> Self {
        KlCov { share: 2e-4, coefficient: 1.0 }
    }
}

impl KlCov {
    /// Which tokens are held back, B by T.
    pub fn selected(&self, batch: &Batch) -> Vec<Vec<bool>> {
        let ranked = ranked(batch);
        let count = count(self.share, ranked.len());
        marked(batch, ranked.into_iter().take(count).map(|(_, token)| token))
    }
}

impl PolicyLoss for KlCov {
    fn name(&self) -> &'static str {
        "kl_cov"
    }

    fn objective(&self, batch: &Batch) -> f64 {
        self.surrogate(batch, batch)
    }

    fn gradient(&self, batch: &Batch) -> Gradient {
        let held = self.selected(batch);
        Gradient::of_logp(batch.map(|token| {
            let log_ratio = token.log_ratio();
            // The slope of |x| at 0 counts as 0, as in torch.
            let pull = if log_ratio == 0.0 { 0.0 } else { self.coefficient * log_ratio.signum() * token.log_slope() };
            let pull = if held[token.rollout][token.position] { pull } else { 0.0 };
            token.share * (token.advantage * token.slope() - pull)
        }))
    }

    fn surrogate(&self, at: &Batch, x: &Batch) -> f64 {
        let held = self.selected(at);
        x.sum(|token| {
            let distance = if held[token.rollout][token.position] { token.log_ratio().abs() } else { 0.0 };
            token.share * (token.advantage * token.ratio() - self.coefficient * distance)
        })
    }

    fn laws(&self) -> Laws {
        Laws { silent_without_advantage: false, scales_with_advantage: false, ..Laws::default() }
    }
}

/// The tokens that count with their covariances, largest first. Ties are broken by the tokens' own numbers, and the
/// means are summed in order of size, so that the order of rollouts changes nothing.
fn ranked(batch: &Batch) -> Vec<(f64, Token)> {
    let mean = |of: fn(&Token) -> f64| {
        let mut values: Vec<f64> = batch.tokens().map(|token| of(&token)).collect();
        values.sort_by(f64::total_cmp);
        values.iter().sum::<f64>() / values.len() as f64
    };
    let (advantage, logp) = (mean(|token| token.advantage), mean(|token| token.logp));
    let covariance = |token: Token| ((token.advantage - advantage) * (token.logp - logp), token);
    let mut all: Vec<(f64, Token)> = batch.tokens().map(covariance).collect();
    all.sort_by(largest_first);
    all
}

fn largest_first(a: &(f64, Token), b: &(f64, Token)) -> Ordering {
    let key = |(covariance, token): &(f64, Token)| [*covariance, token.logp, token.old, token.advantage, token.share];
    let ties = key(a).into_iter().zip(key(b)).map(|(a, b)| b.total_cmp(&a));
    ties.fold(Ordering::Equal, Ordering::then)
}

/// A share of some tokens: rounded down, at least one, at most all.
fn count(share: f64, tokens: usize) -> usize {
    ((share * tokens as f64) as usize).max(1).min(tokens)
}

fn marked(batch: &Batch, tokens: impl Iterator<Item = Token>) -> Vec<Vec<bool>> {
    let mut rows: Vec<Vec<bool>> = batch.logp().iter().map(|row| vec![false; row.len()]).collect();
    for token in tokens {
        rows[token.rollout][token.position] = true;
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean advantage 0, mean log-probability -2: covariances 3, -1.5, -1.5 and 3 (the last token is masked).
    fn with(check: impl Fn(&Batch)) {
        let logp = vec![vec![-1.0, -2.5], vec![-1.5, -3.0, -9.0]];
        let shares = vec![vec![0.25; 2], vec![0.25, 0.25, 0.0]];
        check(&Batch::new(&logp, &logp, &[3.0, -3.0], &[0, 0], &shares).unwrap());
    }

    #[test]
    fn kl_cov_holds_the_largest_covariances() {
        with(|batch| {
            assert_eq!(
                KlCov { share: 0.5, coefficient: 1.0 }.selected(batch),
                [vec![true, false], vec![false, true, false]]
            );
            let one = KlCov::default().selected(batch);
            assert_eq!(one.iter().flatten().filter(|&&held| held).count(), 1);
        });
    }

    #[test]
    fn clip_cov_silences_candidates_alone() {
        with(|batch| {
            let loss = ClipCov { share: 1.0, ..ClipCov::default() };
            let silent = [vec![true, false], vec![false, true, false]];
            assert_eq!(loss.selected(batch), silent);
            assert_eq!(loss.gradient(batch).logp, [vec![0.0, 0.75], vec![-0.75, 0.0, 0.0]]);
            assert_eq!(ClipCov { most: 2.0, ..loss }.selected(batch), [vec![false; 2], vec![false; 3]]);
            assert_eq!(ClipCov { draw: None, ..loss }.selected(batch), silent);
        });
    }

    #[test]
    fn a_batch_without_tokens_selects_nothing() {
        let batch = Batch::new(&[], &[], &[], &[], &[]).unwrap();
        assert!(KlCov::default().selected(&batch).is_empty() && ClipCov::default().selected(&batch).is_empty());
    }
}
