//! Where a difference varies: seeds, items, their interaction, and the sampling of answers.
//!
//! Model (crossed random effects): d_sik = mean + S_s + I_i + (SI)_si + e_sik for seed s, item i and answer k, all effects
//! independent with variances of their own. Estimated by the method of moments from the mean squares of the balanced table
//! (Searle, Casella and McCulloch 1992, chapter 4; Brennan 2001): with S seeds, I items and K answers
//!
//! ```text
//! E MS_S  = e + K si + I K s        s  = (MS_S  - MS_SI) / (I K)
//! E MS_I  = e + K si + S K i        i  = (MS_I  - MS_SI) / (S K)
//! E MS_SI = e + K si                si = (MS_SI - MS_E) / K
//! E MS_E  = e                       Var(mean) = s/S + i/I + si/(S I) + e/(S I K)
//! ```
//!
//! An estimate below 0 counts as 0. With one answer an item `si` and `e` cannot be told apart and `sampling` is none.

use super::student::{student_cdf, student_quantile};
use super::{Difference, StatsError};

/// Scores of every answer, or their paired differences: seeds x items x answers, none missing.
#[derive(Clone, Debug, PartialEq)]
pub struct Answers {
    seeds: usize,
    items: usize,
    answers: usize,
    /// By seed, then item, then answer.
    values: Vec<f64>,
}

impl Answers {
    /// Checks the shape: `scores[seed][item][answer]`, as many answers to each item.
    ///
    /// # Errors
    /// [`StatsError::Empty`], [`StatsError::Unpaired`] for unequal numbers of items or answers, [`StatsError::NotANumber`].
    pub fn new(scores: Vec<Vec<Vec<f64>>>) -> Result<Self, StatsError> {
        let (seeds, items) = (scores.len(), scores.first().map_or(0, Vec::len));
        let answers = scores.first().and_then(|seed| seed.first()).map_or(0, Vec::len);
        if seeds * items * answers == 0 {
            let what = format!("{seeds} seeds of {items} items of {answers} answers");
            return Err(StatsError::Empty { what });
        }
        for (s, seed) in scores.iter().enumerate() {
            let unequal =
                |right: String| StatsError::Unpaired { left: format!("{items} items of {answers} answers"), right };
            if seed.len() != items {
                return Err(unequal(format!("{} items of seed {s}", seed.len())));
            }
            if let Some(i) = seed.iter().position(|item| item.len() != answers) {
                return Err(unequal(format!("{} answers to item {i} of seed {s}", seed[i].len())));
            }
        }
        let values: Vec<f64> = scores.into_iter().flatten().flatten().collect();
        super::resampled::finite("a score", &values)?;
        Ok(Answers { seeds, items, answers, values })
    }

    /// Answer by answer: `self` minus `other`. Answers have no partner of their own; which is taken from which changes no mean,
    /// and the sampling variance is that of both sides together.
    ///
    /// # Errors
    /// [`StatsError::Unpaired`] if the shapes differ.
    pub fn minus(&self, other: &Answers) -> Result<Answers, StatsError> {
        if (self.seeds, self.items, self.answers) != (other.seeds, other.items, other.answers) {
            return Err(StatsError::Unpaired { left: self.words(), right: other.words() });
        }
        let values = self.values.iter().zip(&other.values).map(|(a, b)| a - b).collect();
        Ok(Answers { values, ..*self })
    }

    /// Number of seeds, at least 1.
    pub fn seeds(&self) -> usize {
        self.seeds
    }

    /// Number of items, at least 1.
    pub fn items(&self) -> usize {
        self.items
    }

    /// Number of answers to an item under a seed, at least 1.
    pub fn answers(&self) -> usize {
        self.answers
    }

    /// Answers of one seed to one item; cells are counted by seed, then item.
    pub(super) fn cell(&self, number: usize) -> &[f64] {
        &self.values[number * self.answers..(number + 1) * self.answers]
    }

    fn words(&self) -> String {
        format!("{} seeds of {} items of {} answers", self.seeds, self.items, self.answers)
    }
}

/// Variances of one answer's difference, by where they come from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Components {
    /// Between seeds: the luck of training.
    pub seed: f64,
    /// Between items: some favour one variant.
    pub item: f64,
    /// Between items, apart for each seed. Holds the sampling too where that is none.
    pub interaction: f64,
    /// Between answers of one seed to one item. None with one answer an item.
    pub sampling: Option<f64>,
}

/// Means over seeds, items and cells, less the effects above them.
pub(super) struct Effects {
    pub mean: f64,
    pub seeds: Vec<f64>,
    pub items: Vec<f64>,
    pub cells: Vec<f64>,
    /// What is left of each answer.
    pub answers: Vec<f64>,
}

impl Effects {
    pub(super) fn of(data: &Answers) -> Self {
        let average = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let cells: Vec<f64> = (0..data.seeds * data.items).map(|cell| average(data.cell(cell))).collect();
        let mean = average(&cells);
        let seeds: Vec<f64> = cells.chunks(data.items).map(|row| average(row) - mean).collect();
        let item = |i: usize| cells.iter().skip(i).step_by(data.items).sum::<f64>() / data.seeds as f64 - mean;
        let items: Vec<f64> = (0..data.items).map(item).collect();
        let rest = |(n, cell): (usize, &f64)| cell - mean - seeds[n / data.items] - items[n % data.items];
        let answers = data.values.iter().enumerate().map(|(n, value)| value - cells[n / data.answers]).collect();
        Effects { mean, cells: cells.iter().enumerate().map(rest).collect(), seeds, items, answers }
    }
}

/// Mean squares over S I K: what each adds to the variance of the mean, with its degrees of freedom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Squares {
    pub seed: f64,
    pub item: f64,
    pub interaction: f64,
    pub freedom: [f64; 2],
}

impl Squares {
    /// Var(mean) as far as seeds and items vary more than their interaction, and Satterthwaite's degrees of freedom of it.
    ///
    /// A mean square of seeds below that of the interaction is an estimate of 0 for their variance and is left out, the same for
    /// items; so the variance is never negative.
    pub(super) fn variance(&self) -> (f64, f64) {
        let [seeds, items] = self.freedom;
        let (by_seed, by_item) = (self.seed > self.interaction, self.item > self.interaction);
        let (mut variance, mut spread) = (0.0, 0.0);
        let mut add = |square: f64, freedom: f64, sign: f64| {
            variance += sign * square;
            spread += square * square / freedom;
        };
        match (by_seed, by_item) {
            (true, true) => {
                add(self.seed, seeds, 1.0);
                add(self.item, items, 1.0);
                add(self.interaction, seeds * items, -1.0);
            }
            (true, false) => add(self.seed, seeds, 1.0),
            (false, true) => add(self.item, items, 1.0),
            (false, false) => add(self.interaction, seeds * items, 1.0),
        }
        let freedom = if spread > 0.0 { variance * variance / spread } else { seeds.min(items) };
        (variance, freedom.max(seeds.min(items)))
    }
}

/// A difference and what its variance is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decomposition {
    /// Mean over seeds, items and answers.
    pub mean: f64,
    /// Variances of one answer's difference; an estimate below 0 is given as 0.
    pub components: Components,
    /// The same as parts of the variance of the mean: s/S, i/I, si/(S I), e/(S I K).
    pub parts: Components,
    /// Variance of the mean.
    pub variance: f64,
    /// Satterthwaite's degrees of freedom of that variance.
    pub freedom: f64,
}

/// Splits the variance of paired differences by the method of moments; formulas at the top of the file.
///
/// ```
/// use longlab_kernels::stats::{Answers, decompose};
/// // Two seeds 1 apart, two items 2 apart, nothing else.
/// let data = Answers::new(vec![vec![vec![0.0; 3], vec![2.0; 3]], vec![vec![1.0; 3], vec![3.0; 3]]])?;
/// let got = decompose(&data)?;
/// assert_eq!((got.mean, got.components.seed, got.components.item), (1.5, 0.5, 2.0));
/// assert_eq!((got.components.interaction, got.components.sampling, got.variance), (0.0, Some(0.0), 1.25));
/// # Ok::<(), longlab_kernels::stats::StatsError>(())
/// ```
///
/// # Errors
/// [`StatsError::Few`] for fewer than two seeds or two items: with one seed use [`super::clustered_difference`] with the items as
/// clusters, which does not cover the luck of training.
pub fn decompose(data: &Answers) -> Result<Decomposition, StatsError> {
    decompose_by(data, &Effects::of(data))
}

pub(super) fn decompose_by(data: &Answers, effects: &Effects) -> Result<Decomposition, StatsError> {
    let at_least_two = |what, got| if got < 2 { Err(StatsError::Few { what, got, needed: 2 }) } else { Ok(got as f64) };
    let seeds = at_least_two("seeds of a variance between seeds", data.seeds)?;
    let items = at_least_two("items of a variance between items", data.items)?;
    let answers = data.answers as f64;
    let total = |values: &[f64]| values.iter().map(|value| value * value).sum::<f64>();
    let freedom = [seeds - 1.0, items - 1.0];
    let of_seeds = items * answers * total(&effects.seeds) / freedom[0];
    let of_items = seeds * answers * total(&effects.items) / freedom[1];
    let of_cells = answers * total(&effects.cells) / (freedom[0] * freedom[1]);
    let of_answers = (data.answers > 1).then(|| total(&effects.answers) / (seeds * items * (answers - 1.0)));
    let components = Components {
        seed: ((of_seeds - of_cells) / (items * answers)).max(0.0),
        item: ((of_items - of_cells) / (seeds * answers)).max(0.0),
        interaction: ((of_cells - of_answers.unwrap_or(0.0)) / answers).max(0.0),
        sampling: of_answers,
    };
    let all = seeds * items * answers;
    let squares = Squares { seed: of_seeds / all, item: of_items / all, interaction: of_cells / all, freedom };
    let (variance, freedom) = squares.variance();
    let parts = components.of_mean(data.seeds, data.items, data.answers);
    Ok(Decomposition { mean: effects.mean, components, parts, variance, freedom })
}

impl Components {
    /// The parts of the variance of a mean over so many seeds, items and answers.
    pub(super) fn of_mean(&self, seeds: usize, items: usize, answers: usize) -> Components {
        let (seeds, items, answers) = (seeds as f64, items as f64, answers as f64);
        Components {
            seed: self.seed / seeds,
            item: self.item / items,
            interaction: self.interaction / (seeds * items),
            sampling: self.sampling.map(|sampling| sampling / (seeds * items * answers)),
        }
    }
}

impl Decomposition {
    /// The mean with its 95% interval and two-sided p: Student's t on [`Decomposition::freedom`] degrees of freedom. It covers
    /// seeds, items and sampling together.
    pub fn interval(&self) -> Difference {
        let error = self.variance.sqrt();
        let half = student_quantile(0.975, self.freedom) * error;
        // Without any spread t is infinite and p 0, save where there is no difference either.
        let p = if self.mean == 0.0 { 1.0 } else { 2.0 * student_cdf(-(self.mean / error).abs(), self.freedom) };
        Difference { mean: self.mean, low: self.mean - half, high: self.mean + half, p, evaluation_only: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effects_add_up_to_the_answers() {
        let scores = vec![vec![vec![0.1, 0.9], vec![0.4, 0.3]], vec![vec![0.7, 0.2], vec![1.0, 0.0]]];
        let data = Answers::new(scores).expect("a full table");
        let effects = Effects::of(&data);
        for (n, value) in data.values.iter().enumerate() {
            let cell = n / 2;
            let sum = effects.mean + effects.seeds[cell / 2] + effects.items[cell % 2] + effects.cells[cell];
            assert!((sum + effects.answers[n] - value).abs() < 1e-15);
        }
    }

    #[test]
    fn bad_tables_name_the_place() {
        let message = |scores| Answers::new(scores).expect_err("a bad table").to_string();
        assert!(message(vec![]).contains("0 seeds of 0 items of 0 answers"));
        assert!(message(vec![vec![vec![1.0]], vec![]]).contains("0 items of seed 1"));
        assert!(message(vec![vec![vec![1.0], vec![1.0, 2.0]]]).contains("2 answers to item 1 of seed 0"));
        assert!(message(vec![vec![vec![f64::INFINITY]]]).contains("inf"));
    }

    #[test]
    fn one_seed_has_no_variance_between_seeds() {
        let error = decompose(&Answers::new(vec![vec![vec![1.0], vec![2.0]]]).expect("a table")).expect_err("one seed");
        assert!(error.to_string().contains("1 seeds of a variance between seeds"), "{error}");
    }
}
