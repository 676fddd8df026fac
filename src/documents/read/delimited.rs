//! CSV and TSV: one table a file, written as one line of text a row with bars between the cells.

use super::{Context, Remark};
use crate::Format;
use crate::document::{Cell, Table};
use crate::draft::{Draft, file_name};
use crate::error::Fault;
use csv::{ReaderBuilder, StringRecord};

/// Bytes and records of the beginning by which the delimiter is told.
const SNIFFED: usize = 1 << 16;
const SNIFFED_RECORDS: usize = 50;
/// Columns of a table; cells further right are left out.
const COLUMNS: usize = 1000;

pub(super) fn read(text: &str, context: &mut Context) -> Result<Vec<Draft>, Fault> {
    let (preamble, body) = preamble(text);
    let delimiter = delimiter(body, context.source);
    let mut records = reader(delimiter).from_reader(body.as_bytes()).into_records();
    let next = |records: &mut csv::StringRecordsIntoIter<&[u8]>| loop {
        match records.next()? {
            Ok(record) if record.iter().all(|cell| cell.trim().is_empty()) => {}
            Ok(record) => return Some(Ok((cells(&record), beyond(&record)))),
            Err(error) => return Some(Err(Fault::damaged(Format::Delimited, error))),
        }
    };
    let Some((first, wide)) = next(&mut records).transpose()? else { return Err(Fault::Empty) };
    let (mut left_out, mut cut) = (0, 0);
    let (head, mut waiting) = if is_head(&first) {
        cut += wide;
        (first, None)
    } else {
        (unnamed(first.len()), Some((first, wide)))
    };
    let width = head.len();
    let mut sheet = Sheet { head, preamble, room: context.limits.cells, done: Vec::new(), part: None };
    while let Some(record) = waiting.take().map(Ok).or_else(|| next(&mut records)) {
        let (record, wide) = record?;
        cut += wide + said(record.iter().skip(width).map(String::as_str));
        left_out += usize::from(!sheet.row(&record, context));
    }
    if cut > 0 {
        context.remarks.push(Remark::CellsCut { left_out: cut });
    }
    if left_out > 0 {
        context.remarks.push(Remark::RowsCut { left_out });
    }
    Ok(sheet.close(context))
}

fn reader(delimiter: u8) -> ReaderBuilder {
    let mut builder = ReaderBuilder::new();
    builder.delimiter(delimiter).flexible(true).has_headers(false);
    builder
}

/// Lines of comments before the table, and the rest.
fn preamble(text: &str) -> (String, &str) {
    let mut said = String::new();
    let mut rest = text;
    while let Some(line) = rest.strip_prefix('#') {
        let (line, below) = line.split_once('\n').unwrap_or((line, ""));
        said.push_str(line.trim());
        said.push('\n');
        rest = below;
    }
    (said, rest)
}

/// The sign that cuts most records of the beginning into the same number of cells, two or more; commas and tabs by the file's
/// name where none does.
fn delimiter(text: &str, source: &str) -> u8 {
    let sample = &text[..crate::draft::border(text, SNIFFED.min(text.len()))];
    let score = |delimiter: u8| {
        let widths: Vec<usize> = reader(delimiter)
            .from_reader(sample.as_bytes())
            .into_records()
            .take(SNIFFED_RECORDS)
            .map_while(Result::ok)
            .map(|record| record.len())
            .collect();
        let most = widths.iter().filter(|&&width| width >= 2).map(|w| (widths.iter().filter(|o| *o == w).count(), *w));
        most.max().unwrap_or((0, 0))
    };
    let by_name = if file_name(source).contains(".tsv") || source.ends_with(".tab") { b'\t' } else { b',' };
    let candidates = [by_name, b',', b'\t', b';', b'|'];
    let best = candidates.into_iter().rev().max_by_key(|&candidate| score(candidate)).unwrap_or(by_name);
    if score(best).0 == 0 { by_name } else { best }
}

/// Cells in one line each, without white space around them.
fn cells(record: &StringRecord) -> Vec<String> {
    let cell = |cell: &str| cell.split_whitespace().collect::<Vec<_>>().join(" ");
    record.iter().take(COLUMNS).map(cell).collect()
}

/// Cells of a record that lie beyond the last column and say something.
fn beyond(record: &StringRecord) -> usize {
    said(record.iter().skip(COLUMNS))
}

fn said<'a>(cells: impl Iterator<Item = &'a str>) -> usize {
    cells.filter(|cell| !cell.trim().is_empty()).count()
}

/// A first row names the columns if it says something and none of it is a number.
fn is_head(cells: &[String]) -> bool {
    cells.iter().any(|cell| !cell.is_empty()) && cells.iter().all(|cell| cell.parse::<f64>().is_err())
}

fn unnamed(columns: usize) -> Vec<String> {
    (1..=columns).map(|number| format!("column {number}")).collect()
}

/// A file's table, in several documents where it is long.
struct Sheet {
    head: Vec<String>,
    preamble: String,
    /// Cells that may still be read.
    room: usize,
    done: Vec<Draft>,
    part: Option<Part>,
}

/// The document that grows, and its table.
struct Part {
    draft: Draft,
    table: Table,
}

impl Sheet {
    /// Writes a row; false where there is no room for it.
    fn row(&mut self, cells: &[String], context: &Context) -> bool {
        let width = self.head.len();
        if width > self.room {
            return false;
        }
        self.room -= width;
        let length: usize = cells.iter().map(|cell| cell.len() + 3).sum();
        if self.part.as_ref().is_some_and(|part| part.draft.text.len() + length > context.limits.document_bytes) {
            self.close_part();
        }
        if self.part.is_none() {
            self.part = Some(self.new_part(context));
        }
        if let Some(part) = &mut self.part {
            let row = line(&mut part.draft.text, cells, width);
            part.table.rows.push(row);
        }
        true
    }

    fn new_part(&self, context: &Context) -> Part {
        let name = file_name(context.source);
        let title = name.trim_end_matches(".gz").rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned();
        let mut draft = Draft::of(self.preamble.as_str());
        let start = draft.text.len();
        let head = line(&mut draft.text, &self.head, self.head.len());
        draft.title = Some(title.clone());
        Part { draft, table: Table { title, head, rows: Vec::new(), span: (start..start).into() } }
    }

    fn close_part(&mut self) {
        if let Some(Part { mut draft, mut table }) = self.part.take() {
            // The end of the last line is no part of the table; an empty cell before it is.
            table.span.end = draft.text.len() - 1;
            if table.head.len() >= 2 || !table.rows.is_empty() {
                draft.tables.push(table);
            }
            self.done.push(draft);
        }
    }

    fn close(mut self, context: &Context) -> Vec<Draft> {
        if self.part.is_none() && self.done.is_empty() {
            self.part = Some(self.new_part(context));
        }
        self.close_part();
        let several = self.done.len() > 1;
        for (number, draft) in self.done.iter_mut().enumerate().filter(|_| several) {
            draft.place = Some(format!("part {}", number + 1));
        }
        self.done
    }
}

/// Writes cells as a line; short rows are filled, long ones cut to the width of the head.
fn line(text: &mut String, cells: &[String], width: usize) -> Vec<Cell> {
    let mut row = Vec::with_capacity(width);
    for number in 0..width {
        if number > 0 {
            text.push_str(" | ");
        }
        let cell = cells.get(number).map_or("", String::as_str);
        let start = text.len();
        text.push_str(cell);
        row.push(Cell { text: cell.to_owned(), span: (start..text.len()).into() });
    }
    text.push('\n');
    row
}

#[cfg(test)]
mod tests {
    use crate::{Document, Limits, Reader, Remark};

    fn documents(name: &str, text: &str, limits: Limits) -> (Vec<Document>, Vec<Remark>) {
        let reader = Reader { limits, ..Reader::default() };
        let reading = reader.read(name, text.as_bytes()).unwrap();
        reading.documents.iter().for_each(|document| document.check().unwrap());
        (reading.documents, reading.remarks)
    }

    #[test]
    fn cells_beyond_the_columns_are_counted() {
        let cut = |text: &str| documents("a.csv", text, Limits::default()).1;
        assert_eq!(cut("a,b\n1,2\n3,4,,\n"), []);
        assert_eq!(cut("a,b\n1,2\n3,4,5,,6\n"), [Remark::CellsCut { left_out: 2 }]);
        let wide = |cell: &str| vec![cell; 1_200].join(",");
        let remarks = cut(&format!("{}\n{}\n", wide("a"), wide("1")));
        assert_eq!(remarks, [Remark::CellsCut { left_out: 400 }]);
        // A line without an end is one row.
        let (one, remarks) = documents("a.csv", &wide("river"), Limits::default());
        assert_eq!((one.len(), remarks), (1, vec![Remark::CellsCut { left_out: 200 }]));
    }

    fn rows(document: &Document) -> Vec<Vec<&str>> {
        let table = &document.tables[0];
        std::iter::once(&table.head)
            .chain(&table.rows)
            .map(|row| row.iter().map(|c| c.text.as_str()).collect())
            .collect()
    }

    #[test]
    fn delimiters_are_told_and_quotes_undone() {
        let (read, _) = documents("d/a.csv", "name;km\n\"Rhine; \"\"long\"\"\";1230\nElbe\n", Limits::default());
        assert_eq!(rows(&read[0]), [["name", "km"], ["Rhine; \"long\"", "1230"], ["Elbe", ""]]);
        assert_eq!(read[0].text, "name | km\nRhine; \"long\" | 1230\nElbe | \n");
        assert_eq!((read[0].title.as_str(), read[0].tables[0].title.as_str()), ("a", "a"));
        let (read, _) = documents("a.tsv", "a\tb, c\n1\t2\n", Limits::default());
        assert_eq!(rows(&read[0]), [["a", "b, c"], ["1", "2"]]);
    }

    #[test]
    fn numbers_are_no_names_of_columns() {
        let (read, _) = documents("a.csv", "# made by hand\n1,x\n2,y\n", Limits::default());
        assert_eq!(rows(&read[0]), [["column 1", "column 2"], ["1", "x"], ["2", "y"]]);
        assert!(read[0].text.starts_with("made by hand\ncolumn 1 | column 2\n"));
    }

    #[test]
    fn an_empty_last_cell_lies_in_the_table() {
        let (read, _) = documents("a.csv", "only name\nx,y\n,z\n", Limits::default());
        assert_eq!(rows(&read[0]), [["only name"], ["x"], [""]]);
    }

    #[test]
    fn long_tables_become_parts_and_end_at_the_limit() {
        let text = (0..100).fold("n,square\n".to_owned(), |text, n: u32| format!("{text}{n},{}\n", n * n));
        let limits = Limits { document_bytes: 400, cells: 120, ..Limits::default() };
        let (read, remarks) = documents("a.csv", &text, limits);
        assert_eq!(read.iter().map(|document| document.tables[0].rows.len()).sum::<usize>(), 60);
        assert!(read.len() > 1 && read.iter().all(|document| document.text.len() <= 400));
        assert_eq!(read[1].source, "a.csv#part 2");
        assert_eq!(remarks, [Remark::RowsCut { left_out: 40 }]);
    }
}
