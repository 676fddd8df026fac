//! What can be wrong with a client before it asks anything.

use crate::ChatFailure;
use std::path::PathBuf;

/// Why there is no client. Every message names the setting and the mend.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server's address cannot be used.
    #[error("server address{url}: {reason}")]
    Address {
        /// The address with a blank before it; empty where it has something secret in it.
        url: String,
        /// What is wrong with it, and the mend.
        reason: &'static str,
    },
    /// A setting is outside its range.
    #[error("client setting `{name}`: {reason}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// What is wrong with it, and the mend.
        reason: &'static str,
    },
    /// The environment has no API key where the settings say.
    #[error("environment variable {variable}: {reason}")]
    Key {
        /// The variable.
        variable: String,
        /// What is wrong with it, and the mend.
        reason: &'static str,
    },
    /// The request cache cannot be opened.
    #[error("request cache {path}: {source}", path = path.display())]
    Cache {
        /// Its file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The server did not say which models it has.
    #[error("asking {server} for its models: {failure}; name one in `model`")]
    Models {
        /// The server.
        server: String,
        /// What came instead.
        failure: ChatFailure,
    },
    /// The server has no such model.
    #[error("{server} has no model `{model}`; it has {known}")]
    Model {
        /// The server.
        server: String,
        /// The model.
        model: String,
        /// Those that it has.
        known: String,
    },
}
