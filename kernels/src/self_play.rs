//! The rewards of self-play with three roles on one policy (SPELL, arXiv 2509.23863): votes of the verifier, the responder's reward, and
//! what a question is worth to the questioner.
//!
//! Equation numbers are those that the released code names. Where paper and code leave a choice, it is an argument.
//!
//! ```
//! use longlab_kernels::self_play::{Combine, Question, Questioner, Ties, Verdict, majority, responder, verifier};
//! use Verdict::{Malformed, No, Yes};
//! let votes = [Yes, No, Yes, Malformed];
//! let won = majority(&votes, Ties::First);
//! assert_eq!(won, Some(Yes));
//! assert_eq!(verifier(&votes, won), [1.0, 0.0, 1.0, -1.0]);
//! assert_eq!(responder(Combine::Max, 0.0, won), 1.0);
//! let paid = |question| Questioner::default().reward(question);
//! assert_eq!(paid(Question::Answered(0.5)), 1.0);
//! assert_eq!((paid(Question::Answered(0.0)), paid(Question::Answered(1.0))), (0.0, 0.0));
//! assert_eq!((paid(Question::Malformed), paid(Question::Ungrounded)), (-1.0, -0.5));
//! ```

/// One vote on whether an answer means the same as the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Verdict {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// The vote says neither, or both.
    Malformed,
}

/// Who wins where two verdicts have the most votes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ties {
    /// The one of them that was cast first (the released code: Python's `Counter.most_common`).
    #[default]
    First,
    /// [`Verdict::No`] over [`Verdict::Yes`], and either over [`Verdict::Malformed`].
    No,
    /// [`Verdict::Yes`] over [`Verdict::No`], and either over [`Verdict::Malformed`].
    Yes,
}

/// The verdict with the most votes; none without votes.
pub fn majority(votes: &[Verdict], ties: Ties) -> Option<Verdict> {
    let count = |verdict: Verdict| votes.iter().filter(|&&vote| vote == verdict).count();
    let order: Vec<Verdict> = match ties {
        Ties::First => votes.to_vec(),
        Ties::No => vec![Verdict::No, Verdict::Yes, Verdict::Malformed],
        Ties::Yes => vec![Verdict::Yes, Verdict::No, Verdict::Malformed],
    };
    let most = votes.iter().map(|&vote| count(vote)).max()?;
    order.into_iter().find(|&verdict| count(verdict) == most)
}

/// The reward of each vote: 1 with the majority, 0 against it, -1 where it is malformed. A malformed majority teaches nothing but that: all
/// rewards are -1, as in the released code.
pub fn verifier(votes: &[Verdict], majority: Option<Verdict>) -> Vec<f64> {
    let reward = |&vote: &Verdict| match (vote, majority) {
        (Verdict::Malformed, _) | (_, Some(Verdict::Malformed)) => -1.0,
        (vote, won) => f64::from(u8::from(Some(vote) == won)),
    };
    votes.iter().map(reward).collect()
}

/// The share of the votes that are not malformed which agree with the majority, 0..1; none where that is malformed or there is none.
pub fn agreement(votes: &[Verdict], majority: Option<Verdict>) -> Option<f64> {
    let won = majority.filter(|&verdict| verdict != Verdict::Malformed)?;
    let sound = votes.iter().filter(|&&vote| vote != Verdict::Malformed).count();
    (sound > 0).then(|| votes.iter().filter(|&&vote| vote == won).count() as f64 / sound as f64)
}

/// How the score of the rule and the verdict of the majority become one reward (Eq. 6 takes the maximum).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Combine {
    /// The greater of the two.
    #[default]
    Max,
    /// Their mean.
    Mean,
    /// The lesser of the two.
    Min,
    /// The rule alone.
    Rule,
}

/// The reward of a response, 0..1, from the score of the rule (0..1) and the majority of its votes. Without a majority, or with a malformed
/// one, it is the score of the rule.
pub fn responder(combine: Combine, rule: f64, majority: Option<Verdict>) -> f64 {
    let vote = match majority {
        Some(Verdict::Yes) => 1.0,
        Some(Verdict::No) => 0.0,
        Some(Verdict::Malformed) | None => return rule,
    };
    match combine {
        Combine::Max => rule.max(vote),
        Combine::Mean => (rule + vote) / 2.0,
        Combine::Min => rule.min(vote),
        Combine::Rule => rule,
    }
}

/// What a well-formed, grounded question is worth by the mean reward of its responses (Eq. 7 and what the released code compares it with).
/// A question that nobody answers, or everybody, is worth 0 under each.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mapping {
    /// `exp(-(mean - centre)^2 / (2 width^2))`; the paper has 1/2 and 1/6.
    Gaussian {
        /// Mean reward of the questions that are worth most.
        centre: f64,
        /// Standard deviation of the bell; above 0.
        width: f64,
    },
    /// `1 - mean`: the harder the better (Absolute Zero).
    Reverse,
    /// `1 - 2 |mean - 1/2|` (R-Zero).
    Tent,
}

impl Mapping {
    /// The questioner's reward, 0..1, for a mean reward of the responses, 0..1.
    pub fn reward(self, mean: f64) -> f64 {
        if mean <= 0.0 || mean >= 1.0 {
            return 0.0;
        }
        match self {
            Mapping::Gaussian { centre, width } => {
                let off = (mean - centre) / width;
                (-off * off / 2.0).exp()
            }
            Mapping::Reverse => 1.0 - mean,
            Mapping::Tent => 1.0 - 2.0 * (mean - 0.5).abs(),
        }
    }
}

/// What came of a question.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Question {
    /// It is no question with a reference.
    Malformed,
    /// It is answered without the documents.
    Ungrounded,
    /// It was answered, with this mean reward of the responses, 0..1.
    Answered(f64),
}

/// What the questioner is paid. The default is that of the paper and its code.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Questioner {
    /// For a question that some responses solve.
    pub mapping: Mapping,
    /// For one that all of them solve; what none solves is worth 0.
    pub always: f64,
    /// For one that is answered without the documents.
    pub ungrounded: f64,
    /// For what is none.
    pub malformed: f64,
}

impl Default for Questioner {
    fn default() -> Self {
        let mapping = Mapping::Gaussian { centre: 0.5, width: 0.5 / 3.0 };
        Questioner { mapping, always: 0.0, ungrounded: -0.5, malformed: -1.0 }
    }
}

impl Questioner {
    /// The reward for a question.
    pub fn reward(&self, question: Question) -> f64 {
        match question {
            Question::Malformed => self.malformed,
            Question::Ungrounded => self.ungrounded,
            Question::Answered(mean) if mean >= 1.0 => self.always,
            Question::Answered(mean) => self.mapping.reward(mean),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{Malformed, No, Yes};

    #[test]
    fn ties_are_decided_as_they_are_told() {
        for (votes, first) in [([Yes, No], Yes), ([No, Yes], No), ([Malformed, Yes], Malformed)] {
            assert_eq!(majority(&votes, Ties::First), Some(first), "{votes:?}");
        }
        assert_eq!(majority(&[Yes, No], Ties::No), Some(No));
        assert_eq!(majority(&[No, Yes], Ties::Yes), Some(Yes));
        assert_eq!(majority(&[Malformed, Yes], Ties::No), Some(Yes));
        assert_eq!(majority(&[No, Malformed, Yes, Malformed], Ties::Yes), Some(Malformed), "more votes are no tie");
        assert_eq!(majority(&[], Ties::First), None);
    }

    /// The formula of the released code's `questioner_mapping_function`, by hand at six means.
    #[test]
    fn the_bell_is_that_of_the_released_code() {
        let bell = Mapping::Gaussian { centre: 0.5, width: 0.5 / 3.0 };
        let known =
            [(0.125, 0.07956), (0.25, 0.32465), (0.375, 0.75484), (0.5, 1.0), (0.75, 0.32465), (0.875, 0.07956)];
        for (mean, reward) in known {
            assert!((bell.reward(mean) - reward).abs() < 1e-5, "{mean}: {}", bell.reward(mean));
        }
        assert_eq!((Mapping::Reverse.reward(0.25), Mapping::Tent.reward(0.25)), (0.75, 0.5));
    }

    #[test]
    fn a_malformed_majority_leaves_the_rule_alone() {
        let votes = [Malformed, Malformed, Yes];
        let won = majority(&votes, Ties::First);
        for combine in [Combine::Max, Combine::Mean, Combine::Min, Combine::Rule] {
            assert_eq!((responder(combine, 1.0, won), responder(combine, 0.0, None)), (1.0, 0.0));
        }
        assert_eq!((verifier(&votes, won), agreement(&votes, won)), (vec![-1.0; 3], None));
    }
}
