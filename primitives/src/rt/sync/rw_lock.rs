//! A lock with one writer or many readers, for models, with std's names.
//!
//! R1. The word is [`WRITER`] while one thread owns the value alone, and else the number of threads that share it. A
//! thread becomes an owner by the CAS in `count_reader` or `own`, and is one until `unshare` or `disown`.

use super::atomic::AtomicUsize;
use super::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::rt::cell::UnsafeCell;
use crate::rt::entry::Origin;
use crate::rt::park::Gate;
use crate::rt::task::Why;
use crate::spec;
use core::fmt;
use core::ops::{Deref, DerefMut};

const WRITER: usize = usize::MAX;

/// A lock with one writer or many readers and without poisoning, for models and tests. It prefers no side. The library's
/// own is [`sync::RwMutex`](crate::sync::RwMutex).
///
/// ```
/// let lock = selvedge::rt::sync::RwLock::new(1);
/// *lock.write() += 1;
/// assert_eq!((*lock.read(), *lock.read()), (2, 2));
/// ```
pub struct RwLock<T: ?Sized> {
    word: AtomicUsize,
    gate: Gate,
    spec: spec::RwLock,
    value: UnsafeCell<T>,
}

// SAFETY: a lock owns its value, so sending it sends the value, which is `Send`.
unsafe impl<T: ?Sized + Send> Send for RwLock<T> {}
// SAFETY: R1: a writer has the value alone, which sends it from thread to thread; readers share it.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T> {}

/// Shared access to the value of an [`RwLock`]; ends when dropped.
pub struct RwLockReadGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    value: *const T,
    /// Where the guard was made: reports of the unlock name this line.
    origin: Origin,
}

/// Exclusive access to the value of an [`RwLock`]; ends when dropped.
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    value: *mut T,
    /// Where the guard was made: reports of the unlock name this line.
    origin: Origin,
}

// SAFETY: a shared guard gives shared access to the value, which is `Sync`.
unsafe impl<T: ?Sized + Sync> Sync for RwLockReadGuard<'_, T> {}
// SAFETY: a shared guard gives shared access to the value, which is `Sync`.
unsafe impl<T: ?Sized + Sync> Sync for RwLockWriteGuard<'_, T> {}

impl<T> RwLock<T> {
    constructor! {
        /// Returns an unlocked lock. This function is `const` in the default build only, for the reasons in
        /// [`rt`](crate::rt#statics).
        pub fn new(value: T) -> RwLock<T> {
            RwLock {
                word: AtomicUsize::new(0),
                gate: Gate::new(),
                spec: spec::RwLock::new(),
                value: UnsafeCell::new(value),
            }
        }
    }

    /// Returns an unlocked lock for a static; `const` in every build. Under an engine it is unlocked when an execution
    /// begins, and the value is what the execution before has left: a model sets it before it reads it, or has a
    /// [`LazyLock`](super::LazyLock) of a lock, which makes a value of its own for each execution.
    #[track_caller]
    pub const fn const_new(value: T) -> RwLock<T> {
        RwLock {
            word: AtomicUsize::const_new(0),
            gate: Gate::new(),
            spec: spec::RwLock::const_new(),
            value: UnsafeCell::const_new(value),
        }
    }

    /// Consumes the lock and returns its value.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Locks for reading, blocking while a thread writes.
    #[must_use = "the lock is released at once if the guard is dropped"]
    #[track_caller]
    pub fn read(&self) -> RwLockReadGuard<'_, T> {
        match self.spec.is_specified() {
            true => self.spec.read(),
            false => self.gate.until(Why::RwLock, || self.share()),
        }
        self.reader()
    }

    /// Locks for reading, if no thread writes.
    #[track_caller]
    pub fn try_read(&self) -> Option<RwLockReadGuard<'_, T>> {
        let shared = match self.spec.is_specified() {
            true => self.spec.try_read(),
            false => self.share(),
        };
        shared.then(|| self.reader())
    }

    /// Locks for writing, blocking while another thread reads or writes.
    #[must_use = "the lock is released at once if the guard is dropped"]
    #[track_caller]
    pub fn write(&self) -> RwLockWriteGuard<'_, T> {
        match self.spec.is_specified() {
            true => self.spec.write(),
            false => self.gate.until(Why::RwLock, || self.own()),
        }
        self.writer()
    }

    /// Locks for writing, if no thread reads or writes.
    #[track_caller]
    pub fn try_write(&self) -> Option<RwLockWriteGuard<'_, T>> {
        let owned = match self.spec.is_specified() {
            true => self.spec.try_write(),
            false => self.own(),
        };
        owned.then(|| self.writer())
    }

    #[track_caller]
    fn reader(&self) -> RwLockReadGuard<'_, T> {
        RwLockReadGuard { lock: self, value: self.value.with(|value| value), origin: Origin::here() }
    }

    #[track_caller]
    fn writer(&self) -> RwLockWriteGuard<'_, T> {
        RwLockWriteGuard { lock: self, value: self.value.with_mut(|value| value), origin: Origin::here() }
    }

    /// Becomes a reader, if no thread writes.
    fn share(&self) -> bool {
        let mut readers = self.word.load(Relaxed); // Relaxed: the CAS below checks the value.
        while readers < WRITER - 1 {
            match self.count_reader(readers) {
                Ok(_) => return true,
                Err(found) => readers = found,
            }
        }
        false
    }

    fn count_reader(&self, readers: usize) -> Result<usize, usize> {
        // Acquire: synchronizes with the Release in `disown`: what the last writer did happens before what this reader
        // does. With Relaxed the two would race (mutant). Relaxed on failure: the caller only looks again.
        self.word.compare_exchange(readers, readers + 1, Acquire, Relaxed) // site: share
    }

    /// Becomes the writer, if no thread reads or writes.
    fn own(&self) -> bool {
        // Acquire: synchronizes with the Release in `disown` and, by the release sequence of the readers' decrements, with
        // those in `unshare`: what former owners did happens before what this writer does. With Relaxed they would race
        // (mutant). Relaxed on failure: the caller only looks again.
        self.word.compare_exchange(0, WRITER, Acquire, Relaxed).is_ok() // site: own
    }

    /// Ends a reader.
    fn unshare(&self) {
        // Touches the value, so that an engine which looks for races sees the last use while the lock is held.
        self.value.with(|_| ());
        if self.spec.is_specified() {
            return self.spec.end_read();
        }
        // Release: publishes the end of this reader's use to the Acquire CAS in `own`; with Relaxed the next writer would
        // race with it (mutant).
        let readers = self.word.fetch_sub(1, Release); // site: unshare
        if readers == 1 {
            self.gate.open();
        }
    }

    /// Ends the writer.
    fn disown(&self) {
        // Touches the value, so that an engine which looks for races sees the last use while the lock is held.
        self.value.with_mut(|_| ());
        if self.spec.is_specified() {
            return self.spec.end_write();
        }
        // Release: publishes what this writer did to the Acquire CAS in `count_reader` and `own`; with Relaxed the next owner would
        // race with it (mutant). A store would be enough, but loom may order a store before a read-modify-write that it
        // cannot precede (tokio-rs/loom issue 254).
        self.word.swap(0, Release); // site: disown
        self.gate.open();
    }

    /// Returns the value: a lock that is borrowed exclusively is not locked.
    #[track_caller]
    pub fn get_mut(&mut self) -> &mut T {
        // SAFETY: the lock is borrowed exclusively as long as the reference lives, so there is no guard.
        self.value.with_mut(|value| unsafe { &mut *value })
    }
}

impl<T: ?Sized> Drop for RwLockReadGuard<'_, T> {
    fn drop(&mut self) {
        let _entry = self.origin.enter();
        self.lock.unshare();
    }
}

impl<T: ?Sized> Drop for RwLockWriteGuard<'_, T> {
    fn drop(&mut self) {
        let _entry = self.origin.enter();
        self.lock.disown();
    }
}

impl<T: ?Sized> Deref for RwLockReadGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: R1: the guard lives, so no thread writes.
        unsafe { &*self.value }
    }
}

impl<T: ?Sized> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: R1: the guard lives, so this thread owns the value, and a shared borrow of the guard keeps it unchanged.
        unsafe { &*self.value }
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: R1: the guard lives, so this thread owns the value, and the guard is borrowed exclusively.
        unsafe { &mut *self.value }
    }
}

impl<T: Default> Default for RwLock<T> {
    #[track_caller]
    fn default() -> Self {
        RwLock::new(T::default())
    }
}

impl<T> From<T> for RwLock<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        RwLock::new(value)
    }
}

impl<T: ?Sized> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RwLock").finish_non_exhaustive()
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
