//! One number a run and task, and what is made of them: the mean, the median, the interquartile mean, the optimality gap.

use super::{Scores, StatsError, mean};

/// Mean of what is left after a quarter of the values (rounded down) is cut off at each end; none of no values.
///
/// This is `scipy.stats.trim_mean(values, 0.25)`, and rliable's IQM (Agarwal et al. 2021, arXiv 2108.13264) over all runs and
/// tasks together. It moves less with outliers than the mean and resolves more than the median.
///
/// ```
/// use longlab_kernels::stats::iqm;
/// assert_eq!(iqm(&[9.0, 1.0, 2.0, 3.0, -50.0, 4.0, 2.0, 100.0]), Some(2.75));
/// ```
pub fn iqm(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    iqm_of(&mut sorted)
}

fn iqm_of(values: &mut [f64]) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let cut = values.len() / 4;
    mean(&values[cut..values.len() - cut])
}

/// How the numbers of all runs and tasks become one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Aggregate {
    /// Mean over tasks of the mean over runs.
    Mean,
    /// Median over tasks of the mean over runs.
    Median,
    /// Interquartile mean over runs and tasks together ([`iqm`]).
    Iqm,
    /// How far scores stay below `at` on average, counting those above as `at`: at - mean(min(score, at)).
    OptimalityGap {
        /// The score to reach.
        at: f64,
    },
}

impl Aggregate {
    /// The aggregate of columns that all hold at least one value; `buffer` is scratch space.
    pub(super) fn of(self, columns: &[Vec<f64>], buffer: &mut Vec<f64>) -> f64 {
        let column_mean = |column: &Vec<f64>| column.iter().sum::<f64>() / column.len() as f64;
        let count: usize = columns.iter().map(Vec::len).sum();
        match self {
            Aggregate::Mean => columns.iter().map(column_mean).sum::<f64>() / columns.len() as f64,
            Aggregate::Median => {
                buffer.clear();
                buffer.extend(columns.iter().map(column_mean));
                buffer.sort_unstable_by(f64::total_cmp);
                let (low, high) = (buffer[(buffer.len() - 1) / 2], buffer[buffer.len() / 2]);
                0.5 * (low + high)
            }
            Aggregate::Iqm => {
                buffer.clear();
                buffer.extend(columns.iter().flatten());
                iqm_of(buffer).expect("columns hold values")
            }
            Aggregate::OptimalityGap { at } => {
                at - columns.iter().flatten().map(|score| score.min(at)).sum::<f64>() / count as f64
            }
        }
    }

    pub(super) fn check(self) -> Result<(), StatsError> {
        match self {
            Aggregate::OptimalityGap { at } if !at.is_finite() => {
                Err(StatsError::OutOfRange { what: "the score of the optimality gap", value: at, range: "finite" })
            }
            _ => Ok(()),
        }
    }
}

/// Scores of one variant as runs x tasks, one number each. Tasks are the strata of the stratified bootstrap: runs are drawn
/// anew within each task, tasks are kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Runs {
    /// `columns[task][run]`.
    columns: Vec<Vec<f64>>,
}

impl Runs {
    /// Checks the shape: `scores[run][task]`.
    ///
    /// # Errors
    /// [`StatsError::Empty`], [`StatsError::Ragged`] or [`StatsError::NotFinite`]; runs are called seeds and tasks suites there.
    pub fn new(scores: Vec<Vec<f64>>) -> Result<Self, StatsError> {
        let seed = |run: Vec<f64>| run.into_iter().map(|score| vec![score]).collect();
        Ok(Runs::from(&Scores::new(scores.into_iter().map(seed).collect())?))
    }

    /// Number of runs, at least 1.
    pub fn runs(&self) -> usize {
        self.columns[0].len()
    }

    /// Number of tasks, at least 1.
    pub fn tasks(&self) -> usize {
        self.columns.len()
    }

    /// One number of all.
    ///
    /// ```
    /// use longlab_kernels::stats::{Aggregate, Runs};
    /// let runs = Runs::new(vec![vec![0.1, 0.9], vec![0.3, 0.5]])?;
    /// assert!((runs.aggregate(Aggregate::Iqm) - 0.4).abs() < 1e-15);
    /// assert!((runs.aggregate(Aggregate::OptimalityGap { at: 0.5 }) - 0.15).abs() < 1e-15);
    /// # Ok::<(), longlab_kernels::stats::StatsError>(())
    /// ```
    pub fn aggregate(&self, aggregate: Aggregate) -> f64 {
        aggregate.of(&self.columns, &mut Vec::new())
    }

    pub(super) fn columns(&self) -> &[Vec<f64>] {
        &self.columns
    }

    pub(super) fn words(&self) -> String {
        format!("{} runs of {} tasks", self.runs(), self.tasks())
    }
}

impl From<&Scores> for Runs {
    /// A run is a seed, a task a suite, and its number the mean over items.
    fn from(scores: &Scores) -> Self {
        let cell = |seed, suite| mean(scores.row(seed, suite)).expect("a suite has items");
        let column = |suite| (0..scores.seeds()).map(|seed| cell(seed, suite)).collect();
        Runs { columns: (0..scores.suites()).map(column).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quarter_is_rounded_down() {
        assert_eq!(iqm(&[]), None);
        assert_eq!(iqm(&[5.0, 0.0, 1.0]), Some(2.0));
        assert_eq!(iqm(&[5.0, 0.0, 1.0, 3.0]), Some(2.0));
    }

    #[test]
    fn scores_become_their_means() {
        let scores = Scores::new(vec![vec![vec![1.0, 0.0], vec![0.25]]]).expect("a full table");
        assert_eq!(Runs::from(&scores), Runs::new(vec![vec![0.5, 0.25]]).expect("a full table"));
    }

    #[test]
    fn median_is_over_tasks() {
        let runs = Runs::new(vec![vec![0.0, 5.0, 1.0, 9.0], vec![1.0, 7.0, 2.0, 9.0]]).expect("a full table");
        assert_eq!(runs.aggregate(Aggregate::Median), 3.75);
    }
}
