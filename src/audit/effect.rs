//! The smallest effect that a table can show: two-sided 5%, power 80%, one answer a question.
//!
//! With `p` the mean of a column and `N` its items, a score has the standard error `sqrt(p (1 - p) / N)`, the luck of questions and of
//! sampled answers together. Of two scores on the same questions only the sum of the questions that one alone gets right is unknown:
//!
//! - *apart*: answers do not go together; the difference of two independent proportions,
//!   `d = z_a sqrt(2 m (1 - m) / N) + z_b sqrt((p (1 - p) + (p + d) (1 - p - d)) / N)`, `m = p + d/2`
//!   (Fleiss, Levin and Paik, *Statistical Methods for Rates and Proportions*, 2003, section 4.2);
//! - *paired at best*: whoever is better loses no question that the other has; McNemar's test with `d` of questions discordant,
//!   `d = z_a sqrt(d / N) + z_b sqrt((d - d^2) / N)` (Connor, *Biometrics* 43, 1987).
//!
//! The truth lies between: which of the two holds cannot be told from a table.

use super::average::Average;
use super::{Metric, Table};
use serde::Serialize;

/// Normal quantile of a two-sided 5%.
const Z_A: f64 = 1.959_963_984_540_054;
/// Normal quantile of a power of 80%.
const Z_B: f64 = 0.841_621_233_572_914_3;

/// What a column can show, in points.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Effect {
    /// Position of the column.
    pub column: usize,
    /// Mean of the column.
    pub mean: f64,
    /// Standard error of one score.
    pub error: f64,
    /// Standard error of a difference of two, answers apart.
    pub difference_error: f64,
    /// The smallest effect, answers apart; `None` where even everything right would not show.
    pub apart: Option<f64>,
    /// The smallest effect, paired at best.
    pub paired: Option<f64>,
    /// Parts of an average without item counts, by position: the figures are then too small.
    pub unknown: Vec<usize>,
    /// Holds scores that are no shares: the figures for answers apart are then too large.
    pub dense: bool,
}

/// Whether a difference reaches the smallest effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Beyond the smallest effect, answers apart.
    Apart,
    /// Beyond it only if the answers go together.
    OnlyPaired,
    /// Below it even paired at best.
    Below,
}

impl Reach {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Apart => "reached",
            Self::OnlyPaired => "only if paired",
            Self::Below => "not reached",
        }
    }
}

/// A difference of two rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Position of the column.
    pub column: usize,
    /// Positions of the rows, the later one first.
    pub rows: (usize, usize),
    /// First less second, in points.
    pub points: f64,
    /// Whether the column can show it.
    pub reach: Reach,
}

/// What a table can show.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Effects {
    /// Columns and averages, in the order of the table.
    pub columns: Vec<Effect>,
    /// Differences of all pairs of rows, column by column.
    pub differences: Vec<Difference>,
}

impl Effects {
    /// What a column can show.
    pub fn of_column(&self, column: usize) -> Option<&Effect> {
        self.columns.iter().find(|effect| effect.column == column)
    }

    /// Number of differences of a column that reach so far.
    pub fn count(&self, column: usize, reach: Reach) -> usize {
        self.differences.iter().filter(|one| one.column == column && one.reach == reach).count()
    }
}

/// A column as its sampling sees it.
#[derive(Clone, Copy)]
struct Sample {
    p: f64,
    items: f64,
    answers: f64,
}

/// Computes the smallest effects and holds all differences against them.
pub fn of(table: &Table, metrics: &[Option<Metric>], averages: &[Average], full: u64) -> Effects {
    let mut columns: Vec<Effect> = Vec::new();
    for column in table.data_columns() {
        if let Some(average) = averages.iter().find(|average| average.column == column) {
            columns.extend(of_average(table, metrics, average, full));
        } else if let Some(sample) = sample(table, metrics, column, full) {
            let dense = matches!(metrics[column], Some(Metric::Dense { .. }));
            columns.push(Effect { dense, ..effect(table, column, &[sample], 1, full) });
        }
    }
    let differences = columns.iter().flat_map(|effect| differences(table, effect)).collect();
    Effects { columns, differences }
}

fn sample(table: &Table, metrics: &[Option<Metric>], column: usize, full: u64) -> Option<Sample> {
    let metric = metrics[column]?;
    let values = table.values(column);
    let items = metric.items()? as f64;
    let p = values.iter().sum::<f64>() / values.len() as f64 / full as f64;
    let answers = metric.trials().map_or(items, |trials| trials as f64);
    (!values.is_empty()).then_some(Sample { p: p.clamp(0.0, 1.0), items, answers })
}

fn of_average(table: &Table, metrics: &[Option<Metric>], average: &Average, full: u64) -> Option<Effect> {
    let of = |part: &usize| sample(table, metrics, *part, full);
    let parts: Vec<Sample> = average.parts.iter().filter_map(of).collect();
    let unknown = average.parts.iter().copied().filter(|part| of(part).is_none()).collect();
    let dense = average.parts.iter().any(|part| matches!(metrics[*part], Some(Metric::Dense { .. })));
    // A part's luck moves the average of m parts by its m-th, whether or not the others' is known.
    let effect = effect(table, average.column, &parts, average.parts.len(), full);
    (!parts.is_empty()).then_some(Effect { unknown, dense, ..effect })
}

/// The effect of a mean of `of` parts.
fn effect(table: &Table, column: usize, parts: &[Sample], of: usize, full: u64) -> Effect {
    let (full, of) = (full as f64, of as f64);
    let values = table.values(column);
    let error = full * spread(parts, of, |part| part.p * (1.0 - part.p) / part.items);
    let points = |d: Option<f64>| d.map(|d| full * d);
    Effect {
        column,
        mean: values.iter().sum::<f64>() / values.len().max(1) as f64,
        error,
        difference_error: 2f64.sqrt() * error,
        apart: points(smallest(|d| apart(parts, of, d))),
        paired: points(smallest(|d| paired(parts, of, d))),
        unknown: Vec::new(),
        dense: false,
    }
}

fn spread(parts: &[Sample], of: f64, variance: impl Fn(&Sample) -> f64) -> f64 {
    parts.iter().map(variance).sum::<f64>().max(0.0).sqrt() / of
}

/// What a difference of `d` in every part must exceed, answers apart.
fn apart(parts: &[Sample], of: f64, d: f64) -> f64 {
    let moved = |part: &Sample| if part.p + d <= 1.0 { part.p + d } else { (part.p - d).max(0.0) };
    let none = spread(parts, of, |part| {
        let middle = f64::midpoint(part.p, moved(part));
        2.0 * middle * (1.0 - middle) / part.items
    });
    let some = spread(parts, of, |part| (part.p * (1.0 - part.p) + moved(part) * (1.0 - moved(part))) / part.items);
    Z_A * none + Z_B * some
}

/// What a difference of `d` in every part must exceed, paired at best.
fn paired(parts: &[Sample], of: f64, d: f64) -> f64 {
    let none = spread(parts, of, |part| d / part.answers);
    let some = spread(parts, of, |part| (d - d * d) / part.answers);
    Z_A * none + Z_B * some
}

/// The smallest `d` up to 1 with `d >= needed(d)`.
fn smallest(needed: impl Fn(f64) -> f64) -> Option<f64> {
    const STEPS: u32 = 1_000;
    let reaches = |d: f64| d >= needed(d);
    let at = |step: u32| f64::from(step) / f64::from(STEPS);
    // The first step that reaches, so that halving has an end on either side.
    let first = (1..=STEPS).find(|step| reaches(at(*step)))?;
    let (mut low, mut high) = (at(first - 1), at(first));
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if reaches(middle) { high = middle } else { low = middle }
    }
    Some(high)
}

/// The smallest difference of two shares of `items` questions near `p`: answers apart, and paired at best.
///
/// ```
/// use longlab::audit::effect::smallest_effect;
/// // 356 a group tell 0.6 from 0.7, without correction for continuity:
/// // (1.95996 sqrt(2 0.65 0.35) + 0.84162 sqrt(0.24 + 0.21))^2 / 0.1^2 = 355.9.
/// let (apart, paired) = smallest_effect(0.6, 356);
/// assert!((apart.unwrap() - 0.1).abs() < 1e-3);
/// assert!(paired.unwrap() < 0.03);
/// // Two questions: nothing can be told from 0.7.
/// assert_eq!(smallest_effect(0.7, 2).0, None);
/// ```
pub fn smallest_effect(p: f64, items: u64) -> (Option<f64>, Option<f64>) {
    let parts = [Sample { p: p.clamp(0.0, 1.0), items: items as f64, answers: items as f64 }];
    (smallest(|d| apart(&parts, 1.0, d)), smallest(|d| paired(&parts, 1.0, d)))
}

fn differences(table: &Table, effect: &Effect) -> Vec<Difference> {
    let rows = table.data_rows();
    let value = |row: usize| table.cell(row, effect.column).map(|cell| cell.printed.value());
    let mut all = Vec::new();
    for (at, later) in rows.iter().enumerate() {
        for earlier in &rows[..at] {
            if let (Some(a), Some(b)) = (value(*later), value(*earlier)) {
                let points = a - b;
                all.push(Difference {
                    column: effect.column,
                    rows: (*later, *earlier),
                    points,
                    reach: reach(effect, points),
                });
            }
        }
    }
    all
}

fn reach(effect: &Effect, points: f64) -> Reach {
    let beyond = |limit: Option<f64>| limit.is_some_and(|limit| points.abs() >= limit);
    if beyond(effect.apart) {
        Reach::Apart
    } else if beyond(effect.paired) {
        Reach::OnlyPaired
    } else {
        Reach::Below
    }
}
