//! The rows of a question in another form: the same table drawn in plain text or printed in a PDF, which no reader takes for a table.

use crate::item::{Item, Proof};
use crate::name::Said;
use longlab_documents::{Hash, Span};
use std::collections::{BTreeMap, HashSet};

/// Letters and digits of a value that is not said by chance alone.
const TELLING: usize = 4;

/// Values of one column that a passage may not say together; all, where there are fewer.
const TOGETHER: usize = 5;

/// Fewest values of a column that tell anything.
const FEWEST: usize = 3;

/// What the rows of a question hold, by column: different values of some letters.
pub(super) struct Values(Vec<Vec<Said>>);

impl Values {
    /// Those of an item over tables, whose passages have their texts; of others none.
    pub(super) fn of(item: &Item) -> Values {
        let Proof::Sql { columns, rows, sources, .. } = &item.certificate.proof else { return Values(vec![]) };
        let column = |at: usize| {
            let texts = rows.iter().filter_map(|row| text(item, sources.get(row.source)?, *row.spans.get(at)?));
            let said = texts.map(|text| (text.to_lowercase(), Said::of(text)));
            let telling = said.filter(|(_, said)| said.words().map(str::len).sum::<usize>() >= TELLING);
            telling.collect::<BTreeMap<_, _>>().into_values().collect::<Vec<_>>()
        };
        Values((0..columns.len()).map(column).filter(|values| values.len() >= FEWEST).collect())
    }

    /// Whether a text says so many values of one column that it may show the same rows.
    pub(super) fn are_said(&self, text: &Said) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let words: HashSet<&str> = text.words().collect();
        let says = |value: &&Said| value.words().all(|word| words.contains(word)) && text.holds(value);
        self.0.iter().any(|values| values.iter().filter(says).take(TOGETHER).count() >= TOGETHER.min(values.len()))
    }
}

/// The text of a cell, as the passage shows it that has it.
fn text<'a>(item: &'a Item, document: &Hash, span: Span) -> Option<&'a str> {
    let holds = |own: Span| own.start <= span.start && span.end <= own.end;
    let passage = item.passages.iter().find(|passage| passage.document == *document && holds(passage.span))?;
    passage.text.get(span.start - passage.span.start..span.end - passage.span.start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::{Answer, Certificate, Column, ColumnKind, Engine, Form, Level, Passage, Row, Shape};

    /// A question over a table of packages and sizes.
    fn item(lines: &[&str]) -> Item {
        let (mut text, mut rows) = (String::from("package | size\n"), vec![]);
        for line in lines {
            let start = text.len();
            let bar = start + line.find(" | ").unwrap();
            let spans = vec![Span { start, end: bar }, Span { start: bar + 3, end: start + line.len() }];
            rows.push(Row { source: 0, values: vec![], spans });
            text.push_str(&format!("{line}\n"));
        }
        let column = |label: &str, kind| Column { name: label.into(), label: label.into(), kind, unit: None };
        let document = Hash::of(&text);
        let proof = Proof::Sql {
            family: "greatest".into(),
            level: Level::Easy,
            query: String::new(),
            parameters: vec![],
            columns: vec![column("package", ColumnKind::Text), column("size", ColumnKind::Number)],
            sources: vec![document.clone()],
            rows,
            shape: Shape::Text,
            written: None,
        };
        let passages =
            vec![Passage { span: Span { start: 0, end: text.len() }, document, title: "Packages".into(), text }];
        Item {
            id: Hash(String::new()),
            engine: Engine::Table,
            form: Form::MultiHop,
            style: None,
            difficulty: 1,
            question: String::new(),
            answer: Answer { text: String::new(), aliases: vec![] },
            passages,
            certificate: Certificate {
                evidence: vec![],
                proof,
                necessity: vec![],
                absent: vec![],
                tokens: 0,
                tokenizer: None,
                work: vec![],
            },
        }
    }

    #[test]
    fn the_same_rows_in_another_form_are_seen() {
        let values =
            Values::of(&item(&["dash | 191", "coreutils | 18062", "vim-tiny | 1660", "mawk | 263", "grep | 1245"]));
        let said = |text: &str| values.are_said(&Said::of(text));
        assert!(said("|dash|..|191|\n|coreutils|..|18062|\n|vim-tiny|\n|Mawk|\n|grep|1245|"));
        assert!(said("sizes are 18062, 1660 and 1245"));
        assert!(!said("dash, coreutils, mawk and grep, of 191 and 263; a tiny vim"));
    }

    #[test]
    fn few_and_short_values_tell_nothing() {
        let values = Values::of(&item(&["a | 1", "b | 2000", "c | 3000", "a | 4"]));
        assert!(!values.are_said(&Said::of("a 1 b 2000 c 3000 a 4")));
    }
}
