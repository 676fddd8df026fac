//! What is known of the jobs of an experiment, and what the user looks at.

use super::history::History;
use crate::lab::Layout;
use crate::lab::estimate::{Pace, steps};
use crate::lab::experiment::Plan;
use crate::lab::status::{self, Stage, Status};
use crate::spec::{Experiment, Kind};
use ratatui::crossterm::event::KeyCode;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

/// What a job is doing, as far as it can be told from its folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing was done yet.
    Waiting,
    /// A process of this machine works in its folder.
    Running,
    /// Rows came a short while ago, and no process of this machine has the folder: it runs on another machine, or was just stopped.
    Elsewhere,
    /// It has rows and no process.
    Stopped,
    /// It ended with an error.
    Failed,
    /// It has ended.
    Done,
}

impl State {
    /// As tables have it.
    pub fn word(self) -> &'static str {
        match self {
            State::Waiting => "waiting",
            State::Running => "running",
            State::Elsewhere => "elsewhere",
            State::Stopped => "stopped",
            State::Failed => "failed",
            State::Done => "done",
        }
    }

    /// Whether somebody works on it.
    pub fn works(self) -> bool {
        matches!(self, State::Running | State::Elsewhere)
    }

    /// Whether it stays as it is.
    pub fn ended(self) -> bool {
        matches!(self, State::Done | State::Failed)
    }

    /// All states, in the order in which they are counted.
    pub const ALL: [State; 6] =
        [State::Done, State::Running, State::Elsewhere, State::Waiting, State::Stopped, State::Failed];
}

/// One job on the board.
#[derive(Clone, Debug)]
pub struct Watched {
    /// Its variant.
    pub variant: String,
    /// Its seed.
    pub seed: u64,
    /// Its id.
    pub id: String,
    /// Its folder.
    pub dir: PathBuf,
    /// Steps that it has in all.
    pub steps: u64,
    /// What it is doing.
    pub state: State,
    /// Its last row.
    pub status: Status,
    /// All its rows.
    pub history: History,
    /// Seconds that it will still take.
    pub left: Option<f64>,
}

/// Whose curves are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The chosen job.
    Job,
    /// All seeds of the chosen job's variant.
    Variant,
    /// The mean of every variant.
    All,
}

/// The whole view.
#[derive(Clone, Debug)]
pub struct Board {
    /// Name and title of the experiment.
    pub heading: String,
    /// What its jobs make.
    pub kind: Kind,
    /// Its jobs, variant by variant.
    pub jobs: Vec<Watched>,
    /// The chosen job.
    pub chosen: usize,
    /// Whose curves are shown.
    pub scope: Scope,
    /// Whether the view stands still.
    pub paused: bool,
    pace: Pace,
}

/// Without a process of this machine a job counts as running elsewhere for so many seconds after its last row.
const FRESH: f64 = 120.0;
/// The same in steps, for jobs of long steps.
const FRESH_STEPS: f64 = 5.0;

impl Board {
    /// The board of an experiment, with a first look at its jobs.
    pub fn new(experiment: &Experiment, plan: &Plan, layout: &Layout) -> Board {
        let jobs = plan.jobs.iter().map(|job| Watched {
            variant: job.variant.clone(),
            seed: job.seed,
            id: job.id.clone(),
            dir: layout.job(&job.id),
            steps: steps(job),
            state: State::Waiting,
            status: status::of(&layout.job(&job.id), &job.id),
            history: History::default(),
            left: None,
        });
        let mut board = Board {
            heading: heading(experiment),
            kind: experiment.kind,
            jobs: jobs.collect(),
            chosen: 0,
            scope: Scope::Job,
            paused: false,
            pace: Pace::of(layout, experiment.kind),
        };
        board.look(&plan.name, layout);
        let first = |which: fn(&Watched) -> bool| board.jobs.iter().position(which);
        let curved = || first(|job| !job.history.curves[0].is_empty());
        board.chosen = first(|job| job.state.works()).or_else(curved).unwrap_or(0);
        board
    }

    /// Reads the folders of all jobs that were not done at the last look.
    pub fn look(&mut self, name: &str, layout: &Layout) {
        let failed = failed(name, layout);
        let done = self.number(State::Done);
        for job in self.jobs.iter_mut().filter(|job| job.state != State::Done) {
            job.look(self.kind, &failed, &self.pace);
        }
        self.foresee();
        if self.number(State::Done) != done {
            self.pace = Pace::of(layout, self.kind);
        }
    }

    /// Fills in the seconds that each job will still take: at its own pace, else that of finished jobs, else that of one that runs.
    fn foresee(&mut self) {
        let other = self.pace.step_seconds.or_else(|| self.jobs.iter().find_map(|job| job.history.step_seconds));
        for job in &mut self.jobs {
            let open = job.steps.saturating_sub(job.status.step) as f64;
            let step = job.history.step_seconds.or(other).or((open == 0.0).then_some(0.0));
            job.left = match job.state {
                State::Done => Some(0.0),
                State::Failed => None,
                _ => step.map(|step| open * step + self.pace.eval_seconds.unwrap_or(0.0)),
            };
        }
    }

    /// Jobs in a state; one that stands in several rows counts once.
    pub fn number(&self, state: State) -> usize {
        self.ids(|job| job.state == state).len()
    }

    fn ids(&self, which: impl Fn(&Watched) -> bool) -> BTreeSet<&str> {
        self.jobs.iter().filter(|job| which(job)).map(|job| job.id.as_str()).collect()
    }

    /// How many jobs are in each state, in words.
    pub fn counts(&self) -> String {
        let part = |state: &State| (self.number(*state), state.word());
        let parts = State::ALL.iter().map(part).filter(|(number, _)| *number > 0);
        parts.map(|(number, word)| format!("{number} {word}")).collect::<Vec<_>>().join(", ")
    }

    /// Share of all steps that are done, 0..1.
    pub fn share(&self) -> f64 {
        let done: u64 =
            self.jobs.iter().map(|job| if job.state == State::Done { job.steps } else { job.status.step }).sum();
        let all: u64 = self.jobs.iter().map(|job| job.steps).sum();
        // Jobs without steps are only evaluated.
        if all == 0 {
            self.number(State::Done) as f64 / self.ids(|_| true).len().max(1) as f64
        } else {
            done as f64 / all as f64
        }
    }

    /// Seconds until all jobs are done if as many go on side by side as do now; none if nobody works or the pace is unknown. A job
    /// that failed is not waited for.
    pub fn left(&self) -> Option<f64> {
        let side_by_side = self.ids(|job| job.state.works()).len();
        let mut seen = BTreeSet::new();
        let open = self.jobs.iter().filter(|job| !job.state.ended() && seen.insert(&job.id));
        let sum: Option<f64> = open.map(|job| job.left).sum();
        sum.filter(|_| side_by_side > 0).map(|sum| sum / side_by_side as f64)
    }

    /// Whether nothing will change any more: every job is done or failed.
    pub fn ended(&self) -> bool {
        self.jobs.iter().all(|job| job.state.ended())
    }

    /// Takes a key; whether the view shall end.
    pub fn press(&mut self, key: KeyCode) -> bool {
        let last = self.jobs.len().saturating_sub(1);
        match key {
            KeyCode::Up => self.chosen = self.chosen.saturating_sub(1),
            KeyCode::Down => self.chosen = (self.chosen + 1).min(last),
            KeyCode::PageUp => self.chosen = self.chosen.saturating_sub(10),
            KeyCode::PageDown => self.chosen = (self.chosen + 10).min(last),
            KeyCode::Home => self.chosen = 0,
            KeyCode::End => self.chosen = last,
            KeyCode::Tab | KeyCode::Right => self.scope = self.scope.next(),
            KeyCode::BackTab | KeyCode::Left => self.scope = self.scope.next().next(),
            KeyCode::Char('p') => self.paused = !self.paused,
            KeyCode::Char('q') | KeyCode::Esc => return true,
            _ => {}
        }
        false
    }
}

impl Scope {
    fn next(self) -> Scope {
        match self {
            Scope::Job => Scope::Variant,
            Scope::Variant => Scope::All,
            Scope::All => Scope::Job,
        }
    }
}

impl Watched {
    fn look(&mut self, kind: Kind, failed: &BTreeSet<String>, pace: &Pace) {
        self.status = status::of(&self.dir, &self.id);
        self.history = History::read(&self.dir, kind);
        self.state = self.state(failed, pace);
    }

    fn state(&self, failed: &BTreeSet<String>, pace: &Pace) -> State {
        // After the last step comes an evaluation, which writes no rows.
        let evaluating = self.steps > 0 && self.status.step >= self.steps;
        let step = self.history.step_seconds.unwrap_or(0.0) * FRESH_STEPS;
        let quiet = if evaluating { 2.0 * pace.eval_seconds.unwrap_or(0.0) } else { step }.max(FRESH);
        match self.status.stage {
            Stage::Waiting => State::Waiting,
            Stage::Running => State::Running,
            Stage::Done => State::Done,
            Stage::Stopped if failed.contains(&self.id) => State::Failed,
            Stage::Stopped if self.status.silent.is_some_and(|silent| silent < quiet) => State::Elsewhere,
            Stage::Stopped => State::Stopped,
        }
    }
}

/// An experiment without a title of its own has its name for one.
fn heading(experiment: &Experiment) -> String {
    match experiment.title == experiment.name {
        true => experiment.name.clone(),
        false => format!("{}: {}", experiment.name, experiment.title),
    }
}

/// Jobs that the list of the experiment calls failed.
fn failed(name: &str, layout: &Layout) -> BTreeSet<String> {
    let text = fs::read(layout.jobs_csv(name)).unwrap_or_default();
    let mut reader = csv::Reader::from_reader(text.as_slice());
    let rows = reader.records().map_while(Result::ok).filter(|row| row.get(3) == Some("failed"));
    rows.filter_map(|row| row.get(2).map(str::to_owned)).collect()
}
