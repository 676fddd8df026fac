//! McNemar's test: two variants right or wrong on the same items.

use super::{StatsError, normal_cdf};

/// Beyond this many items that differ the normal distribution stands in for the binomial one.
const MOST_EXACT: u64 = 1 << 20;

/// McNemar's two-sided p values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct McNemar {
    /// Items only the first had right.
    pub first_only: u64,
    /// Items only the second had right.
    pub second_only: u64,
    /// Exact conditional p: twice P(X <= k), at most 1, for X binomial of all items that differ at 1/2, k the smaller count.
    /// Never above the level, often far below it.
    pub exact: f64,
    /// Mid-p: 2 P(X < k) + P(X = k). Closer to the level; can exceed it slightly (Fagerland et al. 2013).
    pub mid_p: f64,
}

/// McNemar's test from the items that differ; those both had right or both had wrong say nothing.
///
/// Up to 2^20 items that differ the binomial sums are exact (to 1e-10); beyond that the normal distribution with continuity
/// correction stands in, within 1e-6. No item that differs gives p = 1.
///
/// ```
/// let got = longlab_kernels::stats::mcnemar(10, 2);
/// assert!((got.exact - 158.0 / 4096.0).abs() < 1e-15 && (got.mid_p - 92.0 / 4096.0).abs() < 1e-15);
/// ```
pub fn mcnemar(first_only: u64, second_only: u64) -> McNemar {
    let (below, at) = lower_half(first_only.min(second_only), first_only.saturating_add(second_only));
    let exact = (2.0 * (below + at)).min(1.0);
    let mid_p = (2.0 * below + at).min(1.0);
    McNemar { first_only, second_only, exact, mid_p }
}

/// [`mcnemar`] from the two outcomes of each item.
///
/// # Errors
/// [`StatsError::Unpaired`] if the lengths differ.
pub fn mcnemar_of(first: &[bool], second: &[bool]) -> Result<McNemar, StatsError> {
    if first.len() != second.len() {
        let words = |outcomes: &[bool]| format!("{} items", outcomes.len());
        return Err(StatsError::Unpaired { left: words(first), right: words(second) });
    }
    let count = |wanted: (bool, bool)| first.iter().zip(second).filter(|&(&a, &b)| (a, b) == wanted).count() as u64;
    Ok(mcnemar(count((true, false)), count((false, true))))
}

/// (P(X < k), P(X = k)) of a binomial X of n at 1/2, for k <= n / 2.
fn lower_half(k: u64, n: u64) -> (f64, f64) {
    if n > MOST_EXACT {
        let deviation = 0.5 * (n as f64).sqrt();
        let up_to = |x: f64| normal_cdf((x - 0.5 * n as f64) / deviation);
        let below = up_to(k as f64 - 0.5);
        return (below, up_to(k as f64 + 0.5) - below);
    }
    let at = probability(k, n);
    let (mut term, mut below) = (at, 0.0);
    for j in (1..=k).rev() {
        term *= j as f64 / (n - j + 1) as f64;
        below += term;
        if term < 1e-18 * below {
            break;
        }
    }
    (below, at)
}

/// P(X = k): the k factors of the binomial coefficient with halvings in between, so that nothing overflows.
fn probability(k: u64, n: u64) -> f64 {
    let (mut value, mut halvings) = (1.0f64, n);
    for i in 1..=k {
        value *= (n - k + i) as f64 / i as f64;
        while value > 1.0 && halvings > 0 {
            value *= 0.5;
            halvings -= 1;
        }
    }
    // Halvings that are left are more than a double can hold only where the result is 0.
    value * 0.5f64.powi(i32::try_from(halvings).unwrap_or(i32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_difference_is_p_one() {
        for same in [0, 1, 7, 1000, 1 << 19, 1 << 21, u64::MAX] {
            let got = mcnemar(same, same);
            assert!(got.exact == 1.0 && (got.mid_p - 1.0).abs() < 1e-9, "{got:?}");
        }
    }

    #[test]
    fn normal_stands_in_closely() {
        let (k, n) = (523_000, MOST_EXACT);
        let (below, at) = lower_half(k, n);
        let (more_below, more_at) = lower_half(k + 1, n + 2);
        assert!(
            (below - more_below).abs() < 1e-6 && (at - more_at).abs() < 1e-8,
            "{below} {more_below} {at} {more_at}"
        );
    }

    #[test]
    fn outcomes_are_counted() {
        let got = mcnemar_of(&[true, true, false], &[false, true, false]).expect("pairs");
        assert_eq!((got.first_only, got.second_only, got.exact), (1, 0, 1.0));
        assert!(mcnemar_of(&[true], &[]).is_err());
    }
}
