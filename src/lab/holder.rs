//! Who holds a lock: what its file says, and whether that process can still be alive.

use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// How often a holder says that it lives.
pub const BEAT: Duration = Duration::from_secs(15);
/// A holder on another machine that was silent for so long counts as dead.
pub const SILENCE: Duration = Duration::from_secs(120);

/// The process that holds a lock, as the lock's file has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Holder {
    /// Told apart from every other holding of every lock.
    pub token: String,
    /// Name of its machine, for messages.
    pub host: String,
    /// The boot of its machine: two machines never share one, and a machine gets another with each start.
    pub boot: String,
    /// Process id.
    pub process: u32,
    /// When the process began, in the machine's own ticks; process ids come again, this does not.
    pub started: u64,
}

impl Holder {
    /// This process, with a token of its own.
    pub(super) fn this_process() -> Holder {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let line = |path: &str| fs::read_to_string(path).unwrap_or_default().trim().to_string();
        let (boot, process) = (line("/proc/sys/kernel/random/boot_id"), std::process::id());
        let started = started(process).unwrap_or(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let all = format!("{boot} {process} {started} {count}");
        let token = blake3::hash(all.as_bytes()).to_hex()[..16].to_string();
        Holder { token, host: line("/proc/sys/kernel/hostname"), boot, process, started }
    }

    /// The holder that a lock's file names; none if it is empty, torn, or of a longlab that wrote less.
    pub(super) fn read(mut file: &File) -> io::Result<Option<Holder>> {
        let mut bytes = Vec::new();
        file.rewind()?;
        file.take(4096).read_to_end(&mut bytes)?;
        Ok(serde_json::from_slice(&bytes).ok())
    }

    /// [`Holder::read`] of the file at `path`, opened anew: a shared file system shows what others wrote to those who open after.
    pub(super) fn at(path: &Path) -> io::Result<Option<Holder>> {
        Holder::read(&File::open(path)?)
    }

    /// Writes this holder into a lock's file. Other machines see it once it is synced or closed.
    pub(super) fn write(&self, mut file: &File) -> io::Result<()> {
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(&[serde_json::to_vec(self)?, b"\n".to_vec()].concat())
    }

    /// Whether it belongs to this boot of this machine, where the system knows more than a file can tell.
    pub(super) fn is_here(&self, me: &Holder) -> bool {
        self.boot == me.boot
    }

    /// Whether its process is there; asks the system, so only of a holder on this machine.
    pub(super) fn is_running(&self) -> bool {
        started(self.process) == Some(self.started)
    }

    /// In words, from the sight of `me`.
    pub(super) fn words(&self, me: &Holder, silent: Duration) -> String {
        if self.is_here(me) {
            return format!("process {}", self.process);
        }
        let (seconds, limit) = (silent.as_secs(), SILENCE.as_secs());
        format!("process {} on {}, heard of {seconds} s ago (dead after {limit} s of silence)", self.process, self.host)
    }
}

/// When a process began, in clock ticks since the boot; none where there is no such process.
fn started(process: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in parentheses, may hold anything; 20 fields follow it up to the start.
    stat[stat.rfind(')')? + 1..].split_whitespace().nth(19)?.parse().ok()
}

/// How long ago a file was written, by a clock of the same kind as wrote its time.
pub(super) fn age(file: &File, now: SystemTime) -> Duration {
    let written = file.metadata().and_then(|data| data.modified()).unwrap_or(now);
    now.duration_since(written).unwrap_or_default()
}

/// The time by the clock of the file system that `probe` will lie on. Clocks of two machines may differ by minutes, and times of files on
/// a shared file system come from its server: silence is measured on its clock alone.
pub(super) fn clock_of(probe: &Path) -> SystemTime {
    let made = File::create(probe).and_then(|file| {
        let _ = touch(&file);
        file.metadata()?.modified()
    });
    let _ = fs::remove_file(probe);
    made.unwrap_or_else(|_| SystemTime::now())
}

/// Sets the time of a file to now, by the clock of its file system.
pub(super) fn touch(file: &File) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    // SAFETY: the descriptor is open as long as `file`; no times given means now.
    match unsafe { libc::futimens(file.as_raw_fd(), std::ptr::null()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_its_start_and_not_by_its_number_alone() {
        let me = Holder::this_process();
        assert!(me.is_running() && me.started > 0);
        assert!(!Holder { started: me.started + 1, ..me.clone() }.is_running(), "the number came again");
        assert!(!Holder { process: u32::MAX, ..me.clone() }.is_running());
        assert_ne!(me.token, Holder::this_process().token);
    }

    #[test]
    fn a_torn_record_names_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let me = Holder::this_process();
        me.write(&File::create(&path).unwrap()).unwrap();
        assert_eq!(Holder::at(&path).unwrap(), Some(me));
        for text in ["", "1234\n", "{\"token\":\"ab"] {
            fs::write(&path, text).unwrap();
            assert_eq!(Holder::at(&path).unwrap(), None, "{text}");
        }
    }
}
