//! The order of work as a pure state machine: what happened goes in, what to do comes out. No process, clock or file here.

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Finished before this run.
    Cached,
    /// Waits for a slot.
    Queued,
    /// Has a process.
    Running,
    /// Finished in this run.
    Done,
    /// Ended without a result.
    Failed,
    /// Stopped by the user before its end; the next run goes on with it.
    Stopped,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// The run begins.
    Begin,
    /// The process of a job ended, with its result in place or not.
    Ended {
        /// Position of the job.
        job: usize,
        /// Whether the result is there.
        finished: bool,
    },
    /// The user asked to stop, or has waited long enough after asking.
    Interrupt,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Start the process of a job.
    Start(usize),
    /// Ask the process of a job to end.
    Terminate(usize),
    /// End the process of a job at once.
    Kill(usize),
}

/// The jobs of one run, in spec order, and their slots.
///
/// ```
/// use longlab::lab::schedule::{Action, Input, Schedule};
/// let mut schedule = Schedule::new(2, &[false, true, false, false]);
/// assert_eq!(schedule.tick(Input::Begin), [Action::Start(0), Action::Start(2)]);
/// assert_eq!(schedule.tick(Input::Ended { job: 2, finished: false }), [Action::Start(3)]);
/// ```
#[derive(Clone, Debug)]
pub struct Schedule {
    slots: usize,
    states: Vec<State>,
    interrupts: u32,
}

impl Schedule {
    /// A schedule of `cached.len()` jobs on `slots` (at least one) slots; finished jobs are marked in `cached`.
    pub fn new(slots: usize, cached: &[bool]) -> Schedule {
        let states = cached.iter().map(|&done| if done { State::Cached } else { State::Queued }).collect();
        Schedule { slots: slots.max(1), states, interrupts: 0 }
    }

    /// Takes what happened and says what to do. An end reported for a job that does not run changes nothing.
    pub fn tick(&mut self, input: Input) -> Vec<Action> {
        match input {
            Input::Begin => {}
            Input::Ended { job, finished } => self.end(job, finished),
            Input::Interrupt => return self.interrupt(),
        }
        self.fill()
    }

    fn end(&mut self, job: usize, finished: bool) {
        if self.states.get(job) == Some(&State::Running) {
            self.states[job] = match (finished, self.interrupts) {
                (true, _) => State::Done,
                (false, 0) => State::Failed,
                (false, _) => State::Stopped,
            };
        }
    }

    fn interrupt(&mut self) -> Vec<Action> {
        self.interrupts += 1;
        for state in self.states.iter_mut().filter(|state| **state == State::Queued) {
            *state = State::Stopped;
        }
        let stop = if self.interrupts == 1 { Action::Terminate } else { Action::Kill };
        self.positions(State::Running).map(stop).collect()
    }

    fn fill(&mut self) -> Vec<Action> {
        let free = self.slots.saturating_sub(self.count(State::Running));
        let starts: Vec<usize> = self.positions(State::Queued).take(free).collect();
        for &job in &starts {
            self.states[job] = State::Running;
        }
        starts.into_iter().map(Action::Start).collect()
    }

    fn positions(&self, wanted: State) -> impl Iterator<Item = usize> + '_ {
        self.states.iter().enumerate().filter(move |(_, state)| **state == wanted).map(|(job, _)| job)
    }

    /// How many jobs stand at `state`.
    pub fn count(&self, state: State) -> usize {
        self.positions(state).count()
    }

    /// Where a job stands.
    pub fn state(&self, job: usize) -> State {
        self.states[job]
    }

    /// Where every job stands, in spec order.
    pub fn states(&self) -> &[State] {
        &self.states
    }

    /// Whether nothing runs and nothing waits.
    pub fn over(&self) -> bool {
        self.count(State::Running) + self.count(State::Queued) == 0
    }

    /// Whether the user asked to stop.
    pub fn interrupted(&self) -> bool {
        self.interrupts > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Fake workers: each started job ends as `fails` says, in an order drawn by `picks`. Returns the order of starts.
    fn work(schedule: &mut Schedule, fails: &[bool], picks: &[usize]) -> Vec<usize> {
        let (mut started, mut running, mut picks) = (Vec::new(), Vec::new(), picks.iter().cycle());
        let mut actions = schedule.tick(Input::Begin);
        loop {
            for action in actions.drain(..) {
                let Action::Start(job) = action else { panic!("{action:?} without an interrupt") };
                started.push(job);
                running.push(job);
            }
            assert!(running.len() <= schedule.slots);
            if running.is_empty() {
                return started;
            }
            let job = running.remove(picks.next().unwrap() % running.len());
            actions = schedule.tick(Input::Ended { job, finished: !fails[job] });
        }
    }

    proptest! {
        #[test]
        fn every_uncached_job_runs_once_in_order_and_failures_stay_alone(
            jobs in prop::collection::vec((any::<bool>(), any::<bool>()), 0..12),
            slots in 0usize..5,
            picks in prop::collection::vec(0usize..100, 1..20),
        ) {
            let (cached, fails): (Vec<bool>, Vec<bool>) = jobs.into_iter().unzip();
            let mut schedule = Schedule::new(slots, &cached);
            let started = work(&mut schedule, &fails, &picks);
            let uncached: Vec<usize> = (0..cached.len()).filter(|&job| !cached[job]).collect();
            prop_assert_eq!(started, uncached);
            prop_assert!(schedule.over() && !schedule.interrupted());
            for job in 0..cached.len() {
                let expected = match (cached[job], fails[job]) {
                    (true, _) => State::Cached,
                    (false, true) => State::Failed,
                    (false, false) => State::Done,
                };
                prop_assert_eq!(schedule.state(job), expected);
            }
        }
    }

    #[test]
    fn free_slots_are_filled_at_once() {
        let mut schedule = Schedule::new(3, &[false; 5]);
        assert_eq!(schedule.tick(Input::Begin).len(), 3);
        assert_eq!(schedule.tick(Input::Ended { job: 1, finished: true }), [Action::Start(3)]);
        assert_eq!(schedule.count(State::Running), 3);
    }

    #[test]
    fn the_first_interrupt_asks_and_the_second_kills() {
        let mut schedule = Schedule::new(2, &[false; 4]);
        schedule.tick(Input::Begin);
        assert_eq!(schedule.tick(Input::Interrupt), [Action::Terminate(0), Action::Terminate(1)]);
        assert!(
            schedule.tick(Input::Ended { job: 0, finished: false }).is_empty(),
            "nothing starts after an interrupt"
        );
        assert_eq!(schedule.tick(Input::Interrupt), [Action::Kill(1)]);
        assert!(schedule.tick(Input::Ended { job: 1, finished: true }).is_empty());
        assert_eq!(schedule.states(), [State::Stopped, State::Done, State::Stopped, State::Stopped]);
        assert!(schedule.over() && schedule.interrupted());
    }

    #[test]
    fn an_end_told_twice_counts_once() {
        let mut schedule = Schedule::new(1, &[false, false]);
        schedule.tick(Input::Begin);
        schedule.tick(Input::Ended { job: 0, finished: true });
        assert!(schedule.tick(Input::Ended { job: 0, finished: false }).is_empty());
        assert_eq!(schedule.states(), [State::Done, State::Running]);
    }
}
