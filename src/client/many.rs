//! Many requests at once.

use crate::{ChatFailure, ChatModel, ChatReply, ChatRequest};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// How far [`ask_all`] has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Requests that have ended.
    pub done: usize,
    /// Those of them without an answer.
    pub failed: usize,
    /// Requests in all.
    pub of: usize,
}

/// Asks all, by so many threads (one at least), and gives the outcomes in the order of the requests. `see` is called after each that ends,
/// one call at a time, and returns whether to go on: after a false, those under way are stopped where their text comes piece by piece, and
/// those that have not begun are [`ChatFailure::Stopped`].
///
/// ```
/// # use longlab_client::*;
/// struct Echo;
/// impl ChatModel for Echo {
///     fn name(&self) -> String {
///         "echo".into()
///     }
///     fn chat(&self, request: &ChatRequest, _: &mut dyn FnMut(&str) -> bool) -> Result<ChatReply, ChatFailure> {
///         let (content, usage) = (request.messages[0].content.clone(), Usage::default());
///         Ok(ChatReply { content, reasoning: None, finish: Finish::Stop, usage, model: self.name(), logprobs: vec![] })
///     }
/// }
/// let requests: Vec<_> = (0..5).map(|number| ChatRequest::new(vec![Message::user(number.to_string())], 1)).collect();
/// let answers = ask_all(&Echo, &requests, 2, &mut |_| true);
/// let texts: Vec<_> = answers.into_iter().map(|answer| answer.unwrap().content).collect();
/// assert_eq!(texts, ["0", "1", "2", "3", "4"]);
/// ```
pub fn ask_all(
    model: &dyn ChatModel,
    requests: &[ChatRequest],
    threads: usize,
    see: &mut (dyn FnMut(Progress) -> bool + Send),
) -> Vec<Result<ChatReply, ChatFailure>> {
    let outcomes = Mutex::new(vec![Err(ChatFailure::Stopped); requests.len()]);
    let progress = Mutex::new((Progress { done: 0, failed: 0, of: requests.len() }, see));
    let (next, stopped) = (AtomicUsize::new(0), AtomicBool::new(false));
    let work = || {
        while !stopped.load(Ordering::SeqCst) {
            let place = next.fetch_add(1, Ordering::SeqCst);
            let Some(request) = requests.get(place) else { return };
            let outcome = model.chat(request, &mut |_| !stopped.load(Ordering::SeqCst));
            let mut progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
            let (count, see) = &mut *progress;
            count.done += 1;
            count.failed += usize::from(outcome.is_err());
            outcomes.lock().unwrap_or_else(PoisonError::into_inner)[place] = outcome;
            if !stopped.load(Ordering::SeqCst) && !see(*count) {
                stopped.store(true, Ordering::SeqCst);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..threads.clamp(1, requests.len().max(1)) {
            scope.spawn(work);
        }
    });
    outcomes.into_inner().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Finish, Message, Usage};

    /// Answers by its number; a third fail.
    struct Numbers;

    impl ChatModel for Numbers {
        fn name(&self) -> String {
            "numbers".into()
        }

        fn chat(&self, request: &ChatRequest, see: &mut dyn FnMut(&str) -> bool) -> Result<ChatReply, ChatFailure> {
            if request.max_tokens.is_multiple_of(3) {
                return Err(ChatFailure::Failed { reason: "a third".into() });
            }
            let content = request.max_tokens.to_string();
            if !see(&content) {
                return Err(ChatFailure::Stopped);
            }
            let usage = Usage::default();
            Ok(ChatReply {
                content,
                reasoning: None,
                finish: Finish::Stop,
                usage,
                model: self.name(),
                logprobs: vec![],
            })
        }
    }

    fn requests(number: usize) -> Vec<ChatRequest> {
        (1..=number).map(|number| ChatRequest::new(vec![Message::user("?")], number)).collect()
    }

    #[test]
    fn outcomes_come_in_order_and_progress_counts_them() {
        let mut seen = Vec::new();
        let outcomes = ask_all(&Numbers, &requests(30), 4, &mut |progress| {
            seen.push(progress);
            true
        });
        for (place, outcome) in outcomes.iter().enumerate() {
            let number = place + 1;
            let expected = (!number.is_multiple_of(3)).then(|| number.to_string());
            assert_eq!(outcome.as_ref().ok().map(|reply| reply.content.clone()), expected);
        }
        assert!(seen.iter().map(|progress| progress.done).eq(1..=30));
        assert_eq!(seen.last(), Some(&Progress { done: 30, failed: 10, of: 30 }));
        assert_eq!(ask_all(&Numbers, &[], 0, &mut |_| true), []);
    }

    #[test]
    fn nothing_begins_after_a_stop() {
        let outcomes = ask_all(&Numbers, &requests(10), 1, &mut |progress| progress.done < 4);
        let answered: Vec<_> = outcomes.iter().map(Result::is_ok).collect();
        assert_eq!(answered, [true, true, false, true, false, false, false, false, false, false]);
        assert!(outcomes[4..].iter().all(|outcome| *outcome == Err(ChatFailure::Stopped)));
    }
}
