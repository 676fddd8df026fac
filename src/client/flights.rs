//! What several threads want at once is done by one of them.

use crate::cache::RequestKey;
use crate::{ChatFailure, ChatReply};
use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

type Outcome = Result<ChatReply, ChatFailure>;

/// Requests under way.
#[derive(Debug, Default)]
pub(crate) struct Flights(Mutex<HashMap<RequestKey, Arc<Flight>>>);

#[derive(Debug, Default)]
struct Flight {
    outcome: Mutex<Option<Outcome>>,
    landed: Condvar,
}

/// Lands the flight however its work ends, so that nobody waits for a thread that is gone.
struct Leader<'a> {
    flights: &'a Flights,
    key: RequestKey,
    flight: Arc<Flight>,
    outcome: Outcome,
}

impl Flights {
    /// Does the work, or waits for the thread that does it and has what it got: the second value is whether it was another's. Work that was
    /// stopped was stopped for its own caller alone; a waiting one does it then.
    pub fn once(&self, key: RequestKey, mut work: impl FnMut() -> Outcome) -> (Outcome, bool) {
        loop {
            let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(flight) = flights.get(&key).cloned() else {
                let flight = Arc::new(Flight::default());
                flights.insert(key, flight.clone());
                drop(flights);
                let mut leader = Leader { flights: self, key, flight, outcome: Err(ChatFailure::Stopped) };
                leader.outcome = work();
                return (leader.outcome.clone(), false);
            };
            drop(flights);
            match flight.wait() {
                Err(ChatFailure::Stopped) => {}
                outcome => return (outcome, true),
            }
        }
    }
}

impl Flight {
    fn wait(&self) -> Outcome {
        let outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = self.landed.wait_while(outcome, |outcome| outcome.is_none());
        outcome.unwrap_or_else(PoisonError::into_inner).clone().unwrap_or(Err(ChatFailure::Stopped))
    }
}

impl Drop for Leader<'_> {
    fn drop(&mut self) {
        self.flights.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
        *self.flight.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.outcome.clone());
        self.flight.landed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn key() -> RequestKey {
        RequestKey::of("server", &json!(1))
    }

    #[test]
    fn a_failure_is_shared_but_a_stop_is_not() {
        let (flights, calls, barrier) = (Flights::default(), AtomicUsize::new(0), Barrier::new(2));
        let refused = || Err(ChatFailure::Refused { reason: "no".into() });
        let (first, second) = std::thread::scope(|scope| {
            let first = scope.spawn(|| {
                flights.once(key(), || {
                    calls.fetch_add(1, Ordering::SeqCst);
                    barrier.wait();
                    Err(ChatFailure::Stopped)
                })
            });
            barrier.wait();
            let second = flights.once(key(), || {
                calls.fetch_add(1, Ordering::SeqCst);
                refused()
            });
            (first.join().unwrap(), second)
        });
        assert_eq!(first, (Err(ChatFailure::Stopped), false));
        assert_eq!(second, (refused(), false));
        assert_eq!(calls.into_inner(), 2);
    }

    #[test]
    fn nobody_waits_for_work_that_panicked() {
        let flights = Flights::default();
        let work = std::panic::AssertUnwindSafe(|| flights.once(key(), || panic!("planted")));
        assert!(std::panic::catch_unwind(work).is_err());
        let (outcome, shared) = flights.once(key(), || Err(ChatFailure::Failed { reason: "mine".into() }));
        assert_eq!((outcome.is_err(), shared), (true, false));
    }
}
