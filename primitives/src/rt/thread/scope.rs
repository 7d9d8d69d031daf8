//! Threads that may borrow from their scope.

use super::checked::{Builder, Thread};
use super::raw::{self, Packet, Raw, Settings};
use crate::rt::seam::Site;
use core::fmt;
use core::marker::PhantomData;
use core::panic::Location;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, PoisonError};

/// A scope that threads are spawned in; see [`scope`].
pub struct Scope<'scope, 'env: 'scope> {
    threads: Mutex<Vec<Raw>>,
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

/// Permission to wait for a scoped thread and take its result.
pub struct ScopedJoinHandle<'scope, T> {
    raw: Raw,
    packet: Packet<T>,
    thread: Thread,
    scope: PhantomData<&'scope T>,
}

/// Runs `f`, which may spawn threads that borrow from outside, and returns once all of them have ended.
///
/// # Panics
/// If `f` panics, or a thread panics whose handle was not joined.
#[track_caller]
pub fn scope<'env, F, T>(f: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    let site = Location::caller();
    let scope = Scope { threads: Mutex::default(), scope: PhantomData, env: PhantomData };
    // A panic of `f` is caught, so that this thread waits for the others, which may borrow from its frames, outside any
    // unwinding. After a failure under an engine nothing of the execution runs again (E2 of `seam`).
    let result = catch_unwind(AssertUnwindSafe(|| f(&scope)));
    let mut panicked = false;
    let mut wait_for_all = || {
        loop {
            let next = scope.threads.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some(raw) = next else { break };
            raw.wait(site);
            panicked |= raw.see_panic();
        }
    };
    if result.is_err() {
        raw::between_panics(wait_for_all);
    } else {
        wait_for_all();
    }
    match result {
        Err(panic) => resume_unwind(panic),
        Ok(_) if panicked => panic!("a scoped thread panicked"),
        Ok(value) => value,
    }
}

impl<'scope> Scope<'scope, '_> {
    /// Starts a thread in the scope.
    ///
    /// # Panics
    /// If the operating system cannot make a thread.
    #[track_caller]
    pub fn spawn<F, T>(&'scope self, f: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        self.spawn_with(Settings::default(), Location::caller(), f).expect("failed to spawn a thread")
    }

    /// Starts a thread with these settings.
    fn spawn_with<F, T>(
        &'scope self,
        settings: Settings,
        site: Site,
        f: F,
    ) -> io::Result<ScopedJoinHandle<'scope, T>>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let name = settings.name.clone();
        // SAFETY: `scope` waits for the closure of every thread in `threads` before it returns or unwinds, so this closure
        // returns within `'scope`, for which `F` and `T` are valid.
        let (raw, packet) = unsafe { raw::spawn(settings, site, f)? };
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(raw.clone());
        let thread = Thread::of(&raw, name);
        Ok(ScopedJoinHandle { raw, packet, thread, scope: PhantomData })
    }
}

impl Builder {
    /// Starts a thread in a scope.
    ///
    /// # Errors
    /// If the operating system cannot make a thread.
    #[track_caller]
    pub fn spawn_scoped<'scope, F, T>(
        self,
        scope: &'scope Scope<'scope, '_>,
        f: F,
    ) -> io::Result<ScopedJoinHandle<'scope, T>>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        scope.spawn_with(self.0, Location::caller(), f)
    }
}

impl<T> ScopedJoinHandle<'_, T> {
    pub(super) fn raw(&self) -> &Raw {
        &self.raw
    }

    /// Blocks until the thread has ended, which happens before this returns, and returns its result.
    ///
    /// # Errors
    /// The thread's panic.
    #[track_caller]
    pub fn join(self) -> std::thread::Result<T> {
        self.raw.join(Location::caller());
        self.raw.take(&self.packet)
    }

    /// Returns the thread.
    pub fn thread(&self) -> &Thread {
        &self.thread
    }

    /// Returns whether the thread has ended.
    pub fn is_finished(&self) -> bool {
        self.raw.is_finished()
    }
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for ScopedJoinHandle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedJoinHandle").field("thread", &self.thread).finish_non_exhaustive()
    }
}
