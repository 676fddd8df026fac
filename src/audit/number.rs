//! A number as it is printed: digits and decimals, no rounding of our own.

use serde::{Serialize, Serializer};
use std::fmt;

/// Digits beyond which a cell is taken for something else than a score.
const MOST_DIGITS: usize = 15;
/// Decimals beyond which a cell is taken for something else than a score.
const MOST_DECIMALS: usize = 9;

/// A printed number, `units` times ten to the power of minus `decimals`.
///
/// ```
/// use longlab::audit::Printed;
/// let cell = Printed::parse("+62.50%").unwrap();
/// assert_eq!((cell.units, cell.decimals, cell.signed), (6250, 2, true));
/// assert_eq!(Printed::parse("−0.31").unwrap().units, -31);
/// assert_eq!(Printed::parse("1.6K"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Printed {
    /// All digits as one whole number.
    pub units: i64,
    /// Digits after the point.
    pub decimals: u32,
    /// Printed with a plus or a minus sign.
    pub signed: bool,
}

impl Printed {
    /// Reads a cell; marks of emphasis and a percent sign around the digits do not count. `None` of anything else, of more
    /// than 15 digits and of more than 9 decimals.
    pub fn parse(text: &str) -> Option<Self> {
        let marks = |letter: char| letter.is_whitespace() || matches!(letter, '*' | '†' | '‡' | '%');
        let text = text.trim_matches(marks);
        let (negative, rest) = match text.strip_prefix(['-', '−']) {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, part) = rest.split_once('.').unwrap_or((rest, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let fits = whole.len() + part.len() <= MOST_DIGITS && part.len() <= MOST_DECIMALS;
        if whole.is_empty() || !digits(whole) || !digits(part) || !fits {
            return None;
        }
        let size: i64 = format!("{whole}{part}").parse().ok()?;
        let units = if negative { -size } else { size };
        Some(Self { units, decimals: u32::try_from(part.len()).ok()?, signed: rest.len() < text.len() })
    }

    /// Nothing was measured: empty, a dash, or `n/a`.
    pub fn is_blank(text: &str) -> bool {
        matches!(text.trim().to_lowercase().as_str(), "" | "-" | "–" | "—" | "−" | "n/a" | "na")
    }

    /// The nearest floating-point number.
    pub fn value(self) -> f64 {
        self.units as f64 / 10f64.powi(self.decimals as i32)
    }

    /// The number in units of ten to the power of minus `decimals`, which must not be fewer than its own.
    pub(crate) fn scaled(self, decimals: u32) -> i128 {
        i128::from(self.units) * 10i128.pow(decimals.saturating_sub(self.decimals))
    }

    /// One in the last printed place, in units of ten to the power of minus `decimals`.
    pub(crate) fn step(self, decimals: u32) -> i128 {
        10i128.pow(decimals.saturating_sub(self.decimals))
    }
}

impl fmt::Display for Printed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.units < 0 {
            "-"
        } else if self.signed {
            "+"
        } else {
            ""
        };
        let (size, base) = (self.units.unsigned_abs(), 10u64.pow(self.decimals));
        write!(out, "{sign}{}", size / base)?;
        if self.decimals > 0 {
            write!(out, ".{:0width$}", size % base, width = self.decimals as usize)?;
        }
        Ok(())
    }
}

impl Serialize for Printed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
