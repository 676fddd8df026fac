//! Numbers with what stands beside them.

/// What two numbers may differ by, of the gold: that of the released rules.
const TOLERANCE: f64 = 0.0015;

/// Whole numbers below this are counts and years: exact.
const COUNTS: f64 = 10_000.0;

/// Words that may stand before a number.
const BEFORE: [&str; 15] = [
    "usd",
    "eur",
    "gbp",
    "jpy",
    "cny",
    "rmb",
    "chf",
    "us",
    "about",
    "approximately",
    "approx",
    "roughly",
    "around",
    "exactly",
    "nearly",
];

/// Words after a number that multiply it.
const SCALES: [(&str, f64); 4] = [("thousand", 1e3), ("million", 1e6), ("billion", 1e9), ("trillion", 1e12)];

/// A number as it was written.
struct Number {
    value: f64,
    /// Digits after its point.
    decimals: usize,
    /// What a word behind it multiplies it with.
    scale: f64,
}

/// Whether a text is nothing but a number.
pub fn is_plain(text: &str) -> bool {
    text.trim().parse::<f64>().is_ok_and(f64::is_finite)
}

/// The one number that an answer says, multiplied as the word behind it says; none where it says no number, or more than one.
pub fn value(answer: &str) -> Option<f64> {
    let number = read(first_sentence(answer))?;
    Some(number.value * number.scale)
}

/// Whether an answer says the gold's number; none where it says no number, or more than one, or the gold is none. Currencies, percent signs and units
/// are not compared: the question asks for one.
pub fn same(gold: &str, answer: &str) -> Option<bool> {
    let (gold, answer) = (read(gold)?, read(first_sentence(answer))?);
    let (own, decimals) = (gold.value * gold.scale, gold.decimals);
    let exact = decimals == 0 && own.abs() < COUNTS;
    let near = |value: f64| {
        let off = (value - own).abs();
        let rounded = decimals > 0 && off <= 0.5 * 10f64.powi(-(decimals as i32)) + 1e-12 * own.abs();
        if exact { off <= 1e-9 } else { rounded || off <= TOLERANCE * own.abs() }
    };
    Some(near(answer.value) || near(answer.value * answer.scale))
}

/// What stands before the first full stop that ends a sentence.
fn first_sentence(text: &str) -> &str {
    let end = text.match_indices('.').map(|(at, _)| at).find(|at| text[at + 1..].starts_with(char::is_whitespace));
    end.map_or(text, |end| &text[..end])
}

/// The one number of a text.
fn read(text: &str) -> Option<Number> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    // A point before the first digit is its own.
    let start = start - usize::from(text[..start].ends_with('.'));
    let (before, rest) = text.split_at(start);
    let mut words = before.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
    if !words.all(|word| BEFORE.contains(&word.to_ascii_lowercase().as_str())) {
        return None;
    }
    let sign = before.trim_end_matches(|c: char| !c.is_alphanumeric() && !"-\u{2212}".contains(c));
    let negative = sign.ends_with(['-', '\u{2212}']);
    let (digits, rest) = rest.split_at(length(rest));
    let (value, decimals) = plain(digits)?;
    // A digit behind a letter belongs to a unit (m2); any other is a second number.
    let beside = |at: usize| rest[..at].chars().next_back().is_some_and(char::is_alphabetic);
    if rest.char_indices().any(|(at, c)| c.is_ascii_digit() && !beside(at)) {
        return None;
    }
    let word = rest.split(|c: char| !c.is_alphabetic()).find(|word| !word.is_empty()).unwrap_or_default();
    let scale = SCALES.iter().find(|(name, _)| word.eq_ignore_ascii_case(name)).map_or(1.0, |(_, scale)| *scale);
    Some(Number { value: if negative { -value } else { value }, decimals, scale })
}

/// Bytes of the digits, points, separators of thousands and exponent at the beginning of a text.
fn length(text: &str) -> usize {
    let mut end = 0;
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    while end < bytes.len() {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        end += match bytes[end] {
            b'0'..=b'9' => 1,
            b'.' | b',' if digit(end + 1) => 1,
            b'e' | b'E' if end > 0 && digit(end + 1 + sign) => 1 + sign,
            _ => break,
        };
    }
    end
}

/// A number of digits, a point, an exponent, and commas between thousands; with its digits after the point.
fn plain(digits: &str) -> Option<(f64, usize)> {
    let mantissa = digits.split(['e', 'E']).next()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let groups: Vec<&str> = whole.split(',').collect();
    let grouped =
        groups.len() == 1 || (1..=3).contains(&groups[0].len()) && groups[1..].iter().all(|group| group.len() == 3);
    let fit = grouped && !fraction.contains(['.', ',']) && digits.len() <= 40;
    let value: f64 = if fit { digits.replace(',', "").parse().ok()? } else { return None };
    value.is_finite().then_some((value, fraction.len()))
}
