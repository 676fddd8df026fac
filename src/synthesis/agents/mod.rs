//! The agents (section 3.2, engine C, after SPELL): a proposer writes a question about a cluster of documents, a solver answers it, a verifier compares the
//! two answers. What is solved goes into the set and into the cluster's history; the next round asks for something harder.
//!
//! | file | what it has |
//! |---|---|
//! | `cluster` | documents of a cluster, by its number |
//! | `round` | one round, and what is called in it |
//! | `prompts` | what is asked, as templates |
//! | `proposal`, `evidence`, `sentences` | proposals read strictly, what they cite |
//! | `answer`, `decoy` | answers compared by rule; wrong ones by which a verifier is tried |
//! | `rejection`, `reward` | why a round gave no item; the questioner's reward |
//! | `players` | the models of the roles |
//! | `transcript` | what was played, in an item's proof |
//! | `replay` | the same played again from the answers alone |

mod answer;
mod cluster;
mod decoy;
mod evidence;
mod players;
mod prompts;
mod proposal;
mod rejection;
pub mod replay;
mod reward;
mod round;
mod sentences;
#[cfg(test)]
mod testing;
mod transcript;

pub use rejection::Rejection;
pub use transcript::{Call, Judged, Pair, Place, Role, Task, Transcript};

use crate::answers::Answers;
use crate::corpus::Corpus;
use crate::error::{Result, SynthesisError};
use crate::funnel::Counts;
use crate::item::{Answer, Certificate, Engine, Form, Item, Passage, Proof};
use crate::spec::{AgentsSpec, GrammarFiles, PromptFiles, RoleSpec, Unanswered};
use crate::tools::{Maker, Search};
use cluster::{Cluster, Clusters};
use longlab_client::{ChatFailure, ChatModel};
use longlab_documents::Hash;
use players::{Asking, Players};
use prompts::{Prompts, Texts};
use rayon::prelude::*;
use replay::Setting;
use round::{Ended, Outcome, Round, Won};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Clusters for an item that is wanted, after which no more are played.
const PATIENCE: u64 = 40;

/// The engine.
pub struct AgentsMaker<'a> {
    spec: AgentsSpec,
    players: Players<'a>,
    prompts: Prompts,
    search: Option<&'a dyn Search>,
    folder: PathBuf,
}

/// What came of a cluster.
struct Played {
    cluster: Option<Cluster>,
    outcomes: Vec<Outcome>,
    /// Why it was not played to its end.
    failure: Option<ChatFailure>,
}

impl<'a> AgentsMaker<'a> {
    /// The engine with its settings. `the` is the model of the run, `folder` where answers are kept.
    ///
    /// # Errors
    /// Where a model or the search is wanted and not there, or a server's settings cannot be used.
    pub fn new(
        spec: AgentsSpec,
        the: Option<&'a dyn ChatModel>,
        search: Option<&'a dyn Search>,
        folder: PathBuf,
    ) -> Result<AgentsMaker<'a>> {
        let search = search.filter(|_| spec.near);
        if spec.near && search.is_none() {
            return Err(SynthesisError::Missing { what: "a search (`engines.agents.near`)".into() });
        }
        let prompts = Prompts::new(Texts::read(&spec)?)?;
        Ok(AgentsMaker { players: Players::new(&spec, the)?, prompts, spec, search, folder })
    }

    /// What its items are made by, for those who play them again.
    pub fn setting(&self, seed: u64) -> Setting {
        let the = || RoleSpec::The;
        // How many are played at once changes nothing.
        let rules = AgentsSpec {
            parallel: 1,
            proposer: the(),
            solver: the(),
            verifier: the(),
            // Their texts count, wherever they lie.
            prompts: PromptFiles::default(),
            grammars: GrammarFiles::default(),
            ..self.spec.clone()
        };
        Setting { seed, rules, players: self.players.names(), prompts: self.prompts.texts().clone() }
    }

    fn play(&self, cluster: Option<Cluster>, seed: u64, mut ask: &Asking) -> Result<Played> {
        let Some(cluster) = cluster else { return Ok(Played { cluster: None, outcomes: vec![], failure: None }) };
        let (mut outcomes, mut solved): (Vec<Outcome>, Vec<Pair>) = (vec![], vec![]);
        for number in 1..=self.spec.rounds {
            let round =
                Round { seed, rules: &self.spec, prompts: &self.prompts, cluster: &cluster, number, solved: &solved };
            match round.play(&mut ask) {
                Ok(outcome) => {
                    if let Outcome::Won(won) = &outcome {
                        let Won { proposal, .. } = &**won;
                        solved.push(Pair { question: proposal.question.clone(), answer: proposal.answer.clone() });
                    }
                    outcomes.push(outcome);
                }
                Err(Ended::Error(error)) => return Err(error),
                Err(Ended::Failure(failure)) => {
                    return Ok(Played { cluster: Some(cluster), outcomes, failure: Some(failure) });
                }
            }
        }
        Ok(Played { cluster: Some(cluster), outcomes, failure: None })
    }

    /// Why the run ends, where a cluster had no answer.
    fn stopped(&self, played: &[Result<Played>], made: usize, kept: usize) -> Option<SynthesisError> {
        let failures: Vec<&ChatFailure> =
            played.iter().filter_map(|played| played.as_ref().ok()?.failure.as_ref()).collect();
        let first = failures.iter().find(|failure| ***failure != ChatFailure::Stopped).or(failures.first())?;
        let (wanted, clusters) = (self.spec.items, failures.len());
        let reason =
            format!("{made} of {wanted} items of the agents are made, {clusters} clusters have no answer: {first}");
        Some(SynthesisError::Model { reason, kept })
    }
}

impl Maker for AgentsMaker<'_> {
    fn engine(&self) -> Engine {
        Engine::Agents
    }

    fn version(&self) -> String {
        let Setting { rules, players, prompts, .. } = self.setting(0);
        let search = self.search.map(|search| search.version());
        format!("agents 2 {rules:?} {players:?} {prompts:?} {search:?}")
    }

    fn make(
        &self,
        corpus: &Corpus,
        seed: u64,
        counts: &mut Counts,
        put: &mut dyn FnMut(Item) -> Result<()>,
    ) -> Result<Vec<Hash>> {
        let index = self.search.map(|search| search.index(&mut corpus.documents().map(|read| Ok(read?.text))));
        let index = index.transpose()?;
        let clusters = Clusters::new(corpus, &self.spec, index.as_deref(), seed);
        let answers = Answers::open(&self.folder)?;
        let (ended, had) = (AtomicBool::new(false), AtomicUsize::new(0));
        let stops = self.spec.unanswered == Unanswered::Stop;
        let ask = Asking { players: &self.players, answers: &answers, stops, ended: &ended, had: &had };
        let threads = rayon::ThreadPoolBuilder::new().num_threads(self.spec.parallel).build();
        let threads = threads.map_err(|error| SynthesisError::Missing { what: format!("its threads ({error})") })?;
        // So many at a time; what comes out is taken in the order of their numbers.
        let stride = 2 * self.spec.parallel as u64;
        let most = (self.spec.items as u64).saturating_mul(PATIENCE).max(stride);
        for first in (0..most).step_by(stride as usize) {
            had.store(0, Ordering::SeqCst);
            let one = |number| self.play(clusters.draw(number)?, seed, &ask);
            let mut played: Vec<Result<Played>> =
                threads.install(|| (first..first + stride).into_par_iter().map(one).collect());
            while !played.is_empty() {
                if counts.kept == self.spec.items {
                    return Ok(vec![]);
                }
                let failed = played[0].as_ref().is_ok_and(|played| played.failure.is_some());
                if stops
                    && failed
                    && let Some(error) = self.stopped(&played, counts.kept, answers.len())
                {
                    return Err(error);
                }
                take(played.remove(0)?, self.spec.items, counts, put)?;
            }
            if had.load(Ordering::SeqCst) == 0 && counts.dropped.contains_key(Rejection::Unanswered.reason()) {
                counts.remark("the models answer no more");
                return Ok(vec![]);
            }
        }
        counts.remark("no more clusters are played");
        Ok(vec![])
    }
}

/// Counts what came of a cluster, and hands its items on, as long as they are wanted.
fn take(played: Played, wanted: usize, counts: &mut Counts, put: &mut dyn FnMut(Item) -> Result<()>) -> Result<()> {
    let Played { cluster, outcomes, failure } = played;
    let Some(cluster) = cluster else {
        counts.drop("cluster: too few documents");
        return Ok(());
    };
    counts.remark("clusters played");
    for outcome in outcomes {
        match outcome {
            Outcome::Won(won) => {
                if counts.kept == wanted {
                    return Ok(());
                }
                counts.keep();
                counts.remark(format!("asked for level {}", won.transcript.level));
                counts.remark(rewarded(won.transcript.reward));
                put(item(&cluster, *won))?;
            }
            Outcome::Lost(rejection, reward) => {
                counts.drop(rejection.reason());
                reward.iter().for_each(|reward| counts.remark(rewarded(*reward)));
            }
        }
    }
    if failure.is_some() {
        counts.drop(Rejection::Unanswered.reason());
    }
    Ok(())
}

/// A questioner's reward, by its tenth.
fn rewarded(reward: f64) -> String {
    format!("questioner's reward {:.1}", reward + 0.0)
}

/// The item of a question that was solved.
fn item(cluster: &Cluster, won: Won) -> Item {
    let Won { proposal, without, transcript } = won;
    let documents: BTreeSet<&Hash> = proposal.evidence.iter().map(|evidence| &evidence.document).collect();
    let form = match (cluster.task, documents.len()) {
        (Task::Choice, _) => Form::MultipleChoice,
        (Task::Numeric, _) => Form::Numeric,
        (Task::General, 2..) => Form::MultiHop,
        (Task::General, _) => Form::Reading,
    };
    let passage = |part: &cluster::Part| Passage {
        document: part.place.document.clone(),
        title: part.title.clone(),
        span: part.place.span,
        text: String::new(),
    };
    Item {
        id: Hash(String::new()),
        engine: Engine::Agents,
        form,
        style: None,
        difficulty: transcript.level,
        question: proposal.question,
        answer: Answer { text: proposal.answer, aliases: vec![] },
        passages: cluster.parts.iter().map(passage).collect(),
        certificate: Certificate {
            evidence: proposal.evidence,
            proof: Proof::Models(Box::new(transcript)),
            necessity: without,
            absent: vec![],
            tokens: 0,
            tokenizer: None,
            work: vec![],
        },
    }
}
