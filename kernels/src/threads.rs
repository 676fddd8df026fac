//! Work shared out to threads.

use std::sync::Mutex;

/// Hands items to as many threads as there are scratches, each thread with its own; the first is the caller's. No more
/// are started than there are items. Which thread gets an item must not matter.
///
/// # Panics
/// If a thread cannot be started.
pub(crate) fn share<S: Send, W: Send>(
    scratch: &mut [S],
    items: impl Iterator<Item = W> + Send,
    work: impl Fn(W, &mut S) + Sync,
) {
    let most = items.size_hint().1.unwrap_or(usize::MAX);
    let items = Mutex::new(items);
    let next = || items.lock().ok().and_then(|mut items| items.next());
    let run = |scratch: &mut S| {
        while let Some(item) = next() {
            work(item, scratch);
        }
    };
    let Some((own, others)) = scratch.split_first_mut() else { return };
    std::thread::scope(|scope| {
        for scratch in others.iter_mut().take(most.saturating_sub(1)) {
            scope.spawn(|| run(scratch));
        }
        run(own);
    });
}
