//! Rows and values that stand in a table twice.
//!
//! Two rows of true score `p` on `N` items print the same share by chance: the difference of two counts is near normal with variance
//! `2 N p (1 - p)`, so that it is 0 with probability at most `1 / (2 sqrt(pi N p (1 - p)))`. Pairs times that is what a column shows
//! at most by luck.

use super::average::Average;
use super::whole::Whole;
use super::{Metric, Table};
use serde::Serialize;
use std::f64::consts::PI;

/// What stands there twice.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Repeats {
    /// Pairs of rows that share at least three cells and half of all.
    pub rows: Vec<RowPair>,
    /// Columns with equal values in different rows.
    pub values: Vec<ColumnRepeats>,
}

/// Two rows with equal cells.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RowPair {
    /// Positions of the rows.
    pub rows: (usize, usize),
    /// Equal cells.
    pub equal: usize,
    /// Cells that both have, averages and wholes left out.
    pub cells: usize,
}

/// A column with equal values.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ColumnRepeats {
    /// Position of the column.
    pub column: usize,
    /// Each value that stands there more than once, with its rows.
    pub values: Vec<(String, Vec<usize>)>,
    /// Pairs of equal cells.
    pub pairs: usize,
    /// Such pairs that chance gives at most on average, if all rows were equally good; `None` without item counts.
    pub expected: Option<f64>,
    /// The chance of so many pairs or more at that average.
    pub chance: Option<f64>,
}

/// Looks for repeated rows and values. Averages, wholes and printed differences are left out: they follow from the rest.
pub fn check(table: &Table, metrics: &[Option<Metric>], averages: &[Average], wholes: &[Whole], full: u64) -> Repeats {
    let derived = |column: usize| {
        averages.iter().any(|average| average.column == column) || wholes.iter().any(|whole| whole.column == column)
    };
    let columns: Vec<usize> = table.data_columns().into_iter().filter(|column| !derived(*column)).collect();
    let pairs = row_pairs(table, &columns);
    // A row that is another one's copy says nothing more by its values.
    let copied = |row: &usize| pairs.iter().any(|pair| pair.rows.1 == *row && pair.equal == pair.cells);
    let rows: Vec<usize> = table.data_rows().into_iter().filter(|row| !copied(row)).collect();
    let values = columns.iter().filter_map(|column| column_repeats(table, &rows, metrics[*column], *column, full));
    let values: Vec<ColumnRepeats> = values.collect();
    Repeats { rows: pairs, values }
}

fn row_pairs(table: &Table, columns: &[usize]) -> Vec<RowPair> {
    let rows = table.data_rows();
    let mut pairs = Vec::new();
    for (at, a) in rows.iter().enumerate() {
        for b in &rows[at + 1..] {
            let both = columns.iter().filter_map(|column| Some((table.cell(*a, *column)?, table.cell(*b, *column)?)));
            let same: Vec<bool> = both.map(|(a, b)| a.printed == b.printed).collect();
            let equal = same.iter().filter(|same| **same).count();
            if equal >= 3 && 2 * equal >= same.len() {
                pairs.push(RowPair { rows: (*a, *b), equal, cells: same.len() });
            }
        }
    }
    pairs
}

fn column_repeats(
    table: &Table,
    rows: &[usize],
    metric: Option<Metric>,
    column: usize,
    full: u64,
) -> Option<ColumnRepeats> {
    let own = rows.iter().filter_map(|row| Some((table.cell(*row, column)?.printed, *row)));
    let mut cells: Vec<(i64, String, usize)> = own.map(|(cell, row)| (cell.units, cell.to_string(), row)).collect();
    let count = cells.len() as f64;
    cells.sort();
    let groups = cells.chunk_by(|a, b| a.1 == b.1).filter(|group| group.len() > 1);
    let values: Vec<(String, Vec<usize>)> =
        groups.map(|group| (group[0].1.clone(), group.iter().map(|cell| cell.2).collect())).collect();
    let pairs: usize = values.iter().map(|(_, rows)| rows.len() * (rows.len() - 1) / 2).sum();
    let decimals = table.data_rows().into_iter().filter_map(|row| table.cell(row, column)).map(|c| c.printed.decimals);
    let same = metric.and_then(|metric| same_by_chance(&table.values(column), metric, decimals.max()?, full));
    let expected = same.map(|same| count * (count - 1.0) / 2.0 * same);
    let chance = expected.map(|expected| poisson_tail(pairs, expected));
    (pairs > 0).then_some(ColumnRepeats { column, values, pairs, expected, chance })
}

/// The chance of two equally good rows printing the same; at most, for scores that are no shares, whose spread is at most that of one.
fn same_by_chance(values: &[f64], metric: Metric, decimals: u32, full: u64) -> Option<f64> {
    let (items, full) = (metric.items()? as f64, full as f64);
    let p = (values.iter().sum::<f64>() / values.len() as f64 / full).clamp(0.0, 1.0);
    let spread = (p * (1.0 - p) / items).sqrt();
    let grid = metric.trials().map_or(0.0, |trials| 1.0 / trials as f64);
    let step = grid.max(10f64.powi(-(decimals as i32)) / full);
    (spread > 0.0).then(|| (step / (2.0 * PI.sqrt() * spread)).min(1.0))
}

/// The chance of `count` or more where `mean` are expected, independent and rare.
fn poisson_tail(count: usize, mean: f64) -> f64 {
    let mut term = (-mean).exp();
    let mut below = 0.0;
    for k in 0..count {
        below += term;
        term *= mean / (k + 1) as f64;
    }
    (1.0 - below).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_of_equal_shares() {
        // Two binomial counts of 100 at one half: P(equal) = C(200, 100) / 2^200 = 0.056348.
        let same = same_by_chance(&[50.0], Metric::Share { items: 100, samples: 1 }, 2, 100).unwrap();
        assert!((same - 0.056_348).abs() < 2e-4, "{same}");
    }

    #[test]
    fn the_tail_of_rare_things() {
        assert!((poisson_tail(1, 0.5) - (1.0 - (-0.5f64).exp())).abs() < 1e-12);
        assert!((poisson_tail(0, 3.0) - 1.0).abs() < 1e-12);
    }
}
