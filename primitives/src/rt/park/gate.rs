//! How threads wait for something that others change, where no engine runs: an event count.
//!
//! G1. No wake-up is lost. A thread reads the count, then looks at what it waits for, then sleeps unless the count has
//! changed. A thread that changes something counts up afterwards. Both do so under the lock of the count: if the waiter
//! read the count after the change was counted, it sees the change; else it finds another count and does not sleep.

#[cfg(feature = "checking")]
use crate::rt::seam::{Current, current};
use crate::rt::thread;
#[cfg(feature = "checking")]
use core::panic::Location;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Lets threads wait until others have changed something. It has no state of an execution, so it may stand in a static.
pub(crate) struct Gate {
    /// How often something has changed.
    count: Mutex<u64>,
    changed: Condvar,
}

impl Gate {
    pub(crate) const fn new() -> Gate {
        Gate { count: Mutex::new(0), changed: Condvar::new() }
    }

    fn count(&self) -> MutexGuard<'_, u64> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Blocks until `condition` holds, which changes nothing when it does not hold. Under an engine this is an
    /// [`rt::wait_until`](crate::rt::wait_until).
    #[track_caller]
    pub(crate) fn until(&self, mut condition: impl FnMut() -> bool) {
        if thread::wait_under_engine(&mut condition) {
            return;
        }
        loop {
            let seen = self.seen();
            if condition() {
                return;
            }
            self.wait(seen, None);
        }
    }

    /// Returns the count, to be read before a thread looks whether it must wait.
    pub(super) fn seen(&self) -> u64 {
        *self.count()
    }

    /// Blocks until something has changed since [`seen`](Self::seen) returned, or spuriously; or returns `false` at the
    /// deadline.
    #[track_caller]
    pub(super) fn wait(&self, seen: u64, deadline: Option<Instant>) -> bool {
        #[cfg(feature = "checking")]
        if let (Current::Native(run), None) = (current(), deadline) {
            run.begins_to_park(self.number(), Location::caller(), || *self.count() != seen);
        }
        let count = self.count();
        if *count != seen {
            return true;
        }
        match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
            None => drop(self.changed.wait(count)),
            Some(left) if left.is_zero() => return false,
            Some(left) => drop(self.changed.wait_timeout(count, left)),
        }
        true
    }

    /// Lets all threads that wait look again: something has changed. Under an engine nothing is to be done.
    pub(crate) fn open(&self) {
        if thread::under_engine() {
            return;
        }
        *self.count() += 1;
        // Each thread that waits looks again, and announces its wait before it sleeps again.
        #[cfg(feature = "checking")]
        if let Current::Native(run) = current() {
            run.wakes_all(self.number());
        }
        self.changed.notify_all();
    }

    /// Returns a number that no other live gate and no permit has.
    #[cfg(feature = "checking")]
    fn number(&self) -> usize {
        core::ptr::from_ref(self).addr()
    }
}
