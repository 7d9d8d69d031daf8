//! A condition variable for models: it wakes threads in the order in which they began to wait, never spuriously.

use super::MutexGuard;
use super::mutex::Waiters;
use crate::rt::park::Parker;
use core::fmt;

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

impl Condvar {
    /// Returns a condition variable for which no thread waits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Unlocks the mutex, blocks until a later notification wakes this thread, and locks the mutex again.
    #[track_caller]
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        let mutex = guard.mutex;
        let parker = Parker::new();
        self.waiters.push(parker.unparker());
        drop(guard);
        parker.park();
        mutex.lock()
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
