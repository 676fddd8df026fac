//! Student's t for the few numbers that there are seeds.

use std::f64::consts::PI;

/// P(|T| <= t) for Student's t with whole degrees of freedom (Abramowitz and Stegun 26.7.3 and 26.7.4).
///
/// ```
/// # use longlab::report::student::two_sided;
/// assert!((two_sided(12.706, 1) - 0.95).abs() < 1e-5);
/// assert!((two_sided(2.776, 4) - 0.95).abs() < 1e-4);
/// ```
pub fn two_sided(t: f64, freedom: usize) -> f64 {
    let angle = (t.abs() / (freedom as f64).sqrt()).atan();
    let (sin, cos) = angle.sin_cos();
    let odd = freedom % 2 == 1;
    let (mut term, mut sum) = if odd { (cos, 0.0) } else { (1.0, 0.0) };
    let mut power = if odd { 1 } else { 0 };
    while power + 2 <= freedom {
        sum += term;
        power += 2;
        term *= cos * cos * (power - 1) as f64 / power as f64;
    }
    if odd { 2.0 / PI * (angle + sin * sum) } else { sin * sum }
}

/// The t that holds 95% of the distribution between -t and t, by bisection.
///
/// ```
/// # use longlab::report::student::quantile95;
/// assert!((quantile95(4) - 2.7764).abs() < 1e-3);
/// ```
pub fn quantile95(freedom: usize) -> f64 {
    let (mut low, mut high) = (0.0, 20.0);
    for _ in 0..80 {
        let middle = (low + high) / 2.0;
        if two_sided(middle, freedom) < 0.95 { low = middle } else { high = middle }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_printed_tables() {
        for (freedom, printed) in [(1, 12.706), (2, 4.303), (3, 3.182), (5, 2.571), (9, 2.262), (30, 2.042)] {
            assert!((quantile95(freedom) - printed).abs() < 6e-4, "{freedom}: {}", quantile95(freedom));
        }
    }
}
