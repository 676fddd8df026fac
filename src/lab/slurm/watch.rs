//! Watching: the shell of queue, files and clock around [`Follow`].

use super::command;
use super::follow::{Change, Follow, Seen};
use super::queue::Entry;
use super::record::{Places, Record};
use crate::lab::experiment::Plan;
use crate::lab::pool::{Failure, Summary, Task};
use crate::lab::schedule::State;
use crate::lab::view::View;
use crate::lab::{Layout, estimate, job, layout, status, worker};
use crate::rl::progress::Event;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How often signals are looked at.
const TICK: Duration = Duration::from_millis(100);
/// Looks at the queue that may fail one after the other: a controller is restarted now and then.
const DEAF_LOOKS: u32 = 30;

/// How to watch.
pub struct Watch<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The folders.
    pub layout: &'a Layout,
    /// Which jobs of the plan were finished before anything was submitted.
    pub cached: &'a [bool],
    /// What was submitted.
    pub record: &'a Record,
    /// Time between looks at the queue.
    pub every: Duration,
    /// Signals received so far; the first one ends the watching, and no job.
    pub interrupts: &'a AtomicU32,
}

/// Watches until all jobs and the report have ended or the user stops it, which ends no job.
///
/// `changed` is called with the new states at first and after each change.
///
/// # Errors
/// That of `changed`, and what Slurm says when it does not answer for long.
pub fn watch(
    watch: &Watch,
    view: &mut dyn View,
    changed: &mut dyn FnMut(&[State]) -> anyhow::Result<()>,
) -> anyhow::Result<Summary> {
    let mut watcher = Watcher::new(watch, Follow::new(watch.cached), view);
    watcher.view.begin(watch.cached.len(), watch.cached.iter().filter(|done| **done).count());
    changed(watcher.follow.states())?;
    let mut told = watcher.follow.states().to_vec();
    let mut deaf = 0;
    loop {
        match command::squeue() {
            Ok(queue) => {
                deaf = 0;
                watcher.look(&queue);
                if watcher.follow.states() != told {
                    told = watcher.follow.states().to_vec();
                    changed(&told)?;
                }
                if watcher.follow.over() && !watch.record.reports(&queue) {
                    return Ok(watcher.summary(false));
                }
            }
            Err(error) if deaf >= DEAF_LOOKS => return Err(error.into()),
            Err(_) => deaf += 1,
        }
        if !waited(watch) {
            return Ok(watcher.summary(true));
        }
    }
}

/// Waits for the next look; false if the user stopped it.
fn waited(watch: &Watch) -> bool {
    let start = Instant::now();
    while start.elapsed() < watch.every {
        if watch.interrupts.load(Ordering::SeqCst) > 0 {
            return false;
        }
        std::thread::sleep(TICK.min(watch.every));
    }
    watch.interrupts.load(Ordering::SeqCst) == 0
}

struct Watcher<'a> {
    watch: &'a Watch<'a>,
    follow: Follow,
    view: &'a mut dyn View,
    steps: Vec<u64>,
    starts: BTreeMap<usize, Instant>,
    seconds: BTreeMap<usize, f64>,
    failures: BTreeMap<usize, Failure>,
}

impl<'a> Watcher<'a> {
    fn new(watch: &'a Watch, follow: Follow, view: &'a mut dyn View) -> Watcher<'a> {
        let mut steps = vec![0; watch.plan.tasks.len()];
        for job in &watch.plan.jobs {
            steps[watch.plan.position(job)] = estimate::steps(job);
        }
        let (starts, seconds, failures) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Watcher { watch, follow, view, steps, starts, seconds, failures }
    }

    fn look(&mut self, queue: &[Entry]) {
        let places = Places::new(self.watch.record, queue);
        let tasks = &self.watch.plan.tasks;
        for (position, task) in tasks.iter().enumerate() {
            if !matches!(self.follow.states()[position], State::Queued | State::Running) {
                continue;
            }
            let place = places.of(&task.id);
            let entry = place.and_then(|place| place.entry);
            let finished = job::is_finished(&task.dir, &task.id);
            match self.follow.look(position, Seen { finished, entry }) {
                Some(change) => self.tell(position, task, &change, entry, place.map(|place| (place.array, place.task))),
                None => self.tell_step(position, task),
            }
        }
    }

    fn tell(&mut self, position: usize, task: &Task, change: &Change, entry: Option<&Entry>, id: Option<(u64, usize)>) {
        match change {
            Change::Started => {
                self.starts.insert(position, Instant::now());
                self.view.started(position, task);
                let event = Event::Stage { name: "train".into(), done: 0, total: self.steps[position] };
                self.view.event(position, &event);
            }
            Change::Requeued => {
                let seconds = self.stop_clock(position);
                self.view.again(position, task, "back in Slurm's queue", seconds);
            }
            Change::Ended(state) => {
                let seconds = self.stop_clock(position);
                if *state == State::Failed {
                    self.failures.insert(position, self.failure(task, entry, id));
                }
                self.view.ended(position, task, *state, seconds);
            }
        }
    }

    fn stop_clock(&mut self, position: usize) -> f64 {
        let seconds = self.starts.remove(&position).map_or(0.0, |start| start.elapsed().as_secs_f64());
        *self.seconds.entry(position).or_default() += seconds;
        seconds
    }

    fn tell_step(&mut self, position: usize, task: &Task) {
        if self.follow.states()[position] == State::Running {
            let status::Status { step, reward, entropy, .. } = status::of(&task.dir, &task.id);
            self.view.event(position, &Event::Step { done: step, reward, entropy, loss: None });
        }
    }

    /// What is known of a failure: Slurm's word for it, and the end of the job's log.
    fn failure(&self, task: &Task, entry: Option<&Entry>, id: Option<(u64, usize)>) -> Failure {
        let how = match (entry, id) {
            (Some(entry), _) if entry.state != "COMPLETED" => {
                let place = if entry.nodes.is_empty() { String::new() } else { format!(" on {}", entry.nodes) };
                format!("Slurm says {} ({}){place}", entry.state, entry.reason)
            }
            (_, Some((array, task))) => match command::sacct(array, task) {
                Some(state) => format!("Slurm says {state}"),
                None => "it left the queue without a result".to_string(),
            },
            (_, None) => "it is not in the queue".to_string(),
        };
        let out = id.map(|(array, number)| {
            let file = self.watch.layout.slurm(&self.watch.plan.name).join(format!("{array}_{number}.out"));
            format!("; its script wrote {}", file.display())
        });
        let log = layout::log_txt(&task.dir);
        let tail = worker::last_lines(&log, 0).unwrap_or_default();
        Failure { reason: how + &out.unwrap_or_default(), tail, log }
    }

    fn summary(self, interrupted: bool) -> Summary {
        self.view.end();
        let states = self.follow.states().to_vec();
        Summary { states, seconds: self.seconds, failures: self.failures, interrupted }
    }
}
