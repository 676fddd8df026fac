//! What no passage without evidence may say: irrelevant documents are proved not to hold the evidence.

use super::copied::Values;
use crate::item::{ColumnKind, Item, Passage, Proof, Shape};
use crate::name::{Said, words};
use crate::table::facts::gather;
use crate::table::family::Family;
use crate::table::schema::overlap;
use crate::table::written::template;
use longlab_documents::{Document, Hash};
use std::collections::HashSet;

/// Words from which on a quote is a phrase that others do not say by chance.
const PHRASE: usize = 4;

/// What is absent from the irrelevant passages of an item.
pub struct Absence<'a> {
    item: &'a Item,
    phrases: Vec<Said>,
    /// Names of the rows that a table question is over.
    keys: HashSet<Vec<String>>,
    /// What the rows that a table question is over hold.
    values: Values,
    /// Both ends of each fact of a path.
    facts: Vec<[Said; 2]>,
}

/// What an irrelevant passage says that it may not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Telling {
    /// The words of an evidence, of the answer, or another phrase of the certificate.
    Phrase,
    /// A table with the columns of the question.
    Table,
    /// A row of one of the names in question, or so many of the values that it may be the same table in another form.
    Row,
    /// Both ends of a fact that the question rests on.
    Fact,
}

impl<'a> Absence<'a> {
    /// What must be absent for an item: the phrases of its certificate, quotes of four words or more, the answer where it is a name, and for questions
    /// over tables every table with such columns, every row of such a name and every copy of their rows; for paths also both ends of one of their facts in one passage.
    pub fn of(item: &'a Item) -> Absence<'a> {
        let certificate = &item.certificate;
        let quotes = certificate.evidence.iter().map(|evidence| Said::of(&evidence.quote));
        let phrases = certificate.absent.iter().map(|phrase| Said::of(phrase));
        let phrases = phrases.chain(quotes.filter(|quote| quote.len() >= PHRASE)).chain(answer(item));
        Absence {
            item,
            phrases: phrases.filter(|phrase| !phrase.is_empty()).collect(),
            keys: keys(item),
            values: Values::of(item),
            facts: facts(item),
        }
    }

    /// What a passage of a document says that it may not; none where it is irrelevant.
    pub fn told(&self, document: &Document, passage: &Passage) -> Option<Telling> {
        let said = Said::of(&format!("{}\n{}", passage.title, passage.text));
        if self.phrases.iter().any(|phrase| said.holds(phrase)) {
            return Some(Telling::Phrase);
        }
        if self.facts.iter().any(|ends| ends.iter().all(|end| said.holds(end))) {
            return Some(Telling::Fact);
        }
        let Proof::Sql { columns, .. } = &self.item.certificate.proof else { return None };
        let gathered = gather(document, passage.span, columns);
        if gathered.unclear || !gathered.rows.is_empty() {
            return Some(Telling::Table);
        }
        let tables = document.tables.iter().filter(|table| overlap(table.span, passage.span));
        let cells = tables.flat_map(|table| table.rows.iter().flatten());
        let mut cells = cells.filter(|cell| overlap(cell.span, passage.span));
        let named = |text: &str| !self.keys.is_empty() && self.keys.contains(&words(text).collect::<Vec<_>>());
        (cells.any(|cell| named(&cell.text)) || self.values.are_said(&said)).then_some(Telling::Row)
    }

    /// Whether a passage holds evidence, so that it may say all of it.
    pub fn is_evidence(&self, at: usize, passage: &Passage) -> bool {
        match &self.item.certificate.proof {
            Proof::Sql { sources, .. } => sources.contains(&passage.document),
            Proof::Turn { request, requests, .. } => requests.get(at) == Some(request),
            Proof::Models(transcript) => transcript.parts.iter().any(|place| place.document == passage.document),
            Proof::Path { .. } => self.documents().any(|hash| *hash == passage.document),
        }
    }

    fn documents(&self) -> impl Iterator<Item = &Hash> {
        self.item.certificate.evidence.iter().map(|evidence| &evidence.document)
    }
}

/// The answer, where it is a name and not a number that may stand anywhere.
fn answer(item: &Item) -> Vec<Said> {
    let named = match &item.certificate.proof {
        // Operations on years and counts give numbers.
        Proof::Path { operation, .. } => !["year_of", "years_between", "count", "count_without"]
            .iter()
            .any(|numbers| operation.split(' ').next() == Some(numbers)),
        Proof::Sql { shape, .. } => *shape == Shape::Text,
        // The quotes hold the turn; models answer in their own words.
        Proof::Turn { .. } | Proof::Models(_) => false,
    };
    let lettered = |text: &&String| text.chars().filter(|c| c.is_alphabetic()).count() >= 3;
    let texts = std::iter::once(&item.answer.text).chain(&item.answer.aliases);
    if named { texts.filter(lettered).map(|text| Said::of(text)).collect() } else { vec![] }
}

fn facts(item: &Item) -> Vec<[Said; 2]> {
    let Proof::Path { steps, .. } = &item.certificate.proof else { return vec![] };
    let ends = steps.iter().map(|(head, _, tail, _)| [Said::of(head), Said::of(tail)]);
    ends.filter(|ends| ends.iter().all(|end| !end.is_empty())).collect()
}

fn keys(item: &Item) -> HashSet<Vec<String>> {
    let proof = &item.certificate.proof;
    let Proof::Sql { columns, rows, .. } = proof else { return HashSet::new() };
    let keyed = template(proof).is_some_and(Family::keyed);
    let text = columns.first().is_some_and(|column| column.kind == ColumnKind::Text);
    let names = rows.iter().filter_map(|row| row.values.first()?.as_str()).filter(|_| keyed && text);
    names.map(|name| words(name).collect()).collect()
}
