//! A value behind a [`RawMutex`].

use super::RawMutex;
use super::wrapper::lock_wrapper;
use crate::rt::entry::enter;
use crate::rt::until::Until;
use core::fmt;
use std::time::{Duration, Instant};

/// Gives access to the value of a [`Mutex`]; dropping it unlocks.
pub type MutexGuard<'a, T> = lock_api::MutexGuard<'a, RawMutex, T>;
/// Gives access to a part of the value of a [`Mutex`]; dropping it unlocks.
pub type MappedMutexGuard<'a, T> = lock_api::MappedMutexGuard<'a, RawMutex, T>;

/// A value that one thread at a time has access to: Go's `Mutex`, with guards.
///
/// Unlocking happens before the next lock. Threads that sleep are woken in the order in which they arrived, and a
/// newcomer may take the lock before a thread that was woken. A thread that has lost for a millisecond is handed the
/// lock, and until then newcomers queue. There is no poisoning: a panic unlocks.
///
/// ```
/// use selvedge::rt::thread;
/// use selvedge::sync::Mutex;
/// let sum = Mutex::new(0);
/// thread::scope(|scope| {
///     for n in 0..4 {
///         let sum = &sum;
///         scope.spawn(move || *sum.lock() += n);
///     }
/// });
/// assert_eq!(sum.into_inner(), 6);
/// ```
#[repr(transparent)]
pub struct Mutex<T: ?Sized>(lock_api::Mutex<RawMutex, T>);

lock_wrapper!(Mutex, Mutex, RawMutex);

impl<T: ?Sized> Mutex<T> {
    /// Locks, and blocks while another thread has the lock.
    ///
    /// ```
    /// let counter = selvedge::sync::Mutex::new(1);
    /// *counter.lock() += 1;
    /// assert_eq!(*counter.lock(), 2);
    /// ```
    #[inline]
    #[track_caller]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        let _entry = enter();
        self.0.lock()
    }

    /// Locks, unless another thread has the lock.
    ///
    /// ```
    /// let lock = selvedge::sync::Mutex::new(());
    /// let held = lock.lock();
    /// assert!(lock.try_lock().is_none());
    /// drop(held);
    /// assert!(lock.try_lock().is_some());
    /// ```
    #[inline]
    #[track_caller]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        let _entry = enter();
        self.0.try_lock()
    }

    /// Locks, as long as the wait may last.
    #[track_caller]
    pub(crate) fn lock_within(&self, until: Until<'_>) -> Option<MutexGuard<'_, T>> {
        // SAFETY: the raw lock is locked below and not unlocked, but through the guard.
        let taken = unsafe { self.0.raw() }.lock_within(until);
        // SAFETY: this thread has taken the lock, and no other guard of it exists.
        taken.then(|| unsafe { self.0.make_guard_unchecked() })
    }

    /// Locks, and blocks for at most `timeout` while another thread has the lock.
    ///
    /// ```
    /// use std::time::Duration;
    /// let lock = selvedge::sync::Mutex::new(());
    /// let _held = lock.lock();
    /// assert!(lock.lock_timeout(Duration::from_millis(1)).is_none());
    /// ```
    #[track_caller]
    pub fn lock_timeout(&self, timeout: Duration) -> Option<MutexGuard<'_, T>> {
        let _entry = enter();
        self.0.try_lock_for(timeout)
    }

    /// Locks, and blocks until `deadline` at the latest while another thread has the lock.
    ///
    /// ```
    /// use std::time::Instant;
    /// let lock = selvedge::sync::Mutex::new(());
    /// assert!(lock.lock_until(Instant::now()).is_some());
    /// ```
    #[track_caller]
    pub fn lock_until(&self, deadline: Instant) -> Option<MutexGuard<'_, T>> {
        let _entry = enter();
        self.0.try_lock_until(deadline)
    }
}
