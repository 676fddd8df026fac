//! SPELL's reward of the questioner, as self-play has it.

use super::rejection::Rejection;
use crate::spec::RewardSpec;
use longlab_kernels::self_play::{Mapping, Question, Questioner};

impl RewardSpec {
    /// The reward for a question of which so many of the solver's answers are right: a bell around the centre, but for one that is always or never
    /// solved.
    ///
    /// ```
    /// use longlab_synthesis::spec::RewardSpec;
    /// let reward = RewardSpec::default();
    /// assert_eq!(reward.of((4, 8)), 1.0);
    /// assert_eq!((reward.of((0, 8)), reward.of((8, 8))), (0.0, 0.0));
    /// assert!((reward.of((1, 4)) - (-1.125f64).exp()).abs() < 1e-12);
    /// ```
    pub fn of(&self, (right, answers): (usize, usize)) -> f64 {
        self.questioner().reward(Question::Answered(right as f64 / answers.max(1) as f64))
    }

    /// The reward where there is no item, as far as the reason decides it; none where the model's server does.
    pub fn without(&self, rejection: Rejection) -> Option<f64> {
        let question = match rejection {
            rejection if rejection.is_malformed() => Question::Malformed,
            Rejection::Ungrounded => Question::Ungrounded,
            _ => return None,
        };
        Some(self.questioner().reward(question))
    }

    fn questioner(&self) -> Questioner {
        let RewardSpec { centre, width, always, ungrounded, malformed } = *self;
        Questioner { mapping: Mapping::Gaussian { centre, width }, always, ungrounded, malformed }
    }
}
