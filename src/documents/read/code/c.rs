//! What nodes of C say.

use super::{Saying, calls, field};
use tree_sitter::Node;

/// Declarators inside declarators that are looked through.
const DEEPEST: usize = 20;

pub(super) fn says<'t>(node: Node<'t>, text: &str) -> Saying<'t> {
    match node.kind() {
        "function_definition" => match field(node, "declarator").and_then(declared) {
            Some(name) => Saying::Scope { name, owner: None, bases: Vec::new(), bases_end: name.end_byte() },
            None => Saying::Nothing,
        },
        "struct_specifier" | "union_specifier" | "enum_specifier" if field(node, "body").is_some() => {
            field(node, "name").map_or(Saying::Nothing, Saying::Defines)
        }
        "type_definition" => field(node, "declarator").and_then(declared).map_or(Saying::Nothing, Saying::Defines),
        "preproc_def" | "preproc_function_def" => field(node, "name").map_or(Saying::Nothing, Saying::Defines),
        "preproc_include" => match field(node, "path") {
            Some(path) => Saying::Imports(vec![without_marks(path, text)]),
            None => Saying::Nothing,
        },
        "call_expression" => {
            calls(field(node, "function").filter(|callee| matches!(callee.kind(), "identifier" | "field_expression")))
        }
        _ => Saying::Nothing,
    }
}

/// The name inside of pointers, arrays and parameters.
fn declared(node: Node) -> Option<Node> {
    let mut node = node;
    for _ in 0..DEEPEST {
        if matches!(node.kind(), "identifier" | "type_identifier") {
            return Some(node);
        }
        node = field(node, "declarator").or_else(|| node.named_child(0))?;
    }
    None
}

fn without_marks(path: Node, text: &str) -> std::ops::Range<usize> {
    let range = path.byte_range();
    let marked = text.get(range.clone()).is_some_and(|path| path.len() > 2 && path.starts_with(['<', '"']));
    if marked { range.start + 1..range.end - 1 } else { range }
}
