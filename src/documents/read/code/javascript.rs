//! What nodes of JavaScript say.

use super::{Saying, calls, children, field, plain_scope};
use tree_sitter::Node;

pub(super) fn says<'t>(node: Node<'t>, text: &str) -> Saying<'t> {
    match node.kind() {
        "function_declaration" | "generator_function_declaration" | "method_definition" => plain_scope(node),
        "class_declaration" | "class" => class(node),
        "variable_declarator" => match field(node, "value").map(|value| value.kind()) {
            Some("arrow_function" | "function_expression" | "function" | "generator_function") => plain_scope(node),
            _ => Saying::Nothing,
        },
        "import_statement" => {
            field(node, "source").map_or(Saying::Nothing, |source| Saying::Imports(vec![inside(source)]))
        }
        "call_expression" => call(node, text),
        _ => Saying::Nothing,
    }
}

fn class<'t>(node: Node<'t>) -> Saying<'t> {
    let Some(name) = field(node, "name") else { return Saying::Nothing };
    let heritage = children(node, &["class_heritage"]).pop();
    let bases_end = heritage.map_or(name.end_byte(), |heritage| heritage.end_byte());
    let bases = heritage.map_or(Vec::new(), |heritage| children(heritage, &["identifier", "member_expression"]));
    Saying::Scope { name, owner: None, bases, bases_end }
}

/// A call; `require('x')` imports.
fn call<'t>(node: Node<'t>, text: &str) -> Saying<'t> {
    let callee = field(node, "function").filter(|callee| matches!(callee.kind(), "identifier" | "member_expression"));
    let name = callee.and_then(|callee| text.get(callee.byte_range()));
    let argument = field(node, "arguments").and_then(|arguments| arguments.named_child(0));
    match argument.filter(|argument| name == Some("require") && argument.kind() == "string") {
        Some(module) => Saying::Imports(vec![inside(module)]),
        None => calls(callee),
    }
}

/// What stands between the marks of a string.
fn inside(string: Node) -> std::ops::Range<usize> {
    let range = string.byte_range();
    if range.len() >= 2 { range.start + 1..range.end - 1 } else { range }
}
