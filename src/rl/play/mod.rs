//! Self-play (SPELL, arXiv 2509.23863): one policy poses questions over documents, answers them and judges the answers, and one update teaches it
//! all three. `docs/spell.md` has the formulas with their sources.
//!
//! A step goes in rounds. In each the questioner sees some documents of a cluster (a context of the pool) with what it posed about them before,
//! and writes a question with a reference; what is malformed or answered without documents ends there. The responder answers
//! the others over all documents of the cluster, and the verifier votes on each answer. What is learned from is a batch of groups like any
//! other, with roles: advantages, gates, losses, receipts and replays are those of every job.

mod cast;
mod choose;
mod log;
mod past;
mod seats;

pub use log::{Answer, Fate, GameRow, Line};
pub use past::Past;
pub use seats::Seats;

use super::job::Places;
use super::rollout::Group;
use crate::spec::settings::{Settings, Spell, Worth};
use anyhow::{Context, Result};
use longlab_kernels::self_play::{Mapping, Questioner};
use std::path::{Path, PathBuf};

/// Who a rollout was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Wrote a question with its reference.
    Questioner,
    /// Answered a question; every rollout of a job without self-play.
    Responder,
    /// Judged an answer.
    Verifier,
}

impl Role {
    /// All roles, by their numbers in files.
    pub const ALL: [Role; 3] = [Role::Questioner, Role::Responder, Role::Verifier];

    /// Its number in files.
    pub fn index(self) -> u8 {
        self as u8
    }
}

/// Whether these settings play.
pub fn is_on(settings: &Settings) -> bool {
    settings.spell.learn.is_on()
}

/// What a step of self-play left.
pub struct Played {
    /// What is learned from.
    pub groups: Vec<Group<'static>>,
    /// All questions of the step with what came of them, in the order in which they were posed.
    pub lines: Vec<Line>,
    /// What the step measured.
    pub row: GameRow,
}

/// The file of a step.
fn path(dir: &Path, step: u64) -> PathBuf {
    dir.join(format!("{step:06}.jsonl"))
}

/// Writes the questions of a step.
///
/// # Errors
/// A folder that cannot be written.
pub fn save(dir: &Path, step: u64, lines: &[Line]) -> Result<()> {
    std::fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
    let mut text = String::new();
    for line in lines {
        text += &serde_json::to_string(line)?;
        text.push('\n');
    }
    let path = path(dir, step);
    crate::files::write_whole(&path, text.as_bytes()).with_context(|| format!("writing {}", path.display()))
}

/// Reads the questions of a step.
///
/// # Errors
/// A file that is not there or damaged: what was posed before is part of what comes next.
pub fn load(dir: &Path, step: u64) -> Result<Vec<Line>> {
    let path = path(dir, step);
    let text = std::fs::read_to_string(&path).with_context(|| {
        format!(
            "reading {}; later steps build on it. Delete the job's checkpoint and it starts again from its beginning",
            path.display()
        )
    })?;
    let read = |(n, line): (usize, &str)| {
        serde_json::from_str(line).with_context(|| format!("{}, line {}", path.display(), n + 1))
    };
    text.lines().enumerate().map(read).collect()
}

/// What was posed in the first `done` steps of a job; none where its settings do not play.
///
/// # Errors
/// Files that are not there or damaged.
pub fn past(settings: &Settings, places: &Places, done: u64) -> Result<Option<Past>> {
    if !is_on(settings) {
        return Ok(None);
    }
    let mut past = Past::new(&settings.spell);
    for step in 1..=done {
        past.take(&load(&places.selfplay, step)?);
    }
    Ok(Some(past))
}

impl Spell {
    /// What the questioner is paid. A question that all responses solve is worth nothing, whatever `spell.worth`.
    pub fn questioner(&self) -> Questioner {
        let mapping = match self.worth {
            Worth::Gaussian => Mapping::Gaussian { centre: self.centre, width: self.width },
            Worth::Reverse => Mapping::Reverse,
            Worth::Tent => Mapping::Tent,
        };
        Questioner { mapping, always: 0.0, ungrounded: self.ungrounded, malformed: self.malformed }
    }
}
