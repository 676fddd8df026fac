//! One writer a folder, on one machine or on many that share a file system.
//!
//! Two things say that a folder is taken. The system's `flock` on the file `lock` in it: the kernel drops it with its process, however
//! that ends, so on one machine a lock is free the moment its holder is dead. And what stands in that file: the holder with its machine
//! and boot, whose time it renews every [`BEAT`]. Between machines that is what counts, for file systems differ in what they make of
//! `flock` (none at all, one for each machine, or one that outlives a dead machine): a holder elsewhere is alive until it was silent for
//! [`SILENCE`], by the clock of the file system.
//!
//! Whoever takes a lock first makes a claim, a file named after the holding that it follows. Only one process can make it, wherever the
//! others run; it is removed when the lock's file names the new holder, and who made a claim too late sees that name.

use super::LabError;
pub use super::holder::{BEAT, SILENCE};
use super::holder::{Holder, age, clock_of, touch};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

/// How often a lock that changes hands just then is looked at again.
const LOOKS: usize = 8;

/// An exclusive lock on a folder, held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
    me: Holder,
    lost: Arc<AtomicBool>,
    beat: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Lock {
    /// Takes the lock on `folder`, which must exist; an error names the process that has it.
    ///
    /// Waits for nobody: a lock held by a dead machine is free after [`SILENCE`], and until then refused.
    pub fn take(folder: &Path) -> Result<Lock, LabError> {
        Lock::take_with_beat(folder, BEAT)
    }

    fn take_with_beat(folder: &Path, beat: Duration) -> Result<Lock, LabError> {
        let path = folder.join("lock");
        let me = Holder::this_process();
        for _ in 0..LOOKS {
            match attempt(&path, &me).map_err(|source| LabError::writing(&path, source))? {
                Attempt::Taken(file) => return Ok(Lock::begin(file, path, me, beat)),
                Attempt::Held(holder) => return Err(LabError::Locked { path: folder.to_path_buf(), holder }),
                Attempt::Changed => {}
            }
        }
        Err(LabError::Locked { path: folder.to_path_buf(), holder: "another process".to_string() })
    }

    fn begin(file: File, path: PathBuf, me: Holder, beat: Duration) -> Lock {
        let lost = Arc::new(AtomicBool::new(false));
        let (stop, stopped) = mpsc::channel();
        let (place, own, flag) = (path.clone(), me.clone(), lost.clone());
        let pulse = move || {
            while stopped.recv_timeout(beat) == Err(RecvTimeoutError::Timeout) && !flag.load(Ordering::SeqCst) {
                flag.store(!renew(&place, &own), Ordering::SeqCst);
            }
        };
        // Without a thread the lock holds on this machine all the same.
        let thread = std::thread::Builder::new().name("lock".into()).spawn(pulse);
        Lock { file, path, me, lost, beat: thread.ok().map(|thread| (stop, thread)) }
    }

    /// Whether another process took the lock over, since this one was silent for too long (its machine was suspended, say). Its holder
    /// must write no more.
    pub fn is_lost(&self) -> bool {
        self.lost.load(Ordering::SeqCst)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.beat.take() {
            drop(stop);
            let _ = thread.join();
        }
        // An empty file tells other machines that the lock is free; closing it gives back the system's lock.
        if !self.is_lost() && Holder::at(&self.path).is_ok_and(|holder| holder.as_ref() == Some(&self.me)) {
            let _ = self.file.set_len(0);
        }
    }
}

/// Says that the holder lives; false if the lock is no longer its own. A file system that does not answer proves nothing.
fn renew(path: &Path, me: &Holder) -> bool {
    let Ok(file) = OpenOptions::new().read(true).write(true).open(path) else { return true };
    match Holder::read(&file) {
        Ok(Some(holder)) if holder != *me => false,
        _ => {
            let _ = touch(&file);
            true
        }
    }
}

enum Attempt {
    Taken(File),
    Held(String),
    /// It changed hands while it was looked at.
    Changed,
}

/// What the system's own lock says.
#[derive(Clone, Copy, PartialEq)]
enum System {
    Ours,
    Theirs,
    /// The file system has no such locks.
    Silent,
}

fn attempt(path: &Path, me: &Holder) -> io::Result<Attempt> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    let system = lock_of_system(&file)?;
    if !is_at(&file, path) {
        return Ok(Attempt::Changed);
    }
    let seen = Holder::read(&file)?;
    if let Some(words) = alive(&file, path, seen.as_ref(), system, me) {
        return Ok(Attempt::Held(words));
    }
    let Some(claims) = claim(path, seen.as_ref(), system, me)? else {
        return Ok(Attempt::Held("another process that takes it over".to_string()));
    };
    // A claim that was made too late finds another holder.
    let taken = if is_at(&file, path) && Holder::at(path)? == seen {
        let file = if system == System::Theirs { replaced(path, me)? } else { file };
        // A full disk must not keep a job from being locked on this machine.
        let _ = me.write(&file).and_then(|()| file.sync_all());
        Attempt::Taken(file)
    } else {
        Attempt::Changed
    };
    claims.iter().for_each(|claim| drop(fs::remove_file(claim)));
    Ok(taken)
}

fn lock_of_system(file: &File) -> io::Result<System> {
    match file.try_lock() {
        Ok(()) => Ok(System::Ours),
        Err(TryLockError::WouldBlock) => Ok(System::Theirs),
        Err(TryLockError::Error(error)) => match error.raw_os_error() {
            Some(libc::ENOSYS | libc::ENOLCK | libc::EOPNOTSUPP | libc::EINVAL) => Ok(System::Silent),
            _ => Err(error),
        },
    }
}

fn is_at(file: &File, path: &Path) -> bool {
    let same = |own: fs::Metadata, there: fs::Metadata| own.dev() == there.dev() && own.ino() == there.ino();
    file.metadata().and_then(|own| Ok(same(own, fs::metadata(path)?))).unwrap_or(false)
}

/// The living holder of a lock or claim in words; none if nobody holds it, or a dead one.
fn alive(file: &File, path: &Path, seen: Option<&Holder>, system: System, me: &Holder) -> Option<String> {
    let Some(holder) = seen else {
        return (system == System::Theirs).then(|| "another process".to_string());
    };
    let silent = if holder.is_here(me) { Duration::ZERO } else { age(file, clock_of(&beside(path, "now", &me.token))) };
    let lives = match (holder.is_here(me), system) {
        (true, System::Ours) => false,
        (true, System::Theirs) => true,
        (true, System::Silent) => holder.is_running(),
        (false, _) => silent < SILENCE,
    };
    lives.then(|| holder.words(me, silent))
}

/// A file beside the lock; its ending keeps it out of seals.
fn beside(path: &Path, what: &str, token: &str) -> PathBuf {
    path.with_file_name(format!("lock.{what}-{token}.tmp"))
}

/// Claims the lock after the holding `seen`. The claims to remove once the lock is written, or none if a living process was faster. A
/// claim whose maker died is followed by a claim of its own.
fn claim(path: &Path, seen: Option<&Holder>, system: System, me: &Holder) -> io::Result<Option<Vec<PathBuf>>> {
    let mut token = seen.map_or_else(|| "nobody".to_string(), |holder| holder.token.clone());
    let mut claims = Vec::new();
    loop {
        let place = beside(path, "after", &token);
        match OpenOptions::new().write(true).create_new(true).open(&place) {
            Ok(file) => {
                let _ = me.write(&file);
                claims.push(place);
                return Ok(Some(claims));
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let Ok(file) = File::open(&place) else { return Ok(None) };
                let maker = Holder::read(&file)?;
                let lives = match &maker {
                    // Who makes a claim need not have the system's lock, so that having it says nothing of a maker on this machine.
                    Some(maker) if maker.is_here(me) => maker.is_running(),
                    Some(maker) => alive(&file, path, Some(maker), system, me).is_some(),
                    None => age(&file, clock_of(&beside(path, "now", &me.token))) < SILENCE,
                };
                if lives {
                    return Ok(None);
                }
                token = maker.map_or_else(|| format!("{token}x"), |maker| maker.token);
                claims.push(place);
            }
            Err(error) => return Err(error),
        }
    }
}

/// A new file in the lock's place, for a system's lock that outlives its dead machine; locked before it is there.
fn replaced(path: &Path, me: &Holder) -> io::Result<File> {
    let place = beside(path, "new", &me.token);
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(&place)?;
    let _ = lock_of_system(&file)?;
    let _ = me.write(&file);
    fs::rename(&place, path)?;
    Ok(file)
}

/// Whether a process has the lock on `folder` now. Takes no lock, not even for a moment, and writes nothing: a job that starts just then
/// must not find its folder in use.
pub fn is_held(folder: &Path) -> bool {
    holder(folder).is_some()
}

/// The living holder of the lock on `folder` in words, where there is one: `process 7`, or `process 7 on n2, heard of 3 s ago ...`.
pub fn holder(folder: &Path) -> Option<String> {
    let file = File::open(folder.join("lock")).ok()?;
    let (me, holder) = (Holder::this_process(), Holder::read(&file).ok()?);
    match holder {
        Some(holder) if !holder.is_here(&me) => {
            let silent = age(&file, SystemTime::now());
            (silent < SILENCE).then(|| holder.words(&me, silent))
        }
        holder => {
            let words =
                holder.as_ref().map_or("another process".to_string(), |holder| holder.words(&me, Duration::ZERO));
            is_flocked(&file).then_some(words)
        }
    }
}

/// Whether the system's list of locks has one on this file.
fn is_flocked(file: &File) -> bool {
    let Ok(data) = file.metadata() else { return false };
    let (device, inode) = (data.dev(), data.ino());
    let own = format!("{:02x}:{:02x}:{inode}", libc::major(device), libc::minor(device));
    let locks = fs::read_to_string("/proc/locks").unwrap_or_default();
    locks.lines().any(|line| line.contains(" FLOCK ") && line.split_whitespace().any(|word| word == own))
}

#[cfg(test)]
#[path = "lock_tests.rs"]
mod tests;
