//! What a proposal cites, found in the documents that were shown: quotes that must stand there letter by letter, or sentences by their numbers.

use super::cluster::Part;
use super::rejection::Rejection;
use super::sentences::{QUOTE, numbered};
use crate::item::Evidence;
use crate::name::words;
use crate::spec::{AgentsSpec, Cite, Quotes};
use longlab_documents::Span;
use serde::Deserialize;
use serde_json::Value;

/// Most quotes.
const QUOTES: usize = 32;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Quote {
    document: usize,
    quote: String,
}

/// The places of what is cited.
///
/// # Errors
/// Where it is not of the form that was asked for, does not stand in the documents, or is of too few of them.
pub fn evidence(cited: Vec<Value>, shown: &[Part], rules: &AgentsSpec) -> Result<Vec<Evidence>, Rejection> {
    let place = |value: Value| match rules.cite {
        Cite::Quote => quoted(&form(value)?, shown),
        Cite::Number => counted(form(value)?, shown),
    };
    let mut evidence: Vec<Evidence> = vec![];
    for value in cited.into_iter().take(QUOTES) {
        match place(value) {
            Ok(found) if !evidence.contains(&found) => evidence.push(found),
            Ok(_) => {}
            Err(rejection) if rejection != Rejection::Schema && rules.quotes == Quotes::Some => {}
            Err(rejection) => return Err(rejection),
        }
    }
    let mut documents: Vec<&str> = evidence.iter().map(|evidence| evidence.document.0.as_str()).collect();
    documents.sort_unstable();
    documents.dedup();
    if documents.len() < rules.sources { Err(Rejection::Sources) } else { Ok(evidence) }
}

fn form<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, Rejection> {
    serde_json::from_value(value).map_err(|_| Rejection::Schema)
}

fn quoted(quote: &Quote, shown: &[Part]) -> Result<Evidence, Rejection> {
    let part = quote.document.checked_sub(1).and_then(|at| shown.get(at)).ok_or(Rejection::UnknownDocument)?;
    let long_enough = words(&quote.quote).count() >= QUOTE.0 && quote.quote.len() <= QUOTE.1;
    let found = if long_enough { find(&part.text, &quote.quote) } else { None };
    found.map(|span| of(part, span)).ok_or(Rejection::Quote)
}

/// The sentence of a number.
fn counted(number: usize, shown: &[Part]) -> Result<Evidence, Rejection> {
    let sentences = shown.iter().zip(numbered(shown));
    let mut all = sentences.flat_map(|(part, sentences)| sentences.into_iter().map(move |sentence| (part, sentence)));
    let found = all.find(|(_, sentence)| sentence.number == number);
    found.map(|(part, sentence)| of(part, sentence.span)).ok_or(Rejection::UnknownNumber)
}

fn of(part: &Part, Span { start, end }: Span) -> Evidence {
    let offset = part.place.span.start;
    Evidence {
        document: part.place.document.clone(),
        span: Span { start: offset + start, end: offset + end },
        quote: part.text[start..end].into(),
    }
}

/// Where a quote first stands in a text, whatever white space is between its words: lines are broken otherwise in a quote.
fn find(text: &str, quote: &str) -> Option<Span> {
    let parts: Vec<&str> = quote.split_whitespace().collect();
    let first = *parts.first()?;
    let mut from = 0;
    while let Some(at) = text[from..].find(first) {
        let start = from + at;
        if let Some(end) = follows(text, start + first.len(), &parts[1..]) {
            return Some(Span { start, end });
        }
        from = start + first.chars().next().map_or(1, char::len_utf8);
    }
    None
}

/// The end of parts that stand in a text from a place on, with white space before each.
fn follows(text: &str, from: usize, parts: &[&str]) -> Option<usize> {
    parts.iter().try_fold(from, |at, part| {
        let rest = &text[at..];
        let trimmed = rest.trim_start();
        let gap = rest.len() - trimmed.len();
        (gap > 0 && trimmed.starts_with(part)).then_some(at + gap + part.len())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn quotes_are_found_however_their_lines_are_broken(words in prop::collection::vec("[a-zé]{1,5}", 3..12), gaps in prop::collection::vec("[ \n\t]{1,3}", 12)) {
            let text: String = words.iter().zip(&gaps).flat_map(|(word, gap)| [word.as_str(), gap.as_str()]).collect();
            let found = find(&format!("é {text}"), &words.join(" "));
            prop_assert!(found.is_some());
        }
    }
}
