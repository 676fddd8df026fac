//! Long documents into parts.

use super::Remark;
use crate::Limits;
use crate::document::{Section, Span};
use crate::draft::{Draft, border};
use std::ops::Range;

/// How far before the limit a paragraph or a line may end for the cut to be made there, as a share of the limit: 1/8.
const SEARCHED: usize = 8;

/// The draft itself where it is short enough, or its parts.
pub(super) fn parts(mut draft: Draft, limits: &Limits, remarks: &mut Vec<Remark>) -> Vec<Draft> {
    if draft.text.len() <= limits.document_bytes {
        return vec![draft];
    }
    draft.close();
    let ranges = cuts(&draft.text, limits.document_bytes);
    let whole = draft.tables.len() + draft.links.len() + draft.notes.len();
    let parts: Vec<Draft> =
        ranges.iter().enumerate().map(|(number, range)| part(&draft, number, range.clone())).collect();
    let kept: usize = parts.iter().map(|part| part.tables.len() + part.links.len() + part.notes.len()).sum();
    remarks.push(Remark::Split { parts: parts.len(), lost: whole - kept });
    parts
}

/// Ranges of at most `most` bytes that make up the text: each ends behind a blank line, a line or a word if one ends in its last
/// eighth, in this order.
fn cuts(text: &str, most: usize) -> Vec<Range<usize>> {
    let most = most.max(4);
    let mut ranges = Vec::new();
    let mut start = 0;
    while text.len() - start > most {
        let limit = border(text, start + most);
        let from = border(text, limit - most / SEARCHED).max(start);
        let searched = &text[from..limit];
        let found = ["\n\n", "\n", " "].iter().find_map(|sign| searched.rfind(sign).map(|at| from + at + sign.len()));
        let end = found.unwrap_or(limit);
        ranges.push(start..end);
        start = end;
    }
    ranges.push(start..text.len());
    ranges
}

fn part(whole: &Draft, number: usize, range: Range<usize>) -> Draft {
    let back = |span: Span| -> Option<Span> {
        let inside = range.start <= span.start && span.end <= range.end;
        inside.then(|| Span { start: span.start - range.start, end: span.end - range.start })
    };
    let mut part = Draft::of(&whole.text[range.clone()]);
    part.title = whole.title.as_ref().map(|title| format!("{title} (part {})", number + 1));
    let place = format!("part {}", number + 1);
    part.place = Some(whole.place.as_ref().map_or(place.clone(), |outer| format!("{outer}, {place}")));
    part.sections = whole.sections.iter().filter_map(|section| clipped(section, &range, &whole.text)).collect();
    part.links = whole.links.iter().filter_map(|l| Some(crate::Link { span: back(l.span)?, ..l.clone() })).collect();
    part.notes = whole.notes.iter().filter_map(|n| Some(crate::Note { span: back(n.span)?, ..n.clone() })).collect();
    part.tables = whole.tables.iter().filter_map(|table| moved(table, &back)).collect();
    part
}

/// A section whose title stands in the range, up to the range's end.
fn clipped(section: &Section, range: &Range<usize>, text: &str) -> Option<Section> {
    let end = section.span.end.min(range.end);
    if !range.contains(&section.span.start) || !text[section.span.start..end].contains(&section.title) {
        return None;
    }
    let span = Span { start: section.span.start - range.start, end: end - range.start };
    Some(Section { span, ..section.clone() })
}

fn moved(table: &crate::Table, back: &impl Fn(Span) -> Option<Span>) -> Option<crate::Table> {
    let mut table = crate::Table { span: back(table.span)?, ..table.clone() };
    for cell in table.head.iter_mut().chain(table.rows.iter_mut().flatten()) {
        cell.span = back(cell.span)?;
    }
    Some(table)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    #[test]
    fn parts_make_up_the_text_and_break_where_a_reader_would() {
        let text = "alpha beta gamma\n\ndelta epsilon\nzeta eta theta iota kappa lambda";
        let ranges = cuts(text, 24);
        assert_eq!(ranges.iter().map(|range| &text[range.clone()]).collect::<String>(), text);
        assert!(ranges.iter().all(|range| range.len() <= 24 && !range.is_empty()));
        assert!(cuts(&"ä".repeat(100), 7).iter().all(|range| range.len() == 6 || range.end == 200));
    }

    #[test]
    fn structure_goes_to_the_part_it_stands_in() {
        let mut draft = Draft::of(format!("Head\n{}\n\ntail [x]", "word ".repeat(20)));
        draft.headline("Head", 1, 0);
        let at = draft.text.len() - 2;
        draft.link(at..at + 1, "target");
        let limits = Limits { document_bytes: 64, ..Limits::default() };
        let mut remarks = Vec::new();
        let documents: Vec<_> =
            parts(draft, &limits, &mut remarks).into_iter().map(|part| part.finish("f", Kind::General)).collect();
        assert!(documents.iter().all(|document| document.check().is_ok()));
        assert_eq!(documents[0].sections.len(), 1);
        assert_eq!(documents.last().unwrap().links[0].text, "x");
        assert_eq!(remarks, [Remark::Split { parts: documents.len(), lost: 0 }]);
        assert_eq!(documents[1].source, "f#part 2");
    }
}
