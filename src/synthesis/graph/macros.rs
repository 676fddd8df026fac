//! Calls inside the macros of Rust, `assert_eq!(f(x), 1)`. A parser of Rust leaves what a macro is given alone; without these calls it would look as
//! if nobody called what only a macro's argument calls.

use longlab_documents::{Document, Span};
use std::collections::BTreeMap;

/// Longest argument of a macro that is read, bytes.
const LONGEST: usize = 20_000;

/// Definitions before a macro that are looked through for the one around it.
const MOST_LOOKED_AT: usize = 500;

/// Calls inside macros: who calls, what, and where. The caller has its full name, as the notes of the file give it.
pub(super) fn calls(document: &Document) -> Vec<(String, String, Span)> {
    let text = document.text.as_str();
    let names = full_names(document);
    let mut found = Vec::new();
    let mut done = 0;
    for (at, _) in text.match_indices('!') {
        if at < done {
            continue;
        }
        let Some(end) = argument(text, at) else { continue };
        done = end;
        let Some(caller) = caller(document, &names, at) else { continue };
        found.extend(
            called(text, at + 1, end).map(|span| (caller.clone(), text[span.start..span.end].to_string(), span)),
        );
    }
    found
}

/// Where the argument of the macro whose `!` stands at `at` ends; none where there is no macro.
fn argument(text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let named = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
    let open = *bytes.get(at + 1).filter(|byte| named && matches!(byte, b'(' | b'[' | b'{'))?;
    let close = if open == b'(' { b')' } else { open + 2 };
    let mut depth = 0usize;
    let mut quoted = false;
    for (offset, &byte) in bytes[at + 1..].iter().enumerate().take(LONGEST) {
        match byte {
            b'"' if bytes[at + offset] != b'\\' && bytes[at + offset] != b'\'' => quoted = !quoted,
            _ if quoted => {}
            byte if byte == open => depth += 1,
            byte if byte == close => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1 + offset);
                }
            }
            _ => {}
        }
    }
    None
}

/// Names in small letters with a bracket right after them.
fn called(text: &str, start: usize, end: usize) -> impl Iterator<Item = Span> + '_ {
    let inside = &text.as_bytes()[start..end];
    let brackets = inside.iter().enumerate().filter(|(_, byte)| **byte == b'(').map(|(at, _)| at);
    brackets.filter_map(move |at| {
        let length =
            inside[..at].iter().rev().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
        let name = &inside[at - length..at];
        let small = name.first().is_some_and(|byte| byte.is_ascii_lowercase() || *byte == b'_');
        let word = matches!(
            name,
            b"if" | b"match" | b"while" | b"for" | b"in" | b"return" | b"move" | b"as" | b"fn" | b"let" | b"mut"
        );
        (small && !word).then_some(Span { start: start + at - length, end: start + at })
    })
}

/// Full names of what the sections of a file define, by where they begin.
fn full_names(document: &Document) -> BTreeMap<usize, String> {
    let defines = document.notes.iter().filter(|note| note.relation == "defines");
    let named = defines.map(|note| {
        let file = note.subject == document.source || note.subject == document.title;
        let full = if file { note.object.clone() } else { format!("{}.{}", note.subject, note.object) };
        (note.span.start, full)
    });
    named.collect()
}

/// The innermost definition around a place.
fn caller(document: &Document, names: &BTreeMap<usize, String>, at: usize) -> Option<String> {
    let before = document.sections.partition_point(|section| section.span.start <= at);
    // Sections lie in the order of the text; the innermost is the last that is still open.
    let innermost =
        document.sections[..before].iter().rev().take(MOST_LOOKED_AT).find(|section| at < section.span.end)?;
    names.get(&innermost.span.start).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::testing::Page;
    use longlab_documents::Section;

    #[test]
    fn calls_inside_macros_are_seen() {
        let text = "fn check() {\n    assert_eq!(tool::area_of(side), [1, half(2)], \"no call(x)\");\n    if !done(x) {}\n    vec![Some(1)];\n}\n";
        let mut page = Page::code("src/a.rs").note("src/a.rs", "defines", "check", text).document();
        page.sections.push(Section { title: "check".into(), level: 1, span: Span { start: 0, end: text.len() } });
        let found: Vec<String> = calls(&page).into_iter().map(|(who, what, _)| format!("{who} {what}")).collect();
        assert_eq!(found, ["check area_of", "check half", "check call"]);
    }

    #[test]
    fn brackets_without_end_are_no_macro() {
        let page = Page::code("src/a.rs").line("a!(((").line("!(x)").line("b!").document();
        assert!(calls(&page).is_empty());
    }
}
