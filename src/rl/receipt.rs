//! Receipts: a chain of digests of what each step drew, decided and learned, so that a run can be checked step by step.
//!
//! `receipt.jsonl` has one line a step. Line 0 names the settings, the seed and the weights that the job began with. Each later
//! line has a BLAKE3 digest (128 bits, hexadecimal) of the sample ids, the sampled tokens, the rewards, the advantages, the gate's
//! decisions, the gradients after clipping and the weights after the step, the loss itself, and `chain`: the digest of the
//! line's other parts and of the chain before. A line that is changed, left out or moved breaks the chain from there on.

use super::decide::Decision;
use super::record::Record;
use crate::spec::KEYS;
use crate::spec::identity::is_silent;
use crate::spec::settings::Settings;
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use tch::Tensor;

/// A digest of 128 bits as hexadecimal text.
pub type Digest = String;

/// What of BLAKE3's 256 bits is kept, in hexadecimal digits.
const DIGITS: usize = 32;

/// The line of a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// Step, from 1; 0 for the line that begins the chain.
    pub step: u64,
    /// Ids of the prompts' samples; in line 0 the settings and the seed.
    pub samples: Digest,
    /// Tokens of all rollouts, and whether each was finished.
    pub tokens: Digest,
    /// Rewards.
    pub rewards: Digest,
    /// Advantages.
    pub advantages: Digest,
    /// Tokens and rollouts that the gates took away, and the latch.
    pub gate: Digest,
    /// Negative objective.
    pub loss: f64,
    /// Gradients of all updates of the step, after clipping.
    pub gradient: Digest,
    /// Weights after the step.
    pub weights: Digest,
    /// Digest of all of the above and of the chain before.
    pub chain: Digest,
}

/// The parts of a line in the order in which a step makes them.
pub const PARTS: [&str; 8] = ["samples", "tokens", "rewards", "advantages", "gate", "loss", "gradient", "weights"];

impl Receipt {
    /// The line that begins the chain of a job.
    pub fn first(settings: &Settings, seed: u64, weights: Digest) -> Receipt {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&seed.to_le_bytes());
        for key in KEYS.iter().filter(|key| !is_silent(key.path, settings)) {
            text(&mut hasher, key.path);
            text(&mut hasher, &key.get(settings).to_string());
        }
        let none = || short(&blake3::hash(b""));
        Receipt {
            step: 0,
            samples: short(&hasher.finalize()),
            tokens: none(),
            rewards: none(),
            advantages: none(),
            gate: none(),
            loss: 0.0,
            gradient: none(),
            weights,
            chain: String::new(),
        }
        .chained("")
    }

    /// The line of a step after the chain `before`.
    pub fn of(step: u64, record: &Record, decision: &Decision, loss: f64, made: Made, before: &str) -> Receipt {
        let Decision { advantages, on, kept, .. } = decision;
        let mut gate = blake3::Hasher::new();
        gate.update(&[u8::from(*on)]);
        for (tokens, dropped) in kept.tokens.iter().zip(&kept.dropped) {
            gate.update(&(tokens.len() as u64).to_le_bytes()).update(&[u8::from(*dropped)]);
            gate.update(&tokens.iter().map(|&kept| u8::from(kept)).collect::<Vec<u8>>());
        }
        let mut tokens = blake3::Hasher::new();
        for (row, finished) in record.tokens.iter().zip(&record.finished) {
            tokens.update(&(row.len() as u64).to_le_bytes()).update(&[u8::from(*finished)]);
            tokens.update(&row.iter().flat_map(|token| token.to_le_bytes()).collect::<Vec<u8>>());
        }
        let bytes =
            |parts: &mut dyn Iterator<Item = [u8; 8]>| short(&blake3::hash(&parts.flatten().collect::<Vec<u8>>()));
        Receipt {
            step,
            samples: bytes(&mut record.samples.iter().map(|id| id.to_le_bytes())),
            tokens: short(&tokens.finalize()),
            rewards: bytes(&mut record.rewards.iter().map(|reward| reward.to_le_bytes())),
            advantages: bytes(&mut advantages.iter().map(|advantage| advantage.to_le_bytes())),
            gate: short(&gate.finalize()),
            loss,
            gradient: made.gradient,
            weights: made.weights,
            chain: String::new(),
        }
        .chained(before)
    }

    /// This line with the chain that belongs to it after `before`.
    fn chained(mut self, before: &str) -> Receipt {
        let mut hasher = blake3::Hasher::new();
        text(&mut hasher, before);
        hasher.update(&self.step.to_le_bytes());
        for (_, part) in self.parts() {
            text(&mut hasher, &part);
        }
        self.chain = short(&hasher.finalize());
        self
    }

    /// Name and content of each part, in the order of [`PARTS`].
    pub fn parts(&self) -> [(&'static str, String); 8] {
        let content = [
            &self.samples,
            &self.tokens,
            &self.rewards,
            &self.advantages,
            &self.gate,
            &format!("{:016x}", self.loss.to_bits()),
            &self.gradient,
            &self.weights,
        ];
        std::array::from_fn(|i| (PARTS[i], content[i].clone()))
    }

    /// The first part in which two lines differ.
    pub fn differs(&self, other: &Receipt) -> Option<&'static str> {
        self.parts().into_iter().zip(other.parts()).find(|(a, b)| a != b).map(|((name, _), _)| name)
    }
}

/// What the updates of a step left: digests of gradients and weights.
pub struct Made {
    /// Of the gradients of all updates, after clipping.
    pub gradient: Digest,
    /// Of the weights after them.
    pub weights: Digest,
}

fn text(hasher: &mut blake3::Hasher, text: &str) {
    // With its length: no two lists of texts give the same bytes.
    hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
}

fn short(hash: &blake3::Hash) -> Digest {
    hash.to_hex()[..DIGITS].to_string()
}

/// Takes the values of tensors into a digest, whatever device they lie on.
#[derive(Default)]
pub struct Tensors {
    hasher: blake3::Hasher,
    values: Vec<f32>,
}

impl Tensors {
    /// Adds a tensor of f32; one without values (a gradient that was never taken) counts as empty.
    pub fn add(&mut self, tensor: &Tensor) {
        let count = if tensor.defined() { tensor.numel() } else { 0 };
        self.hasher.update(&(count as u64).to_le_bytes());
        if count == 0 {
            return;
        }
        self.values.resize(count, 0.0);
        tensor.to_device(tch::Device::Cpu).contiguous().copy_data(&mut self.values, count);
        // SAFETY: f32 has no padding and every bit pattern is a valid byte.
        let bytes = unsafe { std::slice::from_raw_parts(self.values.as_ptr().cast::<u8>(), count * size_of::<f32>()) };
        self.hasher.update(bytes);
    }

    /// The digest of all that was added.
    pub fn finish(&self) -> Digest {
        short(&self.hasher.finalize())
    }
}

/// The digest of some parameters.
pub fn weights(parameters: &[(String, Tensor)]) -> Digest {
    let mut digest = Tensors::default();
    parameters.iter().for_each(|(_, parameter)| digest.add(&parameter.detach()));
    digest.finish()
}

/// Reads the receipts of a job and checks their chain.
///
/// # Errors
/// A file that cannot be read, a line that is no receipt, steps that are not 0, 1, 2 and so on, a chain that does not hold.
pub fn read(path: &Path) -> Result<Vec<Receipt>> {
    let bytes = fs::read_to_string(path).with_context(|| format!("reading the receipts {}", path.display()))?;
    let mut receipts: Vec<Receipt> = Vec::new();
    for (n, line) in bytes.lines().enumerate() {
        let place = || format!("{}, line {}", path.display(), n + 1);
        let receipt: Receipt = serde_json::from_str(line).with_context(place)?;
        ensure!(receipt.step == n as u64, "{}: step {} where {n} is due", place(), receipt.step);
        let before = receipts.last().map_or("", |last| last.chain.as_str());
        let due = receipt.clone().chained(before).chain;
        ensure!(
            due == receipt.chain,
            "{}: the chain does not hold at step {n}: {} is written, {due} follows from the line",
            place(),
            receipt.chain
        );
        receipts.push(receipt);
    }
    Ok(receipts)
}

/// The receipts of a running job.
pub struct Receipts {
    file: File,
    path: PathBuf,
    chain: Digest,
}

impl Receipts {
    /// Opens `path` for the steps after `done`; `first` begins the chain of a job that has none yet.
    ///
    /// # Errors
    /// A file that cannot be written, or receipts that lack steps which the checkpoint has.
    pub fn open(path: &Path, done: u64, first: impl FnOnce() -> Receipt) -> Result<Receipts> {
        let kept = match done {
            0 => vec![first()],
            _ => whole(path, done)?,
        };
        let mut text = String::new();
        for receipt in &kept {
            text += &serde_json::to_string(receipt)?;
            text.push('\n');
        }
        crate::files::write_whole(path, text.as_bytes()).with_context(|| format!("writing {}", path.display()))?;
        let file = OpenOptions::new().append(true).open(path).with_context(|| path.display().to_string())?;
        Ok(Receipts { file, path: path.to_path_buf(), chain: kept[kept.len() - 1].chain.clone() })
    }

    /// The chain so far.
    pub fn chain(&self) -> &str {
        &self.chain
    }

    /// Appends the line of a step.
    pub fn push(&mut self, receipt: Receipt) -> Result<()> {
        let line = serde_json::to_string(&receipt)? + "\n";
        self.file.write_all(line.as_bytes()).with_context(|| format!("writing {}", self.path.display()))?;
        self.chain = receipt.chain;
        Ok(())
    }
}

/// The lines up to step `done`; what a killed writer left after them, torn lines among it, is dropped.
fn whole(path: &Path, done: u64) -> Result<Vec<Receipt>> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let kept: Vec<Receipt> =
        text.lines().map_while(|line| serde_json::from_str(line).ok()).take(done as usize + 1).collect();
    ensure!(
        kept.last().is_some_and(|last: &Receipt| last.step == done) && kept.len() as u64 == done + 1,
        "{} has no receipts up to step {done}, where the checkpoint stands; delete the job's checkpoint and it starts again",
        path.display()
    );
    Ok(kept)
}
