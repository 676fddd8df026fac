//! Do printed differences follow from the rows (or columns) they are differences of?

use super::{Cell, Place, Printed, Table};
use serde::Serialize;

/// A row or column of printed differences.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Delta {
    /// Name of the row or column.
    pub name: String,
    /// It is a row of the table.
    pub row: bool,
    /// What is diminished and by what, by name; `None` if no pair gives at least half of it.
    pub of: Option<(String, String)>,
    /// Each printed difference.
    pub cells: Vec<DeltaCell>,
}

/// A printed difference.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeltaCell {
    /// What it is a difference in: the name of the column (of a row of differences) or of the row.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// As printed.
    pub printed: Printed,
    /// The two numbers.
    pub from: (Printed, Printed),
    /// Their difference.
    pub expected: Printed,
    /// It is that difference, or off by no more than rounding of all three allows.
    pub follows: bool,
    /// It is that difference to the digit.
    pub exact: bool,
}

/// Cells of one row or column.
type Line = Vec<Option<Cell>>;

/// Checks rows and columns of differences.
pub fn check(table: &Table) -> Vec<Delta> {
    let rows: Vec<Line> =
        (0..table.rows.len()).map(|row| (0..table.columns.len()).map(|at| table.cell(row, at)).collect()).collect();
    let columns: Vec<Line> =
        (0..table.columns.len()).map(|at| (0..table.rows.len()).map(|row| table.cell(row, at)).collect()).collect();
    let delta_rows: Vec<bool> = (0..rows.len()).map(|row| table.is_delta_row(row)).collect();
    let delta_columns: Vec<bool> = (0..columns.len()).map(|column| table.is_delta_column(column)).collect();
    let mut deltas = along(&rows, &table.rows, &table.columns, &delta_rows, true);
    deltas.extend(along(&columns, &table.columns, &table.rows, &delta_columns, false));
    deltas
}

fn along(lines: &[Line], names: &[String], across: &[String], is_delta: &[bool], row: bool) -> Vec<Delta> {
    let data: Vec<usize> = (0..lines.len()).filter(|at| !is_delta[*at]).collect();
    let deltas = (0..lines.len()).filter(|at| is_delta[*at]);
    deltas.map(|at| delta(lines, names, across, &data, at, row)).collect()
}

fn delta(lines: &[Line], names: &[String], across: &[String], data: &[usize], at: usize, row: bool) -> Delta {
    let pairs = data.iter().flat_map(|a| data.iter().map(move |b| (*a, *b))).filter(|(a, b)| a != b);
    let named = |b: usize| names[at].contains(names[b].as_str());
    // The pair that gives most; among equals one that the name speaks of, and the nearest to the line of differences.
    let best = pairs.max_by_key(|(a, b)| {
        let fits = differences(lines, across, *a, *b, at).iter().filter(|cell| cell.follows).count();
        (fits, named(*b), usize::MAX - at.abs_diff(*a))
    });
    let name = names[at].clone();
    let Some((a, b)) = best else { return Delta { name, row, of: None, cells: Vec::new() } };
    let cells = differences(lines, across, a, b, at);
    let follow = cells.iter().filter(|cell| cell.follows).count();
    let found = 2 * follow >= cells.len() && !cells.is_empty();
    Delta {
        name,
        row,
        of: found.then(|| (names[a].clone(), names[b].clone())),
        cells: if found { cells } else { Vec::new() },
    }
}

fn differences(lines: &[Line], across: &[String], a: usize, b: usize, at: usize) -> Vec<DeltaCell> {
    let cells = (0..across.len()).filter_map(|field| {
        let (own, a, b) = (lines[at][field]?, lines[a][field]?.printed, lines[b][field]?.printed);
        let decimals = own.printed.decimals.max(a.decimals).max(b.decimals);
        let difference = a.scaled(decimals) - b.scaled(decimals);
        let gap = (own.printed.scaled(decimals) - difference).abs();
        let slack = own.printed.step(decimals) + a.step(decimals) + b.step(decimals);
        Some(DeltaCell {
            name: across[field].clone(),
            place: own.place,
            printed: own.printed,
            from: (a, b),
            expected: Printed { units: i64::try_from(difference).unwrap_or(i64::MAX), decimals, signed: true },
            follows: 2 * gap < slack,
            exact: gap == 0,
        })
    });
    cells.collect()
}
