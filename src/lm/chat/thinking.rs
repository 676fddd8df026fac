//! The split of an answer from the thinking before it, as the model card of Qwen3-Thinking-2507 does it.

/// What closes the thinking.
const CLOSE: &str = "</think>";

/// An answer and the thinking before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split<'a> {
    /// The thinking; empty if it was never closed.
    pub thinking: &'a str,
    /// The answer; everything, if the thinking was never closed.
    pub answer: &'a str,
    /// Whether `</think>` was there. If not, the model may have been cut off amid its thinking: its template opens `<think>` in the
    /// prompt, so the text has no mark that would tell.
    pub closed: bool,
}

/// Splits what a model wrote at the last `</think>`; line feeds around both parts go. The template has opened `<think>`, so the
/// text does not begin with it; where it does (a model that opens it itself), the mark is not part of the thinking.
///
/// ```
/// let split = longlab::lm::chat::split_thinking("Anna, then Bern.\n</think>\n\nIn Bern.");
/// assert_eq!((split.thinking, split.answer), ("Anna, then Bern.", "In Bern."));
/// ```
pub fn split_thinking(text: &str) -> Split<'_> {
    let (thinking, answer, closed) = match text.rsplit_once(CLOSE) {
        Some((thinking, answer)) => (thinking, answer, true),
        None => ("", text, false),
    };
    let thinking = thinking.trim_start_matches('\n');
    let thinking = thinking.strip_prefix("<think>").unwrap_or(thinking);
    Split { thinking: thinking.trim_matches('\n'), answer: answer.trim_matches('\n'), closed }
}

/// Splits tokens after the last `close` (151668 in Qwen3), which goes with the thinking; without one, all are the answer.
///
/// ```
/// let (thinking, answer) = longlab::lm::chat::split_thinking_tokens(&[5, 9, 7], 9);
/// assert_eq!((thinking, answer), (&[5, 9][..], &[7][..]));
/// ```
pub fn split_thinking_tokens(tokens: &[u32], close: u32) -> (&[u32], &[u32]) {
    let end = tokens.iter().rposition(|&token| token == close).map_or(0, |place| place + 1);
    tokens.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_mark_splits() {
        let split = split_thinking("\na</think>b\n</think>\n\nc\n");
        assert_eq!(split, Split { thinking: "a</think>b", answer: "c", closed: true });
    }

    #[test]
    fn without_a_mark_all_is_the_answer() {
        let split = split_thinking("\nAnna lives in\n");
        assert_eq!(split, Split { thinking: "", answer: "Anna lives in", closed: false });
        assert_eq!(split_thinking_tokens(&[1, 2], 9), (&[][..], &[1, 2][..]));
    }

    #[test]
    fn an_own_opening_mark_is_no_thinking() {
        assert_eq!(split_thinking("<think>\na\n</think>b").thinking, "a");
        assert_eq!(split_thinking("</think>"), Split { thinking: "", answer: "", closed: true });
    }
}
