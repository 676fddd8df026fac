//! Checks played again from the answers that were kept: every request is made anew from the item and must be among those that were answered, and what
//! follows from the answers must be what the certificate and its line say.

use super::tries::{self, Ask, Outcome, Role, Tried, Trying};
use crate::answers::{ANSWERS, Answered, asked};
use crate::error::Result;
use crate::files::{Lines, WholeFile, read_json, write_json};
use crate::item::{Item, Work};
use crate::score::ByRule;
use crate::spec::ChecksSpec;
use crate::tools::Judge;
use crate::verify::{Fault, Found};
use longlab_client::{ChatFailure, ChatRequest};
use longlab_documents::Hash;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::path::Path;

/// Name of the file that says how items were checked.
pub const CHECKS: &str = "checks.json";
/// Name of the file of the answers that the checks rest on.
pub const CHECKED: &str = "checked.jsonl";

/// What checks depend on beside the items.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// Seed of the draws.
    pub seed: u64,
    /// The settings.
    pub spec: ChecksSpec,
    /// Who answered.
    pub solver: String,
    /// Who judged.
    pub judge: Option<String>,
    /// Version of the rules.
    pub rules: String,
}

/// Writes how items were checked, and the answers to what was asked, into a folder.
///
/// # Errors
/// Of the files.
pub fn write(setting: &Setting, answers: &Path, asked: &HashSet<Hash>, folder: &Path) -> Result<()> {
    write_json(&folder.join(CHECKS), setting)?;
    let mut wanted: Vec<Answered> = vec![];
    for answered in Lines::<Answered>::open(&answers.join(ANSWERS))? {
        wanted.extend(Some(answered?).filter(|answered| asked.contains(&answered.asked)));
    }
    // They come in whatever order they were had.
    wanted.sort_by(|one, other| one.asked.cmp(&other.asked));
    let mut file = WholeFile::create(&folder.join(CHECKED))?;
    wanted.iter().try_for_each(|answered| file.line(answered).map(drop))?;
    file.finish()
}

/// The checks of a dataset.
pub struct Replay {
    setting: Setting,
    answers: HashMap<Hash, Answered>,
}

impl Replay {
    /// The checks of a dataset; none where no model was asked.
    ///
    /// # Errors
    /// Where their files cannot be read.
    pub fn open(folder: &Path) -> Result<Option<Replay>> {
        if !folder.join(CHECKS).exists() {
            return Ok(None);
        }
        let answers = Lines::<Answered>::open(&folder.join(CHECKED))?;
        let answers = answers.map(|answered| answered.map(|own| (own.asked.clone(), own))).collect::<Result<_>>()?;
        Ok(Some(Replay { setting: read_json(&folder.join(CHECKS))?, answers }))
    }

    /// Faults of an item that was put to checks: none where it has no tries, or was judged by rules that are not ours.
    ///
    /// # Errors
    /// Where a prompt does not render.
    pub fn check(&self, item: &Item, tried: &[Tried]) -> Result<Vec<Found>> {
        let rules = ByRule;
        if tried.is_empty() || self.setting.rules != rules.version() {
            return Ok(vec![]);
        }
        let trying = Trying { spec: &self.setting.spec, seed: self.setting.seed, rules: &rules, ask: self };
        let found = |fault, detail: String| Ok(vec![Found { fault, detail }]);
        match tries::put(item, &trying)? {
            Outcome::Passed(again, calls) if again == tried && calls == self::calls(item) => Ok(vec![]),
            Outcome::Passed(again, _) => found(Fault::ChecksDiffer, format!("{tried:?} said, {again:?} played again")),
            Outcome::Dropped(reason) => found(Fault::ChecksDiffer, reason.into()),
            Outcome::Unanswered(failure) => found(Fault::ChecksDiffer, failure.to_string()),
        }
    }
}

/// The calls of the checks that an item tells of.
pub fn calls(item: &Item) -> Vec<Work> {
    let of_checks = |work: &&Work| work.step == "judge" || tries::Check::ALL.iter().any(|own| own.name() == work.step);
    item.certificate.work.iter().filter(of_checks).cloned().collect()
}

impl Ask for Replay {
    fn ask(&self, role: Role, request: &ChatRequest) -> Result<std::result::Result<Answered, ChatFailure>> {
        let who = match role {
            Role::Solver => Some(&self.setting.solver),
            Role::Judge => self.setting.judge.as_ref(),
        };
        let asked = asked(who.map_or("", String::as_str), request);
        let missing = || ChatFailure::Failed { reason: format!("no answer to {} is kept", asked.0) };
        Ok(self.answers.get(&asked).cloned().ok_or_else(missing))
    }
}
