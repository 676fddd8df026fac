//! What a cell of a table says: a number with its unit, a date, a year, or a text.

use crate::item::ColumnKind;
use crate::name::MONTHS;
use serde_json::Value;
use std::borrow::Cow;

/// Ways to say that there is no value.
const EMPTY: [&str; 14] = ["", "-", "--", "–", "—", "?", "...", "n/a", "na", "n.a.", "nan", "none", "null", "unknown"];

/// Bytes of the longest of them.
const LONGEST_EMPTY: usize = 7;

/// A number and what it counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantity {
    /// The number.
    pub value: f64,
    /// Its unit, currency or `%`; none where it is bare.
    pub unit: Option<String>,
}

/// A cell's text without the marks of emphasis around it.
pub fn bare(text: &str) -> &str {
    text.trim().trim_matches(|c| matches!(c, '*' | '`')).trim()
}

/// Whether a cell says that there is no value.
pub fn is_empty(text: &str) -> bool {
    let text = bare(text);
    text.len() <= LONGEST_EMPTY && EMPTY.iter().any(|empty| empty.eq_ignore_ascii_case(text))
}

/// The value of a cell in a column of this kind and unit: null where it is empty; none where it says something else.
pub fn value(text: &str, kind: ColumnKind, unit: Option<&str>) -> Option<Value> {
    if is_empty(text) {
        return Some(Value::Null);
    }
    match kind {
        ColumnKind::Number => {
            let Quantity { value, unit: own } = quantity(text)?;
            (own.is_none() || own.as_deref() == unit).then(|| Value::from(value))
        }
        ColumnKind::Year => year(text).map(Value::from),
        ColumnKind::Date => date(text).map(Value::from),
        ColumnKind::Text => Some(Value::from(bare(text).split_whitespace().collect::<Vec<_>>().join(" "))),
    }
}

/// Largest whole number up to which all are exact: 2^53.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A number with its unit, as `12`, `1,234.5`, `-3e-2`, `$5`, `12 %` and `40 kg` are. None where it could be read in two ways (`1,5`, `1.234.567`).
///
/// ```
/// use longlab_synthesis::table::cell::quantity;
/// let read = |text: &str| quantity(text).map(|read| (read.value, read.unit));
/// assert_eq!(read("1,234.5"), Some((1234.5, None)));
/// assert_eq!(read("−3 °C"), Some((-3.0, Some("°C".into()))));
/// assert_eq!((read("1,5"), read("3.11.4"), read("5 to 7"), read("-999999999999999999")), (None, None, None, None));
/// ```
pub fn quantity(text: &str) -> Option<Quantity> {
    let text = bare(text);
    // Most cells of texts end here.
    if !text.starts_with(|c: char| c.is_ascii_digit() || "-+\u{2212}$€£¥.".contains(c)) {
        return None;
    }
    let plain_signs =
        if text.contains('\u{2212}') { text.replace('\u{2212}', "-").into() } else { Cow::Borrowed(text) };
    let text = plain_signs.as_ref();
    let (sign, rest) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (if text.starts_with('-') { -1.0 } else { 1.0 }, rest.trim_start()),
        None => (1.0, text),
    };
    let currency = rest.chars().next().filter(|first| "$€£¥".contains(*first));
    let rest = rest.trim_start_matches(|c| Some(c) == currency).trim_start();
    let (digits, tail) = rest.split_at(number_end(rest));
    let unit = unit(tail, currency)?;
    let value = sign * plain(digits)?;
    // A whole number that is not exact would be compared as another one; a fraction is off by less than what is asked for.
    let exact = value.abs() <= EXACT || digits.contains(['e', 'E', '.']);
    (value.is_finite() && exact).then_some(Quantity { value, unit })
}

/// Where the digits, with their point, commas and exponent, end.
fn number_end(text: &str) -> usize {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ',')).unwrap_or(text.len());
    let exponent = text[end..].strip_prefix(['e', 'E']).map(|rest| {
        let digits = rest.strip_prefix(['-', '+']).unwrap_or(rest);
        let count = digits.bytes().take_while(u8::is_ascii_digit).count();
        if count == 0 { 0 } else { text.len() - end - digits.len() + count }
    });
    end + exponent.unwrap_or(0)
}

/// The unit after a number, which is at most three short words of letters; none where something else stands there.
fn unit(tail: &str, currency: Option<char>) -> Option<Option<String>> {
    let tail = tail.trim();
    match (tail, currency) {
        ("", currency) => Some(currency.map(String::from)),
        (_, Some(_)) => None,
        (tail, None) => {
            let letters = |c: char| c.is_alphabetic() || "%°/²³µ".contains(c);
            let short = tail.split(' ').count() == 1 && tail.chars().count() <= 12;
            (short && tail.chars().all(letters)).then(|| Some(tail.to_string()))
        }
    }
}

/// Digits with an optional point, exponent, and commas between thousands.
fn plain(digits: &str) -> Option<f64> {
    let mantissa = digits.split(['e', 'E']).next()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let groups: Vec<&str> = whole.split(',').collect();
    let grouped =
        groups.len() == 1 || (1..=3).contains(&groups[0].len()) && groups[1..].iter().all(|group| group.len() == 3);
    let fit = grouped && !whole.is_empty() && !fraction.contains(['.', ',']) && digits.len() <= 40;
    if fit { digits.replace(',', "").parse().ok() } else { None }
}

/// A year of four digits, 1000 to 2199, alone in its cell.
pub fn year(text: &str) -> Option<u32> {
    let text = bare(text);
    let year = (text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?;
    year.filter(|year| (1000..2200).contains(year))
}

/// A date as `YYYY-MM` or `YYYY-MM-DD`. Read are `2019-03`, `2019-03-12`, with a time after it or without, `12 March 2019`, `March 12, 2019` and
/// `Mar 2019`; not `3/12/2019`, which is two dates.
///
/// ```
/// use longlab_synthesis::table::cell::date;
/// assert_eq!(date("12 March 2019").as_deref(), Some("2019-03-12"));
/// assert_eq!(date("2019-03-12T08:00").as_deref(), Some("2019-03-12"));
/// assert_eq!((date("2019-13-01"), date("3/12/2019"), date("31 June 2019")), (None, None, None));
/// ```
pub fn date(text: &str) -> Option<String> {
    let text = bare(text);
    iso(text).or_else(|| written(text))
}

fn iso(text: &str) -> Option<String> {
    let day = text.split(['T', ' ']).next()?;
    let rest = &text[day.len()..];
    let clock = rest.chars().skip(1).all(|c| c.is_ascii_digit() || ":.+-Z ".contains(c));
    let mut parts = day.split('-');
    let (year, month) = (digits(parts.next()?, 4)?, digits(parts.next()?, 2)?);
    let day = parts.next().map(|day| digits(day, 2));
    match (day, parts.next()) {
        (_, Some(_)) | (Some(None), _) => None,
        (day, None) if clock => dated(year, month, day.flatten()),
        _ => None,
    }
}

fn written(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    let month = |word: &str| {
        let word = word.trim_end_matches('.').to_lowercase();
        let long_enough = word.len() >= 3;
        MONTHS.iter().position(|name| long_enough && name.starts_with(&word)).map(|at| at as u32 + 1)
    };
    match words[..] {
        [day, name, year] if month(name).is_some() => dated(digits(year, 4)?, month(name)?, Some(short_number(day)?)),
        [name, day, year] if month(name).is_some() => dated(digits(year, 4)?, month(name)?, Some(short_number(day)?)),
        [name, year] => dated(digits(year, 4)?, month(name)?, None),
        _ => None,
    }
}

fn dated(year: u32, month: u32, day: Option<u32>) -> Option<String> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    match day {
        Some(day) if (1..=days).contains(&day) => Some(format!("{year:04}-{month:02}-{day:02}")),
        Some(_) => None,
        None => Some(format!("{year:04}-{month:02}")),
    }
    .filter(|_| (1000..2200).contains(&year))
}

fn digits(text: &str, count: usize) -> Option<u32> {
    (text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

fn short_number(text: &str) -> Option<u32> {
    (text.len() <= 2).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn units_must_be_the_columns() {
        assert_eq!(value("40 kg", ColumnKind::Number, Some("kg")), Some(Value::from(40.0)));
        assert_eq!(value("40 kg", ColumnKind::Number, None), None);
        assert_eq!(value("40", ColumnKind::Number, Some("kg")), Some(Value::from(40.0)));
        assert_eq!(value(" n/a ", ColumnKind::Number, None), Some(Value::Null));
    }

    #[test]
    fn numbers_are_read_whole_or_not_at_all() {
        let read = |text| quantity(text).map(|read| (read.value, read.unit));
        assert_eq!(read("$1,000"), Some((1000.0, Some("$".into()))));
        assert_eq!(read("1e3"), Some((1000.0, None)));
        assert_eq!(read("12 %"), Some((12.0, Some("%".into()))));
        assert_eq!(read("**7**"), Some((7.0, None)));
        for text in ["12*3", "1.2.3", "12,34", "abc", "5-7", ".5.", "$", "9".repeat(400).as_str(), "1 2"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn years_and_dates() {
        assert_eq!((year("1817"), year("817"), year("+817")), (Some(1817), None, None));
        assert_eq!(date("Feb. 2020").as_deref(), Some("2020-02"));
        assert_eq!(date("29 February 2019"), None);
        assert_eq!((date("Marvellous 2020"), date("M 2020")), (None, None));
    }

    proptest! {
        #[test]
        fn no_text_is_too_much(text in ".{0,60}") {
            for kind in [ColumnKind::Number, ColumnKind::Year, ColumnKind::Date, ColumnKind::Text] {
                let _ = value(&text, kind, None);
            }
        }

        #[test]
        fn written_numbers_are_read_back(number in -1e9f64..1e9) {
            prop_assert_eq!(quantity(&number.to_string()).map(|read| read.value), Some(number));
        }
    }
}
