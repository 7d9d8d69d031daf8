//! A lock for readers together, or one writer.

use super::RawRwMutex;
use crate::rt::entry::enter;
use core::fmt;
use std::time::Duration;

/// The right to read the value of a [`RwMutex`], until it is dropped.
pub type RwMutexReadGuard<'a, T> = lock_api::RwLockReadGuard<'a, RawRwMutex, T>;
/// The right to write it. `RwMutexWriteGuard::downgrade` makes a right to read of it.
pub type RwMutexWriteGuard<'a, T> = lock_api::RwLockWriteGuard<'a, RawRwMutex, T>;
/// The right to read it, and to become its writer when the other readers have left.
pub type RwMutexUpgradableReadGuard<'a, T> = lock_api::RwLockUpgradableReadGuard<'a, RawRwMutex, T>;
/// The right to read a part of it.
pub type MappedRwMutexReadGuard<'a, T> = lock_api::MappedRwLockReadGuard<'a, RawRwMutex, T>;
/// The right to write a part of it.
pub type MappedRwMutexWriteGuard<'a, T> = lock_api::MappedRwLockWriteGuard<'a, RawRwMutex, T>;

/// A value that readers share, and one writer at a time has for itself: Go's `RWMutex`, with guards.
///
/// A writer that waits blocks readers that come later, so writers do not starve; hence a thread that reads
/// must not read again while it does: with a writer in between it would wait for itself. When a writer
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

impl<T> RwMutex<T> {
    constructor! {
        /// An open lock around a value.
        ///
        /// ```
        /// assert_eq!(*selvedge::sync::RwMutex::new(1).read(), 1);
        /// ```
        pub fn new(value: T) -> RwMutex<T> {
            RwMutex(lock_api::RwLock::from_raw(RawRwMutex::new(), value))
        }
    }

    /// The same for a static.
    ///
    /// ```
    /// use selvedge::sync::RwMutex;
    /// static LIMIT: RwMutex<u32> = RwMutex::const_new(1);
    /// assert_eq!(*LIMIT.read(), 1);
    /// ```
    pub const fn const_new(value: T) -> RwMutex<T> {
        RwMutex(lock_api::RwLock::from_raw(RawRwMutex::const_new(), value))
    }

    /// The value.
    ///
    /// ```
    /// assert_eq!(selvedge::sync::RwMutex::new(1).into_inner(), 1);
    /// ```
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

impl<T: ?Sized> RwMutex<T> {
    /// Waits until no writer has the lock or waits for it, and shares it.
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

    /// Waits until nobody has the lock.
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

    /// Waits as [`read`](Self::read) does, and until no other such reader is left. This one may become a writer by
    /// `RwMutexUpgradableReadGuard::upgrade`, before all who wait, when the other readers have left.
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

    /// The same, unless that would wait.
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

    /// Shares the lock, if no writer has it or waits for it.
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

    /// The lock, if nobody has it, and it is not just being handed to a writer (which may have given up meanwhile).
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

    /// As [`read`](Self::read), for at most `timeout`.
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

    /// As [`write`](Self::write), for at most `timeout`. Readers that have waited behind it go on.
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

    /// The value, for its only owner.
    ///
    /// ```
    /// let mut lock = selvedge::sync::RwMutex::new(1);
    /// *lock.get_mut() = 2;
    /// assert_eq!(lock.into_inner(), 2);
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }

    /// The lock as `lock_api` has it.
    ///
    /// ```
    /// let lock = selvedge::sync::RwMutex::new(1);
    /// assert!(!lock.as_lock_api().is_locked());
    /// ```
    pub fn as_lock_api(&self) -> &lock_api::RwLock<RawRwMutex, T> {
        &self.0
    }
}

impl<T: Default> Default for RwMutex<T> {
    fn default() -> Self {
        RwMutex::new(T::default())
    }
}

impl<T> From<T> for RwMutex<T> {
    fn from(value: T) -> Self {
        RwMutex::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwMutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
