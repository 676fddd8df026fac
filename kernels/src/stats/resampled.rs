//! From resamples to an interval: percentile, and bias-corrected and accelerated (BCa).

use super::summary::quantile_sorted;
use super::{StatsError, normal_cdf, normal_quantile};

/// How many resamples are drawn, from which streams, and how they become an interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Resampling {
    /// Percentile or BCa.
    pub method: Method,
    /// Resamples; 2,000 or more for a 95% interval.
    pub reps: u32,
    /// Seed of the streams.
    pub seed: u64,
}

/// From resamples to a 95% interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The 2.5% and 97.5% quantiles of the resamples.
    Percentile,
    /// Those quantiles moved for bias and skewness ([`bca`]).
    Bca,
}

/// A number made of all data, with its 95% interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The number itself, not the mean of resamples.
    pub point: f64,
    /// Lower end of the 95% interval.
    pub low: f64,
    /// Upper end of the 95% interval.
    pub high: f64,
}

/// A BCa interval with what it was made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bca {
    /// Bias correction: the normal quantile of the share of resamples below the point, ties counting half.
    pub z0: f64,
    /// Acceleration, from the jackknife.
    pub acceleration: f64,
    /// Lower end of the 95% interval.
    pub low: f64,
    /// Upper end of the 95% interval.
    pub high: f64,
}

/// The bias-corrected and accelerated 95% interval of Efron (1987), as in Efron and Tibshirani (1993), 14.3.
///
/// `jackknife[j][i]` is the statistic without value i of sample j. With several samples (strata) of n_j values,
/// U_ji = (n_j - 1) (mean_i theta_ji - theta_ji) and a = 1/6 sum U^3 / n_j^3 / (sum U^2 / n_j^2)^(3/2), as in scipy. An end is
/// the quantile Phi(z0 + (z0 + z) / (1 - a (z0 + z))) of the resamples, z = -1.96 and 1.96. Where nothing in the jackknife
/// varies, a is 0.
///
/// ```
/// use longlab_kernels::stats::bca;
/// let resamples: Vec<f64> = (0..=1000).map(|i| f64::from(i) / 1000.0).collect();
/// let even = bca(0.5, &resamples, &[vec![0.4, 0.6]])?;
/// assert_eq!((even.z0, even.acceleration), (0.0, 0.0));
/// assert!((even.low - 0.025).abs() < 1e-12 && (even.high - 0.975).abs() < 1e-12);
/// # Ok::<(), longlab_kernels::stats::StatsError>(())
/// ```
///
/// # Errors
/// [`StatsError::NoResamples`]; [`StatsError::NotANumber`] for a value that is not finite; [`StatsError::NoBca`] if all
/// resamples lie on one side of the point (z0 is then infinite) or the acceleration is too large for the formula.
pub fn bca(point: f64, resamples: &[f64], jackknife: &[Vec<f64>]) -> Result<Bca, StatsError> {
    finite("the estimate", &[point])?;
    finite("a resample", resamples)?;
    jackknife.iter().try_for_each(|sample| finite("a jackknife value", sample))?;
    let mut sorted = resamples.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    bca_sorted(point, &sorted, jackknife)
}

fn bca_sorted(point: f64, sorted: &[f64], jackknife: &[Vec<f64>]) -> Result<Bca, StatsError> {
    if sorted.is_empty() {
        return Err(StatsError::NoResamples);
    }
    let below = sorted.partition_point(|&x| x < point);
    let not_above = sorted.partition_point(|&x| x <= point);
    let z0 = normal_quantile((below + not_above) as f64 / (2 * sorted.len()) as f64);
    if !z0.is_finite() {
        let what = format!("all {} resamples lie on one side of the estimate {point}", sorted.len());
        return Err(StatsError::NoBca { what });
    }
    let acceleration = acceleration(jackknife);
    let end = |tail: f64| {
        let shifted = z0 + normal_quantile(tail);
        let scale = 1.0 - acceleration * shifted;
        if scale <= 0.0 {
            return Err(StatsError::NoBca { what: format!("the acceleration {acceleration} is too large") });
        }
        Ok(quantile_sorted(sorted, normal_cdf(z0 + shifted / scale)).expect("at least one resample"))
    };
    Ok(Bca { z0, acceleration, low: end(0.025)?, high: end(0.975)? })
}

fn acceleration(jackknife: &[Vec<f64>]) -> f64 {
    let (mut cubes, mut squares) = (0.0, 0.0);
    for sample in jackknife.iter().filter(|sample| !sample.is_empty()) {
        let n = sample.len() as f64;
        let centre = sample.iter().sum::<f64>() / n;
        let moves = sample.iter().map(|value| (n - 1.0) / n * (centre - value));
        moves.for_each(|u| {
            cubes += u * u * u;
            squares += u * u;
        });
    }
    let scale = squares * squares.sqrt();
    // Also where the cube of tiny numbers is no longer a double.
    if scale > 0.0 { cubes / scale / 6.0 } else { 0.0 }
}

/// The interval of a point by its resamples; the jackknife is only made where it is needed.
pub(super) fn interval(
    point: f64,
    mut resamples: Vec<f64>,
    method: Method,
    jackknife: impl FnOnce() -> Result<Vec<Vec<f64>>, StatsError>,
) -> Result<Interval, StatsError> {
    resamples.sort_unstable_by(f64::total_cmp);
    let quantile = |q| quantile_sorted(&resamples, q).ok_or(StatsError::NoResamples);
    Ok(match method {
        Method::Percentile => Interval { point, low: quantile(0.025)?, high: quantile(0.975)? },
        Method::Bca => {
            let Bca { low, high, .. } = bca_sorted(point, &resamples, &jackknife()?)?;
            Interval { point, low, high }
        }
    })
}

/// Every value is a finite number.
pub(super) fn finite(what: &'static str, values: &[f64]) -> Result<(), StatsError> {
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(place) => Err(StatsError::NotANumber { what, place, value: values[place] }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sided_resamples_are_named() {
        let error = bca(2.0, &[0.0, 1.0], &[]).expect_err("all below");
        assert!(error.to_string().contains("all 2 resamples lie on one side of the estimate 2"), "{error}");
        assert_eq!(bca(0.0, &[], &[]), Err(StatsError::NoResamples));
        assert!(matches!(bca(0.0, &[f64::NAN], &[]), Err(StatsError::NotANumber { place: 0, .. })));
    }

    #[test]
    fn what_does_not_vary_has_no_width() {
        let got = bca(0.3, &[0.3; 9], &[vec![0.3; 4]]).expect("resamples");
        assert_eq!(got, Bca { z0: 0.0, acceleration: 0.0, low: 0.3, high: 0.3 });
    }

    #[test]
    fn skewness_moves_both_ends_up() {
        let resamples: Vec<f64> = (0..=1000).map(f64::from).collect();
        let got = bca(500.0, &resamples, &[vec![-3.0, 0.0, 0.0, 0.0]]).expect("resamples");
        assert!(got.acceleration > 0.0 && got.low > 25.0 && got.high > 975.0, "{got:?}");
    }
}
