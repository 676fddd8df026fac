//! Lists, and lists of definitions.

use crate::draft::{Draft, border, trimmed};
use std::ops::Range;

/// Lists open at once; deeper ones are read without marks and notes.
const DEEPEST: usize = 64;
/// Longest term and longest thing said of it that become a note, bytes.
const LONGEST_TERM: usize = 300;
const LONGEST_SAID: usize = 600;

/// What is open.
#[derive(Default)]
pub(super) struct Lists {
    /// Items so far; none for lists without numbers.
    numbers: Vec<Option<usize>>,
    terms: Vec<Terms>,
}

#[derive(Default)]
struct Terms {
    terms: Vec<Range<usize>>,
    term: Option<usize>,
    said: Option<usize>,
    /// Whether something was said of the terms: the next term begins a new entry.
    done: bool,
}

impl Lists {
    pub fn open(&mut self, numbered: bool) {
        if self.numbers.len() < DEEPEST {
            self.numbers.push(numbered.then_some(0));
        }
    }

    pub fn close(&mut self) {
        self.numbers.pop();
    }

    /// What stands before an item.
    pub fn mark(&mut self) -> String {
        match self.numbers.last_mut() {
            Some(Some(number)) => {
                *number += 1;
                format!("{number}. ")
            }
            _ => "- ".to_owned(),
        }
    }

    pub fn open_terms(&mut self) {
        if self.terms.len() < DEEPEST {
            self.terms.push(Terms::default());
        }
    }

    pub fn close_terms(&mut self) {
        self.terms.pop();
    }

    pub fn has_terms(&self) -> bool {
        !self.terms.is_empty()
    }

    pub fn start_term(&mut self, at: usize) {
        if let Some(open) = self.terms.last_mut() {
            if std::mem::take(&mut open.done) {
                open.terms.clear();
            }
            open.term = Some(at);
        }
    }

    pub fn end_term(&mut self, at: usize) {
        if let Some(open) = self.terms.last_mut()
            && let Some(start) = open.term.take()
        {
            open.terms.push(start..at);
        }
    }

    pub fn start_said(&mut self, at: usize) {
        self.end_term(at);
        if let Some(open) = self.terms.last_mut() {
            open.said = Some(at);
        }
    }

    /// The terms of the entry that ends here and what is said of them; an open term ends too.
    pub fn end_said(&mut self, at: usize) -> Option<(Vec<Range<usize>>, Range<usize>)> {
        self.end_term(at);
        let open = self.terms.last_mut()?;
        let start = open.said.take()?;
        open.done = true;
        Some((open.terms.clone(), start..at))
    }
}

/// Notes what is said of terms: its first paragraph.
pub(super) fn define(draft: &mut Draft, terms: &[Range<usize>], said: Range<usize>) {
    let said = trimmed(&draft.text, said);
    let words = &draft.text[said.clone()];
    let length = words.find("\n\n").unwrap_or(words.len());
    let end = border(&draft.text, said.start + length.min(LONGEST_SAID));
    for term in terms {
        let term = trimmed(&draft.text, term.clone());
        if term.len() <= LONGEST_TERM {
            let subject = draft.text[term.clone()].to_owned();
            draft.note(&subject, "is", said.start..end, term.start..end);
        }
    }
}
