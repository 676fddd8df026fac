//! Documents cut into passages.

use crate::document::Span;
use crate::draft::trimmed;
use crate::words::words;
use std::ops::Range;

/// The passages of a text: paragraphs put together until there are `most` words, so that each has at most that many. Longer
/// paragraphs are cut at lines, or between words. White space between passages belongs to none.
pub fn passages(text: &str, most: usize) -> Vec<Span> {
    let most = most.max(1);
    let mut passages: Vec<Range<usize>> = Vec::new();
    let mut open: Option<(Range<usize>, usize)> = None;
    for (piece, count) in pieces(text, most) {
        match &mut open {
            Some((range, words)) if *words + count <= most => {
                range.end = piece.end;
                *words += count;
            }
            _ => passages.extend(open.replace((piece, count)).map(|(range, _)| range)),
        }
    }
    passages.extend(open.map(|(range, _)| range));
    passages.into_iter().map(Span::from).collect()
}

/// Paragraphs and parts of long ones with their number of words, which is not above `most`.
fn pieces(text: &str, most: usize) -> Vec<(Range<usize>, usize)> {
    let mut pieces = Vec::new();
    for paragraph in split(text, 0..text.len(), "\n\n") {
        let count = words(&text[paragraph.clone()]).count();
        if count <= most {
            pieces.push((paragraph, count));
            continue;
        }
        for line in split(text, paragraph, "\n") {
            cut(text, line, most, &mut pieces);
        }
    }
    pieces.retain(|(range, _)| !range.is_empty());
    pieces
}

/// The parts of a range between signs, without white space around them.
fn split(text: &str, range: Range<usize>, sign: &str) -> Vec<Range<usize>> {
    let mut start = range.start;
    let part = |part: &str| {
        let here = start..start + part.len();
        start = here.end + sign.len();
        trimmed(text, here)
    };
    text[range].split(sign).map(part).collect()
}

/// A line in parts of `most` words.
fn cut(text: &str, line: Range<usize>, most: usize, pieces: &mut Vec<(Range<usize>, usize)>) {
    let (mut start, mut count) = (line.start, 0);
    for (at, _) in words(&text[line.clone()]) {
        if count == most {
            let end = line.start + at;
            pieces.push((trimmed(text, start..end), count));
            (start, count) = (end, 0);
        }
        count += 1;
    }
    pieces.push((trimmed(text, start..line.end), count));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(text: &str, most: usize) -> Vec<&str> {
        passages(text, most).iter().map(|span| span.of(text).unwrap()).collect()
    }

    #[test]
    fn paragraphs_are_put_together_and_cut() {
        let text = "one two\n\nthree four five\n\n\nsix\n\na b c d\ne f, g h i j k.\n";
        assert_eq!(texts(text, 5), ["one two\n\nthree four five", "six\n\na b c d", "e f, g h i", "j k."]);
        assert!(texts(" \n\n ", 3).is_empty());
    }

    proptest! {
        #[test]
        fn every_word_is_in_one_passage(text in "([a-zé.]{1,5}[ \n]{1,3}){0,40}", most in 1usize..12) {
            let found = texts(&text, most);
            prop_assert_eq!(found.iter().map(|t| words(t).count()).sum::<usize>(), words(&text).count());
            prop_assert!(found.iter().all(|passage| words(passage).count() <= most));
        }
    }
}
