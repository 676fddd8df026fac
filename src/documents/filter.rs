//! Rules by which documents are left out, each with its reason.

mod repetition;

use crate::document::{Document, Kind};
use crate::words::words;
pub use repetition::Repetition;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Thresholds of the rules. Shares are between 0 and 1; a threshold beyond what can be switches its rule off.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// Words that a document has at least. Gopher (Rae et al. 2021, A1.1) takes 50.
    pub fewest_words: usize,
    /// Words that a document has at most. Gopher takes 100,000; books have more, and long contexts want them.
    pub most_words: usize,
    /// Share of a text's words that are among the commonest of English, at least. On the corpus of `experiments/corpora`, running text has
    /// 0.2 to 0.4, terse manual pages 0.1, indexes and lists of names less; other languages next to none. Ours; measured on prose: code
    /// and tables are exempt.
    pub least_english: f64,
    /// Share of lines that are licences, menus and notices, at most. Not published; ours.
    pub most_boilerplate: f64,
    /// Letters of a line of code on average, at most: what is longer was written by a program. StarCoder (Li et al. 2023, 3.1)
    /// takes 100.
    pub longest_code_line: f64,
    /// Rules against repetition, for every kind; left out, each kind has its own ([`Repetition::of`]), and code has none.
    pub repetition: Option<Repetition>,
    /// Tables that a document has at least. The paper's table engine keeps documents with rich tables (section 3.2).
    pub fewest_tables: usize,
    /// What is otherwise for a kind.
    pub kinds: BTreeMap<Kind, OfKind>,
}

/// Thresholds for a kind, in place of those for all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OfKind {
    /// As of all.
    pub fewest_words: Option<usize>,
    /// As of all.
    pub most_words: Option<usize>,
    /// As of all.
    pub least_english: Option<f64>,
    /// As of all.
    pub most_boilerplate: Option<f64>,
    /// As of all; for code too.
    pub repetition: Option<Repetition>,
    /// As of all.
    pub fewest_tables: Option<usize>,
}

impl Default for Filter {
    fn default() -> Self {
        Filter {
            fewest_words: 50,
            most_words: 1_000_000,
            least_english: 0.08,
            most_boilerplate: 0.3,
            longest_code_line: 100.0,
            repetition: None,
            fewest_tables: 0,
            kinds: BTreeMap::new(),
        }
    }
}

/// Why a document is left out.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum Reason {
    /// It has too few words.
    TooShort {
        /// Its words.
        words: usize,
    },
    /// It has too many words.
    TooLong {
        /// Its words.
        words: usize,
    },
    /// It is not in English.
    Language {
        /// Share of common English words.
        share: f64,
    },
    /// It is made up of notices.
    Boilerplate {
        /// Share of such lines.
        share: f64,
    },
    /// Its lines were written by a program.
    LongLines {
        /// Letters of a line on average.
        mean: f64,
    },
    /// It says the same again and again.
    Repetition {
        /// Which rule found it.
        rule: &'static str,
        /// What it measured.
        share: f64,
    },
    /// It has too few tables.
    NoTable {
        /// Its tables.
        tables: usize,
    },
}

impl Reason {
    /// One word for it, to count by.
    pub fn name(&self) -> &'static str {
        match self {
            Reason::TooShort { .. } => "too_short",
            Reason::TooLong { .. } => "too_long",
            Reason::Language { .. } => "language",
            Reason::Boilerplate { .. } => "boilerplate",
            Reason::LongLines { .. } => "long_lines",
            Reason::Repetition { .. } => "repetition",
            Reason::NoTable { .. } => "no_table",
        }
    }

    /// Its name, with the rule of repetition that was broken.
    pub fn rule(&self) -> String {
        match self {
            Reason::Repetition { rule, .. } => format!("{} of {rule}", self.name()),
            _ => self.name().to_owned(),
        }
    }
}

/// Common words of English that are rare in other languages written in Latin letters.
const ENGLISH: [&str; 48] = [
    "the", "of", "and", "to", "is", "that", "it", "for", "with", "as", "was", "are", "be", "by", "this", "have",
    "from", "or", "had", "not", "but", "which", "you", "were", "they", "their", "has", "been", "its", "would", "there",
    "will", "when", "who", "more", "if", "than", "other", "about", "into", "could", "these", "should", "only", "then",
    "what", "where", "your",
];

/// What lines say that belong to a notice and not to a text, in lower case.
const NOTICES: [&str; 22] = [
    "all rights reserved",
    "permission is hereby granted",
    "without warranty",
    "as is\" basis",
    "redistributions of source",
    "licensed under the",
    "copyright (c)",
    "copyright ©",
    "terms of use",
    "terms of service",
    "privacy policy",
    "cookie",
    "click here",
    "sign in",
    "log in",
    "subscribe",
    "enable javascript",
    "skip to content",
    "back to top",
    "share this",
    "lorem ipsum",
    "powered by",
];

impl Filter {
    /// The first rule that a document breaks; none where it may stay.
    pub fn reason(&self, document: &Document) -> Option<Reason> {
        let own = self.kinds.get(&document.kind).cloned().unwrap_or_default();
        let tables = document.tables.len();
        if tables < own.fewest_tables.unwrap_or(self.fewest_tables) {
            return Some(Reason::NoTable { tables });
        }
        let words = words(&document.text).count();
        if words < own.fewest_words.unwrap_or(self.fewest_words) {
            return Some(Reason::TooShort { words });
        }
        if words > own.most_words.unwrap_or(self.most_words) {
            return Some(Reason::TooLong { words });
        }
        if document.kind == Kind::Code { self.code(document, &own) } else { self.prose(document, &own) }
    }

    /// What is repeated in a document beside its tables, by the measures of the rules.
    pub fn repetition_of(document: &Document) -> Repetition {
        Repetition::measured(&without_tables(document))
    }

    fn code(&self, document: &Document, own: &OfKind) -> Option<Reason> {
        let lines = document.text.lines().count().max(1);
        let mean = document.text.chars().count() as f64 / lines as f64;
        if mean > self.longest_code_line {
            return Some(Reason::LongLines { mean });
        }
        own.repetition.as_ref().and_then(|repetition| repeated(repetition, &document.text))
    }

    fn prose(&self, document: &Document, own: &OfKind) -> Option<Reason> {
        let prose = without_tables(document);
        let share = english(&prose);
        // A document that is nothing but a table has no prose to be judged by.
        if prose.trim().len() * 10 < document.text.len() {
            return None;
        }
        if share < own.least_english.unwrap_or(self.least_english) {
            return Some(Reason::Language { share });
        }
        let share = boilerplate(&prose);
        if share > own.most_boilerplate.unwrap_or(self.most_boilerplate) {
            return Some(Reason::Boilerplate { share });
        }
        let of_kind = || Repetition::of(document.kind);
        let repetition = own.repetition.clone().or_else(|| self.repetition.clone()).unwrap_or_else(of_kind);
        repeated(&repetition, &prose)
    }
}

fn repeated(repetition: &Repetition, text: &str) -> Option<Reason> {
    repetition.broken(text).map(|(rule, share)| Reason::Repetition { rule, share })
}

/// The text without its tables.
fn without_tables(document: &Document) -> String {
    let mut prose = String::with_capacity(document.text.len());
    let mut at = 0;
    let mut spans: Vec<_> = document.tables.iter().map(|table| table.span).collect();
    spans.sort();
    for span in spans.into_iter().filter(|span| span.of(&document.text).is_some()) {
        if span.start > at {
            prose.push_str(&document.text[at..span.start]);
        }
        at = at.max(span.end);
    }
    prose.push_str(&document.text[at..]);
    prose
}

/// Share of words that are common English ones; 0 of no words.
fn english(text: &str) -> f64 {
    let (mut all, mut common) = (0usize, 0usize);
    for (_, word) in words(text) {
        all += 1;
        common += usize::from(word.len() <= 6 && ENGLISH.contains(&word.to_ascii_lowercase().as_str()));
    }
    common as f64 / all.max(1) as f64
}

fn boilerplate(text: &str) -> f64 {
    let mut lines = 0usize;
    let notices = text.lines().filter(|line| !line.trim().is_empty()).filter(|line| {
        lines += 1;
        let line = line.to_lowercase();
        NOTICES.iter().any(|notice| line.contains(notice))
    });
    let notices = notices.count();
    notices as f64 / lines.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reader;

    fn reason(name: &str, text: &str, filter: &Filter) -> Option<Reason> {
        filter.reason(&Reader::default().read(name, text.as_bytes()).unwrap().documents[0])
    }

    fn prose() -> String {
        "The Rhine rises in the mountains of Switzerland and reaches the sea in the Netherlands.\n\
         Ships have gone up and down this river for more than two thousand years.\n\
         When it was measured again, engineers found that older books had been wrong about its length.\n\
         Other streams are longer, but none of them carries as many goods from one country into another.\n\
         What would happen if there were no locks? Only small boats could then pass the rapids near Bingen.\n\
         It is said that a treasure lies somewhere on the ground, which nobody has seen.\n"
            .to_owned()
    }

    #[test]
    fn prose_may_stay() {
        assert_eq!(reason("a.txt", &prose(), &Filter::default()), None);
    }

    #[test]
    fn each_rule_names_its_reason() {
        let filter = Filter::default();
        let german = "Der Rhein ist ein Strom und die Elbe auch, sagt man am Ufer gern, doch nicht im Winter. ";
        let notices =
            format!("{}{}", prose(), (0..8).map(|n| format!("Copyright (c) {n} by somebody.\n")).collect::<String>());
        let minified = format!("var a={};", (0..300).map(|n| format!("f{n}(x),")).collect::<String>());
        let known = [
            ("a.txt", "too few".to_owned(), "too_short"),
            ("a.txt", german.repeat(4), "language"),
            ("a.txt", notices, "boilerplate"),
            ("a.txt", prose().repeat(3), "repetition"),
            ("a.js", minified, "long_lines"),
        ];
        for (name, text, expected) in known {
            assert_eq!(reason(name, &text, &filter).map(|reason| reason.name()), Some(expected));
        }
        let few = Filter { most_words: 20, ..filter.clone() };
        assert_eq!(reason("a.txt", &prose(), &few).map(|reason| reason.name()), Some("too_long"));
        let tables = Filter { fewest_tables: 1, ..filter };
        assert_eq!(reason("a.txt", &prose(), &tables), Some(Reason::NoTable { tables: 0 }));
    }

    /// Pages of an interface's description: each entry begins and ends alike, and says something of its own.
    fn reference() -> String {
        let own = |sentence: &str, number: usize| {
            format!(
                "{sentence}\n\nParameters\n\nother: the value to compare with\n\n\
                 Returns\n\nThe result, numbered {number}.\n\n"
            )
        };
        prose().lines().enumerate().map(|(number, sentence)| own(sentence, number)).collect()
    }

    #[test]
    fn kinds_have_thresholds_of_their_own_and_keys_come_before_them() {
        let mut document = Reader::default().read("a.txt", reference().as_bytes()).unwrap().documents.remove(0);
        let mut rule = |kind, filter: &Filter| {
            document.kind = kind;
            filter.reason(&document).map(|reason| reason.rule())
        };
        let filter = Filter::default();
        assert!(rule(Kind::General, &filter).is_some_and(|rule| rule.starts_with("repetition of ")));
        for kind in [Kind::Academic, Kind::Professional, Kind::Code] {
            assert_eq!(rule(kind, &filter), None, "{kind:?}");
        }
        // One for all, then one for a kind; code too where it is named.
        let strict = Filter { repetition: Some(Repetition::default()), ..filter.clone() };
        assert!(rule(Kind::Professional, &strict).is_some() && rule(Kind::Code, &strict).is_none());
        let own = |repetition| OfKind { repetition: Some(repetition), ..OfKind::default() };
        let loose = Repetition::of(Kind::Professional);
        let kinds = [(Kind::Professional, own(loose)), (Kind::Code, own(Repetition::default()))];
        let filter = Filter { kinds: kinds.into(), ..strict };
        assert!(rule(Kind::Professional, &filter).is_none() && rule(Kind::Code, &filter).is_some());
        let few = OfKind { fewest_words: Some(10_000), ..OfKind::default() };
        let filter = Filter { kinds: [(Kind::Academic, few)].into(), ..Filter::default() };
        assert_eq!(rule(Kind::Academic, &filter).as_deref(), Some("too_short"));
        assert_eq!(rule(Kind::Professional, &filter), None);
    }

    #[test]
    fn tables_are_not_judged_as_prose() {
        let table = (0..100).fold("name,km\n".to_owned(), |text, n| format!("{text}fluss,{n}\n"));
        assert_eq!(reason("a.csv", &table, &Filter::default()), None);
    }
}
