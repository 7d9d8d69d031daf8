//! Guards that keep their locks alive. `lock_api` has them for std's `Arc` only, whose count no engine watches.
//!
//! - **S1.** `Mutex<T>` and `RwMutex<T>` are `repr(transparent)` over their `lock_api` lock, so an `Arc` of one is an
//!   `Arc` of the other: the pointer, the layout of the allocation and the destructor are equal.
#![allow(clippy::disallowed_types, reason = "lock_api wants std's Arc")]

use super::{Mutex, RawMutex, RawRwMutex, RwMutex};
use crate::rt::entry::enter;
use std::sync::Arc;

/// Gives access to the value of a [`Mutex`], and keeps the lock alive.
pub type OwnedMutexGuard<T> = lock_api::ArcMutexGuard<RawMutex, T>;
/// Gives shared access to the value of a [`RwMutex`], and keeps the lock alive.
pub type OwnedRwMutexReadGuard<T> = lock_api::ArcRwLockReadGuard<RawRwMutex, T>;
/// Gives exclusive access to the value of a [`RwMutex`], and keeps the lock alive.
pub type OwnedRwMutexWriteGuard<T> = lock_api::ArcRwLockWriteGuard<RawRwMutex, T>;

impl<T> Mutex<T> {
    /// Locks as [`lock`](Self::lock) does; the guard keeps the lock alive and borrows nothing.
    ///
    /// ```
    /// use selvedge::sync::Mutex;
    /// let lock = std::sync::Arc::new(Mutex::new(1));
    /// let mut held = Mutex::lock_owned(&lock);
    /// drop(lock);
    /// *held += 1;
    /// assert_eq!(*held, 2);
    /// ```
    #[track_caller]
    pub fn lock_owned(this: &Arc<Self>) -> OwnedMutexGuard<T> {
        let _entry = enter();
        // SAFETY: S1; the pointer comes from `into_raw` of a clone, whose count the new `Arc` takes over.
        let lock: Arc<lock_api::Mutex<RawMutex, T>> =
            unsafe { Arc::from_raw(Arc::into_raw(Arc::clone(this)).cast()) };
        lock.lock_arc()
    }
}

impl<T> RwMutex<T> {
    /// Locks for reading as [`read`](Self::read) does; the guard keeps the lock alive and borrows nothing.
    ///
    /// ```
    /// use selvedge::sync::RwMutex;
    /// let lock = std::sync::Arc::new(RwMutex::new(1));
    /// let reader = RwMutex::read_owned(&lock);
    /// drop(lock);
    /// assert_eq!(*reader, 1);
    /// ```
    #[track_caller]
    pub fn read_owned(this: &Arc<Self>) -> OwnedRwMutexReadGuard<T> {
        let _entry = enter();
        Self::as_shared_lock_api(this).read_arc()
    }

    /// Locks for writing as [`write`](Self::write) does; the guard keeps the lock alive and borrows nothing.
    ///
    /// ```
    /// use selvedge::sync::RwMutex;
    /// let lock = std::sync::Arc::new(RwMutex::new(1));
    /// *RwMutex::write_owned(&lock) += 1;
    /// assert_eq!(*lock.read(), 2);
    /// ```
    #[track_caller]
    pub fn write_owned(this: &Arc<Self>) -> OwnedRwMutexWriteGuard<T> {
        let _entry = enter();
        Self::as_shared_lock_api(this).write_arc()
    }

    fn as_shared_lock_api(this: &Arc<Self>) -> Arc<lock_api::RwLock<RawRwMutex, T>> {
        // SAFETY: S1; the pointer comes from `into_raw` of a clone, whose count the new `Arc` takes over.
        unsafe { Arc::from_raw(Arc::into_raw(Arc::clone(this)).cast()) }
    }
}

impl<T> Mutex<T> {
    /// Waits for the lock, and returns a guard that keeps it alive: [`lock_owned`](Self::lock_owned) by parking_lot's name.
    ///
    /// ```
    /// let lock = std::sync::Arc::new(selvedge::sync::Mutex::new(1));
    /// *lock.lock_arc() += 1;
    /// assert_eq!(*lock.lock(), 2);
    /// ```
    #[track_caller]
    pub fn lock_arc(self: &Arc<Self>) -> OwnedMutexGuard<T> {
        Mutex::lock_owned(self)
    }
}

impl<T> RwMutex<T> {
    /// Waits to read, and returns a guard that keeps the lock alive: [`read_owned`](Self::read_owned) by parking_lot's name.
    ///
    /// ```
    /// let lock = std::sync::Arc::new(selvedge::sync::RwMutex::new(1));
    /// assert_eq!(*lock.read_arc(), 1);
    /// ```
    #[track_caller]
    pub fn read_arc(self: &Arc<Self>) -> OwnedRwMutexReadGuard<T> {
        RwMutex::read_owned(self)
    }

    /// Waits to write, and returns a guard that keeps the lock alive: [`write_owned`](Self::write_owned) by parking_lot's
    /// name.
    ///
    /// ```
    /// let lock = std::sync::Arc::new(selvedge::sync::RwMutex::new(1));
    /// *lock.write_arc() += 1;
    /// assert_eq!(*lock.read(), 2);
    /// ```
    #[track_caller]
    pub fn write_arc(self: &Arc<Self>) -> OwnedRwMutexWriteGuard<T> {
        RwMutex::write_owned(self)
    }
}
