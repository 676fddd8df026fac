//! The paper's own numbers: tables and curves, kept apart from everything measured.

use super::csvfile::CsvFile;
use super::error::ReportError;
use super::input::{Figure, SUITES};
use std::path::Path;

/// How every published number is marked.
pub const MARK: &str = "published (QwenLong-L1.5, arXiv 2512.12967, Qwen3-4B)";

const MEND: &str = "restore the file from experiments/paper, or correct the spec's `paper` or `figure` key";

/// A published table in the paper's layout.
#[derive(Clone, Debug, PartialEq)]
pub struct PublishedTable {
    /// File name, for the caption.
    pub file: String,
    /// Rows in the paper's order.
    pub rows: Vec<PublishedRow>,
}

/// One row: Avg and the six suites, in points.
#[derive(Clone, Debug, PartialEq)]
pub struct PublishedRow {
    /// Name of the variant in the paper.
    pub name: String,
    /// Avg, then the suites in the order of [`SUITES`].
    pub cells: [Option<f64>; 7],
}

impl PublishedTable {
    /// Reads a table; its first column names the rows.
    pub fn read(path: &Path) -> Result<Self, ReportError> {
        let file = CsvFile::read(path, MEND)?;
        let mut columns = vec![file.column("avg")?];
        for (_, key) in SUITES {
            columns.push(file.column(key)?);
        }
        let mut rows = Vec::new();
        for record in file.records() {
            let mut cells = [None; 7];
            for (cell, column) in cells.iter_mut().zip(&columns) {
                *cell = record.optional(*column)?;
            }
            rows.push(PublishedRow { name: record.text(0).to_owned(), cells });
        }
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        Ok(Self { file: name.unwrap_or_default(), rows })
    }

    /// A row by its name in the paper.
    pub fn row(&self, name: &str) -> Option<&PublishedRow> {
        self.rows.iter().find(|row| row.name == name)
    }
}

/// A published figure: curves over steps and, for the latch, the steps without negative gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct PublishedFigure {
    /// Title of the panel.
    pub title: String,
    /// Unit of the curves.
    pub unit: String,
    /// Name and points of each curve.
    pub curves: Vec<(String, Vec<(f64, f64)>)>,
    /// Steps whose negative gradient was switched off.
    pub gated: Vec<f64>,
}

impl PublishedFigure {
    /// Reads a figure; a column `negative_gradient` marks the gated steps with `without_neg`.
    pub fn read(figure: &Figure) -> Result<Self, ReportError> {
        let file = CsvFile::read(&figure.file, MEND)?;
        let step = file.column("step")?;
        let mut read = Self { title: figure.title.clone(), unit: figure.unit.clone(), curves: vec![], gated: vec![] };
        for (column, name) in file.header.iter().enumerate().filter(|(column, _)| *column != step) {
            if name == "negative_gradient" {
                read.gated = gated_steps(&file, step, column)?;
                continue;
            }
            let mut points = Vec::new();
            for record in file.records() {
                if let Some(value) = record.optional(column)? {
                    points.push((record.number(step)?, value));
                }
            }
            read.curves.push((readable(name), points));
        }
        Ok(read)
    }
}

fn gated_steps(file: &CsvFile, step: usize, column: usize) -> Result<Vec<f64>, ReportError> {
    let mut steps = Vec::new();
    for record in file.records() {
        match record.text(column) {
            "without_neg" => steps.push(record.number(step)?),
            "with_neg" => {}
            other => {
                return Err(record.wrong(format!("negative_gradient holds {other:?}, not with_neg or without_neg")));
            }
        }
    }
    Ok(steps)
}

/// `task_balanced_sampling_and_x` as words; abbreviations in capitals.
fn readable(column: &str) -> String {
    match column {
        "grpo" => "GRPO".into(),
        "aepo" => "AEPO".into(),
        other => other.replace('_', " "),
    }
}
