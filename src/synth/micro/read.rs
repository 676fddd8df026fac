//! Documents of the micro world read back: their facts from their sentences, as anybody who knows the language could.

use super::facts::{Fact, Kind, RELATIONS, Relation};

/// Opens each document of a context.
const HEADING: &str = "Document ";

/// The documents of a context, each with its heading; none of a context without headings (a dialogue).
///
/// ```
/// use longlab::synth::micro::read::documents;
/// assert_eq!(documents("Document 1: Oslo elected Anna. Document 2: Anna keeps a cat.").len(), 2);
/// ```
pub fn documents(text: &str) -> Vec<&str> {
    let starts: Vec<usize> = text.match_indices(HEADING).map(|(at, _)| at).collect();
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts.iter().zip(ends).map(|(&start, end)| text[start..end].trim_end()).collect()
}

/// All facts that a text states, in its order. Sentences that state none are passed over.
pub fn facts(text: &str) -> Vec<Fact> {
    text.split('.').filter_map(|sentence| fact(sentence.rsplit(':').next().unwrap_or_default().trim())).collect()
}

/// The fact that a sentence without its full stop states.
fn fact(sentence: &str) -> Option<Fact> {
    RELATIONS.iter().enumerate().find_map(|(relation, rel)| {
        let plain = sentence.strip_prefix("The ").and_then(|rest| rest.strip_prefix(rel.noun)?.strip_prefix(" of "));
        if let Some((head, tail)) = plain.and_then(|rest| rest.split_once(" is ")) {
            return stated(relation, rel, head, tail, 0);
        }
        rel.phrases.iter().enumerate().find_map(|(n, phrase)| {
            let middle = phrase.strip_prefix("{h}")?.strip_suffix("{t}.")?;
            let (head, tail) = sentence.split_once(middle)?;
            stated(relation, rel, head, tail, n + 1)
        })
    })
}

fn stated(relation: usize, rel: &Relation, head: &str, tail: &str, form: usize) -> Option<Fact> {
    Some(Fact { relation, head: name(rel.head, head)?, tail: name(rel.tail, tail)?, form })
}

/// The name of a kind that is written so.
pub fn name(kind: Kind, text: &str) -> Option<&'static str> {
    kind.names().iter().find(|name| **name == text).copied()
}

/// The kind that a name belongs to.
pub fn kind_of(text: &str) -> Option<(Kind, &'static str)> {
    const KINDS: [Kind; 7] =
        [Kind::Person, Kind::Company, Kind::City, Kind::Drink, Kind::Animal, Kind::Product, Kind::River];
    KINDS.into_iter().find_map(|kind| Some((kind, name(kind, text)?)))
}
