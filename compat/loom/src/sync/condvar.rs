//! A condition variable.

use super::MutexGuard;
use core::time::Duration;
use selvedge::rt;
use std::sync::LockResult;

/// Lets threads wait for a condition under a [`Mutex`](super::Mutex). It wakes threads in the order in which they began to
/// wait, never spuriously.
#[derive(Debug, Default)]
pub struct Condvar(rt::sync::Condvar);

/// Whether a timed wait ended by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// Returns whether the time was over. It never is.
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

impl Condvar {
    /// Returns a condition variable for which no thread waits.
    #[track_caller]
    pub fn new() -> Condvar {
        Condvar::default()
    }

    /// Unlocks the mutex, blocks until a later notification wakes this thread, and locks the mutex again.
    ///
    /// # Errors
    /// Never.
    #[track_caller]
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        Ok(self.0.wait(guard))
    }

    /// Waits as [`wait`](Self::wait) does. The time is never over, as in loom.
    ///
    /// # Errors
    /// Never.
    #[track_caller]
    pub fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        _duration: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        Ok((self.0.wait(guard), WaitTimeoutResult(false)))
    }

    /// Wakes the thread that has waited longest, if any thread waits.
    #[track_caller]
    pub fn notify_one(&self) {
        self.0.notify_one();
    }

    /// Wakes all threads that wait.
    #[track_caller]
    pub fn notify_all(&self) {
        self.0.notify_all();
    }
}
