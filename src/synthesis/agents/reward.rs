//! SPELL's reward of the questioner.

use super::rejection::Rejection;
use crate::spec::RewardSpec;

impl RewardSpec {
    /// The reward for a question of which so many of the solver's answers are right: a bell around the centre, but for one that is always solved.
    ///
    /// ```
    /// use longlab_synthesis::spec::RewardSpec;
    /// let reward = RewardSpec::default();
    /// assert_eq!(reward.of((4, 8)), 1.0);
    /// assert_eq!(reward.of((8, 8)), 0.0);
    /// assert!((reward.of((1, 4)) - (-1.125f64).exp()).abs() < 1e-12);
    /// ```
    pub fn of(&self, (right, answers): (usize, usize)) -> f64 {
        if right >= answers {
            return self.always;
        }
        let off = (right as f64 / answers as f64 - self.centre) / self.width;
        (-off * off / 2.0).exp()
    }

    /// The reward where there is no item, as far as the reason decides it; none where the model's server does.
    pub fn without(&self, rejection: Rejection) -> Option<f64> {
        match rejection {
            rejection if rejection.is_malformed() => Some(self.malformed),
            Rejection::Ungrounded => Some(self.ungrounded),
            _ => None,
        }
    }
}
