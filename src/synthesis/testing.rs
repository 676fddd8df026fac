//! Documents and models for tests.

use longlab_client::{ChatFailure, ChatModel, ChatReply, ChatRequest, Finish, Usage};
use longlab_documents::{Cell, Document, Hash, Kind, Span, Table};
use std::sync::atomic::{AtomicUsize, Ordering};

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

/// Answers what a function says, until it is to die.
pub struct Model<F> {
    pub answer: F,
    pub calls: AtomicUsize,
    pub dies_after: usize,
}

impl<F: Fn(&ChatRequest) -> String> Model<F> {
    /// A model that dies after so many calls.
    pub fn new(answer: F, dies_after: usize) -> Model<F> {
        Model { answer, calls: AtomicUsize::new(0), dies_after }
    }
}

impl<F: Fn(&ChatRequest) -> String + Sync + Send> ChatModel for Model<F> {
    fn name(&self) -> String {
        "stand-in".into()
    }

    fn chat(&self, request: &ChatRequest, _: &mut dyn FnMut(&str) -> bool) -> Result<ChatReply, ChatFailure> {
        if self.calls.fetch_add(1, Ordering::SeqCst) >= self.dies_after {
            return Err(ChatFailure::Failed { reason: "the server is gone".into() });
        }
        Ok(ChatReply {
            content: (self.answer)(request),
            reasoning: None,
            finish: Finish::Stop,
            usage: Usage::default(),
            model: self.name(),
            logprobs: vec![],
        })
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
