//! Threads of the process that do not run goroutines, and could wake one.
//!
//! O1. A thread that counts as parked does nothing before another thread wakes it. It is counted after it has said that it
//! sleeps, and counted out by the thread that wakes it, before that one ends the wait. So there are at least as many threads
//! that sleep, and that no thread has woken, as are counted. A thread that wakes one is an M that is awake, or is outside and not
//! parked.

use crate::core::suspects::Suspects;
use crate::report;
use core::cell::Cell;
use core::sync::atomic::{AtomicIsize, AtomicUsize};
use core::sync::atomic::Ordering::SeqCst;
use std::sync::LazyLock;

/// Threads outside the runtime that are parked, with no deadline. For a moment it may be too small, and negative.
static PARKED: AtomicIsize = AtomicIsize::new(0);

/// Threads of the runtime that are no Ms.
static OWN: AtomicUsize = AtomicUsize::new(0);

/// What may wake goroutines that are all asleep, and how many runs suspect a deadlock.
pub(crate) static SUSPECTS: LazyLock<Suspects> = LazyLock::new(Suspects::new);

/// As long as there is one, a goroutine may be woken by something outside the process.
pub(crate) struct Expects(());

impl Expects {
    pub(crate) fn new() -> Expects {
        SUSPECTS.expect();
        Expects(())
    }
}

impl Drop for Expects {
    fn drop(&mut self) {
        SUSPECTS.end();
        report::deadlock::look_again();
    }
}

std::thread_local! {
    static IS_OWN: Cell<bool> = const { Cell::new(false) };
}

/// Counts the current thread as one of the runtime's, for good.
pub(crate) fn is_own() {
    IS_OWN.set(true);
    OWN.fetch_add(1, SeqCst); // SeqCst: an M that counts the outsiders sees it, or counts the thread.
}

/// Returns whether the current thread is an outsider.
pub(super) fn is_outside() -> bool {
    !IS_OWN.get()
}

/// Counts a thread as parked, or no longer.
pub(super) fn count(parks: bool) {
    // SeqCst: `report::deadlock` counts after it has announced itself as a suspect, and `look_again` looks for suspects
    // after the count: one of the two sees the other, as S1 of `core::suspects` says of expectations.
    if parks {
        PARKED.fetch_add(1, SeqCst);
        report::deadlock::look_again();
    } else {
        PARKED.fetch_sub(1, SeqCst);
    }
}

/// Returns how many threads of the process might wake a goroutine: those that are no Ms of an instance with so many, and are
/// not parked by a primitive without a deadline.
pub(crate) fn outsiders(ms: usize) -> usize {
    // SeqCst: `count` says why.
    let parked = usize::try_from(PARKED.load(SeqCst)).unwrap_or(0);
    let ours = parked + OWN.load(SeqCst) + ms;
    let threads = std::fs::read_dir("/proc/self/task").map_or(usize::MAX, Iterator::count);
    threads.saturating_sub(ours)
}
