//! `table.csv`: the tables for further use. Measured and published rows are apart by a column.

use super::analysis::{Analysis, ScoreRow};
use super::error::ReportError;
use super::input::{Input, SUITES};
use super::published::PublishedTable;
use super::store::csv_bytes;

/// The tables as CSV: `source` is `measured` or `published`; scores in points.
pub fn csv(input: &Input, analysis: &Analysis) -> Result<Vec<u8>, ReportError> {
    let mut head: Vec<String> = ["source", "split", "variant", "seeds_done", "seeds"].map(str::to_owned).into();
    for key in keys() {
        head.extend([key.to_owned(), format!("{key}_low"), format!("{key}_high")]);
    }
    let mut rows = vec![head];
    for (split, scores) in [("main", &analysis.main), ("long", &analysis.long)] {
        rows.extend(scores.iter().map(|row| measured_cells(split, row)));
    }
    if let Some(path) = &input.paper {
        for row in PublishedTable::read(path)?.rows {
            let mut cells = vec!["published".to_owned(), String::new(), row.name, String::new(), String::new()];
            for cell in row.cells {
                cells.extend([cell.map_or(String::new(), |value| format!("{value:.2}")), String::new(), String::new()]);
            }
            rows.push(cells);
        }
    }
    csv_bytes(rows)
}

fn keys() -> impl Iterator<Item = &'static str> {
    std::iter::once("avg").chain(SUITES.iter().map(|(_, key)| *key))
}

fn measured_cells(split: &str, row: &ScoreRow) -> Vec<String> {
    let mut cells: Vec<String> = vec!["measured".into(), split.into(), row.variant.clone()];
    cells.extend([row.done.to_string(), row.seeds.to_string()]);
    for cell in row.cells {
        match cell {
            Some(cell) => cells.extend([cell.mean, cell.low, cell.high].map(|value| format!("{value:.2}"))),
            None => cells.extend([String::new(), String::new(), String::new()]),
        }
    }
    cells
}
