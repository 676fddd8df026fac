//! Does an average follow from its cells?
//!
//! A printed cell `v` stands for an interval: rounded, half a last digit to either side; cut off, one last digit upwards. So do the
//! average and its parts. An average follows under a reading if the mean of the intervals of its parts meets its own. All in whole
//! numbers of half last digits, times the weights.

use super::items::same;
use super::whole::Whole;
use super::{AuditError, Metric, Place, Printed, Settings, Table};
use serde::Serialize;

/// How an average may have come to its digits, the plainest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// The mean of the printed cells, rounded.
    Rounded,
    /// The mean of the printed cells, cut off.
    Cut,
    /// The mean of exact scores, rounded; cells rounded.
    ExactRounded,
    /// The mean of exact scores, cut off; cells rounded.
    ExactCut,
    /// The mean of exact scores, cut off; cells cut off.
    CutCut,
    /// The mean of exact scores, rounded; cells cut off.
    CutRounded,
}

impl Reading {
    /// All readings, the plainest first.
    pub const ALL: [Self; 6] =
        [Self::Rounded, Self::Cut, Self::ExactRounded, Self::ExactCut, Self::CutCut, Self::CutRounded];

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Rounded => "mean of the printed cells, rounded",
            Self::Cut => "mean of the printed cells, cut off",
            Self::ExactRounded => "mean of exact scores, rounded",
            Self::ExactCut => "mean of exact scores, cut off",
            Self::CutCut => "mean of exact scores, all cut off",
            Self::CutRounded => "mean of exact scores, cells cut off, average rounded",
        }
    }
}

/// An interval in half last digits; the upper end of what was cut off is not in it.
#[derive(Clone, Copy)]
struct Span {
    low: i128,
    high: i128,
    open: bool,
}

impl Span {
    fn of(number: Printed, decimals: u32, way: Way) -> Self {
        let (middle, step) = (2 * number.scaled(decimals), number.step(decimals));
        match way {
            Way::Printed => Self { low: middle, high: middle, open: false },
            Way::Rounded => Self { low: middle - step, high: middle + step, open: false },
            Way::Cut => Self { low: middle, high: middle + 2 * step, open: true },
        }
    }

    fn times(self, weight: i128) -> Self {
        Self { low: self.low * weight, high: self.high * weight, open: self.open }
    }

    fn plus(self, other: Self) -> Self {
        Self { low: self.low + other.low, high: self.high + other.high, open: self.open || other.open }
    }

    fn meets(self, other: Self) -> bool {
        let below = |a: Self, b: Self| a.low < b.high || (a.low == b.high && !b.open);
        below(self, other) && below(other, self)
    }
}

#[derive(Clone, Copy)]
enum Way {
    Printed,
    Rounded,
    Cut,
}

/// The readings under which `average` is the weighted mean of `parts`.
///
/// ```
/// use longlab::audit::average::{Reading, readings};
/// use longlab::audit::Printed;
/// let cell = |text| Printed::parse(text).unwrap();
/// let parts = ["59.38", "42.94", "66.87", "51.66", "56.25", "64.10"].map(|text| (cell(text), 1));
/// // The mean is 56.8667.
/// assert_eq!(readings(cell("56.87"), &parts)[0], Reading::Rounded);
/// assert_eq!(readings(cell("56.86"), &parts)[0], Reading::Cut);
/// assert!(readings(cell("56.99"), &parts).is_empty());
/// ```
pub fn readings(average: Printed, parts: &[(Printed, u64)]) -> Vec<Reading> {
    let decimals = parts.iter().map(|(part, _)| part.decimals).chain([average.decimals]).max().unwrap_or(0);
    let weights: i128 = parts.iter().map(|(_, weight)| i128::from(*weight)).sum();
    let fits = |reading: &Reading| {
        let (cells, whole) = match reading {
            Reading::Rounded => (Way::Printed, Way::Rounded),
            Reading::Cut => (Way::Printed, Way::Cut),
            Reading::ExactRounded => (Way::Rounded, Way::Rounded),
            Reading::ExactCut => (Way::Rounded, Way::Cut),
            Reading::CutCut => (Way::Cut, Way::Cut),
            Reading::CutRounded => (Way::Cut, Way::Rounded),
        };
        let spans = parts.iter().map(|(part, weight)| Span::of(*part, decimals, cells).times(i128::from(*weight)));
        let sum = spans.reduce(Span::plus);
        sum.is_some_and(|sum| sum.meets(Span::of(average, decimals, whole).times(weights)))
    };
    Reading::ALL.into_iter().filter(fits).collect()
}

/// An average of one row.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AverageRow {
    /// Position of the row.
    pub row: usize,
    /// Where the average stands in the file.
    pub place: Place,
    /// The average as printed.
    pub printed: Printed,
    /// The mean of the printed cells.
    pub mean: f64,
    /// Printed less mean.
    pub gap: f64,
    /// The readings that give it; none: it does not follow.
    pub readings: Vec<Reading>,
    /// The mean weighted by items, where that follows and the plain one does not.
    pub weighted: Option<f64>,
}

/// An average over columns.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Average {
    /// Position of the column of averages.
    pub column: usize,
    /// Positions of the parts.
    pub parts: Vec<usize>,
    /// Taken from the settings instead of the table.
    pub stated: bool,
    /// Every row in which the average and all parts are printed.
    pub rows: Vec<AverageRow>,
}

impl Average {
    fn of(table: &Table, metrics: &[Option<Metric>], column: usize, parts: Vec<usize>, stated: bool) -> Self {
        let rows =
            table.data_rows().into_iter().filter_map(|row| row_of(table, metrics, row, column, &parts)).collect();
        Self { column, parts, stated, rows }
    }

    fn following(&self) -> usize {
        self.rows.iter().filter(|row| !row.readings.is_empty()).count()
    }

    /// The largest distance between a printed average that follows and the mean of its cells.
    pub fn largest_gap(&self) -> f64 {
        let follows = self.rows.iter().filter(|row| !row.readings.is_empty());
        follows.map(|row| row.gap.abs()).fold(0.0, f64::max)
    }

    /// Rows that the reading gives.
    pub fn given_by(&self, reading: Reading) -> usize {
        self.rows.iter().filter(|row| row.readings.contains(&reading)).count()
    }
}

fn row_of(table: &Table, metrics: &[Option<Metric>], row: usize, column: usize, parts: &[usize]) -> Option<AverageRow> {
    let whole = table.cell(row, column)?;
    let cells: Vec<Printed> = parts.iter().map(|part| Some(table.cell(row, *part)?.printed)).collect::<Option<_>>()?;
    let plain: Vec<(Printed, u64)> = cells.iter().map(|cell| (*cell, 1)).collect();
    let readings = readings(whole.printed, &plain);
    let items: Option<Vec<u64>> = parts.iter().map(|part| metrics[*part]?.items()).collect();
    let weighted = items.filter(|_| readings.is_empty()).map(|items| cells.iter().copied().zip(items).collect());
    let weighted = weighted.filter(|parts: &Vec<_>| !self::readings(whole.printed, parts).is_empty());
    let mean = mean(&plain);
    let gap = whole.printed.value() - mean;
    let weighted = weighted.map(|parts| self::mean(&parts));
    Some(AverageRow { row, place: whole.place, printed: whole.printed, mean, gap, readings, weighted })
}

fn mean(parts: &[(Printed, u64)]) -> f64 {
    let sum: f64 = parts.iter().map(|(part, weight)| part.value() * *weight as f64).sum();
    sum / parts.iter().map(|(_, weight)| *weight as f64).sum::<f64>()
}

/// Checks the averages of the settings and those that the table shows: a column named avg, average, mean or overall that is no
/// [`Whole`], over the run of columns behind it (or, for the last column, before it) from which most rows follow.
///
/// # Errors
/// An average of the settings whose parts the table lacks.
pub fn check(
    table: &Table,
    metrics: &[Option<Metric>],
    wholes: &[Whole],
    settings: &Settings,
) -> Result<Vec<Average>, AuditError> {
    let mut averages = Vec::new();
    for (name, parts) in &settings.averages {
        let Some(column) = table.column(name) else { continue };
        let parts = parts.iter().map(|part| table.column(part).ok_or_else(|| unknown(table, part)));
        averages.push(Average::of(table, metrics, column, parts.collect::<Result<_, _>>()?, true));
    }
    for column in table.data_columns() {
        let name = &table.columns[column];
        let named = ["avg", "avg.", "average", "mean", "overall"].iter().any(|word| same(word, name));
        let known = averages.iter().any(|average: &Average| average.column == column)
            || wholes.iter().any(|whole| whole.column == column);
        if named && !known {
            averages.extend(found(table, metrics, column));
        }
    }
    Ok(averages)
}

fn unknown(table: &Table, name: &str) -> AuditError {
    let known: Vec<&str> = table.columns.iter().map(String::as_str).collect();
    AuditError::unknown(name, &table.name, &known)
}

fn found(table: &Table, metrics: &[Option<Metric>], column: usize) -> Option<Average> {
    let own = |at: &usize| !table.is_delta_column(*at);
    let behind: Vec<usize> = (column + 1..table.columns.len()).filter(own).collect();
    let before: Vec<usize> = (0..column).filter(own).collect();
    let runs: Vec<Vec<usize>> = if behind.len() >= 2 {
        (2..=behind.len()).map(|length| behind[..length].to_vec()).collect()
    } else {
        (2..=before.len()).map(|length| before[before.len() - length..].to_vec()).collect()
    };
    let tried = runs.into_iter().map(|parts| Average::of(table, metrics, column, parts, false));
    // The longest of the best.
    tried.max_by_key(|average| (average.following(), average.parts.len()))
}
