//! How much of a text is said more than once: the rules of Gopher (Rae et al. 2021, arXiv 2112.11446, table A1).

use crate::document::Kind;
use crate::words::{hash_of, hash_of_run, words};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// The most that may be repeated. The defaults are Gopher's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Repetition {
    /// Share of lines that stood before.
    pub lines: f64,
    /// Share of paragraphs that stood before.
    pub paragraphs: f64,
    /// Share of letters in lines that stood before.
    pub line_letters: f64,
    /// Share of letters in paragraphs that stood before.
    pub paragraph_letters: f64,
    /// Share of letters in the commonest run of 2, 3 and 4 words.
    pub top_runs: [f64; 3],
    /// Share of letters in runs of 5, 6, 7, 8, 9 and 10 words that stand more than once.
    pub repeated_runs: [f64; 6],
}

impl Default for Repetition {
    fn default() -> Self {
        Repetition {
            lines: 0.30,
            paragraphs: 0.30,
            line_letters: 0.20,
            paragraph_letters: 0.20,
            top_runs: [0.20, 0.18, 0.16],
            repeated_runs: [0.15, 0.14, 0.13, 0.12, 0.11, 0.10],
        }
    }
}

impl Repetition {
    /// The thresholds of a kind: Gopher's, but for papers and professional documents, whose entries, parameters and statements repeat their frame while
    /// they say something of their own. Those are ours: measured on the corpus of `experiments/corpora`, see docs/synthesis.md.
    pub fn of(kind: Kind) -> Repetition {
        match kind {
            Kind::General | Kind::Dialogue => Repetition::default(),
            Kind::Academic | Kind::Professional | Kind::Code => Repetition {
                lines: 0.60,
                paragraphs: 0.60,
                line_letters: 0.40,
                paragraph_letters: 0.40,
                top_runs: [0.30, 0.28, 0.26],
                repeated_runs: [0.50, 0.48, 0.46, 0.44, 0.42, 0.40],
            },
        }
    }

    /// What is repeated in a text, by the same measures.
    pub fn measured(text: &str) -> Repetition {
        let (lines, line_letters) = repeated(text.split('\n'));
        let (paragraphs, paragraph_letters) = repeated(text.split("\n\n"));
        let runs = Runs::of(text);
        Repetition {
            lines,
            paragraphs,
            line_letters,
            paragraph_letters,
            top_runs: [2, 3, 4].map(|length| runs.top(length)),
            repeated_runs: [5, 6, 7, 8, 9, 10].map(|length| runs.repeated(length)),
        }
    }
}

/// The words of a text by hash and length.
struct Runs {
    hashes: Vec<u64>,
    lengths: Vec<usize>,
}

impl Repetition {
    /// The first rule that a text breaks, and what was measured.
    pub(super) fn broken(&self, text: &str) -> Option<(&'static str, f64)> {
        let (lines, line_letters) = repeated(text.split('\n'));
        let (paragraphs, paragraph_letters) = repeated(text.split("\n\n"));
        let runs = Runs::of(text);
        let parts = [
            ("lines", lines, self.lines),
            ("paragraphs", paragraphs, self.paragraphs),
            ("line_letters", line_letters, self.line_letters),
            ("paragraph_letters", paragraph_letters, self.paragraph_letters),
        ];
        let broken = parts.into_iter().find(|(_, share, most)| share > most).map(|(rule, share, _)| (rule, share));
        let top = || {
            let rules = ["top_2_words", "top_3_words", "top_4_words"].into_iter().zip(self.top_runs).zip(2..);
            rules.map(|((rule, most), length)| (rule, runs.top(length), most)).find(|(_, share, most)| share > most)
        };
        let repeated = || {
            let names = ["5_words", "6_words", "7_words", "8_words", "9_words", "10_words"];
            let rules = names.into_iter().zip(self.repeated_runs).zip(5..);
            rules
                .map(|((rule, most), length)| (rule, runs.repeated(length), most))
                .find(|(_, share, most)| share > most)
        };
        broken.or_else(|| top().or_else(repeated).map(|(rule, share, _)| (rule, share)))
    }
}

/// Share of pieces, and of their letters, that stood before. Empty pieces do not count.
fn repeated<'a>(pieces: impl Iterator<Item = &'a str>) -> (f64, f64) {
    let mut seen = std::collections::HashSet::new();
    let (mut all, mut again, mut letters, mut letters_again) = (0usize, 0usize, 0usize, 0usize);
    for piece in pieces.map(str::trim).filter(|piece| !piece.is_empty()) {
        let is_again = !seen.insert(piece);
        all += 1;
        letters += piece.len();
        again += usize::from(is_again);
        letters_again += if is_again { piece.len() } else { 0 };
    }
    (again as f64 / all.max(1) as f64, letters_again as f64 / letters.max(1) as f64)
}

impl Runs {
    fn of(text: &str) -> Self {
        let (hashes, lengths) = words(text).map(|(_, word)| (hash_of(word), word.len())).unzip();
        Runs { hashes, lengths }
    }

    fn letters(&self) -> f64 {
        self.lengths.iter().sum::<usize>().max(1) as f64
    }

    /// Share of letters in the commonest run of `length` words. A run that stands once is not repeated.
    fn top(&self, length: usize) -> f64 {
        let mut runs: HashMap<u64, (usize, usize)> = HashMap::new();
        for (at, run) in self.hashes.windows(length).enumerate() {
            let entry = runs.entry(hash_of_run(run)).or_insert((0, self.lengths[at..at + length].iter().sum()));
            entry.0 += 1;
        }
        let most = runs.values().filter(|(count, _)| *count > 1).map(|(count, letters)| count * letters).max();
        most.unwrap_or(0) as f64 / self.letters()
    }

    /// Share of letters in words that are part of a run of `length` words that stood before.
    fn repeated(&self, length: usize) -> f64 {
        let mut seen = std::collections::HashSet::new();
        let mut counted = 0;
        let mut letters = 0;
        for (at, run) in self.hashes.windows(length).enumerate() {
            if !seen.insert(hash_of_run(run)) {
                letters += self.lengths[counted.max(at)..at + length].iter().sum::<usize>();
                counted = at + length;
            }
        }
        letters as f64 / self.letters()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_measured_is_what_breaks() {
        let text = "one line\n\nof a text\n\nthat says one line\n\none line\n\nof a text\n\nagain and again and again";
        let measured = Repetition::measured(text);
        assert_eq!(measured.broken(text), None);
        let stricter = Repetition { lines: measured.lines - 0.01, ..measured.clone() };
        assert_eq!(stricter.broken(text), Some(("lines", measured.lines)));
        let mut stricter = measured.clone();
        stricter.top_runs[0] -= 0.01;
        assert_eq!(stricter.broken(text), Some(("top_2_words", measured.top_runs[0])));
    }

    #[test]
    fn shares_are_those_counted_by_hand() {
        assert_eq!(repeated("ab\n\ncd\nab\nab".split('\n')), (0.5, 0.5));
        let runs = Runs::of("a b c a b d");
        // `a b` stands twice: four letters of six.
        assert_eq!(runs.top(2), 4.0 / 6.0);
        assert_eq!(runs.top(3), 0.0);
        // The second `a b` is a repetition, the first is not.
        assert_eq!(runs.repeated(2), 2.0 / 6.0);
        assert_eq!(Runs::of("x x x x").repeated(2), 0.75);
        assert_eq!(Runs::of("").repeated(5), 0.0);
    }
}
