//! Reading CSV files so that every complaint names file, line and mend; writing files so that none is ever half-written.

use super::error::ReportError;
use std::io::Write;
use std::path::{Path, PathBuf};

/// A CSV file in memory, every record with its line.
pub(crate) struct CsvFile {
    path: PathBuf,
    mend: String,
    /// Column names.
    pub header: Vec<String>,
    records: Vec<(u64, Vec<String>)>,
}

/// One record with the file that it is in.
#[derive(Clone, Copy)]
pub(crate) struct Record<'a> {
    file: &'a CsvFile,
    line: u64,
    cells: &'a [String],
}

impl CsvFile {
    /// Reads a file; `mend` says how to get a sound one.
    pub fn read(path: &Path, mend: &str) -> Result<Self, ReportError> {
        let text = std::fs::read(path).map_err(|source| ReportError::read(path, source, mend))?;
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_slice());
        let mut records = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|error| broken(path, &error, mend))?;
            let line = record.position().map_or(1, |position| position.line());
            records.push((line, record.iter().map(str::to_owned).collect::<Vec<_>>()));
        }
        if records.is_empty() {
            return Err(ReportError::malformed(path, 1, "the file is empty", mend));
        }
        let (_, header) = records.remove(0);
        Ok(Self { path: path.into(), mend: mend.into(), header, records })
    }

    /// All records after the header.
    pub fn records(&self) -> impl Iterator<Item = Record<'_>> {
        self.records.iter().map(|(line, cells)| Record { file: self, line: *line, cells })
    }

    /// Index of a column that must be there.
    pub fn column(&self, name: &str) -> Result<usize, ReportError> {
        self.header.iter().position(|column| column == name).ok_or_else(|| {
            let what = format!("no column {name:?} among {}", self.header.join(","));
            ReportError::malformed(&self.path, 1, what, &self.mend)
        })
    }
}

impl<'a> Record<'a> {
    /// Text of a cell.
    pub fn text(&self, column: usize) -> &'a str {
        &self.cells[column]
    }

    /// An error at this record.
    pub fn wrong(&self, what: impl Into<String>) -> ReportError {
        ReportError::malformed(&self.file.path, self.line, what, &self.file.mend)
    }

    /// A cell that must parse.
    pub fn parse<T: std::str::FromStr>(&self, column: usize) -> Result<T, ReportError> {
        let (name, text) = (&self.file.header[column], self.text(column));
        text.parse().map_err(|_| self.wrong(format!("column {name} holds {text:?}, which is not a {}", kind::<T>())))
    }

    /// A finite number.
    pub fn number(&self, column: usize) -> Result<f64, ReportError> {
        let value: f64 = self.parse(column)?;
        if value.is_finite() {
            return Ok(value);
        }
        let (name, text) = (&self.file.header[column], self.text(column));
        Err(self.wrong(format!("column {name} holds {text:?}, which is not finite")))
    }

    /// A number, or `None` for an empty cell or a dash.
    pub fn optional(&self, column: usize) -> Result<Option<f64>, ReportError> {
        match self.text(column) {
            "" | "-" => Ok(None),
            _ => self.number(column).map(Some),
        }
    }
}

fn kind<T>() -> &'static str {
    if std::any::type_name::<T>().starts_with('u') { "whole number" } else { "number" }
}

fn broken(path: &Path, error: &csv::Error, mend: &str) -> ReportError {
    let line = error.position().map_or(1, csv::Position::line);
    let what = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} cells where the header has {expected_len}; the file was cut short or edited")
        }
        _ => error.to_string(),
    };
    ReportError::malformed(path, line, what, mend)
}

/// Writes a file under a temporary name, syncs it and renames it into place.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), ReportError> {
    let temporary = temporary_name(path);
    let written = std::fs::File::create(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    finish(written, &temporary, path)
}

/// The name under which a file is written before it is renamed.
pub(crate) fn temporary_name(path: &Path) -> PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!(".{name}.{}.tmp", std::process::id()))
}

/// Renames a temporary file into place, or removes it if it could not be written.
pub(crate) fn finish(written: std::io::Result<()>, temporary: &Path, path: &Path) -> Result<(), ReportError> {
    written.and_then(|()| std::fs::rename(temporary, path)).map_err(|source| {
        let _ = std::fs::remove_file(temporary);
        ReportError::Write { path: path.into(), source }
    })
}
