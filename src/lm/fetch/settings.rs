//! Where models are kept and how the network is used.

use super::FetchError;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// Settings of a fetch; the defaults come from the environment.
#[derive(Clone)]
pub struct Settings {
    /// Folder of known models.
    pub models: PathBuf,
    /// Hugging Face's folder of repositories.
    pub hub: PathBuf,
    /// The hub's address, without a slash at its end.
    pub endpoint: String,
    /// What the hub knows one by. Sent to the endpoint alone, never along a redirection.
    pub token: Option<String>,
    /// Whether the network is left alone.
    pub offline: bool,
    /// Requests for one file that may fail one after another, without a byte between them.
    pub tries: u32,
    /// Time before the second try; each one after waits twice as long.
    pub pause: Duration,
    /// Time that a server may be silent.
    pub silence: Duration,
}

impl Settings {
    /// From the environment: `LONGLAB_MODELS` (else `XDG_CACHE_HOME/longlab/models` or `~/.cache/longlab/models`), `HF_HUB_CACHE`, `HF_HOME`,
    /// `HF_ENDPOINT`, `HF_TOKEN`, and `HF_HUB_OFFLINE` or `LONGLAB_OFFLINE`.
    ///
    /// # Errors
    /// No home folder where one is needed.
    pub fn from_environment() -> Result<Self, FetchError> {
        Self::from_variables(|name| std::env::var_os(name))
    }

    /// From variables; an empty one counts as none.
    ///
    /// # Errors
    /// No home folder where one is needed.
    ///
    /// ```
    /// use longlab::lm::fetch::Settings;
    /// let settings = Settings::from_variables(|name| (name == "HOME").then(|| "/home/anna".into())).unwrap();
    /// assert_eq!(settings.models.to_str(), Some("/home/anna/.cache/longlab/models"));
    /// assert_eq!(settings.hub.to_str(), Some("/home/anna/.cache/huggingface/hub"));
    /// assert!(!settings.offline);
    /// ```
    pub fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, FetchError> {
        let given = |name: &str| variable(name).filter(|value| !value.is_empty());
        let text = |name: &str| given(name).and_then(|value| value.into_string().ok());
        let path = |name: &str| given(name).map(PathBuf::from);
        let cache = || path("XDG_CACHE_HOME").or_else(|| Some(path("HOME")?.join(".cache"))).ok_or(FetchError::Home);
        let models = path("LONGLAB_MODELS").map_or_else(|| Ok(cache()?.join("longlab/models")), Ok)?;
        let hub = match (path("HF_HUB_CACHE"), path("HF_HOME")) {
            (Some(hub), _) => hub,
            (None, Some(home)) => home.join("hub"),
            (None, None) => cache()?.join("huggingface/hub"),
        };
        let endpoint = text("HF_ENDPOINT").unwrap_or_else(|| "https://huggingface.co".to_owned());
        let yes = |name: &str| {
            let value = text(name).unwrap_or_default().to_uppercase();
            ["1", "ON", "YES", "TRUE"].contains(&value.as_str())
        };
        Ok(Settings {
            models,
            hub,
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            token: text("HF_TOKEN"),
            offline: yes("HF_HUB_OFFLINE") || yes("LONGLAB_OFFLINE"),
            tries: 5,
            pause: Duration::from_secs(1),
            silence: Duration::from_secs(60),
        })
    }

    pub(super) fn online(&self, model: &str) -> Result<(), FetchError> {
        if self.offline { Err(FetchError::Offline { model: model.to_owned() }) } else { Ok(()) }
    }
}
