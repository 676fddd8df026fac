//! Jupyter notebooks: texts as Markdown, code and its printed results in fenced blocks.

use super::{Context, code, markdown};
use crate::Format;
use crate::draft::{Draft, border};
use crate::error::Fault;
use serde_json::Value;

/// Bytes of a cell's printed results that are kept.
const LONGEST_OUTPUT: usize = 2000;

pub(super) fn read(text: &str, context: &mut Context) -> Result<Draft, Fault> {
    if text.len() > context.limits.json_bytes {
        let (size, limit) = (text.len() as u64, context.limits.json_bytes as u64);
        return Err(Fault::TooLarge { format: Format::Notebook, size, limit, key: "json_bytes" });
    }
    let value: Value = serde_json::from_str(text).map_err(|error| Fault::damaged(Format::Notebook, error))?;
    let cells = value.get("cells").and_then(Value::as_array);
    let cells = cells.ok_or_else(|| Fault::damaged(Format::Notebook, "there is no list `cells`"))?;
    let language = value.pointer("/metadata/kernelspec/language").or(value.pointer("/metadata/language_info/name"));
    let language = language.and_then(Value::as_str).unwrap_or("python").to_lowercase();
    let mut written = String::new();
    let mut codes = Vec::new();
    for cell in cells {
        match cell.get("cell_type").and_then(Value::as_str) {
            Some("code") => codes.extend(write_code(&mut written, cell, &language)),
            Some("markdown" | "raw") => block(&mut written, source(cell.get("source")).trim()),
            _ => {}
        }
    }
    let mut draft = markdown::read(written, &mut context.cells);
    if language == "python" {
        note_code(&mut draft, &codes, context);
    }
    Ok(draft)
}

fn block(written: &mut String, text: &str) {
    if !text.is_empty() {
        written.push_str(text);
        written.push_str("\n\n");
    }
}

/// Writes a cell of code with its results; gives where the code stands.
fn write_code(written: &mut String, cell: &Value, language: &str) -> Option<std::ops::Range<usize>> {
    let code = source(cell.get("source"));
    let code = code.trim_end();
    if code.trim().is_empty() {
        return None;
    }
    let fence = fence(code);
    written.push_str(&format!("{fence}{language}\n"));
    let start = written.len();
    written.push_str(code);
    let range = start..written.len();
    written.push_str(&format!("\n{fence}\n\n"));
    let results = cell.get("outputs").and_then(Value::as_array).map_or(String::new(), |outputs| printed(outputs));
    let results = &results[..border(&results, LONGEST_OUTPUT.min(results.len()))];
    if !results.trim().is_empty() {
        let fence = self::fence(results);
        block(written, &format!("{fence}\n{}\n{fence}", results.trim_end()));
    }
    Some(range)
}

/// A fence that the text does not hold.
fn fence(text: &str) -> String {
    let longest = text.split(|letter| letter != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

fn printed(outputs: &[Value]) -> String {
    let text = |output: &Value| source(output.get("text").or(output.pointer("/data/text~1plain")));
    outputs.iter().map(text).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
}

/// A text that is one string or a list of lines.
fn source(value: Option<&Value>) -> String {
    let text = match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(lines)) => lines.iter().filter_map(Value::as_str).collect(),
        _ => String::new(),
    };
    text.replace("\r\n", "\n").replace('\r', "\n")
}

fn note_code(draft: &mut Draft, codes: &[std::ops::Range<usize>], context: &Context) {
    for range in codes {
        let room = context.limits.notes.saturating_sub(draft.notes.len());
        if range.len() <= context.limits.code_bytes
            && let Some((_, notes)) = code::structure(Format::Python, &draft.text[range.clone()], context.source, room)
        {
            draft.adopt_notes(notes, range.start);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Reader;

    #[test]
    fn texts_code_and_results_stand_in_order() {
        let notebook = r##"{"cells": [
            {"cell_type": "markdown", "source": ["# Rivers\n", "See [x](y)."]},
            {"cell_type": "code", "source": "import numpy\ndef f():\n    '''```'''", "outputs": [{"text": ["1230\n"]}]},
            {"cell_type": "code", "source": []}], "metadata": {}}"##;
        let reading = Reader::default().read("a.ipynb", notebook.as_bytes()).unwrap();
        let document = &reading.documents[0];
        document.check().unwrap();
        assert_eq!(
            document.text,
            "# Rivers\nSee [x](y).\n\n````python\nimport numpy\ndef f():\n    '''```'''\n````\n\n```\n1230\n```\n\n"
        );
        let notes: Vec<(&str, &str)> =
            document.notes.iter().map(|n| (n.relation.as_str(), n.object.as_str())).collect();
        assert_eq!(notes, [("shows code in", "python"), ("imports", "numpy"), ("defines", "f")]);
        assert_eq!((document.title.as_str(), document.links.len()), ("Rivers", 1));
    }
}
