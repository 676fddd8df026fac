//! A row for training: prompt, answer and what scores it, in the schema that verl's RL datasets read. As Parquet, or as a line of JSON.

use super::record::{Record, Split};
use crate::error::Result;
use crate::item::{Form, Proof};
use crate::prompt;
use longlab_client::Message;
use serde::{Deserialize, Serialize};

/// A row for training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainingRow {
    /// `<dataset>/<form>`.
    pub data_source: String,
    /// The messages of the prompt.
    pub prompt: Vec<Message>,
    /// The form.
    pub ability: String,
    /// What is right.
    pub reward_model: RewardModel,
    /// All else.
    #[serde(default)]
    pub extra_info: ExtraInfo,
}

/// What is right.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RewardModel {
    /// The answer as it should be written.
    pub ground_truth: String,
    /// `rule`.
    pub style: String,
}

/// What a row says beyond verl's columns. A field that a file does not have is empty or 0.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExtraInfo {
    /// `train` or `test`.
    pub split: String,
    /// Number within the split.
    pub index: i64,
    /// Id of the item.
    pub id: String,
    /// What made it.
    pub engine: String,
    /// The form.
    pub form: String,
    /// The question alone.
    pub question: String,
    /// Other right answers, a JSON list of texts.
    pub aliases: String,
    /// What a turn given back must begin with.
    pub prefix: String,
    /// Tokens of the prompt.
    pub tokens: i64,
    /// The engine's own measure.
    pub difficulty: i64,
    /// Bin of difficulty.
    pub bin: i64,
}

impl TrainingRow {
    /// The row of an item of the dataset `name`.
    ///
    /// # Errors
    /// Where its prompt does not render.
    pub fn of(record: &Record, name: &str) -> Result<TrainingRow> {
        let Record { item, placed } = record;
        let form = item.form.name().to_string();
        let prefix = match &item.certificate.proof {
            Proof::Turn { prefix, .. } => prefix.clone(),
            _ => String::new(),
        };
        Ok(TrainingRow {
            data_source: format!("{name}/{form}"),
            prompt: prompt::messages(item)?,
            ability: form.clone(),
            reward_model: RewardModel { ground_truth: item.answer.text.clone(), style: "rule".into() },
            extra_info: ExtraInfo {
                split: placed.split.name().into(),
                index: placed.index as i64,
                id: item.id.0.clone(),
                engine: item.engine.name().into(),
                form,
                question: item.question.clone(),
                aliases: serde_json::to_string(&item.answer.aliases).unwrap_or_default(),
                prefix,
                tokens: item.certificate.tokens as i64,
                difficulty: item.difficulty as i64,
                bin: placed.bin as i64,
            },
        })
    }

    /// How it is scored; none where its ability is no form.
    pub fn form(&self) -> Option<Form> {
        Form::ALL.into_iter().find(|form| form.name() == self.ability)
    }

    /// Other right answers.
    pub fn aliases(&self) -> Vec<String> {
        serde_json::from_str(&self.extra_info.aliases).unwrap_or_default()
    }

    /// What it is set aside for; none where it does not say.
    pub fn split(&self) -> Option<Split> {
        Split::ALL.into_iter().find(|split| split.name() == self.extra_info.split)
    }
}
