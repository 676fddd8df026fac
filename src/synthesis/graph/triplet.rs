//! Triplets: what a document states, each with the place that states it. Found from structure, without a model.

use super::model::Reading;
use super::name::Name;
use super::{code, date, markup, sentence, table};
use crate::Work;
use crate::spec::GraphSpec;
use longlab_documents::{Document, Kind, Span};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How a relation is worded, and what may be done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// A file or class defines a symbol.
    Defines,
    /// A function calls another.
    Calls,
    /// A file imports another.
    Imports,
    /// A class inherits from another.
    Inherits,
    /// A term is defined by words.
    Definition,
    /// A page links to another.
    Link,
    /// A page has a section.
    Section,
    /// A row has a value in a column, or a thing has a property.
    Attribute,
    /// Something happened to a thing in a year.
    Event,
    /// One thing led to another.
    Cause,
}

impl Family {
    /// Its name in templates and statistics.
    pub fn name(self) -> &'static str {
        match self {
            Family::Defines => "defines",
            Family::Calls => "calls",
            Family::Imports => "imports",
            Family::Inherits => "inherits",
            Family::Definition => "definition",
            Family::Link => "link",
            Family::Section => "section",
            Family::Attribute => "attribute",
            Family::Event => "event",
            Family::Cause => "cause",
        }
    }

    /// Relations by which a change of one end bears on the other.
    pub fn is_causal(self) -> bool {
        matches!(self, Family::Calls | Family::Imports | Family::Inherits | Family::Cause)
    }
}

/// A relation as a document names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// How it is worded.
    pub family: Family,
    /// Its name: a verb of code, a column, a property, a participle.
    pub text: String,
    /// Two relations with the same key are one.
    pub key: String,
}

impl Relation {
    /// A relation; none where its name is empty or too long to be said.
    pub fn new(family: Family, text: &str) -> Option<Relation> {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let text = text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '`' | ':')).to_string();
        let plain = text.to_lowercase().replace(['_', '-', '.'], " ");
        let words: Vec<&str> = plain.split_whitespace().collect();
        let words = match words.as_slice() {
            ["is" | "was" | "were" | "are" | "has" | "the", rest @ ..] if !rest.is_empty() => rest.to_vec(),
            _ => words,
        };
        let last = words.last().map(|last| crate::name::singular(last))?;
        let key = [&words[..words.len() - 1], &[last.as_str()]].concat().join(" ");
        // A column and a participle of the same name are one relation; relations of code stand apart.
        let key = match family {
            Family::Attribute | Family::Event => key,
            _ => format!("{}:{key}", family.name()),
        };
        let said = text.chars().any(char::is_alphabetic) && text.chars().count() <= 40;
        said.then_some(Relation { family, text, key })
    }
}

/// What a document states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Triplet {
    /// What it is about.
    pub head: Name,
    /// What is said of it.
    pub relation: Relation,
    /// The other end.
    pub tail: Name,
    /// Where it is said.
    pub span: Span,
    /// Whether a model read it; else it follows from the structure.
    pub by_model: bool,
}

/// All that one document states.
#[derive(Clone, Debug, Default)]
pub struct Extraction {
    /// Its triplets, in the order of the text.
    pub triplets: Vec<Triplet>,
    /// A name and its short form, where the document gives both.
    pub short_forms: Vec<(Name, Name)>,
    /// How many statements were refused, by reason.
    pub refused: BTreeMap<&'static str, usize>,
    /// The page that the document is, with what its notes say about a thing of the same name.
    pub subject: Option<(Name, Name)>,
    /// Calls of a model, each with the stretch that it read.
    pub work: Vec<(Span, Work)>,
}

impl Extraction {
    /// Adds a triplet whose parts are all there and whose span lies in the text and states its tail.
    pub(crate) fn add(
        &mut self,
        text: &str,
        head: Option<Name>,
        relation: Option<Relation>,
        tail: Option<Name>,
        span: Span,
    ) {
        let (Some(head), Some(relation), Some(tail)) = (head, relation, tail) else {
            return self.refuse("a part is no name");
        };
        match span.of(text) {
            None => self.refuse("the place is not in the text"),
            // What calls itself is one of those who call it.
            Some(_) if head.key == tail.key && relation.family != Family::Calls => {
                self.refuse("head and tail are the same");
            }
            Some(_) => self.triplets.push(Triplet { head, relation, tail, span, by_model: false }),
        }
    }

    /// Adds what a model found in the same document.
    pub(crate) fn absorb(&mut self, reading: Reading) {
        self.triplets.extend(reading.triplets);
        self.triplets.sort_by_key(|triplet| triplet.span.start);
        self.work.extend(reading.work);
        for (reason, count) in reading.refused {
            *self.refused.entry(reason).or_default() += count;
        }
    }

    /// Counts a statement that is not taken.
    pub(crate) fn refuse(&mut self, reason: &'static str) {
        *self.refused.entry(reason).or_default() += 1;
    }
}

/// What a document states by its structure and by sentences of simple shapes. Deterministic; linear in its length.
pub fn triplets(document: &Document, settings: &GraphSpec) -> Extraction {
    let mut found = Extraction::default();
    let page = page_name(document);
    if document.kind == Kind::Code {
        code::read(document, &page, &mut found);
    } else {
        let titled = document.notes.iter().find(|note| note.subject.trim() == document.title.trim());
        found.subject = titled.and_then(|note| Some((page.clone(), Name::thing(&note.subject, "")?)));
        markup::read(document, &page, &mut found);
        date::read(document, &page, &mut found);
        if found.triplets.len() <= settings.facts_per_document {
            sentence::read(document, &settings.read, &mut found);
        }
    }
    date::copyright(document, &page, &mut found);
    if found.triplets.len() <= settings.facts_per_document {
        table::read(document, &settings.read, &mut found);
    }
    found.triplets.sort_by_key(|triplet| triplet.span.start);
    found
}

/// The entity that a document is: a file of code, said by its path, or a page, said by its title without a date at its end.
pub fn page_name(document: &Document) -> Name {
    if document.kind == Kind::Code {
        let noun = if document.source.ends_with(".py") { "module" } else { "file" };
        return Name::file(&document.source, noun);
    }
    Name { text: date::undated(&document.title).into(), key: format!("at:{}", document.source), noun: "page".into() }
}
