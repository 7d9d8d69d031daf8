//! A condition variable for models: it wakes threads in the order in which they began to wait, never spuriously.

use super::MutexGuard;
use super::mutex::Waiters;
use crate::rt::entry;
use crate::rt::park::Parker;
use crate::rt::task::Why;
use crate::rt::time;
use crate::rt::until::Until;
use crate::spec;
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
pub struct Condvar {
    waiters: Waiters,
    spec: spec::Cond,
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
    constructor! {
        /// Returns a condition variable for which no thread waits. This function is `const` in the default build only,
        /// for the reasons in [`rt`](crate::rt#statics).
        pub fn new() -> Condvar {
            Condvar { waiters: Waiters::new(), spec: spec::Cond::new("condvar") }
        }
    }

    /// Returns a condition variable for a static; `const` in every build. Under an engine no thread waits for it when an
    /// execution begins.
    #[track_caller]
    pub const fn const_new() -> Condvar {
        Condvar { waiters: Waiters::const_new(), spec: spec::Cond::const_new("condvar") }
    }

    /// Unlocks the mutex, blocks until a later notification wakes this thread, and locks the mutex again.
    #[track_caller]
    pub fn wait<'a, T: ?Sized>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        // The unlock in here is this call's, not the lock's that made the guard.
        let _entry = entry::enter();
        let mutex = guard.mutex;
        if self.spec.is_specified() {
            let arrival = self.spec.arrive(0).expect("a Condvar does not look at the lock");
            drop(guard);
            self.spec.complete(arrival, Until::default());
            return mutex.lock();
        }
        let parker = Parker::for_wait(Why::Condition);
        self.waiters.push(parker.unparker());
        drop(guard);
        parker.park();
        mutex.lock()
    }

    /// Waits as [`wait`](Self::wait) does, as long as `condition` holds.
    #[track_caller]
    pub fn wait_while<'a, T: ?Sized>(
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
    pub fn wait_timeout<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        duration: Duration,
    ) -> (MutexGuard<'a, T>, WaitTimeoutResult) {
        self.wait_deadline(guard, time::now().checked_add(duration))
    }

    /// Waits as [`wait_timeout`](Self::wait_timeout) does, as long as `condition` holds. The result says whether it still
    /// holds.
    #[track_caller]
    pub fn wait_timeout_while<'a, T: ?Sized>(
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
    fn wait_deadline<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Option<Instant>,
    ) -> (MutexGuard<'a, T>, WaitTimeoutResult) {
        // The unlock in here is this call's, not the lock's that made the guard.
        let _entry = entry::enter();
        let mutex = guard.mutex;
        if self.spec.is_specified() {
            let arrival = self.spec.arrive(0).expect("a Condvar does not look at the lock");
            drop(guard);
            let signalled = self.spec.complete(arrival, deadline.into());
            return (mutex.lock(), WaitTimeoutResult(!signalled));
        }
        let parker = Parker::for_wait(Why::Condition);
        let number = self.waiters.push(parker.unparker());
        drop(guard);
        // A notification that has taken this thread out of the list was spent on it, so the wait has not timed out.
        let timed_out = !parker.park_deadline(deadline) && self.waiters.remove(number);
        (mutex.lock(), WaitTimeoutResult(timed_out))
    }

    /// Wakes the thread that has waited longest, if any thread waits.
    #[track_caller]
    pub fn notify_one(&self) {
        if self.spec.is_specified() {
            self.spec.signal();
            return;
        }
        if let Some(waiter) = self.waiters.pop() {
            waiter.unpark();
        }
    }

    /// Wakes all threads that wait, and none that begins to wait later.
    #[track_caller]
    pub fn notify_all(&self) {
        if self.spec.is_specified() {
            return self.spec.broadcast();
        }
        for waiter in self.waiters.take_all() {
            waiter.unpark();
        }
    }
}

impl Default for Condvar {
    fn default() -> Self {
        Condvar::new()
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condvar").finish_non_exhaustive()
    }
}
