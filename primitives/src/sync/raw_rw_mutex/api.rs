//! `lock_api`'s traits for the lock.
//!
//! - **S1.** The caller of an `unlock…`, `downgrade` or `upgrade` function has the lock in the mode that the function
//!   names: `lock_api` demands it of its callers. So the calling thread is the writer, a counted reader, or the
//!   upgradable reader.

use super::{NOBODY_READS, NOBODY_WRITES, RawRwMutex, State};
use crate::rt::locks;
use crate::rt::sync::atomic::Ordering::Relaxed;
use crate::rt::time::now;
use crate::rt::until::Until;
use std::time::{Duration, Instant};

impl RawRwMutex {
    /// Locks for reading, or returns `false` when the wait may last no longer; for models.
    #[doc(hidden)]
    #[inline]
    #[track_caller]
    pub fn lock_shared_within(&self, until: Until<'_>) -> bool {
        match self.specified_and_wanted() {
            Some(spec) => self.note_result(spec.read_within(until)),
            None => self.read_within(until),
        }
    }

    /// Locks for writing, or returns `false` when the wait may last no longer; for models.
    #[doc(hidden)]
    #[inline]
    #[track_caller]
    pub fn lock_exclusive_within(&self, until: Until<'_>) -> bool {
        match self.specified_and_wanted() {
            Some(spec) => self.note_result(spec.write_within(until)),
            None => self.write_within(until),
        }
    }
}

// SAFETY: I1 of the parent module: while a writer has the lock, no call takes it in either mode; while readers have it,
// no call takes it as a writer.
unsafe impl lock_api::RawRwLock for RawRwMutex {
    #[allow(clippy::declare_interior_mutable_const, reason = "lock_api wants it")]
    const INIT: RawRwMutex = RawRwMutex::const_new();
    type GuardMarker = lock_api::GuardSend;

    #[inline]
    #[track_caller]
    fn lock_shared(&self) {
        self.lock_shared_within(Until::default());
    }

    #[inline]
    #[track_caller]
    fn try_lock_shared(&self) -> bool {
        if let Some(spec) = self.specified_and_wanted() {
            return self.note_result(spec.try_read());
        }
        self.try_read()
    }

    #[inline]
    #[track_caller]
    unsafe fn unlock_shared(&self) {
        if self.spec.is_specified() {
            locks::freed(self);
            return assert!(self.spec.unlock_read(), "{NOBODY_READS}");
        }
        self.release_read();
    }

    #[inline]
    #[track_caller]
    fn lock_exclusive(&self) {
        self.lock_exclusive_within(Until::default());
    }

    #[inline]
    #[track_caller]
    fn try_lock_exclusive(&self) -> bool {
        if let Some(spec) = self.specified_and_wanted() {
            return self.note_result(spec.try_write());
        }
        self.try_write(None)
    }

    #[inline]
    #[track_caller]
    unsafe fn unlock_exclusive(&self) {
        if self.spec.is_specified() {
            locks::freed(self);
            return assert!(self.spec.unlock_write(), "{NOBODY_WRITES}");
        }
        self.release_write();
    }

    fn is_locked(&self) -> bool {
        let (writer, readers) = self.holders();
        writer || readers > 0
    }
}

// SAFETY: I1: each function returns `true` only if this thread took the lock by a CAS or was handed it.
unsafe impl lock_api::RawRwLockTimed for RawRwMutex {
    type Duration = Duration;
    type Instant = Instant;

    #[track_caller]
    fn try_lock_shared_for(&self, timeout: Duration) -> bool {
        self.lock_shared_within(now().checked_add(timeout).into())
    }

    #[track_caller]
    fn try_lock_shared_until(&self, deadline: Instant) -> bool {
        self.lock_shared_within(Some(deadline).into())
    }

    #[track_caller]
    fn try_lock_exclusive_for(&self, timeout: Duration) -> bool {
        self.lock_exclusive_within(now().checked_add(timeout).into())
    }

    #[track_caller]
    fn try_lock_exclusive_until(&self, deadline: Instant) -> bool {
        self.lock_exclusive_within(Some(deadline).into())
    }
}

// SAFETY: I1: the writer counts itself as a reader before it clears `WRITER`, so no other writer gets in between.
unsafe impl lock_api::RawRwLockDowngrade for RawRwMutex {
    unsafe fn downgrade(&self) {
        if self.spec.is_specified() {
            return assert!(self.spec.downgrade(), "{NOBODY_WRITES}");
        }
        self.held.write();
        // Relaxed: no thread acts on the count while `WRITER` is set; `let_in` publishes it with the writer's accesses.
        self.state.fetch_add(State::READER, Relaxed);
        self.let_in();
        self.held.read();
    }
}

// SAFETY: I1: the one thread that has `Upgrades::turn` is counted as a reader, and becomes a writer by one CAS from a
// state in which it is the only reader.
unsafe impl lock_api::RawRwLockUpgrade for RawRwMutex {
    #[track_caller]
    fn lock_upgradable(&self) {
        if let Some(spec) = self.specified_and_wanted() {
            self.note_result(spec.upgradable_until(None));
            return;
        }
        self.upgradable_until(None);
    }

    #[track_caller]
    fn try_lock_upgradable(&self) -> bool {
        if let Some(spec) = self.specified_and_wanted() {
            return self.note_result(spec.try_upgradable());
        }
        self.try_upgradable()
    }

    #[track_caller]
    unsafe fn unlock_upgradable(&self) {
        if self.spec.is_specified() {
            locks::freed(self);
            return assert!(self.spec.unlock_upgradable(), "{NOBODY_READS}");
        }
        // SAFETY: S1: the calling thread is the upgradable reader.
        unsafe { self.release_upgradable() }
    }

    #[track_caller]
    unsafe fn upgrade(&self) {
        if self.spec.is_specified() {
            self.spec.upgrade_until(None);
            return;
        }
        // SAFETY: S1: the calling thread is the upgradable reader.
        unsafe { self.upgrade_until(None) };
    }

    #[track_caller]
    unsafe fn try_upgrade(&self) -> bool {
        if self.spec.is_specified() {
            return self.spec.try_upgrade();
        }
        // SAFETY: S1: the calling thread is the upgradable reader.
        unsafe { self.try_upgrade_now() }
    }
}

// SAFETY: I1: each function returns `true` only if this thread became the upgradable reader, or the writer.
unsafe impl lock_api::RawRwLockUpgradeTimed for RawRwMutex {
    #[track_caller]
    fn try_lock_upgradable_for(&self, timeout: Duration) -> bool {
        if let Some(spec) = self.specified_and_wanted() {
            return self.note_result(spec.upgradable_until(now().checked_add(timeout)));
        }
        self.upgradable_until(now().checked_add(timeout))
    }

    #[track_caller]
    fn try_lock_upgradable_until(&self, deadline: Instant) -> bool {
        if let Some(spec) = self.specified_and_wanted() {
            return self.note_result(spec.upgradable_until(Some(deadline)));
        }
        self.upgradable_until(Some(deadline))
    }

    #[track_caller]
    unsafe fn try_upgrade_for(&self, timeout: Duration) -> bool {
        if self.spec.is_specified() {
            return self.spec.upgrade_until(now().checked_add(timeout));
        }
        // SAFETY: S1: the calling thread is the upgradable reader.
        unsafe { self.upgrade_until(now().checked_add(timeout)) }
    }

    #[track_caller]
    unsafe fn try_upgrade_until(&self, deadline: Instant) -> bool {
        if self.spec.is_specified() {
            return self.spec.upgrade_until(Some(deadline));
        }
        // SAFETY: S1: the calling thread is the upgradable reader.
        unsafe { self.upgrade_until(Some(deadline)) }
    }
}
