//! Threads of the process that do not run goroutines, and what else could wake one: what the system tells of them.

use super::native::Native;
use crate::core::scheduler::Outside;
use core::cell::Cell;
use std::sync::LazyLock;

/// What may wake goroutines that are all asleep, and which runs suspect a deadlock.
pub(super) static OUTSIDE: LazyLock<Outside<Native>> = LazyLock::new(Outside::new);

/// As long as there is one, a goroutine may be woken by something outside the process.
pub(crate) struct Expects(());

impl Expects {
    pub(crate) fn new() -> Expects {
        OUTSIDE.expect();
        Expects(())
    }
}

impl Drop for Expects {
    fn drop(&mut self) {
        OUTSIDE.end_expectation();
    }
}

std::thread_local! {
    static IS_OWN: Cell<bool> = const { Cell::new(false) };
}

/// Counts the current thread as one of the runtime's, for good.
pub(crate) fn is_own() {
    IS_OWN.set(true);
    OUTSIDE.is_own();
}

/// Returns whether the current thread is an outsider.
pub(super) fn is_outside() -> bool {
    !IS_OWN.get()
}

/// Counts a thread as parked, or no longer.
pub(super) fn count(parks: bool) {
    OUTSIDE.count(parks);
}

/// Returns how many threads the process has.
pub(super) fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(usize::MAX, Iterator::count)
}
