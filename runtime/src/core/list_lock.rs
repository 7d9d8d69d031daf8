//! Locks of the scheduler's lists.
//!
//! L1. A goroutine never waits for such a lock: its thread does. A thread that unlocks wakes the next one, and makes it runnable if it is
//! a goroutine; for that it may need the same lock. So code that runs on a goroutine enters the runtime first
//! (`scheduler::Here::enter_runtime`), and then `selvedge::rt` takes it for a thread.

use core::fmt;
use selvedge::rt::task::is_current;
use selvedge::sync::{Mutex, MutexGuard};

/// A lock of one of the scheduler's lists.
pub(super) struct ListLock<T>(Mutex<T>);

impl<T> ListLock<T> {
    /// Returns a lock of a value.
    pub(super) fn new(value: T) -> ListLock<T> {
        ListLock(Mutex::new(value))
    }

    /// Locks.
    pub(super) fn lock(&self) -> MutexGuard<'_, T> {
        debug_assert!(!is_current(), "a goroutine would wait for a lock of the scheduler (L1)");
        self.0.lock()
    }
}

impl<T> fmt::Debug for ListLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("ListLock { .. }")
    }
}
