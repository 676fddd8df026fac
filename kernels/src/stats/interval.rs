//! Intervals in closed form, and Holm's adjustment.

use super::student::{student_cdf, student_quantile};
use super::{Difference, Estimate, StatsError, mean, sample_std};

/// The 97.5% quantile of the standard normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// Wilson's 95% interval of a share, (low, high); (0, 1) of no trials.
///
/// A count has steps, so the interval holds the true share somewhat more or less often than 95%: of 100 trials 94.8% at a share of
/// 0.4, 93.7% at 0.3 (exact sums over the binomial distribution).
///
/// ```
/// let (low, high) = longlab_kernels::stats::wilson(8, 10);
/// assert!((low - 0.490_162).abs() < 1e-6 && (high - 0.943_318).abs() < 1e-6);
/// ```
pub fn wilson(successes: u64, trials: u64) -> (f64, f64) {
    if trials == 0 {
        return (0.0, 1.0);
    }
    let n = trials as f64;
    let share = successes.min(trials) as f64 / n;
    let scale = 1.0 + Z * Z / n;
    let centre = (share + Z * Z / (2.0 * n)) / scale;
    let half = Z / scale * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    // At a share of 0 or 1 the end is exact; rounding must not move it.
    let low = if successes == 0 { 0.0 } else { centre - half };
    let high = if successes >= trials { 1.0 } else { centre + half };
    (low, high)
}

/// Mean over seeds with its Student-t 95% interval (unbounded scale: it may leave 0..1).
///
/// # Errors
/// [`StatsError::TooFew`] for fewer than two values.
pub fn student_interval(values: &[f64]) -> Result<Estimate, StatsError> {
    let (centre, error) = centre_and_error(values)?;
    let half = student_quantile(0.975, (values.len() - 1) as f64) * error;
    Ok(Estimate { mean: centre, low: centre - half, high: centre + half, evaluation_only: false })
}

/// Mean of `a` minus mean of `b`, paired over seeds: Student-t 95% interval and two-sided p of the differences.
///
/// ```
/// use longlab_kernels::stats::difference_of_means_paired;
/// let got = difference_of_means_paired(&[0.6, 0.7, 0.8], &[0.5, 0.5, 0.5])?;
/// assert!((got.mean - 0.2).abs() < 1e-12 && (got.p - 0.074_180).abs() < 1e-6);
/// # Ok::<(), longlab_kernels::stats::StatsError>(())
/// ```
///
/// # Errors
/// [`StatsError::Unpaired`] if the lengths differ, [`StatsError::TooFew`] for fewer than two seeds.
pub fn difference_of_means_paired(a: &[f64], b: &[f64]) -> Result<Difference, StatsError> {
    if a.len() != b.len() {
        let words = |values: &[f64]| format!("{} seeds", values.len());
        return Err(StatsError::Unpaired { left: words(a), right: words(b) });
    }
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    let Estimate { mean, low, high, evaluation_only } = student_interval(&differences)?;
    let (_, error) = centre_and_error(&differences)?;
    let p = if mean == 0.0 {
        1.0
    } else {
        // A zero error makes t infinite and p 0: every seed differs by the same amount.
        2.0 * student_cdf(-(mean / error).abs(), (differences.len() - 1) as f64)
    };
    Ok(Difference { mean, low, high, p, evaluation_only })
}

/// Mean and its standard error.
fn centre_and_error(values: &[f64]) -> Result<(f64, f64), StatsError> {
    match (mean(values), sample_std(values)) {
        (Some(centre), Some(spread)) => Ok((centre, spread / (values.len() as f64).sqrt())),
        _ => Err(StatsError::TooFew { got: values.len(), needed: 2 }),
    }
}

/// Holm's step-down adjustment of several p values, in their order: reject at level alpha where the adjusted p is below it.
///
/// ```
/// assert_eq!(longlab_kernels::stats::holm(&[0.01, 0.5, 0.02]), [0.03, 0.5, 0.04]);
/// ```
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&i, &j| p[i].total_cmp(&p[j]));
    let mut adjusted = vec![0.0; p.len()];
    let mut floor = 0.0f64;
    for (rank, &i) in order.iter().enumerate() {
        floor = floor.max(((p.len() - rank) as f64 * p[i]).min(1.0));
        adjusted[i] = floor;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilson_keeps_its_ends() {
        assert_eq!(wilson(0, 0), (0.0, 1.0));
        let (low, high) = wilson(0, 20);
        assert!(low == 0.0 && (high - 0.161_125).abs() < 1e-6, "{high}");
        assert_eq!(wilson(20, 20).1, 1.0);
    }

    #[test]
    fn student_interval_by_hand() {
        // Mean 3, std sqrt(2.5), t 2.776445 at 4 degrees of freedom.
        let got = student_interval(&[1.0, 2.0, 3.0, 4.0, 5.0]).expect("five values");
        assert!((got.high - 3.0 - 2.776_445_105 * 0.5f64.sqrt()).abs() < 1e-8, "{got:?}");
        assert_eq!(student_interval(&[1.0]), Err(StatsError::TooFew { got: 1, needed: 2 }));
    }

    #[test]
    fn paired_p_at_its_limits() {
        assert_eq!(difference_of_means_paired(&[1.0, 2.0], &[1.0, 2.0]).expect("two seeds").p, 1.0);
        let constant = difference_of_means_paired(&[1.0, 2.0], &[0.5, 1.5]).expect("two seeds");
        assert_eq!((constant.mean, constant.low, constant.p), (0.5, 0.5, 0.0));
        assert!(difference_of_means_paired(&[1.0], &[]).is_err());
    }

    #[test]
    fn holm_is_monotone_and_capped() {
        assert_eq!(holm(&[0.9, 0.8]), [1.0, 1.0]);
        assert_eq!(holm(&[0.02, 0.03]), [0.04, 0.04]);
        assert!(holm(&[]).is_empty());
    }
}
