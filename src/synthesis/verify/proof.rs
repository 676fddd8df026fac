//! Proofs executed again.

use super::fault::{Fault, Faults};
use super::path::Path;
use crate::corpus::Corpus;
use crate::dialogue::asked;
use crate::error::Result;
use crate::graph::Again;
use crate::item::{Column, Item, Level, Passage, Proof, Row, Shape};
use crate::name::same;
use crate::prompt;
use crate::table::family::Family;
use crate::table::written::{WRITTEN, Written};
use crate::table::{Executed, facts, names, questions};
use longlab_documents::{Hash, Span};
use serde_json::Value;

/// Faults of an item's proof and of its necessity.
///
/// # Errors
/// Where the corpus cannot be read.
pub fn check(item: &Item, corpus: &Corpus, again: &Again, faults: &mut Faults) -> Result<()> {
    match &item.certificate.proof {
        Proof::Path { steps, operation, asked } => {
            Path { item, steps, operation, asked }.check(corpus, again, faults)?
        }
        Proof::Sql { family, level, query, parameters, columns, sources, rows, shape, written } => {
            let (level, shape) = (*level, *shape);
            let table = Sql { item, family, level, query, parameters, columns, sources, rows, shape };
            table.check(written.as_deref(), corpus, faults)?;
        }
        Proof::Turn { turn, of, prefix, request, requests } => {
            Turn { item, turn: *turn, of: *of, prefix, request, requests }.check(faults)?;
        }
        // They are played again where the answers are at hand.
        Proof::Models(_) => {}
    }
    Ok(())
}

/// Whether the computed answer is the item's.
pub(super) fn is_answer(item: &Item, computed: &str) -> bool {
    item.answer.text == computed || item.answer.aliases.iter().any(|alias| alias == computed)
}

/// Compares what the answer becomes without each evidence.
pub(super) fn necessity(item: &Item, computed: &[Option<String>], faults: &mut Faults) {
    let said = &item.certificate.necessity;
    faults.demand(said == computed, Fault::NecessityDiffers, || format!("{said:?} said, {computed:?} computed"));
    for (at, without) in computed.iter().enumerate() {
        let needed = !without.as_deref().is_some_and(|without| is_answer(item, without));
        faults.demand(needed, Fault::NotNeeded, || format!("evidence {at}"));
    }
}

pub(super) struct Sql<'a> {
    pub item: &'a Item,
    family: &'a str,
    pub level: Level,
    pub query: &'a str,
    pub parameters: &'a [Value],
    pub columns: &'a [Column],
    sources: &'a [Hash],
    pub rows: &'a [Row],
    pub shape: Shape,
}

impl Sql<'_> {
    fn check(&self, written: Option<&Written>, corpus: &Corpus, faults: &mut Faults) -> Result<()> {
        match (written, Family::named(self.family)) {
            (Some(written), None) if self.family == WRITTEN => self.check_written(written, faults)?,
            (None, Some(family)) => {
                if !self.check_template(family, faults)? {
                    return Ok(());
                }
            }
            _ => {
                faults.demand(false, Fault::UnknownRule, || self.family.into());
                return Ok(());
            }
        }
        self.check_rows(corpus, faults)?;
        self.execute(faults);
        Ok(())
    }

    /// Query and question must be those of the template; whether columns and parameters are.
    fn check_template(&self, family: &Family, faults: &mut Faults) -> Result<bool> {
        let lettered = family.columns.len() == self.columns.len() && family.drawn.len() == self.parameters.len();
        faults.demand(lettered, Fault::UnknownRule, || "columns or parameters of another template".into());
        if !lettered {
            return Ok(false);
        }
        let same_query = family.query(&names(self.columns)) == self.query && family.shape == self.shape;
        faults.demand(same_query, Fault::QueryAltered, || self.query.into());
        let asked = questions(family, self.columns, self.parameters)?;
        faults.demand(asked.contains(&self.item.question), Fault::QuestionAltered, || self.item.question.clone());
        Ok(true)
    }

    /// The rows must be those of all tables with these columns in all passages, no more and no fewer.
    fn check_rows(&self, corpus: &Corpus, faults: &mut Faults) -> Result<()> {
        let mut gathered = vec![];
        for Passage { document, span, .. } in &self.item.passages {
            let Some(source) = self.sources.iter().position(|source| source == document) else { continue };
            let Some(document) = corpus.find(document)? else { continue };
            let found = facts::gather(&document, *span, self.columns);
            faults.demand(!found.unclear, Fault::RowsAltered, || format!("unclear tables in {}", document.source));
            gathered.extend(found.rows.into_iter().map(|row| Row { source, ..row }));
        }
        let place = |row: &Row| (row.source, row.spans.first().map_or(0, |span| span.start));
        let mut said = self.rows.to_vec();
        said.sort_by_key(place);
        gathered.sort_by_key(place);
        let (ours, theirs) = (gathered.len(), said.len());
        faults.demand(gathered == said, Fault::RowsAltered, || format!("{theirs} said, {ours} in the documents"));
        Ok(())
    }

    fn execute(&self, faults: &mut Faults) {
        let query = (self.query, self.parameters);
        let executed = match Executed::new(self.columns, self.rows, query, self.shape) {
            Ok(executed) => executed,
            Err(error) => return faults.demand(false, Fault::QueryFails, || error.to_string()),
        };
        match executed.answer() {
            Ok(Ok(answer)) => {
                let right = self.item.answer.text == answer;
                faults.demand(right, Fault::AnswerDiffers, || format!("{answer:?} computed"));
            }
            Ok(Err(reason)) => faults.demand(false, Fault::AnswerDiffers, || reason.into()),
            Err(error) => faults.demand(false, Fault::QueryFails, || error.to_string()),
        }
        let mut without = vec![];
        for (at, evidence) in self.item.certificate.evidence.iter().enumerate() {
            let Some((row, column)) = self.cell(&evidence.document, evidence.span) else {
                faults.demand(false, Fault::EvidenceAltered, || format!("evidence {at} is no cell of the rows"));
                continue;
            };
            match executed.answer_without((row, column), &self.rows[row].values[column]) {
                Ok(answer) => without.push(answer),
                Err(error) => faults.demand(false, Fault::QueryFails, || error.to_string()),
            }
        }
        necessity(self.item, &without, faults);
    }

    fn cell(&self, document: &Hash, span: Span) -> Option<(usize, usize)> {
        let source = self.sources.iter().position(|source| source == document)?;
        let of_row = |row: &Row| row.spans.iter().position(|own| *own == span).filter(|_| row.source == source);
        self.rows.iter().enumerate().find_map(|(at, row)| Some((at, of_row(row)?)))
    }
}

struct Turn<'a> {
    item: &'a Item,
    turn: usize,
    of: usize,
    prefix: &'a str,
    request: &'a str,
    requests: &'a [String],
}

impl Turn<'_> {
    fn check(&self, faults: &mut Faults) -> Result<()> {
        let passages = &self.item.passages;
        let aligned = passages.len() == self.requests.len();
        faults.demand(aligned, Fault::RequestsAltered, || "not one request a passage".into());
        let alike = |request: &String| same(request, self.request);
        let turns = passages.iter().zip(self.requests).filter(|(_, request)| alike(request));
        let turns: Vec<&Passage> = turns.map(|(passage, _)| passage).collect();
        let counted = turns.len() == self.of && (1..=self.of).contains(&self.turn);
        faults
            .demand(counted, Fault::RequestsAltered, || format!("{} of {}, {} said", self.turn, turns.len(), self.of));
        if !aligned || !counted {
            return Ok(());
        }
        let literal = self.requests.iter().filter(|request| alike(request)).all(|request| request == self.request);
        faults.demand(literal, Fault::RequestsAltered, || "a request that is nearly the repeated one".into());
        let different = (1..turns.len()).all(|one| (0..one).all(|other| turns[one].text != turns[other].text));
        faults.demand(different, Fault::RequestsAltered, || "two alike replies".into());
        let answer = format!("{}{}", self.prefix, turns[self.turn - 1].text);
        let right = self.item.answer.text == answer && !self.prefix.is_empty();
        faults.demand(right, Fault::AnswerDiffers, || format!("{answer:?} computed"));
        let values = asked(self.prefix, self.turn, self.request);
        let question = prompt::is_wording(&self.item.question, "dialogue/question", &values)?;
        faults.demand(question, Fault::QuestionAltered, || self.item.question.clone());
        let evidence = &self.item.certificate.evidence;
        let counted = evidence.len() == self.turn
            && evidence.iter().zip(&turns).all(|(one, turn)| one.document == turn.document && one.span == turn.span);
        faults.demand(counted, Fault::EvidenceAltered, || "not the turns up to the one asked for".into());
        let next = turns.get(self.turn).map(|turn| format!("{}{}", self.prefix, turn.text));
        necessity(self.item, &vec![next; evidence.len()], faults);
        Ok(())
    }
}
