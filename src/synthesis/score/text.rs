//! Texts compared by their words.

/// Articles are no words.
const ARTICLES: [&str; 3] = ["a", "an", "the"];

/// The words of a text as they are compared: in small letters, without articles and without marks but those that tell words apart (`C++`, `C#`,
/// `foo_bar`, `3.5`, `-5`). A text of nothing but articles keeps them.
pub fn words(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let at = |place: Option<usize>| place.and_then(|place| chars.get(place)).copied();
    let digit = |place: Option<usize>| at(place).is_some_and(|c| c.is_ascii_digit());
    let kept = chars.iter().enumerate().filter(|&(place, &c)| {
        let (before, after) = (place.checked_sub(1), Some(place + 1));
        match c {
            '.' => digit(before) && digit(after),
            '-' | '\u{2212}' => digit(after) && !at(before).is_some_and(char::is_alphanumeric),
            '+' | '#' => at(before).is_some_and(|c| c.is_alphanumeric() || c == '+'),
            // Within a name, not around it.
            '_' => [before, after].into_iter().all(|place| at(place).is_some_and(|c| c.is_alphanumeric() || c == '_')),
            c => c.is_alphanumeric() || c.is_whitespace() || is_symbol(c),
        }
    });
    let kept: String = kept.map(|(_, c)| if *c == '\u{2212}' { '-' } else { *c }).collect::<String>().to_lowercase();
    let all: Vec<&str> = kept.split_whitespace().collect();
    let telling: Vec<String> =
        all.iter().filter(|word| !ARTICLES.contains(*word)).map(|word| word.to_string()).collect();
    if telling.is_empty() { all.into_iter().map(String::from).collect() } else { telling }
}

/// Marks of other scripts belong to their words: vowel signs, accents that stand alone.
fn is_symbol(c: char) -> bool {
    !c.is_ascii() && !c.is_alphanumeric() && unicode_mark(c)
}

fn unicode_mark(c: char) -> bool {
    // Combining marks of Latin, Hebrew, Arabic and the scripts of India.
    matches!(c, '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5c7}' | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' | '\u{900}'..='\u{dff}' | '\u{e31}'..='\u{e4e}')
}

/// Cover exact match: whether the gold's words occur in a row in the answer, or both are the same but for their marks. None where either has no words.
pub fn covers(gold: &str, answer: &str) -> Option<bool> {
    let (words_of_gold, words_of_answer) = (words(gold), words(answer));
    if words_of_gold.is_empty() {
        let same = !gold.trim().is_empty() && gold.trim() == answer.trim();
        return same.then_some(true);
    }
    if words_of_answer.is_empty() {
        return None;
    }
    let covered = words_of_answer.windows(words_of_gold.len()).any(|window| window == words_of_gold);
    // `Jean-Luc` and `Jean Luc` are one name.
    Some(covered || spaced(gold) == spaced(answer) && !spaced(gold).is_empty())
}

/// The words where marks within a name stand for blanks. A sign before a number is no such mark.
fn spaced(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let letter = |place: Option<&char>| place.is_some_and(|c| c.is_alphabetic());
    let within = |at: usize| at > 0 && letter(chars.get(at - 1)) && letter(chars.get(at + 1));
    let blank = |(at, c): (usize, &char)| if matches!(c, '-' | '\u{2013}' | '/') && within(at) { ' ' } else { *c };
    words(&chars.iter().enumerate().map(blank).collect::<String>())
}
