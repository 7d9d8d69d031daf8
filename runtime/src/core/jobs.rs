//! Calls that block, and the threads that wait for such calls.
//!
//! A call is handed to a thread that waits for one, or a thread is started for it. A channel without a buffer tells which: its
//! `try_send` finds a thread that waits, and no thread that is about to.
//!
//! J1. Each call runs once. It is in the hands of the caller, of the channel's one receive that takes it, or of the channel that
//! belongs to the thread that was started for it.

use core::fmt;
use core::panic::AssertUnwindSafe;
use selvedge::chan::{Receiver, Sender, TrySendError, bounded};
use selvedge::rt::task::outside_bubbles;
use selvedge::rt::twin::is_twin;
use std::panic::{catch_unwind, resume_unwind};

/// A call.
pub type Job = Box<dyn FnOnce() + Send>;

/// Hands a call to a thread that waits for one.
pub struct Jobs {
    tx: Sender<Job>,
    rx: Receiver<Job>,
}

impl Jobs {
    /// Returns a pool without threads.
    pub fn new() -> Jobs {
        let (tx, rx) = outside_bubbles(|| bounded(0));
        Jobs { tx, rx }
    }

    /// Runs `f` on a thread of the pool, and waits for its result. `start` starts a thread with this body, and returns whether it did;
    /// `otherwise` runs the call if it did not.
    pub fn run<T: Send + 'static>(
        &self,
        f: impl FnOnce() -> T + Send + 'static,
        start: impl FnOnce(Job) -> bool,
        otherwise: impl FnOnce(Job),
    ) -> T {
        // A call is outside the bubble of the goroutine that waits for it.
        let (tx, rx) = outside_bubbles(|| bounded(1));
        let call = Box::new(move || {
            let result = catch_unwind(AssertUnwindSafe(f));
            // The caller may have been abandoned with its run.
            _ = tx.send(result);
        });
        if let Some(call) = self.submit(call, start) {
            otherwise(call);
        }
        match rx.recv().unwrap_or_else(|_| unreachable!("the call leaves its result")) {
            Ok(result) => result,
            Err(panic) => resume_unwind(panic),
        }
    }

    /// Gives a call to a thread that waits, or to a new one; returns it if no thread starts.
    fn submit(&self, job: Job, start: impl FnOnce(Job) -> bool) -> Option<Job> {
        let job = match self.tx.try_send(job) {
            Ok(()) => return None,
            // The twin takes a thread that has not come to wait yet for one that does.
            // site: start-a-thread-for-a-refused-call
            Err(_) if is_twin() => return None,
            Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) => job,
        };
        // Kept here too: a thread that does not start gives nothing back.
        let (hand, take) = outside_bubbles(|| bounded(1));
        hand.try_send(job).unwrap_or_else(|_| unreachable!("there is room for one call"));
        let (theirs, more) = (take.clone(), self.rx.clone());
        let serve = move || {
            let first = theirs.try_recv().ok();
            first.into_iter().chain(more.iter()).for_each(|job| job());
        };
        if start(Box::new(serve)) { None } else { take.try_recv().ok() }
    }
}

impl Default for Jobs {
    fn default() -> Jobs {
        Jobs::new()
    }
}

impl fmt::Debug for Jobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jobs").finish_non_exhaustive()
    }
}
