//! The default build: std's threads. These functions are not re-exports of std's, so that clippy's list of disallowed
//! methods tells code that calls `rt` from code that calls std.

use crate::rt::{bubble, task};
use std::thread::{self, JoinHandle, Scope, Thread};
use std::time::Duration;

/// Starts a thread, as [`std::thread::spawn`] does.
#[inline]
pub fn spawn<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    thread::spawn(f)
}

/// Runs `f`, which may spawn threads that borrow from outside, as [`std::thread::scope`] does.
#[inline]
pub fn scope<'env, F, T>(f: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    thread::scope(f)
}

/// Returns the current thread, as [`std::thread::current`] does.
#[inline]
pub fn current() -> Thread {
    thread::current()
}

/// Lets other threads run, as [`std::thread::yield_now`] does; on a goroutine, other goroutines.
#[inline]
pub fn yield_now() {
    if !task::yield_now() {
        thread::yield_now();
    }
}

/// Blocks until `unpark` is called for this thread, or spuriously, as [`std::thread::park`] does.
#[inline]
pub fn park() {
    thread::park();
}

/// Blocks as [`park`] does, for this long at most, as [`std::thread::park_timeout`] does.
#[inline]
pub fn park_timeout(duration: Duration) {
    thread::park_timeout(duration);
}

/// Sleeps, as [`std::thread::sleep`] does; on a goroutine the goroutine sleeps, and its thread runs others.
#[inline]
pub fn sleep(duration: Duration) {
    if !bubble::sleep(duration) && !task::sleep(duration) {
        thread::sleep(duration);
    }
}

/// Returns whether an engine schedules this thread.
#[inline(always)]
pub(crate) const fn under_engine() -> bool {
    false
}

/// Returns `false`: there is no engine that could wait for the condition.
#[inline(always)]
pub(crate) const fn wait_under_engine(_: &mut impl FnMut() -> bool) -> bool {
    false
}

/// Does nothing: there is no engine to tell that an operation begins anew.
#[inline(always)]
pub(crate) const fn note_retry() {}

/// Calls `natively`: there is no engine to tell that this thread spins.
#[inline(always)]
pub(crate) fn spin_or(natively: impl FnOnce()) {
    natively();
}

/// Does nothing with a panic that was caught for another thread and never asked for: there is no run to tell.
#[inline(always)]
pub(crate) fn lose_panic(_panic: &(dyn core::any::Any + Send)) {}
