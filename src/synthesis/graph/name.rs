//! Names of entities: how they are written, and by which key two spellings are one entity.

use super::evaluate::{number, year};
use crate::name::{MONTHS, singular};
use longlab_documents::Hash;

/// Longest name that a question may say, characters.
pub const LONGEST_SPOKEN: usize = 80;
/// Longest name that is kept as text, bytes; longer ones are kept as a hash, so that they still count as a second answer.
const LONGEST_KEPT: usize = 200;

/// What stands between the title of a page and what the page belongs to, `Alpha notes — Handbook`.
pub const JOINTS: [&str; 5] = [" — ", " – ", " - ", " | ", " :: "];

/// An entity as a document names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// As it is written; empty where it is too long to be said.
    pub text: String,
    /// Two names with the same key are one entity.
    pub key: String,
    /// What kind of thing it is, in a word or two; empty where it is not known.
    pub noun: String,
}

impl Name {
    /// A thing of prose, a table or markup; none where nothing is left of it.
    ///
    /// ```
    /// use longlab_synthesis::graph::Name;
    /// let key = |text| Name::thing(text, "").unwrap().key;
    /// assert_eq!(key("The  Solar Panels"), key("*solar panel*"));
    /// assert_eq!(key("1,250.0"), key("1250"));
    /// assert_ne!(key("`DataLoader`"), key("dataloader"));
    /// ```
    pub fn thing(text: &str, noun: &str) -> Option<Name> {
        let marked = text.trim().starts_with('`') || text.trim().ends_with("()");
        let text = cleaned(text);
        if text.len() > LONGEST_KEPT {
            let key = format!("long:{}", &Hash::of(&text).0[..24]);
            return Some(Name { text: String::new(), key, noun: noun.into() });
        }
        let bare = text.trim_end_matches("()");
        let key = match number(&text) {
            Some(value) => format!("={value}"),
            // `McKay` is as likely a name of a person as one of code, unless it is marked as code.
            None if is_identifier(bare) && (marked || bare.contains('_')) => {
                format!("name:{}", bare.rsplit(['.', ':']).next().unwrap_or(bare))
            }
            None => prose_key(&text),
        };
        (!key.is_empty()).then(|| Name { text, key, noun: noun.into() })
    }

    /// A symbol of code, said by the last part of its name: `pkg.Parser.feed` is `feed`. None where it is no symbol.
    pub fn symbol(text: &str, noun: &str) -> Option<Name> {
        let text = text.trim().trim_matches('`').trim_end_matches("()");
        let last = text.rsplit(['.', ':', '>']).next().unwrap_or(text);
        let starts = last.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_');
        let symbol = starts && last.len() <= LONGEST_KEPT && last.chars().all(|c| c.is_alphanumeric() || c == '_');
        symbol.then(|| Name { text: last.to_string(), key: format!("name:{last}"), noun: noun.into() })
    }

    /// A file of the corpus, by its path.
    pub fn file(source: &str, noun: &str) -> Name {
        Name { text: source.to_string(), key: format!("file:{source}"), noun: noun.into() }
    }

    /// What an import names: a dotted name or a path.
    pub fn import(target: &str) -> Option<Name> {
        let text = target.trim().trim_matches(['"', '\'', '<', '>', '`', ';']);
        let parts = parts(text);
        let key = format!("import:{}", parts.join("."));
        (!parts.is_empty() && text.len() <= LONGEST_KEPT).then(|| Name {
            text: text.into(),
            key,
            noun: "module".into(),
        })
    }
}

/// The parts of a path or dotted name, without a known ending of a file and without words that name no part.
pub fn parts(path: &str) -> Vec<&str> {
    let stem = match path.rsplit_once('.') {
        Some((stem, "py" | "pyi" | "rs" | "c" | "h" | "js" | "mjs" | "ts" | "jsx" | "tsx")) => stem,
        _ => path,
    };
    let parts = stem.split(['/', '.', ':', '\\']).filter(|part| !part.is_empty());
    let mut parts: Vec<&str> = parts.filter(|part| !matches!(*part, "crate" | "self" | "super")).collect();
    if parts.len() > 1 && parts.last().is_some_and(|last| matches!(*last, "__init__" | "mod" | "index" | "lib")) {
        parts.pop();
    }
    parts
}

/// Without marks of emphasis, quotes and stops around it, and with one blank between words.
fn cleaned(text: &str) -> String {
    let joined = text.replace('`', "").replace("\\_", "_").split_whitespace().collect::<Vec<_>>().join(" ");
    let around = |c: char| matches!(c, '*' | '"' | '“' | '”' | '\'' | ',' | ';' | ':') || c.is_whitespace();
    let trimmed = unlinked(joined.trim_matches(around));
    let stop = trimmed.ends_with('.') && !trimmed[..trimmed.len() - 1].contains('.') && trimmed.len() > 4;
    if stop { trimmed[..trimmed.len() - 1].to_string() } else { trimmed.to_string() }
}

/// The text of what is nothing but a link of Markdown, `[text][]` or `[text](target)`.
fn unlinked(text: &str) -> &str {
    let inside = text.strip_prefix('[').and_then(|rest| rest.split_once(']')).filter(|(inside, after)| {
        let target = after.starts_with('(') && after.ends_with(')') || after.starts_with('[') && after.ends_with(']');
        target && !inside.contains('[') && !after[1..after.len() - 1].contains(['(', ')', '[', ']'])
    });
    inside.map_or(text, |(inside, _)| inside)
}

/// Lower case, without a leading article, the last word in the singular.
fn prose_key(text: &str) -> String {
    let lower = text.to_lowercase();
    let plain = ["the ", "a ", "an "].iter().find_map(|article| lower.strip_prefix(article)).unwrap_or(&lower);
    match plain.rsplit_once(' ') {
        Some((before, last)) => format!("{before} {}", singular(last)),
        None => singular(plain),
    }
}

/// Whether a word can only be a name of code: one word with an underscore or with a capital after a small letter.
pub fn is_identifier(text: &str) -> bool {
    let letters = text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | ':'));
    let inner = text.chars().zip(text.chars().skip(1)).any(|(a, b)| a.is_lowercase() && b.is_uppercase());
    let begins = text.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_');
    let ends = text.chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_');
    letters && begins && ends && (inner || text.trim_matches('_').contains('_') || text.starts_with('_'))
}

/// Whether a text is a number, a date or nothing but digits and signs: what a path may end at but not go through.
pub fn is_value(text: &str) -> bool {
    number(text).is_some()
        || !text.chars().any(char::is_alphabetic)
        || year(text).is_some() && text.split_whitespace().all(is_date_word)
        || text.chars().next().is_some_and(|c| c.is_ascii_digit())
            && text.chars().filter(|c| c.is_alphabetic()).count() < 3
}

fn is_date_word(word: &str) -> bool {
    let word = word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    let month = || MONTHS.iter().any(|month| *month == word || word.len() == 3 && month.starts_with(&word));
    word.chars().any(|c| c.is_ascii_digit()) || month()
}

/// Words that name nothing in particular.
const VAGUE: [&str; 34] = [
    "none",
    "null",
    "true",
    "false",
    "yes",
    "no",
    "n/a",
    "nan",
    "other",
    "others",
    "total",
    "unknown",
    "default",
    "various",
    "see above",
    "self",
    "this",
    "that",
    "it",
    "here",
    "link",
    "main",
    "name",
    "value",
    "type",
    "source",
    "home",
    "index",
    "overview",
    "introduction",
    "readme",
    "contents",
    "todo",
    "notes",
];

/// Whether a question may say a name: not too short or long, on one line, and not a word that names nothing in particular.
pub fn is_spoken(text: &str) -> bool {
    let length = text.chars().count();
    let value = is_value(text);
    let long_enough = if value { length >= 1 } else { length >= 3 };
    let letters = text.chars().filter(|c| c.is_alphanumeric()).count();
    long_enough
        && length <= LONGEST_SPOKEN
        && letters * 2 >= length
        && !text.chars().any(char::is_control)
        && !text.contains("://")
        && !(text.starts_with("__") && text.ends_with("__"))
        && !VAGUE.contains(&text.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> String {
        Name::thing(text, "").map(|name| name.key).unwrap_or_default()
    }

    #[test]
    fn spellings_of_one_thing_share_a_key() {
        for (a, b) in [
            ("Trees", "trees"),
            ("the Academies", "Academy"),
            ("**Bold**", "bold"),
            ("5", "5.0"),
            ("`max_len`", "max_len()"),
            ("[Dev tools][]", "dev tools"),
            ("a\\_b", "a_b"),
            ("[A b](c.md)", "a b"),
        ] {
            assert_eq!(key(a), key(b), "{a} {b}");
        }
        for (a, b) in [("Paris", "Pari"), ("bus", "bu"), ("1.5", "15"), ("`maxLen`", "`MaxLen`"), ("class", "clas")] {
            assert_ne!(key(a), key(b), "{a} {b}");
        }
        assert_eq!(Name::thing(" ** ", ""), None);
    }

    #[test]
    fn a_symbol_is_the_last_part_of_its_name() {
        let symbol = |text| Name::symbol(text, "function").map(|name| name.text);
        assert_eq!(symbol("pkg.Parser.feed()"), Some("feed".into()));
        assert_eq!(symbol("std::mem::swap"), Some("swap".into()));
        assert_eq!(symbol("a + b"), None);
        assert_eq!(symbol("{{ 7 * 7 }}"), None);
        assert_eq!(Name::import("./util/text.js").map(|name| name.key), Some("import:util.text".into()));
        assert_eq!(Name::import("..").map(|name| name.key), None);
    }

    #[test]
    fn very_long_names_differ_without_being_kept() {
        let (a, b) = (Name::thing(&"a b ".repeat(200), "").unwrap(), Name::thing(&"a c ".repeat(200), "").unwrap());
        assert!(a.text.is_empty() && a.key != b.key && a.key.len() < 40);
    }

    #[test]
    fn values_and_vague_words_are_told_apart_from_names() {
        assert!(is_value("3.5") && is_value("12 March 1987") && is_value("1987") && is_value("-") && is_value("12 km"));
        assert!(!is_value("Paris") && !is_value("Article 1987"));
        assert!(
            is_spoken("Paris")
                && is_spoken("7")
                && !is_spoken("ab")
                && !is_spoken("None")
                && !is_spoken("see https://a.org")
                && !is_spoken("__init__")
        );
        assert!(!is_spoken("two\nlines") && !is_spoken(&"x".repeat(81)) && !is_spoken("---x"));
    }
}
