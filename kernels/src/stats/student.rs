//! Student's t distribution, by the regularised incomplete beta function.

use super::normal::normal_cdf;

/// Degrees of freedom above which the first term of the expansion around the normal distribution (Fisher 1925) is closer than the
/// incomplete beta function, whose gamma functions cancel: its next term is below 1e-13.
const NEARLY_NORMAL: f64 = 1e6;

/// P(T <= t) for Student's t with `freedom` degrees of freedom.
pub fn student_cdf(t: f64, freedom: f64) -> f64 {
    if t.is_infinite() {
        return if t > 0.0 { 1.0 } else { 0.0 };
    }
    if freedom > NEARLY_NORMAL {
        let density = (-0.5 * t * t).exp() / std::f64::consts::TAU.sqrt();
        return normal_cdf(t) - density * t * (t * t + 1.0) / (4.0 * freedom);
    }
    let tail = 0.5 * incomplete_beta(freedom / 2.0, 0.5, freedom / (freedom + t * t));
    if t > 0.0 { 1.0 - tail } else { tail }
}

/// The t with P(T <= t) = p, for p strictly between 0 and 1.
///
/// ```
/// use longlab_kernels::stats::student_quantile;
/// assert!((student_quantile(0.975, 4.0) - 2.776_445_105).abs() < 1e-8);
/// assert!((student_quantile(0.975, 1.0) - 12.706_204_736).abs() < 1e-6);
/// ```
pub fn student_quantile(p: f64, freedom: f64) -> f64 {
    if p < 0.5 {
        return -student_quantile(1.0 - p, freedom);
    }
    let (mut low, mut high) = (0.0, 1.0);
    while student_cdf(high, freedom) < p && high < 1e300 {
        high *= 2.0;
    }
    // Each halving gains a bit; 200 exhaust a double.
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if student_cdf(middle, freedom) < p { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// I_x(a, b), by the continued fraction on the side where it converges fast.
fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (1.0 - x).ln()).exp();
    if x < (a + 1.0) / (a + b + 2.0) {
        front * beta_fraction(a, b, x) / a
    } else {
        1.0 - front * beta_fraction(b, a, 1.0 - x) / b
    }
}

/// Lentz's evaluation of the continued fraction of the incomplete beta function.
fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    let safe = |v: f64| if v.abs() < 1e-300 { 1e-300 } else { v };
    let mut c = 1.0;
    let mut d = 1.0 / safe(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for m in 1..500 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / safe(1.0 + even * d);
        c = safe(1.0 + even / c);
        fraction *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / safe(1.0 + odd * d);
        c = safe(1.0 + odd / c);
        fraction *= d * c;
        if (d * c - 1.0).abs() < 1e-15 {
            break;
        }
    }
    fraction
}

/// ln Gamma(x) for x > 0: Stirling's series after lifting x above 12.
fn ln_gamma(x: f64) -> f64 {
    let (mut x, mut shift) = (x, 0.0);
    while x < 12.0 {
        shift += x.ln();
        x += 1.0;
    }
    let inverse = 1.0 / (x * x);
    let series =
        1.0 / 12.0 - inverse * (1.0 / 360.0 - inverse * (1.0 / 1260.0 - inverse * (1.0 / 1680.0 - inverse / 1188.0)));
    (x - 0.5) * x.ln() - x + 0.5 * std::f64::consts::TAU.ln() + series / x - shift
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_forms_agree() {
        // One degree of freedom is Cauchy's distribution, two have an algebraic form.
        for t in [-30.0f64, -2.0, -0.1, 0.0, 0.7, 5.0] {
            let cauchy = 0.5 + t.atan() / std::f64::consts::PI;
            let two = 0.5 + t / (2.0 * (2.0 + t * t).sqrt());
            assert!((student_cdf(t, 1.0) - cauchy).abs() < 1e-13, "{t}");
            assert!((student_cdf(t, 2.0) - two).abs() < 1e-13, "{t}");
        }
    }

    #[test]
    fn with_many_degrees_of_freedom_it_is_nearly_normal() {
        for t in [-3.0, 0.5, 1.96, 4.0] {
            let (below, above) = (student_cdf(t, NEARLY_NORMAL), student_cdf(t, NEARLY_NORMAL * 1.001));
            assert!((below - above).abs() < 3e-10, "{t}: {below} {above}");
            assert!((student_cdf(t, 1e9) - normal_cdf(t)).abs() < 1e-9, "{t}");
        }
    }

    #[test]
    fn gamma_of_whole_and_half_numbers() {
        assert!((ln_gamma(5.0) - 24f64.ln()).abs() < 1e-13);
        assert!((ln_gamma(0.5) - std::f64::consts::PI.sqrt().ln()).abs() < 1e-13);
    }

    #[test]
    fn printed_table_of_critical_values() {
        for (freedom, t) in [(1.0, 12.706), (2.0, 4.303), (3.0, 3.182), (9.0, 2.262), (30.0, 2.042), (1000.0, 1.962)] {
            assert!((student_quantile(0.975, freedom) - t).abs() < 5e-4, "{freedom}");
            assert_eq!(student_quantile(0.025, freedom), -student_quantile(0.975, freedom));
        }
    }
}
