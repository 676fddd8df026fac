//! What nodes of Rust say.

use super::{Saying, calls, children, field, plain_scope};
use std::ops::Range;
use tree_sitter::Node;

/// Names that one `use` brings in at most.
const MOST_NAMES: usize = 200;

pub(super) fn says<'t>(node: Node<'t>, _: &str) -> Saying<'t> {
    match node.kind() {
        "function_item" | "function_signature_item" | "mod_item" => plain_scope(node),
        "struct_item" | "enum_item" | "union_item" | "type_item" | "const_item" | "static_item"
        | "macro_definition" => field(node, "name").map_or(Saying::Nothing, Saying::Defines),
        "trait_item" => with_bases(node),
        "impl_item" => implementation(node),
        "use_declaration" => Saying::Imports(field(node, "argument").map_or(Vec::new(), leaves)),
        "call_expression" => calls(field(node, "function").and_then(callee)),
        _ => Saying::Nothing,
    }
}

fn with_bases<'t>(node: Node<'t>) -> Saying<'t> {
    let Some(name) = field(node, "name") else { return Saying::Nothing };
    let bounds = field(node, "bounds");
    let bases_end = bounds.map_or(name.end_byte(), |bounds| bounds.end_byte());
    let bases = bounds.map_or(Vec::new(), |b| children(b, &["type_identifier", "scoped_type_identifier"]));
    Saying::Scope { name, owner: None, bases, bases_end }
}

/// `impl Trait for Type`: the type inherits the trait.
fn implementation<'t>(node: Node<'t>) -> Saying<'t> {
    let Some(owner) = field(node, "type") else { return Saying::Nothing };
    let bases = field(node, "trait").map(bare).into_iter().collect();
    Saying::Inside { owner: bare(owner), bases, bases_end: owner.end_byte() }
}

/// A type without its parameters.
fn bare(node: Node) -> Node {
    if node.kind() == "generic_type" { field(node, "type").unwrap_or(node) } else { node }
}

/// The name of what is called: a path, or the method alone.
fn callee(node: Node) -> Option<Node> {
    match node.kind() {
        "identifier" | "scoped_identifier" => Some(node),
        "field_expression" => field(node, "field"),
        "generic_function" => callee(field(node, "function")?),
        _ => None,
    }
}

/// The paths at the ends of a `use`.
fn leaves(node: Node) -> Vec<Range<usize>> {
    let mut open = vec![node];
    let mut leaves = Vec::new();
    while let Some(node) = open.pop()
        && leaves.len() < MOST_NAMES
    {
        match node.kind() {
            "identifier" | "scoped_identifier" | "crate" | "self" => leaves.push(node.byte_range()),
            "use_as_clause" => open.extend(field(node, "path")),
            "scoped_use_list" => open.extend(field(node, "list")),
            "use_list" => {
                let mut cursor = node.walk();
                let children: Vec<Node> = node.named_children(&mut cursor).collect();
                open.extend(children.into_iter().rev());
            }
            "use_wildcard" => open.extend(node.named_child(0)),
            _ => {}
        }
    }
    leaves
}
