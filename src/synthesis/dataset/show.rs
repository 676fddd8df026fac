//! Items as pages to be read.

use super::record::Record;
use super::stats::each;
use crate::agents::{Judged, Transcript};
use crate::error::Result;
use crate::extend::absence::Absence;
use crate::item::{Engine, Proof};
use crate::prompt;
use crate::table::written::Written;
use std::path::Path;

/// Which items are shown.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Only those of an engine.
    pub engine: Option<Engine>,
    /// Only the one whose id begins so.
    pub id: Option<String>,
    /// At most so many; none: all.
    pub most: Option<usize>,
}

/// Characters of a passage that are shown of it.
const BEGINNING: usize = 300;

/// Hands on the chosen items, one at a time, until it is told to end; gives how many.
///
/// # Errors
/// Where the dataset cannot be read, and what `see` fails with.
pub fn show(folder: &Path, choice: &Choice, see: &mut dyn FnMut(&Record) -> Result<bool>) -> Result<usize> {
    let mut shown = 0;
    each(folder, &mut |_, record| {
        let record = record?;
        let wanted = choice.engine.is_none_or(|engine| record.item.engine == engine)
            && choice.id.as_ref().is_none_or(|id| record.item.id.0.starts_with(id));
        if wanted && choice.most.is_none_or(|most| shown < most) {
            shown += 1;
            if !see(&record)? {
                return Ok(false);
            }
        }
        Ok(choice.most.is_none_or(|most| shown < most))
    })?;
    Ok(shown)
}

/// An item as a page of Markdown.
///
/// # Errors
/// Where its prompt does not render.
pub fn page(record: &Record, whole: bool) -> Result<String> {
    let item = &record.item;
    let mut page = format!("## {}\n\n", item.id.0);
    page.push_str(&format!(
        "{} · {} · {} {} · bin {} · difficulty {} · {} tokens ({}) of {} drawn\n\n",
        item.engine.name(),
        item.form.name(),
        record.placed.split.name(),
        record.placed.index,
        record.placed.bin,
        item.difficulty,
        item.certificate.tokens,
        if item.certificate.tokenizer.is_some() { "counted" } else { "estimated" },
        record.placed.target,
    ));
    page.push_str(&format!("**Question.** {}\n\n**Answer.** {}\n\n", item.question, item.answer.text));
    for (evidence, without) in item.certificate.evidence.iter().zip(&item.certificate.necessity) {
        let quote = beginning(&evidence.quote, whole);
        let without = without.as_deref().map_or("no answer", |answer| answer);
        page.push_str(&format!(
            "- evidence {:.8} {}-{}: ",
            evidence.document.0, evidence.span.start, evidence.span.end
        ));
        page.push_str(&format!("{quote:?}; without it: {:?}\n", beginning(without, whole)));
    }
    page.push_str(&format!("\n**Proof.** {}\n\n", proof(&item.certificate.proof)));
    if whole {
        for message in prompt::messages(item)? {
            page.push_str(&format!("### {}\n\n{}\n\n", message.role, message.content));
        }
        return Ok(page);
    }
    let absence = Absence::of(item);
    for (at, passage) in item.passages.iter().enumerate() {
        let holds = if absence.is_evidence(at, passage) { "evidence" } else { "irrelevant" };
        let place = format!("{:.8} {}-{}", passage.document.0, passage.span.start, passage.span.end);
        page.push_str(&format!(
            "{}. {holds}, {place}, {:?}: {:?}\n",
            at + 1,
            passage.title,
            beginning(&passage.text, false)
        ));
    }
    page.push('\n');
    Ok(page)
}

fn beginning(text: &str, whole: bool) -> String {
    match text.char_indices().nth(BEGINNING) {
        Some((at, _)) if !whole => format!("{} ...", &text[..at]),
        _ => text.to_string(),
    }
}

/// What the solver's answers came to, and the calls by role.
fn models(played: &Transcript) -> String {
    let judged: Vec<String> = played.judged.iter().map(said).collect();
    let (right, answers) = played.rate;
    let tried = match (played.decoys.len(), played.fooled) {
        (0, _) => String::new(),
        (decoys, true) => format!("; the verifier says yes to one of {decoys} wrong answers, its votes do not count"),
        (decoys, false) => format!("; the verifier says no to {decoys} wrong answers"),
    };
    let mut calls: Vec<String> = vec![];
    for run in played.calls.chunk_by(|one, other| (one.role, &one.model) == (other.role, &other.model)) {
        calls.push(format!("{} times {:?} by {}", run.len(), run[0].role, run[0].model).to_lowercase());
    }
    format!(
        "cluster {}, round {}, level {}, task {}; solved by {right} of {answers} answers ({} unread): {}; questioner's reward {:.3}; {}",
        played.cluster,
        played.round,
        played.level,
        played.task.name(),
        played.unread,
        judged.join(", ") + &tried,
        played.reward,
        calls.join(", ")
    )
}

fn said(judged: &Judged) -> String {
    let [yes, no, unclear] = judged.votes;
    let verdict = if judged.right() { "right" } else { "wrong" };
    let by = if judged.rule { "rule".into() } else { format!("votes {yes} yes, {no} no, {unclear} neither") };
    format!("{} times {:?} ({verdict} by {by})", judged.answers, judged.said)
}

fn proof(proof: &Proof) -> String {
    match proof {
        Proof::Path { steps, operation, .. } => {
            let steps: Vec<String> = steps
                .iter()
                .map(|(head, relation, tail, by)| format!("({head})-[{relation}]-({tail}) by {by}"))
                .collect();
            format!("{}; {operation}", steps.join(", "))
        }
        Proof::Sql { query, rows, written: Some(written), .. } => {
            let Written { template, queries, agree, .. } = &**written;
            let rows = rows.len();
            format!("`{query}` over {rows} rows (written after {template}, {agree} of {} queries agree)", queries.len())
        }
        Proof::Sql { family, query, parameters, rows, .. } => {
            format!("`{query}` with {parameters:?} over {} rows ({family})", rows.len())
        }
        Proof::Turn { turn, of, prefix, request, .. } => format!("reply {turn} of {of} to {request:?}, after {prefix}"),
        Proof::Models(played) => models(played),
    }
}
