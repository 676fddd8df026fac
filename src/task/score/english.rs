//! Responses in English: what stands after the last "Therefore, the answer is".

use super::{Graded, Status, covers, number};
use crate::task::TaskType;
use crate::task::template::{END, PHRASE};

/// Grades a response. One that did not end by itself is truncated; one without the phrase is unparsable, whatever it says.
pub(super) fn grade(task: TaskType, gold: &str, response: &str, finished: bool) -> Graded {
    if !finished {
        return Graded::none(Status::Truncated);
    }
    let Some(answer) = said(response) else { return Graded::none(Status::Unparsable) };
    match task {
        TaskType::MultipleChoice => choice(gold, answer),
        TaskType::Numeric => number(gold, amount(answer)),
        TaskType::Dialogue => Graded::of(longlab_kernels::similarity::ratio(answer, gold)),
        TaskType::MultiHop | TaskType::Reading => covers(gold, answer),
    }
}

/// The answer of a response.
pub(super) fn said(response: &str) -> Option<&str> {
    after_phrase(response.split(END).next().unwrap_or_default())
}

/// What follows the last phrase, in small or capital letters, without quotes, bold print and full stop.
fn after_phrase(text: &str) -> Option<&str> {
    // Only these letters are changed, so that places in both texts are the same.
    let at = text.to_ascii_lowercase().rfind(&PHRASE.to_ascii_lowercase())?;
    let answer = bare(text.get(at + PHRASE.len()..)?);
    (!answer.is_empty()).then_some(answer)
}

/// The text without what stands around an answer.
fn bare(text: &str) -> &str {
    let around = |c: char| c.is_whitespace() || "\"'\u{201c}\u{201d}\u{2018}\u{2019}*`".contains(c);
    text.trim_start_matches(|c| around(c) || c == ':').trim_end_matches(|c| around(c) || c == '.')
}

/// One letter, alone, in brackets or before what the option says.
fn choice(gold: &str, answer: &str) -> Graded {
    let letters: Vec<&str> = words(answer).filter(|word| matches!(*word, "A" | "B" | "C" | "D")).collect();
    match (letters.as_slice(), words(answer).next()) {
        (&[letter], Some(first)) if letter == first => Graded::of(f64::from(u8::from(letter == gold))),
        _ => Graded::none(Status::Unparsable),
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// The number of "16 trees"; the whole answer where that is not what it is.
fn amount(answer: &str) -> &str {
    match answer.split_once(char::is_whitespace) {
        Some((first, rest)) if !rest.contains(|c: char| c.is_ascii_digit()) => first,
        _ => answer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(task: TaskType, gold: &str, response: &str) -> Graded {
        grade(task, gold, &format!("{response}<|im_end|>"), true)
    }

    fn reading(response: &str) -> Graded {
        score(TaskType::Reading, "Ann Reed", response)
    }

    #[test]
    fn the_answer_stands_after_the_last_phrase() {
        assert_eq!(reading("The mayor is Ann Reed.\nTherefore, the answer is Ann Reed.").score, 1.0);
        assert_eq!(reading("Therefore, the answer is Tom Hale. No. Therefore, the answer is Ann Reed.").score, 1.0);
        assert_eq!(reading("Therefore, the answer is Ann Reed. No. Therefore, the answer is Tom Hale.").score, 0.0);
        assert_eq!(reading("THEREFORE, THE ANSWER IS: **\"Ann Reed\"**.").score, 1.0);
        assert_eq!(reading("Therefore, the answer is Ann.").status, Status::Wrong);
    }

    #[test]
    fn without_the_phrase_nothing_is_read() {
        for response in
            ["Ann Reed", "The answer is Ann Reed.", "Therefore, the answer is", "Therefore, the answer is \".\"", ""]
        {
            assert_eq!(reading(response), Graded::none(Status::Unparsable), "{response}");
        }
        let cut = grade(TaskType::Reading, "Ann Reed", "Therefore, the answer is Ann Reed", false);
        assert_eq!(cut, Graded::none(Status::Truncated));
        // A letter whose small form is longer or shorter moves no place.
        assert_eq!(reading("\u{130}\u{1e9e} Therefore, the answer is Ann Reed.").score, 1.0);
    }

    #[test]
    fn a_choice_is_one_letter() {
        let choice = |answer: &str| score(TaskType::MultipleChoice, "B", &format!("Therefore, the answer is {answer}"));
        for right in ["B.", "(B)", "B. Ann Reed", "**B**", "B) Ann Reed."] {
            assert_eq!(choice(right).score, 1.0, "{right}");
        }
        assert_eq!(choice("C.").status, Status::Wrong);
        for unread in ["A or B.", "Ann Reed.", "option B", "b"] {
            assert_eq!(choice(unread).status, Status::Unparsable, "{unread}");
        }
    }

    #[test]
    fn numbers_may_have_a_noun() {
        let number = |answer: &str| score(TaskType::Numeric, "16", &format!("Therefore, the answer is {answer}"));
        assert_eq!(number("16.").score, 1.0);
        assert_eq!(number("16 trees.").score, 1.0);
        assert_eq!(number("61.").status, Status::Wrong);
        assert_eq!(number("16 or 17.").status, Status::Unparsable);
        assert_eq!(number("sixteen.").status, Status::Unparsable);
    }

    #[test]
    fn a_recalled_sentence_scores_its_similarity() {
        let gold = "The plumber changed the valve before anyone else had arrived";
        let recall = |answer: &str| score(TaskType::Dialogue, gold, &format!("Therefore, the answer is {answer}"));
        assert_eq!(recall(&format!("\"{gold}.\"")).score, 1.0);
        let part = recall("The plumber changed the valve and will be back on Monday.").score;
        assert!(part > 0.4 && part < 1.0, "{part}");
    }
}
