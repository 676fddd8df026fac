//! Threads that wait awake for the next piece of work.
//!
//! A step of a small model is two hundred pieces of work of some hundred microseconds, one after the other. Threads that go to sleep
//! in between come late to each of them; these watch for a while before they do.

use std::any::Any;
use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long a thread watches before it sleeps, or lets others have its core.
const PATIENCE: Duration = Duration::from_micros(200);

/// Looks between two at the clock.
const LOOKS: usize = 64;

/// In [`Shared::gate`]: one call more, and that it is open. What is below counts the workers inside.
const CALL: u64 = 1 << 33;
const OPEN: u64 = 1 << 32;

/// The caller's thread, and others that help it.
pub(super) struct Threads {
    shared: Arc<Shared>,
    helpers: Vec<JoinHandle<()>>,
}

struct Shared {
    /// Calls so far, whether the last is open, and how many helpers are in it.
    gate: AtomicU64,
    /// What helpers do in the call: written while none is open and nobody inside.
    task: UnsafeCell<Option<&'static (dyn Fn() + Sync)>>,
    /// Of each helper, whether it sleeps or is about to.
    asleep: Vec<AtomicBool>,
    /// Somebody is calling.
    taken: AtomicBool,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    over: AtomicBool,
}

// SAFETY: `task` is written by the one caller that holds `taken`, while the gate is closed and empty, and read by helpers inside it.
unsafe impl Sync for Shared {}

impl Threads {
    /// So many, this one among them.
    pub(super) fn new(count: usize) -> std::io::Result<Threads> {
        let others = count.saturating_sub(1);
        let shared = Arc::new(Shared {
            gate: AtomicU64::new(0),
            task: UnsafeCell::new(None),
            asleep: (0..others).map(|_| AtomicBool::new(false)).collect(),
            taken: AtomicBool::new(false),
            panic: Mutex::new(None),
            over: AtomicBool::new(false),
        });
        let mut threads = Threads { shared, helpers: Vec::with_capacity(others) };
        for number in 0..others {
            let shared = threads.shared.clone();
            let helper = thread::Builder::new().name(format!("reader {number}")).spawn(move || shared.help(number))?;
            threads.helpers.push(helper);
        }
        Ok(threads)
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.helpers.len() + 1
    }

    /// Does the work with each part; begun in order, by whoever is free. A call from within the work of several parts, or from another
    /// thread meanwhile, is done by its caller alone; a single part may share out its own.
    pub(super) fn each<T: Send>(&self, parts: impl IntoIterator<Item = T>, work: impl Fn(T) + Sync) {
        let mut parts = parts.into_iter();
        let Some(first) = parts.next() else { return };
        let Some(second) = parts.next() else { return work(first) };
        let all = [first, second].into_iter().chain(parts);
        if self.helpers.is_empty() || self.shared.taken.swap(true, Ordering::Acquire) {
            return all.for_each(work);
        }
        let _taken = Taken(&self.shared);
        let all: Vec<Mutex<Option<T>>> = all.map(|part| Mutex::new(Some(part))).collect();
        let next = AtomicUsize::new(0);
        let run = || {
            while let Some(part) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                let part = part.lock().unwrap_or_else(PoisonError::into_inner).take();
                part.into_iter().for_each(&work);
            }
        };
        self.call(&run);
    }

    /// Opens the gate for `run`, which the caller does too.
    fn call(&self, run: &(dyn Fn() + Sync)) {
        let shared = &*self.shared;
        // SAFETY: `Closing` waits until no helper is inside any more, also where the caller panics.
        let task = unsafe { std::mem::transmute::<&(dyn Fn() + Sync), &'static (dyn Fn() + Sync)>(run) };
        // SAFETY: this caller holds `taken`, the gate is closed and nobody inside.
        unsafe { *shared.task.get() = Some(task) };
        let closing = Closing(shared);
        shared.gate.fetch_add(CALL | OPEN, Ordering::SeqCst);
        for (helper, asleep) in self.helpers.iter().zip(&shared.asleep) {
            if asleep.load(Ordering::SeqCst) {
                helper.thread().unpark();
            }
        }
        run();
        drop(closing);
        let panic = shared.panic.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        for helper in self.helpers.drain(..) {
            helper.thread().unpark();
            // What a helper's work panics with was given to the caller.
            let _ = helper.join();
        }
    }
}

struct Taken<'a>(&'a Shared);

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.0.taken.store(false, Ordering::Release);
    }
}

struct Closing<'a>(&'a Shared);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.gate.fetch_and(!OPEN, Ordering::AcqRel);
        let empty = || (self.0.gate.load(Ordering::Acquire) & (OPEN - 1) == 0).then_some(());
        while watch(empty).is_none() {
            thread::yield_now();
        }
    }
}

impl Shared {
    fn help(&self, number: usize) {
        let mut last = 0;
        while let Some(gate) = self.wait(number, last) {
            if self.gate.compare_exchange(gate, gate + 1, Ordering::AcqRel, Ordering::Relaxed).is_err() {
                continue;
            }
            last = gate / CALL;
            // SAFETY: the gate is open and this helper inside: the task stays until it leaves.
            if let Some(task) = unsafe { *self.task.get() }
                && let Err(panic) = catch_unwind(AssertUnwindSafe(task))
            {
                self.panic.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(panic);
            }
            self.gate.fetch_sub(1, Ordering::Release);
        }
    }

    /// The open gate of another call than the last; none when all is over.
    fn wait(&self, number: usize, last: u64) -> Option<u64> {
        let news = || {
            let gate = self.gate.load(Ordering::SeqCst);
            let open = (gate & OPEN != 0 && gate / CALL != last).then_some(Some(gate));
            if self.over.load(Ordering::SeqCst) { Some(None) } else { open }
        };
        loop {
            if let Some(found) = watch(news) {
                return found;
            }
            self.asleep[number].store(true, Ordering::SeqCst);
            let found = news();
            if found.is_none() {
                thread::park();
            }
            self.asleep[number].store(false, Ordering::SeqCst);
            if let Some(found) = found {
                return found;
            }
        }
    }
}

/// Looks for something until patience ends.
fn watch<T>(look: impl Fn() -> Option<T>) -> Option<T> {
    let mut begin = None;
    loop {
        for _ in 0..LOOKS {
            if let Some(found) = look() {
                return Some(found);
            }
            std::hint::spin_loop();
        }
        if begin.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_done_once_by_any_number_of_threads_awake_or_asleep() {
        for count in [0, 1, 2, 3, 8] {
            let threads = Threads::new(count).unwrap();
            assert_eq!(threads.count(), count.max(1));
            for call in 0..3000usize {
                let parts = call % 7;
                let mut done = vec![0; parts];
                threads.each(done.iter_mut().enumerate(), |(at, done)| *done += at + call);
                assert!(done.iter().enumerate().all(|(at, &done)| done == at + call), "{count} threads, call {call}");
                if call % 1000 == 999 {
                    thread::sleep(4 * PATIENCE);
                }
            }
        }
    }

    #[test]
    fn all_threads_take_part() {
        let threads = Threads::new(3).unwrap();
        // Each part waits for the two others: only three threads come through.
        let barrier = std::sync::Barrier::new(3);
        let seen = Mutex::new(std::collections::HashSet::new());
        threads.each(0..3, |_| {
            barrier.wait();
            seen.lock().unwrap().insert(thread::current().id());
        });
        assert_eq!(seen.into_inner().unwrap().len(), 3);
    }

    #[test]
    fn a_single_part_may_share_out_its_own() {
        let threads = Threads::new(2).unwrap();
        let barrier = std::sync::Barrier::new(2);
        threads.each([()], |()| {
            threads.each(0..2, |_| {
                barrier.wait();
            });
        });
    }

    #[test]
    fn calls_within_the_work_and_from_several_threads_are_done() {
        let threads = Threads::new(3).unwrap();
        let sum = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        threads.each(0..5usize, |a| {
                            threads.each(0..4usize, |b| {
                                sum.fetch_add(a * b, Ordering::Relaxed);
                            });
                        });
                    }
                });
            }
        });
        assert_eq!(sum.into_inner(), 4 * 200 * 10 * 6);
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_threads_go_on() {
        let threads = Threads::new(2).unwrap();
        for bad in [0, 1, 7] {
            let done = AtomicUsize::new(0);
            let found = catch_unwind(AssertUnwindSafe(|| {
                threads.each(0..8, |part| {
                    assert!(part != bad, "part {part}");
                    done.fetch_add(1, Ordering::Relaxed);
                });
            }));
            let message = *found.unwrap_err().downcast::<String>().unwrap();
            assert_eq!(message, format!("part {bad}"));
            assert!(done.into_inner() < 8);
            let done = AtomicUsize::new(0);
            threads.each(0..8, |_| {
                done.fetch_add(1, Ordering::Relaxed);
            });
            assert_eq!(done.into_inner(), 8);
        }
    }
}
