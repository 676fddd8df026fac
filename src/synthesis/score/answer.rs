//! Where in a reply the answer stands.

use super::list;

/// What ends a thought.
const THOUGHT: &str = "</think>";

/// Tokens that end a reply.
const ENDS: [&str; 4] = ["<|im_end|>", "<|endoftext|>", "<|eot_id|>", "</s>"];

/// The words that an answer follows.
const PHRASE: &str = "answer is";

/// What may stand between `the` and [`PHRASE`].
const BETWEEN: [&str; 3] = ["", "correct", "final"];

/// What a reply says aloud: without its thinking and the tokens of its end. None where its thinking does not end.
pub fn spoken(reply: &str) -> Option<&str> {
    let reply = match reply.rsplit_once(THOUGHT) {
        Some((_, spoken)) => spoken,
        None if reply.contains("<think>") => return None,
        None => reply,
    };
    let end = ENDS.iter().filter_map(|end| reply.find(end)).min().unwrap_or(reply.len());
    Some(reply[..end].trim_start())
}

/// The answer of a reply: what follows the last `the answer is` (`the correct answer is`, `the final answer is`; at a line's beginning also without
/// `the`) on its line or, where nothing does, on the next; a list to its end. None without the phrase, or where nothing follows it.
///
/// ```
/// use longlab_synthesis::score::said;
/// assert_eq!(said("<think>The answer is 3?</think>\nTherefore, the answer is **Oslo**."), Some("Oslo"));
/// assert_eq!(said("The answer is:\n[\"a\",\n \"b\"]\nThat is all."), Some("[\"a\",\n \"b\"]"));
/// assert_eq!((said("Oslo"), said("I hope my answer is of use."), said("The answer is: .")), (None, None, None));
/// ```
pub fn said(reply: &str) -> Option<&str> {
    let spoken = spoken(reply)?;
    // Only these letters are changed, so that places in both texts are the same.
    let lower = spoken.to_ascii_lowercase();
    let at = lower.match_indices(PHRASE).map(|(at, _)| at).filter(|at| is_phrase(&lower[..*at])).last()?;
    let rest = spoken[at + PHRASE.len()..].trim_start_matches(|c: char| around(c) || c == ':');
    let lists = rest.match_indices(']').map(|(at, _)| &rest[..=at]);
    let list = lists.filter(|_| rest.starts_with('[')).take(64).find(|list| list::read(list).is_some());
    let answer = list.or_else(|| rest.split(['\n', '\r']).next()).unwrap_or_default();
    let answer = bare(answer);
    (!answer.is_empty()).then_some(answer)
}

/// Whether what stands before makes the phrase one that announces an answer.
fn is_phrase(before: &str) -> bool {
    let line = before.rsplit(['\n', '\r']).next().unwrap_or_default();
    if line.chars().all(|c| !c.is_alphanumeric()) {
        return true;
    }
    BETWEEN.iter().any(|between| {
        let the = line.trim_end().strip_suffix(between).map(str::trim_end).and_then(|line| line.strip_suffix("the"));
        line.ends_with(char::is_whitespace) && the.is_some_and(|rest| !rest.ends_with(char::is_alphanumeric))
    })
}

fn around(c: char) -> bool {
    c.is_whitespace() || "\"'\u{201c}\u{201d}\u{2018}\u{2019}*`".contains(c)
}

/// A text without what stands around an answer: blanks, quotes, bold print, a full stop, LaTeX's box.
pub fn bare(text: &str) -> &str {
    let trimmed = text.trim_start_matches(|c| around(c) || c == ':').trim_end_matches(|c| around(c) || c == '.');
    // A list keeps the quotes of its last text, and what is boxed may stand between dollars.
    let boxed = trimmed.trim_matches('$').strip_prefix("\\boxed{").and_then(|rest| rest.strip_suffix('}'));
    boxed.map_or(trimmed, bare)
}
