//! Source code by tree-sitter: functions and classes as sections; what defines, calls, imports and inherits what as notes.

mod c;
mod javascript;
mod python;
mod rust;

use super::{Context, Remark};
use crate::Format;
use crate::document::{Note, Section};
use crate::draft::Draft;
use std::collections::HashSet;
use std::ops::{ControlFlow, Range};
use tree_sitter::{Language, Node, ParseOptions, ParseState, Parser, Tree};

/// Steps of the parser for each byte of the code, after which it is given up: it calls back every so many steps only, and code
/// of people takes a fraction of one call a byte.
const CALLS_A_BYTE: usize = 2;
/// Calls that short code may take.
const FEWEST_CALLS: usize = 10_000;
/// Longest name of what is called or defined, bytes.
const LONGEST_NAME: usize = 120;

/// What a node says.
enum Saying<'t> {
    /// It defines `name`, up to the end of which it is quoted; what is inside belongs to it.
    Scope { name: Node<'t>, owner: Option<Node<'t>>, bases: Vec<Node<'t>>, bases_end: usize },
    /// It defines a name without an inside.
    Defines(Node<'t>),
    /// It calls this.
    Calls(Node<'t>),
    /// It imports these.
    Imports(Vec<Range<usize>>),
    /// What is inside belongs to `owner`, which is defined elsewhere and inherits from `bases`.
    Inside { owner: Node<'t>, bases: Vec<Node<'t>>, bases_end: usize },
    /// Nothing.
    Nothing,
}

/// Reads a source file; without structure where it is too long or cannot be parsed.
pub(super) fn read(format: Format, text: String, context: &mut Context) -> Draft {
    let mut draft = Draft::of(text);
    draft.title = Some(context.source.to_owned());
    if draft.text.len() > context.limits.code_bytes {
        context.remarks.push(Remark::NotParsed { reason: "longer than `code_bytes`" });
        return draft;
    }
    match structure(format, &draft.text, context.source, context.limits.notes) {
        Some((sections, notes)) => (draft.sections, draft.notes) = (sections, notes),
        None => context.remarks.push(Remark::NotParsed { reason: "the parser gave up" }),
    }
    draft
}

/// Sections and notes of a piece of code that `subject` is the name of.
pub(super) fn structure(format: Format, text: &str, subject: &str, most: usize) -> Option<(Vec<Section>, Vec<Note>)> {
    let (language, says): (Language, Says) = match format {
        Format::Python => (tree_sitter_python::LANGUAGE.into(), python::says),
        Format::Rust => (tree_sitter_rust::LANGUAGE.into(), rust::says),
        Format::C => (tree_sitter_c::LANGUAGE.into(), c::says),
        _ => (tree_sitter_javascript::LANGUAGE.into(), javascript::says),
    };
    let tree = parse(&language, text)?;
    let mut walk = Walk {
        text,
        subject,
        says,
        most,
        scopes: Vec::new(),
        known: HashSet::new(),
        sections: Vec::new(),
        notes: Vec::new(),
    };
    walk.all(&tree);
    Some((walk.sections, walk.notes))
}

type Says = for<'t> fn(Node<'t>, &str) -> Saying<'t>;

fn parse(language: &Language, text: &str) -> Option<Tree> {
    let mut parser = Parser::new();
    parser.set_language(language).ok()?;
    let mut calls = 0;
    let most = FEWEST_CALLS.max(CALLS_A_BYTE * text.len());
    let mut progress = |_: &ParseState| {
        calls += 1;
        if calls > most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let bytes = text.as_bytes();
    let options = ParseOptions::new().progress_callback(&mut progress);
    parser.parse_with_options(&mut |at, _| bytes.get(at..).unwrap_or_default(), None, Some(options))
}

/// A walk through the tree, in the order of the text.
struct Walk<'a> {
    text: &'a str,
    subject: &'a str,
    says: Says,
    most: usize,
    /// What is open: its name, and where it ends.
    scopes: Vec<(String, usize)>,
    known: HashSet<(String, &'static str, String)>,
    sections: Vec<Section>,
    notes: Vec<Note>,
}

impl<'a> Walk<'a> {
    fn all(&mut self, tree: &Tree) {
        let mut cursor = tree.walk();
        loop {
            self.node(cursor.node());
            if cursor.goto_first_child() || cursor.goto_next_sibling() {
                continue;
            }
            loop {
                if !cursor.goto_parent() {
                    return;
                }
                if cursor.goto_next_sibling() {
                    break;
                }
            }
        }
    }

    fn node(&mut self, node: Node) {
        while self.scopes.last().is_some_and(|(_, end)| *end <= node.start_byte()) {
            self.scopes.pop();
        }
        if !node.is_named() {
            return;
        }
        match (self.says)(node, self.text) {
            Saying::Scope { name, owner, bases, bases_end } => self.scope(node, name, owner, &bases, bases_end),
            Saying::Defines(name) => self.note("defines", name.byte_range(), node.start_byte()..name.end_byte()),
            Saying::Calls(callee) => self.note("calls", callee.byte_range(), callee.byte_range()),
            Saying::Imports(names) => {
                for name in names {
                    self.note("imports", name, node.byte_range());
                }
            }
            Saying::Inside { owner, bases, bases_end } => {
                let owner_name = self.words(owner.byte_range()).to_owned();
                self.inherits(&owner_name, node.start_byte()..bases_end, &bases);
                self.scopes.push((owner_name, node.end_byte()));
            }
            Saying::Nothing => {}
        }
    }

    fn scope(&mut self, node: Node, name: Node, owner: Option<Node>, bases: &[Node], bases_end: usize) {
        let title = self.words(name.byte_range()).to_owned();
        if title.is_empty() || title.len() > LONGEST_NAME || title.contains('\n') {
            return;
        }
        self.note("defines", name.byte_range(), node.start_byte()..name.end_byte());
        let level = (self.scopes.len() + 1).min(6) as u8;
        self.sections.push(Section { title: title.clone(), level, span: node.byte_range().into() });
        let outer =
            owner.map(|owner| self.words(owner.byte_range())).or(self.scopes.last().map(|(name, _)| name.as_str()));
        let full = outer.map_or(title.clone(), |outer| format!("{outer}.{title}"));
        self.inherits(&full, node.start_byte()..bases_end, bases);
        self.scopes.push((full, node.end_byte()));
    }

    fn inherits(&mut self, subject: &str, span: Range<usize>, bases: &[Node]) {
        for base in bases {
            self.add(subject.to_owned(), "inherits", base.byte_range(), span.clone());
        }
    }

    fn words(&self, range: Range<usize>) -> &'a str {
        self.text.get(range).unwrap_or_default()
    }

    /// Notes something about what is open here, or about the file.
    fn note(&mut self, relation: &'static str, object: Range<usize>, span: Range<usize>) {
        let subject = self.scopes.last().map_or(self.subject, |(name, _)| name).to_owned();
        self.add(subject, relation, object, span);
    }

    /// Adds a note, once however often it is said.
    fn add(&mut self, subject: String, relation: &'static str, object: Range<usize>, span: Range<usize>) {
        let object = self.words(object).to_owned();
        let is_name = !object.is_empty() && object.len() <= LONGEST_NAME && !object.contains(char::is_whitespace);
        // The parser works on bytes: where it recovers from errors, a node may end inside a character.
        let stands = self.text.get(span.clone()).is_some_and(|said| said.contains(&object));
        if is_name
            && stands
            && self.notes.len() < self.most
            && self.known.insert((subject.clone(), relation, object.clone()))
        {
            self.notes.push(Note { subject, relation: relation.to_owned(), object, span: span.into() });
        }
    }
}

fn field<'t>(node: Node<'t>, name: &str) -> Option<Node<'t>> {
    node.child_by_field_name(name)
}

/// The named children of a node that are of one of these sorts.
fn children<'t>(node: Node<'t>, sorts: &[&str]) -> Vec<Node<'t>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).filter(|child| sorts.contains(&child.kind())).collect()
}

/// A scope of its name, with nothing that it inherits.
fn plain_scope<'t>(node: Node<'t>) -> Saying<'t> {
    match field(node, "name") {
        Some(name) => Saying::Scope { name, owner: None, bases: Vec::new(), bases_end: name.end_byte() },
        None => Saying::Nothing,
    }
}

fn calls<'t>(callee: Option<Node<'t>>) -> Saying<'t> {
    callee.map_or(Saying::Nothing, Saying::Calls)
}

#[cfg(test)]
mod tests {
    use crate::{Document, Limits, Reader, Remark};

    fn document(name: &str, text: &str) -> Document {
        let reading = Reader::default().read(name, text.as_bytes()).unwrap();
        reading.documents[0].check().unwrap();
        reading.documents.into_iter().next().unwrap()
    }

    fn notes(name: &str, text: &str) -> Vec<String> {
        let notes = document(name, text).notes;
        notes.into_iter().map(|note| format!("{} {} {}", note.subject, note.relation, note.object)).collect()
    }

    #[test]
    fn python() {
        let text = "import os.path, sys as s\nfrom . import a\nfrom b.c import (d, e as f)\n\n\
                    class River(Water, abc.ABC, metaclass=M):\n    @property\n    def length(self):\n        return int(self.km())\n\n\
                    async def main():\n    River().length\n    os.path.join('a')\n";
        let expected = [
            "a.py imports os.path",
            "a.py imports sys",
            "a.py imports a",
            "a.py imports b.c",
            "a.py imports d",
            "a.py imports e",
            "a.py defines River",
            "River inherits Water",
            "River inherits abc.ABC",
            "River defines length",
            "River.length calls int",
            "River.length calls self.km",
            "a.py defines main",
            "main calls River",
            "main calls os.path.join",
        ];
        assert_eq!(notes("a.py", text), expected);
        let document = document("a.py", text);
        let sections: Vec<(&str, u8)> = document.sections.iter().map(|s| (s.title.as_str(), s.level)).collect();
        assert_eq!(sections, [("River", 1), ("length", 2), ("main", 1)]);
        assert!(document.sections[0].span.of(text).unwrap().starts_with("class River(Water"));
        assert_eq!(document.notes[7].span.of(text), Some("class River(Water, abc.ABC, metaclass=M)"));
    }

    #[test]
    fn rust() {
        let text = "use std::{fmt, io::Read as R};\nuse crate::a;\nmod inner { pub fn deep() { go(); } }\n\
                    pub trait Flow: Send { fn run(&self); }\nstruct River<T> { km: T }\nenum E { A }\n\
                    impl<T> Flow for River<T> { fn run(&self) { self.km.add(helper::<u8>(1)); fmt::write(); } }\nconst N: u8 = 1;\n";
        let expected = [
            "a.rs imports fmt",
            "a.rs imports io::Read",
            "a.rs imports crate::a",
            "a.rs defines inner",
            "inner defines deep",
            "inner.deep calls go",
            "a.rs defines Flow",
            "Flow inherits Send",
            "Flow defines run",
            "a.rs defines River",
            "a.rs defines E",
            "River inherits Flow",
            "River defines run",
            "River.run calls add",
            "River.run calls helper",
            "River.run calls fmt::write",
            "a.rs defines N",
        ];
        assert_eq!(notes("a.rs", text), expected);
    }

    #[test]
    fn c() {
        let text = "#include <stdio.h>\n#include \"river.h\"\n#define LONG 1\nstruct river { int km; };\ntypedef struct river rv;\n\
                    enum kind { A };\nstatic int *flow(struct river *r) { printf(\"%d\", r->km); return r->next(1); }\nint main(void);\n";
        let expected = [
            "a.c imports stdio.h",
            "a.c imports river.h",
            "a.c defines LONG",
            "a.c defines river",
            "a.c defines rv",
            "a.c defines kind",
            "a.c defines flow",
            "flow calls printf",
            "flow calls r->next",
        ];
        assert_eq!(notes("a.c", text), expected);
    }

    #[test]
    fn javascript() {
        let text = "import a, { b as c } from './a.js';\nconst fs = require('fs');\nclass River extends Water {\n  flow() { go(this.km()); }\n}\n\
                    const run = async (x) => x.call();\nfunction main() { run(); }\n";
        let expected = [
            "a.js imports ./a.js",
            "a.js imports fs",
            "a.js defines River",
            "River inherits Water",
            "River defines flow",
            "River.flow calls go",
            "River.flow calls this.km",
            "a.js defines run",
            "run calls x.call",
            "a.js defines main",
            "main calls run",
        ];
        assert_eq!(notes("a.js", text), expected);
    }

    #[test]
    fn broken_and_deep_code_is_read_as_far_as_it_goes() {
        assert!(notes("a.py", "def f(:\n  g()\nclass\n\u{1F600} def é(x): ü()").len() < 10);
        for (name, text) in
            [("a.py", "(".repeat(50_000)), ("a.js", "[{".repeat(20_000)), ("a.rs", "fn a(){".repeat(5_000))]
        {
            document(name, &text);
        }
    }

    #[test]
    fn long_code_is_not_parsed() {
        let reader = Reader { limits: Limits { code_bytes: 10, ..Limits::default() }, ..Reader::default() };
        let reading = reader.read("a.py", b"def long_name(): pass\n").unwrap();
        assert_eq!(reading.remarks, [Remark::NotParsed { reason: "longer than `code_bytes`" }]);
        assert!(reading.documents[0].sections.is_empty());
    }
}
