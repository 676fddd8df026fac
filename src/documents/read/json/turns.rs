//! Conversations: lists of turns in ShareGPT's form (`from`, `value`) and OpenAI's (`role`, `content`).

use super::lines;
use crate::draft::Draft;
use serde_json::Value;

/// Keys under which a record has its turns.
const LISTS: [&str; 5] = ["messages", "conversations", "conversation", "dialog", "dialogue"];

/// The conversation that a value is; none where it is something else.
pub(super) fn read(value: &Value) -> Option<Draft> {
    let turns = list(value)?;
    let title = ["title", "id"].iter().find_map(|key| value.get(key)?.as_str()).map(super::clean);
    let mut draft = Draft { title, ..Draft::default() };
    for (speaker, said) in turns.iter().filter_map(turn) {
        draft.text.push_str(if draft.text.is_empty() { "" } else { "\n" });
        let start = draft.text.len();
        draft.text.push_str(&format!("{speaker}: "));
        let from = draft.text.len();
        draft.text.push_str(&said);
        let end = draft.text.len();
        draft.text.push('\n');
        draft.note(&speaker, "says", from..end, start..end);
    }
    Some(draft)
}

/// Whether a value is a conversation.
pub(super) fn are_in(value: &Value) -> bool {
    list(value).is_some()
}

fn list(value: &Value) -> Option<&Vec<Value>> {
    let turns = match value {
        Value::Array(turns) => turns,
        Value::Object(record) => LISTS.iter().find_map(|key| record.get(*key)?.as_array())?,
        _ => return None,
    };
    (!turns.is_empty() && turns.iter().all(|value| turn(value).is_some())).then_some(turns)
}

/// Who says what.
fn turn(value: &Value) -> Option<(String, String)> {
    let text = |key: &str| value.get(key)?.as_str();
    let speaker = text("role").or_else(|| text("from")).or_else(|| text("speaker"))?;
    let said = ["content", "value", "text"].iter().find_map(|key| value.get(key))?;
    let said = match said {
        Value::String(said) => lines(said),
        // Pictures and calls of tools have no text.
        Value::Array(parts) => {
            let texts: Vec<String> = parts.iter().filter_map(|part| part.get("text")?.as_str()).map(lines).collect();
            texts.join("\n")
        }
        Value::Null => String::new(),
        _ => return None,
    };
    Some((super::clean(speaker), said))
}
