//! A value behind a [`RawRwMutex`].

use super::RawRwMutex;
use super::wrapper::lock_wrapper;
use crate::rt::entry::enter;
use crate::rt::until::Until;
use core::fmt;
use std::time::Duration;

/// Gives shared access to the value of a [`RwMutex`]; dropping it ends the read.
pub type RwMutexReadGuard<'a, T> = lock_api::RwLockReadGuard<'a, RawRwMutex, T>;
/// Gives exclusive access to the value of a [`RwMutex`]; dropping it unlocks, and `RwMutexWriteGuard::downgrade` makes
/// a reader of the writer.
pub type RwMutexWriteGuard<'a, T> = lock_api::RwLockWriteGuard<'a, RawRwMutex, T>;
/// Gives shared access to the value of a [`RwMutex`], and may be upgraded to exclusive access when the other readers
/// have left.
pub type RwMutexUpgradableReadGuard<'a, T> = lock_api::RwLockUpgradableReadGuard<'a, RawRwMutex, T>;
/// Gives shared access to a part of the value of a [`RwMutex`].
pub type MappedRwMutexReadGuard<'a, T> = lock_api::MappedRwLockReadGuard<'a, RawRwMutex, T>;
/// Gives exclusive access to a part of the value of a [`RwMutex`].
pub type MappedRwMutexWriteGuard<'a, T> = lock_api::MappedRwLockWriteGuard<'a, RawRwMutex, T>;

/// A value that several readers share, or one writer has alone: Go's `RWMutex`, with guards.
///
/// A writer that waits blocks readers that arrive later, so writers do not starve. For that reason a thread that reads
/// must not lock for reading again: with a writer waiting in between, the thread would wait for itself. When a writer
/// leaves, all readers that waited get in before the next writer.
///
/// ```
/// use selvedge::sync::{RwMutex, RwMutexWriteGuard};
/// let names = RwMutex::new(vec!["a"]);
/// let mut writer = names.write();
/// writer.push("b");
/// let reader = RwMutexWriteGuard::downgrade(writer);
/// assert_eq!((reader.len(), names.read().len()), (2, 2));
/// ```
#[repr(transparent)]
pub struct RwMutex<T: ?Sized>(lock_api::RwLock<RawRwMutex, T>);

lock_wrapper!(RwMutex, RwLock, RawRwMutex);

impl<T: ?Sized> RwMutex<T> {
    /// Locks for reading, and blocks while a writer has the lock or waits for it.
    ///
    /// ```
    /// let lock = selvedge::sync::RwMutex::new(1);
    /// let (one, two) = (lock.read(), lock.read());
    /// assert_eq!(*one + *two, 2);
    /// ```
    #[track_caller]
    pub fn read(&self) -> RwMutexReadGuard<'_, T> {
        let _entry = enter();
        self.0.read()
    }

    /// Locks for writing, and blocks while another thread has the lock.
    ///
    /// ```
    /// let lock = selvedge::sync::RwMutex::new(1);
    /// *lock.write() += 1;
    /// assert_eq!(*lock.read(), 2);
    /// ```
    #[track_caller]
    pub fn write(&self) -> RwMutexWriteGuard<'_, T> {
        let _entry = enter();
        self.0.write()
    }

    /// Locks for reading with the right to upgrade, and blocks while [`read`](Self::read) would, or another reader has
    /// that right.
    ///
    /// `RwMutexUpgradableReadGuard::upgrade` waits until the other readers have left, and makes the reader a writer
    /// before any thread that waits for the lock.
    ///
    /// ```
    /// use selvedge::sync::{RwMutex, RwMutexUpgradableReadGuard};
    /// let squares = RwMutex::new(vec![0, 1]);
    /// let reader = squares.upgradable_read();
    /// if reader.len() < 3 {
    ///     RwMutexUpgradableReadGuard::upgrade(reader).push(4);
    /// }
    /// assert_eq!(squares.read().len(), 3);
    /// ```
    #[track_caller]
    pub fn upgradable_read(&self) -> RwMutexUpgradableReadGuard<'_, T> {
        let _entry = enter();
        self.0.upgradable_read()
    }

    /// Locks for reading with the right to upgrade, unless [`upgradable_read`](Self::upgradable_read) would block.
    ///
    /// ```
    /// let lock = selvedge::sync::RwMutex::new(());
    /// let _reader = lock.upgradable_read();
    /// assert!(lock.try_upgradable_read().is_none() && lock.try_read().is_some());
    /// ```
    #[track_caller]
    pub fn try_upgradable_read(&self) -> Option<RwMutexUpgradableReadGuard<'_, T>> {
        let _entry = enter();
        self.0.try_upgradable_read()
    }

    /// Locks for reading, unless a writer has the lock or waits for it.
    ///
    /// ```
    /// let lock = selvedge::sync::RwMutex::new(());
    /// let _writer = lock.write();
    /// assert!(lock.try_read().is_none());
    /// ```
    #[track_caller]
    pub fn try_read(&self) -> Option<RwMutexReadGuard<'_, T>> {
        let _entry = enter();
        self.0.try_read()
    }

    /// Locks for writing, unless another thread has the lock, or the lock is being handed to a writer (which may have
    /// given up meanwhile).
    ///
    /// ```
    /// let lock = selvedge::sync::RwMutex::new(());
    /// let _reader = lock.read();
    /// assert!(lock.try_write().is_none());
    /// ```
    #[track_caller]
    pub fn try_write(&self) -> Option<RwMutexWriteGuard<'_, T>> {
        let _entry = enter();
        self.0.try_write()
    }

    /// Locks for reading, as long as the wait may last.
    #[track_caller]
    pub(crate) fn read_within(&self, until: Until<'_>) -> Option<RwMutexReadGuard<'_, T>> {
        // SAFETY: the raw lock is locked below and not unlocked, but through the guard.
        let taken = unsafe { self.0.raw() }.lock_shared_within(until);
        // SAFETY: this thread has become a reader, and no other guard stands for that.
        taken.then(|| unsafe { self.0.make_read_guard_unchecked() })
    }

    /// Locks for writing, as long as the wait may last.
    #[track_caller]
    pub(crate) fn write_within(&self, until: Until<'_>) -> Option<RwMutexWriteGuard<'_, T>> {
        // SAFETY: the raw lock is locked below and not unlocked, but through the guard.
        let taken = unsafe { self.0.raw() }.lock_exclusive_within(until);
        // SAFETY: this thread has become the writer, and no other guard of the lock exists.
        taken.then(|| unsafe { self.0.make_write_guard_unchecked() })
    }

    /// Locks for reading as [`read`](Self::read) does, and blocks for at most `timeout`.
    ///
    /// ```
    /// use std::time::Duration;
    /// let lock = selvedge::sync::RwMutex::new(());
    /// let _writer = lock.write();
    /// assert!(lock.read_timeout(Duration::from_millis(1)).is_none());
    /// ```
    #[track_caller]
    pub fn read_timeout(&self, timeout: Duration) -> Option<RwMutexReadGuard<'_, T>> {
        let _entry = enter();
        self.0.try_read_for(timeout)
    }

    /// Locks for writing as [`write`](Self::write) does, and blocks for at most `timeout`.
    ///
    /// When a writer gives up, readers that waited behind it go on.
    ///
    /// ```
    /// use std::time::Duration;
    /// let lock = selvedge::sync::RwMutex::new(());
    /// let _reader = lock.read();
    /// assert!(lock.write_timeout(Duration::from_millis(1)).is_none());
    /// assert!(lock.try_read().is_some());
    /// ```
    #[track_caller]
    pub fn write_timeout(&self, timeout: Duration) -> Option<RwMutexWriteGuard<'_, T>> {
        let _entry = enter();
        self.0.try_write_for(timeout)
    }
}
