//! A model as judge of answers: the rule first, the judge where the rule says wrong (paper section 4.1).
//!
//! The rule reads a number or a name; an answer that means the same in other words fails it. Such an answer is shown to the judge with the
//! question and the gold answer, never with the documents. Its replies are kept in the job's folder, keyed by the whole request: a job that
//! resumes, or is verified, asks for none of them again.

use super::rollout::Group;
use crate::lm::Tokenizer;
use crate::spec::settings::{JudgedBy, Reward};
use crate::task::{Graded, Status, TaskType};
use anyhow::{Context, Result};
use longlab_client::{Budget, Case, ChatReply, Client, ClientSettings, Judge, Verdict, ask_all};
use serde_json::json;
use std::path::{Path, PathBuf};

/// The environment variable that holds the server's key, where it wants one.
const KEY: &str = "LONGLAB_API_KEY";

/// A judge with what it said so far.
pub struct Judging {
    client: Client,
    max_tokens: usize,
    verdicts: PathBuf,
}

/// Whether the server may be asked, or only what it said before counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking {
    /// It may.
    Live,
    /// Replies that are not kept are errors.
    Kept,
}

impl Judging {
    /// The judge that the settings ask for, whose replies and verdicts are kept in `dir`; none where they ask for none.
    ///
    /// # Errors
    /// A server that is not there or lacks the model, and files that cannot be read.
    pub fn open(reward: &Reward, dir: &Path, asking: Asking) -> Result<Option<Judging>> {
        if reward.judge == JudgedBy::Rule {
            return Ok(None);
        }
        std::fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
        let mut settings = ClientSettings::of(&reward.judge_url);
        settings.model = Some(reward.judge_model.clone());
        settings.key_variable = std::env::var(KEY).is_ok().then(|| KEY.to_owned());
        // Another address of the same model gives the same replies: what was kept stays good.
        settings.identity = Some(format!("judge {}", reward.judge_model));
        settings.cache = Some(dir.join("replies.jsonl"));
        if asking == Asking::Kept {
            settings.budget = Budget { tokens: Some(0), ..settings.budget };
        }
        let client = Client::new(settings).context("the judge of `reward.judge`")?;
        if asking == Asking::Live {
            client.check().context("the judge of `reward.judge`")?;
        }
        Ok(Some(Judging { client, max_tokens: reward.judge_tokens, verdicts: dir.to_owned() }))
    }

    /// Judges the answers of a batch that the rule calls wrong, and keeps the verdicts under `name`. Yes makes an answer right, no leaves it
    /// wrong; a reply without a verdict makes it failed, with the score of the rule.
    ///
    /// # Errors
    /// A server that does not answer: nothing is learned from a batch whose rewards are not known. The job resumes at this step.
    pub fn judge(&self, groups: &mut [Group], tokenizer: &Tokenizer, name: &str) -> Result<()> {
        let mut places = Vec::new();
        let mut cases = Vec::new();
        for (g, group) in groups.iter().enumerate() {
            for (r, rollout) in group.rollouts.iter().enumerate() {
                if !is_judged(group.sample.task, rollout.graded) {
                    continue;
                }
                let text = tokenizer.decode(&rollout.response.tokens, true)?;
                if let Some(predicted) = group.sample.said(&text) {
                    places.push((g, r));
                    cases.push(Case {
                        question: group.sample.question.clone(),
                        predicted: predicted.to_owned(),
                        gold: group.sample.gold.clone(),
                    });
                }
            }
        }
        let judge = Judge { max_tokens: self.max_tokens, ..Judge::new(&self.client) };
        let requests: Vec<_> = cases.iter().map(|case| judge.request(case)).collect();
        let replies = ask_all(&self.client, &requests, THREADS, &mut |_| true);
        let mut lines = String::new();
        for ((&(g, r), case), reply) in places.iter().zip(&cases).zip(replies) {
            let reply: ChatReply = reply.context("the judge did not answer; start the job again when it does")?;
            let verdict = Verdict::of(&reply.content);
            let graded = &mut groups[g].rollouts[r].graded;
            *graded = judged(*graded, verdict);
            let line = json!({
                "sample": groups[g].sample.id, "rollout": r, "verdict": verdict, "model": reply.model,
                "template": judge.template.hash(), "question": case.question, "predicted": case.predicted, "gold": case.gold,
            });
            lines.push_str(&format!("{line}\n"));
        }
        let path = self.verdicts.join(format!("{name}.jsonl"));
        crate::files::write_soon(&path, lines.as_bytes()).with_context(|| format!("writing {}", path.display()))
    }
}

/// Requests that wait for the server side by side; the client has a limit of its own.
const THREADS: usize = 8;

/// Letters and word-for-word turns leave nothing to a judge; cut-off answers and such without an answer phrase are none.
fn is_judged(task: TaskType, graded: Graded) -> bool {
    let open = matches!(task, TaskType::MultiHop | TaskType::Reading | TaskType::Numeric);
    open && graded.status == Status::Wrong
}

fn judged(graded: Graded, verdict: Verdict) -> Graded {
    match verdict {
        Verdict::Yes => Graded { status: Status::Right, score: 1.0 },
        Verdict::No => graded,
        Verdict::Failed => Graded { status: Status::Failed, ..graded },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_answers_in_words_that_the_rule_calls_wrong_are_judged() {
        let graded = |status| Graded { status, score: 0.0 };
        assert!(is_judged(TaskType::Reading, graded(Status::Wrong)));
        assert!(is_judged(TaskType::Numeric, graded(Status::Wrong)));
        for status in [Status::Right, Status::Unparsable, Status::Truncated, Status::Failed] {
            assert!(!is_judged(TaskType::MultiHop, graded(status)), "{status:?}");
        }
        for task in [TaskType::MultipleChoice, TaskType::Dialogue] {
            assert!(!is_judged(task, graded(Status::Wrong)), "{task}");
        }
    }

    #[test]
    fn without_a_verdict_an_answer_is_failed_and_not_wrong() {
        let wrong = Graded { status: Status::Wrong, score: 0.0 };
        assert_eq!(judged(wrong, Verdict::Yes), Graded { status: Status::Right, score: 1.0 });
        assert_eq!(judged(wrong, Verdict::No), wrong);
        assert_eq!(judged(wrong, Verdict::Failed).status, Status::Failed);
    }
}
