//! Calls that block, on threads that wait for such calls.

use core::panic::AssertUnwindSafe;
use selvedge::chan::{Receiver, Sender, TrySendError, bounded};
use selvedge::rt::task::outside_bubbles;
use std::panic::{catch_unwind, resume_unwind};
use std::sync::LazyLock;

/// A call.
type Job = Box<dyn FnOnce() + Send>;

/// Hands a call to a thread that waits for one.
static JOBS: LazyLock<(Sender<Job>, Receiver<Job>)> = LazyLock::new(|| outside_bubbles(|| bounded(0)));

/// Runs `f` on a thread of the pool, and waits for its result.
pub(crate) fn run<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    // A call is outside the bubble of the goroutine that waits for it.
    let (tx, rx) = outside_bubbles(|| bounded(1));
    submit(Box::new(move || {
        let result = catch_unwind(AssertUnwindSafe(f));
        // The caller may have been abandoned with its run.
        _ = tx.send(result);
    }));
    match rx.recv().unwrap_or_else(|_| unreachable!("the call leaves its result")) {
        Ok(result) => result,
        Err(panic) => resume_unwind(panic),
    }
}

/// Gives a call to a thread that waits, or to a new one.
fn submit(job: Job) {
    let job = match JOBS.0.try_send(job) {
        Ok(()) => return,
        Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) => job,
    };
    // Kept here too: a thread that does not start gives nothing back.
    let (hand, take) = outside_bubbles(|| bounded(1));
    hand.try_send(job).unwrap_or_else(|_| unreachable!("there is room for one call"));
    let theirs = take.clone();
    let serve = move || {
        let first = theirs.try_recv().ok();
        first.into_iter().chain(JOBS.1.iter()).for_each(|job| job());
    };
    if std::thread::Builder::new().name("blocking call".to_string()).spawn(serve).is_err()
        && let Ok(job) = take.try_recv()
    {
        crate::blocking(job);
    }
}
