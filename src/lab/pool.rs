//! The process pool: the thin shell of processes, pipes and signals around [`Schedule`].

use super::schedule::{Action, End, Input, Load, Schedule, State};
use super::view::View;
use super::worker::{self, Message, Worker};
use super::{job, layout};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

/// How often processes and signals are looked at.
const TICK: Duration = Duration::from_millis(40);
/// How soon a process is looked at again whose words have ended.
const SOON: Duration = Duration::from_millis(1);
/// How long a job may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(10);
/// How long the words of a job that has ended may take to arrive.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// How often new states are told at the most: whoever keeps them may write a file each time.
const TELL: Duration = Duration::from_millis(100);

/// One job as the pool sees it.
#[derive(Clone, Debug)]
pub struct Task {
    /// The job id.
    pub id: String,
    /// What the user calls it: variant and seed.
    pub label: String,
    /// The job directory, prepared.
    pub dir: PathBuf,
    /// Threads of the job.
    pub threads: usize,
}

/// The command that runs a job; the directory and `--events` are put behind it.
#[derive(Clone, Debug)]
pub struct Launcher {
    /// The program.
    pub program: PathBuf,
    /// Arguments before the directory.
    pub args: Vec<OsString>,
}

impl Launcher {
    /// This very program: `longlab job <dir> --events`.
    pub fn this_program() -> std::io::Result<Launcher> {
        Ok(Launcher { program: std::env::current_exe()?, args: vec!["job".into()] })
    }
}

/// Why a job failed.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// What the job said, or how its process ended.
    pub reason: String,
    /// The last lines of its log.
    pub tail: Vec<String>,
    /// Its log.
    pub log: PathBuf,
}

/// How a run of the pool ended.
#[derive(Debug)]
pub struct Summary {
    /// Where each task stands, in the order given.
    pub states: Vec<State>,
    /// Seconds of the tasks that ran, by position.
    pub seconds: BTreeMap<usize, f64>,
    /// The failures, by position.
    pub failures: BTreeMap<usize, Failure>,
    /// Whether the user stopped it.
    pub interrupted: bool,
}

/// How many processes there may be, and how often they are started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Processes side by side.
    pub slots: usize,
    /// What all of them may take together.
    pub budget: Load,
    /// Memory that one of them takes, MiB.
    pub memory: u64,
    /// How often a job whose process died is started again.
    pub retries: u32,
}

impl Rules {
    /// So many processes, no budget, and none started again.
    pub fn slots(slots: usize) -> Rules {
        Rules { slots, budget: Load::ENDLESS, memory: 0, retries: 0 }
    }

    fn schedule(&self, tasks: &[Task], cached: &[bool]) -> Schedule {
        let loads = tasks.iter().map(|task| Load { threads: task.threads as u64, memory: self.memory }).collect();
        Schedule::new(self.slots, cached).with_budget(self.budget, loads).with_retries(self.retries)
    }
}

/// Runs `tasks` by `rules` until all have ended or the user stops it.
///
/// `interrupts` counts the signals received so far: the first asks the jobs to end, the second kills them. `changed` is called
/// with the new states before the first start, after ends (ten times a second at the most), and at the end; its error stops everything.
pub fn run<E>(
    tasks: &[Task],
    rules: &Rules,
    launcher: &Launcher,
    interrupts: &AtomicU32,
    view: &mut dyn View,
    changed: &mut dyn FnMut(&[State]) -> Result<(), E>,
) -> Result<Summary, E> {
    let cached: Vec<bool> = tasks.iter().map(|task| job::is_finished(&task.dir, &task.id)).collect();
    let mut pool = Pool::new(tasks, rules.schedule(tasks, &cached), launcher, view);
    changed(pool.schedule.states())?;
    pool.tick(Input::Begin);
    let (mut told, mut last) = (pool.schedule.states().to_vec(), Instant::now());
    while !pool.schedule.over() {
        pool.turn(interrupts.load(Ordering::SeqCst));
        let due = pool.schedule.over() || last.elapsed() >= TELL;
        if due && pool.schedule.states() != told {
            told = pool.schedule.states().to_vec();
            changed(&told)?;
            last = Instant::now();
        }
    }
    Ok(pool.summary())
}

struct Pool<'a> {
    tasks: &'a [Task],
    schedule: Schedule,
    launcher: &'a Launcher,
    view: &'a mut dyn View,
    workers: Vec<Worker>,
    starts: BTreeMap<usize, Instant>,
    seconds: BTreeMap<usize, f64>,
    said: BTreeMap<usize, String>,
    closed: BTreeSet<usize>,
    failures: BTreeMap<usize, Failure>,
    send: Sender<Message>,
    receive: Receiver<Message>,
    interrupts: u32,
    interrupted_at: Option<Instant>,
}

impl<'a> Pool<'a> {
    fn new(tasks: &'a [Task], schedule: Schedule, launcher: &'a Launcher, view: &'a mut dyn View) -> Pool<'a> {
        let (send, receive) = mpsc::channel();
        view.begin(tasks.len(), schedule.count(State::Cached));
        Pool {
            tasks,
            schedule,
            launcher,
            view,
            workers: Vec::new(),
            starts: BTreeMap::new(),
            seconds: BTreeMap::new(),
            said: BTreeMap::new(),
            closed: BTreeSet::new(),
            failures: BTreeMap::new(),
            send,
            receive,
            interrupts: 0,
            interrupted_at: None,
        }
    }

    /// One look at everything that may have happened.
    fn turn(&mut self, interrupts: u32) {
        // A pipe closes a moment before its process has ended: the next job need not wait for a whole tick.
        let ending = self.workers.iter().any(|worker| self.closed.contains(&worker.job));
        if let Ok(message) = self.receive.recv_timeout(if ending { SOON } else { TICK }) {
            self.hear(message);
            self.listen();
        }
        while self.interrupts < interrupts {
            self.interrupts += 1;
            self.interrupted_at = Some(Instant::now());
            self.view.stopping(self.schedule.count(State::Running));
            self.tick(Input::Interrupt);
        }
        if self.interrupted_at.is_some_and(|at| at.elapsed() > GRACE) {
            self.interrupted_at = None;
            self.tick(Input::Interrupt);
        }
        self.reap();
    }

    fn tick(&mut self, input: Input) {
        let actions = self.schedule.tick(input);
        self.act(actions);
    }

    fn act(&mut self, actions: Vec<Action>) {
        let mut actions = VecDeque::from(actions);
        while let Some(action) = actions.pop_front() {
            match action {
                // A process that cannot be started has ended at once, which may let the next one start.
                Action::Start(job) => {
                    if let Err(error) = self.start(job) {
                        let reason = format!("cannot start {}: {error}", self.launcher.program.display());
                        actions.extend(self.schedule.tick(Input::Ended { job, end: End::Died }));
                        match self.again(job) {
                            true => self.view.again(job, &self.tasks[job], &reason, 0.0),
                            false => {
                                self.fail(job, reason, Vec::new());
                                self.view.ended(job, &self.tasks[job], self.schedule.state(job), 0.0);
                            }
                        }
                    }
                }
                Action::Terminate(job) => self.signal(job, libc::SIGTERM),
                Action::Kill(job) => self.signal(job, libc::SIGKILL),
            }
        }
    }

    /// Whether the job that just died has another try: it waits, or was started again by the same tick.
    fn again(&self, job: usize) -> bool {
        matches!(self.schedule.state(job), State::Queued | State::Running)
    }

    fn start(&mut self, job: usize) -> std::io::Result<()> {
        self.closed.remove(&job);
        let worker = Worker::start(job, &self.tasks[job], self.launcher, self.send.clone())?;
        self.workers.push(worker);
        self.starts.insert(job, Instant::now());
        self.view.started(job, &self.tasks[job]);
        Ok(())
    }

    fn signal(&self, job: usize, signal: libc::c_int) {
        self.workers.iter().filter(|worker| worker.job == job).for_each(|worker| worker.signal(signal));
    }

    fn listen(&mut self) {
        while let Ok(message) = self.receive.try_recv() {
            self.hear(message);
        }
    }

    /// Hears the last words of a job whose process has ended; a process it left behind may keep its pipe open, so not for ever.
    fn hear_out(&mut self, job: usize) {
        let deadline = Instant::now() + LAST_WORDS;
        while !self.closed.contains(&job) {
            match self.receive.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(message) => self.hear(message),
                Err(_) => return,
            }
        }
    }

    fn hear(&mut self, message: Message) {
        match message {
            Message::Event(job, event) if self.starts.contains_key(&job) => self.view.event(job, &event),
            Message::Event(..) => {}
            Message::Failure(job, said) => drop(self.said.insert(job, said)),
            Message::Closed(job) => drop(self.closed.insert(job)),
        }
    }

    fn reap(&mut self) {
        let mut position = 0;
        while position < self.workers.len() {
            match self.workers[position].poll() {
                Ok(None) => position += 1,
                Ok(Some(status)) => {
                    let worker = self.workers.remove(position);
                    self.end(&worker, worker::has_died(status), worker::describe(status));
                }
                Err(error) => {
                    let worker = self.workers.remove(position);
                    self.end(&worker, true, format!("lost sight of the process: {error}"));
                }
            }
        }
    }

    fn end(&mut self, worker: &Worker, died: bool, how: String) {
        let (job, task) = (worker.job, &self.tasks[worker.job]);
        self.hear_out(job);
        let said = self.said.remove(&job);
        let end = match (job::is_finished(&task.dir, &task.id), died && said.is_none()) {
            (true, _) => End::Finished,
            (false, true) => End::Died,
            (false, false) => End::Failed,
        };
        let seconds = self.starts.remove(&job).map_or(0.0, |start| start.elapsed().as_secs_f64());
        *self.seconds.entry(job).or_default() += seconds;
        let starts = self.schedule.tick(Input::Ended { job, end });
        if self.schedule.state(job) == State::Failed {
            let tries = if end == End::Died { tries(self.schedule.deaths(job)) } else { String::new() };
            self.fail(job, said.unwrap_or(how) + &tries, worker.tail(&task.dir));
            self.view.ended(job, task, State::Failed, seconds);
        } else if self.again(job) {
            self.view.again(job, task, &how, seconds);
        } else {
            self.view.ended(job, task, self.schedule.state(job), seconds);
        }
        self.act(starts);
    }

    fn fail(&mut self, job: usize, reason: String, mut tail: Vec<String>) {
        // A job says its error both in its events and in its log; once is enough to read.
        tail.retain(|line| *line != reason);
        let log = layout::log_txt(&self.tasks[job].dir);
        self.failures.insert(job, Failure { reason, tail, log });
    }

    fn summary(self) -> Summary {
        self.view.end();
        Summary {
            states: self.schedule.states().to_vec(),
            seconds: self.seconds,
            failures: self.failures,
            interrupted: self.schedule.interrupted(),
        }
    }
}

/// What a failure adds about earlier tries.
fn tries(deaths: u32) -> String {
    if deaths > 1 { format!(", as in each of {deaths} tries") } else { String::new() }
}
