//! One job process: its start, the lines it prints, its end.

use super::pool::{Launcher, Task};
use super::{job, layout};
use crate::rl::progress::Event;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::Sender;

/// Lines of the log that a failure shows.
const TAIL_LINES: usize = 6;

/// One line a job process printed, with the position of its job.
pub(super) enum Message {
    Event(usize, Event),
    Failure(usize, String),
    Closed(usize),
}

/// A running job process. Dropped, it is killed.
pub(super) struct Worker {
    pub(super) job: usize,
    child: Child,
    log_start: u64,
    ended: bool,
}

impl Worker {
    /// Starts the process of `task` and a thread that passes its lines on.
    ///
    /// Call it from a thread that lives as long as the pool: the kernel kills the child when the thread that made it ends.
    pub(super) fn start(job: usize, task: &Task, launcher: &Launcher, send: Sender<Message>) -> io::Result<Worker> {
        let log = OpenOptions::new().create(true).append(true).open(layout::log_txt(&task.dir))?;
        let log_start = log.metadata()?.len();
        let mut child = command(task, launcher, log).spawn()?;
        if let Some(stdout) = child.stdout.take() {
            std::thread::spawn(move || pass_on(job, stdout, &send));
        }
        Ok(Worker { job, child, log_start, ended: false })
    }

    /// The exit status, once the process has ended.
    pub(super) fn poll(&mut self) -> io::Result<Option<ExitStatus>> {
        let status = self.child.try_wait()?;
        self.ended |= status.is_some();
        Ok(status)
    }

    /// Sends a signal to the process and those it started.
    pub(super) fn signal(&self, signal: libc::c_int) {
        if let (false, Ok(group)) = (self.ended, libc::pid_t::try_from(self.child.id())) {
            // SAFETY: kill takes numbers only; the child is not reaped yet, so its group id is still its own.
            unsafe { libc::kill(-group, signal) };
        }
    }

    /// The last lines this process wrote to its log.
    pub(super) fn tail(&self, dir: &Path) -> Vec<String> {
        last_lines(&layout::log_txt(dir), self.log_start).unwrap_or_default()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if !self.ended {
            self.signal(libc::SIGKILL);
            let _ = self.child.wait();
        }
    }
}

fn command(task: &Task, launcher: &Launcher, log: File) -> Command {
    let mut command = Command::new(&launcher.program);
    command.args(&launcher.args).arg(&task.dir).arg("--events");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
    // Waiting threads that spin take the core from the job beside them.
    command.env("GOMP_SPINCOUNT", "0").env("OMP_NUM_THREADS", task.threads.to_string());
    // A group of its own: a Ctrl-C at the terminal reaches the pool alone, which then stops its jobs in its own way.
    command.process_group(0);
    let parent = std::process::id();
    // SAFETY: prctl and getppid are async-signal-safe and touch no memory of the parent.
    unsafe { command.pre_exec(move || die_with(parent)) };
    command
}

/// Has the kernel kill this process when its parent ends, and ends it now if that has happened already.
fn die_with(parent: u32) -> io::Result<()> {
    // SAFETY: plain system calls with numbers.
    if unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } != 0 {
        return Err(io::Error::last_os_error());
    }
    if u32::try_from(unsafe { libc::getppid() }) != Ok(parent) {
        return Err(io::Error::from_raw_os_error(libc::ESRCH));
    }
    Ok(())
}

/// Passes lines on until the pipe closes. A receiver that is gone wants nothing more: sends may fail.
fn pass_on(job: usize, stdout: impl Read, send: &Sender<Message>) {
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        let message = match serde_json::from_str(&line) {
            Ok(job::Line::Event(event)) => Message::Event(job, event),
            Ok(job::Line::Failure { failed }) => Message::Failure(job, failed),
            // Something a library printed; events alone count.
            Err(_) => continue,
        };
        let _ = send.send(message);
    }
    let _ = send.send(Message::Closed(job));
}

/// The last lines of a log from byte `from` on.
pub(super) fn last_lines(path: &Path, from: u64) -> io::Result<Vec<String>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    // A log may be long: the last 8 KiB hold more lines than are shown.
    file.seek(SeekFrom::Start(from.max(length.saturating_sub(8192))))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    Ok(lines[lines.len().saturating_sub(TAIL_LINES)..].iter().map(ToString::to_string).collect())
}

/// Whether a process ended by a signal: killed by it, or in order because somebody asked it to (exit code 130).
pub(super) fn has_died(status: ExitStatus) -> bool {
    matches!(status.code(), None | Some(130))
}

/// How a process ended, in words.
pub(super) fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(0), _) => "ended without a result (no done.json)".to_string(),
        (Some(130), _) => "stopped by a signal from somebody else".to_string(),
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(libc::SIGKILL)) => "killed by signal 9 (out of memory, or by somebody)".to_string(),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => status.to_string(),
    }
}
