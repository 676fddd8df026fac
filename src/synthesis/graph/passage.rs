//! Which part of a document an item shows: all of it where it is short, else a section or whole lines around the evidence and what is needed to
//! read it (the head of a table, the definition around a call).

use longlab_documents::{Document, Kind, Span};

/// The parts of a document to show for its evidence, apart from each other and in the order of the text; none where evidence and what is needed
/// to read it are more than `longest` bytes apart.
pub(super) fn windows(document: &Document, evidence: &[Span], longest: usize) -> Option<Vec<Span>> {
    if document.text.len() <= longest {
        return Some(vec![Span { start: 0, end: document.text.len() }]);
    }
    let mut needed: Vec<Span> = evidence.iter().map(|span| readable(document, *span)).collect();
    needed.sort_unstable_by_key(|span| (span.start, span.end));
    if needed.iter().any(|span| span.end - span.start > longest) {
        return None;
    }
    let mut windows: Vec<Span> = Vec::new();
    for span in needed {
        match windows.last_mut() {
            Some(last) if span.start <= last.end || span.end - last.start <= longest => {
                last.end = last.end.max(span.end)
            }
            _ => windows.push(span),
        }
    }
    let grown: Vec<Span> = windows
        .iter()
        .map(|span| section(document, *span, longest).unwrap_or_else(|| lines(document, *span, longest)))
        .collect();
    Some(merged(grown))
}

/// Evidence with what is needed to read it.
fn readable(document: &Document, span: Span) -> Span {
    let within = |outer: &Span| outer.start <= span.start && span.end <= outer.end;
    let table = document.tables.iter().find(|table| within(&table.span));
    let head = table.and_then(|table| table.head.first()).map(|cell| cell.span.start);
    let code = document.kind == Kind::Code;
    let around = document.sections.iter().filter(|section| code && within(&section.span));
    let defined = around.map(|section| section.span.start).max();
    let start = [head, defined].into_iter().flatten().fold(span.start, usize::min);
    Span { start, end: span.end }
}

/// The largest section that holds a span and is no longer than `longest`; none where it is so short that lines around it show more.
fn section(document: &Document, span: Span, longest: usize) -> Option<Span> {
    let holds =
        |outer: &&Span| outer.start <= span.start && span.end <= outer.end && outer.end - outer.start <= longest;
    let spans = document.sections.iter().map(|section| &section.span).filter(|span| span.of(&document.text).is_some());
    let largest = spans.filter(holds).max_by_key(|outer| outer.end - outer.start).copied();
    largest.filter(|outer| outer.end - outer.start >= longest / 4)
}

/// Whole lines around a span, at most `longest` bytes where the span is not longer itself.
fn lines(document: &Document, span: Span, longest: usize) -> Span {
    let text = &document.text;
    let room = longest.saturating_sub(span.end - span.start) / 2;
    let low = ceil(text, span.start.saturating_sub(room)).min(span.start);
    let high = floor(text, span.end + room).max(span.end);
    let start = if low == 0 { 0 } else { text[low..span.start].find('\n').map_or(low, |at| low + at + 1) };
    let end =
        if high == text.len() { high } else { text[span.end..high].rfind('\n').map_or(high, |at| span.end + at + 1) };
    Span { start, end }
}

/// The last border of a character that is not after `at`.
pub(super) fn floor(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

/// The first border of a character that is not before `at`.
fn ceil(text: &str, at: usize) -> usize {
    (at..text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(text.len())
}

fn merged(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_unstable_by_key(|span| (span.start, span.end));
    let mut merged: Vec<Span> = Vec::new();
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            _ => merged.push(span),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::testing::Page;
    use longlab_documents::Section;

    #[test]
    fn a_short_document_is_shown_whole() {
        let page = Page::text("Short").line("one").line("two").document();
        assert_eq!(windows(&page, &[Span { start: 0, end: 3 }], 100), Some(vec![Span { start: 0, end: 8 }]));
    }

    #[test]
    fn a_long_one_is_cut_at_lines_or_to_a_section() {
        let mut page = Page::text("Long");
        for at in 0..100 {
            page = page.line(&format!("line number {at} é"));
        }
        let mut page = page.document();
        let at = page.text.find("line number 50").unwrap();
        let evidence = Span { start: at, end: at + 14 };
        let shown = windows(&page, &[evidence], 100).unwrap();
        let text = shown[0].of(&page.text).unwrap();
        assert!(
            shown.len() == 1
                && text.len() <= 100
                && text.starts_with("line")
                && text.ends_with("é\n")
                && text.contains("number 50 é")
        );
        page.sections.push(Section { title: "x".into(), level: 1, span: Span { start: at - 18, end: at + 36 } });
        assert_eq!(windows(&page, &[evidence], 100), Some(vec![Span { start: at - 18, end: at + 36 }]));
    }

    #[test]
    fn a_row_comes_with_the_head_of_its_table() {
        let rows: Vec<[&str; 2]> = (0..300).map(|_| ["some name", "some value"]).collect();
        let page = Page::text("Table").table(&["Name", "Value"], &rows).document();
        let row = page.tables[0].rows[3][0].span;
        let shown = windows(&page, &[row], 400).unwrap();
        assert!(shown[0].of(&page.text).unwrap().contains("Name | Value"));
        let far = page.tables[0].rows[299][0].span;
        assert_eq!(windows(&page, &[far], 400), None);
    }

    #[test]
    fn a_single_long_line_is_cut_at_letters() {
        let page = Page::text("Line").line(&"é".repeat(5_000)).document();
        let shown = windows(&page, &[Span { start: 4_000, end: 4_010 }], 101).unwrap();
        assert!(shown[0].of(&page.text).is_some_and(|text| text.len() <= 102));
    }
}
