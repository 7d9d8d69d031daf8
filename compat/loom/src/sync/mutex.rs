//! A mutual exclusion lock.

use core::fmt;
use selvedge::rt;
pub use selvedge::rt::sync::MutexGuard;
use std::sync::{LockResult, TryLockError, TryLockResult};

/// A mutual exclusion lock, whose results are std's. It is never poisoned: a panic is a failure of the model, or was caught.
///
/// Each operation is one step of the engine.
pub struct Mutex<T: ?Sized>(rt::sync::Mutex<T>);

impl<T> Mutex<T> {
    /// Returns an unlocked mutex.
    #[track_caller]
    pub fn new(value: T) -> Mutex<T> {
        Mutex(rt::sync::Mutex::new(value))
    }

    /// Consumes the mutex, and returns its value.
    ///
    /// # Errors
    /// Never.
    #[track_caller]
    pub fn into_inner(self) -> LockResult<T> {
        Ok(self.0.into_inner())
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Locks, blocking while another thread has the lock.
    ///
    /// # Errors
    /// Never.
    #[track_caller]
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        Ok(self.0.lock())
    }

    /// Locks if no thread has the lock.
    ///
    /// # Errors
    /// `WouldBlock`, if a thread has it.
    #[track_caller]
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        self.0.try_lock().ok_or(TryLockError::WouldBlock)
    }

    /// Returns the value: a mutex that is borrowed exclusively is not locked.
    ///
    /// # Errors
    /// Never.
    #[track_caller]
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        Ok(self.0.get_mut())
    }
}

impl<T: Default> Default for Mutex<T> {
    #[track_caller]
    fn default() -> Mutex<T> {
        Mutex::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    #[track_caller]
    fn from(value: T) -> Mutex<T> {
        Mutex::new(value)
    }
}

impl<T: ?Sized> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
