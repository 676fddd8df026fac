//! Items out of answered queries: the cells that an answer rests on, and the certificate.

use super::family::Family;
use super::make::Chosen;
use super::{Executed, SqlError};
use crate::item::{Answer, Certificate, Engine, Evidence, Form, Item, Passage, Proof, Shape, Work};
use longlab_documents::Hash;

/// Cells that an answer rests on, and what it becomes without each.
pub(super) type Necessary = (Vec<Evidence>, Vec<Option<String>>);

/// The cells that the answer rests on, and what it becomes without each.
pub(super) fn necessary(executed: &Executed, chosen: &Chosen, answer: &str) -> Result<Necessary, SqlError> {
    let (mut evidence, mut necessity) = (vec![], vec![]);
    for (at, row) in chosen.rows.iter().enumerate() {
        for (column, value) in row.values.iter().enumerate().filter(|(_, value)| !value.is_null()) {
            let without = executed.answer_without((at, column), value)?;
            if without.as_deref() == Some(answer) {
                continue;
            }
            let (document, span) = (&chosen.documents[row.source], row.spans[column]);
            let quote = span.of(&document.text).unwrap_or_default().to_string();
            evidence.push(Evidence { document: document.hash.clone(), span, quote });
            necessity.push(without);
        }
    }
    Ok((evidence, necessity))
}

/// A question with its answer and why it is that.
pub(super) struct Proven {
    pub question: String,
    pub answer: String,
    pub passages: Vec<Passage>,
    pub necessary: Necessary,
    pub proof: Proof,
    /// Calls of a model.
    pub work: Vec<Work>,
}

/// An item of a template, or after its manner.
pub(super) fn item(family: &Family, proven: Proven) -> Item {
    let Proven { question, answer, passages, necessary: (evidence, necessity), proof, work } = proven;
    let rows = if let Proof::Sql { rows, .. } = &proof { rows.len() } else { 0 };
    let (form, aliases) = match family.shape {
        Shape::Percentage => (Form::Numeric, vec![answer.trim_end_matches('%').to_string()]),
        Shape::Count | Shape::Number | Shape::Year => (Form::Numeric, vec![]),
        Shape::Date | Shape::Text | Shape::List => (Form::MultiHop, vec![]),
    };
    Item {
        id: Hash(String::new()),
        engine: Engine::Table,
        form,
        style: None,
        // What a reader has to look at: every row for every condition.
        difficulty: rows * (1 + family.conditions),
        question,
        answer: Answer { text: answer, aliases },
        passages,
        certificate: Certificate { evidence, proof, necessity, absent: vec![], tokens: 0, tokenizer: None, work },
    }
}
