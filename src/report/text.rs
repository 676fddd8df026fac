//! Numbers as text, one way for all formats.

use super::estimate::Interval;

/// What stands where nothing was measured.
pub const NOTHING: &str = "–";

/// A number with fixed decimals and a true minus sign; never minus zero.
///
/// ```
/// # use longlab::report::text::fixed;
/// assert_eq!(fixed(-1.25, 1), "−1.2");
/// assert_eq!(fixed(-0.01, 1), "0.0");
/// ```
pub fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let zero = text.chars().all(|letter| matches!(letter, '0' | '.'));
    if value < 0.0 && !zero { format!("−{text}") } else { text }
}

/// A number with its sign.
///
/// ```
/// # use longlab::report::text::signed;
/// assert_eq!(signed(3.29, 2), "+3.29");
/// ```
pub fn signed(value: f64, decimals: usize) -> String {
    let text = fixed(value, decimals);
    if value > 0.0 { format!("+{text}") } else { text }
}

/// The ends of an interval.
pub fn ends(low: f64, high: f64, decimals: usize) -> String {
    format!("{} to {}", fixed(low, decimals), fixed(high, decimals))
}

/// The interval of an estimate.
pub fn interval(cell: &Interval, decimals: usize) -> String {
    ends(cell.low, cell.high, decimals)
}

/// A p-value; small ones as a bound.
///
/// ```
/// # use longlab::report::text::probability;
/// assert_eq!((probability(0.0312), probability(0.0001)), ("0.031".into(), "< 0.001".into()));
/// ```
pub fn probability(p: f64) -> String {
    if p < 0.001 { "< 0.001".into() } else { format!("{p:.3}") }
}

/// A count with its noun.
///
/// ```
/// # use longlab::report::text::count;
/// assert_eq!((count(1, "seed"), count(2, "seed")), ("1 seed".into(), "2 seeds".into()));
/// ```
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
