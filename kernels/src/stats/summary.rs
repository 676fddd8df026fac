//! Mean, standard deviation, quantile.

/// Arithmetic mean; none of no values.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Unbiased (n - 1) standard deviation; none of fewer than two values.
///
/// ```
/// assert_eq!(longlab_kernels::stats::sample_std(&[1.0, 3.0, 5.0]), Some(2.0));
/// ```
pub fn sample_std(values: &[f64]) -> Option<f64> {
    let centre = mean(values).filter(|_| values.len() > 1)?;
    let squares: f64 = values.iter().map(|v| (v - centre).powi(2)).sum();
    Some((squares / (values.len() - 1) as f64).sqrt())
}

/// Quantile by linear interpolation between order statistics (Hyndman and Fan's type 7, numpy's default); none of no values.
/// `q` outside 0..=1 counts as the nearer end.
///
/// ```
/// use longlab_kernels::stats::quantile;
/// assert_eq!(quantile(&[4.0, 1.0, 2.0, 3.0], 0.5), Some(2.5));
/// assert_eq!(quantile(&[4.0, 1.0, 2.0, 3.0], 0.9), Some(3.7));
/// ```
pub fn quantile(values: &[f64], q: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    quantile_sorted(&sorted, q)
}

/// [`quantile`] of values that are sorted already.
pub(crate) fn quantile_sorted(sorted: &[f64], q: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = q.clamp(0.0, 1.0) * last as f64;
    let below = place.floor() as usize;
    let (low, high) = (sorted[below], sorted[(below + 1).min(last)]);
    Some(low + (high - low) * (place - below as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_values_give_none() {
        assert_eq!((mean(&[]), sample_std(&[1.0]), quantile(&[], 0.5)), (None, None, None));
    }

    #[test]
    fn quantile_ends_are_the_extremes() {
        let values = [3.0, 1.0, 2.0];
        assert_eq!([0.0, 1.0, -1.0, 2.0].map(|q| quantile(&values, q)), [Some(1.0), Some(3.0), Some(1.0), Some(3.0)]);
    }
}
