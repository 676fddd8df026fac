//! Tags that are changed before the engine sees them: `generation`, with which templates for training mark what the model wrote, and
//! `set` of a namespace's attribute, whose value is looked through first.

use std::borrow::Cow;

/// The template with `generation` … `endgeneration` turned to `with` … `endwith`, which is as much a scope and changes nothing
/// else; the marks for white space stay as they are.
pub(super) fn without_generation(source: &str) -> Cow<'_, str> {
    if !source.contains("generation") {
        return source.into();
    }
    let mut changed = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(start) = rest.find("{%") {
        let (before, tag) = rest.split_at(start);
        changed.push_str(before);
        match renamed(tag) {
            Some((word, after)) => {
                let inner = &tag[..tag.len() - after.len()];
                let name = inner.trim_end_matches(|letter: char| letter.is_ascii_lowercase());
                changed.push_str(name);
                changed.push_str(word);
                rest = after;
            }
            None => {
                changed.push_str("{%");
                rest = &tag[2..];
            }
        }
    }
    changed.push_str(rest);
    changed.into()
}

/// If the tag is one of the two: its new name, and the template after the old one.
fn renamed(tag: &str) -> Option<(&'static str, &str)> {
    let inner = tag.strip_prefix("{%")?;
    let inner = inner.strip_prefix(['-', '+']).unwrap_or(inner).trim_start();
    let (word, after) = match inner.strip_prefix("generation") {
        Some(after) => ("with", after),
        None => ("endwith", inner.strip_prefix("endgeneration")?),
    };
    let closing = after.trim_start();
    let closing = closing.strip_prefix(['-', '+']).unwrap_or(closing);
    closing.starts_with("%}").then_some((word, after))
}

/// The filter that looks through a value.
pub(super) const CHECK: &str = "_check";

/// The template with `set a.b = value` turned to `set a.b = (value)|_check`, and `set a.b | filter` to `set a.b | filter|_check`.
pub(super) fn checked(source: &str) -> String {
    let mut changed = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(start) = ["{%", "{#", "{{"].iter().filter_map(|open| rest.find(open)).min() {
        let (before, tag) = rest.split_at(start);
        changed.push_str(before);
        let end = length(tag);
        match guarded(&tag[..end]) {
            Some(guarded) => changed.push_str(&guarded),
            None => changed.push_str(&tag[..end]),
        }
        rest = &tag[end..];
    }
    changed + rest
}

/// Bytes of the tag, comment or expression at the beginning; an end mark within a text in quotes is none.
fn length(tag: &str) -> usize {
    let close = match tag.as_bytes().get(1) {
        Some(b'#') => return tag.find("#}").map_or(tag.len(), |end| end + 2),
        Some(b'{') => "}}",
        _ => "%}",
    };
    let mut quote = None;
    let mut escaped = false;
    for (place, letter) in tag.char_indices().skip(2) {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if letter == '\\' => escaped = true,
            Some(open) if letter == open => quote = None,
            Some(_) => {}
            None if letter == '"' || letter == '\'' => quote = Some(letter),
            None if tag[place..].starts_with(close) => return place + close.len(),
            None => {}
        }
    }
    tag.len()
}

/// The tag with its value looked through, if it sets an attribute.
fn guarded(tag: &str) -> Option<String> {
    let inner = tag.strip_prefix("{%")?.strip_suffix("%}")?;
    let (inner, closing) = match inner.strip_suffix(['-', '+']) {
        Some(shorter) => (shorter, &inner[shorter.len()..]),
        None => (inner, ""),
    };
    let after = inner.strip_prefix(['-', '+']).unwrap_or(inner).trim_start().strip_prefix("set")?;
    let assigned = after.find(['=', '|']).filter(|_| after.starts_with([' ', '\t', '\n', '\r', '(']))?;
    let (targets, value) = after.split_at(assigned);
    if !targets.contains('.') {
        return None;
    }
    let before = &inner[..inner.len() - after.len()];
    let guarded = match value.strip_prefix('=') {
        Some(value) => format!("= ({value})|{CHECK} "),
        None => format!("{value}|{CHECK} "),
    };
    Some(format!("{{%{before}{targets}{guarded}{closing}%}}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_for_namespaces_are_looked_through() {
        let pairs = [
            ("{%- set n.a = '%}' ~ 1 -%}x", "{%- set n.a = ( '%}' ~ 1 )|_check -%}x"),
            ("{%set n.a=b==c%}", "{%set n.a= (b==c)|_check %}"),
            ("{% set n.a | default(n, true) %}x{% endset %}", "{% set n.a | default(n, true) |_check %}x{% endset %}"),
            ("{% set a, n.b = 1, n %}", "{% set a, n.b = ( 1, n )|_check %}"),
            ("{% set a = n.b %}{{ '{% set n.a = 1 %}' }}", "{% set a = n.b %}{{ '{% set n.a = 1 %}' }}"),
            ("{# {% set n.a = 1 %} #}{% set", "{# {% set n.a = 1 %} #}{% set"),
        ];
        for (source, expected) in pairs {
            assert_eq!(checked(source), expected);
        }
    }

    #[test]
    fn only_the_two_tags_change() {
        let source = "{%- generation -%}a{% endgeneration +%}{%generation%}{% if add_generation_prompt %}generation{% set generation = 1 %}{%";
        let expected =
            "{%- with -%}a{% endwith +%}{%with%}{% if add_generation_prompt %}generation{% set generation = 1 %}{%";
        assert_eq!(without_generation(source), expected);
        assert!(matches!(without_generation("{% if a %}"), Cow::Borrowed(_)));
    }
}
