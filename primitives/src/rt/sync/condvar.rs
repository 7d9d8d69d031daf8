//! A condition variable for models: it wakes threads in the order in which they began to wait, never spuriously.

use super::MutexGuard;
use super::mutex::Waiters;
use crate::rt::entry;
use crate::rt::park::Parker;
use crate::rt::time;
use core::fmt;
use std::time::{Duration, Instant};

/// Lets threads wait for a condition under a [`Mutex`](super::Mutex), for models and tests.
///
/// ```
/// use selvedge::rt::{sync::{Condvar, Mutex}, thread};
/// let (ready, changed) = (Mutex::new(false), Condvar::new());
/// thread::scope(|scope| {
///     scope.spawn(|| {
///         *ready.lock() = true;
///         changed.notify_one();
///     });
///     let mut guard = ready.lock();
///     while !*guard {
///         guard = changed.wait(guard);
///     }
/// });
/// ```
#[derive(Default)]
pub struct Condvar {
    waiters: Waiters,
}

/// Whether a timed wait ended by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// Returns whether the time was over, and no notification came for the thread.
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

impl Condvar {
    /// Returns a condition variable for which no thread waits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Unlocks the mutex, blocks until a later notification wakes this thread, and locks the mutex again.
    #[track_caller]
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        // The unlock in here is this call's, not the lock's that made the guard.
        let _entry = entry::enter();
        let mutex = guard.mutex;
        let parker = Parker::new();
        self.waiters.push(parker.unparker());
        drop(guard);
        parker.park();
        mutex.lock()
    }

    /// Waits as [`wait`](Self::wait) does, as long as `condition` holds.
    #[track_caller]
    pub fn wait_while<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> MutexGuard<'a, T> {
        while condition(&mut guard) {
            guard = self.wait(guard);
        }
        guard
    }

    /// Waits as [`wait`](Self::wait) does, for this long at most. Under an engine the time may be over at any moment that
    /// the scheduler picks.
    #[track_caller]
    pub fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        duration: Duration,
    ) -> (MutexGuard<'a, T>, WaitTimeoutResult) {
        self.wait_deadline(guard, time::now().checked_add(duration))
    }

    /// Waits as [`wait_timeout`](Self::wait_timeout) does, as long as `condition` holds. The result says whether it still
    /// holds.
    #[track_caller]
    pub fn wait_timeout_while<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        duration: Duration,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> (MutexGuard<'a, T>, WaitTimeoutResult) {
        let deadline = time::now().checked_add(duration);
        let mut result = WaitTimeoutResult(false);
        loop {
            if !condition(&mut guard) {
                return (guard, WaitTimeoutResult(false));
            }
            if result.timed_out() {
                return (guard, result);
            }
            (guard, result) = self.wait_deadline(guard, deadline);
        }
    }

    #[track_caller]
    fn wait_deadline<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Option<Instant>,
    ) -> (MutexGuard<'a, T>, WaitTimeoutResult) {
        // The unlock in here is this call's, not the lock's that made the guard.
        let _entry = entry::enter();
        let mutex = guard.mutex;
        let parker = Parker::new();
        let number = self.waiters.push(parker.unparker());
        drop(guard);
        // A notification that has taken this thread out of the list was spent on it, so the wait has not timed out.
        let timed_out = !parker.park_deadline(deadline) && self.waiters.remove(number);
        (mutex.lock(), WaitTimeoutResult(timed_out))
    }

    /// Wakes the thread that has waited longest, if any thread waits.
    #[track_caller]
    pub fn notify_one(&self) {
        if let Some(waiter) = self.waiters.pop() {
            waiter.unpark();
        }
    }

    /// Wakes all threads that wait.
    #[track_caller]
    pub fn notify_all(&self) {
        while let Some(waiter) = self.waiters.pop() {
            waiter.unpark();
        }
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condvar").finish_non_exhaustive()
    }
}
