//! Which symbol a name in a file of code means. Keys of symbols are
//! `code:FILE#Class.method` for a definition, `from:MODULE#name` for what an import brings from elsewhere, `import:MODULE` for a module,
//! `bare:name` for a name of Python that its file neither defines nor imports (a builtin), `member:PACKAGE#name` for what is called of something whose type no
//! file shows, and `name:PACKAGE#name` where the file does not show what is meant.

use super::name::{Name, is_identifier};
use longlab_documents::{Document, Note, Span};
use std::collections::{BTreeMap, BTreeSet};

/// The names of a file.
pub(super) struct Scope<'a> {
    document: &'a Document,
    /// Nouns of what the file defines, by full name.
    defined: BTreeMap<String, &'static str>,
    /// Names that imports bring, with the module they come from; none where the name is the module itself.
    imported: BTreeMap<&'a str, Option<String>>,
}

impl<'a> Scope<'a> {
    /// The names of a file, by its notes.
    pub(super) fn of(document: &'a Document) -> Scope<'a> {
        let mut scope = Scope { document, defined: BTreeMap::new(), imported: BTreeMap::new() };
        for note in &document.notes {
            match note.relation.as_str() {
                "defines" => {
                    let outer = !scope.is_file(&note.subject);
                    let full = if outer { format!("{}.{}", note.subject, note.object) } else { note.object.clone() };
                    let noun = definition_noun(document, note.span.of(&document.text).unwrap_or_default());
                    scope.defined.entry(full).or_insert(noun);
                }
                "imports" => {
                    let brought = scope.brought(note).or_else(|| scope.brings_its_name(note));
                    scope.imported.insert(last_part(&note.object), brought);
                }
                _ => {}
            }
        }
        scope
    }

    /// Whether a note is about the file as a whole.
    pub(super) fn is_file(&self, subject: &str) -> bool {
        subject == self.document.source || subject == self.document.title
    }

    /// Whether the file is Rust.
    pub(super) fn is_rust(&self) -> bool {
        self.document.source.ends_with(".rs")
    }

    /// Whether the file is C.
    pub(super) fn is_c(&self) -> bool {
        self.document.source.ends_with(".c") || self.document.source.ends_with(".h")
    }

    /// The noun of what the file defines under a full name; empty where it defines none.
    pub(super) fn noun(&self, full: &str) -> &'static str {
        self.defined.get(full).copied().unwrap_or_default()
    }

    fn is_python(&self) -> bool {
        self.document.source.ends_with(".py") || self.document.source.ends_with(".pyi")
    }

    /// What the file defines under a full name.
    pub(super) fn defined(&self, full: &str) -> Option<Name> {
        let name = Name::symbol(full, self.noun(full))?;
        Some(Name { key: format!("code:{}#{full}", self.document.source), ..name })
    }

    /// What a note is about: a definition of this file, else what the name means in it.
    pub(super) fn subject(&self, subject: &str) -> Option<Name> {
        if self.defined.contains_key(subject) { self.defined(subject) } else { self.used("", subject) }
    }

    /// What a name means in the scope of `subject`.
    pub(super) fn used(&self, subject: &str, written: &str) -> Option<Name> {
        let plain = written.chars().all(|c| c.is_alphanumeric() || "_.:->".contains(c));
        let parts: Vec<&str> = written.split(['.', ':', '-', '>']).filter(|part| !part.is_empty()).collect();
        let name = Name::symbol(written, "")?;
        match parts.as_slice() {
            _ if !plain => Some(self.member(name)),
            ["self" | "cls" | "this" | "Self", _] => self.own(subject, name),
            [_] => self.bare(subject, name),
            [outer @ .., _] => self.reached(outer, written, name),
            [] => None,
        }
    }

    /// A symbol that the file does not show the home of.
    fn unknown(&self, name: Name) -> Name {
        Name { key: format!("name:{}#{}", package(&self.document.source), name.text), ..name }
    }

    /// A method of something that may be of any type, from here or from elsewhere: `connection.create_function` of a driver and of what wraps it.
    fn member(&self, name: Name) -> Name {
        Name { key: format!("member:{}#{}", package(&self.document.source), name.text), ..name }
    }

    /// A method of the class around.
    fn own(&self, subject: &str, name: Name) -> Option<Name> {
        let mut around = subject;
        while let Some((class, _)) = around.rsplit_once('.') {
            let full = format!("{class}.{}", name.text);
            if self.defined.contains_key(&full) {
                return self.defined(&full);
            }
            around = class;
        }
        Some(self.unknown(name))
    }

    /// A name by itself: of a function around, of the file, or imported.
    fn bare(&self, subject: &str, name: Name) -> Option<Name> {
        let mut around = Some(subject).filter(|subject| !subject.is_empty());
        while let Some(scope) = around {
            let full = format!("{scope}.{}", name.text);
            // The body of a class is no scope of its methods.
            if self.defined.get(scope).is_none_or(|noun| *noun != "class") && self.defined.contains_key(&full) {
                return self.defined(&full);
            }
            around = scope.rsplit_once('.').map(|(outer, _)| outer);
        }
        if self.defined.contains_key(&name.text) {
            return self.defined(&name.text);
        }
        match self.imported.get(name.text.as_str()) {
            Some(Some(module)) => Some(from(module, name)),
            Some(None) if self.is_python() => Name::import(&name.text),
            None if self.is_python() => Some(Name { key: format!("bare:{}", name.text), ..name }),
            _ => Some(self.unknown(name)),
        }
    }

    /// A name reached through others, `module.name` or `Class.name`.
    fn reached(&self, outer: &[&str], written: &str, name: Name) -> Option<Name> {
        let full = format!("{}.{}", outer.join("."), name.text);
        if self.defined.contains_key(&full) {
            return self.defined(&full);
        }
        match self.imported.get(outer[0]) {
            Some(Some(module)) if self.is_python() => Some(from(&format!("{module}.{}", outer.join(".")), name)),
            Some(None) if self.is_python() => Some(from(&outer.join("."), name)),
            _ if self.is_python() && self.imported.contains_key(outer[outer.len() - 1]) => {
                Some(from(&outer.join("."), name))
            }
            // `Type::name` of Rust is no member of a value.
            _ if self.is_rust() && written.contains("::") && !written.contains('.') => Some(self.unknown(name)),
            _ => Some(self.member(name)),
        }
    }

    /// What an import brings into the file.
    pub(super) fn imported(&self, note: &Note) -> Option<Name> {
        match self.brought(note) {
            Some(module) => Some(from(&module, Name::symbol(&note.object, "")?)),
            None if self.is_relative(note) => None,
            None if !self.is_python() => self.path(&note.object),
            None => Name::import(&note.object),
        }
    }

    /// The module that an import of Python brings a name from; none where it brings the module itself.
    fn brought(&self, note: &Note) -> Option<String> {
        let module = self.module_of(note).filter(|module| self.is_python() && *module != note.object)?;
        if module.starts_with('.') { beside(&self.document.source, module) } else { Some(module.to_string()) }
    }

    /// `datetime` of `from datetime import datetime`, which brings what the module defines under its own name.
    fn brings_its_name(&self, note: &Note) -> Option<String> {
        let module = self.module_of(note).filter(|module| self.is_python() && *module == note.object)?;
        let (_, names) = note.span.of(&self.document.text)?.split_once("import")?;
        let mut names = names.split([',', '(', ')']).filter_map(|name| name.split_whitespace().next());
        names.any(|name| name == module).then(|| module.to_string())
    }

    /// Whether an import of Python leads above the folder of the corpus.
    fn is_relative(&self, note: &Note) -> bool {
        self.is_python() && self.module_of(note).is_some_and(|module| module.starts_with('.'))
    }

    /// `a.b` of `from a.b import c`.
    fn module_of(&self, note: &Note) -> Option<&'a str> {
        let statement = note.span.of(&self.document.text)?.strip_prefix("from")?;
        Some(statement.split_once("import")?.0.trim())
    }

    /// An import of a language that names files or paths.
    fn path(&self, target: &str) -> Option<Name> {
        if self.is_c() {
            return Some(Name { text: target.into(), key: format!("import:{target}"), noun: "header".into() });
        }
        if target.starts_with("./") || target.starts_with("../") {
            let whole = beside_path(&self.document.source, target)?;
            return Some(Name { text: whole.clone(), ..Name::import(&whole)? });
        }
        Name::import(target)
    }

    /// Modules that relative imports of Python name, `from .lines import Text`, each with the statement; notes name only what they bring.
    pub(super) fn unnamed_modules(&self) -> Vec<(Name, Span)> {
        let mut seen = BTreeSet::new();
        let imports = self.document.notes.iter().filter(|note| note.relation == "imports" && self.is_relative(note));
        let named = imports.filter(|note| self.module_of(note).is_some_and(|module| module.chars().any(|c| c != '.')));
        let source = &self.document.source;
        let modules = named.filter_map(|note| Some((parts_beside(source, self.module_of(note)?)?, note.span)));
        let fresh = modules.filter(|(parts, _)| seen.insert(parts.clone()));
        fresh
            .filter_map(|(parts, span)| Some((Name { text: parts.join("/"), ..Name::import(&parts.join("."))? }, span)))
            .collect()
    }
}

/// The first two folders of a path, or as many as it has: files below them are taken for one package. A corpus may have its packages in a folder for each kind.
fn package(source: &str) -> &str {
    let ends: Vec<usize> = source.match_indices('/').map(|(at, _)| at).take(2).collect();
    ends.last().map_or("", |end| &source[..*end])
}

fn from(module: &str, name: Name) -> Name {
    Name { key: format!("from:{module}#{}", name.text), ..name }
}

fn last_part(path: &str) -> &str {
    path.rsplit(['.', ':', '/']).next().unwrap_or(path)
}

/// The module that a relative one names from a file, with dots between its parts.
fn beside(source: &str, module: &str) -> Option<String> {
    parts_beside(source, module).map(|parts| parts.join("."))
}

fn parts_beside<'a>(source: &'a str, module: &'a str) -> Option<Vec<&'a str>> {
    let dots = module.chars().take_while(|&c| c == '.').count();
    let mut folders: Vec<&str> = source.split('/').collect();
    folders.truncate(folders.len().checked_sub(dots)?);
    folders.extend(module[dots..].split('.').filter(|part| !part.is_empty()));
    (!folders.is_empty()).then_some(folders)
}

/// The path that `./a` or `../a` names from a file.
fn beside_path(source: &str, target: &str) -> Option<String> {
    let mut folders: Vec<&str> = source.split('/').collect();
    folders.pop();
    for part in target.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                folders.pop()?;
            }
            _ => folders.push(part),
        }
    }
    Some(folders.join("/"))
}

/// What a definition defines, by its first words.
fn definition_noun(document: &Document, definition: &str) -> &'static str {
    let words = definition.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    let words: Vec<&str> = words.take(6).collect();
    // `const fn` is a function.
    if words.iter().any(|word| matches!(*word, "def" | "fn" | "function")) {
        return "function";
    }
    for word in words {
        match word {
            "class" => return "class",
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

/// What the definitions and imports of a whole corpus say about names that one file leaves open: pairs of the entity that is kept and the one
/// that is the same. `keys` are all entities; `imports` the pairs of file and what it imports; `telling` the fewest
/// letters of a name that its one definition is told by.
pub(super) fn resolved<'a>(
    keys: impl Iterator<Item = (u32, &'a str)> + Clone,
    imports: &[(u32, u32)],
    file_of: impl Fn(&str) -> Option<u32>,
    telling: usize,
) -> Vec<(u32, u32)> {
    let by_key: BTreeMap<&str, u32> =
        keys.clone().filter(|(_, key)| key.starts_with("code:")).map(|(id, key)| (key, id)).collect();
    let names: BTreeMap<u32, &str> =
        keys.clone().filter(|(_, key)| key.starts_with("from:") || key.starts_with("file:")).collect();
    // `from os import path` brings the module that `import os.path` names.
    let modules: BTreeMap<&str, u32> =
        keys.clone().filter_map(|(id, key)| Some((key.strip_prefix("import:")?, id))).collect();
    let brings = |&(file, import): &(u32, u32)| Some(((file, names.get(&import)?.rsplit_once('#')?.1), import));
    let brought: BTreeMap<(u32, &str), u32> = imports.iter().filter_map(brings).collect();
    let mut pairs = Vec::new();
    for (id, key) in names.iter().filter_map(|(id, key)| Some((*id, key.strip_prefix("from:")?))) {
        let mut at = Some(key);
        // What a file brings from another may be brought from a third.
        for _ in 0..4 {
            let Some((module, name)) = at.and_then(|key| key.rsplit_once('#')) else { break };
            // What a package defines or brings comes before a module of that name in it.
            let file = file_of(module);
            let source = file.and_then(|file| names.get(&file)?.strip_prefix("file:"));
            if let Some(&definition) = source.and_then(|source| by_key.get(format!("code:{source}#{name}").as_str())) {
                pairs.push((definition, id));
                break;
            }
            let other = file.and_then(|file| brought.get(&(file, name))).filter(|other| **other != id);
            at = other.and_then(|other| names.get(other)?.strip_prefix("from:")).filter(|other| Some(*other) != at);
            if at.is_some() {
                continue;
            }
            let submodule = format!("{module}.{name}");
            if let Some(file) = file_of(&submodule).or_else(|| modules.get(submodule.as_str()).copied()) {
                pairs.push((file, id));
            }
            break;
        }
    }
    pairs.extend(singled_out(keys, telling));
    pairs
}

/// Names whose home no file shows, with the definition of that name, where it is the only one in the corpus and the name is a word of its own making: at
/// least `telling` letters, with an underscore or an inner capital. The definition must be in the same package; for names of prose, which have none, it
/// must be no method, since what documents say of one may be meant of that of another library.
fn singled_out<'a>(keys: impl Iterator<Item = (u32, &'a str)> + Clone, telling: usize) -> Vec<(u32, u32)> {
    let mut definitions: BTreeMap<&str, Option<(u32, &str, bool)>> = BTreeMap::new();
    for (id, (source, full)) in
        keys.clone().filter_map(|(id, key)| Some((id, key.strip_prefix("code:")?.rsplit_once('#')?)))
    {
        let own = (id, package(source), full.contains('.'));
        definitions.entry(last_part(full)).and_modify(|known| *known = None).or_insert(Some(own));
    }
    let open = keys.filter_map(|(id, key)| Some((id, key.strip_prefix("name:")?)));
    let pairs = open.filter_map(|(id, key)| {
        let (used_in, name) = key.split_once('#').map_or((None, key), |(package, name)| (Some(package), name));
        let telling = name.len() >= telling && is_identifier(name);
        let (definition, package, inner) = telling.then(|| definitions.get(name).copied().flatten())??;
        used_in.map_or(!inner, |used_in| used_in == package).then_some((definition, id))
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::testing::Page;

    fn page() -> Document {
        let file = "pkg/a.py";
        Page::code(file)
            .note(file, "imports", "typing", "from typing import Protocol\n")
            .note(file, "imports", "Protocol", "from typing import Protocol\n")
            .note(file, "imports", "os.path", "import os.path\n")
            .note(file, "imports", "tool", "from . import tool\n")
            .note(file, "imports", "netrc", "from netrc import (NetrcParseError, netrc)\n")
            .note(file, "imports", "NetrcParseError", "from netrc import (NetrcParseError, netrc)\n")
            .note(file, "imports", "netrc", "from netrc import (NetrcParseError, netrc)\n")
            .note(file, "imports", "glob", "from glob import globs\n")
            .note(file, "defines", "River", "class River\n")
            .note("River", "defines", "flow", "def flow\n")
            .note(file, "defines", "outer", "def outer\n")
            .note("outer", "defines", "inner", "def inner\n")
            .document()
    }

    #[test]
    fn names_mean_what_their_file_shows() {
        let page = page();
        let scope = Scope::of(&page);
        let key = |subject: &str, written: &str| scope.used(subject, written).map(|name| name.key).unwrap_or_default();
        assert_eq!(key("", "Protocol"), "from:typing#Protocol");
        assert_eq!(key("River.flow", "self.flow"), "code:pkg/a.py#River.flow");
        assert_eq!(key("River.flow", "flow"), "bare:flow");
        assert_eq!(key("outer", "inner"), "code:pkg/a.py#outer.inner");
        assert_eq!(key("outer", "River.flow"), "code:pkg/a.py#River.flow");
        assert_eq!(key("outer", "os.path.join"), "from:os.path#join");
        assert_eq!(key("outer", "tool.run"), "from:pkg.tool#run");
        assert_eq!(
            (key("outer", "netrc"), key("outer", "netrc.read")),
            ("from:netrc#netrc".into(), "from:netrc.netrc#read".into())
        );
        assert_eq!(key("outer", "glob"), "import:glob");
        assert_eq!(key("outer", "x.run"), "member:pkg#run");
        assert_eq!(key("outer", "f(x).run"), "member:pkg#run");
        assert_eq!(key("River.flow", "self.run"), "name:pkg#run");
        assert_eq!(key("outer", "callable"), "bare:callable");
    }

    #[test]
    fn a_package_may_lie_in_a_folder_of_its_kind() {
        let packages = ["a.py", "pkg/a.py", "code/pkg-1.0/a.py", "code/pkg-1.0/pkg/sub/a.py"].map(package);
        assert_eq!(packages, ["", "pkg", "code/pkg-1.0", "code/pkg-1.0"]);
    }

    #[test]
    fn a_corpus_shows_where_names_come_from() {
        let keys = [
            "file:pkg/core.py",
            "file:pkg/__init__.py",
            "code:pkg/core.py#Engine",
            "from:pkg#Engine",
            "from:pkg.core#Engine",
            "from:typing#Protocol",
            "code:pkg/other.py#Protocol",
            "from:pkg#core",
            "name:pkg#start_engine",
            "code:pkg/core.py#Engine.start_engine",
            "name:pkg#run",
            "code:x.py#run",
            "from:os#path",
            "import:os.path",
            "name:other#start_engine",
            "name:start_engine",
            "code:pkg/core.py#build_engine",
            "name:build_engine",
            "member:pkg#start_engine",
            "name:pkg#stop_engine",
            "code:pkg/core.py#Engine.stop_engine",
            "code:other/core.py#Motor.stop_engine",
        ];
        let keys = keys.iter().enumerate().map(|(at, key)| (at as u32, *key));
        let file = |dotted: &str| match dotted {
            "pkg.core" => Some(0),
            "pkg" => Some(1),
            _ => None,
        };
        // pkg/__init__.py imports Engine from pkg.core.
        let pairs = resolved(keys, &[(1, 4)], file, 10);
        // A method that prose or a value of any type has may be another library's, and one of two definitions is not told.
        assert_eq!(pairs, [(2, 3), (2, 4), (0, 7), (13, 12), (9, 8), (16, 17)]);
    }
}
