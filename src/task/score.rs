//! From a response to a score: the text after `</think>`, the answer phrase, and the rule of the task type.
//!
//! Sources: paper section 4.1 and its released code (rule check: gold contained in the answer; multiple choice by letter;
//! numbers with a relative tolerance of 0.15%; SequenceMatcher ratio for dialogue memory by analogy with MRCR).

mod english;

use super::template::{END, THINK_END};
use super::{TaskType, World};
use serde::{Deserialize, Serialize};

/// How an answer ended; every answer is exactly one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Scored at least one half (task types with a 0/1 score: scored 1).
    Right,
    /// Parsed and scored below one half.
    Wrong,
    /// No answer phrase, or one that says nothing of the wanted kind.
    Unparsable,
    /// Cut off at the response limit.
    Truncated,
    /// The model could not be asked.
    Failed,
}

impl Status {
    /// The name used in files.
    pub fn name(self) -> &'static str {
        match self {
            Status::Right => "right",
            Status::Wrong => "wrong",
            Status::Unparsable => "unparsable",
            Status::Truncated => "truncated",
            Status::Failed => "failed",
        }
    }
}

/// A graded response.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Graded {
    /// How it ended.
    pub status: Status,
    /// Score in 0..1; the reward at training time.
    pub score: f64,
}

impl Graded {
    fn none(status: Status) -> Graded {
        Graded { status, score: 0.0 }
    }

    fn of(score: f64) -> Graded {
        Graded { status: if score >= 0.5 { Status::Right } else { Status::Wrong }, score }
    }
}

/// Grades a response (decoded with its special tokens) against the gold answer. `finished` says whether the response ended
/// by itself; one that did not, or that never closed its thinking, is truncated and scores 0.
///
/// ```
/// use longlab::task::{Status, TaskType, grade};
/// let response = "The home of Anna is Oslo. </think> Therefore, the answer is Oslo.<|im_end|>";
/// assert_eq!(grade(TaskType::Reading, "Oslo", response, true).score, 1.0);
/// assert_eq!(grade(TaskType::Reading, "Lima", response, true).status, Status::Wrong);
/// assert_eq!(grade(TaskType::Reading, "Oslo", response, false).status, Status::Truncated);
/// ```
pub fn grade(task: TaskType, gold: &str, response: &str, finished: bool) -> Graded {
    if !finished || !response.contains(THINK_END) {
        return Graded::none(Status::Truncated);
    }
    let Some(answer) = said(response) else { return Graded::none(Status::Unparsable) };
    match task {
        TaskType::MultipleChoice => choice(gold, answer),
        TaskType::Numeric => number(gold, answer),
        TaskType::Dialogue => Graded::of(longlab_kernels::similarity::ratio(answer, gold)),
        TaskType::MultiHop | TaskType::Reading => covers(gold, answer),
    }
}

impl World {
    /// Grades a response by the rules of the world: [`grade`], or in English what stands after the last "Therefore, the answer is".
    pub fn grade(self, task: TaskType, gold: &str, response: &str, finished: bool) -> Graded {
        match self {
            World::Micro => grade(task, gold, response, finished),
            World::English => english::grade(task, gold, response, finished),
        }
    }

    /// The answer that a response gives, as the rules read it; none without an answer phrase.
    pub fn said(self, response: &str) -> Option<&str> {
        match self {
            World::Micro => said(response),
            World::English => english::said(response),
        }
    }
}

/// The answer of a response of the micro world: what follows the phrase after its thinking.
fn said(response: &str) -> Option<&str> {
    let (_, answer) = response.rsplit_once(THINK_END)?;
    after_phrase(answer.split(END).next().unwrap_or_default())
}

/// What follows the last "answer is", without blanks and closing dots.
fn after_phrase(text: &str) -> Option<&str> {
    let at = text.to_lowercase().rfind("answer is")?;
    let answer = text.get(at + "answer is".len()..)?.trim().trim_end_matches('.').trim();
    (!answer.is_empty()).then_some(answer)
}

fn choice(gold: &str, answer: &str) -> Graded {
    let letters: Vec<char> = answer.chars().filter(|c| c.is_alphanumeric()).collect();
    match letters[..] {
        [letter @ 'A'..='D'] => Graded::of(f64::from(u8::from(gold.contains(letter)))),
        _ => Graded::none(Status::Unparsable),
    }
}

const NUMBER_TOLERANCE: f64 = 0.0015;

fn number(gold: &str, answer: &str) -> Graded {
    let Ok(gold) = gold.parse::<f64>() else { return Graded::none(Status::Unparsable) };
    match answer.replace([',', '$', '%'], "").parse::<f64>() {
        Ok(value) => Graded::of(f64::from(u8::from((value - gold).abs() <= NUMBER_TOLERANCE * gold.abs()))),
        Err(_) => Graded::none(Status::Unparsable),
    }
}

/// Cover exact match over normalised words: the gold words occur in a row in the answer.
fn covers(gold: &str, answer: &str) -> Graded {
    let (gold, answer) = (normal_words(gold), normal_words(answer));
    if answer.is_empty() || gold.is_empty() {
        return Graded::none(Status::Unparsable);
    }
    Graded::of(f64::from(u8::from(answer.windows(gold.len()).any(|window| window == gold))))
}

fn normal_words(text: &str) -> Vec<String> {
    let kept: String = text.to_lowercase().chars().filter(|c| !c.is_ascii_punctuation()).collect();
    kept.split_whitespace().filter(|word| !["a", "an", "the"].contains(word)).map(String::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(task: TaskType, gold: &str, answer: &str) -> Graded {
        grade(task, gold, &format!("thinking </think> {answer} <|im_end|>"), true)
    }

    #[test]
    fn each_task_type_has_its_rule() {
        assert_eq!(score(TaskType::MultipleChoice, "(C)", "The correct answer is (C).").score, 1.0);
        assert_eq!(score(TaskType::MultipleChoice, "(C)", "The correct answer is (A).").status, Status::Wrong);
        assert_eq!(score(TaskType::MultipleChoice, "(C)", "The correct answer is Oslo.").status, Status::Unparsable);
        assert_eq!(score(TaskType::MultipleChoice, "(C)", "The correct answer is (C) (A).").status, Status::Unparsable);
        assert_eq!(score(TaskType::Numeric, "85", "Therefore, the answer is 85.").score, 1.0);
        assert_eq!(score(TaskType::Numeric, "85", "Therefore, the answer is -85.").score, 0.0);
        assert_eq!(score(TaskType::Numeric, "0", "Therefore, the answer is Oslo.").status, Status::Unparsable);
        assert_eq!(score(TaskType::Reading, "Oslo", "Therefore, the answer is the Oslo.").score, 1.0);
        assert_eq!(score(TaskType::Reading, "Oslo", "Oslo").status, Status::Unparsable);
        assert_eq!(score(TaskType::Dialogue, "amber bright", "Therefore, the answer is amber bright.").score, 1.0);
        let part =
            score(TaskType::Dialogue, "amber bright cloud", "Therefore, the answer is amber bright dusty.").score;
        assert!(part > 0.5 && part < 1.0, "{part}");
    }

    #[test]
    fn a_name_inside_another_does_not_cover() {
        assert_eq!(score(TaskType::Reading, "Ann", "Therefore, the answer is Anna.").score, 0.0);
    }

    #[test]
    fn thinking_that_does_not_close_is_truncated() {
        let graded = grade(TaskType::Reading, "Oslo", "the answer is Oslo", true);
        assert_eq!(graded, Graded { status: Status::Truncated, score: 0.0 });
    }
}
