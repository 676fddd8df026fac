//! One record a settings key: what it is called, what it may hold, where its default comes from.

use super::choice::{UnknownChoice, listed};
use super::level::BadLevel;
use super::settings::{KEYS, Settings};
use super::suggest::nearest;

/// A key of [`Settings`], made by the declaration in `settings.rs`.
pub struct Key {
    /// The dotted path, as it is written in specs.
    pub path: &'static str,
    /// The type in words: `integer`, `number`, `text`, `choice`, `quantile or nats`, `factor or nats`.
    pub kind: &'static str,
    /// The least and the greatest value of a number, both allowed.
    pub range: Option<(f64, f64)>,
    /// The values of a choice; empty for other types.
    pub choices: &'static [&'static str],
    /// The unit of the value; empty when it has none.
    pub unit: &'static str,
    /// Where the default comes from.
    pub source: &'static str,
    /// What the key means.
    pub doc: &'static str,
    pub(super) get: fn(&Settings) -> toml::Value,
    pub(super) put: fn(&mut Settings, &toml::Value) -> Result<(), Misfit>,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({})", self.path)
    }
}

/// A value that does not fit its key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Misfit {
    /// What is wrong, with the value in it.
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
}

impl From<UnknownChoice> for Misfit {
    fn from(error: UnknownChoice) -> Self {
        let help = error.nearest.map(|near| format!("did you mean \"{near}\"?"));
        Misfit { message: error.to_string(), help }
    }
}

impl From<BadLevel> for Misfit {
    fn from(error: BadLevel) -> Self {
        Misfit { message: error.to_string(), help: None }
    }
}

/// The type of a setting: how it is written in TOML.
pub trait Setting: Sized {
    /// The type in words.
    const TYPE: &'static str;
    /// The values of a choice.
    const CHOICES: &'static [&'static str] = &[];
    /// Reads a value.
    fn from_toml(value: &toml::Value) -> Result<Self, Misfit>;
    /// Writes a value.
    fn to_toml(&self) -> toml::Value;
}

/// The message for a value of another type than the key's.
pub(super) fn wrong_type<T: Setting>(value: &toml::Value) -> Misfit {
    let help = match T::CHOICES {
        [] => None,
        choices => Some(format!("write one of {}, in quotes", listed(choices))),
    };
    let message = format!("expected {}, found {} {value}", article(T::TYPE), value.type_str());
    Misfit { message, help }
}

/// `an integer`, `a number`.
pub(super) fn article(noun: &str) -> String {
    let an = noun.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {noun}", if an { "an" } else { "a" })
}

macro_rules! integer_setting {
    ($($Int:ty),*) => {$(
        impl Setting for $Int {
            const TYPE: &'static str = "integer";
            fn from_toml(value: &toml::Value) -> Result<Self, Misfit> {
                let number = value.as_integer().ok_or_else(|| wrong_type::<Self>(value))?;
                let misfit = |_| Misfit { message: format!("{number} is too small or too large"), help: None };
                <$Int>::try_from(number).map_err(misfit)
            }
            fn to_toml(&self) -> toml::Value {
                toml::Value::Integer(i64::try_from(*self).unwrap_or(i64::MAX))
            }
        }
    )*};
}
integer_setting!(u32, u64, usize);

impl Setting for f64 {
    const TYPE: &'static str = "number";

    fn from_toml(value: &toml::Value) -> Result<Self, Misfit> {
        // 40 and 40.0 are the same number, and so are 0.0 and -0.0 (which adding zero takes care of).
        let number = match value {
            toml::Value::Integer(number) => *number as f64,
            toml::Value::Float(number) => *number + 0.0,
            _ => return Err(wrong_type::<Self>(value)),
        };
        // Written only where it is needed: this is read for every key of every cell.
        let misfit = || Misfit { message: format!("{number} is not a finite number"), help: None };
        number.is_finite().then_some(number).ok_or_else(misfit)
    }

    fn to_toml(&self) -> toml::Value {
        toml::Value::Float(*self)
    }
}

impl Setting for String {
    const TYPE: &'static str = "text";

    fn from_toml(value: &toml::Value) -> Result<Self, Misfit> {
        let text = value.as_str().ok_or_else(|| wrong_type::<Self>(value))?;
        let help = Some("write a text that is not empty".to_string());
        let empty = || Misfit { message: "the text is empty".to_string(), help };
        (!text.trim().is_empty()).then(|| text.to_string()).ok_or_else(empty)
    }

    fn to_toml(&self) -> toml::Value {
        self.as_str().into()
    }
}

impl Key {
    /// The key of a dotted path.
    ///
    /// ```
    /// use longlab::spec::Key;
    /// assert_eq!(Key::find("train.steps").unwrap().kind, "integer");
    /// assert!(Key::find("train.stepz").is_none());
    /// ```
    pub fn find(path: &str) -> Option<&'static Key> {
        KEYS.iter().find(|key| key.path == path)
    }

    /// The path of the key that was probably meant by a misspelled one.
    ///
    /// ```
    /// use longlab::spec::Key;
    /// assert_eq!(Key::nearest("train.stepz"), Some("train.steps"));
    /// ```
    pub fn nearest(path: &str) -> Option<&'static str> {
        nearest(path, KEYS.iter().map(|key| key.path))
    }

    /// The value of the key in `settings`.
    pub fn get(&self, settings: &Settings) -> toml::Value {
        (self.get)(settings)
    }

    /// Checks `value` and sets the key in `settings` to it; leaves `settings` alone when the value does not fit.
    ///
    /// ```
    /// use longlab::spec::{Key, Settings};
    /// let mut settings = Settings::default();
    /// let key = Key::find("train.steps").unwrap();
    /// key.set(&mut settings, &7.into()).unwrap();
    /// assert_eq!(settings.train.steps, 7);
    /// assert!(key.set(&mut settings, &(-7).into()).is_err());
    /// ```
    pub fn set(&self, settings: &mut Settings, value: &toml::Value) -> Result<(), Misfit> {
        if let (Some((low, high)), Some(number)) = (self.range, number(value))
            && !(low..=high).contains(&number)
            // A fraction where an integer belongs is of the wrong type first.
            && (self.kind != "integer" || value.is_integer())
        {
            let allowed = format!("{} to {}", short(low), short(high));
            let message = format!("{value} is out of range for `{}`: allowed is {allowed}", self.path);
            return Err(Misfit { message, help: Some(self.range_help(number, low, high)) });
        }
        (self.put)(settings, value)
    }

    fn range_help(&self, number: f64, low: f64, high: f64) -> String {
        let near = if number < low { low } else { high };
        let unit = if self.unit.is_empty() { String::new() } else { format!(" {}", self.unit) };
        format!("the nearest allowed value is {}{unit}", short(near))
    }

    /// The default, as it is written in TOML.
    ///
    /// ```
    /// use longlab::spec::Key;
    /// assert_eq!(Key::find("aepo.low").unwrap().default(), "\"1.1x\"");
    /// ```
    pub fn default(&self) -> String {
        self.get(&Settings::default()).to_string()
    }
}

fn number(value: &toml::Value) -> Option<f64> {
    value.as_float().or_else(|| value.as_integer().map(|number| number as f64))
}

/// A number as people write it: very small ones with an exponent.
pub(super) fn short(number: f64) -> String {
    if number != 0.0 && number.abs() < 1e-3 { format!("{number:e}") } else { format!("{number}") }
}
