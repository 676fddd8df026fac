//! JSON and JSON lines: conversations, texts with their properties, tables of records, and whatever else as an outline.

mod outline;
mod turns;

use super::{Context, Remark};
use crate::Format;
use crate::document::{Cell, Table};
use crate::draft::Draft;
use crate::error::Fault;
use serde_json::{Map, Value};

/// Keys under which a record has its text, and those under which it has its title.
const TEXTS: [&str; 8] = ["text", "content", "body", "article", "document", "context", "passage", "story"];
const TITLES: [&str; 5] = ["title", "name", "headline", "id", "url"];
/// Bytes from which on a value under such a key is a document of its own.
const SHORTEST_TEXT: usize = 200;
/// Columns of a table of records.
const COLUMNS: usize = 200;

/// Reads a JSON value.
pub(super) fn read(text: &str, context: &mut Context) -> Result<Vec<Draft>, Fault> {
    if text.len() > context.limits.json_bytes {
        let (size, limit) = (text.len() as u64, context.limits.json_bytes as u64);
        return Err(Fault::TooLarge { format: Format::Json, size, limit, key: "json_bytes" });
    }
    let value: Value = serde_json::from_str(text).map_err(|error| Fault::damaged(Format::Json, error))?;
    if let Some(draft) = turns::read(&value) {
        return Ok(vec![draft]);
    }
    match value {
        Value::Array(values) if values.iter().any(is_document) => Ok(numbered(values, "item", context)),
        value => Ok(vec![any(&value, context)]),
    }
}

/// Reads a value a line. Where the first is a document, each line is one; else all lines together are one value.
pub(super) fn read_lines(text: &str, context: &mut Context) -> Result<Vec<Draft>, Fault> {
    let mut lines = Lines::default();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        lines.take(number + 1, line, context);
    }
    lines.close(context)
}

/// Lines of JSON that are read one after the other.
#[derive(Default)]
struct Lines {
    documents: Vec<Draft>,
    values: Vec<Value>,
    /// Bytes of the lines in `values`.
    held: usize,
    bad: usize,
    /// The first bad line and what is wrong with it.
    first_bad: Option<(usize, String)>,
    left_out: usize,
    /// Bytes of the longest line that was left out.
    longest: usize,
}

impl Lines {
    fn take(&mut self, number: usize, line: &str, context: &mut Context) {
        let most = context.limits.json_bytes;
        if self.held + line.len() > most {
            self.left_out += 1;
            self.longest = self.longest.max(line.len());
            return;
        }
        match serde_json::from_str::<Value>(line) {
            Ok(value) if !self.documents.is_empty() || self.values.is_empty() && is_document(&value) => {
                self.documents.push(record(&value, &format!("line {number}"), context));
            }
            Ok(value) => {
                self.held += line.len();
                self.values.push(value);
            }
            Err(error) => {
                self.bad += 1;
                self.first_bad.get_or_insert_with(|| (number, error.to_string()));
            }
        }
    }

    fn close(mut self, context: &mut Context) -> Result<Vec<Draft>, Fault> {
        if let Some((first, said)) = self.first_bad {
            if self.values.is_empty() && self.documents.is_empty() {
                return Err(Fault::damaged(Format::JsonLines, format!("line {first}: {said}")));
            }
            context.remarks.push(Remark::BadLines { left_out: self.bad, first });
        }
        if self.left_out > 0 && self.values.is_empty() && self.documents.is_empty() {
            let (size, limit) = (self.longest as u64, context.limits.json_bytes as u64);
            return Err(Fault::TooLarge { format: Format::JsonLines, size, limit, key: "json_bytes" });
        }
        if self.left_out > 0 {
            context.remarks.push(Remark::RowsCut { left_out: self.left_out });
        }
        if !self.values.is_empty() {
            self.documents.push(any(&Value::Array(self.values), context));
        }
        Ok(self.documents)
    }
}

fn numbered(values: Vec<Value>, what: &str, context: &mut Context) -> Vec<Draft> {
    let draft = |(number, value): (usize, &Value)| record(value, &format!("{what} {}", number + 1), context);
    values.iter().enumerate().map(draft).collect()
}

/// Whether a value is a conversation or a record with a text.
fn is_document(value: &Value) -> bool {
    turns::are_in(value) || value.as_object().is_some_and(|record| text_of(record).is_some())
}

fn text_of(record: &Map<String, Value>) -> Option<(&str, &str)> {
    let long = |key: &&str| record.get(*key)?.as_str().filter(|text| text.len() >= SHORTEST_TEXT);
    TEXTS.iter().find_map(|key| long(key).map(|text| (*key, text)))
}

/// One value of many as a draft of its own.
fn record(value: &Value, place: &str, context: &mut Context) -> Draft {
    let mut draft = match (turns::read(value), value.as_object().and_then(|record| text_of(record).zip(Some(record)))) {
        (Some(draft), _) => draft,
        (None, Some(((key, text), record))) => document(record, key, text, place),
        (None, None) => any(value, context),
    };
    draft.place = Some(place.to_owned());
    draft
}

/// A record with a text: its properties line by line, then the text.
fn document(record: &Map<String, Value>, key: &str, text: &str, place: &str) -> Draft {
    let title = TITLES.iter().find_map(|key| record.get(*key)?.as_str()).filter(|title| !title.trim().is_empty());
    let mut draft = Draft { title: title.map(clean), ..Draft::default() };
    let subject = draft.title.clone().unwrap_or_else(|| place.to_owned());
    for (name, value) in record.iter().filter(|(name, value)| *name != key && !value.is_object() && !value.is_array()) {
        outline::property(&mut draft, &subject, name, value, 0);
    }
    draft.absorb(Draft::of(lines(text)));
    draft
}

fn any(value: &Value, context: &mut Context) -> Draft {
    let mut draft = Draft::default();
    match value {
        Value::Array(rows) if is_table(rows) => {
            let name = crate::draft::file_name(context.source);
            table(&mut draft, rows, name.split('.').next().unwrap_or(name), context);
        }
        value => outline::write(&mut draft, value, context),
    }
    draft
}

/// Records of plain values, two or more, most of whose keys are those of the first.
fn is_table(rows: &[Value]) -> bool {
    let Some(first) = rows.first().and_then(Value::as_object).filter(|first| first.len() >= 2) else { return false };
    let fits = |row: &Value| {
        row.as_object().is_some_and(|row| {
            let known = row.keys().filter(|key| first.contains_key(*key)).count();
            2 * known >= first.len() && row.values().all(|value| !value.is_object() && !value.is_array())
        })
    };
    rows.len() >= 2 && rows.iter().all(fits)
}

/// Writes records as a table, one line a record.
fn table(draft: &mut Draft, rows: &[Value], title: &str, context: &mut Context) {
    let mut columns: Vec<&str> = Vec::new();
    for key in rows.iter().take(1000).filter_map(Value::as_object).flat_map(Map::keys) {
        if columns.len() < COLUMNS && !columns.contains(&key.as_str()) {
            columns.push(key);
        }
    }
    let start = draft.text.len();
    let head = line(&mut draft.text, columns.iter().map(|name| clean(name)));
    // Rows that lack columns take the room of all.
    let most = (context.cells.room / columns.len().max(1)).min(rows.len());
    context.cells.room -= most * columns.len();
    let row =
        |value: &Value| columns.iter().map(|name| value.get(name).map_or(String::new(), scalar)).collect::<Vec<_>>();
    let cells: Vec<Vec<Cell>> =
        rows.iter().take(most).map(|value| line(&mut draft.text, row(value).into_iter())).collect();
    if rows.len() > most {
        context.remarks.push(Remark::RowsCut { left_out: rows.len() - most });
    }
    let span = (start..draft.text.len() - 1).into();
    draft.tables.push(Table { title: title.to_owned(), head, rows: cells, span });
}

fn line(text: &mut String, cells: impl Iterator<Item = String>) -> Vec<Cell> {
    let mut row = Vec::new();
    for cell in cells {
        text.push_str(if row.is_empty() { "" } else { " | " });
        let start = text.len();
        text.push_str(&cell);
        row.push(Cell { span: (start..text.len()).into(), text: cell });
    }
    text.push('\n');
    row
}

/// A plain value as it is written in a line.
fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => clean(text),
        Value::Null => String::new(),
        value => value.to_string(),
    }
}

/// Text in one line.
fn clean(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Text whose lines end as everywhere here, and without NULs.
fn lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace(['\r', '\0'], "\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use crate::{Document, Fault, Kind, Reader, Remark};

    fn documents(name: &str, text: &str) -> Vec<Document> {
        let reading = Reader::default().read(name, text.as_bytes()).unwrap();
        reading.documents.iter().for_each(|document| document.check().unwrap());
        reading.documents
    }

    #[test]
    fn records_become_a_table() {
        let read = documents("rivers.json", r#"[{"name": "Rhine", "km": 1230}, {"name": "El\nbe", "km": null}]"#);
        assert_eq!(read[0].text, "name | km\nRhine | 1230\nEl be | \n");
        assert_eq!((read[0].tables[0].title.as_str(), read[0].tables[0].rows[0][1].text.as_str()), ("rivers", "1230"));
        assert_eq!(documents("a.jsonl", "{\"a\":1,\"b\":2}\n\n{\"a\":3,\"b\":4}\n")[0].tables[0].rows.len(), 2);
    }

    #[test]
    fn texts_become_documents_with_notes() {
        let text = "word ".repeat(60);
        let line = format!(r#"{{"title": "Ems", "year": 1999, "text": "{text}"}}"#);
        let read = documents("a.jsonl", &format!("{line}\n{line}\n"));
        assert_eq!((read.len(), read[1].source.as_str(), read[1].title.as_str()), (2, "a.jsonl#line 2", "Ems"));
        let note = &read[0].notes[1];
        assert_eq!((note.subject.as_str(), note.relation.as_str(), note.object.as_str()), ("Ems", "year", "1999"));
    }

    #[test]
    fn other_values_become_an_outline() {
        let read =
            documents("a.json", r#"{"river": {"name": "Oder", "towns": ["Opole", {"name": "Frankfurt"}]}, "n": 2}"#);
        assert_eq!(read[0].text, "river:\n  name: Oder\n  towns:\n    - Opole\n    - name: Frankfurt\nn: 2\n");
        let notes: Vec<(&str, &str, &str)> =
            read[0].notes.iter().map(|n| (n.subject.as_str(), n.relation.as_str(), n.object.as_str())).collect();
        assert_eq!(
            notes,
            [
                ("Oder", "name", "Oder"),
                ("Oder", "towns", "Opole"),
                ("Frankfurt", "name", "Frankfurt"),
                ("a.json", "n", "2")
            ]
        );
    }

    #[test]
    fn conversations_in_both_forms() {
        let sharegpt =
            r#"{"conversations": [{"from": "human", "value": "Hi\r\nyou"}, {"from": "gpt", "value": "Hello"}]}"#;
        let openai = r#"{"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]},
            {"role": "assistant", "content": "Hello"}]}"#
            .replace('\n', "");
        let read = documents("a.jsonl", &format!("{sharegpt}\n{openai}\n"));
        assert_eq!(read[0].text, "human: Hi\nyou\n\ngpt: Hello\n");
        assert_eq!(read[1].text, "user: Hi\n\nassistant: Hello\n");
        assert!(read.iter().all(|document| document.kind == Kind::Dialogue));
        let note = &read[0].notes[0];
        assert_eq!((note.subject.as_str(), note.relation.as_str(), note.object.as_str()), ("human", "says", "Hi\nyou"));
    }

    #[test]
    fn bad_lines_are_counted_and_bad_files_named() {
        let reading = Reader::default().read("a.jsonl", b"{\"a\":1}\nnonsense\n{}\n[").unwrap();
        assert_eq!(reading.remarks, [Remark::BadLines { left_out: 2, first: 2 }]);
        let deep = "[".repeat(100_000);
        for (name, text) in [("a.jsonl", "nonsense"), ("a.json", "{"), ("a.json", deep.as_str())] {
            let error = Reader::default().read(name, text.as_bytes()).unwrap_err();
            assert!(matches!(error.fault, Fault::Damaged { .. }), "{error}");
        }
    }
}
