//! The solver's answer, taken out of its reply by rule, and compared with the proposer's by rule.

use super::transcript::Task;
use crate::name::words;

/// Relative tolerance of numbers (notes of the paper's released code: 0.15%).
const TOLERANCE: f64 = 0.0015;

/// Longest answer that is read, bytes.
const LONGEST: usize = 1_000;

/// Words after which a number is another.
const SCALES: [&str; 12] =
    ["hundred", "thousand", "million", "millions", "billion", "billions", "trillion", "dozen", "k", "m", "bn", "mn"];

/// The answer of a reply: what follows the last "answer is", or stands in the last `\boxed{}`. None where there is nothing of the wanted kind, or it holds
/// the signs of a verdict.
pub fn said(reply: &str, task: Task) -> Option<String> {
    let lower = reply.to_ascii_lowercase();
    let phrase = lower.rfind("answer is").map(|at| at + "answer is".len());
    let boxed = lower.rfind("\\boxed{").map(|at| at + "\\boxed{".len());
    let at = phrase.max(boxed)?;
    let line = reply[at..].lines().next().unwrap_or_default();
    let line = if Some(at) == boxed { line.split('}').next().unwrap_or_default() } else { line };
    let marks = |c: char| c.is_whitespace() || ":*\"`'".contains(c);
    let text = line.trim_start_matches(marks).trim_end_matches(|c| marks(c) || c == '.');
    if text.len() > LONGEST
        || text.contains("[[")
        || ["(answer)", "(letter)", "(number)", "(insert answer here)"].contains(&text)
    {
        return None;
    }
    match task {
        Task::Choice => letter(text),
        Task::Numeric => one_number(text),
        Task::General => words(text).next().is_some().then(|| text.split_whitespace().collect::<Vec<_>>().join(" ")),
    }
}

/// The letter that a text begins with, in brackets or not.
fn letter(text: &str) -> Option<String> {
    let mut letters = text.trim_start_matches(['(', '*', '"', ' ']).chars();
    let first = letters.next().filter(|first| ('A'..='D').contains(first))?;
    letters.next().is_none_or(|next| !next.is_alphanumeric()).then(|| first.to_string())
}

/// The one number of a text, in digits with a point, where nothing stands beside it but signs and a unit of at most two words.
pub fn one_number(text: &str) -> Option<String> {
    let is_part = |c: char| c.is_ascii_digit() || c == '.' || c == ',';
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let length = text[start..].find(|c| !is_part(c)).unwrap_or(text.len() - start);
    let (digits, rest) = text[start..].split_at(length);
    let before = text[..start].trim_end_matches(['$', '€', '£', '¥', ' ']);
    let negative = before.ends_with(['-', '\u{2212}']);
    let before = before.trim_end_matches(['-', '\u{2212}', '$', '€', '£', '¥', ' ', '~', '+']);
    let units: Vec<String> = words(rest).collect();
    let scaled = units.iter().any(|unit| SCALES.contains(&unit.as_str()));
    let counted = rest.chars().any(|c| c.is_numeric()) || rest.starts_with(['e', 'E']);
    if !before.is_empty() || units.len() > 2 || scaled || counted {
        return None;
    }
    let digits = plain(digits.trim_end_matches(['.', ',']))?;
    let value: f64 = digits.parse().ok().filter(|value: &f64| value.is_finite())?;
    Some(if negative { -value } else { value }.to_string())
}

/// Digits without the commas that part thousands; none where commas part anything else.
fn plain(digits: &str) -> Option<String> {
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
    let groups: Vec<&str> = whole.split(',').collect();
    let parted = groups.len() == 1 || (groups[0].len() <= 3 && groups[1..].iter().all(|group| group.len() == 3));
    let sound = parted && !groups[0].is_empty() && decimals.bytes().all(|byte| byte.is_ascii_digit());
    sound.then(|| format!("{}.{}", groups.concat(), if decimals.is_empty() { "0" } else { decimals }))
}

/// Whether an answer is right by rule: the same letter, the same number within 0.15%, or the gold answer's words in a row in it.
pub fn right(task: Task, gold: &str, said: &str) -> bool {
    match task {
        Task::Choice => gold == said,
        Task::Numeric => match (gold.parse::<f64>(), said.parse::<f64>()) {
            (Ok(gold), Ok(said)) => (gold - said).abs() <= TOLERANCE * gold.abs(),
            _ => false,
        },
        Task::General => {
            let (gold, said) = (told(gold), told(said));
            !gold.is_empty() && said.windows(gold.len()).any(|window| window == gold)
        }
    }
}

/// Whether two answers say the same, so that they are judged together.
pub fn alike(task: Task, one: &str, other: &str) -> bool {
    match task {
        Task::General => told(one) == told(other),
        _ => one == other,
    }
}

/// Words but the articles; all of them where there are no others.
fn told(text: &str) -> Vec<String> {
    let all: Vec<String> = words(text).collect();
    let kept: Vec<String> = all.iter().filter(|word| !["a", "an", "the"].contains(&word.as_str())).cloned().collect();
    if kept.is_empty() { all } else { kept }
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
        for read in ["The correct answer is (B)", "answer is B. Mill", "answer is \"B\"", "answer is: (B) Mill"] {
            assert_eq!(choice(read).as_deref(), Some("B"), "{read}");
        }
        for unread in ["The correct answer is Brandenburg", "answer is (E)", "answer is b", "answer is either A or B"] {
            assert_eq!(choice(unread), None, "{unread}");
        }
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
        ] {
            assert_eq!(one_number(text).as_deref(), Some(number), "{text}");
        }
        for wrong in
            ["", "twelve", "3 and 4", "about 3", "3 million", "12,34", "1.2.3", "1e5", "5 of the six towns", "3²"]
        {
            assert_eq!(one_number(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn right_is_strict() {
        assert!(
            right(Task::General, "the Old Mill", "It was an old mill, surely")
                && !right(Task::General, "Old Mill", "mill")
        );
        assert!(!right(Task::General, "", "x") && right(Task::General, "The", "the"));
        assert!(right(Task::Numeric, "1000", "1001.5") && !right(Task::Numeric, "1000", "1001.6"));
        assert!(right(Task::Choice, "B", "B") && !right(Task::Choice, "B", "A"));
        assert!(alike(Task::General, "the mill", "Mill.") && !alike(Task::Numeric, "1", "2"));
    }
}
