//! The split of an answer from the thinking before it, as the model card of Qwen3-Thinking-2507 does it.

use crate::lm::marks::begun;

/// What opens the thinking.
const OPEN: &str = "<think>";

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
    let thinking = thinking.strip_prefix(OPEN).unwrap_or(thinking);
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

/// Whether a prompt leaves the thinking open: its template has written the opening mark.
pub fn opens_thinking(prompt: &str) -> bool {
    prompt.trim_end().ends_with(OPEN)
}

/// A piece of an answer, split.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Thinking that came.
    pub thinking: String,
    /// Text of the answer that came.
    pub answer: String,
}

/// Splits an answer that comes piece by piece. What was given is never taken back, and so the first `</think>` splits, not the last.
/// Where there is thinking, line feeds around it and those before the answer go.
///
/// ```
/// use longlab::lm::chat::Splitter;
/// let mut splitter = Splitter::new(true);
/// let parts: Vec<_> = ["Anna", ".\n</th", "ink>\n\n", "In Bern."].iter().map(|piece| splitter.push(piece)).collect();
/// assert_eq!(parts.iter().map(|part| part.thinking.as_str()).collect::<String>(), "Anna.");
/// assert_eq!(parts[3].answer, "In Bern.");
/// ```
#[derive(Clone, Debug)]
pub struct Splitter {
    stage: Stage,
    held: String,
}

/// Where in an answer a splitter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// At the beginning, where the model may open its thinking.
    Begin,
    /// In the thinking, of which nothing was given yet.
    Opened,
    /// In the thinking.
    Thinking,
    /// After its end, where line feeds go.
    Closed,
    Answer,
}

impl Splitter {
    /// For an answer whose prompt has opened the thinking or not; see [`opens_thinking`].
    pub fn new(opened: bool) -> Splitter {
        Splitter { stage: if opened { Stage::Opened } else { Stage::Begin }, held: String::new() }
    }

    /// Takes a piece, and gives what is sure.
    pub fn push(&mut self, piece: &str) -> Part {
        self.held += piece;
        let mut part = Part::default();
        while self.step(&mut part) {}
        part
    }

    /// Gives what was held back; the answer has ended. Thinking that was never closed stays thinking.
    pub fn finish(&mut self) -> Part {
        let held = std::mem::take(&mut self.held);
        match self.stage {
            Stage::Begin | Stage::Answer => Part { answer: held, ..Part::default() },
            Stage::Opened | Stage::Thinking => {
                Part { thinking: held.trim_end_matches('\n').to_owned(), ..Part::default() }
            }
            Stage::Closed => Part::default(),
        }
    }

    /// Gives what the stage makes sure, and says whether anything changed.
    fn step(&mut self, part: &mut Part) -> bool {
        let before = (self.stage, self.held.len());
        let lines = self.held.len() - self.held.trim_start_matches('\n').len();
        match self.stage {
            Stage::Begin => self.open(lines),
            Stage::Opened => {
                self.held.drain(..lines);
                // A mark that the template has written already.
                if self.held.starts_with(OPEN) {
                    self.held.drain(..OPEN.len());
                } else if !OPEN.starts_with(self.held.as_str()) {
                    self.stage = Stage::Thinking;
                }
            }
            Stage::Thinking => self.think(&mut part.thinking),
            Stage::Closed => {
                self.held.drain(..lines);
                if !self.held.is_empty() {
                    self.stage = Stage::Answer;
                }
            }
            Stage::Answer => part.answer += &std::mem::take(&mut self.held),
        }
        (self.stage, self.held.len()) != before
    }

    fn open(&mut self, lines: usize) {
        let text = &self.held[lines..];
        if text.starts_with(OPEN) {
            self.held.drain(..lines + OPEN.len());
            self.stage = Stage::Opened;
        } else if !OPEN.starts_with(text) {
            self.stage = Stage::Answer;
        }
    }

    fn think(&mut self, thinking: &mut String) {
        let (end, next) = match self.held.find(CLOSE) {
            Some(end) => (end, Some(end + CLOSE.len())),
            None => (self.held.len() - begun(&self.held, CLOSE), None),
        };
        // Line feeds wait: they may be the last.
        let sure = self.held[..end].trim_end_matches('\n').len();
        *thinking += &self.held[..sure];
        self.held.drain(..next.unwrap_or(sure));
        if next.is_some() {
            self.stage = Stage::Closed;
        }
    }
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

    /// All that a splitter gives of pieces that are cut where the numbers say.
    fn split_at(text: &str, opened: bool, cuts: &[usize]) -> Part {
        let mut splitter = Splitter::new(opened);
        let (mut all, mut from) = (Part::default(), 0);
        for &cut in cuts.iter().chain([&text.len()]) {
            let part = splitter.push(&text[from..cut]);
            (all.thinking, all.answer, from) = (all.thinking + &part.thinking, all.answer + &part.answer, cut);
        }
        let rest = splitter.finish();
        Part { thinking: all.thinking + &rest.thinking, answer: all.answer + &rest.answer }
    }

    #[test]
    fn pieces_of_any_size_are_split_alike() {
        for (text, opened, thinking, answer) in [
            ("\na\n\nb\n</think>\n\nc\n", true, "a\n\nb", "c\n"),
            ("<think>\na\n</think>b", false, "a", "b"),
            ("<think>a</think>b", true, "a", "b"),
            ("\n<think></think>\n", false, "", ""),
            ("a < b, no </think> of mine", false, "", "a < b, no </think> of mine"),
            ("cut off\n", true, "cut off", ""),
            ("cut off </thin", true, "cut off </thin", ""),
            ("<thin", false, "", "<thin"),
            ("\n\nplain\n", false, "", "\n\nplain\n"),
            ("a</think>b</think>c", true, "a", "b</think>c"),
            ("", true, "", ""),
        ] {
            let expected = Part { thinking: thinking.to_owned(), answer: answer.to_owned() };
            for first in 0..=text.len() {
                for second in first..=text.len() {
                    assert_eq!(split_at(text, opened, &[first, second]), expected, "{text:?} at {first}, {second}");
                }
            }
        }
    }

    #[test]
    fn a_prompt_that_ends_in_the_mark_has_opened_the_thinking() {
        assert!(opens_thinking("<|im_start|>assistant\n<think>\n"));
        assert!(!opens_thinking("<|im_start|>assistant\n<think>\n\n</think>\n\n"));
    }
}
