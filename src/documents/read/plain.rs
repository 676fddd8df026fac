//! Plain text and reStructuredText: headlines by their looks, links, simple tables and definitions of the latter.

use super::grid::{Cells, Grid};
use crate::draft::{Draft, trimmed};
use std::ops::Range;

/// Longest line that is taken for a headline, bytes.
const LONGEST_HEADLINE: usize = 120;
/// Longest text of a link, bytes.
const LONGEST_LINK: usize = 300;

/// Columns of a table; a rule with more is no rule.
const COLUMNS: usize = 1000;
/// Most lines of a table.
const MOST_ROWS: usize = 10_000;

/// A line and where it stands, without its end.
#[derive(Clone)]
struct Line<'a> {
    text: &'a str,
    range: Range<usize>,
}

pub(super) fn read(text: String, cells: &mut Cells) -> Draft {
    let mut draft = Draft::default();
    let lines = lines_of(&text);
    draft.title = announced(&lines);
    draft.text.clone_from(&text);
    headlines(&lines, &mut draft);
    simple_tables(&lines, &mut draft, cells);
    links(&text, &mut draft);
    if draft.title.is_none() {
        draft.title = first_headline(&text, &draft);
    }
    draft
}

fn lines_of(text: &str) -> Vec<Line<'_>> {
    let mut start = 0;
    let line = |line| {
        let range = start..start + str::len(line);
        start = range.end + 1;
        Line { text: line, range }
    };
    text.split('\n').map(line).collect()
}

/// What a line `Title: ...` among the first says, as in Project Gutenberg's books and many reports.
fn announced(lines: &[Line]) -> Option<String> {
    let said = |line: &Line| line.text.strip_prefix("Title:").map(|title| title.trim().to_owned());
    lines.iter().take(40).find_map(said).filter(|title| !title.is_empty())
}

/// The first headline, if nothing but white space and lines of signs comes before it.
fn first_headline(text: &str, draft: &Draft) -> Option<String> {
    let (title, start) = draft.first_headline()?;
    let before = text[..start].chars().all(|letter| !letter.is_alphanumeric());
    before.then(|| title.to_owned())
}

fn headlines(lines: &[Line], draft: &mut Draft) {
    // Levels of underlines are in the order in which their signs come first, as in reStructuredText.
    let mut signs: Vec<(char, bool)> = Vec::new();
    for number in 0..lines.len() {
        let above = number.checked_sub(1).map_or("", |above| lines[above].text);
        let below = lines.get(number + 1).map_or("", |below| below.text);
        let line = &lines[number];
        if let Some(sign) = underlined(line.text, below) {
            let sign = (sign, ruler(above) == Some(sign));
            let level = signs.iter().position(|&known| known == sign).unwrap_or_else(|| {
                signs.push(sign);
                signs.len() - 1
            });
            let range = trimmed(&draft.text, line.range.clone());
            let title = draft.text[range.clone()].to_owned();
            draft.headline(&title, (level + 1).min(6) as u8, range.start);
        } else if above.trim().is_empty()
            && below.trim().is_empty()
            && let Some(level) = numbered(line.text)
        {
            draft.headline(line.text.trim(), level, line.range.start + line.text.len() - line.text.trim_start().len());
        }
    }
}

/// The sign of a line that is a rule of one sign.
fn ruler(line: &str) -> Option<char> {
    let line = line.trim_end();
    let sign = line.chars().next().filter(|sign| "=-~^\"'`*+#:._".contains(*sign))?;
    (line.len() >= 3 && line.chars().all(|other| other == sign)).then_some(sign)
}

fn underlined(line: &str, below: &str) -> Option<char> {
    let title = line.trim();
    let sign = ruler(below)?;
    let has_words = title.chars().any(char::is_alphanumeric);
    let reaches = below.trim_end().chars().count() + 2 >= title.chars().count();
    (has_words && reaches && title.len() <= LONGEST_HEADLINE && ruler(line).is_none()).then_some(sign)
}

/// The level of a headline that stands alone: `CHAPTER II`, `3.1 Results`, or capitals only.
fn numbered(line: &str) -> Option<u8> {
    let title = line.trim();
    if title.is_empty() || title.len() > LONGEST_HEADLINE || title.ends_with([',', ';', ':']) {
        return None;
    }
    let (first, rest) = title.split_once(' ').unwrap_or((title, ""));
    let part = first.to_ascii_lowercase();
    if matches!(part.as_str(), "chapter" | "book" | "part" | "act" | "volume" | "appendix" | "letter") {
        let number = rest.split([' ', '.', ':']).next().unwrap_or("");
        let counts = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit() || "IVXLCDM".contains(c));
        return counts.then_some(if matches!(part.as_str(), "book" | "part" | "volume") { 1 } else { 2 });
    }
    if !rest.is_empty() && is_section_number(first) && rest.trim().starts_with(char::is_uppercase) {
        let sentence = rest.ends_with('.') || rest.contains("...") || rest.contains(". .");
        return (!sentence).then(|| first.trim_end_matches('.').split('.').count().min(6) as u8);
    }
    let letters = || title.chars().filter(|letter| letter.is_alphabetic());
    let capitals = letters().count() >= 4 && letters().all(char::is_uppercase) && title.len() <= 70;
    capitals.then_some(2)
}

fn is_section_number(word: &str) -> bool {
    let word = word.strip_suffix('.').unwrap_or(word);
    word.len() <= 12
        && word.split('.').all(|part| !part.is_empty() && part.len() <= 3 && part.bytes().all(|b| b.is_ascii_digit()))
}

/// Tables between rules of `=`, with the columns where the rules stand.
fn simple_tables(lines: &[Line], draft: &mut Draft, cells: &mut Cells) {
    let mut number = 0;
    while number < lines.len() {
        match columns(&lines[number]) {
            Some(columns) => number = simple_table(lines, number, &columns, draft, cells),
            None => number += 1,
        }
    }
}

/// Where the columns of a rule `=====  ===` begin and end; none of a line that is no such rule.
fn columns(line: &Line) -> Option<Vec<Range<usize>>> {
    let rule = line.text.trim_end();
    if !rule.contains("= ") || !rule.bytes().all(|byte| byte == b'=' || byte == b' ') {
        return None;
    }
    let mut columns: Vec<Range<usize>> = Vec::new();
    for (at, byte) in rule.bytes().enumerate() {
        match columns.last_mut() {
            Some(last) if byte == b'=' && last.end == at => last.end = at + 1,
            _ if byte == b'=' => columns.push(at..at + 1),
            _ => {}
        }
    }
    (2..=COLUMNS).contains(&columns.len()).then_some(columns)
}

/// Reads the table whose first rule is `first`; gives the line behind it.
fn simple_table(lines: &[Line], first: usize, columns: &[Range<usize>], draft: &mut Draft, cells: &mut Cells) -> usize {
    let is_rule = |&at: &usize| lines.get(at).and_then(self::columns).is_some_and(|other| other.len() == columns.len());
    let head_end = first + 2;
    if !is_rule(&head_end) {
        return first + 1;
    }
    let Some(end) = (head_end + 1..(head_end + MOST_ROWS).min(lines.len())).find(is_rule) else { return first + 1 };
    let mut grid = Grid::new(lines[first].range.start);
    for at in (first + 1..head_end).chain(head_end + 1..end).filter(|&at| !lines[at].text.trim().is_empty()) {
        grid.row(row_of(&lines[at], columns));
    }
    let title = draft.headline_before(lines[first].range.start).unwrap_or_default();
    grid.close(draft, lines[end].range.end, &title, cells);
    end + 1
}

fn row_of(line: &Line, columns: &[Range<usize>]) -> Vec<Range<usize>> {
    // The last column has no end; columns of signs of several bytes end at their borders.
    let at = |column: usize| match columns.get(column) {
        Some(column) => line.range.start + crate::draft::border(line.text, column.start.min(line.text.len())),
        None => line.range.end,
    };
    (0..columns.len()).map(|column| at(column)..at(column + 1)).collect()
}

/// Links of reStructuredText, `` `text <target>`_ ``, and bare addresses.
fn links(text: &str, draft: &mut Draft) {
    for (end, _) in text.match_indices(">`_") {
        let from = crate::draft::border(text, end.saturating_sub(LONGEST_LINK));
        let before = &text[from..end];
        let Some(tick) = before.rfind('`') else { continue };
        if let Some(opened) = before[tick..].find('<') {
            let target = &before[tick + opened + 1..];
            draft.link(from + tick + 1..from + tick + opened, target.trim());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    fn document(text: &str) -> crate::Document {
        let document = read(text.to_owned(), &mut Cells { room: 1000, left_out: 0 }).finish("a.rst", Kind::General);
        document.check().unwrap();
        document
    }

    #[test]
    fn headlines_are_told_by_their_looks() {
        let text = "=====\nRiver\n=====\n\nThe Rhine\n---------\nlong\n\nThe Elbe\n--------\n\n3.1 Length\n\nx\n\nCHAPTER II\n\n\
                    It is 5 km.\n\n1. This is a sentence.\n";
        let document = document(text);
        let found: Vec<(&str, u8)> = document.sections.iter().map(|s| (s.title.as_str(), s.level)).collect();
        assert_eq!(found, [("River", 1), ("The Rhine", 2), ("The Elbe", 2), ("3.1 Length", 2), ("CHAPTER II", 2)]);
        assert_eq!(document.title, "River");
        assert_eq!(document.sections[1].span.of(text), Some("The Rhine\n---------\nlong\n\n"));
    }

    #[test]
    fn a_simple_table_and_a_link_of_restructured_text() {
        let text = "Rivers\n======\n\n=====  ======\nname   length\n=====  ======\nRhine  1230\nElbe   1094 km\n=====  ======\n\n\
                    See `the list <list.html>`_ and `x`_.\n";
        let document = document(text);
        let table = &document.tables[0];
        let rows: Vec<Vec<&str>> = table.rows.iter().map(|r| r.iter().map(|c| c.text.as_str()).collect()).collect();
        assert_eq!(rows, [["Rhine", "1230"], ["Elbe", "1094 km"]]);
        assert_eq!((table.title.as_str(), table.head[1].text.as_str()), ("Rivers", "length"));
        assert_eq!((document.links[0].text.as_str(), document.links[0].target.as_str()), ("the list", "list.html"));
        assert_eq!(document.links.len(), 1);
    }

    #[test]
    fn a_book_names_itself() {
        assert_eq!(document("The Project\n\nTitle: Emma\n\nCHAPTER I\n\nEmma was rich.").title, "Emma");
        assert_eq!(document("just a line").title, "a.rst");
    }
}
