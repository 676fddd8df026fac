//! Sheets of phrases: text files of lines `key: phrase`, with slots such as `{day}` that are filled by chance.

use longlab_kernels::stream::Stream;
use std::sync::LazyLock;

/// What slots are filled with: one line a slot, its entries separated by commas.
static SLOTS: LazyLock<Sheet> = LazyLock::new(|| Sheet::of(include_str!("words/slots.txt")));

/// The phrases of one file.
pub struct Sheet {
    lines: Vec<(&'static str, &'static str)>,
}

impl Sheet {
    /// Reads a sheet; lines without a key are left out.
    pub fn of(text: &'static str) -> Sheet {
        Sheet { lines: text.lines().filter_map(|line| line.trim().split_once(": ")).collect() }
    }

    /// All phrases of a key, in their order.
    pub fn all(&self, key: &str) -> Vec<&'static str> {
        self.lines.iter().filter(|(name, _)| *name == key).map(|(_, phrase)| *phrase).collect()
    }

    /// All lines, in their order.
    pub fn lines(&self) -> &[(&'static str, &'static str)] {
        &self.lines
    }
}

/// The phrase with its slots filled: those of `own` with what stands there, others by chance. A slot that nobody knows stays.
pub fn filled(stream: &mut Stream, phrase: &str, own: &[(&str, &str)]) -> String {
    let mut text = String::new();
    let mut rest = phrase;
    while let Some((before, name, after)) = slot(rest) {
        text.push_str(before);
        match (own.iter().find(|(key, _)| *key == name), SLOTS.all(name).first()) {
            (Some((_, value)), _) => text.push_str(value),
            (None, Some(entries)) => text.push_str(any(stream, entries)),
            (None, None) => text.push_str(&format!("{{{name}}}")),
        }
        rest = after;
    }
    text + rest
}

/// One of the entries of a list.
fn any<'a>(stream: &mut Stream, entries: &'a str) -> &'a str {
    let entries: Vec<&str> = entries.split(", ").collect();
    entries[stream.below(entries.len())]
}

/// What stands before the first slot of a text, its name, and what stands after it.
fn slot(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (name, after) = rest.split_once('}')?;
    Some((before, name, after))
}
