//! Links in running text: inline, by reference, and addresses in angles.

use super::plain;
use crate::draft::Draft;
use std::collections::HashMap;
use std::ops::Range;

/// Longest text or target of a link, and longest code in a line, bytes.
const LONGEST: usize = 500;

/// Finds the links in stretches of running text.
pub(super) fn links(text: &str, prose: &[Range<usize>], draft: &mut Draft) {
    let targets = targets(text, prose);
    for range in prose {
        stretch(text, range.clone(), &targets, draft);
    }
}

/// Targets that are defined apart from their links, `[name]: target`, by name in lower case.
fn targets<'a>(text: &'a str, prose: &[Range<usize>]) -> HashMap<String, &'a str> {
    let mut targets = HashMap::new();
    for line in prose.iter().flat_map(|range| text[range.clone()].split('\n')) {
        let Some((name, rest)) = line.trim_start().strip_prefix('[').and_then(|line| line.split_once("]:")) else {
            continue;
        };
        if let Some(target) = rest.split_whitespace().next()
            && !name.starts_with('^')
        {
            targets.entry(name.to_lowercase()).or_insert(target.trim_matches(['<', '>']));
        }
    }
    targets
}

fn stretch(text: &str, range: Range<usize>, targets: &HashMap<String, &str>, draft: &mut Draft) {
    let bytes = text.as_bytes();
    let mut open: Vec<usize> = Vec::new();
    let mut at = range.start;
    while at < range.end {
        match bytes[at] {
            b'\\' => at += 1,
            b'`' => at = behind_code(bytes, at, range.end) - 1,
            b'[' => open.push(at),
            b'<' => at = angles(text, at, range.end, draft),
            b']' => {
                if let Some(start) = open.pop()
                    && at - start <= LONGEST
                    && let Some((target, end)) = target(text, start + 1..at, range.end, targets)
                {
                    let is_picture = start > 0 && bytes[start - 1] == b'!';
                    if !is_picture {
                        draft.link(plain(text, start + 1..at), target);
                        open.clear();
                    }
                    at = end - 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
}

/// The target behind a link's text, and the byte behind it.
fn target<'a>(
    text: &'a str,
    inner: Range<usize>,
    end: usize,
    targets: &HashMap<String, &'a str>,
) -> Option<(&'a str, usize)> {
    let rest = &text[inner.end + 1..end];
    if let Some(inside) = rest.strip_prefix('(') {
        let length = closing(inside)?;
        let target = inside[..length].split_whitespace().next().unwrap_or("").trim_matches(['<', '>']);
        return Some((target, inner.end + 1 + length + 2));
    }
    if rest.starts_with(':') || targets.is_empty() {
        return None;
    }
    let name = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(name, _)| name);
    let own = &text[inner.clone()];
    let behind = inner.end + 1 + name.map_or(0, |name| name.len() + 2);
    let name = name.filter(|name| !name.is_empty() && name.len() <= LONGEST).unwrap_or(own);
    targets.get(&name.to_lowercase()).map(|target| (*target, behind))
}

/// Where the bracket closes that was opened before `text`.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, byte) in text.bytes().enumerate().take(LONGEST) {
        match byte {
            b'(' => depth += 1,
            b')' if depth == 0 => return Some(at),
            b')' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The byte behind a stretch of code that is opened at `at`, or behind its marks where it is not closed nearby.
fn behind_code(bytes: &[u8], at: usize, end: usize) -> usize {
    let marks = bytes[at..end].iter().take_while(|&&byte| byte == b'`').count();
    let from = at + marks;
    let limit = end.min(from + LONGEST);
    let mut run = 0;
    for (offset, &byte) in bytes[from..limit].iter().enumerate() {
        let closes = run == marks && byte != b'`';
        if closes {
            return from + offset;
        }
        run = if byte == b'`' { run + 1 } else { 0 };
    }
    if run == marks { limit } else { from }
}

/// `<https://...>` is a link whose text is its target; gives the last byte that it takes.
fn angles(text: &str, at: usize, end: usize, draft: &mut Draft) -> usize {
    let rest = &text[at + 1..end];
    if !(rest.starts_with("http://") || rest.starts_with("https://")) {
        return at;
    }
    let length = rest.bytes().take(LONGEST).position(|byte| byte == b'>' || byte.is_ascii_whitespace());
    match length.filter(|&length| rest.as_bytes()[length] == b'>') {
        Some(length) => {
            draft.link(at + 1..at + 1 + length, &rest[..length]);
            at + 1 + length
        }
        None => at,
    }
}

#[cfg(test)]
mod tests {
    use crate::Kind;
    use crate::read::grid::Cells;

    fn links(text: &str) -> Vec<(String, String)> {
        let document = super::super::read(text.to_owned(), &mut Cells { room: 1000, left_out: 0 })
            .finish("a.md", Kind::Professional);
        document.check().unwrap();
        document.links.into_iter().map(|link| (link.text, link.target)).collect()
    }

    fn is(text: &str, expected: &[(&str, &str)]) {
        let found = links(text);
        let found: Vec<(&str, &str)> = found.iter().map(|(text, target)| (text.as_str(), target.as_str())).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn links_in_their_forms() {
        is(
            "the [Rhine](rhine_(river).md \"R\") and\n[`the\nElbe`](<elbe.md>)",
            &[("Rhine", "rhine_(river).md"), ("the\nElbe", "elbe.md")],
        );
        is("[one][A], [b] and [c]\n\n[a]: x.md\n[B]: <y.md> 'Y'", &[("one", "x.md"), ("b", "y.md")]);
        is("see <https://example.org/a>!", &[("https://example.org/a", "https://example.org/a")]);
        is("[![logo](logo.png) home](/)", &[("![logo](logo.png) home", "/")]);
    }

    #[test]
    fn what_is_no_link() {
        is("`[a](b)` and ``[`](b)`` \\[a](b) ![p](q) [x] (y)", &[]);
        is("| [a](b) |\n|--|--|\n| [c](d) |", &[("a", "b"), ("c", "d")]);
    }

    #[test]
    fn many_brackets_take_linear_time() {
        is(&"[".repeat(300_000), &[]);
        is(&"](".repeat(100_000), &[]);
        is(&"`x".repeat(100_000), &[]);
    }
}
