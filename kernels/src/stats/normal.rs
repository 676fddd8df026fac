//! The standard normal distribution.

/// P(Z <= z) for a standard normal Z, with the relative precision of a double in the lower tail too.
///
/// Near 0 by the series Phi(x) - 1/2 = phi(x) (x + x^3/3 + x^5/(3 5) + ...), whose terms are all positive; further out by
/// Laplace's continued fraction of the tail. NaN gives NaN.
///
/// ```
/// use longlab_kernels::stats::normal_cdf;
/// assert!((normal_cdf(1.959_963_984_540_054) - 0.975).abs() < 1e-15);
/// assert!((normal_cdf(-10.0) / 7.619_853_024_160_525e-24 - 1.0).abs() < 1e-13);
/// ```
pub fn normal_cdf(z: f64) -> f64 {
    if z > 0.0 { 1.0 - lower_tail(z) } else { lower_tail(-z) }
}

/// P(Z <= -x) for x >= 0.
fn lower_tail(x: f64) -> f64 {
    let density = (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt();
    if x < 2.5 {
        let (mut term, mut sum, mut odd) = (x, x, 1.0);
        while term > 1e-17 * sum {
            odd += 2.0;
            term *= x * x / odd;
            sum += term;
        }
        return 0.5 - density * sum;
    }
    // x + 1/(x + 2/(x + 3/(x + ...))): at x = 2.5 the 120th level is below 1e-30 of the value.
    let fraction = (1..=120).rev().fold(x, |rest, level| x + f64::from(level) / rest);
    density / fraction
}

/// The z with P(Z <= z) = p; minus infinity at 0 and below, infinity at 1 and above. NaN gives NaN.
///
/// ```
/// use longlab_kernels::stats::normal_quantile;
/// assert!((normal_quantile(0.8) - 0.841_621_233_572_914_4).abs() < 1e-14);
/// assert_eq!(normal_quantile(0.5), 0.0);
/// ```
pub fn normal_quantile(p: f64) -> f64 {
    if p.is_nan() || p <= 0.0 {
        return if p.is_nan() { p } else { f64::NEG_INFINITY };
    }
    if p >= 1.0 {
        return f64::INFINITY;
    }
    if p >= 0.5 {
        return if p == 0.5 { 0.0 } else { -normal_quantile(1.0 - p) };
    }
    // Below -39 the probability is no longer a double.
    let (mut low, mut high) = (-39.0, 0.0);
    loop {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            return middle;
        }
        if normal_cdf(middle) < p { low = middle } else { high = middle }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_branches_meet() {
        let (inside, outside) = (lower_tail(2.5f64.next_down()), lower_tail(2.5));
        assert!((inside / outside - 1.0).abs() < 1e-13, "{inside} {outside}");
    }

    #[test]
    fn ends_and_nan() {
        assert_eq!((normal_cdf(f64::NEG_INFINITY), normal_cdf(f64::INFINITY)), (0.0, 1.0));
        assert_eq!((normal_quantile(0.0), normal_quantile(1.0)), (f64::NEG_INFINITY, f64::INFINITY));
        assert!(normal_cdf(f64::NAN).is_nan() && normal_quantile(f64::NAN).is_nan());
    }

    #[test]
    fn quantile_inverts() {
        for p in [1e-300, 1e-12, 0.001, 0.025, 0.3, 0.49999] {
            assert!((normal_cdf(normal_quantile(p)) / p - 1.0).abs() < 1e-11, "{p}");
            assert_eq!(normal_quantile(1.0 - 0.25), -normal_quantile(0.25));
        }
    }
}
