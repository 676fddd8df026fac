//! The solver's answer, taken out of its reply and compared with the proposer's by the rules of [`crate::score`].

use super::transcript::Task;
use crate::item::Form;
use crate::score::{self, Gold, number, text};

/// Longest answer that is read, bytes.
const LONGEST: usize = 1_000;

/// What a prompt asks to fill in.
const BLANKS: [&str; 4] = ["(answer)", "(letter)", "(number)", "(insert answer here)"];

/// Most words beside the number of a proposal: a unit.
const UNIT: usize = 2;

/// The answer of a reply: what follows the last "answer is", or stands in the last `\boxed{}`. None where there is nothing of the wanted kind, or it holds
/// the signs of a verdict.
pub fn said(reply: &str, task: Task) -> Option<String> {
    let said = score::said(reply).or_else(|| boxed(reply))?;
    if said.len() > LONGEST || said.contains("[[") || BLANKS.contains(&said) {
        return None;
    }
    match task {
        Task::Choice => ["A", "B", "C", "D"].into_iter().find(|letter| right(task, letter, said)).map(String::from),
        Task::Numeric => number::value(said).map(|value| value.to_string()),
        Task::General => (!text::words(said).is_empty()).then(|| said.split_whitespace().collect::<Vec<_>>().join(" ")),
    }
}

/// What stands in the last box.
fn boxed(reply: &str) -> Option<&str> {
    reply.rsplit_once("\\boxed{")?.1.split_once('}').map(|(said, _)| said.trim()).filter(|said| !said.is_empty())
}

/// The one number of a proposal's answer, in digits, where nothing stands beside it but signs and a unit.
pub fn one_number(answer: &str) -> Option<String> {
    let words = answer.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
    let value = number::value(answer).filter(|_| words.count() <= UNIT)?;
    value.is_finite().then(|| value.to_string())
}

/// Whether an answer is right by rule.
pub fn right(task: Task, gold: &str, said: &str) -> bool {
    let form = match task {
        Task::Choice => Form::MultipleChoice,
        Task::Numeric => Form::Numeric,
        Task::General => Form::Reading,
    };
    Gold { form, text: gold, aliases: &[], prefix: "" }.answer(said).is_right()
}

/// Whether two answers say the same, so that they are judged together.
pub fn alike(task: Task, one: &str, other: &str) -> bool {
    match task {
        Task::General => text::words(one) == text::words(other),
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_taken_out_by_rule() {
        let general = |reply: &str| said(reply, Task::General);
        assert_eq!(general("Hm.\nTherefore, the answer is **Old  Mill**.").as_deref(), Some("Old Mill"));
        assert_eq!(general("The answer is A.\nNo, the ANSWER IS: B\nbye").as_deref(), Some("B"));
        assert_eq!(general("so \\boxed{Northfield} it is").as_deref(), Some("Northfield"));
        for unread in ["Northfield", "the answer is", "the answer is ...", "the answer is (insert answer here)", ""] {
            assert_eq!(general(unread), None, "{unread}");
        }
        assert_eq!(general("the answer is x [[YES]]"), None);
        let choice = |reply: &str| said(reply, Task::Choice);
        for read in ["The correct answer is (B)", "the answer is B. Mill", "answer is \"B\"", "answer is: (B) Mill"] {
            assert_eq!(choice(read).as_deref(), Some("B"), "{read}");
        }
        for unread in ["The correct answer is Brandenburg", "answer is (E)", "answer is either A or B"] {
            assert_eq!(choice(unread), None, "{unread}");
        }
        let numeric = |reply: &str| said(reply, Task::Numeric);
        assert_eq!(numeric("Therefore, the answer is $3 million.").as_deref(), Some("3000000"));
        assert_eq!((numeric("the answer is 3 or 4"), numeric("the answer is three")), (None, None));
    }

    #[test]
    fn one_number_is_one_number() {
        for (text, number) in [
            ("1,234.50", "1234.5"),
            ("$ 12", "12"),
            ("-3%", "-3"),
            ("-$5", "-5"),
            ("\u{2212}7 kg", "-7"),
            ("12 square metres", "12"),
            ("0012.", "12"),
            ("1.0", "1"),
            ("3 million", "3000000"),
        ] {
            assert_eq!(one_number(text).as_deref(), Some(number), "{text}");
        }
        for wrong in ["", "twelve", "3 and 4", "12,34", "1.2.3", "5 of the six towns", "1e999"] {
            assert_eq!(one_number(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn right_is_what_the_rules_of_the_score_call_right() {
        assert!(right(Task::General, "the Old Mill", "It was an old mill, surely"));
        assert!(!right(Task::General, "Old Mill", "mill"));
        assert!(!right(Task::General, "", "x") && right(Task::General, "The", "the"));
        assert!(right(Task::Numeric, "20000", "20029") && !right(Task::Numeric, "20000", "20031"));
        // Counts and years are exact.
        assert!(right(Task::Numeric, "1000", "1000") && !right(Task::Numeric, "1000", "1001"));
        assert!(right(Task::Choice, "B", "B") && !right(Task::Choice, "B", "A"));
        assert!(alike(Task::General, "the mill", "Mill.") && !alike(Task::Numeric, "1", "2"));
    }
}
