//! The default build: std's threads. Functions of our own, so that clippy can tell who went past `rt`.

use std::thread::{self, JoinHandle, Scope, Thread};
use std::time::Duration;

/// Starts a thread, as [`std::thread::spawn`].
#[inline]
pub fn spawn<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    thread::spawn(f)
}

/// Runs `f`, which may spawn threads that borrow from outside, as [`std::thread::scope`].
#[inline]
pub fn scope<'env, F, T>(f: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    thread::scope(f)
}

/// The current thread, as [`std::thread::current`].
#[inline]
pub fn current() -> Thread {
    thread::current()
}

/// Lets other threads run, as [`std::thread::yield_now`].
#[inline]
pub fn yield_now() {
    thread::yield_now();
}

/// Sleeps, as [`std::thread::sleep`].
#[inline]
pub fn sleep(duration: Duration) {
    thread::sleep(duration);
}

/// Whether an engine schedules this thread.
#[inline(always)]
pub(crate) const fn under_engine() -> bool {
    false
}

/// Lets an engine wait for a condition; `false` without one.
#[inline(always)]
pub(crate) const fn wait_under_engine(_: &mut impl FnMut() -> bool) -> bool {
    false
}

/// Lets an engine know that this thread spins; `false` without one.
#[inline(always)]
pub(crate) const fn spin_under_engine() -> bool {
    false
}

/// Tells the run of a panic that was caught for somebody else and is never asked for. There is no run.
#[inline(always)]
pub(crate) fn lose_panic(_panic: &(dyn core::any::Any + Send)) {}
