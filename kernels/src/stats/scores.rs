//! Evaluation scores in the shape the bootstrap needs.

use super::StatsError;

/// Scores of one variant: seeds x suites x items. An item's score is already the mean over its answers; suites may differ in
/// their number of items, and every seed has been scored on the same items.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    seeds: Vec<Vec<Vec<f64>>>,
}

impl Scores {
    /// Checks the shape: `scores[seed][suite][item]`.
    ///
    /// # Errors
    /// [`StatsError::Empty`], [`StatsError::Ragged`] or [`StatsError::NotFinite`].
    pub fn new(seeds: Vec<Vec<Vec<f64>>>) -> Result<Self, StatsError> {
        let first = seeds.first().ok_or_else(|| StatsError::Empty { what: "no seeds".into() })?;
        if first.is_empty() {
            return Err(StatsError::Empty { what: "no suites".into() });
        }
        if let Some(suite) = first.iter().position(Vec::is_empty) {
            return Err(StatsError::Empty { what: format!("suite {suite} has no items") });
        }
        for (seed, suites) in seeds.iter().enumerate() {
            if shape(suites) != shape(first) {
                return Err(StatsError::Ragged { seed, got: words(suites), expected: words(first) });
            }
            finite(seed, suites)?;
        }
        Ok(Scores { seeds })
    }

    /// Number of seeds, at least 1.
    pub fn seeds(&self) -> usize {
        self.seeds.len()
    }

    /// Number of suites, at least 1.
    pub fn suites(&self) -> usize {
        self.seeds[0].len()
    }

    /// Number of items of a suite, at least 1.
    ///
    /// # Panics
    /// If there is no such suite.
    pub fn items(&self, suite: usize) -> usize {
        self.seeds[0][suite].len()
    }

    /// The scores of one suite alone; none if there is no such suite.
    pub fn suite(&self, suite: usize) -> Option<Scores> {
        (suite < self.suites())
            .then(|| Scores { seeds: self.seeds.iter().map(|suites| vec![suites[suite].clone()]).collect() })
    }

    /// Mean over suites of the mean over seeds and items: every suite weighs the same, as in the paper's tables.
    pub fn mean(&self) -> f64 {
        let suite = |s: usize| {
            let sum: f64 = self.seeds.iter().map(|suites| suites[s].iter().sum::<f64>()).sum();
            sum / (self.seeds() * self.items(s)) as f64
        };
        (0..self.suites()).map(suite).sum::<f64>() / self.suites() as f64
    }

    /// Item scores of one seed and suite.
    pub(super) fn row(&self, seed: usize, suite: usize) -> &[f64] {
        &self.seeds[seed][suite]
    }

    /// Seed by seed, item by item: `self` minus `other`.
    pub(super) fn minus(&self, other: &Scores) -> Result<Scores, StatsError> {
        let same_shape = shape(&self.seeds[0]) == shape(&other.seeds[0]);
        if self.seeds() != other.seeds() || !same_shape {
            return Err(StatsError::Unpaired { left: self.words(), right: other.words() });
        }
        let items = |(a, b): (&Vec<f64>, &Vec<f64>)| a.iter().zip(b).map(|(a, b)| a - b).collect();
        let suites = |(a, b): (&Vec<Vec<f64>>, &Vec<Vec<f64>>)| a.iter().zip(b).map(items).collect();
        Ok(Scores { seeds: self.seeds.iter().zip(&other.seeds).map(suites).collect() })
    }

    fn words(&self) -> String {
        format!("{} seeds of {}", self.seeds(), words(&self.seeds[0]))
    }
}

fn shape(suites: &[Vec<f64>]) -> Vec<usize> {
    suites.iter().map(Vec::len).collect()
}

fn words(suites: &[Vec<f64>]) -> String {
    format!("{} suites of {:?} items", suites.len(), shape(suites))
}

fn finite(seed: usize, suites: &[Vec<f64>]) -> Result<(), StatsError> {
    for (suite, items) in suites.iter().enumerate() {
        if let Some(item) = items.iter().position(|score| !score.is_finite()) {
            return Err(StatsError::NotFinite { seed, suite, item, score: items[item] });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_weigh_the_same() {
        let scores = Scores::new(vec![vec![vec![1.0], vec![0.0, 0.0, 0.5, 0.5]]]).expect("a full table");
        assert_eq!(scores.mean(), 0.625);
        assert_eq!(scores.suite(1).expect("two suites").mean(), 0.25);
        assert_eq!(scores.suite(2), None);
    }

    #[test]
    fn bad_tables_name_the_place() {
        let message = |seeds| Scores::new(seeds).expect_err("a bad table").to_string();
        assert!(message(vec![]).contains("no seeds"));
        assert!(message(vec![vec![vec![1.0], vec![]]]).contains("suite 1 has no items"));
        assert!(message(vec![vec![vec![1.0]], vec![vec![1.0, 2.0]]]).contains("seed 1 has 1 suites of [2] items"));
        assert!(message(vec![vec![vec![0.0, f64::NAN]]]).contains("seed 0, suite 0, item 1"));
    }
}
