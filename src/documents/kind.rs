//! Which of the five kinds a document is: a guess from its format, its path and its words.

use crate::document::Kind;
use crate::format::Format;
use serde::{Deserialize, Serialize};

/// What the caller knows of a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindRule {
    /// Sources that hold this text, for example `books/`.
    pub source: String,
    /// Are of this kind.
    pub kind: Kind,
}

/// Names of folders and files that speak for a kind; the first that is part of the path decides.
const PATHS: [(&str, Kind); 26] = [
    ("arxiv", Kind::Academic),
    ("paper", Kind::Academic),
    ("thesis", Kind::Academic),
    ("textbook", Kind::Academic),
    ("lecture", Kind::Academic),
    ("journal", Kind::Academic),
    ("novel", Kind::General),
    ("book", Kind::General),
    ("gutenberg", Kind::General),
    ("literature", Kind::General),
    ("fiction", Kind::General),
    ("poem", Kind::General),
    ("bible", Kind::General),
    ("wiki", Kind::General),
    ("encyclopedia", Kind::General),
    ("dialog", Kind::Dialogue),
    ("chat", Kind::Dialogue),
    ("irc", Kind::Dialogue),
    ("manual", Kind::Professional),
    ("handbook", Kind::Professional),
    ("guide", Kind::Professional),
    ("doc", Kind::Professional),
    ("howto", Kind::Professional),
    ("report", Kind::Professional),
    ("filing", Kind::Professional),
    ("rfc", Kind::Professional),
];

/// Words that papers and textbooks have and others have not, in lower case; three different ones make a paper.
const PAPER_WORDS: [&str; 14] = [
    "abstract",
    "et al",
    "arxiv",
    "doi",
    "theorem",
    "lemma",
    "corollary",
    "hypothesis",
    "bibliography",
    "references",
    "p-value",
    "we propose",
    "prior work",
    "appendix",
];

/// Bytes from the beginning that are looked at for words.
const LOOKED_AT: usize = 20_000;

/// The kind of a text. Rules of the caller come first; then what the format leaves no doubt about; then the outermost folder, if it is
/// called like a kind; then the path, then the words.
pub(crate) fn kind_of(format: Format, source: &str, text: &str, rules: &[KindRule]) -> Kind {
    if let Some(rule) = rules.iter().find(|rule| source.contains(&rule.source)) {
        return rule.kind;
    }
    match format {
        Format::Chat => Kind::Dialogue,
        Format::Notebook => Kind::Code,
        format if format.is_code() => Kind::Code,
        Format::Json | Format::JsonLines if is_turns(text) => Kind::Dialogue,
        _ => of_folder(source).unwrap_or_else(|| guessed(format, source, text)),
    }
}

/// The kind that the outermost folder is called after.
fn of_folder(source: &str) -> Option<Kind> {
    let (folder, _) = source.split_once('/')?;
    let kinds = [Kind::Code, Kind::Academic, Kind::Professional, Kind::General, Kind::Dialogue];
    kinds.into_iter().find(|kind| kind.name() == folder)
}

fn guessed(format: Format, source: &str, text: &str) -> Kind {
    match format {
        Format::Epub => Kind::General,
        Format::Pdf if is_paper(text) => Kind::Academic,
        _ => of_path(source).unwrap_or_else(|| of_words(format, text)),
    }
}

/// A part of the path counts if a word of it begins with the name.
fn of_path(source: &str) -> Option<Kind> {
    let source = source.to_ascii_lowercase();
    let mut words = source.split(|letter: char| !letter.is_ascii_alphabetic());
    words.find_map(|word| PATHS.iter().find(|(name, _)| word.starts_with(name)).map(|&(_, kind)| kind))
}

fn of_words(format: Format, text: &str) -> Kind {
    if is_paper(text) {
        return Kind::Academic;
    }
    match format {
        // Tables, records and pages that nothing else is known of are mostly of somebody's work.
        Format::Delimited | Format::Json | Format::JsonLines | Format::Pdf | Format::Html | Format::Markdown => {
            Kind::Professional
        }
        _ => Kind::General,
    }
}

/// Whether the text begins as the readers of chats write one.
fn is_turns(text: &str) -> bool {
    ["user: ", "assistant: ", "system: ", "human: ", "gpt: "].iter().any(|role| text.starts_with(role))
}

fn is_paper(text: &str) -> bool {
    let head = text[..crate::draft::border(text, LOOKED_AT.min(text.len()))].to_lowercase();
    let is_word = |at: usize, word: &str| {
        let beside = |letter: Option<char>| letter.is_none_or(|letter| !letter.is_alphanumeric());
        beside(head[..at].chars().next_back()) && beside(head[at + word.len()..].chars().next())
    };
    let found = |word: &&&str| head.match_indices(**word).any(|(at, _)| is_word(at, word));
    PAPER_WORDS.iter().filter(found).count() >= 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_come_before_formats_before_paths_before_words() {
        let rules = [KindRule { source: "old/".into(), kind: Kind::Dialogue }];
        let paper = "Abstract. We propose a lemma; Smith et al. disagree.";
        let known = [
            (Format::Python, "old/a.py", "", Kind::Dialogue),
            (Format::Python, "novels/a.py", "", Kind::Code),
            (Format::Text, "novels/a.txt", paper, Kind::General),
            (Format::Epub, "professional/books/a.epub", "", Kind::Professional),
            (Format::Epub, "a/professional.epub", "", Kind::General),
            (Format::Text, "usr/share/doc/a.txt", "", Kind::Professional),
            (Format::Text, "a.txt", paper, Kind::Academic),
            (Format::Text, "a.txt", "It was a dark and stormy night.", Kind::General),
            (Format::Delimited, "a.csv", "x", Kind::Professional),
            (Format::Json, "a.json", "user: hello", Kind::Dialogue),
        ];
        for (format, source, text, kind) in known {
            assert_eq!(kind_of(format, source, text, &rules), kind, "{source}");
        }
    }
}
