//! `model`: who plays the model of a run.

use super::SpecError;
use longlab_client::ClientSettings;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::path::Path;

/// The model of a run: one on this machine, or one behind a server.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ModelSpec {
    /// A name that `longlab fetch` knows, a folder or a file.
    Local(String),
    /// A server, a table with `url`, `model`, `key_variable` and the other settings of a client.
    Server(Box<ClientSettings>),
}

impl ModelSpec {
    /// Puts a path that lies below a folder there; names stay.
    pub(super) fn move_below(&mut self, folder: &Path) {
        if let ModelSpec::Local(name) = self
            && folder.join(&name).exists()
        {
            *name = folder.join(&name).to_string_lossy().into_owned();
        }
    }

    pub(super) fn check(&self, key: &str) -> Result<(), SpecError> {
        match self {
            ModelSpec::Server(settings) => {
                settings.check().map_err(|error| SpecError::Mistake(format!("`{key}`: {error}")))
            }
            ModelSpec::Local(_) => Ok(()),
        }
    }
}

impl<'de> Deserialize<'de> for ModelSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ModelSpec, D::Error> {
        struct Who;
        impl<'de> Visitor<'de> for Who {
            type Value = ModelSpec;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("the name, folder or file of a model (`\"smol\"`), or a table with the `url` of a server")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<ModelSpec, E> {
                Ok(ModelSpec::Local(text.into()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ModelSpec, A::Error> {
                // An unknown key is named, which an untagged enum would not do.
                ClientSettings::deserialize(MapAccessDeserializer::new(map)).map(|own| ModelSpec::Server(Box::new(own)))
            }
        }
        deserializer.deserialize_any(Who)
    }
}

#[cfg(test)]
mod tests {
    use super::ModelSpec;
    use crate::Spec;

    fn spec(model: &str) -> Result<Option<ModelSpec>, String> {
        let rest = "[corpus]\nfolder = \"a\"\n[output]\nfolder = \"b\"\n[engines.table]\nitems = 3\n";
        let text = if model.starts_with('[') {
            format!("name = \"a\"\n{rest}{model}")
        } else {
            format!("name = \"a\"\n{model}\n{rest}")
        };
        Spec::parse(&text).map(|spec| spec.model).map_err(|error| error.to_string())
    }

    #[test]
    fn a_model_is_a_name_or_a_server() {
        assert_eq!(spec(""), Ok(None));
        assert_eq!(spec("model = \"smol\""), Ok(Some(ModelSpec::Local("smol".into()))));
        let server = spec("[model]\nurl = \"http://a:1\"\nmodel = \"m\"\nkey_variable = \"KEY\"\n").unwrap().unwrap();
        let ModelSpec::Server(settings) = &server else { panic!("{server:?}") };
        assert_eq!((settings.url.as_str(), settings.key_variable.as_deref()), ("http://a:1", Some("KEY")));
        assert!(spec("model = 5").unwrap_err().contains("`url` of a server"));
        assert!(spec("[model]\nurl = \"http://a:1\"\nkey = \"x\"\n").unwrap_err().contains("unknown field `key`"));
        assert!(spec("[model]\nurl = \"nowhere\"\n").unwrap_err().contains("`model`"));
    }
}
