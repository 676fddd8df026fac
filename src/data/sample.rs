//! One question with its documents, gold answer, task type and evidence.

use super::file;
use crate::task::{Graded, Status, TaskType, World, template};
use longlab_synthesis::score::Standing;
use serde::{Deserialize, Serialize};

/// One sample.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Number within its dataset.
    pub id: u64,
    /// Task type.
    pub task: TaskType,
    /// The world it was drawn in: how it is put and how answers to it are read.
    #[serde(default = "micro", skip_serializing_if = "is_micro")]
    pub world: World,
    /// The documents as they stand in the prompt.
    pub text: String,
    /// The question, with options for multiple choice.
    pub question: String,
    /// The gold answer.
    pub gold: String,
    /// Sentences of the documents that the answer rests on (its certificate).
    pub evidence: Vec<String>,
    /// What a sample of a dataset has in place of documents; none for one that was drawn in a world.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
}

/// What a sample of a dataset has in place of documents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// The whole prompt, as the policy's chat template writes it.
    pub prompt: String,
    /// Its tokens by the policy's tokenizer.
    pub tokens: usize,
    /// Other right answers.
    pub aliases: Vec<String>,
    /// What a turn given back must begin with; empty for other task types.
    pub prefix: String,
    /// The engine that made it.
    pub engine: String,
}

impl Sample {
    /// The whole prompt.
    pub fn prompt(&self) -> String {
        match &self.asked {
            Some(asked) => asked.prompt.clone(),
            None => template::prompt(self),
        }
    }

    /// Tokens of the prompt of a sample of a dataset; 0 for one of a world, which knows no tokenizer.
    pub fn tokens(&self) -> usize {
        self.asked.as_ref().map_or(0, |asked| asked.tokens)
    }

    /// Grades a response (decoded with its special tokens); `finished` says whether it ended by itself. Samples of datasets have the rules of
    /// [`longlab_synthesis::score`]; where their prompt opens the thinking, a response that never closes it is truncated.
    pub fn grade(&self, response: &str, finished: bool) -> Graded {
        let Some(asked) = &self.asked else { return self.world.grade(self.task, &self.gold, response, finished) };
        let thinks = asked.prompt.trim_end().ends_with(template::THINK);
        if !finished || (thinks && !response.contains(template::THINK_END)) {
            return Graded { status: Status::Truncated, score: 0.0 };
        }
        let graded = file::gold(self, asked).grade(response);
        let status = match graded.standing {
            Standing::Right => Status::Right,
            Standing::Wrong => Status::Wrong,
            Standing::Unparsable => Status::Unparsable,
        };
        Graded { status, score: graded.score }
    }

    /// The answer that a response gives, as the rules read it; none without an answer phrase.
    pub fn said<'a>(&self, response: &'a str) -> Option<&'a str> {
        match &self.asked {
            Some(_) => longlab_synthesis::score::said(response),
            None => self.world.said(response),
        }
    }
}

/// Samples that do not say their world are older than the others.
fn micro() -> World {
    World::Micro
}

fn is_micro(world: &World) -> bool {
    *world == World::Micro
}
