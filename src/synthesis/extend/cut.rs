//! Parts cut out of texts, at the borders of lines and sentences.

use longlab_documents::{Document, Kind, Span};

/// The whole of a text.
pub fn whole(text: &str) -> Span {
    Span { start: 0, end: text.len() }
}

/// The last place that does not split a character and is not after this one.
pub fn floor(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

/// A span of a document with what is needed to read it: a row with the head of its table, a line of code with the definition around it.
pub fn readable(document: &Document, span: Span) -> Span {
    let within = |outer: &Span| outer.start <= span.start && span.end <= outer.end;
    let table = document.tables.iter().find(|table| within(&table.span));
    let head = table.and_then(|table| table.head.first()).map(|cell| cell.span.start);
    let code = document.kind == Kind::Code;
    let around = document.sections.iter().filter(|section| code && within(&section.span));
    let defined = around.map(|section| section.span.start).max();
    let start = [head, defined].into_iter().flatten().fold(span.start, usize::min);
    Span { start, end: span.end }
}

/// A place that does not split a character: this one or the next after it.
pub fn border(text: &str, at: usize) -> usize {
    (at..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}

/// The beginning of the first line with words at or after a place.
pub fn line_from(text: &str, at: usize) -> Option<usize> {
    let mut start = match at {
        0 => 0,
        at => {
            let from = border(text, at - 1);
            from + text[from..].find('\n')? + 1
        }
    };
    loop {
        let line = text[start..].split('\n').next().unwrap_or_default();
        if !line.trim().is_empty() {
            return Some(start + line.len() - line.trim_start().len());
        }
        start += line.len() + 1;
        if start >= text.len() {
            return None;
        }
    }
}

/// A stretch of `fewest` to `most` words from the first line at or after a place. It ends with the first line or sentence that ends at `wanted` words or
/// later, else with the word that is the last allowed. None where there are fewer words.
pub fn stretch(text: &str, from: usize, [fewest, most]: [usize; 2], wanted: usize) -> Option<Span> {
    let start = line_from(text, from)?;
    let mut end = start;
    let mut words = 0;
    while words < most {
        let rest = &text[end..];
        let gap = rest.len() - rest.trim_start().len();
        let word = rest[gap..].split(char::is_whitespace).next().unwrap_or_default();
        if word.is_empty() {
            break;
        }
        end += gap + word.len();
        words += 1;
        let ends_well = word.ends_with(['.', '!', '?', ';', '"']) || text[end..].starts_with('\n');
        if words >= wanted.max(fewest) && ends_well {
            break;
        }
    }
    (words >= fewest).then_some(Span { start, end })
}

/// Whether a stretch of a document is running text or code: no table, and at least half of it letters.
pub fn is_prose(document: &Document, span: Span) -> bool {
    let tabled = document.tables.iter().any(|table| table.span.start < span.end && span.start < table.span.end);
    let text = span.of(&document.text).unwrap_or_default();
    let (letters, all) = text.chars().fold((0, 0), |(letters, all), c| {
        let counted = usize::from(!c.is_whitespace());
        (letters + usize::from(c.is_alphabetic()), all + counted)
    });
    !tabled && 2 * letters >= all && all > 0
}

/// The part of a text of at most so many bytes that begins with a line at or after a place, and ends with a line, else a word, else a character.
pub fn piece(text: &str, from: usize, bytes: usize) -> Option<Span> {
    if text.len() <= bytes {
        return Some(whole(text)).filter(|_| !text.trim().is_empty());
    }
    let start = line_from(text, from).or_else(|| line_from(text, 0))?;
    shortened(text, Span { start, end: text.len() }, bytes)
}

/// The beginning of a span, at most so many bytes of it, ended as in [`piece`]. None where nothing is left.
pub fn shortened(text: &str, span: Span, bytes: usize) -> Option<Span> {
    let room = &text[span.start..span.end.min(border(text, span.start + bytes))];
    let room = if room.len() > bytes { &room[..room.char_indices().next_back()?.0] } else { room };
    let cut = room.len() < span.end - span.start;
    let line = room.rfind('\n').filter(|at| cut && *at > room.len() / 2);
    let word = room.rfind(char::is_whitespace).filter(|at| cut && *at > room.len() / 2);
    let kept = room[..line.or(word).unwrap_or(room.len())].trim_end();
    (!kept.is_empty()).then_some(Span { start: span.start, end: span.start + kept.len() })
}

/// Windows around spans of a text: each grown by so many bytes on both sides, to the borders of lines; those that touch are one.
pub fn windows(text: &str, spans: &[Span], margin: usize) -> Vec<Span> {
    let mut grown: Vec<Span> = spans.iter().map(|span| grow(text, *span, margin)).collect();
    grown.sort_by_key(|span| (span.start, span.end));
    let mut merged: Vec<Span> = vec![];
    for span in grown {
        match merged.last_mut() {
            Some(last) if span.start <= last.end + 1 => last.end = last.end.max(span.end),
            _ => merged.push(span),
        }
    }
    merged
}

fn grow(text: &str, span: Span, margin: usize) -> Span {
    let start = border(text, span.start.saturating_sub(margin)).min(span.start);
    let before = &text[start..span.start];
    let line = before.find('\n').or_else(|| before.find(char::is_whitespace)).filter(|_| start > 0);
    // White space may be longer than a byte; the next border of a character is then the place.
    let start = line.map_or(start, |at| border(text, start + at + 1));
    let end = border(text, (span.end + margin).min(text.len())).max(span.end);
    let after = &text[span.end..end];
    let at_line = end == text.len() || text[end..].starts_with('\n');
    let line = after.rfind('\n').or_else(|| after.rfind(char::is_whitespace)).filter(|_| !at_line);
    let end = line.map_or(end, |at| span.end + at);
    Span { start, end }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "\nOne two three. Four five\nsix seven\n\nEight nine ten eleven.\n";

    #[test]
    fn stretches_end_with_sentences_and_lines() {
        let of = |from, words, wanted| stretch(TEXT, from, words, wanted).and_then(|span| span.of(TEXT));
        assert_eq!(of(0, [1, 9], 2), Some("One two three."));
        assert_eq!(of(0, [1, 9], 4), Some("One two three. Four five"));
        assert_eq!(of(3, [2, 3], 1), Some("six seven"));
        assert_eq!(of(30, [5, 9], 5), None);
    }

    #[test]
    fn windows_that_touch_are_one() {
        let at = |word: &str| TEXT.find(word).map(|start| Span { start, end: start + word.len() }).unwrap();
        let found = windows(TEXT, &[at("nine"), at("two")], 12);
        let texts: Vec<&str> = found.iter().filter_map(|span| span.of(TEXT)).collect();
        assert_eq!(texts, ["\nOne two three.", "\nEight nine ten eleven."]);
        assert_eq!(windows(TEXT, &[at("nine"), at("two")], 99), [whole(TEXT)]);
    }

    proptest! {
        #[test]
        fn cuts_keep_to_their_bounds(text in "[a-zé \n.]{0,200}", from in 0usize..250, bytes in 1usize..100, words in 1usize..20) {
            if let Some(span) = piece(&text, from, bytes) {
                prop_assert!(span.of(&text).is_some_and(|cut| cut.len() <= bytes && !cut.trim().is_empty()));
            }
            if let Some(span) = stretch(&text, from, [1, words], words) {
                let count = span.of(&text).map(|cut| cut.split_whitespace().count());
                prop_assert!(count.is_some_and(|count| (1..=words).contains(&count)), "{:?}", count);
            }
        }

        #[test]
        fn windows_hold_their_spans(text in "[a-zé \n]{10,200}", start in 0usize..9, length in 0usize..9, margin in 0usize..50) {
            let start = border(&text, start);
            let span = Span { start, end: border(&text, start + length) };
            let found = windows(&text, &[span], margin);
            prop_assert!(found.len() == 1 && found[0].start <= span.start && span.end <= found[0].end);
            prop_assert!(found[0].of(&text).is_some());
        }
    }
}
