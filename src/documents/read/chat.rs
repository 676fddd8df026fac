//! Conversations in plain text: `Name: words`, `<nick> words`, `12:34 <nick> words`, `12/01/2024, 10:15 - Name: words`.

use crate::draft::{Draft, trimmed};
use std::collections::HashMap;
use std::ops::Range;

/// Turns that a conversation has at least, and names at most.
const FEWEST_TURNS: usize = 4;
const MOST_NAMES: usize = 50;
/// Longest name, bytes and words.
const LONGEST_NAME: usize = 32;
const NAME_WORDS: usize = 3;
/// Lines of the beginning by which a conversation is told.
const LOOKED_AT: usize = 200;

/// A line that begins a turn.
struct Begin<'a> {
    name: &'a str,
    /// Where the words begin in the line.
    said: usize,
}

/// The conversation that a text is; none where it is something else.
pub(super) fn read(text: &str) -> Option<Draft> {
    if !is_chat(text) {
        return None;
    }
    let mut draft = Draft::of(text);
    let mut turn: Option<(&str, Range<usize>)> = None;
    let mut start = 0;
    for line in text.split('\n') {
        let end = start + line.len();
        match (begin(line), &mut turn) {
            (Some(begin), open) => {
                close(&mut draft, open.take());
                turn = Some((begin.name, start + begin.said..end));
            }
            // Lines without a name go on with what was said.
            (None, Some((_, said))) => said.end = end,
            (None, None) => {}
        }
        start = end + 1;
    }
    close(&mut draft, turn);
    Some(draft)
}

fn close(draft: &mut Draft, turn: Option<(&str, Range<usize>)>) {
    if let Some((name, said)) = turn {
        let said = trimmed(&draft.text, said);
        draft.note(name, "says", said.clone(), said);
    }
}

/// Most lines begin a turn, two names or more come again, and there are not many names.
fn is_chat(text: &str) -> bool {
    let mut turns: HashMap<&str, usize> = HashMap::new();
    let mut lines = 0;
    for line in text.lines().filter(|line| !line.trim().is_empty()).take(LOOKED_AT) {
        lines += 1;
        if let Some(begin) = begin(line) {
            *turns.entry(begin.name).or_default() += 1;
        }
    }
    let begun: usize = turns.values().sum();
    let again = turns.values().filter(|&&count| count >= 2).count();
    begun >= FEWEST_TURNS
        && 2 * begun >= lines
        && again >= 2
        && turns.len() <= MOST_NAMES
        && 3 * turns.len() <= 2 * begun
}

fn begin(line: &str) -> Option<Begin<'_>> {
    let stamp = stamp(line);
    let rest = &line[stamp..];
    if let Some(inside) = rest.strip_prefix('<') {
        let end = inside.find('>').filter(|&end| end <= LONGEST_NAME)?;
        let name = inside[..end].trim_start_matches(['@', '+', ' ']);
        let is_nick = !name.is_empty() && !name.contains([' ', '/', '=', '"']);
        // A tag of markup has no space behind it.
        let spoken = inside[end + 1..].starts_with(' ');
        return (is_nick && spoken).then(|| Begin { name, said: stamp + end + 2 });
    }
    let colon = rest.find(':').filter(|&colon| colon <= LONGEST_NAME)?;
    let name = rest[..colon].trim();
    let begins = name.chars().next().is_some_and(char::is_alphabetic);
    let is_name = begins
        && name.split(' ').count() <= NAME_WORDS
        && name.chars().all(|c| c.is_alphanumeric() || " _-.'".contains(c));
    let spoken = rest[colon + 1..].starts_with(' ') || rest.len() == colon + 1;
    (is_name && spoken && !rest.starts_with(' ')).then(|| Begin { name, said: stamp + colon + 1 })
}

/// Bytes of the time before a name: digits and the signs of dates and clocks, in brackets or before a dash.
fn stamp(line: &str) -> usize {
    let inside = |letter: char| letter.is_ascii_digit() || "[]()/:.,- TZ+".contains(letter);
    let end = line.find(|letter: char| !inside(letter)).unwrap_or(line.len());
    let stamp = &line[..end];
    // `AM` and `PM` belong to it.
    let half = ["AM", "PM", "am", "pm"].iter().any(|half| line[end..].starts_with(half));
    let end = if half {
        end + 2 + line[end + 2..].len() - line[end + 2..].trim_start_matches([']', ' ', '-']).len()
    } else {
        end
    };
    if stamp.bytes().filter(u8::is_ascii_digit).count() >= 3 { end } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    fn turns(text: &str) -> Option<Vec<(String, String)>> {
        let document = read(text)?.finish("a.log", Kind::Dialogue);
        document.check().unwrap();
        assert!(document.notes.iter().all(|note| note.relation == "says"));
        Some(document.notes.into_iter().map(|note| (note.subject, note.object)).collect())
    }

    #[test]
    fn turns_are_told_in_their_forms() {
        for text in [
            "Ann: hi\nBob Lee: hello\nto you\nAnn: where?\nBob Lee: here\n",
            "[12:01] <Ann> hi\n[12:01] <@Bob> hello\nto you\n[12:02] <Ann> where?\n[12:03] <Bob> here",
            "12/01/24, 10:15 PM - Ann: hi\n12/01/24, 10:16 PM - Bob: hello\nto you\n12/01/24, 10:17 PM - Ann: where?\n\
             12/01/24, 10:18 PM - Bob: here",
        ] {
            let found = turns(text).unwrap();
            let said: Vec<&str> = found.iter().map(|(_, said)| said.as_str()).collect();
            assert_eq!(said, ["hi", "hello\nto you", "where?", "here"]);
            assert_eq!(found[2].0, "Ann");
        }
    }

    #[test]
    fn prose_and_headers_are_no_conversation() {
        assert!(turns("Title: x\nAuthor: y\nDate: z\nNote: this\nText: a\n").is_none());
        assert!(turns("It was: a dark night.\nNothing more was said.\n").is_none());
        assert!(turns("<p> a\n<b> c\n").is_none());
    }
}
