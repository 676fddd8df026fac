//! Standard errors of a mean over items that come in clusters: questions on one document, answers to one question.
//!
//! Miller 2024, "Adding Error Bars to Evals" (arXiv 2411.00640), and inspect_ai's `stderr` and `ci` metrics. All of them cover
//! the choice of items alone, not the luck of training.

use super::resampled::finite;
use super::student::{student_cdf, student_quantile};
use super::{Difference, Estimate, StatsError, mean, sample_std};

/// Whether the variance over clusters is multiplied by C / (C - 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Correction {
    /// As in inspect_ai: unbiased where all clusters are of one size.
    Finite,
    /// As written in Miller 2024: too small with few clusters.
    None,
}

/// Standard error of the mean of independent values: their standard deviation (n - 1) over the root of n.
///
/// # Errors
/// [`StatsError::Few`] for fewer than two values, [`StatsError::NotANumber`].
pub fn standard_error(values: &[f64]) -> Result<f64, StatsError> {
    finite("a score", values)?;
    let few = StatsError::Few { what: "values of a standard error", got: values.len(), needed: 2 };
    Ok(sample_std(values).ok_or(few)? / (values.len() as f64).sqrt())
}

/// Clustered standard error of the mean; `clusters[i]` names the cluster of value i.
///
/// SE^2 = sum over clusters of (sum of s_i - mean)^2 / n^2, times C / (C - 1) with [`Correction::Finite`]. Clusters of one value
/// give [`standard_error`] (with the correction).
///
/// ```
/// use longlab_kernels::stats::{Correction, clustered_standard_error};
/// let scores = [1.0, 1.0, 0.0, 0.0];
/// let by_pairs = clustered_standard_error(&scores, &[7, 7, 9, 9], Correction::Finite)?;
/// assert!((by_pairs - 0.5).abs() < 1e-15);
/// # Ok::<(), longlab_kernels::stats::StatsError>(())
/// ```
///
/// # Errors
/// [`StatsError::Unpaired`] if the lengths differ, [`StatsError::Few`] for fewer than two clusters,
/// [`StatsError::NotANumber`].
pub fn clustered_standard_error(values: &[f64], clusters: &[usize], correction: Correction) -> Result<f64, StatsError> {
    Ok(clustered(values, clusters, correction)?.error)
}

/// The mean with its 95% interval: Student's t with one degree of freedom less than clusters, as inspect_ai's
/// `ci(method="t", cluster=..)`.
///
/// # Errors
/// As [`clustered_standard_error`].
pub fn clustered_interval(values: &[f64], clusters: &[usize]) -> Result<Estimate, StatsError> {
    let Clustered { mean, error, count } = clustered(values, clusters, Correction::Finite)?;
    let half = student_quantile(0.975, (count - 1) as f64) * error;
    Ok(Estimate { mean, low: mean - half, high: mean + half, evaluation_only: true })
}

/// Mean of `a` minus mean of `b` over the same items, with the clustered interval and p of the item differences. Taking the
/// difference item by item is Miller's paired analysis: SE^2 = (Var a + Var b - 2 Cov(a, b)) / n. For items that are independent
/// give each a cluster of its own.
///
/// ```
/// use longlab_kernels::stats::clustered_difference;
/// let (a, b) = ([1.0, 1.0, 0.0, 1.0], [1.0, 0.0, 0.0, 0.0]);
/// let got = clustered_difference(&a, &b, &[0, 1, 2, 3])?;
/// assert!(got.mean == 0.5 && (got.high - 0.5 - 3.182_446 / 12f64.sqrt()).abs() < 1e-6);
/// # Ok::<(), longlab_kernels::stats::StatsError>(())
/// ```
///
/// # Errors
/// As [`clustered_standard_error`].
pub fn clustered_difference(a: &[f64], b: &[f64], clusters: &[usize]) -> Result<Difference, StatsError> {
    finite("a score of the first", a)?;
    finite("a score of the second", b)?;
    same_length(a.len(), b.len(), "scores")?;
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    let Clustered { mean, error, count } = clustered(&differences, clusters, Correction::Finite)?;
    let freedom = (count - 1) as f64;
    let half = student_quantile(0.975, freedom) * error;
    // Without any spread t is infinite and p 0, save where there is no difference either.
    let p = if mean == 0.0 { 1.0 } else { 2.0 * student_cdf(-(mean / error).abs(), freedom) };
    Ok(Difference { mean, low: mean - half, high: mean + half, p, evaluation_only: true })
}

struct Clustered {
    mean: f64,
    error: f64,
    count: usize,
}

fn clustered(values: &[f64], clusters: &[usize], correction: Correction) -> Result<Clustered, StatsError> {
    finite("a score", values)?;
    same_length(values.len(), clusters.len(), "cluster names")?;
    let few = |got| StatsError::Few { what: "clusters", got, needed: 2 };
    let centre = mean(values).ok_or(few(0))?;
    let mut by_cluster: Vec<(usize, f64)> = clusters.iter().copied().zip(values.iter().map(|v| v - centre)).collect();
    by_cluster.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let groups = by_cluster.chunk_by(|a, b| a.0 == b.0);
    let squares: Vec<f64> = groups.map(|group| group.iter().map(|(_, d)| d).sum::<f64>().powi(2)).collect();
    let count = squares.len();
    if count < 2 {
        return Err(few(count));
    }
    let factor = match correction {
        Correction::Finite => count as f64 / (count - 1) as f64,
        Correction::None => 1.0,
    };
    let error = (squares.iter().sum::<f64>() * factor).sqrt() / values.len() as f64;
    Ok(Clustered { mean: centre, error, count })
}

fn same_length(scores: usize, others: usize, what: &str) -> Result<(), StatsError> {
    if scores == others {
        return Ok(());
    }
    Err(StatsError::Unpaired { left: format!("{scores} scores"), right: format!("{others} {what}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lone_values_are_independent_values() {
        let values = [0.1, 0.9, 0.4, 0.4, 0.7];
        let own = clustered_standard_error(&values, &[4, 2, 9, 1, 0], Correction::Finite).expect("five clusters");
        assert!((own - standard_error(&values).expect("five values")).abs() < 1e-15);
    }

    #[test]
    fn repeated_answers_add_nothing() {
        let once = standard_error(&[0.0, 1.0, 0.5]).expect("three values");
        let twice = [0.0, 0.0, 1.0, 1.0, 0.5, 0.5];
        let error = clustered_standard_error(&twice, &[0, 0, 1, 1, 2, 2], Correction::Finite).expect("three clusters");
        assert!((once - error).abs() < 1e-15);
    }

    #[test]
    fn wrong_input_is_named() {
        let error = |values: &[f64], clusters: &[usize]| {
            clustered_interval(values, clusters).expect_err("wrong input").to_string()
        };
        assert!(error(&[1.0, 2.0], &[1, 1]).contains("1 clusters"));
        assert!(error(&[], &[]).contains("0 clusters"));
        assert!(error(&[1.0, 2.0], &[1]).contains("2 scores with 1 cluster names"));
        assert!(error(&[1.0, f64::NAN], &[1, 2]).contains("NaN"));
    }
}
