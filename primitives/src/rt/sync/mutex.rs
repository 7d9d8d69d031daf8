//! A lock for models.
//!
//! The lock is a flag and a list of the threads that wait.
//!
//! L1. The list stands under a native lock that is never held across an operation which an engine sees. Under an engine
//! no other thread runs while it is held, so it blocks no thread and hides no interleaving. An engine sees neither the
//! native lock nor the order that it gives, so each change of the list begins with a read-modify-write of `pushes`, which
//! the engine sees.
//!
//! L2. The thread that has set the flag owns the value, until it clears the flag: `acquire` returns `true` only if the
//! swap found the flag clear.

use super::atomic::Ordering::{Acquire, Relaxed, Release};
use super::atomic::{AtomicBool, AtomicU64};
use crate::rt::cell::UnsafeCell;
use crate::rt::entry::Origin;
use crate::rt::park::{Parker, Unparker};
use crate::rt::task::Why;
use crate::spec;
use core::fmt;
use core::ops::{Deref, DerefMut};
use std::collections::VecDeque;

/// The threads that wait, in the order in which they began to wait. A thread that does not wait may overtake them.
pub(super) struct Waiters {
    list: std::sync::Mutex<List>,
    /// Shows an engine the order of the changes (L1).
    pushes: AtomicU64,
}

struct List {
    waiters: VecDeque<(u64, Unparker)>,
    next: u64,
}

impl List {
    const EMPTY: List = List { waiters: VecDeque::new(), next: 0 };
}

impl Waiters {
    constructor! {
        pub(super) fn new() -> Waiters {
            Waiters { list: std::sync::Mutex::new(List::EMPTY), pushes: AtomicU64::new(0) }
        }
    }

    pub(super) const fn const_new() -> Waiters {
        Waiters { list: std::sync::Mutex::new(List::EMPTY), pushes: AtomicU64::const_new(0) }
    }

    /// Adds a waiter, and returns its number.
    #[track_caller]
    pub(super) fn push(&self, unparker: Unparker) -> u64 {
        // Release: publishes the unparker to the Acquire in `pop`, as the native lock does (L1). It stands before the
        // change of the list: from here to that change there is no scheduling point.
        let pushed = self.pushes.fetch_add(1, Release);
        let mut list = self.list(pushed);
        let number = list.next;
        list.next += 1;
        list.waiters.push_back((number, unparker));
        number
    }

    /// Takes out the waiter that has waited longest.
    #[track_caller]
    pub(super) fn pop(&self) -> Option<Unparker> {
        // Acquire: synchronizes with the Release in `push` (L1). A read-modify-write, because it reads the latest value.
        let pushed = self.pushes.fetch_or(0, Acquire);
        self.list(pushed).waiters.pop_front().map(|(_, unparker)| unparker)
    }

    /// Takes out all waiters at once, so that a thread which begins to wait meanwhile is none of them.
    #[track_caller]
    pub(super) fn take_all(&self) -> impl Iterator<Item = Unparker> {
        // Acquire: synchronizes with the Release in `push` (L1).
        let pushed = self.pushes.fetch_or(0, Acquire);
        core::mem::take(&mut self.list(pushed).waiters).into_iter().map(|(_, unparker)| unparker)
    }

    /// Takes out a waiter that has stopped waiting, so that no wake-up is spent on it. Returns whether it was there.
    pub(super) fn remove(&self, number: u64) -> bool {
        // Relaxed: publishes nothing; the read-modify-write only gives this change its place among the others (L1).
        let pushed = self.pushes.fetch_or(0, Relaxed);
        let mut list = self.list(pushed);
        let before = list.waiters.len();
        list.waiters.retain(|waiter| waiter.0 != number);
        list.waiters.len() != before
    }

    /// Returns the list, after so many pushes. Under an engine it is empty before the first one: the waiters that an execution
    /// which was given up has left in the list of a static are none of this execution. On real threads the count says nothing
    /// of the list, which another thread may have changed since.
    fn list(&self, pushed: u64) -> std::sync::MutexGuard<'_, List> {
        let mut list = self.list.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if pushed == 0 && is_in_a_model() {
            *list = List::EMPTY;
        }
        list
    }
}

#[cfg(feature = "checking")]
fn is_in_a_model() -> bool {
    matches!(crate::rt::seam::current(), crate::rt::seam::Current::Model(_))
}

#[cfg(not(feature = "checking"))]
fn is_in_a_model() -> bool {
    false
}

/// A mutual exclusion lock without poisoning, for models and tests.
///
/// ```
/// let lock = selvedge::rt::sync::Mutex::new(1);
/// *lock.lock() += 1;
/// assert_eq!(lock.into_inner(), 2);
/// ```
pub struct Mutex<T: ?Sized> {
    locked: AtomicBool,
    waiters: Waiters,
    spec: spec::Mutex,
    value: UnsafeCell<T>,
}

// SAFETY: a mutex owns its value, so sending it sends the value, which is `Send`.
unsafe impl<T: ?Sized + Send> Send for Mutex<T> {}
// SAFETY: L2: one thread at a time has the value, so sharing the mutex only sends the value from thread to thread.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}
// SAFETY: a shared guard gives shared access to the value, which is `Sync`.
unsafe impl<T: ?Sized + Sync> Sync for MutexGuard<'_, T> {}

/// Access to the value of a locked [`Mutex`]; unlocks when dropped.
pub struct MutexGuard<'a, T: ?Sized> {
    pub(super) mutex: &'a Mutex<T>,
    value: *mut T,
    /// Where the guard was made: reports of the unlock name this line.
    origin: Origin,
}

impl<T> Mutex<T> {
    constructor! {
        /// Returns an unlocked mutex. This function is `const` in the default build only, for the reasons in
        /// [`rt`](crate::rt#statics).
        pub fn new(value: T) -> Mutex<T> {
            Mutex {
                locked: AtomicBool::new(false),
                waiters: Waiters::new(),
                spec: spec::Mutex::new("rt mutex"),
                value: UnsafeCell::new(value),
            }
        }
    }

    /// Returns an unlocked mutex for a static; `const` in every build. Under an engine it is unlocked when an execution
    /// begins, and the value is what the execution before has left: a model sets it before it reads it, or has a
    /// [`LazyLock`](super::LazyLock) of a mutex, which makes a value of its own for each execution.
    ///
    /// ```
    /// use selvedge::rt::sync::Mutex;
    /// static NAMES: Mutex<Vec<&str>> = Mutex::const_new(Vec::new());
    /// NAMES.lock().push("warp");
    /// assert_eq!(*NAMES.lock(), ["warp"]);
    /// ```
    #[track_caller]
    pub const fn const_new(value: T) -> Mutex<T> {
        Mutex {
            locked: AtomicBool::const_new(false),
            waiters: Waiters::const_new(),
            spec: spec::Mutex::const_new("rt mutex"),
            value: UnsafeCell::const_new(value),
        }
    }

    /// Consumes the mutex and returns its value.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Locks, blocking while another thread has the lock.
    #[must_use = "the lock is released at once if the guard is dropped"]
    #[track_caller]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        if self.spec.is_specified() {
            self.spec.lock();
            return self.guard();
        }
        while !self.acquire() {
            let parker = Parker::outside(Why::Lock);
            let number = self.waiters.push(parker.unparker());
            // Tries again: from now on a thread that unlocks finds this one in the list. If one has found it before
            // this attempt succeeds, the wake-up is passed on when this thread unlocks.
            if self.acquire() {
                self.waiters.remove(number);
                break;
            }
            parker.park();
        }
        self.guard()
    }

    /// Locks if no thread has the lock.
    #[track_caller]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.acquire().then(|| self.guard())
    }

    #[track_caller]
    fn acquire(&self) -> bool {
        if self.spec.is_specified() {
            return self.spec.try_lock();
        }
        // Acquire: synchronizes with the Release swap in `unlock`: what the last owner did with the value happens before
        // what this thread does. With Relaxed the two would race.
        !self.locked.swap(true, Acquire)
    }

    #[track_caller]
    fn guard(&self) -> MutexGuard<'_, T> {
        MutexGuard { mutex: self, value: self.value.with_mut(|value| value), origin: Origin::here() }
    }

    pub(super) fn unlock(&self) {
        // Touches the value, so that an engine which looks for races sees the last use while the lock is held.
        self.value.with_mut(|_| ());
        if self.spec.is_specified() {
            self.spec.unlock();
            return;
        }
        // Release: publishes this thread's uses of the value to the Acquire swap in `acquire`; with Relaxed the next owner
        // would race with them. A store would be enough, but loom may order a store before a swap that it cannot precede
        // (tokio-rs/loom issue 254).
        self.locked.swap(false, Release); // site: unlock
        if let Some(next) = self.waiters.pop() {
            next.unpark(); // site: wake-next
        }
    }

    /// Returns the value: a mutex that is borrowed exclusively is not locked.
    #[track_caller]
    pub fn get_mut(&mut self) -> &mut T {
        // SAFETY: the mutex is borrowed exclusively as long as the reference lives, so there is no guard.
        self.value.with_mut(|value| unsafe { &mut *value })
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        let _entry = self.origin.enter();
        self.mutex.unlock();
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: L2: the guard lives, so this thread owns the value, and a shared borrow of the guard keeps it unchanged.
        unsafe { &*self.value }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: L2: the guard lives, so this thread owns the value, and the guard is borrowed exclusively.
        unsafe { &mut *self.value }
    }
}

impl<T: Default> Default for Mutex<T> {
    #[track_caller]
    fn default() -> Self {
        Mutex::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        Mutex::new(value)
    }
}

impl<T: ?Sized> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutex").finish_non_exhaustive()
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_comes_late_to_the_list_leaves_it_as_it_is() {
        let (waiters, parker) = (Waiters::new(), Parker::new());
        // It has counted the first push, and another thread is faster with the second.
        let late = waiters.pushes.fetch_add(1, Release);
        waiters.push(parker.unparker());
        drop(waiters.list(late));
        assert!(waiters.pop().is_some());
    }
}
