//! A lock with one writer or many readers.

use core::fmt;
use selvedge::rt;
pub use selvedge::rt::sync::{RwLockReadGuard, RwLockWriteGuard};
use std::sync::{LockResult, TryLockError, TryLockResult};

/// A lock with one writer or many readers, whose results are std's. It is never poisoned: a panic is a failure of the model,
/// or was caught. It prefers neither readers nor writers.
pub struct RwLock<T: ?Sized>(rt::sync::RwLock<T>);

impl<T> RwLock<T> {
    /// Returns an unlocked lock.
    #[track_caller]
    pub fn new(value: T) -> RwLock<T> {
        RwLock(rt::sync::RwLock::new(value))
    }

    /// Consumes the lock, and returns its value.
    ///
    /// # Errors
    /// Never.
    #[track_caller]
    pub fn into_inner(self) -> LockResult<T> {
        Ok(self.0.into_inner())
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Locks for reading, blocking while a thread writes.
    ///
    /// # Errors
    /// Never.
    #[track_caller]
    pub fn read(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        Ok(self.0.read())
    }

    /// Locks for reading, if no thread writes.
    ///
    /// # Errors
    /// `WouldBlock`, if a thread writes.
    #[track_caller]
    pub fn try_read(&self) -> TryLockResult<RwLockReadGuard<'_, T>> {
        self.0.try_read().ok_or(TryLockError::WouldBlock)
    }

    /// Locks for writing, blocking while another thread reads or writes.
    ///
    /// # Errors
    /// Never.
    #[track_caller]
    pub fn write(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        Ok(self.0.write())
    }

    /// Locks for writing, if no thread reads or writes.
    ///
    /// # Errors
    /// `WouldBlock`, if a thread reads or writes.
    #[track_caller]
    pub fn try_write(&self) -> TryLockResult<RwLockWriteGuard<'_, T>> {
        self.0.try_write().ok_or(TryLockError::WouldBlock)
    }

    /// Returns the value: a lock that is borrowed exclusively is not locked.
    ///
    /// # Errors
    /// Never.
    #[track_caller]
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        Ok(self.0.get_mut())
    }
}

impl<T: Default> Default for RwLock<T> {
    #[track_caller]
    fn default() -> RwLock<T> {
        RwLock::new(T::default())
    }
}

impl<T> From<T> for RwLock<T> {
    #[track_caller]
    fn from(value: T) -> RwLock<T> {
        RwLock::new(value)
    }
}

impl<T: ?Sized> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
