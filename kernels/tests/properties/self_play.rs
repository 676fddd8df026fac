//! The rewards of self-play: what holds of any votes and any mean.

use longlab_kernels::self_play::{
    Combine, Mapping, Question, Questioner, Ties, Verdict, agreement, majority, responder, verifier,
};
use proptest::prelude::*;

fn votes() -> impl Strategy<Value = Vec<Verdict>> {
    prop::collection::vec(prop::sample::select(vec![Verdict::Yes, Verdict::No, Verdict::Malformed]), 0..20)
}

fn ties() -> impl Strategy<Value = Ties> {
    prop::sample::select(vec![Ties::First, Ties::No, Ties::Yes])
}

fn mapping() -> impl Strategy<Value = Mapping> {
    prop_oneof![
        (0.05f64..0.95, 0.01f64..2.0).prop_map(|(centre, width)| Mapping::Gaussian { centre, width }),
        Just(Mapping::Reverse),
        Just(Mapping::Tent),
    ]
}

proptest! {
    #[test]
    fn the_majority_has_no_fewer_votes_than_any_other(votes in votes(), ties in ties()) {
        let count = |verdict| votes.iter().filter(|&&vote| vote == verdict).count();
        match majority(&votes, ties) {
            None => prop_assert!(votes.is_empty()),
            Some(won) => {
                for other in [Verdict::Yes, Verdict::No, Verdict::Malformed] {
                    prop_assert!(count(won) >= count(other));
                }
            }
        }
    }

    /// Who votes when says nothing unless a tie is left to the first vote.
    #[test]
    fn order_says_nothing_without_a_tie(votes in votes(), turn in 0usize..20) {
        let mut turned = votes.clone();
        turned.rotate_left(turn % votes.len().max(1));
        for ties in [Ties::No, Ties::Yes] {
            prop_assert_eq!(majority(&votes, ties), majority(&turned, ties));
        }
        if majority(&votes, Ties::No) == majority(&votes, Ties::Yes) && !votes.contains(&Verdict::Malformed) {
            prop_assert_eq!(majority(&votes, Ties::First), majority(&votes, Ties::No));
        }
    }

    /// Agreement pays, disagreement does not, and no form is worth less than none.
    #[test]
    fn votes_are_paid_by_agreement(votes in votes(), ties in ties()) {
        let won = majority(&votes, ties);
        let rewards = verifier(&votes, won);
        prop_assert_eq!(rewards.len(), votes.len());
        for (vote, reward) in votes.iter().zip(&rewards) {
            let due = if *vote == Verdict::Malformed || won == Some(Verdict::Malformed) { -1.0 } else if Some(*vote) == won { 1.0 } else { 0.0 };
            prop_assert_eq!(*reward, due);
        }
        if let Some(share) = agreement(&votes, won) {
            prop_assert!(share > 0.0 && share <= 1.0);
            // Without malformed votes the mean reward is the agreement.
            if !votes.contains(&Verdict::Malformed) {
                let mean = rewards.iter().sum::<f64>() / rewards.len() as f64;
                prop_assert!((mean - share).abs() < 1e-12 && share >= 0.5);
            }
        }
    }

    /// The reward of a response stays in 0..1, between rule and verdict, and is the rule's where nobody voted.
    #[test]
    fn a_response_is_paid_between_rule_and_verdict(rule in 0.0f64..=1.0, votes in votes(), ties in ties()) {
        let won = majority(&votes, ties);
        let vote = match won { Some(Verdict::Yes) => 1.0, Some(Verdict::No) => 0.0, _ => rule };
        let [max, mean, min, alone] =
            [Combine::Max, Combine::Mean, Combine::Min, Combine::Rule].map(|combine| responder(combine, rule, won));
        prop_assert_eq!((max, min, alone), (rule.max(vote), rule.min(vote), rule));
        prop_assert!((mean - (rule + vote) / 2.0).abs() < 1e-15);
        prop_assert!(min <= mean && mean <= max && (0.0..=1.0).contains(&min) && (0.0..=1.0).contains(&max));
    }

    /// Questions that all or none can answer are worth nothing; the others something between 0 and 1.
    #[test]
    fn a_question_is_worth_something_between_the_extremes(mapping in mapping(), mean in 0.0f64..=1.0) {
        let reward = mapping.reward(mean);
        prop_assert!((0.0..=1.0).contains(&reward), "{reward}");
        prop_assert_eq!(mapping.reward(0.0), 0.0);
        prop_assert_eq!(mapping.reward(1.0), 0.0);
        let paid = Questioner { mapping, always: 0.25, ungrounded: -0.5, malformed: -1.0 };
        let due = if mean == 1.0 { 0.25 } else { reward };
        prop_assert_eq!(paid.reward(Question::Answered(mean)), due);
        prop_assert_eq!(paid.reward(Question::Answered(1.0)), 0.25);
        prop_assert_eq!((paid.reward(Question::Ungrounded), paid.reward(Question::Malformed)), (-0.5, -1.0));
    }

    /// The bell is highest at its centre, even, and falls to both sides.
    #[test]
    fn the_bell_has_its_top_at_the_centre(width in 0.05f64..1.0, near in 0.0f64..0.24, further in 0.0f64..0.24) {
        let bell = Mapping::Gaussian { centre: 0.5, width };
        let (near, far) = (near, near + further);
        prop_assert!(bell.reward(0.5 + near) >= bell.reward(0.5 + far));
        prop_assert!((bell.reward(0.5 + near) - bell.reward(0.5 - near)).abs() < 1e-12);
        prop_assert!(bell.reward(0.5) >= bell.reward(0.5 + near));
    }
}
