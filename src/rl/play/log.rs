//! What self-play writes down: a line a question in `selfplay/<step>.jsonl`, and a row a step in `selfplay.csv`.

use crate::rl::metrics::Table;
use longlab_kernels::self_play::Verdict;
use serde::{Deserialize, Serialize};

/// How a question ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// What the questioner said is no question with a reference.
    Malformed,
    /// It was answered without the documents.
    Ungrounded,
    /// All responses have the same reward: nothing can be learned from them.
    Even,
    /// Some responses are better than others.
    Open,
}

/// A response and what was made of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The answer; none where the response gives none.
    pub said: Option<String>,
    /// Score of the rule against the reference, 0..1.
    pub rule: f64,
    /// Votes in their order: `y`, `n`, or `-` for a malformed one.
    pub votes: String,
    /// The verdict of the majority; none where nobody was asked.
    pub majority: Option<Verdict>,
    /// Reward, 0..1.
    pub reward: f64,
}

/// A question with all that came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Step, from 1.
    pub step: u64,
    /// Round of the step, from 1.
    pub round: usize,
    /// Number of the cluster: its sample in the pool.
    pub cluster: u64,
    /// Places of the documents that the questioner saw.
    pub documents: Vec<usize>,
    /// How many earlier questions it saw.
    pub before: usize,
    /// All that it said.
    pub said: String,
    /// The question, where it is well-formed.
    pub question: Option<String>,
    /// Its reference.
    pub reference: Option<String>,
    /// Relations that it follows.
    pub hops: usize,
    /// What the documents of the cluster say the answer is; none where they do not. Measured, never a reward.
    pub truth: Option<String>,
    /// How it ended.
    pub fate: Fate,
    /// Responses over all documents of the cluster.
    pub answers: Vec<Answer>,
    /// Their mean reward.
    pub mean: Option<f64>,
    /// The questioner's reward.
    pub reward: f64,
}

#[cfg(test)]
impl Line {
    /// A question without a story.
    pub fn asked(question: &str, fate: Fate) -> Line {
        Line {
            step: 1,
            round: 1,
            cluster: 0,
            documents: vec![0],
            before: 0,
            said: question.to_string(),
            question: Some(question.to_string()),
            reference: Some("Oslo".to_string()),
            hops: 1,
            truth: None,
            fate,
            answers: vec![],
            mean: None,
            reward: 0.0,
        }
    }
}

/// What a step of self-play measured. Shares are 0..1; a mean of nothing is missing.
#[derive(Clone, Debug, PartialEq)]
pub struct GameRow {
    /// Step, from 1.
    pub step: u64,
    /// Questions posed, in all rounds.
    pub posed: usize,
    /// Share of them that is malformed.
    pub malformed: f64,
    /// Share that was answered without documents.
    pub ungrounded: f64,
    /// Share that none of the responses solved.
    pub unsolved: f64,
    /// Share that all of them solved.
    pub trivial: f64,
    /// Share whose responses differ in reward.
    pub open: f64,
    /// Mean reward of the questioner.
    pub worth: Option<f64>,
    /// Mean length of the well-formed questions, relations.
    pub hops: Option<f64>,
    /// Share of the well-formed questions whose reference is what the documents say.
    pub sound: Option<f64>,
    /// Mean number of earlier questions that the questioner saw.
    pub before: f64,
    /// Mean reward of the responses.
    pub solved: Option<f64>,
    /// Mean score of the rule against the references.
    pub rule: Option<f64>,
    /// Share of the responses that give what the documents say, whatever the reference; of questions that the documents answer.
    pub right: Option<f64>,
    /// Share of the votes that are malformed.
    pub spoilt: Option<f64>,
    /// Share of the majorities that say what the rule says.
    pub agrees: Option<f64>,
    /// Share of the answers that the rule calls wrong and the majority right: rewards that the verifier alone gave.
    pub lifted: Option<f64>,
    /// Groups of questions, responses and votes that were learned from.
    pub learned: [usize; 3],
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0usize), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}

impl GameRow {
    /// The row of a step's lines; `learned` counts the groups that were learned from, by role.
    pub fn of(step: u64, lines: &[Line], learned: [usize; 3]) -> GameRow {
        let share =
            |is: &dyn Fn(&Line) -> bool| mean(lines.iter().map(|line| f64::from(u8::from(is(line))))).unwrap_or(0.0);
        let asked = || lines.iter().filter(|line| line.question.is_some());
        let answers = || lines.iter().flat_map(|line| &line.answers);
        let known = lines.iter().filter_map(|line| Some((line, line.truth.as_ref()?)));
        let right = known.flat_map(|(line, truth)| line.answers.iter().map(move |a| a.said.as_ref() == Some(truth)));
        let verdicts = || {
            let won = |answer: &Answer| match answer.majority? {
                Verdict::Yes => Some((true, answer.rule == 1.0)),
                Verdict::No => Some((false, answer.rule == 1.0)),
                Verdict::Malformed => None,
            };
            answers().filter_map(won)
        };
        let number = |is: bool| f64::from(u8::from(is));
        GameRow {
            step,
            posed: lines.len(),
            malformed: share(&|line| line.fate == Fate::Malformed),
            ungrounded: share(&|line| line.fate == Fate::Ungrounded),
            unsolved: share(&|line| line.mean == Some(0.0)),
            trivial: share(&|line| line.mean == Some(1.0)),
            open: share(&|line| line.fate == Fate::Open),
            worth: mean(lines.iter().map(|line| line.reward)),
            hops: mean(asked().map(|line| line.hops as f64)),
            sound: mean(asked().map(|line| number(line.truth.is_some() && line.truth == line.reference))),
            before: mean(lines.iter().map(|line| line.before as f64)).unwrap_or(0.0),
            solved: mean(answers().map(|answer| answer.reward)),
            rule: mean(answers().map(|answer| answer.rule)),
            right: mean(right.map(number)),
            spoilt: mean(answers().flat_map(|answer| answer.votes.chars()).map(|vote| number(vote == '-'))),
            agrees: mean(verdicts().map(|(yes, rule)| number(yes == rule))),
            lifted: mean(verdicts().map(|(yes, rule)| number(yes && !rule))),
            learned,
        }
    }
}

impl Table for GameRow {
    fn columns() -> Vec<String> {
        const NAMES: [&str; 20] = [
            "step",
            "posed",
            "malformed",
            "ungrounded",
            "unsolved",
            "trivial",
            "open",
            "worth",
            "hops",
            "sound",
            "before",
            "solved",
            "rule",
            "right",
            "spoilt",
            "agrees",
            "lifted",
            "questions",
            "responses",
            "verdicts",
        ];
        NAMES.map(String::from).to_vec()
    }

    fn cells(&self) -> Vec<String> {
        let maybe = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
        let mut cells = vec![self.step.to_string(), self.posed.to_string()];
        cells.extend([self.malformed, self.ungrounded, self.unsolved, self.trivial, self.open].map(|v| v.to_string()));
        cells.extend([self.worth, self.hops, self.sound].map(maybe));
        cells.push(self.before.to_string());
        cells.extend([self.solved, self.rule, self.right, self.spoilt, self.agrees, self.lifted].map(maybe));
        cells.extend(self.learned.map(|count| count.to_string()));
        cells
    }

    fn step(&self) -> u64 {
        self.step
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_counts_what_its_lines_say() {
        let answer = |said: &str, rule: f64, majority, votes: &str| Answer {
            said: Some(said.to_string()),
            rule,
            votes: votes.to_string(),
            majority: Some(majority),
            reward: rule.max(f64::from(u8::from(majority == Verdict::Yes))),
        };
        let mut open = Line::asked("What is the home of Anna?", Fate::Open);
        open.truth = Some("Lima".to_string());
        open.answers = vec![
            answer("Oslo", 1.0, Verdict::Yes, "yy"),
            answer("Lima", 0.0, Verdict::No, "n-"),
            answer("Lima", 0.0, Verdict::Yes, "yy"),
        ];
        (open.mean, open.reward, open.hops) = (Some(2.0 / 3.0), 0.5, 3);
        let mut bad = Line::asked("?", Fate::Malformed);
        (bad.question, bad.reference, bad.reward) = (None, None, -1.0);
        let row = GameRow::of(4, &[open, bad], [2, 1, 0]);
        assert_eq!((row.posed, row.malformed, row.open, row.worth), (2, 0.5, 0.5, Some(-0.25)));
        assert_eq!((row.hops, row.sound), (Some(3.0), Some(0.0)), "the reference is not what the documents say");
        assert_eq!((row.solved, row.rule, row.right), (Some(2.0 / 3.0), Some(1.0 / 3.0), Some(2.0 / 3.0)));
        assert_eq!((row.spoilt, row.agrees, row.lifted), (Some(1.0 / 6.0), Some(2.0 / 3.0), Some(1.0 / 3.0)));
        assert_eq!(row.cells().len(), GameRow::columns().len());
        assert_eq!(GameRow::of(1, &[], [0; 3]).solved, None);
    }
}
