//! The sentences of the parts that a proposer is shown, each with the number by which it is cited.

use super::cluster::Part;
use crate::graph::sentence::sentences;
use longlab_documents::Span;
use serde::Serialize;

/// Fewest words and most bytes of what is cited.
pub const QUOTE: (usize, usize) = (3, 1_000);

/// A sentence as prompts and grammars see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sentence {
    /// Its number, from 1, over all parts.
    pub number: usize,
    /// Its text on one line.
    pub text: String,
    /// Its words.
    pub words: Vec<Word>,
    /// Where it stands in its part.
    #[serde(skip)]
    pub span: Span,
}

/// A word of a sentence: a name or number with the marks within it, and what stands between it and the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Word {
    /// The word.
    pub text: String,
    /// What follows it, up to the next word; nothing after the last.
    pub gap: String,
    /// Whether it has four letters or more, a capital or a digit, so that an answer may begin or end with it.
    pub tells: bool,
}

/// The sentences of each part that may be cited, numbered.
pub fn numbered<'a>(parts: impl IntoIterator<Item = &'a Part>) -> Vec<Vec<Sentence>> {
    let mut number = 0;
    let mut of = |part: &Part| {
        let ranges =
            sentences(&part.text, QUOTE.1).map(|range| (Span::from(range.clone()), part.text[range].to_string()));
        let lines = ranges.map(|(span, text)| (span, text.split_whitespace().collect::<Vec<_>>().join(" ")));
        let long_enough = lines.filter(|(_, text)| crate::name::words(text).count() >= QUOTE.0);
        let counted = long_enough.map(|(span, text)| {
            number += 1;
            Sentence { number, words: words(&text), text, span }
        });
        counted.collect::<Vec<Sentence>>()
    };
    parts.into_iter().map(&mut of).collect()
}

/// The words of a line. Marks around them belong to the gaps.
fn words(line: &str) -> Vec<Word> {
    let mut words: Vec<Word> = vec![];
    for piece in line.split(' ') {
        let text = piece.trim_matches(|c: char| !c.is_alphanumeric());
        let (before, after) = piece.split_once(text).filter(|_| !text.is_empty()).unwrap_or((piece, ""));
        if let Some(last) = words.last_mut() {
            last.gap.push(' ');
            last.gap.push_str(before);
        }
        if !text.is_empty() {
            words.push(Word { text: text.into(), gap: after.into(), tells: tells(text) });
        }
    }
    if let Some(last) = words.last_mut() {
        last.gap.clear();
    }
    words
}

fn tells(word: &str) -> bool {
    word.chars().count() >= 4 || word.chars().any(|c| c.is_uppercase() || c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::testing::part;

    #[test]
    fn sentences_are_numbered_over_all_parts_and_keep_their_places() {
        let parts = [
            part("Mills", "The Old Mill was built\nby Ada Stone. Burned twice.\n\nDr. Low saw it (in 1850) burn."),
            part("None", "Mills!"),
            part("Towns", "Northfield has 1,200 people."),
        ];
        let found = numbered(&parts);
        let numbers: Vec<Vec<usize>> = found.iter().map(|all| all.iter().map(|own| own.number).collect()).collect();
        assert_eq!(numbers, [vec![1, 2], vec![], vec![3]]);
        assert_eq!(found[0][0].text, "The Old Mill was built by Ada Stone.");
        let Span { start, end } = found[0][1].span;
        assert_eq!(&parts[0].text[start..end], "Dr. Low saw it (in 1850) burn.");
    }

    #[test]
    fn words_and_gaps_make_the_line_but_for_the_marks_at_its_ends() {
        let found = words("(Dr. Low saw \u{2014} in 1,850 - foo_bar's burn!)");
        let texts: Vec<&str> = found.iter().map(|word| word.text.as_str()).collect();
        assert_eq!(texts, ["Dr", "Low", "saw", "in", "1,850", "foo_bar's", "burn"]);
        let line: String = found.iter().flat_map(|word| [word.text.as_str(), word.gap.as_str()]).collect();
        assert_eq!(line, "Dr. Low saw \u{2014} in 1,850 - foo_bar's burn");
        let tells: Vec<bool> = found.iter().map(|word| word.tells).collect();
        assert_eq!(tells, [true, true, false, false, true, true, true]);
        assert_eq!(words(" -- "), []);
    }
}
