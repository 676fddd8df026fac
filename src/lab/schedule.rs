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

/// How the process of a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With its result in place.
    Finished,
    /// With an error of its own, which another try would meet again.
    Failed,
    /// Without a word: a signal ended it, or it could not be started. Another try may go well.
    Died,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// The run begins.
    Begin,
    /// The process of a job ended.
    Ended {
        /// Position of the job.
        job: usize,
        /// How.
        end: End,
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

/// What a job takes of the machine, or what there is of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Threads.
    pub threads: u64,
    /// Memory, MiB.
    pub memory: u64,
}

impl Load {
    /// No limit.
    pub const ENDLESS: Load = Load { threads: u64::MAX, memory: u64::MAX };

    fn plus(self, other: Load) -> Load {
        Load { threads: self.threads.saturating_add(other.threads), memory: self.memory.saturating_add(other.memory) }
    }

    fn fits(self, budget: Load) -> bool {
        self.threads <= budget.threads && self.memory <= budget.memory
    }
}

/// The jobs of one run, in spec order, and their slots.
///
/// ```
/// use longlab::lab::schedule::{Action, End, Input, Schedule};
/// let mut schedule = Schedule::new(2, &[false, true, false, false]).with_retries(1);
/// assert_eq!(schedule.tick(Input::Begin), [Action::Start(0), Action::Start(2)]);
/// assert_eq!(schedule.tick(Input::Ended { job: 2, end: End::Finished }), [Action::Start(3)]);
/// assert_eq!(schedule.tick(Input::Ended { job: 0, end: End::Died }), [Action::Start(0)]);
/// ```
#[derive(Clone, Debug)]
pub struct Schedule {
    slots: usize,
    states: Vec<State>,
    loads: Vec<Load>,
    budget: Load,
    retries: u32,
    deaths: Vec<u32>,
    interrupts: u32,
}

impl Schedule {
    /// A schedule of `cached.len()` jobs on `slots` (at least one) slots; finished jobs are marked in `cached`.
    pub fn new(slots: usize, cached: &[bool]) -> Schedule {
        let states: Vec<State> = cached.iter().map(|&done| if done { State::Cached } else { State::Queued }).collect();
        let count = states.len();
        Schedule {
            slots: slots.max(1),
            states,
            loads: vec![Load { threads: 0, memory: 0 }; count],
            budget: Load::ENDLESS,
            retries: 0,
            deaths: vec![0; count],
            interrupts: 0,
        }
    }

    /// Keeps what runs side by side within `budget`; `loads` says what each job takes. A job that is larger than the budget runs alone.
    pub fn with_budget(self, budget: Load, loads: Vec<Load>) -> Schedule {
        assert_eq!(loads.len(), self.states.len(), "each job has a load");
        Schedule { budget, loads, ..self }
    }

    /// Starts a job that died up to `retries` more times.
    pub fn with_retries(self, retries: u32) -> Schedule {
        Schedule { retries, ..self }
    }

    /// Takes what happened and says what to do. An end reported for a job that does not run changes nothing.
    pub fn tick(&mut self, input: Input) -> Vec<Action> {
        match input {
            Input::Begin => {}
            Input::Ended { job, end } => self.end(job, end),
            Input::Interrupt => return self.interrupt(),
        }
        self.fill()
    }

    fn end(&mut self, job: usize, end: End) {
        if self.states.get(job) != Some(&State::Running) {
            return;
        }
        self.deaths[job] += u32::from(end == End::Died);
        self.states[job] = match end {
            End::Finished => State::Done,
            _ if self.interrupted() => State::Stopped,
            End::Died if self.deaths[job] <= self.retries => State::Queued,
            End::Died | End::Failed => State::Failed,
        };
    }

    fn interrupt(&mut self) -> Vec<Action> {
        self.interrupts += 1;
        for state in self.states.iter_mut().filter(|state| **state == State::Queued) {
            *state = State::Stopped;
        }
        let stop = if self.interrupts == 1 { Action::Terminate } else { Action::Kill };
        self.positions(State::Running).map(stop).collect()
    }

    /// Starts jobs in their order. One that does not fit yet is waited for: smaller ones behind it would keep it waiting for ever.
    fn fill(&mut self) -> Vec<Action> {
        let mut running: Vec<usize> = self.positions(State::Running).collect();
        let mut starts = Vec::new();
        for job in self.positions(State::Queued).collect::<Vec<_>>() {
            let taken = running.iter().fold(self.loads[job], |sum, &other| sum.plus(self.loads[other]));
            if running.len() >= self.slots || !(running.is_empty() || taken.fits(self.budget)) {
                break;
            }
            self.states[job] = State::Running;
            running.push(job);
            starts.push(Action::Start(job));
        }
        starts
    }

    /// How often the process of a job died so far.
    pub fn deaths(&self, job: usize) -> u32 {
        self.deaths[job]
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

    /// Fake workers: each started job ends as `end` says of it and its start, in an order drawn by `picks`. Returns the order of starts.
    fn work(schedule: &mut Schedule, end: impl Fn(usize, usize) -> End, picks: &[usize]) -> Vec<usize> {
        let (mut started, mut running, mut picks) = (Vec::new(), Vec::new(), picks.iter().cycle());
        let mut actions = schedule.tick(Input::Begin);
        loop {
            for action in actions.drain(..) {
                let Action::Start(job) = action else { panic!("{action:?} without an interrupt") };
                started.push(job);
                running.push(job);
            }
            assert!(running.len() <= schedule.slots);
            let taken = running.iter().fold(Load { threads: 0, memory: 0 }, |sum, &job| sum.plus(schedule.loads[job]));
            assert!(running.len() <= 1 || taken.fits(schedule.budget), "{taken:?} of {:?}", schedule.budget);
            if running.is_empty() {
                return started;
            }
            let job = running.remove(picks.next().unwrap() % running.len());
            let starts = started.iter().filter(|&&other| other == job).count();
            actions = schedule.tick(Input::Ended { job, end: end(job, starts) });
        }
    }

    fn failing(fails: &[bool]) -> impl Fn(usize, usize) -> End {
        |job, _| if fails[job] { End::Failed } else { End::Finished }
    }

    proptest! {
        #[test]
        fn every_uncached_job_runs_once_in_order_and_failures_stay_alone(
            jobs in prop::collection::vec((any::<bool>(), any::<bool>()), 0..12),
            slots in 0usize..5,
            retries in 0u32..3,
            picks in prop::collection::vec(0usize..100, 1..20),
        ) {
            let (cached, fails): (Vec<bool>, Vec<bool>) = jobs.into_iter().unzip();
            let mut schedule = Schedule::new(slots, &cached).with_retries(retries);
            let started = work(&mut schedule, failing(&fails), &picks);
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

        #[test]
        fn a_job_that_dies_is_started_again_as_often_as_allowed_and_no_more(
            deaths in prop::collection::vec(0usize..5, 1..8),
            slots in 1usize..4,
            retries in 0u32..4,
            picks in prop::collection::vec(0usize..100, 1..20),
        ) {
            let mut schedule = Schedule::new(slots, &vec![false; deaths.len()]).with_retries(retries);
            let end = |job: usize, starts: usize| if starts <= deaths[job] { End::Died } else { End::Finished };
            let started = work(&mut schedule, end, &picks);
            for (job, &dies) in deaths.iter().enumerate() {
                let tries = dies.min(retries as usize) + 1;
                prop_assert_eq!(started.iter().filter(|&&other| other == job).count(), tries);
                let expected = if dies <= retries as usize { State::Done } else { State::Failed };
                prop_assert_eq!(schedule.state(job), expected);
                prop_assert_eq!(schedule.deaths(job) as usize, dies.min(retries as usize + 1));
            }
        }

        #[test]
        fn what_runs_side_by_side_stays_within_the_budget_and_nobody_waits_for_ever(
            jobs in prop::collection::vec((0u64..9, 0u64..9), 1..12),
            budget in (1u64..9, 1u64..9),
            slots in 1usize..6,
            picks in prop::collection::vec(0usize..100, 1..20),
        ) {
            let loads: Vec<Load> = jobs.iter().map(|&(threads, memory)| Load { threads, memory }).collect();
            let budget = Load { threads: budget.0, memory: budget.1 };
            let mut schedule = Schedule::new(slots, &vec![false; loads.len()]).with_budget(budget, loads);
            // `work` looks at the budget after each start.
            let started = work(&mut schedule, |_, _| End::Finished, &picks);
            prop_assert_eq!(started, (0..jobs.len()).collect::<Vec<_>>(), "each once, in order");
            prop_assert_eq!(schedule.count(State::Done), jobs.len());
        }
    }

    #[test]
    fn a_job_larger_than_the_budget_runs_alone() {
        let load = |threads| Load { threads, memory: 1 };
        let budget = Load { threads: 4, memory: 9 };
        let mut schedule = Schedule::new(9, &[false; 4]).with_budget(budget, vec![load(1), load(8), load(1), load(1)]);
        assert_eq!(schedule.tick(Input::Begin), [Action::Start(0)]);
        assert_eq!(schedule.tick(Input::Ended { job: 0, end: End::Finished }), [Action::Start(1)]);
        assert_eq!(schedule.tick(Input::Ended { job: 1, end: End::Finished }), [Action::Start(2), Action::Start(3)]);
    }

    #[test]
    fn free_slots_are_filled_at_once() {
        let mut schedule = Schedule::new(3, &[false; 5]);
        assert_eq!(schedule.tick(Input::Begin).len(), 3);
        assert_eq!(schedule.tick(Input::Ended { job: 1, end: End::Finished }), [Action::Start(3)]);
        assert_eq!(schedule.count(State::Running), 3);
    }

    #[test]
    fn the_first_interrupt_asks_and_the_second_kills() {
        let mut schedule = Schedule::new(2, &[false; 4]).with_retries(5);
        schedule.tick(Input::Begin);
        assert_eq!(schedule.tick(Input::Interrupt), [Action::Terminate(0), Action::Terminate(1)]);
        assert!(schedule.tick(Input::Ended { job: 0, end: End::Died }).is_empty(), "nothing starts after an interrupt");
        assert_eq!(schedule.tick(Input::Interrupt), [Action::Kill(1)]);
        assert!(schedule.tick(Input::Ended { job: 1, end: End::Finished }).is_empty());
        assert_eq!(schedule.states(), [State::Stopped, State::Done, State::Stopped, State::Stopped]);
        assert!(schedule.over() && schedule.interrupted());
    }

    #[test]
    fn an_end_told_twice_counts_once() {
        let mut schedule = Schedule::new(1, &[false, false]);
        schedule.tick(Input::Begin);
        schedule.tick(Input::Ended { job: 0, end: End::Finished });
        assert!(schedule.tick(Input::Ended { job: 0, end: End::Failed }).is_empty());
        assert_eq!(schedule.states(), [State::Done, State::Running]);
    }
}
