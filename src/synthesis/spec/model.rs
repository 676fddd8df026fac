//! `model`: who plays the model of a run.

use longlab_client::ClientSettings;
use serde::{Deserialize, Serialize};

/// The model of a run: one on this machine, or one behind a server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected the name of a model (`\"smol\"`), the path of its folder or file, or a table with the `url` of a server"
)]
pub enum ModelSpec {
    /// A name that `longlab fetch` knows, a folder or a file.
    Local(String),
    /// A server, a table with `url`, `model`, `key_variable` and the other settings of a client.
    Server(Box<ClientSettings>),
}
