//! The roles of the agents: who plays them, what they are asked, how long their replies may be.

use longlab_client::ClientSettings;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::path::PathBuf;

/// Who plays a role.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum RoleSpec {
    /// `"the"`: the model that the run is given.
    #[default]
    The,
    /// A server of its own, a table with `url` and `model`.
    Server(Box<ClientSettings>),
}

impl Serialize for RoleSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            RoleSpec::The => serializer.serialize_str("the"),
            RoleSpec::Server(settings) => settings.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for RoleSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RoleSpec, D::Error> {
        struct Who;
        impl<'de> Visitor<'de> for Who {
            type Value = RoleSpec;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("\"the\" (the model of the run), or a table with `url` and `model`")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<RoleSpec, E> {
                if text == "the" {
                    Ok(RoleSpec::The)
                } else {
                    Err(E::invalid_value(serde::de::Unexpected::Str(text), &self))
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RoleSpec, A::Error> {
                ClientSettings::deserialize(MapAccessDeserializer::new(map)).map(|own| RoleSpec::Server(Box::new(own)))
            }
        }
        deserializer.deserialize_any(Who)
    }
}

/// `[engines.agents.prompts]`: minijinja files in place of those of `templates/agents`, and of the judge's prompt. Proposer's and solver's get `task`, `border`,
/// `parts` and `numbered` (whether sentences are cited by number), which `{% include "documents" %}` shows; the proposer's also `level`, `solved` and `words`,
/// the solver's `question`, the verifier's `question`, `predicted` and `gold` alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PromptFiles {
    /// The proposer's.
    pub propose: Option<PathBuf>,
    /// The solver's.
    pub solve: Option<PathBuf>,
    /// The verifier's, in place of that of Table 6.
    pub verify: Option<PathBuf>,
}

/// `[engines.agents.grammars]`: minijinja files that make a grammar (GBNF, llama.cpp's notation) of the values of a role's prompt. It goes with the request, so
/// that the server draws only such replies; the rules read them as any other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GrammarFiles {
    /// The proposer's.
    pub propose: Option<PathBuf>,
    /// The solver's.
    pub solve: Option<PathBuf>,
    /// The verifier's.
    pub verify: Option<PathBuf>,
}

/// `[engines.agents.tokens]`: longest replies, tokens, thinking included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReplyTokens {
    /// Of the proposer.
    pub propose: usize,
    /// Of the solver.
    pub solve: usize,
    /// Of the verifier.
    pub verify: usize,
}

impl Default for ReplyTokens {
    fn default() -> Self {
        ReplyTokens { propose: 4_096, solve: 4_096, verify: 1_024 }
    }
}
