//! The split of an answer from the thinking before it, for servers that do not split.

/// Splits at the last `</think>`, as the model card of Qwen3-Thinking-2507 does: thinking, if the mark is there, and answer. Line feeds
/// around both go, and an opening `<think>` that the model wrote itself. A text without the mark is an answer as it stands.
pub(crate) fn split(text: &str) -> (Option<&str>, &str) {
    let Some((thinking, answer)) = text.rsplit_once("</think>") else { return (None, text) };
    let thinking = thinking.trim_start_matches('\n');
    let thinking = thinking.strip_prefix("<think>").unwrap_or(thinking).trim_matches('\n');
    ((!thinking.is_empty()).then_some(thinking), answer.trim_matches('\n'))
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn the_last_mark_splits() {
        assert_eq!(split("\na</think>b\n</think>\n\nc\n"), (Some("a</think>b"), "c"));
        assert_eq!(split("<think>\nFlüsse\n</think>\n\nAare"), (Some("Flüsse"), "Aare"));
        assert_eq!(split("<think>\n\n</think>\n\nAare"), (None, "Aare"));
        assert_eq!(split("\nno mark\n"), (None, "\nno mark\n"));
        assert_eq!(split(""), (None, ""));
    }
}
