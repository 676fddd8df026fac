//! What nodes of Python say.

use super::{Saying, calls, children, field, plain_scope};
use tree_sitter::Node;

pub(super) fn says<'t>(node: Node<'t>, _: &str) -> Saying<'t> {
    match node.kind() {
        "function_definition" => plain_scope(node),
        "class_definition" => class(node),
        "call" => calls(field(node, "function").filter(|callee| matches!(callee.kind(), "identifier" | "attribute"))),
        "import_statement" => Saying::Imports(names(node)),
        "import_from_statement" => {
            let module = field(node, "module_name").filter(|module| module.kind() == "dotted_name");
            let module = module.map(|module| module.byte_range());
            let names = names(node).into_iter().filter(|name| module.as_ref() != Some(name));
            Saying::Imports(module.iter().cloned().chain(names).collect())
        }
        _ => Saying::Nothing,
    }
}

fn class<'t>(node: Node<'t>) -> Saying<'t> {
    let Some(name) = field(node, "name") else { return Saying::Nothing };
    let bases = field(node, "superclasses");
    let bases_end = bases.map_or(name.end_byte(), |bases| bases.end_byte());
    let bases = bases.map_or(Vec::new(), |bases| children(bases, &["identifier", "attribute"]));
    Saying::Scope { name, owner: None, bases, bases_end }
}

/// What is imported, by its own name.
fn names(node: Node) -> Vec<std::ops::Range<usize>> {
    let own = |name: Node| match name.kind() {
        "aliased_import" => field(name, "name").map(|name| name.byte_range()),
        _ => Some(name.byte_range()),
    };
    children(node, &["dotted_name", "aliased_import"]).into_iter().filter_map(own).collect()
}
