//! A lock for models.
//!
//! A flag, and a list of who waits. The list stands under a native lock that is never held across an
//! operation that an engine could see, so it decides nothing and blocks nobody.

use super::atomic::Ordering::{Acquire, Relaxed, Release};
use super::atomic::{AtomicBool, AtomicUsize};
use crate::rt::cell::UnsafeCell;
use crate::rt::park::{Parker, Unparker};
use core::fmt;
use core::ops::{Deref, DerefMut};
use std::collections::VecDeque;

/// Who waits, first come, first served; barging is allowed.
#[derive(Default)]
pub(super) struct Waiters {
    list: std::sync::Mutex<List>,
    /// Shows an engine what the list's own lock orders natively: a push happens before the pop.
    pushes: AtomicUsize,
}

#[derive(Default)]
struct List {
    waiters: VecDeque<(u64, Unparker)>,
    next: u64,
}

impl Waiters {
    /// Adds a waiter; its number.
    #[track_caller]
    pub(super) fn push(&self, unparker: Unparker) -> u64 {
        // Release: the waiter is made, for the pop whose Acquire comes after. First, because no engine
        // sees the list: from here to its change there is no scheduling point.
        self.pushes.fetch_add(1, Release);
        let mut list = self.list();
        let number = list.next;
        list.next += 1;
        list.waiters.push_back((number, unparker));
        number
    }

    #[track_caller]
    pub(super) fn pop(&self) -> Option<Unparker> {
        // Acquire: pairs with the Release in `push`; a read-modify-write reads the latest value.
        self.pushes.fetch_or(0, Acquire);
        self.list().waiters.pop_front().map(|(_, unparker)| unparker)
    }

    /// Takes a waiter out that needs no waking, so that no wake-up is spent on it.
    fn remove(&self, number: u64) {
        // Relaxed: nothing is published. But the order in which the list is changed has to be one that an
        // engine knows.
        self.pushes.fetch_or(0, Relaxed);
        self.list().waiters.retain(|waiter| waiter.0 != number);
    }

    fn list(&self) -> std::sync::MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// A mutual exclusion lock without poisoning, for models and tests.
///
/// ```
/// let lock = selvedge::rt::sync::Mutex::new(1);
/// *lock.lock() += 1;
/// assert_eq!(lock.into_inner(), 2);
/// ```
pub struct Mutex<T> {
    locked: AtomicBool,
    waiters: Waiters,
    value: UnsafeCell<T>,
}

// SAFETY: the lock gives the value to one thread at a time.
unsafe impl<T: Send> Send for Mutex<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Mutex<T> {}

/// Access to the value of a locked [`Mutex`]; unlocks when dropped.
#[must_use = "the lock is released at once if the guard is dropped"]
pub struct MutexGuard<'a, T> {
    pub(super) mutex: &'a Mutex<T>,
    value: *mut T,
}

impl<T> Mutex<T> {
    /// An unlocked mutex.
    #[track_caller]
    pub fn new(value: T) -> Self {
        Mutex { locked: AtomicBool::new(false), waiters: Waiters::default(), value: UnsafeCell::new(value) }
    }

    /// Locks, waiting as long as another thread has the lock.
    #[track_caller]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        while !self.acquire() {
            let parker = Parker::new();
            let number = self.waiters.push(parker.unparker());
            // Again, now that whoever unlocks next will find us in the list. If it has, its wake-up is
            // passed on when we unlock.
            if self.acquire() {
                self.waiters.remove(number);
                break;
            }
            parker.park();
        }
        self.guard()
    }

    /// Locks, if nobody has the lock.
    #[track_caller]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.acquire().then(|| self.guard())
    }

    #[track_caller]
    fn acquire(&self) -> bool {
        // Acquire: pairs with the Release store in `unlock`.
        !self.locked.swap(true, Acquire)
    }

    #[track_caller]
    fn guard(&self) -> MutexGuard<'_, T> {
        MutexGuard { mutex: self, value: self.value.with_mut(|value| value) }
    }

    pub(super) fn unlock(&self) {
        // Touched again, so that a race checker sees the last use inside the lock.
        self.value.with_mut(|_| ());
        // Release: pairs with the Acquire swap in `acquire`. A store would do; but loom is unsure
        // whether one comes before or after a swap that it did not see (tokio-rs/loom issue 254).
        self.locked.swap(false, Release); // site: unlock
        if let Some(next) = self.waiters.pop() {
            next.unpark(); // site: wake-next
        }
    }

    /// Consumes the mutex and returns its value.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        self.mutex.unlock();
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: the lock is held, so nobody else has the value.
        unsafe { &*self.value }
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and the guard is borrowed exclusively.
        unsafe { &mut *self.value }
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Mutex::new(T::default())
    }
}

impl<T> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutex").finish_non_exhaustive()
    }
}

impl<T: fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
