//! One round: the proposer asks, the solver answers, the verifier compares. What is called when follows from the settings and from what was read out of
//! replies by rule; nothing that a document or a reply says can change it otherwise.

use super::answer::{alike, right, said};
use super::cluster::{Cluster, Part, call_seed};
use super::decoy::decoy;
use super::prompts::{Asked, Prompts, Proposing, border};
use super::proposal::{Proposal, read};
use super::rejection::Rejection;
use super::transcript::{Call, Judged, Pair, Role, Task, Transcript};
use crate::answers::Answered;
use crate::error::SynthesisError;
use crate::spec::{AgentsSpec, Cite};
use longlab_client::{Case, ChatFailure, ChatRequest, Verdict};
use longlab_documents::Hash;

/// What stands in place of a question that is not asked.
const NOTHING: &str = "Empty";

/// Gives answers: models, or what they answered once.
pub trait Ask {
    /// The answer of whoever plays a role.
    ///
    /// # Errors
    /// Why there is none.
    fn ask(&mut self, role: Role, request: &ChatRequest) -> Result<Answered, Ended>;
}

/// Why a round has no end.
#[derive(Debug)]
pub enum Ended {
    /// A model gave no answer.
    Failure(ChatFailure),
    /// Something else.
    Error(SynthesisError),
}

impl From<SynthesisError> for Ended {
    fn from(error: SynthesisError) -> Ended {
        Ended::Error(error)
    }
}

/// What a round is played with.
pub struct Round<'a> {
    /// Seed of the run.
    pub seed: u64,
    /// The settings.
    pub rules: &'a AgentsSpec,
    /// What is asked.
    pub prompts: &'a Prompts,
    /// The documents.
    pub cluster: &'a Cluster,
    /// Which round, from 1.
    pub number: usize,
    /// Questions of the cluster that were solved before.
    pub solved: &'a [Pair],
}

/// What came of a round.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// A question that was solved.
    Won(Box<Won>),
    /// None, and why; with the questioner's reward where the question is at its root.
    Lost(Rejection, Option<f64>),
}

/// A question that was solved.
#[derive(Clone, Debug, PartialEq)]
pub struct Won {
    /// The question.
    pub proposal: Proposal,
    /// For each evidence the solver's answer without its document; none where that was not asked, or could not be read.
    pub without: Vec<Option<String>>,
    /// What was played.
    pub transcript: Transcript,
}

/// A step of a round: what it gives, or why the round is lost.
type Stepped<T> = Result<Result<T, Rejection>, Ended>;

/// Gives on a step's value; a lost round is handed on.
macro_rules! step {
    ($step:expr) => {
        match $step? {
            Ok(value) => value,
            Err(rejection) => return Ok(Err(rejection)),
        }
    };
}

/// A round under way.
struct Play<'a> {
    round: &'a Round<'a>,
    ask: &'a mut dyn Ask,
    calls: Vec<Call>,
    /// Wrong answers that the verifier was asked about.
    decoys: Vec<String>,
    /// Whether it says no to them; none where it was not asked yet.
    tells: Option<bool>,
    /// Right answers and all, once they are known.
    rate: Option<(usize, usize)>,
}

impl Round<'_> {
    /// How many of the documents the proposer sees.
    fn shown(&self) -> usize {
        let all = self.cluster.parts.len();
        self.rules.shown.map_or(all, |shown| shown.saturating_mul(self.number).min(all))
    }

    /// How hard a question is asked for.
    fn level(&self) -> usize {
        self.solved.len() + 1
    }

    /// Plays the round.
    ///
    /// # Errors
    /// Where a model gives no answer.
    pub fn play(&self, ask: &mut dyn Ask) -> Result<Outcome, Ended> {
        let mut play = Play { round: self, ask, calls: vec![], decoys: vec![], tells: None, rate: None };
        let reward = &self.rules.reward;
        Ok(match play.all()? {
            Ok(won) => Outcome::Won(Box::new(won)),
            Err(lost) => Outcome::Lost(lost, reward.without(lost).or(play.rate.map(|rate| reward.of(rate)))),
        })
    }
}

impl Play<'_> {
    fn all(&mut self) -> Stepped<Won> {
        let rules = self.round.rules;
        let proposal = step!(self.propose());
        step!(self.ground(&proposal));
        step!(self.unasked(&proposal));
        let (mut judged, unread) = step!(self.solve(&proposal));
        step!(self.verify(&proposal, &mut judged));
        let count = |judged: &[Judged]| judged.iter().map(|own| own.answers).sum::<usize>();
        let (answers, correct) = (count(&judged) + unread, judged.iter().filter(|own| own.right()));
        let rate = (correct.map(|own| own.answers).sum::<usize>(), answers);
        self.rate = Some(rate);
        let fooled = self.tells == Some(false);
        if let Some(rejection) = refusal(&judged, fooled, rate, rules.solved) {
            return Ok(Err(rejection));
        }
        let without = step!(self.omit(&proposal));
        let Round { cluster, number, solved, .. } = *self.round;
        let transcript = Transcript {
            task: cluster.task,
            cluster: cluster.number,
            round: number,
            level: self.round.level(),
            parts: cluster.parts.iter().map(|part| part.place.clone()).collect(),
            shown: self.round.shown(),
            solved: solved.to_vec(),
            judged,
            unread,
            decoys: std::mem::take(&mut self.decoys),
            fooled,
            rate,
            reward: rules.reward.of(rate),
            calls: std::mem::take(&mut self.calls),
        };
        Ok(Ok(Won { proposal, without, transcript }))
    }

    /// Asks a role; the call is written down.
    fn call(&mut self, role: Role, asked: Asked, most: usize) -> Stepped<Answered> {
        let Round { seed, cluster, number, .. } = *self.round;
        self.call_with(role, asked, most, call_seed(seed, cluster.number, number, self.calls.len()))
    }

    fn call_with(&mut self, role: Role, asked: Asked, most: usize, seed: u64) -> Stepped<Answered> {
        let mut request = ChatRequest::new(asked.messages, most);
        request.temperature = Some(self.round.rules.temperature);
        request.grammar = asked.grammar;
        request.seed = Some(seed);
        match self.ask.ask(role, &request) {
            Ok(answered) => {
                let (request, reply) = (answered.asked.clone(), Hash::of(&answered.reply));
                self.calls.push(Call { role, model: answered.model.clone(), request, reply });
                Ok(Ok(answered))
            }
            Err(Ended::Failure(ChatFailure::Refused { .. })) => Ok(Err(Rejection::Refused)),
            Err(ended) => Err(ended),
        }
    }

    fn propose(&mut self) -> Stepped<Proposal> {
        let Round { rules, prompts, cluster, solved, .. } = *self.round;
        let shown = &cluster.parts[..self.round.shown()];
        let recent = &solved[solved.len().saturating_sub(rules.history)..];
        let level = self.round.level();
        let numbered = rules.cite == Cite::Number;
        let parts = prompts.told(shown, numbered);
        if numbered && parts.iter().all(|part| part["sentences"] == serde_json::json!([])) {
            return Ok(Err(Rejection::Nothing));
        }
        let words = rules.answer_words.div_ceil(2);
        let proposing = Proposing { task: cluster.task, level, solved: recent, words, numbered };
        let asked = prompts.propose(&proposing, &border(&cluster.parts), &parts)?;
        let answered = step!(self.call(Role::Propose, asked, rules.tokens.propose));
        let proposal = read(&answered.reply, cluster.task, shown, solved, rules);
        Ok(match (proposal, answered.cut) {
            // A reply that is cut after its object has said what it should.
            (Err(Rejection::NoObject | Rejection::Schema), true) => Err(Rejection::Cut),
            (proposal, _) => proposal,
        })
    }

    /// What the solver answers with these documents.
    fn solution(&mut self, role: Role, question: &str, parts: &[&Part]) -> Stepped<Option<String>> {
        let Round { rules, cluster, .. } = *self.round;
        let asked = self.solving(question, parts)?;
        let answered = step!(self.call(role, asked, rules.tokens.solve));
        Ok(Ok(said(&answered.reply, cluster.task)))
    }

    fn solving(&self, question: &str, parts: &[&Part]) -> Result<Asked, Ended> {
        let Round { prompts, cluster, .. } = *self.round;
        let parts = prompts.told(parts.iter().copied(), false);
        Ok(prompts.solve(cluster.task, question, &border(&cluster.parts), &parts)?)
    }

    /// The question must not be answered without the documents.
    fn ground(&mut self, proposal: &Proposal) -> Stepped<()> {
        for _ in 0..self.round.rules.grounding {
            let said = step!(self.solution(Role::Ground, &proposal.question, &[]));
            if said.is_some_and(|said| self.right(proposal, &said)) {
                return Ok(Err(Rejection::Ungrounded));
            }
        }
        Ok(Ok(()))
    }

    /// The answer must not be what the solver says to the documents whatever is asked. All rounds of a cluster ask the same, which models are asked once.
    fn unasked(&mut self, proposal: &Proposal) -> Stepped<()> {
        let Round { seed, rules, cluster, .. } = *self.round;
        let parts: Vec<&Part> = cluster.parts.iter().collect();
        for number in 0..rules.unasked {
            let asked = self.solving(NOTHING, &parts)?;
            let seed = call_seed(seed, cluster.number, 0, number);
            let answered = step!(self.call_with(Role::Unasked, asked, rules.tokens.solve, seed));
            if said(&answered.reply, cluster.task).is_some_and(|said| self.right(proposal, &said)) {
                return Ok(Err(Rejection::Unasked));
            }
        }
        Ok(Ok(()))
    }

    /// The solver's answers, alike ones together, the most common first; and how many say nothing.
    fn solve(&mut self, proposal: &Proposal) -> Stepped<(Vec<Judged>, usize)> {
        let Round { rules, cluster, .. } = *self.round;
        let parts: Vec<&Part> = cluster.parts.iter().collect();
        let (mut judged, mut unread): (Vec<Judged>, usize) = (vec![], 0);
        for _ in 0..rules.answers {
            let Some(said) = step!(self.solution(Role::Solve, &proposal.question, &parts)) else {
                unread += 1;
                continue;
            };
            match judged.iter_mut().find(|own| alike(cluster.task, &own.said, &said)) {
                Some(own) => own.answers += 1,
                None => judged.push(Judged { said, answers: 1, rule: false, votes: [0; 3] }),
            }
        }
        judged.sort_by_key(|own| std::cmp::Reverse(own.answers));
        if judged.is_empty() {
            self.rate = Some((0, unread));
            return Ok(Err(Rejection::Unread));
        }
        Ok(Ok((judged, unread)))
    }

    /// Finds which answers are right. Letters are compared by rule alone.
    fn verify(&mut self, proposal: &Proposal, judged: &mut [Judged]) -> Stepped<()> {
        let Round { rules, cluster, .. } = *self.round;
        for own in judged {
            own.rule = (rules.rule || cluster.task == Task::Choice) && self.right(proposal, &own.said);
            if own.rule || cluster.task == Task::Choice {
                continue;
            }
            if !step!(self.tells(proposal)) {
                continue;
            }
            for _ in 0..rules.votes {
                let vote = match step!(self.verdict(Role::Verify, proposal, &own.said)) {
                    Verdict::Yes => 0,
                    Verdict::No => 1,
                    Verdict::Failed => 2,
                };
                own.votes[vote] += 1;
            }
        }
        Ok(Ok(()))
    }

    /// Whether the verifier says no to wrong answers; found once a question.
    fn tells(&mut self, proposal: &Proposal) -> Stepped<bool> {
        if let Some(tells) = self.tells {
            return Ok(Ok(tells));
        }
        let Round { seed, rules, cluster, number, .. } = *self.round;
        for at in 0..rules.decoys {
            let wrong = decoy(cluster, &proposal.answer, (seed, number, at));
            let refused = match &wrong {
                Some(wrong) => step!(self.verdict(Role::Decoy, proposal, wrong)) == Verdict::No,
                None => false,
            };
            self.decoys.extend(wrong);
            if !refused {
                self.tells = Some(false);
                return Ok(Ok(false));
            }
        }
        self.tells = Some(true);
        Ok(Ok(true))
    }

    fn verdict(&mut self, role: Role, proposal: &Proposal, predicted: &str) -> Stepped<Verdict> {
        let Round { rules, prompts, .. } = *self.round;
        let (question, gold) = (proposal.question.clone(), proposal.answer.clone());
        let asked = prompts.verify(Case { question, predicted: predicted.into(), gold })?;
        let answered = step!(self.call(role, asked, rules.tokens.verify));
        Ok(Ok(Verdict::of(&answered.reply)))
    }

    /// The question must not be answered without any one of the quoted documents.
    fn omit(&mut self, proposal: &Proposal) -> Stepped<Vec<Option<String>>> {
        let Round { rules, cluster, .. } = *self.round;
        let mut without = vec![None; proposal.evidence.len()];
        for omitted in &cluster.parts {
            let document = &omitted.place.document;
            let rest: Vec<&Part> = cluster.parts.iter().filter(|part| part.place.document != *document).collect();
            let resting = |at: &usize| proposal.evidence[*at].document == *document;
            let evidence: Vec<usize> = (0..without.len()).filter(resting).collect();
            for number in 0..if evidence.is_empty() { 0 } else { rules.necessity } {
                let said = step!(self.solution(Role::Omit, &proposal.question, &rest));
                if said.as_ref().is_some_and(|said| self.right(proposal, said)) {
                    return Ok(Err(Rejection::Needless));
                }
                if number == 0 {
                    evidence.iter().for_each(|at| without[*at] = said.clone());
                }
            }
        }
        Ok(Ok(without))
    }

    fn right(&self, proposal: &Proposal, said: &str) -> bool {
        right(self.round.cluster.task, &proposal.answer, said)
    }
}

/// Why a question that was answered so is not kept.
fn refusal(
    judged: &[Judged],
    fooled: bool,
    (right, answers): (usize, usize),
    [least, most]: [f64; 2],
) -> Option<Rejection> {
    let common = judged.first()?;
    let share = right as f64 / answers as f64;
    match () {
        () if fooled && !common.rule => Some(Rejection::Fooled),
        () if common.unclear() => Some(Rejection::Unclear),
        () if !common.right() => Some(Rejection::Differs),
        () if share < least => Some(Rejection::Seldom),
        () if share > most => Some(Rejection::Often),
        () => None,
    }
}

#[cfg(test)]
mod tests;
