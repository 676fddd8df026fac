//! A benchmark and its parts: right answers of the parts add up to those of the whole.
//!
//! Where the items of a run of columns add up to those of another column, the run is taken for a partition of it. If a cell is no
//! share of its items, the row is solved for the fewest items that must have been left out so that all cells are shares and the
//! parts, right answers and items both, still add up.

use super::average::readings;
use super::grid::{Fit, GridCell, MOST_LEFT_OUT, counts};
use super::{Metric, Place, Printed, Table};
use serde::Serialize;

/// A column and the columns it is parted into.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Whole {
    /// Position of the whole.
    pub column: usize,
    /// Positions of its parts.
    pub parts: Vec<usize>,
    /// Every row in which all of them are printed.
    pub rows: Vec<WholeRow>,
}

/// A row of a whole and its parts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WholeRow {
    /// Position of the row.
    pub row: usize,
    /// Where the whole stands in the file.
    pub place: Place,
    /// The whole as printed.
    pub printed: Printed,
    /// The mean of the parts, weighted by their items.
    pub mean: f64,
    /// How it follows.
    pub follows: Follows,
}

/// How a whole follows from its parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "how")]
pub enum Follows {
    /// Right answers of the parts add up to those of the whole.
    Counts,
    /// Cells are no shares of their items, but are with items left out of the denominator.
    Fewer {
        /// Right answers and items of the whole.
        whole: (u64, u64),
        /// Right answers and items of the parts.
        parts: Vec<(u64, u64)>,
        /// Items left out.
        left_out: u64,
    },
    /// Within rounding of the weighted mean; counts say nothing.
    Rounding,
    /// Not at all.
    Not,
}

/// Finds and checks the wholes of a table.
pub fn check(table: &Table, metrics: &[Option<Metric>], grid: &[GridCell], full: u64) -> Vec<Whole> {
    let items = |column: &usize| match metrics[*column] {
        Some(Metric::Share { items, samples: 1 }) => Some(items),
        _ => None,
    };
    let columns: Vec<usize> = table.data_columns().into_iter().filter(|column| items(column).is_some()).collect();
    let mut wholes = Vec::new();
    for column in &columns {
        for parts in partitions(&columns, items(column).unwrap_or(0), &items) {
            if !parts.contains(column) {
                wholes.push(Whole::of(table, metrics, grid, full, *column, parts.to_vec()));
            }
        }
    }
    wholes
}

/// The runs of at least two columns whose items add up to `total`.
fn partitions<'a>(columns: &'a [usize], total: u64, items: &impl Fn(&usize) -> Option<u64>) -> Vec<&'a [usize]> {
    let mut runs = Vec::new();
    for from in 0..columns.len() {
        let mut sum = 0;
        for (to, column) in columns.iter().enumerate().skip(from) {
            sum += items(column).unwrap_or(0);
            if sum == total && to > from {
                runs.push(&columns[from..=to]);
            }
            if sum >= total {
                break;
            }
        }
    }
    runs
}

impl Whole {
    fn of(
        table: &Table,
        metrics: &[Option<Metric>],
        grid: &[GridCell],
        full: u64,
        column: usize,
        parts: Vec<usize>,
    ) -> Self {
        let row_of = |row: usize| {
            let all: Vec<usize> = [column].into_iter().chain(parts.iter().copied()).collect();
            let cells = all.iter().map(|at| Some((table.cell(row, *at)?.printed, metrics[*at]?.items()?)));
            let cells: Vec<(Printed, u64)> = cells.collect::<Option<_>>()?;
            let off = |cell: &&GridCell| cell.row == row && all.contains(&cell.column);
            let off = grid.iter().filter(off).any(|cell| matches!(cell.fit, Fit::None { .. }));
            let mean = cells[1..].iter().map(|(cell, items)| cell.value() * *items as f64).sum::<f64>();
            Some(WholeRow {
                row,
                place: table.cell(row, column)?.place,
                printed: cells[0].0,
                mean: mean / cells[0].1 as f64,
                follows: follows(cells[0], &cells[1..], off, full),
            })
        };
        let rows = table.data_rows().into_iter().filter_map(row_of).collect();
        Self { column, parts, rows }
    }
}

fn follows(whole: (Printed, u64), parts: &[(Printed, u64)], off: bool, full: u64) -> Follows {
    let own = counts(whole.0, whole.1, full);
    let all: Option<Vec<_>> = parts.iter().map(|(part, items)| counts(*part, *items, full)).collect();
    if let (true, Some(fewer)) = (off, left_out(whole, parts, full)) {
        return fewer;
    }
    if let (false, Some(own), Some(all)) = (off, own, all) {
        let (least, most) = all.iter().fold((0, 0), |(least, most), next| (least + next.0, most + next.1));
        return if own.0 <= most && least <= own.1 { Follows::Counts } else { Follows::Not };
    }
    if readings(whole.0, parts).is_empty() { Follows::Not } else { Follows::Rounding }
}

/// Shares that a cell can be with up to a tenth of its items left out: right answers, items, items left out.
fn candidates((printed, items): (Printed, u64), full: u64) -> Vec<(u64, u64, u64)> {
    let from = (items - (items / 10).min(MOST_LEFT_OUT)).max(1);
    let fits = (from..=items).rev().filter_map(|of| Some((of, counts(printed, of, full)?)));
    fits.flat_map(|(of, (least, most, _))| (least..=most).map(move |right| (right, of, items - of))).collect()
}

/// Right answers and items of the parts so far, and the share of each.
type Choice = (u64, u64, Vec<(u64, u64)>);

/// The fewest items left out so that whole and parts are shares that add up.
fn left_out(whole: (Printed, u64), parts: &[(Printed, u64)], full: u64) -> Option<Follows> {
    let mut choices: Vec<Choice> = vec![(0, 0, Vec::new())];
    for part in parts {
        let next = candidates(*part, full);
        // Far more than tables of a few parts give; beyond it the digits say nothing any more.
        if choices.len().saturating_mul(next.len()) > 100_000 {
            return None;
        }
        let mut grown = Vec::new();
        for (right, of, shares) in &choices {
            for (more, items, _) in &next {
                let shares = shares.iter().copied().chain([(*more, *items)]).collect();
                grown.push((right + more, of + items, shares));
            }
        }
        choices = grown;
    }
    let wholes = candidates(whole, full);
    let fit = choices.into_iter().filter(|(right, of, _)| wholes.iter().any(|(k, n, _)| (k, n) == (right, of)));
    let (right, of, parts) = fit.max_by_key(|(_, of, _)| *of)?;
    Some(Follows::Fewer { whole: (right, of), parts, left_out: whole.1 - of })
}
