//! The states of submitted jobs as a pure state machine: what the queue and the results say goes in, what changed comes out.

use super::queue::{Entry, Phase};
use crate::lab::schedule::State;

/// Looks after which a job that is no longer in the queue, or completed there, and has no result is given up: a shared file system may show
/// a file a minute late to another machine.
pub const LATE_LOOKS: u32 = 6;
/// Looks after which a job that failed in the queue is given up: a requeued one shows so for a moment.
pub const FAILED_LOOKS: u32 = 2;

/// What is seen of a job in one look.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Whether its result is there.
    pub finished: bool,
    /// What the queue says; none if it does not know the job.
    pub entry: Option<&'a Entry>,
}

/// What a look changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It has a node.
    Started,
    /// It had a node and waits again.
    Requeued,
    /// It ended: [`State::Done`], [`State::Failed`] or [`State::Stopped`].
    Ended(State),
}

/// Where each job stands.
#[derive(Clone, Debug)]
pub struct Follow {
    states: Vec<State>,
    bad_looks: Vec<u32>,
}

impl Follow {
    /// Jobs of which some were finished before.
    pub fn new(cached: &[bool]) -> Follow {
        let states: Vec<State> = cached.iter().map(|&done| if done { State::Cached } else { State::Queued }).collect();
        Follow { bad_looks: vec![0; states.len()], states }
    }

    /// Takes what was seen of a job. One that has ended stays so.
    pub fn look(&mut self, job: usize, seen: Seen) -> Option<Change> {
        let state = self.states[job];
        if !matches!(state, State::Queued | State::Running) {
            return None;
        }
        let phase = seen.entry.map(Entry::phase);
        let completed = seen.entry.is_none_or(|entry| entry.state == "COMPLETED");
        let bad = matches!(phase, None | Some(Phase::Ended | Phase::Cancelled));
        self.bad_looks[job] = if bad { self.bad_looks[job] + 1 } else { 0 };
        let patience = if completed { LATE_LOOKS } else { FAILED_LOOKS };
        let (next, change) = match phase {
            _ if seen.finished => (State::Done, Change::Ended(State::Done)),
            Some(Phase::Active) if state == State::Queued => (State::Running, Change::Started),
            Some(Phase::Waiting) if state == State::Running => (State::Queued, Change::Requeued),
            Some(Phase::Active | Phase::Waiting) => return None,
            _ if self.bad_looks[job] < patience => return None,
            Some(Phase::Cancelled) => (State::Stopped, Change::Ended(State::Stopped)),
            Some(Phase::Ended) | None => (State::Failed, Change::Ended(State::Failed)),
        };
        self.states[job] = next;
        Some(change)
    }

    /// Where every job stands.
    pub fn states(&self) -> &[State] {
        &self.states
    }

    /// Whether all have ended.
    pub fn over(&self) -> bool {
        !self.states.iter().any(|state| matches!(state, State::Queued | State::Running))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::slurm::queue::Tasks;
    use proptest::prelude::*;

    fn entry(state: &str) -> Entry {
        let (name, reason, nodes) = (String::new(), String::new(), String::new());
        Entry { job: 1, tasks: Tasks::Ranges(vec![(0, 0)]), name, state: state.into(), reason, nodes }
    }

    /// The changes of one job over a sequence of looks; a word is a state of the queue, `gone` none, `!` a result.
    fn changes(words: &[&str]) -> Vec<Change> {
        let mut follow = Follow::new(&[false]);
        let mut look = |word: &&str| {
            let entry = entry(word.trim_end_matches('!'));
            follow.look(0, Seen { finished: word.ends_with('!'), entry: (!word.starts_with("gone")).then_some(&entry) })
        };
        words.iter().filter_map(&mut look).collect()
    }

    #[test]
    fn a_job_waits_runs_and_ends() {
        use Change::{Ended, Requeued, Started};
        assert_eq!(changes(&["PENDING", "RUNNING", "RUNNING", "COMPLETED!"]), [Started, Ended(State::Done)]);
        assert_eq!(changes(&["PENDING", "gone!"]), [Ended(State::Done)]);
        assert_eq!(
            changes(&["RUNNING", "PENDING", "RUNNING", "gone!"]),
            [Started, Requeued, Started, Ended(State::Done)]
        );
    }

    #[test]
    fn nobody_is_given_up_at_the_first_look() {
        use Change::{Ended, Requeued, Started};
        assert_eq!(changes(&["NODE_FAIL", "PENDING", "NODE_FAIL", "PENDING"]), []);
        assert_eq!(changes(&["RUNNING", "NODE_FAIL", "PENDING"]), [Started, Requeued]);
        assert_eq!(changes(&["TIMEOUT", "TIMEOUT"]), [Ended(State::Failed)]);
        assert_eq!(changes(&["CANCELLED", "CANCELLED"]), [Ended(State::Stopped)]);
        assert_eq!(changes(&["COMPLETED"; 5]), [], "the result may come late");
        assert_eq!(changes(&["COMPLETED", "gone", "gone", "gone", "gone", "gone"]), [Ended(State::Failed)]);
    }

    proptest! {
        #[test]
        fn a_result_always_wins_and_an_end_is_for_good(
            words in prop::collection::vec(
                prop::sample::select(vec!["PENDING", "RUNNING", "COMPLETING", "NODE_FAIL", "FAILED", "CANCELLED", "gone", "NEW_WORD"]),
                0..20,
            ),
        ) {
            let mut follow = Follow::new(&[false, true]);
            let mut ended = 0;
            for word in &words {
                let entry = entry(word);
                let seen = Seen { finished: false, entry: (*word != "gone").then_some(&entry) };
                ended += usize::from(matches!(follow.look(0, seen), Some(Change::Ended(_))));
                prop_assert_eq!(follow.look(1, seen), None, "a finished job is not looked at");
            }
            prop_assert!(ended <= 1);
            prop_assert_eq!(follow.over(), ended == 1);
            let last = follow.look(0, Seen { finished: true, entry: None });
            prop_assert_eq!(last, (ended == 0).then_some(Change::Ended(State::Done)));
            prop_assert!(follow.over());
        }
    }
}
