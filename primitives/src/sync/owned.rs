//! Guards that keep their locks alive. `lock_api` has them for std's `Arc` only, which no engine watches.
#![allow(clippy::disallowed_types, reason = "lock_api wants std's Arc")]

use super::{Mutex, RawMutex, RawRwMutex, RwMutex};
use crate::rt::entry::enter;
use std::sync::Arc;

/// The right to it, of a guard that keeps the lock alive.
pub type OwnedMutexGuard<T> = lock_api::ArcMutexGuard<RawMutex, T>;
/// The right to read it, of a guard that keeps the lock alive.
pub type OwnedRwMutexReadGuard<T> = lock_api::ArcRwLockReadGuard<RawRwMutex, T>;
/// The right to write it, of a guard that keeps the lock alive.
pub type OwnedRwMutexWriteGuard<T> = lock_api::ArcRwLockWriteGuard<RawRwMutex, T>;

impl<T> Mutex<T> {
    /// As [`lock`](Self::lock), with a guard that keeps the lock alive, and can be sent anywhere.
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
        // SAFETY: `Mutex` is a transparent wrapper of it.
        let lock: Arc<lock_api::Mutex<RawMutex, T>> =
            unsafe { Arc::from_raw(Arc::into_raw(Arc::clone(this)).cast()) };
        lock.lock_arc()
    }
}

impl<T> RwMutex<T> {
    /// As [`read`](Self::read), with a guard that keeps the lock alive, and can be sent anywhere.
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

    /// As [`write`](Self::write), with a guard that keeps the lock alive, and can be sent anywhere.
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
        // SAFETY: `RwMutex` is a transparent wrapper of it.
        unsafe { Arc::from_raw(Arc::into_raw(Arc::clone(this)).cast()) }
    }
}
