//! Permutation tests: exact where all arrangements can be gone through, else by seeded draws.

use super::StatsError;
use super::resampled::finite;
use crate::stream::{Address, Purpose};

/// Up to this many arrangements are gone through one by one.
const MOST_EXACT: u64 = 1 << 18;
/// Position in the address, apart from those of the bootstraps.
const SIGNS: u32 = 3;
const ORDERS: u32 = 4;

/// What a permutation test found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Permutation {
    /// Two-sided p: twice the smaller one-sided one, at most 1.
    pub p: f64,
    /// p of a difference this large or larger.
    pub greater: f64,
    /// p of a difference this small or smaller.
    pub less: f64,
    /// Arrangements that were looked at.
    pub arrangements: u64,
    /// All arrangements were looked at: p is exact.
    pub exact: bool,
}

/// Tests whether paired differences are symmetric about 0, by their mean: under that hypothesis each may have had the other
/// sign. With n differences there are 2^n arrangements; up to n = 18 all are counted, beyond that `reps` are drawn and p is
/// (count + 1) / (reps + 1) (Phipson and Smyth 2010). The smallest two-sided p is 2 / 2^n: 5 seeds cannot give less than 0.0625.
///
/// ```
/// use longlab_kernels::stats::sign_flip;
/// let got = sign_flip(&[0.1, 0.3, 0.2, 0.4, 0.25], 1000, 1)?;
/// assert!(got.exact && got.p == 0.0625 && got.arrangements == 32);
/// # Ok::<(), longlab_kernels::stats::StatsError>(())
/// ```
///
/// # Errors
/// [`StatsError::Few`] for no differences, [`StatsError::NotANumber`], [`StatsError::NoResamples`] where draws are needed and
/// `reps` is 0.
pub fn sign_flip(differences: &[f64], reps: u32, seed: u64) -> Result<Permutation, StatsError> {
    finite("a difference", differences)?;
    let n = differences.len();
    if n == 0 {
        return Err(StatsError::Few { what: "differences", got: 0, needed: 1 });
    }
    let mut counter = Counter::of(differences.iter().sum(), differences);
    if n < 64 && (1u64 << n) <= MOST_EXACT {
        for signs in 0..1u64 << n {
            let signed = |(i, d): (usize, &f64)| if signs >> i & 1 == 1 { -d } else { *d };
            counter.see(differences.iter().enumerate().map(signed).sum());
        }
        return Ok(counter.exact());
    }
    drawn(reps, |rep| {
        let mut stream = Address::new(seed, Purpose::Bootstrap).step(rep).position(SIGNS).stream();
        let (mut bits, mut sum) = (0, 0.0);
        for (i, d) in differences.iter().enumerate() {
            if i % 64 == 0 {
                bits = stream.bits();
            }
            sum += if bits >> (i % 64) & 1 == 1 { -d } else { *d };
        }
        counter.see(sum);
    })?;
    Ok(counter.by_draws())
}

/// Tests whether two samples come from one distribution, by the difference of their means: under that hypothesis any value may
/// have been on either side. Up to 2^18 ways to split are all counted, beyond that `reps` are drawn as in [`sign_flip`].
///
/// ```
/// use longlab_kernels::stats::two_sample_permutation;
/// let got = two_sample_permutation(&[0.7, 0.8, 0.9], &[0.1, 0.2, 0.3], 1000, 1)?;
/// assert!(got.exact && got.arrangements == 20 && (got.p - 0.1).abs() < 1e-15);
/// # Ok::<(), longlab_kernels::stats::StatsError>(())
/// ```
///
/// # Errors
/// As [`sign_flip`]; both samples need a value.
pub fn two_sample_permutation(a: &[f64], b: &[f64], reps: u32, seed: u64) -> Result<Permutation, StatsError> {
    finite("a value of the first sample", a)?;
    finite("a value of the second sample", b)?;
    if a.is_empty() || b.is_empty() {
        return Err(StatsError::Few { what: "values of a sample", got: 0, needed: 1 });
    }
    let pooled: Vec<f64> = a.iter().chain(b).copied().collect();
    // With the sizes given, the difference of means rises with the sum of the first sample.
    let centre = pooled.iter().sum::<f64>() / pooled.len() as f64;
    let centred: Vec<f64> = pooled.iter().map(|value| value - centre).collect();
    let mut counter = Counter::of(centred[..a.len()].iter().sum(), &centred);
    if ways(pooled.len(), a.len()).is_some() {
        each_choice(pooled.len(), a.len(), |chosen| counter.see(chosen.iter().map(|&i| centred[i]).sum()));
        return Ok(counter.exact());
    }
    drawn(reps, |rep| {
        let mut stream = Address::new(seed, Purpose::Bootstrap).step(rep).position(ORDERS).stream();
        let chosen = stream.choose_distinct(centred.len(), a.len());
        counter.see(chosen.iter().map(|&i| centred[i]).sum());
    })?;
    Ok(counter.by_draws())
}

fn drawn(reps: u32, draw: impl FnMut(u32)) -> Result<(), StatsError> {
    if reps == 0 {
        return Err(StatsError::NoResamples);
    }
    (0..reps).for_each(draw);
    Ok(())
}

/// Ways to choose k of n, if they are few enough.
fn ways(n: usize, k: usize) -> Option<u64> {
    let mut ways = 1u64;
    for i in 0..k.min(n - k) as u64 {
        ways = ways * (n as u64 - i) / (i + 1);
        if ways > MOST_EXACT {
            return None;
        }
    }
    Some(ways)
}

/// Every choice of k of 0..n, ascending.
fn each_choice(n: usize, k: usize, mut visit: impl FnMut(&[usize])) {
    let mut chosen: Vec<usize> = (0..k).collect();
    loop {
        visit(&chosen);
        let Some(place) = (0..k).rev().find(|&place| chosen[place] < n - k + place) else {
            return;
        };
        chosen[place] += 1;
        (place + 1..k).for_each(|later| chosen[later] = chosen[later - 1] + 1);
    }
}

/// Counts sums on both sides of the one observed.
struct Counter {
    observed: f64,
    near: f64,
    not_below: u64,
    not_above: u64,
    seen: u64,
}

impl Counter {
    fn of(observed: f64, values: &[f64]) -> Self {
        // The same sum in another order misses by rounding; what is that near counts as equal.
        let near = 1e-14 * values.iter().map(|value| value.abs()).sum::<f64>();
        Counter { observed, near, not_below: 0, not_above: 0, seen: 0 }
    }

    fn see(&mut self, sum: f64) {
        self.not_below += u64::from(sum >= self.observed - self.near);
        self.not_above += u64::from(sum <= self.observed + self.near);
        self.seen += 1;
    }

    fn exact(&self) -> Permutation {
        self.found(0, true)
    }

    /// The arrangement observed counts as one more.
    fn by_draws(&self) -> Permutation {
        self.found(1, false)
    }

    fn found(&self, more: u64, exact: bool) -> Permutation {
        let share = |count: u64| (count + more) as f64 / (self.seen + more) as f64;
        let (greater, less) = (share(self.not_below), share(self.not_above));
        Permutation { p: (2.0 * greater.min(less)).min(1.0), greater, less, arrangements: self.seen, exact }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_all_and_once() {
        let mut seen = Vec::new();
        each_choice(5, 3, |chosen| seen.push(chosen.to_vec()));
        let count = seen.len() as u64;
        seen.dedup();
        assert_eq!((count, seen.len()), (ways(5, 3).expect("few"), 10));
        assert_eq!((ways(30, 15), ways(4, 0)), (None, Some(1)));
    }

    #[test]
    fn draws_agree_with_the_exact_test() {
        let eighteen: Vec<f64> = (0..18).map(|i| 0.3 + ((i * 7) % 18) as f64 / 9.0 - 1.0).collect();
        let exact = sign_flip(&eighteen, 0, 1).expect("few enough");
        // A pair of zeros changes no sum, and makes the arrangements too many to count.
        let longer: Vec<f64> = eighteen.iter().copied().chain([0.0, 0.0]).collect();
        let by_draws = sign_flip(&longer, 40_000, 1).expect("draws");
        assert!(exact.exact && !by_draws.exact);
        // Five standard deviations of a share of 40,000.
        assert!((exact.greater - by_draws.greater).abs() < 5.0 * (0.25f64 / 40_000.0).sqrt());
    }

    #[test]
    fn nothing_observed_is_p_one() {
        assert_eq!(sign_flip(&[0.0; 4], 0, 1).expect("few enough").p, 1.0);
        assert_eq!(two_sample_permutation(&[0.1; 3], &[0.1; 2], 0, 1).expect("few enough").p, 1.0);
        assert_eq!(sign_flip(&[1.0; 40], 0, 1), Err(StatsError::NoResamples));
    }
}
