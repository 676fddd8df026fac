//! How a server is asked: what a specification or a command line says.

use crate::{ClientError, address};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::path::PathBuf;
use std::time::Duration;

/// What a client writes into each request itself.
const OWN_FIELDS: [&str; 5] = ["model", "messages", "n", "stream", "stream_options"];

/// The longest time that may be set, seconds: a year.
const LONGEST: f64 = 365.0 * 86_400.0;

/// A server and how it is asked. Everything but `url` has a default; an unknown key is an error.
///
/// ```
/// use longlab_client::ClientSettings;
/// let settings: ClientSettings = serde_json::from_str(r#"{"url": "http://127.0.0.1:8000", "retry": {"tries": 3}}"#).unwrap();
/// assert_eq!((settings.retry.tries, settings.concurrency), (3, 8));
/// assert!(settings.check().is_ok());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClientSettings {
    /// Where the server is, with `/v1` at the end or without.
    pub url: String,
    /// The model; where none is named, the first that the server lists.
    pub model: Option<String>,
    /// The environment variable that holds the API key. The key itself is never in settings, records or the cache.
    pub key_variable: Option<String>,
    /// What the server is called in keys of the cache, for one that moves between addresses; else its address.
    pub identity: Option<String>,
    /// Time to reach the server, seconds.
    pub connect_seconds: f64,
    /// Time of one try from its beginning to the last byte of the answer, seconds.
    pub request_seconds: f64,
    /// Requests under way at once.
    pub concurrency: usize,
    /// When a failed try is made again.
    pub retry: Retry,
    /// Whether answers come piece by piece, for callers that show them as they grow.
    pub stream: bool,
    /// Longest answer that is read, bytes.
    pub largest_reply: u64,
    /// File that remembers answers: the same request is sent once and then answered from there. None: each request is sent.
    pub cache: Option<PathBuf>,
    /// What tokens cost.
    pub prices: Prices,
    /// How much may be used.
    pub budget: Budget,
    /// Fields that are put into each request, over those that it has; null takes one out.
    pub extra: Map<String, Value>,
}

/// When a failed try is made again: on 429, on 5xx and on broken connections.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// Tries of one request, the first included.
    pub tries: u32,
    /// Pause before the second try, seconds; each one after is twice as long.
    pub pause_seconds: f64,
    /// Longest pause, seconds. A server that asks for a longer one is not asked again.
    pub longest_pause_seconds: f64,
}

/// Prices, in any one currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Prices {
    /// Of a million tokens of prompts.
    pub prompt_million: f64,
    /// Of a million tokens of answers, thinking included.
    pub completion_million: f64,
}

/// Caps; what is none has no cap. A call that begins below a cap is finished, so the last calls may go beyond it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Budget {
    /// Tokens, those of prompts and answers together. 0 sends nothing: what the cache has is answered.
    pub tokens: Option<u64>,
    /// Cost, in the currency of the prices.
    pub cost: Option<f64>,
}

impl Default for Retry {
    fn default() -> Self {
        Retry { tries: 5, pause_seconds: 1.0, longest_pause_seconds: 120.0 }
    }
}

impl Default for ClientSettings {
    fn default() -> Self {
        ClientSettings {
            url: "http://127.0.0.1:8000/v1".into(),
            model: None,
            key_variable: None,
            identity: None,
            connect_seconds: 10.0,
            request_seconds: 1800.0,
            concurrency: 8,
            retry: Retry::default(),
            stream: false,
            largest_reply: 64 << 20,
            cache: None,
            prices: Prices::default(),
            budget: Budget::default(),
            extra: Map::new(),
        }
    }
}

impl ClientSettings {
    /// Settings of a server, with every default.
    pub fn of(url: impl Into<String>) -> ClientSettings {
        ClientSettings { url: url.into(), ..ClientSettings::default() }
    }

    /// Whether every setting lies in its range and the address is one. No server is asked.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self) -> Result<(), ClientError> {
        let (prices, retry) = (&self.prices, &self.retry);
        address::base(&self.url)?;
        let time = "it must be above 0, in seconds, and a year at most";
        holds("connect_seconds", is_time(self.connect_seconds), time)?;
        holds("request_seconds", is_time(self.request_seconds), time)?;
        holds("retry.pause_seconds", is_time(retry.pause_seconds), time)?;
        holds("retry.longest_pause_seconds", is_time(retry.longest_pause_seconds), time)?;
        holds("retry.tries", retry.tries > 0, "it must be 1 at least; the first try counts")?;
        holds("concurrency", self.concurrency > 0, "it must be 1 at least")?;
        holds("largest_reply", self.largest_reply > 0, "it must be 1 byte at least")?;
        let price = "a price must be 0 or more";
        holds("prices.prompt_million", is_amount(prices.prompt_million), price)?;
        holds("prices.completion_million", is_amount(prices.completion_million), price)?;
        holds("budget.cost", self.budget.cost.is_none_or(is_amount), "it must be 0 or more")?;
        let priced = self.budget.cost.is_none() || prices.prompt_million + prices.completion_million > 0.0;
        holds("budget.cost", priced, "it never applies without prices; set `prices`, or cap `budget.tokens`")?;
        let foreign = OWN_FIELDS.iter().all(|field| !self.extra.contains_key(*field));
        holds("extra", foreign, "model, messages, n, stream and stream_options are written by the client")
    }
}

fn holds(name: &'static str, good: bool, reason: &'static str) -> Result<(), ClientError> {
    if good { Ok(()) } else { Err(ClientError::Setting { name, reason }) }
}

fn is_time(seconds: f64) -> bool {
    seconds > 0.0 && seconds <= LONGEST
}

fn is_amount(amount: f64) -> bool {
    amount >= 0.0 && amount.is_finite()
}

/// A time that [`ClientSettings::check`] has passed.
pub(crate) fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The setting that is refused, if any.
    fn refused(change: impl FnOnce(&mut ClientSettings)) -> Option<&'static str> {
        let mut settings = ClientSettings::default();
        change(&mut settings);
        match settings.check() {
            Err(ClientError::Setting { name, .. }) => Some(name),
            _ => None,
        }
    }

    #[test]
    fn settings_outside_their_range_are_named() {
        assert_eq!(refused(|_| ()), None);
        assert_eq!(refused(|settings| settings.connect_seconds = 0.0), Some("connect_seconds"));
        assert_eq!(refused(|settings| settings.request_seconds = f64::NAN), Some("request_seconds"));
        assert_eq!(refused(|settings| settings.retry.pause_seconds = f64::INFINITY), Some("retry.pause_seconds"));
        assert_eq!(refused(|settings| settings.retry.tries = 0), Some("retry.tries"));
        assert_eq!(refused(|settings| settings.concurrency = 0), Some("concurrency"));
        assert_eq!(refused(|settings| settings.prices.prompt_million = -1.0), Some("prices.prompt_million"));
        assert_eq!(refused(|settings| settings.budget.cost = Some(1.0)), Some("budget.cost"));
        assert_eq!(refused(|settings| drop(settings.extra.insert("n".into(), 4.into()))), Some("extra"));
    }

    #[test]
    fn written_settings_read_the_same_and_unknown_keys_are_errors() {
        let settings = ClientSettings { model: Some("qwen".into()), ..ClientSettings::of("http://a:1/v1") };
        let written = serde_json::to_string(&settings).unwrap();
        assert_eq!(serde_json::from_str::<ClientSettings>(&written).unwrap(), settings);
        assert!(serde_json::from_str::<ClientSettings>(r#"{"concurency": 3}"#).is_err());
    }
}
