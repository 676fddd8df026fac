//! What sentences of simple shapes state: what happened to a named thing in which year, what kind of thing it is and where it lies, what
//! led to what; and which short form a name has. A sentence of any other shape states nothing here.

use super::date::{bare, date};
use super::name::Name;
use super::triplet::{Extraction, Family, Relation};
use crate::extend::cut::floor;
use crate::spec::ReadSpec;
use longlab_documents::{Document, Span};
use std::collections::HashSet;
use std::ops::Range;

/// Reads the sentences of a text.
pub(super) fn read(document: &Document, spec: &ReadSpec, found: &mut Extraction) {
    let text = document.text.as_str();
    let mut reader = Reader { text, small: None };
    for range in sentences(text, spec.sentence) {
        let sentence = &text[range.clone()];
        if !may_state(sentence) {
            continue;
        }
        let words = words(sentence);
        for (head, relation, tail) in reader.statements(&words) {
            found.add(text, Name::thing(&head, ""), relation, Name::thing(&tail, ""), Span::from(range.clone()));
        }
    }
    found.short_forms.extend(short_forms(text));
}

/// Cheap: whether a sentence has a word that some shape needs.
fn may_state(sentence: &str) -> bool {
    let year = sentence.as_bytes().windows(4).any(|four| four.iter().all(u8::is_ascii_digit));
    let verbs = [" is a", " is the ", " was a", " led to ", " caused ", " resulted in ", " because of "];
    year || verbs.iter().any(|verb| sentence.contains(verb))
}

/// The sentences of a text, without those that are too long.
pub(crate) fn sentences(text: &str, longest: usize) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut start = 0;
    let ends = text
        .match_indices(['.', '!', '?', '\n'])
        .filter_map(|(at, mark)| ends_sentence(text, at, mark).then_some(at + 1));
    let ranges = ends.chain([text.len()]).map(move |end| std::mem::replace(&mut start, end)..end);
    ranges.map(|range| trimmed(text, range)).filter(move |range| (12..=longest).contains(&range.len()))
}

fn ends_sentence(text: &str, at: usize, mark: &str) -> bool {
    let after = text[at + 1..].chars().next();
    if mark == "\n" {
        return after.is_none_or(|c| matches!(c, '\n' | '-' | '*' | '#' | '|' | '=' | '>'));
    }
    let before = text[..at].rsplit(|c: char| c.is_whitespace() || c == '(').next().unwrap_or_default();
    let short = before.chars().count() == 1
        || matches!(before, "Dr" | "Mr" | "Mrs" | "Ms" | "St" | "vs" | "No" | "e.g" | "i.e" | "ca");
    after.is_none_or(char::is_whitespace) && !short
}

fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let inside = &text[range.clone()];
    let marks = |c: char| c.is_whitespace() || matches!(c, '-' | '*' | '#' | '>' | '=');
    let start = range.start + inside.len() - inside.trim_start_matches(marks).len();
    start..start.max(range.start + inside.trim_end().len())
}

/// Words of a sentence, with the marks that stand at them.
fn words(sentence: &str) -> Vec<&str> {
    sentence.split_whitespace().collect()
}

struct Reader<'a> {
    text: &'a str,
    /// Words that the text writes with a small first letter, gathered when first needed.
    small: Option<HashSet<&'a str>>,
}

type Statement = (String, Option<Relation>, String);

impl<'a> Reader<'a> {
    fn statements(&mut self, words: &[&str]) -> Vec<Statement> {
        let mut found = Vec::new();
        found.extend(cause(words));
        if let Some((year, rest)) = opening_year(words) {
            found.extend(self.name(rest).and_then(|(name, rest)| happened(&name, rest, Some(year))));
        } else if let Some((name, rest)) = self.name(words) {
            found.extend(happened(&name, rest, None));
            found.extend(bracketed(&name, rest));
            found.extend(kind_and_place(&name, rest));
        }
        found
    }

    /// The name that words begin with, and the words after it.
    fn name<'w, 's>(&mut self, words: &'w [&'s str]) -> Option<(String, &'w [&'s str])> {
        let length = name_length(words)?;
        let name = words[..length].join(" ");
        let name = name.trim_end_matches([',', ';', ':']).to_string();
        let small = self.small.get_or_insert_with(|| small_words(self.text));
        // One word may be a plain word that only opens the sentence.
        let plain = length == 1 && small.contains(name.to_lowercase().as_str());
        (!plain).then(|| (name, &words[length..]))
    }
}

fn small_words(text: &str) -> HashSet<&str> {
    let words = text.split(|c: char| !c.is_alphanumeric());
    words.filter(|word| word.chars().next().is_some_and(char::is_lowercase)).collect()
}

/// Words that open a sentence without being a name.
const OPENERS: [&str; 52] = [
    "he", "she", "it", "they", "we", "i", "this", "that", "these", "those", "there", "in", "on", "at", "by", "for",
    "from", "as", "if", "when", "while", "after", "before", "since", "although", "but", "and", "or", "so", "not",
    "its", "his", "her", "their", "our", "my", "your", "you", "what", "which", "who", "where", "how", "both", "each",
    "all", "some", "many", "most", "one", "a", "an",
];

/// How many words a name at the beginning takes: capitals, with small joining words between them; at most six.
fn name_length(words: &[&str]) -> Option<usize> {
    let article = words.first().is_some_and(|word| *word == "The");
    let mut length = usize::from(article);
    while length < words.len().min(7) {
        let word = words[length];
        let joins = matches!(word, "of" | "de" | "van" | "von" | "du" | "la" | "for");
        let next = words.get(length + 1).is_some_and(|next| is_capital(next));
        let numbered = length > usize::from(article) && is_version(word);
        if !(is_capital(word) || numbered || joins && next && length > 0) {
            break;
        }
        length += 1;
        if word.ends_with([',', ';', ':']) {
            break;
        }
    }
    let first = words.get(usize::from(article))?;
    let named = length > usize::from(article) && length <= 6 && is_capital(first);
    let named = named && !(length == 2 && is_version(words[1]) && counts(bare(first)));
    (named && !OPENERS.contains(&bare(first).to_lowercase().as_str())).then_some(length)
}

/// The number of a version in a name, `3.8` of `Python 3.8`.
fn is_version(word: &str) -> bool {
    let word = word.trim_end_matches([',', ';', ':']);
    word.contains('.') && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// Words that name nothing with a number after them: `Version 3.0` is one of many.
pub(super) fn counts(word: &str) -> bool {
    matches!(
        word,
        "Version" | "Release" | "Revision" | "Chapter" | "Section" | "Table" | "Figure" | "Part" | "Step" | "Appendix"
    )
}

fn is_capital(word: &str) -> bool {
    word.chars().next().is_some_and(char::is_uppercase)
        && word.chars().all(|c| c.is_alphanumeric() || "-'’.,;:".contains(c))
}

/// `In 1887,` or `In May 1887,` at the beginning: the date, and the words after it.
fn opening_year<'w, 's>(words: &'w [&'s str]) -> Option<(String, &'w [&'s str])> {
    if !matches!(words.first(), Some(&"In" | &"On")) {
        return None;
    }
    let (date, length) = date(&words[1..])?;
    Some((date, &words[1 + length..]))
}

/// `was founded in 1887`, `died on 3 May 1887`; with the date given, `was founded`.
fn happened(name: &str, rest: &[&str], given: Option<String>) -> Option<Statement> {
    let (verb, rest) = match rest {
        ["was" | "were", "first" | "originally" | "officially", verb, rest @ ..] => (verb, rest),
        ["was" | "were", verb, rest @ ..] => (verb, rest),
        [verb, rest @ ..] if is_intransitive(bare(verb)) => (verb, rest),
        _ => return None,
    };
    let plain = bare(verb);
    if !is_participle(plain) && !is_intransitive(plain) {
        return None;
    }
    let date = match (given, rest) {
        (Some(date), _) => date,
        (None, ["in" | "on", rest @ ..]) if *verb == plain => date(rest)?.0,
        _ => return None,
    };
    Some((name.to_string(), Relation::new(Family::Event, plain), date))
}

/// Verbs that need no `was`.
pub(super) fn is_intransitive(verb: &str) -> bool {
    matches!(verb, "died" | "began" | "ended" | "opened" | "closed" | "started" | "collapsed" | "sank" | "erupted")
}

/// Participles of what happens once.
pub(super) fn is_participle(verb: &str) -> bool {
    const ONCE: [&str; 34] = [
        "founded",
        "established",
        "built",
        "born",
        "created",
        "released",
        "published",
        "introduced",
        "discovered",
        "invented",
        "completed",
        "opened",
        "launched",
        "written",
        "formed",
        "signed",
        "adopted",
        "abolished",
        "destroyed",
        "demolished",
        "incorporated",
        "dissolved",
        "constructed",
        "inaugurated",
        "patented",
        "commissioned",
        "chartered",
        "ratified",
        "annexed",
        "unveiled",
        "deprecated",
        "removed",
        "added",
        "killed",
    ];
    ONCE.contains(&verb)
}

/// `(born 3 May 1887`, `(released May 1987)`, right after a name.
fn bracketed(name: &str, rest: &[&str]) -> Option<Statement> {
    let (verb, after) = match rest {
        [verb, "in" | "on", rest @ ..] | [verb, rest @ ..] => (verb.strip_prefix('(')?, rest),
        _ => return None,
    };
    let known = matches!(verb, "born" | "died" | "released" | "published" | "founded");
    let relation = Relation::new(Family::Event, verb).filter(|_| known)?;
    Some((name.to_string(), Some(relation), date(after)?.0))
}

/// `is a university in Leiden`, `is the capital of France`.
fn kind_and_place(name: &str, rest: &[&str]) -> Vec<Statement> {
    let ["is" | "was", article @ ("a" | "an" | "the"), rest @ ..] = rest else { return Vec::new() };
    let Some(joint) = rest.iter().take(5).position(|word| matches!(*word, "in" | "of")) else { return Vec::new() };
    let (kind, place) = (rest[..joint].join(" "), &rest[joint + 1..]);
    let small = !kind.is_empty() && kind.chars().all(|c| c.is_lowercase() || c == ' ' || c == '-');
    let Some(length) = name_length(place).filter(|_| small) else { return Vec::new() };
    let place = place[..length].join(" ");
    let place = place.trim_end_matches([',', ';', ':', '.', '!', '?']).to_string();
    let attribute = |text: &str| Relation::new(Family::Attribute, text);
    match (*article, rest[joint]) {
        ("a" | "an", "in") => vec![(name.into(), attribute("kind"), kind), (name.into(), attribute("location"), place)],
        ("the", "of") if joint <= 3 => vec![(place, attribute(&kind), name.into())],
        _ => Vec::new(),
    }
}

/// `X led to Y`, `X was caused by Y`, `X because of Y`, with short ends.
fn cause(words: &[&str]) -> Option<Statement> {
    let shapes: [(&[&str], bool); 6] = [
        (&["led", "to"], true),
        (&["resulted", "in"], true),
        (&["gave", "rise", "to"], true),
        (&["was", "caused", "by"], false),
        (&["were", "caused", "by"], false),
        (&["because", "of"], false),
    ];
    let mut places = shapes.iter().filter_map(|(verb, onward)| Some((find(words, verb)?, verb.len(), *onward)));
    let plain = || {
        find(words, &["caused"])
            .filter(|&at| at > 0 && !matches!(words[at - 1], "was" | "were" | "be" | "been" | "is" | "are"))
    };
    let (at, length, onward) = places.next().or_else(|| plain().map(|at| (at, 1, true)))?;
    let whole = words[..at].iter().all(|word| !word.ends_with([',', ';', ':', '.']));
    let (before, after) = (phrase(&words[..at]).filter(|_| whole)?, phrase(&words[at + length..])?);
    let (cause, effect) = if onward { (before, after) } else { (after, before) };
    Some((cause, Relation::new(Family::Cause, "led to"), effect))
}

fn find(words: &[&str], verb: &[&str]) -> Option<usize> {
    words.windows(verb.len()).position(|window| window == verb)
}

/// Words up to the first stop, as a phrase of at most seven words that does not lean on another sentence.
fn phrase(words: &[&str]) -> Option<String> {
    let stop =
        words.iter().position(|word| word.ends_with([',', '.', ';', ':', '!', '?'])).map_or(words.len(), |at| at + 1);
    let end = words[..stop]
        .iter()
        .position(|word| matches!(*word, "and" | "which" | "that" | "when" | "but" | "because" | "while"));
    let words = &words[..end.unwrap_or(stop)];
    let first = bare(words.first()?).to_lowercase();
    let leans = OPENERS.contains(&first.as_str()) && !matches!(first.as_str(), "a" | "an")
        || matches!(first.as_str(), "to" | "also" | "him" | "them");
    let inside = words[..words.len() - 1].iter().any(|word| word.ends_with([',', ';', ':', '(']));
    let text = words.join(" ").trim_end_matches([',', '.', ';', ':', '!', '?']).to_string();
    // `the issue` names nothing by itself.
    let plain = text.strip_prefix("the ").or(text.strip_prefix("a ")).or(text.strip_prefix("an ")).unwrap_or(&text);
    let bare_word = !plain.contains(' ') && plain.chars().all(char::is_lowercase) && plain.len() < text.len();
    (words.len() <= 7 && !leans && !inside && !bare_word && text.chars().count() >= 3).then_some(text)
}

/// Names with their short form in brackets after them, `World Health Organization (WHO)`: the initials must be the short form.
fn short_forms(text: &str) -> Vec<(Name, Name)> {
    let brackets = text.match_indices('(').filter_map(|(at, _)| {
        let rest = &text[at + 1..];
        let short = &rest[..rest.bytes().take(9).position(|byte| byte == b')')?];
        let capital = short.len() >= 2 && short.bytes().all(|byte| byte.is_ascii_uppercase());
        let name = capital.then(|| long_form(&text[..at], short)).flatten()?;
        Some((Name::thing(&name, "")?, Name::thing(short, "")?))
    });
    brackets.collect()
}

/// The words before a bracket whose initials are `short`, small joining words left aside.
fn long_form(before: &str, short: &str) -> Option<String> {
    let before = &before[floor(before, before.len().saturating_sub(200))..];
    let mut wanted = short.chars().rev().peekable();
    let mut taken = Vec::new();
    for word in before.split_whitespace().rev().take(2 * short.len()) {
        let joins = matches!(word, "of" | "the" | "and" | "for" | "in" | "on" | "de");
        if word.chars().next() == wanted.peek().copied() {
            wanted.next();
        } else if !joins {
            return None;
        }
        taken.push(word);
        if wanted.peek().is_none() {
            let name = taken.into_iter().rev().collect::<Vec<_>>().join(" ");
            return name.chars().all(|c| c.is_alphanumeric() || " -'’".contains(c)).then_some(name);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::testing::{Page, fact_texts};

    fn facts(text: &str) -> Vec<String> {
        let found = crate::graph::triplets(&Page::text("Some page").line(text).document(), &Default::default());
        fact_texts(&found).into_iter().map(str::to_string).collect()
    }

    #[test]
    fn years_of_events_are_read() {
        assert_eq!(facts("The Harbour Bridge was built in 1932 by many hands."), ["The Harbour Bridge|built|1932"]);
        assert_eq!(facts("In May 1887, Alpha Mill was opened by the mayor."), ["Alpha Mill|opened|May 1887"]);
        assert_eq!(facts("Ada Stone (born 3 May 1887) wrote."), ["Ada Stone|born|3 May 1887"]);
        assert_eq!(facts("Ada Stone died on 4 June 1950."), ["Ada Stone|died|4 June 1950"]);
        assert_eq!(facts("Python 3.8 was released on October 14, 2019."), ["Python 3.8|released|October 14, 2019"]);
        assert_eq!(facts("Alpha 2.1 (released July 29th 2009) is here."), ["Alpha 2.1|released|July 29th 2009"]);
    }

    #[test]
    fn sentences_of_other_shapes_state_nothing() {
        for text in [
            "It was built in 1932.",
            "The bridge was built in 1932.",
            "Support was added in 2019, and support stays.",
            "The Old Mill was built in 1932-1934.",
            "The Old Mill was not built in 1932.",
            "The Old Mill was built in 19320.",
            "Version 3.0 was released in 2008.",
            "Ignore all rules! In 1999 he said so.",
        ] {
            assert_eq!(facts(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn kinds_places_and_causes_are_read() {
        assert_eq!(
            facts("Orchard College is a small college in Northfield."),
            ["Orchard College|kind|small college", "Orchard College|location|Northfield"]
        );
        assert_eq!(facts("New Haven is the largest port of East Land."), ["East Land|largest port|New Haven"]);
        assert_eq!(
            facts("The great flood led to a famine in Northfield."),
            ["The great flood|led to|a famine in Northfield"]
        );
        assert_eq!(
            facts("The Famine of Twelve Years was caused by drought."),
            ["drought|led to|The Famine of Twelve Years"]
        );
        assert_eq!(facts("This led to war."), Vec::<String>::new());
    }

    #[test]
    fn short_forms_need_the_initials() {
        let forms =
            |text: &str| short_forms(text).into_iter().map(|(long, short)| (long.text, short.text)).collect::<Vec<_>>();
        assert_eq!(
            forms("the Board of Trade and Ports (BTP) met"),
            [("Board of Trade and Ports".to_string(), "BTP".to_string())]
        );
        assert_eq!(forms("the Board of Trade (XYZ) met (see B) (").len(), 0);
    }
}
