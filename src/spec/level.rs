//! Levels of entropy: absolute in nats, or relative to something that is only known during training.

use super::key::{Misfit, Setting, wrong_type};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Where negative-gradient clipping begins: `"q0.8"` or a number of nats.
///
/// ```
/// use longlab::spec::Threshold;
/// assert_eq!("q0.8".parse(), Ok(Threshold::Quantile(0.8)));
/// assert_eq!("0.5".parse(), Ok(Threshold::Nats(0.5)));
/// assert!("q1.5".parse::<Threshold>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Plain", into = "Plain")]
pub enum Threshold {
    /// This quantile (0..=1) of the entropies of the batch's negatives: tokens or responses, after the gate's level.
    Quantile(f64),
    /// An entropy in nats.
    Nats(f64),
}

/// A bound of AEPO: `"1.1x"` of the entropy at the first step, or a number of nats.
///
/// ```
/// use longlab::spec::Bound;
/// let bound: Bound = "2x".parse().unwrap();
/// assert_eq!(bound, Bound::Times(2.0));
/// assert_eq!(bound.nats(0.25), 0.5);
/// assert_eq!(Bound::Nats(0.3).nats(0.25), 0.3);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Plain", into = "Plain")]
pub enum Bound {
    /// A multiple of the entropy of the first step.
    Times(f64),
    /// An entropy in nats.
    Nats(f64),
}

impl Bound {
    /// The bound in nats, given the entropy of the first step in nats.
    pub fn nats(self, start: f64) -> f64 {
        match self {
            Bound::Times(factor) => factor * start,
            Bound::Nats(nats) => nats,
        }
    }
}

/// A level that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not {wanted}")]
pub struct BadLevel {
    /// What was written.
    pub given: String,
    /// What can be written.
    pub wanted: &'static str,
}

/// How levels are written in TOML and JSON.
#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "a number of nats or a text")]
enum Plain {
    Number(f64),
    Text(String),
}

/// What both kinds of level share: a relative form written in a text, and a number of nats.
trait Level: Sized + Copy {
    const WANTED: &'static str;
    /// Reads the relative form; `None` when the text is not of that form.
    fn relative(text: &str) -> Option<Self>;
    fn absolute(nats: f64) -> Self;
    fn plain(self) -> Plain;

    fn read(plain: Plain) -> Result<Self, BadLevel> {
        let (level, given) = match plain {
            Plain::Number(nats) => (in_nats(nats), nats.to_string()),
            Plain::Text(text) => {
                let level = Self::relative(&text).or_else(|| in_nats(text.parse().ok()?));
                (level, text)
            }
        };
        level.ok_or(BadLevel { given, wanted: Self::WANTED })
    }
}

fn in_nats<L: Level>(nats: f64) -> Option<L> {
    (nats.is_finite() && nats >= 0.0).then(|| L::absolute(nats))
}

impl Level for Threshold {
    const WANTED: &'static str = "a quantile from \"q0\" to \"q1\" or a number of nats, 0 or more";

    fn relative(text: &str) -> Option<Self> {
        let quantile: f64 = text.strip_prefix('q')?.parse().ok()?;
        (0.0..=1.0).contains(&quantile).then_some(Threshold::Quantile(quantile))
    }

    fn absolute(nats: f64) -> Self {
        Threshold::Nats(nats)
    }

    fn plain(self) -> Plain {
        match self {
            Threshold::Quantile(quantile) => Plain::Text(format!("q{quantile}")),
            Threshold::Nats(nats) => Plain::Number(nats),
        }
    }
}

impl Level for Bound {
    const WANTED: &'static str = "a factor such as \"1.1x\" or a number of nats, 0 or more";

    fn relative(text: &str) -> Option<Self> {
        let factor: f64 = text.strip_suffix('x')?.parse().ok()?;
        (factor.is_finite() && factor >= 0.0).then_some(Bound::Times(factor))
    }

    fn absolute(nats: f64) -> Self {
        Bound::Nats(nats)
    }

    fn plain(self) -> Plain {
        match self {
            Bound::Times(factor) => Plain::Text(format!("{factor}x")),
            Bound::Nats(nats) => Plain::Number(nats),
        }
    }
}

/// Gives a level its conversions; the trait cannot, since they are traits of others.
macro_rules! level {
    ($Name:ident, $kind:literal) => {
        impl TryFrom<Plain> for $Name {
            type Error = BadLevel;
            fn try_from(plain: Plain) -> Result<Self, BadLevel> {
                Self::read(plain)
            }
        }

        impl From<$Name> for Plain {
            fn from(level: $Name) -> Plain {
                level.plain()
            }
        }

        impl FromStr for $Name {
            type Err = BadLevel;
            fn from_str(text: &str) -> Result<Self, BadLevel> {
                Self::read(Plain::Text(text.to_string()))
            }
        }

        impl fmt::Display for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.plain() {
                    Plain::Number(nats) => write!(f, "{nats}"),
                    Plain::Text(text) => f.write_str(&text),
                }
            }
        }

        impl Setting for $Name {
            const TYPE: &'static str = $kind;

            fn from_toml(value: &toml::Value) -> Result<Self, Misfit> {
                let plain = match value {
                    toml::Value::String(text) => Plain::Text(text.clone()),
                    toml::Value::Integer(nats) => Plain::Number(*nats as f64),
                    toml::Value::Float(nats) => Plain::Number(*nats),
                    _ => return Err(wrong_type::<Self>(value)),
                };
                Ok(Self::read(plain)?)
            }

            fn to_toml(&self) -> toml::Value {
                match self.plain() {
                    Plain::Number(nats) => nats.into(),
                    Plain::Text(text) => text.into(),
                }
            }
        }
    };
}

level!(Threshold, "quantile or nats");
level!(Bound, "factor or nats");
