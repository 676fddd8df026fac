//! The rollouts of a step as a file: what was sampled, how likely it was, and what it scored. About 14 bytes a token.
//!
//! `rollouts/<step>.safetensors` holds, groups in the order in which the step learned from them: `samples` (their numbers in the
//! pool) and `tasks`, one a group; `lengths`, `rewards`, `finished` and `slopes`, one a rollout; `tokens`, `logprobs`, `entropies` and
//! `entropies_one`, all rollouts one after the other. A step of self-play has `roles`, `sizes` and `prompts` besides, one a group: its prompts are
//! in no pool, and `samples` holds digests of them.

use super::decide::Flat;
use super::play::{Role, Seats};
use super::rollout::Group;
use crate::files;
use crate::spec::settings::{EntropyTemperature, Settings};
use crate::task::TaskType;
use anyhow::{Context, Result, ensure};
use longlab_kernels::stats;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::path::{Path, PathBuf};

/// The rollouts of one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Number of each prompt's sample in the pool.
    pub samples: Vec<u64>,
    /// Task type of each prompt, as in [`crate::task::TaskType::index`].
    pub tasks: Vec<u32>,
    /// Score of each rollout, 0..1.
    pub rewards: Vec<f64>,
    /// Whether each rollout reached its end token.
    pub finished: Vec<bool>,
    /// Mean over the tokens of each rollout of the norm of the gradient of their log-probability in the logits; 0 where it is empty.
    pub slopes: Vec<f32>,
    /// Tokens of each rollout.
    pub tokens: Vec<Vec<u32>>,
    /// Log-probability of each token at the sampling temperature.
    pub logprobs: Vec<Vec<f32>>,
    /// Entropy at each token at the sampling temperature, nats.
    pub entropies: Vec<Vec<f32>>,
    /// Entropy at each token at temperature 1, nats.
    pub entropies_one: Vec<Vec<f32>>,
    /// What a step of self-play has besides.
    pub seats: Option<Seats>,
}

/// Mean of some numbers; 0 of none.
fn mean(values: &[f32]) -> f32 {
    let values: Vec<f64> = values.iter().map(|&value| f64::from(value)).collect();
    stats::mean(&values).unwrap_or(0.0) as f32
}

impl Record {
    /// The record of a batch.
    pub fn of(groups: &[Group]) -> Record {
        let all = || groups.iter().flat_map(|group| &group.rollouts);
        Record {
            samples: groups.iter().map(|group| group.sample.id).collect(),
            tasks: groups.iter().map(|group| group.sample.task.index() as u32).collect(),
            rewards: all().map(|rollout| rollout.graded.score).collect(),
            finished: all().map(|rollout| rollout.response.finished).collect(),
            slopes: all().map(|rollout| mean(&rollout.response.slopes)).collect(),
            tokens: all().map(|rollout| rollout.response.tokens.clone()).collect(),
            logprobs: all().map(|rollout| rollout.response.logprobs.clone()).collect(),
            entropies: all().map(|rollout| rollout.response.entropies.clone()).collect(),
            entropies_one: all().map(|rollout| rollout.response.entropies_one.clone()).collect(),
            seats: None,
        }
    }

    /// The record of a batch of self-play: with roles and prompts, and digests of these in place of numbers.
    pub fn of_play(groups: &[Group]) -> Record {
        let seats = Seats::of(groups);
        Record { samples: seats.digests(), seats: Some(seats), ..Record::of(groups) }
    }

    /// Rollouts of each prompt.
    pub fn sizes(&self) -> Vec<usize> {
        match &self.seats {
            Some(seats) => seats.sizes.iter().map(|&size| size as usize).collect(),
            None => vec![self.rewards.len() / self.samples.len().max(1); self.samples.len()],
        }
    }

    fn role(&self, group: usize) -> Role {
        self.seats.as_ref().map_or(Role::Responder, |seats| seats.role(group))
    }

    /// What the decisions of a step need of it.
    pub fn flat(&self, settings: &Settings) -> Flat {
        let sizes = self.sizes();
        let groups: Vec<usize> = (0..sizes.len()).flat_map(|group| std::iter::repeat_n(group, sizes[group])).collect();
        // Each question has a prompt of its own: they are compared within the batch.
        let asked = (0..sizes.len()).find(|&group| self.role(group) == Role::Questioner);
        let peer = |&group: &usize| match self.role(group) {
            Role::Questioner => asked.unwrap_or(group),
            Role::Responder | Role::Verifier => group,
        };
        let task = |&group: &usize| match self.role(group) {
            Role::Responder => self.tasks[group] as usize,
            role => TaskType::ALL.len() + role.index() as usize,
        };
        let entropies = match settings.entropy.temperature {
            EntropyTemperature::Sampling => &self.entropies,
            EntropyTemperature::One => &self.entropies_one,
        };
        Flat {
            rewards: self.rewards.clone(),
            peers: groups.iter().map(peer).collect(),
            tasks: groups.iter().map(task).collect(),
            lengths: self.tokens.iter().map(Vec::len).collect(),
            entropies: entropies.clone(),
            micro: groups.iter().map(|&group| group / settings.train.micro_prompts).collect(),
            groups,
        }
    }

    /// The file of a step inside the folder of rollouts.
    pub fn path(dir: &Path, step: u64) -> PathBuf {
        dir.join(format!("{step:06}.safetensors"))
    }

    /// Writes the record; the same rollouts give the same bytes.
    pub fn save(&self, path: &Path) -> Result<()> {
        let lengths: Vec<u32> = self.tokens.iter().map(|tokens| tokens.len() as u32).collect();
        let flat = |rows: &[Vec<f32>]| rows.iter().flatten().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
        let (rollouts, tokens) = (self.rewards.len(), lengths.iter().sum::<u32>() as usize);
        let small = self.tokens.iter().flatten().all(|&token| token <= u32::from(u16::MAX));
        let ids = self.tokens.iter().flatten();
        let (id_kind, ids): (Dtype, Vec<u8>) = match small {
            true => (Dtype::U16, ids.flat_map(|&token| (token as u16).to_le_bytes()).collect()),
            false => (Dtype::U32, ids.flat_map(|token| token.to_le_bytes()).collect()),
        };
        let mut blobs: Vec<(&str, Dtype, usize, Vec<u8>)> = vec![
            ("samples", Dtype::U64, self.samples.len(), self.samples.iter().flat_map(|v| v.to_le_bytes()).collect()),
            ("tasks", Dtype::U32, self.tasks.len(), self.tasks.iter().flat_map(|v| v.to_le_bytes()).collect()),
            ("rewards", Dtype::F64, rollouts, self.rewards.iter().flat_map(|v| v.to_le_bytes()).collect()),
            ("finished", Dtype::U8, rollouts, self.finished.iter().map(|&done| u8::from(done)).collect()),
            ("slopes", Dtype::F32, rollouts, self.slopes.iter().flat_map(|v| v.to_le_bytes()).collect()),
            ("lengths", Dtype::U32, rollouts, lengths.iter().flat_map(|v| v.to_le_bytes()).collect()),
            ("tokens", id_kind, tokens, ids),
            ("logprobs", Dtype::F32, tokens, flat(&self.logprobs)),
            ("entropies", Dtype::F32, tokens, flat(&self.entropies)),
            ("entropies_one", Dtype::F32, tokens, flat(&self.entropies_one)),
        ];
        if let Some(seats) = &self.seats {
            blobs.extend(seats.blobs());
        }
        let views =
            blobs.iter().map(|(name, kind, count, bytes)| Ok((*name, TensorView::new(*kind, vec![*count], bytes)?)));
        let views = views.collect::<Result<Vec<_>, safetensors::SafeTensorError>>()?;
        let bytes = safetensors::serialize(views, None)?;
        files::write_whole(path, &bytes).with_context(|| format!("writing the rollouts {}", path.display()))
    }

    /// Reads a record back.
    ///
    /// # Errors
    /// A file that is missing, damaged, or whose parts do not fit together.
    pub fn load(path: &Path) -> Result<Record> {
        let bytes = std::fs::read(path).with_context(|| format!("reading the rollouts {}", path.display()))?;
        Record::parse(&bytes).with_context(|| format!("the rollouts {} are damaged", path.display()))
    }

    fn parse(bytes: &[u8]) -> Result<Record> {
        let file = SafeTensors::deserialize(bytes)?;
        let part = |name: &str, kind: Dtype| -> Result<&[u8]> {
            let view = file.tensor(name)?;
            ensure!(view.dtype() == kind, "`{name}` holds {:?} where {kind:?} is wanted", view.dtype());
            Ok(view.data())
        };
        let words = |bytes: &[u8]| -> Vec<u32> { bytes.as_chunks().0.iter().map(|b| u32::from_le_bytes(*b)).collect() };
        let lengths = words(part("lengths", Dtype::U32)?);
        let tokens: Vec<u32> = match file.tensor("tokens")?.dtype() {
            Dtype::U16 => {
                part("tokens", Dtype::U16)?.as_chunks().0.iter().map(|b| u32::from(u16::from_le_bytes(*b))).collect()
            }
            _ => words(part("tokens", Dtype::U32)?),
        };
        let floats = |name: &str| -> Result<Vec<f32>> {
            Ok(part(name, Dtype::F32)?.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect())
        };
        let record = Record {
            samples: part("samples", Dtype::U64)?.as_chunks().0.iter().map(|b| u64::from_le_bytes(*b)).collect(),
            tasks: words(part("tasks", Dtype::U32)?),
            rewards: part("rewards", Dtype::F64)?.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect(),
            finished: part("finished", Dtype::U8)?.iter().map(|&done| done != 0).collect(),
            slopes: floats("slopes")?,
            tokens: split(&tokens, &lengths)?,
            logprobs: split(&floats("logprobs")?, &lengths)?,
            entropies: split(&floats("entropies")?, &lengths)?,
            entropies_one: split(&floats("entropies_one")?, &lengths)?,
            seats: match file.tensor("roles") {
                Err(_) => None,
                Ok(_) => Some(Seats {
                    roles: part("roles", Dtype::U8)?.to_vec(),
                    sizes: words(part("sizes", Dtype::U32)?),
                    prompts: split(&words(part("prompts", Dtype::U32)?), &words(part("prompt_lengths", Dtype::U32)?))?,
                }),
            },
        };
        let (prompts, rollouts) = (record.samples.len(), record.rewards.len());
        ensure!(record.tasks.len() == prompts, "{} task types for {prompts} prompts", record.tasks.len());
        ensure!(
            [lengths.len(), record.finished.len(), record.slopes.len()] == [rollouts; 3],
            "{} lengths, {} ends and {} slopes for {rollouts} rollouts",
            lengths.len(),
            record.finished.len(),
            record.slopes.len()
        );
        match &record.seats {
            Some(seats) => seats.check(prompts, rollouts)?,
            None => {
                ensure!(prompts > 0 && rollouts.is_multiple_of(prompts), "{rollouts} rollouts of {prompts} prompts");
            }
        }
        Ok(record)
    }
}

fn split<T: Copy>(values: &[T], lengths: &[u32]) -> Result<Vec<Vec<T>>> {
    let whole: u64 = lengths.iter().map(|&n| u64::from(n)).sum();
    ensure!(values.len() as u64 == whole, "{} values for {whole} tokens", values.len());
    let mut rest = values;
    let row = |&n: &u32| {
        let (row, after) = rest.split_at(n as usize);
        rest = after;
        row.to_vec()
    };
    Ok(lengths.iter().map(row).collect())
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
