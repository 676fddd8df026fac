//! What source code states: files define, functions call, files import, classes inherit. A symbol is told from another of the same name by the file
//! that defines it; a use of it is led back to the definition by the imports of its file, as far as they show it (`scope`).

use super::macros;
use super::name::Name;
use super::scope::Scope;
use super::triplet::{Extraction, Family, Relation};
use longlab_documents::{Document, Note};

/// Reads the notes of a file of code.
pub(super) fn read(document: &Document, page: &Name, found: &mut Extraction) {
    let scope = Scope::of(document);
    let rust = scope.is_rust();
    for note in &document.notes {
        let family = match note.relation.as_str() {
            "defines" => Family::Defines,
            "calls" => Family::Calls,
            "imports" => Family::Imports,
            "inherits" => Family::Inherits,
            _ => {
                found.refuse("a relation that code does not have");
                continue;
            }
        };
        if let Some(reason) = rust.then(|| unfit(&scope, note, family)).flatten() {
            found.refuse(reason);
            continue;
        }
        let name = match family {
            Family::Inherits if rust => "implements",
            Family::Imports if scope.is_c() => "includes",
            _ => &note.relation,
        };
        let (head, tail) = ends(&scope, page, note, family);
        found.add(&document.text, head, Relation::new(family, name), tail, note.span);
    }
    if rust {
        for (subject, object, span) in macros::calls(document) {
            let note = Note { subject, relation: "calls".into(), object, span };
            let (head, tail) = ends(&scope, page, &note, Family::Calls);
            found.add(&document.text, head, Relation::new(Family::Calls, "calls"), tail, span);
        }
    }
    for (module, span) in scope.unnamed_modules() {
        found.add(&document.text, Some(page.clone()), Relation::new(Family::Imports, "imports"), Some(module), span);
    }
}

/// Why a note about Rust states nothing that a question could rest on.
fn unfit(scope: &Scope, note: &Note, family: Family) -> Option<&'static str> {
    let last = note.object.rsplit([':', '.']).next().unwrap_or_default();
    match family {
        // A path of `use` is told from the module it stands in, and without what stands before a list.
        Family::Imports => Some("an import of Rust, whose path is not whole"),
        Family::Calls if last.starts_with(char::is_uppercase) => Some("a constructor that is written like a call"),
        Family::Inherits if scope.noun(&note.subject) == "trait" => Some("a bound of a trait"),
        _ => None,
    }
}

fn ends(scope: &Scope, page: &Name, note: &Note, family: Family) -> (Option<Name>, Option<Name>) {
    // An import inside a function is one of the file too.
    let file = scope.is_file(&note.subject) || family == Family::Imports;
    let head = if file { Some(page.clone()) } else { scope.subject(&note.subject) };
    let class = if scope.is_rust() { "" } else { "class" };
    let tail = match family {
        Family::Defines if file => scope.defined(&note.object),
        Family::Defines => scope.defined(&format!("{}.{}", note.subject, note.object)),
        Family::Imports => scope.imported(note),
        Family::Inherits => scope.used(&note.subject, &note.object).map(|name| named(name, class)),
        _ => scope.used(&note.subject, &note.object),
    };
    let head = if family == Family::Inherits { head.map(|name| named(name, class)) } else { head };
    (head, tail)
}

/// A name with its noun, or with this one where it has none.
fn named(name: Name, noun: &str) -> Name {
    if name.noun.is_empty() { Name { noun: noun.into(), ..name } } else { name }
}

#[cfg(test)]
mod tests {
    use crate::graph::testing::{Page, fact_texts};
    use crate::graph::triplets;

    #[test]
    fn code_states_what_its_notes_say() {
        let file = "pkg/sub/shapes.py";
        let page = Page::code(file)
            .note(file, "imports", "lines", "from lines import Text\n")
            .note(file, "imports", "Text", "from lines import Text\n")
            .note(file, "imports", "Shape", "from ..base import Shape\n")
            .note(file, "defines", "Square", "class Square(Shape):\n")
            .note("Square", "inherits", "Shape", "class Square(Shape):\n")
            .note("Square", "defines", "area", "def area(self):\n")
            .note("Square.area", "calls", "math.pow", "math.pow(self.side, 2)\n")
            .note("x", "odd", "y", "x odd y\n")
            .document();
        let found = triplets(&page, &Default::default());
        let expected = [
            "pkg/sub/shapes.py|imports|lines",
            "pkg/sub/shapes.py|imports|Text",
            "pkg/sub/shapes.py|imports|Shape",
            "pkg/sub/shapes.py|imports|pkg/base",
            "pkg/sub/shapes.py|defines|Square",
            "Square|inherits|Shape",
            "Square|defines|area",
            "area|calls|pow",
        ];
        assert_eq!(fact_texts(&found), expected);
        assert_eq!(found.refused["a relation that code does not have"], 1);
        let keys: Vec<&str> = found.triplets.iter().map(|triplet| triplet.tail.key.as_str()).collect();
        let expected = [
            "import:lines",
            "from:lines#Text",
            "from:pkg.base#Shape",
            "import:pkg.base",
            "code:pkg/sub/shapes.py#Square",
            "from:pkg.base#Shape",
            "code:pkg/sub/shapes.py#Square.area",
            "member:pkg/sub#pow",
        ];
        assert_eq!(keys, expected);
        assert_eq!(found.triplets[4].tail.noun, "class");
    }

    #[test]
    fn imports_above_the_corpus_are_refused() {
        let page = Page::code("a.py").note("a.py", "imports", "y", "from ....x import y\n").document();
        let found = triplets(&page, &Default::default());
        assert!(found.triplets.is_empty() && found.refused["a part is no name"] == 1);
    }
}
