//! A published table in memory: rows to compare, columns of numbers, every cell with its place in the file.

use super::items::same;
use super::{AuditError, Printed, Settings};
use serde::Serialize;

/// The largest table.
const MOST_ROWS: usize = 300;
const MOST_COLUMNS: usize = 100;

/// Where a cell stands in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Line, from 1.
    pub line: u64,
    /// Column, from 1.
    pub field: usize,
}

/// A number of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// The number as printed.
    pub printed: Printed,
    /// Where it stands.
    pub place: Place,
}

/// A table: rows are what is compared, columns are the benchmarks.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Table {
    /// Name of the table.
    pub name: String,
    /// Names of the columns of numbers.
    pub columns: Vec<String>,
    /// Names of the rows.
    pub rows: Vec<String>,
    /// Rows and columns have changed places: the file has a row for each benchmark.
    pub turned: bool,
    /// The score of one who gets everything right: 100, or 1.
    pub full: u64,
    /// Columns of the file that hold no numbers.
    pub texts: Vec<String>,
    #[serde(skip)]
    cells: Vec<Vec<Option<Cell>>>,
}

/// A column of the file.
struct Field<'a> {
    name: &'a str,
    position: usize,
    texts: Vec<(u64, &'a str)>,
}

impl Table {
    /// Reads the bytes of a CSV file. Columns in which fewer than half of the cells are numbers are text; the first one
    /// whose cells all differ names the rows. A table whose rows, not columns, are named in the settings is turned.
    ///
    /// # Errors
    /// Bytes that are no table, a cell that is no number in a column of numbers, a name that stands for two columns.
    pub fn parse(name: &str, bytes: &[u8], settings: &Settings) -> Result<Self, AuditError> {
        let (header, records) = records(name, bytes)?;
        let fields: Vec<Field> = header.iter().enumerate().map(|(at, title)| Field::of(at, title, &records)).collect();
        let mut numbers = Vec::new();
        let mut texts = Vec::new();
        for field in &fields {
            match field.numbers(name, settings)? {
                Some(cells) => numbers.push((field.name, cells)),
                None => texts.push(field),
            }
        }
        let rows = labels(&texts, records.len());
        let columns: Vec<String> = numbers.iter().map(|(name, _)| (*name).to_owned()).collect();
        let cells = (0..rows.len()).map(|row| numbers.iter().map(|(_, cells)| cells[row]).collect()).collect();
        let texts = texts.iter().map(|field| field.name.to_owned()).collect();
        let table = Self { name: name.into(), columns, rows, turned: false, full: settings.full(), texts, cells };
        let table = if table.speaks_of_rows(settings) { table.turn() } else { table };
        table.no_name_twice().map(|()| table)
    }

    /// The cell of a row and column, if it holds a number.
    pub fn cell(&self, row: usize, column: usize) -> Option<Cell> {
        self.cells[row][column]
    }

    /// Position of a column.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| same(column, name))
    }

    /// Names of columns and rows.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().chain(&self.rows).map(String::as_str)
    }

    /// Rows and columns in each other's place.
    pub fn turn(self) -> Self {
        let cells = (0..self.columns.len()).map(|column| self.cells.iter().map(|row| row[column]).collect()).collect();
        Self { columns: self.rows, rows: self.columns, turned: !self.turned, cells, ..self }
    }

    /// Rows that are printed differences of others: named so, or all signed where others are not.
    pub fn is_delta_row(&self, row: usize) -> bool {
        is_delta(&self.rows[row], self.cells[row].iter().copied())
    }

    /// Columns that are printed differences of others.
    pub fn is_delta_column(&self, column: usize) -> bool {
        is_delta(&self.columns[column], self.cells.iter().map(|row| row[column]))
    }

    /// Rows that are no differences.
    pub fn data_rows(&self) -> Vec<usize> {
        (0..self.rows.len()).filter(|row| !self.is_delta_row(*row)).collect()
    }

    /// Columns that are no differences.
    pub fn data_columns(&self) -> Vec<usize> {
        (0..self.columns.len()).filter(|column| !self.is_delta_column(*column)).collect()
    }

    /// The numbers of a column in the rows that are no differences.
    pub fn values(&self, column: usize) -> Vec<f64> {
        let cells = self.data_rows().into_iter().filter_map(|row| self.cell(row, column));
        cells.map(|cell| cell.printed.value()).collect()
    }

    /// More rows than columns are named. One row that only a file of counts for many tables names is not enough.
    fn speaks_of_rows(&self, settings: &Settings) -> bool {
        let named = |names: &[String]| names.iter().filter(|name| settings.items.metric(name).is_some()).count();
        let meant = self.rows.iter().any(|row| settings.items.is_for_these_tables(row));
        named(&self.rows) > named(&self.columns) && (meant || named(&self.rows) > 1)
    }

    fn no_name_twice(&self) -> Result<(), AuditError> {
        let twice = |at: &usize| self.columns[..*at].iter().any(|name| same(name, &self.columns[*at]));
        let Some(at) = (0..self.columns.len()).find(twice) else { return Ok(()) };
        let what = format!("`{}` stands for two columns of numbers", self.columns[at]);
        Err(AuditError::NoTable { table: self.name.clone(), line: 1, what, mend: "rename one of them".into() })
    }
}

fn is_delta(name: &str, cells: impl Iterator<Item = Option<Cell>>) -> bool {
    const WORDS: [&str; 8] = ["delta", "δ", "diff", "difference", "gain", "improvement", "change", "vs"];
    let name = name.to_lowercase();
    // The whole first word: `difficulty` is no difference.
    let first = name.trim_start().split(|letter: char| !letter.is_alphabetic()).next().unwrap_or_default();
    let numbers: Vec<Printed> = cells.flatten().map(|cell| cell.printed).collect();
    let signed =
        numbers.iter().any(|number| number.signed && number.units >= 0) && numbers.iter().all(|number| number.signed);
    !numbers.is_empty() && (signed || WORDS.contains(&first))
}

impl<'a> Field<'a> {
    fn of(position: usize, name: &'a str, records: &'a [(u64, Vec<String>)]) -> Self {
        let texts = records.iter().map(|(line, cells)| (*line, cells[position].as_str())).collect();
        Self { name, position, texts }
    }

    /// The cells of a column of numbers; `None` of a column of text.
    fn numbers(&self, table: &str, settings: &Settings) -> Result<Option<Vec<Option<Cell>>>, AuditError> {
        let full: Vec<&(u64, &str)> = self.texts.iter().filter(|(_, text)| !Printed::is_blank(text)).collect();
        let numbers = full.iter().filter(|(_, text)| Printed::parse(text).is_some()).count();
        let stated = settings.items.metric(self.name).is_some() && !full.is_empty();
        if !stated && (numbers == 0 || 2 * numbers < full.len()) {
            return Ok(None);
        }
        self.texts.iter().map(|(line, text)| self.number(table, *line, text)).collect::<Result<_, _>>().map(Some)
    }

    fn number(&self, table: &str, line: u64, text: &str) -> Result<Option<Cell>, AuditError> {
        if Printed::is_blank(text) {
            return Ok(None);
        }
        let field = self.position + 1;
        let printed = Printed::parse(text).ok_or_else(|| AuditError::NotANumber {
            table: table.into(),
            line,
            field,
            column: self.name.into(),
            text: text.into(),
        })?;
        Ok(Some(Cell { printed, place: Place { line, field } }))
    }

    fn all_differ(&self) -> bool {
        let mut seen: Vec<&str> = self.texts.iter().map(|(_, text)| text.trim()).collect();
        seen.sort_unstable();
        let count = seen.len();
        seen.dedup();
        seen.len() == count && seen.iter().all(|text| !text.is_empty())
    }
}

fn labels(texts: &[&Field], rows: usize) -> Vec<String> {
    match texts.iter().find(|field| field.all_differ()).or(texts.first()) {
        Some(field) => field.texts.iter().map(|(_, text)| text.trim().to_owned()).collect(),
        None => (1..=rows).map(|row| format!("row {row}")).collect(),
    }
}

type Records = (Vec<String>, Vec<(u64, Vec<String>)>);

fn records(table: &str, bytes: &[u8]) -> Result<Records, AuditError> {
    let wrong = |line: u64, what: String, mend: &str| AuditError::NoTable {
        table: table.into(),
        line,
        what,
        mend: mend.into(),
    };
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(bytes);
    let mut lines = Lines { bytes, at: 0, line: 1 };
    let mut all = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| unreadable(table, &mut lines, &error))?;
        let line = lines.of(record.position());
        if all.len() > MOST_ROWS || record.len() > MOST_COLUMNS {
            let what = format!("the table has more than {MOST_ROWS} rows or {MOST_COLUMNS} columns");
            return Err(wrong(line, what, "give a table of results, a row for each model"));
        }
        all.push((line, record.iter().map(str::to_owned).collect::<Vec<_>>()));
    }
    if all.len() < 2 {
        return Err(wrong(1, "there are no rows".into(), "give a line of column names and a line for each row"));
    }
    let (_, header) = all.remove(0);
    if header.len() == 1 {
        let what = format!("the only column is {:?}", header[0]);
        return Err(wrong(1, what, "part the columns by commas"));
    }
    Ok((header, all))
}

/// Lines by counting ends: the reader's own count lags by one where lines end in CR LF.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line of a record, which must not lie before the last one asked for.
    fn of(&mut self, position: Option<&csv::Position>) -> u64 {
        let start = position.and_then(|position| usize::try_from(position.byte()).ok()).unwrap_or(self.at);
        // A record's position may be before the end of the line above it, and before empty lines.
        while let Some(byte) = self.bytes.get(self.at) {
            if self.at >= start && !matches!(byte, b'\r' | b'\n') {
                break;
            }
            self.line += u64::from(*byte == b'\n');
            self.at += 1;
        }
        self.line
    }
}

fn unreadable(table: &str, lines: &mut Lines, error: &csv::Error) -> AuditError {
    let line = lines.of(error.position());
    let (what, mend) = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => (
            format!("{len} cells where the first line has {expected_len}"),
            "give each row as many cells as there are columns, - for an empty one",
        ),
        csv::ErrorKind::Utf8 { .. } => ("the text is not UTF-8".into(), "save the file as UTF-8"),
        _ => (error.to_string(), "save the table as CSV again"),
    };
    AuditError::NoTable { table: table.into(), line, what, mend: mend.into() }
}
