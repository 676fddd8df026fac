//! From a model's reply to a score, by rule and without a model: the answer phrase, then the rule of the item's form.
//!
//! | gold | right is |
//! |---|---|
//! | a letter (`multiple_choice`) | this letter alone, first in the answer |
//! | a number (`numeric`, or a text that is one) | one number, whatever currency, percent sign or unit stands beside it: whole numbers below 10,000 exactly, others within 0.15% or rounded as the gold is |
//! | a JSON list | the same texts in any order |
//! | a date or a month | the same day or month, however it is written |
//! | another text (`multi_hop`, `reading`) | its words in a row within the answer (cover exact match) |
//! | a turn (`dialogue`) | SequenceMatcher's ratio of what follows the prefix; 0 where the reply does not begin with the prefix |
//!
//! Sources: arXiv 2512.12967, sections 3.3 and 4.1, and the released rules of QwenLong-L1 (0.15%; its powers of ten are not taken over) and SPELL (gold in answer, never the other way round);
//! CorpusQA's last line; MRCR's prefix. A reply that was cut off is its caller's matter.

mod answer;
mod list;
pub(crate) mod number;
pub(crate) mod text;

pub use answer::said;

use crate::item::{Form, Item, Proof};
use crate::table::cell::date;
use crate::tools::Judge;
use longlab_documents::words;
use longlab_kernels::similarity::ratio;

/// Score from which an answer counts as right.
const RIGHT: f64 = 0.5;

/// How an answer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Scored at least one half.
    Right,
    /// Read, and scored below one half.
    Wrong,
    /// No answer phrase, or one that says nothing of the wanted kind.
    Unparsable,
}

/// A graded reply.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Graded {
    /// How it stands.
    pub standing: Standing,
    /// Score in 0..1.
    pub score: f64,
}

impl Graded {
    const UNPARSABLE: Graded = Graded { standing: Standing::Unparsable, score: 0.0 };

    fn of(score: f64) -> Graded {
        Graded { standing: if score >= RIGHT { Standing::Right } else { Standing::Wrong }, score }
    }

    fn whether(right: bool) -> Graded {
        Graded::of(f64::from(u8::from(right)))
    }

    /// Whether it counts as right.
    pub fn is_right(&self) -> bool {
        self.standing == Standing::Right
    }
}

/// What a reply is held against: the fields of a line of the dataset, or of a row of its Parquet (`ground_truth`, `ability`, and `aliases` and
/// `prefix` of `extra_info`).
///
/// ```
/// use longlab_synthesis::score::Gold;
/// use longlab_synthesis::Form;
/// let gold = Gold { form: Form::Numeric, text: "12.50%", aliases: &[], prefix: "" };
/// assert!(gold.grade("Four of 32 rows are. \nThe answer is: 12.5 %").is_right());
/// assert_eq!(gold.grade("The answer is: 14.00%").score, 0.0);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Gold<'a> {
    /// How it is scored.
    pub form: Form,
    /// The answer as it should be written.
    pub text: &'a str,
    /// Other answers that are right.
    pub aliases: &'a [String],
    /// What a turn given back must begin with; empty for other forms.
    pub prefix: &'a str,
}

impl<'a> Gold<'a> {
    /// The gold of an item.
    pub fn of(item: &'a Item) -> Gold<'a> {
        let prefix = match &item.certificate.proof {
            Proof::Turn { prefix, .. } => prefix.as_str(),
            _ => "",
        };
        Gold { form: item.form, text: &item.answer.text, aliases: &item.answer.aliases, prefix }
    }

    /// Grades a reply, special tokens and thinking still in it or not. What stands before the last `</think>` is not read.
    pub fn grade(&self, reply: &str) -> Graded {
        if self.form == Form::Dialogue {
            return answer::spoken(reply).map_or(Graded::UNPARSABLE, |spoken| self.turn(spoken));
        }
        said(reply).map_or(Graded::UNPARSABLE, |answer| self.answer(answer))
    }

    /// Whether a reply gives the answer away, wherever it says it: as [`Gold::grade`], or in its last line, or a text's words anywhere. For checks
    /// that a model must fail, whose prompts may not ask for a phrase.
    pub fn is_told(&self, reply: &str) -> bool {
        let Some(spoken) = answer::spoken(reply).filter(|_| !self.grade(reply).is_right()) else {
            return self.grade(reply).is_right();
        };
        let last = spoken.lines().rev().map(answer::bare).find(|line| !line.is_empty());
        let in_last = || last.is_some_and(|line| self.answer(line).is_right());
        let anywhere = || self.is_text() && self.all().any(|gold| text::covers(gold, spoken) == Some(true));
        self.form != Form::Dialogue && (in_last() || anywhere())
    }

    fn all(&self) -> impl Iterator<Item = &'a str> {
        std::iter::once(self.text).chain(self.aliases.iter().map(String::as_str))
    }

    fn is_text(&self) -> bool {
        matches!(self.form, Form::MultiHop | Form::Reading) && list::read(self.text).is_none()
    }

    /// Grades what was said as the answer.
    pub(crate) fn answer(&self, answer: &str) -> Graded {
        let graded = self.all().map(|gold| one(self.form, gold, answer));
        graded.reduce(|best, next| if next.score > best.score { next } else { best }).unwrap_or(Graded::UNPARSABLE)
    }

    fn turn(&self, reply: &str) -> Graded {
        if reply.is_empty() {
            return Graded::UNPARSABLE;
        }
        match (reply.strip_prefix(self.prefix), self.text.strip_prefix(self.prefix)) {
            (Some(reply), Some(gold)) => Graded::of(ratio(reply.trim_end(), gold.trim_end())),
            _ => Graded::of(0.0),
        }
    }
}

/// Grades what was said against one way to write the gold.
fn one(form: Form, gold: &str, answer: &str) -> Graded {
    match form {
        Form::MultipleChoice => choice(gold, answer),
        Form::Numeric => number::same(gold, answer).map_or(Graded::UNPARSABLE, Graded::whether),
        _ => {
            if let Some(gold) = list::read(gold) {
                return list::same(&gold, answer).map_or(Graded::UNPARSABLE, Graded::whether);
            }
            // Words know no signs: a number that is read is compared as one.
            if number::is_plain(gold)
                && let Some(same) = number::same(gold, answer)
            {
                return Graded::whether(same);
            }
            if let Some(gold) = date(gold)
                && let Some(answer) = date(answer)
            {
                return Graded::whether(answer.starts_with(&gold));
            }
            text::covers(gold, answer).map_or(Graded::UNPARSABLE, Graded::whether)
        }
    }
}

/// The rules as the judge of the checks.
#[derive(Clone, Copy, Debug, Default)]
pub struct ByRule;

impl Judge for ByRule {
    fn version(&self) -> String {
        "rules 1".into()
    }

    fn right(&self, item: &Item, reply: &str) -> bool {
        Gold::of(item).grade(reply).is_right()
    }

    fn is_told(&self, item: &Item, reply: &str) -> bool {
        Gold::of(item).is_told(reply)
    }
}

/// One letter, alone, in brackets, or before what the option says.
fn choice(gold: &str, answer: &str) -> Graded {
    let Some(gold) = letters(gold).first().copied() else { return Graded::UNPARSABLE };
    let mut all = words(answer);
    let first = all.next().map(|(_, word)| word).unwrap_or_default();
    let alone = all.next().is_none();
    let said = if alone { first.to_ascii_uppercase() } else { first.to_string() };
    match letters(answer)[..] {
        _ if alone && is_letter(&said) => Graded::whether(said == gold),
        [letter] if letter == said => Graded::whether(letter == gold),
        _ => Graded::UNPARSABLE,
    }
}

fn is_letter(word: &str) -> bool {
    matches!(word, "A" | "B" | "C" | "D")
}

/// The letters of a text that name options; an article at the beginning of what an option says is none.
fn letters(text: &str) -> Vec<&str> {
    let is_article = |at: usize| {
        let mut after = text[at + 1..].chars();
        at > 0 && after.next() == Some(' ') && after.next().is_some_and(char::is_lowercase)
    };
    words(text)
        .filter(|(at, word)| is_letter(word) && !(*word == "A" && is_article(*at)))
        .map(|(_, word)| word)
        .collect()
}

#[cfg(test)]
mod tests;
