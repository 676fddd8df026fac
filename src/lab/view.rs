//! What the user sees of running jobs: bars on a terminal, plain lines elsewhere.

use super::pool::Task;
use super::schedule::State;
use crate::rl::progress::Event;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Follows a run of the pool.
pub trait View {
    /// The run begins with `jobs` jobs, `cached` of them finished before.
    fn begin(&mut self, _jobs: usize, _cached: usize) {}
    /// A job got a process.
    fn started(&mut self, _job: usize, _task: &Task) {}
    /// A running job told something.
    fn event(&mut self, _job: usize, _event: &Event) {}
    /// The process of a job ended after `seconds`.
    fn ended(&mut self, _job: usize, _task: &Task, _state: State, _seconds: f64) {}
    /// The process of a job died after `seconds`, and the job waits for another.
    fn again(&mut self, _job: usize, _task: &Task, _reason: &str, _seconds: f64) {}
    /// The user asked to stop; `running` jobs are still there.
    fn stopping(&mut self, _running: usize) {}
    /// Nothing follows.
    fn end(&mut self) {}
}

/// Shows nothing.
pub struct Quiet;

impl View for Quiet {}

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Progress {
    /// Bars on a terminal, plain lines elsewhere.
    Auto,
    /// One line at each start and end of a job.
    Plain,
    /// Nothing.
    Quiet,
}

/// The view for the standard error stream.
pub fn for_stderr(progress: Progress) -> Box<dyn View> {
    match progress {
        Progress::Auto if std::io::stderr().is_terminal() => Box::new(Bars::default()),
        Progress::Auto | Progress::Plain => Box::new(Plain::new(std::io::stderr())),
        Progress::Quiet => Box::new(Quiet),
    }
}

const STOPPING: &str = "stopping the running jobs; press Ctrl-C again to kill them";

/// One line at each start and end.
pub struct Plain<W> {
    out: W,
    jobs: usize,
    ended: usize,
}

impl<W: Write> Plain<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Plain<W> {
        Plain { out, jobs: 0, ended: 0 }
    }

    fn line(&mut self, text: &str) {
        // Progress is worth no error: a closed stderr must not stop the jobs.
        let _ = writeln!(self.out, "{text}");
    }
}

impl<W: Write> View for Plain<W> {
    fn begin(&mut self, jobs: usize, cached: usize) {
        (self.jobs, self.ended) = (jobs, cached);
    }

    fn started(&mut self, _: usize, task: &Task) {
        self.line(&format!("start   {} ({})", task.label, task.id));
    }

    fn ended(&mut self, _: usize, task: &Task, state: State, seconds: f64) {
        self.ended += usize::from(state != State::Stopped);
        let (word, label, took) = (word(state), &task.label, clock(seconds));
        self.line(&format!("{word:7} {label} ({}) after {took}, {}/{} jobs", task.id, self.ended, self.jobs));
    }

    fn again(&mut self, _: usize, task: &Task, reason: &str, seconds: f64) {
        self.line(&format!("again   {} ({}) after {}: {reason}", task.label, task.id, clock(seconds)));
    }

    fn stopping(&mut self, _: usize) {
        self.line(STOPPING);
    }
}

/// The word for a state.
pub fn word(state: State) -> &'static str {
    match state {
        State::Cached => "cached",
        State::Queued => "queued",
        State::Running => "running",
        State::Done => "done",
        State::Failed => "failed",
        State::Stopped => "stopped",
    }
}

/// Seconds as a clock shows them.
///
/// ```
/// assert_eq!(longlab::lab::view::clock(75.4), "1:15");
/// assert_eq!(longlab::lab::view::clock(3_700.0), "1:01:40");
/// ```
pub fn clock(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// One bar for all jobs and one for each running job.
#[derive(Default)]
pub struct Bars {
    all: MultiProgress,
    overall: Option<ProgressBar>,
    running: BTreeMap<usize, JobBar>,
}

struct JobBar {
    bar: ProgressBar,
    stage: Stage,
}

/// What is known of the current stage of a job.
#[derive(Clone, Debug)]
pub struct Stage {
    name: String,
    first: u64,
    done: u64,
    total: u64,
    since: Instant,
    reward: Option<f64>,
    entropy: Option<f64>,
    loss: Option<f64>,
}

impl Default for Stage {
    fn default() -> Stage {
        let name = "start".to_string();
        Stage { name, first: 0, done: 0, total: 0, since: Instant::now(), reward: None, entropy: None, loss: None }
    }
}

impl Stage {
    /// Takes an event of the job.
    pub fn hear(&mut self, event: &Event) {
        match event {
            Event::Stage { name, done, total } => {
                *self = Stage { name: name.clone(), first: *done, done: *done, total: *total, ..Stage::default() };
            }
            Event::Step { done, reward, entropy, loss } => {
                (self.done, self.reward, self.entropy, self.loss) = (*done, *reward, *entropy, *loss);
            }
        }
    }

    /// Seconds until the stage ends, from the pace since it began; none before its first unit.
    pub fn left(&self, elapsed: Duration) -> Option<f64> {
        let (units, rest) = (self.done.checked_sub(self.first)?, self.total.checked_sub(self.done)?);
        (units > 0).then(|| elapsed.as_secs_f64() * rest as f64 / units as f64)
    }

    /// Reward, entropy or loss, and the time left.
    pub fn words(&self, elapsed: Duration) -> String {
        let number = |name, value: Option<f64>| value.map(|value| format!("{name} {value:.3}"));
        let loss = if self.reward.is_none() { number("loss", self.loss) } else { None };
        let left = self.left(elapsed).map(|left| format!("{} left", clock(left)));
        let parts = [number("reward", self.reward), number("entropy", self.entropy), loss, left];
        parts.into_iter().flatten().collect::<Vec<_>>().join("  ")
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates are constants of this file").progress_chars("━╸─")
}

impl Bars {
    fn take_away(&mut self, job: usize) {
        if let Some(JobBar { bar, .. }) = self.running.remove(&job) {
            bar.finish_and_clear();
            self.all.remove(&bar);
        }
    }
}

impl View for Bars {
    fn begin(&mut self, jobs: usize, cached: usize) {
        if jobs > cached {
            let bar = self.all.add(ProgressBar::new(jobs as u64).with_position(cached as u64));
            bar.set_style(style("{msg:24} {bar:24} {pos}/{len} jobs  {elapsed}"));
            bar.set_message("all jobs");
            bar.enable_steady_tick(Duration::from_millis(500));
            self.overall = Some(bar);
        }
    }

    fn started(&mut self, job: usize, task: &Task) {
        let bar = self.all.add(ProgressBar::new(1));
        bar.set_style(style("{prefix:24} {bar:24} {msg}"));
        bar.set_prefix(task.label.clone());
        bar.set_message("start");
        self.running.insert(job, JobBar { bar, stage: Stage::default() });
    }

    fn event(&mut self, job: usize, event: &Event) {
        let Some(JobBar { bar, stage }) = self.running.get_mut(&job) else { return };
        stage.hear(event);
        bar.set_length(stage.total.max(1));
        bar.set_position(stage.done);
        let words = stage.words(stage.since.elapsed());
        bar.set_message(format!("{} {}/{}  {words}", stage.name, stage.done, stage.total));
    }

    fn again(&mut self, job: usize, task: &Task, reason: &str, seconds: f64) {
        self.take_away(job);
        let _ = self.all.println(format!("again   {} after {}: {reason}", task.label, clock(seconds)));
    }

    fn ended(&mut self, job: usize, task: &Task, state: State, seconds: f64) {
        self.take_away(job);
        if let (Some(overall), true) = (&self.overall, state != State::Stopped) {
            overall.inc(1);
        }
        let _ = self.all.println(format!("{:7} {} after {}", word(state), task.label, clock(seconds)));
    }

    fn stopping(&mut self, _: usize) {
        let _ = self.all.println(STOPPING);
    }

    fn end(&mut self) {
        self.running.clear();
        if let Some(overall) = self.overall.take() {
            overall.finish_and_clear();
        }
        let _ = self.all.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resumed_stage_paces_by_what_was_done_since() {
        let mut stage = Stage::default();
        stage.hear(&Event::Stage { name: "train".into(), done: 30, total: 40 });
        assert_eq!(stage.left(Duration::from_secs(5)), None);
        stage.hear(&Event::Step { done: 32, reward: Some(0.5), entropy: Some(0.25), loss: Some(1.0) });
        assert_eq!(stage.left(Duration::from_secs(4)), Some(16.0));
        assert_eq!(stage.words(Duration::from_secs(4)), "reward 0.500  entropy 0.250  0:16 left");
    }

    #[test]
    fn plain_lines_count_the_jobs() {
        let task = Task { id: "ab".into(), label: "GRPO seed 0".into(), dir: "x".into(), threads: 1 };
        let mut out = Vec::new();
        let mut view = Plain::new(&mut out);
        view.begin(3, 1);
        view.started(1, &task);
        view.ended(1, &task, State::Done, 61.0);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "start   GRPO seed 0 (ab)\ndone    GRPO seed 0 (ab) after 1:01, 2/3 jobs\n");
    }
}
