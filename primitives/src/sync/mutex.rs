//! A lock for one at a time.

use super::RawMutex;
use crate::rt::entry::enter;
use core::fmt;
use std::time::{Duration, Instant};

/// The right to the value of a [`Mutex`], until it is dropped.
pub type MutexGuard<'a, T> = lock_api::MutexGuard<'a, RawMutex, T>;
/// The right to a part of it.
pub type MappedMutexGuard<'a, T> = lock_api::MappedMutexGuard<'a, RawMutex, T>;

/// A value that one thread at a time gets to: Go's `Mutex`, with guards.
///
/// Unlocking happens before the next lock. A newcomer may be faster than those who sleep, which are woken in
/// the order in which they came; one that has lost for a millisecond is handed the lock, and newcomers queue
/// until then. There is no poisoning: a panic unlocks.
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

impl<T> Mutex<T> {
    constructor! {
        /// An open lock around a value.
        ///
        /// ```
        /// assert_eq!(*selvedge::sync::Mutex::new(1).lock(), 1);
        /// ```
        pub fn new(value: T) -> Mutex<T> {
            Mutex(lock_api::Mutex::from_raw(RawMutex::new(), value))
        }
    }

    /// The same for a static.
    ///
    /// ```
    /// use selvedge::sync::Mutex;
    /// static NAMES: Mutex<Vec<&str>> = Mutex::const_new(Vec::new());
    /// NAMES.lock().push("a");
    /// assert_eq!(NAMES.lock().len(), 1);
    /// ```
    pub const fn const_new(value: T) -> Mutex<T> {
        Mutex(lock_api::Mutex::from_raw(RawMutex::const_new(), value))
    }

    /// The value.
    ///
    /// ```
    /// assert_eq!(selvedge::sync::Mutex::new(1).into_inner(), 1);
    /// ```
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Waits for the lock.
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

    /// The lock, if nobody has it.
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

    /// Waits for the lock, for at most `timeout`.
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

    /// Waits for the lock, until `deadline` at most.
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

    /// The value, for its only owner.
    ///
    /// ```
    /// let mut lock = selvedge::sync::Mutex::new(1);
    /// *lock.get_mut() = 2;
    /// assert_eq!(lock.into_inner(), 2);
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }

    /// The lock as `lock_api` has it.
    ///
    /// ```
    /// let lock = selvedge::sync::Mutex::new(1);
    /// assert!(!lock.as_lock_api().is_locked());
    /// ```
    pub fn as_lock_api(&self) -> &lock_api::Mutex<RawMutex, T> {
        &self.0
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Mutex::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Self {
        Mutex::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
