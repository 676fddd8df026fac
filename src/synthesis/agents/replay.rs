//! Items played again from the answers that models gave: every request is made anew from the documents and must be among those that were answered, and what
//! follows from the answers must be the item.

use super::cluster::{Cluster, Part};
use super::players::seat;
use super::prompts::{Prompts, Texts};
use super::round::{Ask, Ended, Outcome, Round, Won};
use super::transcript::{Role, Transcript};
use crate::answers::{ANSWERS, Answered, asked};
use crate::corpus::Corpus;
use crate::error::Result;
use crate::files::{Lines, WholeFile, read_json, write_json};
use crate::item::{Item, Proof};
use crate::spec::AgentsSpec;
use crate::verify::{Fault, Found};
use longlab_client::{ChatFailure, ChatRequest};
use longlab_documents::Hash;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::path::Path;

/// Name of the file that says how agents played.
pub const AGENTS: &str = "agents.json";

/// How agents played: all that a round depends on beside documents and answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// Seed of the run.
    pub seed: u64,
    /// The settings; the roles are played by those of `players`.
    pub rules: AgentsSpec,
    /// What the answers of proposer, solver and verifier are kept under.
    pub players: [String; 3],
    /// What was asked.
    pub prompts: Texts,
}

/// The agents of a dataset, and what they said.
pub struct Replay {
    setting: Setting,
    prompts: Prompts,
    answers: HashMap<Hash, Answered>,
}

/// What a dataset writes of its agents.
pub struct Kept {
    /// How they played.
    pub setting: Setting,
    /// The folder of all answers.
    pub answers: std::path::PathBuf,
}

impl Kept {
    /// Writes how agents played, and the answers to what was asked, into a folder.
    ///
    /// # Errors
    /// Of the files.
    pub fn write(&self, asked: &HashSet<Hash>, folder: &Path) -> Result<()> {
        write_json(&folder.join(AGENTS), &self.setting)?;
        let mut wanted: Vec<Answered> = vec![];
        for answered in Lines::<Answered>::open(&self.answers.join(ANSWERS))? {
            wanted.extend(Some(answered?).filter(|answered| asked.contains(&answered.asked)));
        }
        // They come in whatever order they were had.
        wanted.sort_by(|one, other| one.asked.cmp(&other.asked));
        let mut file = WholeFile::create(&folder.join(ANSWERS))?;
        wanted.iter().try_for_each(|answered| file.line(answered).map(drop))?;
        file.finish()
    }
}

impl Replay {
    /// The agents of a dataset; none where it has none.
    ///
    /// # Errors
    /// Where their files cannot be read.
    pub fn open(folder: &Path) -> Result<Option<Replay>> {
        if !folder.join(AGENTS).exists() {
            return Ok(None);
        }
        let answers = Lines::<Answered>::open(&folder.join(ANSWERS))?;
        let answers = answers.map(|answered| answered.map(|own| (own.asked.clone(), own))).collect::<Result<_>>()?;
        let setting: Setting = read_json(&folder.join(AGENTS))?;
        let prompts = Prompts::new(setting.prompts.clone())?;
        Ok(Some(Replay { setting, prompts, answers }))
    }

    /// Faults of an item that agents made.
    ///
    /// # Errors
    /// Where the corpus cannot be read.
    pub fn check(&self, item: &Item, corpus: &Corpus) -> Result<Vec<Found>> {
        let Proof::Models(transcript) = &item.certificate.proof else { return Ok(vec![]) };
        let found = |fault, detail: &str| vec![Found { fault, detail: detail.into() }];
        let Some(cluster) = cluster(transcript, corpus)? else {
            return Ok(found(Fault::UnknownDocument, "a part that the agents saw is not there"));
        };
        let Transcript { round: number, solved, .. } = &**transcript;
        let Setting { seed, rules, .. } = &self.setting;
        let round = Round { seed: *seed, rules, prompts: &self.prompts, cluster: &cluster, number: *number, solved };
        Ok(match round.play(&mut &*self) {
            Ok(Outcome::Won(won)) => compared(item, transcript, &won),
            Ok(Outcome::Lost(rejection, _)) => found(Fault::AnswerDiffers, rejection.reason()),
            Err(Ended::Failure(failure)) => found(Fault::LineageBroken, &failure.to_string()),
            Err(Ended::Error(error)) => return Err(error),
        })
    }
}

impl Ask for &Replay {
    fn ask(&mut self, role: Role, request: &ChatRequest) -> std::result::Result<Answered, Ended> {
        let asked = asked(&self.setting.players[seat(role)], request);
        self.answers.get(&asked).cloned().ok_or_else(|| {
            Ended::Failure(ChatFailure::Failed { reason: format!("{role:?}: no answer to {} is kept", asked.0) })
        })
    }
}

fn cluster(transcript: &Transcript, corpus: &Corpus) -> Result<Option<Cluster>> {
    let mut parts = vec![];
    for place in &transcript.parts {
        let document = corpus.find(&place.document)?;
        let Some(part) = document.and_then(|document| Part::of(&document, place.span)) else { return Ok(None) };
        parts.push(part);
    }
    Ok(Some(Cluster { number: transcript.cluster, task: transcript.task, parts }))
}

/// What differs between an item and what was played again.
fn compared(item: &Item, transcript: &Transcript, won: &Won) -> Vec<Found> {
    let Won { proposal, without, transcript: again } = won;
    let shown = transcript.parts.iter().all(|place| {
        item.passages.iter().any(|passage| passage.document == place.document && passage.span == place.span)
    });
    // Exponentials may differ in their last digit between machines.
    let same_reward = (transcript.reward - again.reward).abs() < 1e-9;
    let same = Transcript { reward: transcript.reward, ..again.clone() } == *transcript && same_reward;
    let demands = [
        (item.question == proposal.question, Fault::QuestionAltered, "not the proposer's question"),
        (item.answer.text == proposal.answer, Fault::AnswerDiffers, "not the proposer's answer"),
        (item.certificate.evidence == proposal.evidence, Fault::EvidenceAltered, "not the proposer's quotes"),
        (item.certificate.necessity == *without, Fault::NecessityDiffers, "not the solver's answers"),
        (shown, Fault::EvidenceOutside, "a part that the agents saw is not in the context"),
        (same, Fault::LineageBroken, "calls, votes or reward are not those that were played"),
    ];
    let failed = demands.into_iter().filter(|(holds, ..)| !holds);
    failed.map(|(_, fault, detail)| Found { fault, detail: detail.into() }).collect()
}
