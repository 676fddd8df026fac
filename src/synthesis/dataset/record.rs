//! A line of the dataset: an item, and where it stands in the set.

use crate::item::Item;
use crate::stages::Tried;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What an item is set aside for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// For training.
    Train,
    /// For testing.
    Test,
}

impl Split {
    /// Both.
    pub const ALL: [Split; 2] = [Split::Train, Split::Test];

    /// The name used in files.
    pub fn name(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Test => "test",
        }
    }
}

/// Where an item stands in the set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// What it is set aside for.
    pub split: Split,
    /// Its number within its split.
    pub index: usize,
    /// The length that the law gave it, tokens.
    pub target: usize,
    /// Its bin of difficulty, from 0.
    pub bin: usize,
    /// Right answers of the model of the checks with the documents, and tries; none where none was asked.
    pub rate: Option<(usize, usize)>,
    /// What a model was put to about it.
    #[serde(default)]
    pub tried: Vec<Tried>,
}

/// A line of the dataset.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The item.
    pub item: Item,
    /// Where it stands.
    pub placed: Placed,
}

impl Record {
    /// The line: the fields of the item, then those of its place.
    pub fn line(&self) -> Result<Map<String, Value>, serde_json::Error> {
        let fields = |value| match value {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        let mut line = fields(serde_json::to_value(&self.item)?);
        line.extend(fields(serde_json::to_value(&self.placed)?));
        Ok(line)
    }

    /// The record of a line.
    pub fn parse(line: &[u8]) -> Result<Record, serde_json::Error> {
        Ok(Record { item: serde_json::from_slice(line)?, placed: serde_json::from_slice(line)? })
    }
}
