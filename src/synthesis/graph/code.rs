//! What source code states: files define, functions call, files import, classes inherit.

use super::name::{Name, parts};
use super::triplet::{Extraction, Family, Relation};
use longlab_documents::{Document, Note};

/// Reads the notes of a file of code.
pub(super) fn read(document: &Document, page: &Name, found: &mut Extraction) {
    for note in &document.notes {
        let relation = match note.relation.as_str() {
            "defines" => Family::Defines,
            "calls" => Family::Calls,
            "imports" => Family::Imports,
            "inherits" => Family::Inherits,
            _ => {
                found.refuse("a relation that code does not have");
                continue;
            }
        };
        let (head, tail) = ends(document, page, note, relation);
        found.add(&document.text, head, Relation::new(relation, &note.relation), tail, note.span);
    }
}

fn ends(document: &Document, page: &Name, note: &Note, family: Family) -> (Option<Name>, Option<Name>) {
    let subject = if is_file(document, &note.subject) { Some(page.clone()) } else { Name::symbol(&note.subject, "") };
    match family {
        Family::Defines => {
            let noun = definition_noun(document, note.span.of(&document.text).unwrap_or_default());
            (subject, Name::symbol(&note.object, noun))
        }
        // An import inside a function is one of the file too.
        Family::Imports => (Some(page.clone()), import(document, &note.object)),
        Family::Inherits => (Name::symbol(&note.subject, "class"), Name::symbol(&note.object, "class")),
        _ => (subject, Name::symbol(&note.object, "")),
    }
}

/// Whether a note is about the file as a whole.
fn is_file(document: &Document, subject: &str) -> bool {
    subject == document.source || subject == document.title
}

/// An import: a single name, and a path that ends in the name of a type, by that name; another path by all its parts, a relative one made whole
/// by the path of the file.
fn import(document: &Document, target: &str) -> Option<Name> {
    let target = target.trim().trim_matches(['"', '\'', '`']);
    if target.starts_with("./") || target.starts_with("../") {
        let ups = target.split('/').take_while(|&part| part == "..").count();
        return beside(document, ups, target.trim_start_matches(['.', '/']));
    }
    let dots = target.chars().take_while(|&c| c == '.').count();
    if dots > 0 {
        return beside(document, dots - 1, &target[dots..]);
    }
    let last = target.rsplit(['.', ':', '/']).next().unwrap_or(target);
    let single = last.len() == target.len() || last.starts_with(char::is_uppercase);
    let file = target.ends_with(".h") || target.ends_with(".js");
    if single && !file { Name::symbol(last, "") } else { Name::import(target) }
}

/// What lies at `rest`, `ups` folders above the folder of a file.
fn beside(document: &Document, ups: usize, rest: &str) -> Option<Name> {
    let mut folders: Vec<&str> = document.source.split('/').collect();
    folders.pop();
    folders.truncate(folders.len().checked_sub(ups)?);
    folders.extend(rest.split(['/', '.']).filter(|part| !part.is_empty() && *part != "js"));
    let whole = folders.join("/");
    let name = Name::import(&whole)?;
    Some(Name { text: whole, ..name })
}

/// What a definition defines, by its first words.
fn definition_noun(document: &Document, definition: &str) -> &'static str {
    let words = definition.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    for word in words.take(6) {
        match word {
            "class" => return "class",
            "def" | "fn" | "function" => return "function",
            "struct" => return "struct",
            "enum" => return "enum",
            "union" => return "union",
            "trait" => return "trait",
            "macro_rules" | "define" => return "macro",
            "const" | "static" if document.source.ends_with(".rs") => return "constant",
            "type" | "typedef" => return "type",
            "mod" => return "module",
            _ => {}
        }
    }
    // C and JavaScript have no word for a function that opens every one of them.
    if document.source.ends_with(".py") || document.source.ends_with(".rs") { "" } else { "function" }
}

#[cfg(test)]
mod tests {
    use crate::graph::testing::{Page, fact_texts};

    #[test]
    fn code_states_what_its_notes_say() {
        let page = Page::code("pkg/sub/shapes.py")
            .note("pkg/sub/shapes.py", "defines", "Square", "class Square(base.Shape):\n")
            .note("Square", "inherits", "base.Shape", "class Square(base.Shape):\n")
            .note("pkg/sub/shapes.py", "imports", "..base", "from .. import base\n")
            .note("helper", "imports", "Text", "from lines import Text\n")
            .note("Square.area", "calls", "math.pow", "math.pow(self.side, 2)\n")
            .note("x", "odd", "y", "x odd y\n")
            .document();
        let found = crate::graph::triplets(&page, &Default::default());
        let expected = [
            "pkg/sub/shapes.py|defines|Square",
            "Square|inherits|Shape",
            "pkg/sub/shapes.py|imports|pkg/base",
            "pkg/sub/shapes.py|imports|Text",
            "area|calls|pow",
        ];
        assert_eq!(fact_texts(&found), expected);
        assert_eq!(found.refused["a relation that code does not have"], 1);
        assert_eq!(found.triplets[0].tail.noun, "class");
    }

    #[test]
    fn imports_above_the_corpus_are_refused() {
        let page = Page::code("a.py").note("a.py", "imports", "....x", "from ....x import y\n").document();
        let found = crate::graph::triplets(&page, &Default::default());
        assert!(found.triplets.is_empty() && found.refused["a part is no name"] == 1);
    }
}
