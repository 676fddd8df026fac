//! What markup states: definitions, properties, links that lead to a page of the same name, sections.

use super::name::Name;
use super::triplet::{Extraction, Family, Relation};
use longlab_documents::{Document, Section, Span};

/// Reads notes, links and sections of a document that is not code.
pub(super) fn read(document: &Document, page: &Name, found: &mut Extraction) {
    for note in &document.notes {
        // What speakers say and which language a block of code is in are no facts about things.
        if matches!(note.relation.as_str(), "says" | "shows code in") {
            found.refuse("a relation that is no fact about a thing");
            continue;
        }
        let family = if is_definition(&note.relation) { Family::Definition } else { Family::Attribute };
        let relation = Relation::new(family, &note.relation);
        let head = Name::thing(&note.subject, "");
        found.add(&document.text, head, relation, Name::thing(&note.object, ""), note.span);
    }
    for link in &document.links {
        match target(&document.source, &link.target) {
            Some(path) => {
                let tail = Name { text: String::new(), key: format!("at:{path}"), noun: "page".into() };
                found.add(
                    &document.text,
                    Some(page.clone()),
                    Relation::new(Family::Link, "links to"),
                    Some(tail),
                    link.span,
                );
            }
            None => found.refuse("a link that leaves the corpus"),
        }
    }
    for section in &document.sections {
        read_section(document, page, section, found);
    }
}

/// `is` defines a term; so does what a reader may call it instead.
fn is_definition(relation: &str) -> bool {
    matches!(relation, "is" | "means" | "defines" | "definition")
}

/// The path of the corpus that a link means; none where it leads elsewhere, or stays on its page.
fn target(source: &str, target: &str) -> Option<String> {
    let path = target.split(['#', '?']).next().unwrap_or_default();
    let outside = path.contains(':') || path.starts_with('/') || path.trim().is_empty();
    let folder = source.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/').filter(|_| !outside) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            _ => parts.push(part),
        }
    }
    (!outside).then(|| parts.join("/"))
}

/// A page has a section; the statement is its headline alone.
fn read_section(document: &Document, page: &Name, section: &Section, found: &mut Extraction) {
    let head = section.span.of(&document.text).and_then(|text| text.find(section.title.trim()));
    let Some(at) = head.filter(|_| !section.title.trim().is_empty()) else {
        return found.refuse("a section whose headline is not in the text");
    };
    let start = section.span.start + at;
    let span = Span { start, end: start + section.title.trim().len() };
    let tail = Name::thing(&section.title, "section").map(|name| Name { key: format!("section:{}", name.key), ..name });
    // Most pages have a section of their own title.
    if section.title.trim() == document.title.trim() {
        return;
    }
    found.add(&document.text, Some(page.clone()), Relation::new(Family::Section, "has section"), tail, span);
}

#[cfg(test)]
mod tests {
    use crate::graph::testing::{Page, fact_texts};
    use longlab_documents::{Section, Span};

    #[test]
    fn notes_links_and_sections_are_facts() {
        let mut page = Page::text("France")
            .note("France", "capital", "Paris", "capital: Paris\n")
            .note("euro", "is", "a currency of Europe", "euro: a currency of Europe\n")
            .link("Seine", "rivers/../seine.md#source")
            .link("here", "https://x.org")
            .document();
        let start = page.text.len();
        page.text.push_str("History\nLong ago.\n");
        let sections = [("History", start, page.text.len()), ("Missing", 0, 3)];
        page.sections.extend(sections.map(|(title, start, end)| Section {
            title: title.into(),
            level: 2,
            span: Span { start, end },
        }));
        let found = crate::graph::triplets(&page, &Default::default());
        let expected =
            ["France|capital|Paris", "euro|is|a currency of Europe", "France|links to|", "France|has section|History"];
        assert_eq!(fact_texts(&found), expected);
        assert_eq!(found.refused["a section whose headline is not in the text"], 1);
        assert_eq!(found.triplets[2].tail.key, "at:seine.md");
        assert_eq!(found.refused["a link that leaves the corpus"], 1);
        assert_eq!(found.triplets[3].span.of(&page.text), Some("History"));
    }
}
