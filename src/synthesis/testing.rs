//! Documents for tests: lines with `|` are tables.

use longlab_documents::{Cell, Document, Hash, Kind, Span, Table};

/// A document of a text, its tables read from stretches of lines with `|`, the first line of each its headline.
pub fn document(title: &str, text: &str) -> Document {
    let mut tables: Vec<Table> = vec![];
    let (mut start, mut open) = (0, false);
    for line in text.split_inclusive('\n') {
        let cells = cells(line, start);
        match (cells.len() > 1, open) {
            (true, false) => tables.push(Table {
                title: title.into(),
                head: cells,
                rows: vec![],
                span: Span { start, end: start + line.trim_end().len() },
            }),
            (true, true) => {
                let table = tables.last_mut().expect("a table is open");
                table.rows.push(cells);
                table.span.end = start + line.trim_end().len();
            }
            (false, _) => {}
        }
        open = line.contains('|');
        start += line.len();
    }
    Document {
        source: format!("{title}.txt"),
        kind: Kind::General,
        title: title.into(),
        text: text.into(),
        hash: Hash::of(text),
        sections: vec![],
        tables,
        links: vec![],
        notes: vec![],
    }
}

/// The first table of some lines.
pub fn table(lines: &str) -> Table {
    document("table", lines).tables.remove(0)
}

fn cells(line: &str, start: usize) -> Vec<Cell> {
    let mut at = start;
    let one = |part: &str| {
        let begin = at + part.len() - part.trim_start().len();
        at += part.len() + 1;
        let text = part.trim().to_string();
        Cell { span: Span { start: begin, end: begin + text.len() }, text }
    };
    line.split('|').map(one).collect()
}
